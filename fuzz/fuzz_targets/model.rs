//! Any text -> a model or an error that names what is wrong: never a panic.
#![no_main]
use libfuzzer_sys::fuzz_target;
use trailpulse::model::Model;

fuzz_target!(|text: &str| {
    match Model::load(text, "fuzzed") {
        Ok(model) => assert_eq!(model.name(), "fuzzed"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
