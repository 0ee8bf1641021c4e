//! Any bytes -> inflated bytes: never a panic, never more than the limit.
#![no_main]
use libfuzzer_sys::fuzz_target;
use trailpulse::source::inflate::inflate;

const LIMIT: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut inflated = Vec::new();
    let _ = inflate(&mut &bytes[..], LIMIT, &|| false, &mut inflated);
    assert!(inflated.len() as u64 <= LIMIT);
});
