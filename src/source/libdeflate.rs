//! A whole gzip member in memory -> its bytes, by libdeflate: a quarter faster than any streaming inflater.
//!
//! The one module with `unsafe` in it. The safe crate above these bindings does not tell how much input was taken, and
//! without that a second member would be lost silently.
#![expect(unsafe_code, reason = "calls into C; each call says why it is sound")]
use std::ptr::NonNull;

use libdeflate_sys::{
    libdeflate_alloc_decompressor, libdeflate_decompressor, libdeflate_free_decompressor,
    libdeflate_gzip_decompress_ex, libdeflate_result_LIBDEFLATE_SUCCESS,
};

/// How much of the input a member took, and of the output it filled, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    /// Of the input, header and trailer included.
    pub(super) taken: usize,
    /// Of the output; its checksum is right.
    pub(super) given: usize,
}

/// Working memory of libdeflate, about 11 kB, reused from member to member.
#[derive(Debug)]
pub(super) struct Inflater(NonNull<libdeflate_decompressor>);

impl Default for Inflater {
    fn default() -> Self {
        // SAFETY: takes no arguments; the result is null or a decompressor that is ours alone.
        let inflater = unsafe { libdeflate_alloc_decompressor() };
        Self(NonNull::new(inflater).expect("there is memory for a decompressor"))
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: the pointer comes from `libdeflate_alloc_decompressor` and is freed only here.
        unsafe { libdeflate_free_decompressor(self.0.as_ptr()) }
    }
}

impl Inflater {
    /// Inflates the member at the start of `input`; `None` where it is not whole and sound, or `output` is too small.
    pub(super) fn member(&mut self, input: &[u8], output: &mut [u8]) -> Option<Member> {
        let mut member = Member { taken: 0, given: 0 };
        // SAFETY: the decompressor is valid and, by `&mut self`, used by nobody else; libdeflate reads and writes only
        // within the given lengths of two slices that cannot overlap; it keeps no pointer after it returns.
        let result = unsafe {
            libdeflate_gzip_decompress_ex(
                self.0.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                output.as_mut_ptr().cast(),
                output.len(),
                &raw mut member.taken,
                &raw mut member.given,
            )
        };
        (result == libdeflate_result_LIBDEFLATE_SUCCESS).then_some(member)
    }
}
