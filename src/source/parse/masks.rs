//! JSON text -> where its strings and brackets are, 64 bytes to a bit mask. Pure; one pass, a window at a time.
#![expect(clippy::inline_always, reason = "only what is inlined into `fill` is compiled for its processor")]
use multiversion::multiversion;
use multiversion::target::match_target;
use wide::u8x64;

use super::find::{self, BLOCK, Found};

/// Masks in a window: 256 of them stay in the first-level cache together with the 16 kB of text that they stand for.
const WINDOW: usize = 256;

/// What stands where in a block: bit n for byte n.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mask {
    /// Quotes that begin or end a string.
    pub(super) quotes: u64,
    /// Backslashes.
    pub(super) backslashes: u64,
    /// `{` and `[` outside of strings.
    pub(super) opens: u64,
    /// `}` and `]` outside of strings.
    pub(super) closes: u64,
}

/// Memory for masks, reused from text to text.
pub(super) type Window = Box<[Mask; WINDOW]>;

/// An empty window.
pub(super) fn window() -> Window {
    Box::new([Mask::default(); WINDOW])
}

/// The masks of a text. They are asked for in order: those before the last one asked for may be gone.
#[derive(Debug)]
pub(super) struct Masks<'t> {
    text: &'t [u8],
    window: &'t mut [Mask; WINDOW],
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
    /// Whether a byte was a control character.
    controls: bool,
}

impl<'t> Masks<'t> {
    pub(super) fn new(text: &'t [u8], window: &'t mut Window) -> Self {
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

    /// Whether a control character, line breaks included, was met up to the end of the last window.
    pub(super) const fn met_controls(&self) -> bool {
        self.carry.controls
    }

    /// Moves the window on until it holds `block`; gives whether there is such a block.
    #[cold]
    fn advance(&mut self, block: usize) -> bool {
        if block >= self.text.len().div_ceil(BLOCK) {
            return false;
        }
        while block >= self.end {
            self.first = self.end;
            let text = &self.text[self.first * BLOCK..];
            self.end += fill(text, self.window, &mut self.carry);
        }
        true
    }
}

/// Fills the window from the start of `text`, and gives how many blocks there were.
#[multiversion(targets("x86_64+avx2+bmi1+bmi2+lzcnt+popcnt"))]
fn fill(text: &[u8], window: &mut [Mask; WINDOW], carry: &mut Carry) -> usize {
    match_target! {
        "x86_64+avx2" => {
            let mut lowest = find::avx2::highest();
            let filled = fill_by(text, window, carry, |block| find::avx2::find(block, &mut lowest));
            carry.controls |= find::avx2::has_controls(lowest);
            filled
        },
        _ => fill_anywhere(text, window, carry),
    }
}

/// As [`fill`], on every processor.
fn fill_anywhere(text: &[u8], window: &mut [Mask; WINDOW], carry: &mut Carry) -> usize {
    let mut lowest = u8x64::splat(u8::MAX);
    let filled = fill_by(text, window, carry, |block| find::find(block, &mut lowest));
    carry.controls |= lowest.simd_lt(u8x64::splat(b' ')).any();
    filled
}

/// As [`fill`]. Has to be inlined, as all that it calls: only what stands in [`fill`] is compiled for its processor.
#[inline(always)]
fn fill_by(
    text: &[u8],
    window: &mut [Mask; WINDOW],
    carry: &mut Carry,
    mut find: impl FnMut(&[u8; BLOCK]) -> Found,
) -> usize {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut filled = 0;
    for (slot, block) in window.iter_mut().zip(blocks) {
        *slot = mask(find(block), carry);
        filled += 1;
    }
    if filled < WINDOW && !rest.is_empty() {
        window[filled] = mask(find(&padded(rest)), carry);
        filled += 1;
    }
    filled
}

/// The last bytes of a text as a block.
#[inline(always)]
fn padded(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// What was found in a block, and what the block before said -> its mask.
#[inline(always)]
fn mask(found: Found, carry: &mut Carry) -> Mask {
    let Found { quotes, backslashes, opens, closes } = found;
    let quotes = quotes & !escaped(backslashes, &mut carry.escaped);
    let inside = in_string(quotes, &mut carry.in_string);
    Mask { quotes, backslashes, opens: opens & !inside, closes: closes & !inside }
}

/// Which bytes are escaped: those after an odd run of backslashes. `carry` is 1 where the first one is.
#[inline(always)]
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
#[inline(always)]
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
        let mut window = window();
        let mut masks = Masks::new(text, &mut window);
        let mut found = Vec::new();
        for block in 0..text.len().div_ceil(BLOCK) {
            let mask = masks.of(block).expect("a block of the text");
            for bit in (0..BLOCK).take(text.len() - block * BLOCK) {
                let has = |bits: u64| bits >> bit & 1 == 1;
                found.push(match (has(mask.quotes), has(mask.opens), has(mask.closes)) {
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

        #[test]
        fn all_processors_find_the_same(text in prop::collection::vec(any::<u8>(), 0..300), low in any::<bool>()) {
            // Half of them text without control characters.
            let text: Vec<u8> = text.into_iter().map(|byte| if low { byte } else { byte.max(b' ') }).collect();
            let by = |fill: fn(&[u8], &mut [Mask; WINDOW], &mut Carry) -> usize| {
                let (mut window, mut carry) = (window(), Carry::default());
                let filled = fill(&text, &mut window, &mut carry);
                format!("{:?} {carry:?}", &window[..filled])
            };
            prop_assert_eq!(by(fill), by(fill_anywhere));
        }
    }
}
