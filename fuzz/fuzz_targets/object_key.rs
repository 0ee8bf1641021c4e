//! Any text -> what a file's name says: never a panic.
#![no_main]
use libfuzzer_sys::fuzz_target;
use trailpulse::cloudtrail::object_key::ObjectKey;

fuzz_target!(|text: &str| {
    let key = ObjectKey::parse(text);
    assert!(key.account.is_none_or(|account| account.len() == 12));
});
