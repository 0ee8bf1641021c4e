//! 64 bytes of JSON text -> where its special bytes are, in registers of one width or another. Pure.
#![expect(clippy::inline_always, reason = "only what is inlined into `fill` is compiled for its processor")]
use wide::u8x64;

/// Bytes that are looked at together.
pub(super) const BLOCK: usize = 64;
/// `[` and `{`, and `]` and `}`, differ in this bit only.
const FOLD: u8 = 0x20;

/// Where the special bytes of a block are, in strings or not: bit n for byte n.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// `{` and `[`.
    pub(super) opens: u64,
    /// `}` and `]`.
    pub(super) closes: u64,
}

/// Finds with what every processor of the target has. `lowest` becomes the lowest bytes of all blocks.
#[inline(always)]
pub(super) fn find(block: &[u8; BLOCK], lowest: &mut u8x64) -> Found {
    let bytes = u8x64::new(*block);
    let at = |bytes: u8x64, byte: u8| bytes.simd_eq(u8x64::splat(byte)).to_bitmask();
    *lowest = lowest.min(bytes);
    let folded = bytes | u8x64::splat(FOLD);
    Found {
        quotes: at(bytes, b'"'),
        backslashes: at(bytes, b'\\'),
        opens: at(folded, b'{'),
        closes: at(folded, b'}'),
    }
}

/// Finds with registers of 32 bytes, which nearly every processor has that was made since 2015.
#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
        _mm256_setr_epi64x,
    };

    use super::{BLOCK, FOLD, Found};

    /// A block.
    pub(in super::super) type Bytes = [__m256i; 2];

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(block: &[u8; BLOCK]) -> Bytes {
        let (words, _) = block.as_chunks::<8>();
        let word = |at: usize| i64::from_le_bytes(words[at]);
        // Which becomes one instruction each.
        [
            _mm256_setr_epi64x(word(0), word(1), word(2), word(3)),
            _mm256_setr_epi64x(word(4), word(5), word(6), word(7)),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn at([low, high]: Bytes, byte: u8) -> u64 {
        let wanted = _mm256_set1_epi8(byte.cast_signed());
        let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)).cast_unsigned();
        let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)).cast_unsigned();
        u64::from(high) << 32 | u64::from(low)
    }

    /// As [`super::find`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn find(block: &[u8; BLOCK], lowest: &mut Bytes) -> Found {
        let bytes = load(block);
        let fold = _mm256_set1_epi8(FOLD.cast_signed());
        let folded = [_mm256_or_si256(bytes[0], fold), _mm256_or_si256(bytes[1], fold)];
        *lowest = [_mm256_min_epu8(lowest[0], bytes[0]), _mm256_min_epu8(lowest[1], bytes[1])];
        Found {
            quotes: at(bytes, b'"'),
            backslashes: at(bytes, b'\\'),
            opens: at(folded, b'{'),
            closes: at(folded, b'}'),
        }
    }

    /// What [`find`] begins with.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn highest() -> Bytes {
        [_mm256_set1_epi8(-1); 2]
    }

    /// Whether any byte is below a blank.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn has_controls([low, high]: Bytes) -> bool {
        let lowest = _mm256_min_epu8(low, high);
        let kept = _mm256_min_epu8(lowest, _mm256_set1_epi8(0x1F));
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(kept, lowest)) != 0
    }
}
