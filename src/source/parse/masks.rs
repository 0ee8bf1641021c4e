//! JSON text -> where its strings and brackets are, 64 bytes to a bit mask. Pure; one pass, a window at a time.
use wide::u8x64;

/// Bytes to a mask.
pub(super) const BLOCK: usize = 64;
/// Masks in a window: 256 of them stay in the first-level cache together with the 16 kB of text that they stand for.
const WINDOW: usize = 256;

/// What stands where in a block: bit n for byte n.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mask {
    /// Quotes that begin or end a string.
    pub(super) quotes: u64,
    /// What is in a string, its first quote included and its last one not.
    pub(super) inside: u64,
    /// Backslashes.
    pub(super) backslashes: u64,
}

/// Brackets of a block outside of strings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brackets {
    /// `{` and `[`.
    pub(super) opens: u64,
    /// `}` and `]`.
    pub(super) closes: u64,
}

/// The masks of a text. They are asked for in order: those before the last one asked for may be gone.
#[derive(Debug)]
pub(super) struct Masks<'t> {
    text: &'t [u8],
    window: Box<[Mask; WINDOW]>,
    /// Number of the first block in the window.
    first: usize,
    /// Number of the first block after it.
    end: usize,
    carry: Carry,
}

/// What one block says of the next.
#[derive(Debug, Clone, Copy, Default)]
struct Carry {
    /// 1 where its first byte is escaped.
    escaped: u64,
    /// All ones where it begins in a string.
    in_string: u64,
    /// Not zero once a byte was a control character.
    controls: u64,
}

impl<'t> Masks<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        let window = Box::new([Mask::default(); WINDOW]);
        Self { text, window, first: 0, end: 0, carry: Carry::default() }
    }

    /// The mask of a block; `None` after the end of the text.
    #[inline]
    pub(super) fn of(&mut self, block: usize) -> Option<Mask> {
        if block >= self.end && !self.advance(block) {
            return None;
        }
        Some(self.window[(block - self.first) % WINDOW])
    }

    /// The brackets of a block. They are looked for only where they matter: in what is skipped.
    #[inline]
    pub(super) fn brackets(&mut self, block: usize) -> Option<Brackets> {
        let Mask { inside, .. } = self.of(block)?;
        if inside == u64::MAX {
            return Some(Brackets { opens: 0, closes: 0 });
        }
        let bytes = match self.text[block * BLOCK..].first_chunk() {
            Some(bytes) => *bytes,
            None => padded(&self.text[block * BLOCK..]),
        };
        // `[` and `{`, and `]` and `}`, differ in this bit only.
        let folded = u8x64::new(bytes) | u8x64::splat(0x20);
        let all = |byte: u8| folded.simd_eq(u8x64::splat(byte)).to_bitmask() & !inside;
        Some(Brackets { opens: all(b'{'), closes: all(b'}') })
    }

    /// Whether a control character, line breaks included, was met up to the end of the last window.
    pub(super) const fn met_controls(&self) -> bool {
        self.carry.controls != 0
    }

    /// Moves the window on until it holds `block`; gives whether there is such a block.
    #[cold]
    fn advance(&mut self, block: usize) -> bool {
        if block >= self.text.len().div_ceil(BLOCK) {
            return false;
        }
        while block >= self.end {
            self.first = self.end;
            self.end += fill(&self.text[self.first * BLOCK..], &mut self.window, &mut self.carry);
        }
        true
    }
}

/// Fills the window from the start of `text`, and gives how many blocks there were.
fn fill(text: &[u8], window: &mut [Mask; WINDOW], carry: &mut Carry) -> usize {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut filled = 0;
    let mut lowest = u8x64::splat(u8::MAX);
    for (mask, block) in window.iter_mut().zip(blocks) {
        *mask = classify(block, carry, &mut lowest);
        filled += 1;
    }
    if filled < WINDOW && !rest.is_empty() {
        window[filled] = classify(&padded(rest), carry, &mut lowest);
        filled += 1;
    }
    carry.controls |= lowest.simd_lt(u8x64::splat(b' ')).to_bitmask();
    filled
}

#[inline]
fn classify(block: &[u8; BLOCK], carry: &mut Carry, lowest: &mut u8x64) -> Mask {
    let bytes = u8x64::new(*block);
    let all = |byte: u8| u8x64::splat(byte);
    let backslashes = bytes.simd_eq(all(b'\\'));
    let backslashes = if backslashes.any() { backslashes.to_bitmask() } else { 0 };
    let quotes = bytes.simd_eq(all(b'"')).to_bitmask() & !escaped(backslashes, &mut carry.escaped);
    let inside = in_string(quotes, &mut carry.in_string);
    *lowest = lowest.min(bytes);
    Mask { quotes, inside, backslashes }
}

/// The last bytes of a text as a block.
fn padded(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// Which bytes are escaped: those after an odd run of backslashes. `carry` is 1 where the first one is.
#[inline]
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    if backslashes == 0 {
        return std::mem::take(carry);
    }
    let mut escaped = *carry;
    let mut rest = backslashes;
    while rest != 0 {
        let at = rest.trailing_zeros();
        if escaped >> at & 1 == 0 {
            if at == 63 {
                *carry = 1;
                return escaped;
            }
            escaped |= 1 << (at + 1);
        }
        rest &= rest - 1;
    }
    *carry = 0;
    escaped
}

/// Which bytes are in a string, its first quote included and its last one not.
#[inline]
fn in_string(quotes: u64, carry: &mut u64) -> u64 {
    // The parity of the quotes up to each place.
    let mut inside = quotes;
    for shift in [1, 2, 4, 8, 16, 32] {
        inside ^= inside << shift;
    }
    inside ^= *carry;
    *carry = (inside.cast_signed() >> 63).cast_unsigned();
    inside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands at each place, byte by byte: a quote, an opening or closing bracket, or nothing.
    fn naive(text: &[u8]) -> Vec<u8> {
        let (mut in_string, mut escaped) = (false, false);
        let mut found = Vec::new();
        for &byte in text {
            let is_quote = byte == b'"' && !escaped;
            found.push(match byte {
                b'"' if is_quote => b'"',
                b'{' | b'[' if !in_string => b'{',
                b'}' | b']' if !in_string => b'}',
                _ => b' ',
            });
            in_string ^= is_quote;
            escaped = byte == b'\\' && !escaped;
        }
        found
    }

    fn by_masks(text: &[u8]) -> Vec<u8> {
        let mut masks = Masks::new(text);
        let mut found = Vec::new();
        for block in 0..text.len().div_ceil(BLOCK) {
            let mask = masks.of(block).expect("a block of the text");
            let Brackets { opens, closes } = masks.brackets(block).expect("a block of the text");
            for bit in (0..BLOCK).take(text.len() - block * BLOCK) {
                let has = |bits: u64| bits >> bit & 1 == 1;
                found.push(match (has(mask.quotes), has(opens), has(closes)) {
                    (true, false, false) => b'"',
                    (false, true, false) => b'{',
                    (false, false, true) => b'}',
                    (false, false, false) => b' ',
                    other => panic!("{other:?}"),
                });
            }
        }
        assert!(masks.of(text.len().div_ceil(BLOCK)).is_none());
        assert_eq!(masks.met_controls(), text.iter().any(|byte| *byte < b' '));
        found
    }

    proptest! {
        #[test]
        fn masks_find_what_a_loop_finds(unit in r#"[\\\\"\{\}\[\]a \n]{0,90}"#, times in 1..600_usize) {
            let text = unit.repeat(times);
            prop_assert_eq!(by_masks(text.as_bytes()), naive(text.as_bytes()));
        }
    }
}
