//! Any bytes, bare and inside a log file -> records: never a panic; whatever the fast and the strict path both accept,
//! they read the same.
#![no_main]
use libfuzzer_sys::fuzz_target;
use trailpulse::classify::Unusable;
use trailpulse::cloudtrail::record::Record;
use trailpulse::source::parse::{Memory, Sink, fast, strict};

#[derive(Default)]
struct Records(Vec<String>);

impl Sink for Records {
    fn record(&mut self, record: Record<'_>) -> Result<(), Unusable> {
        self.0.push(format!("{record:?}"));
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn stopped(&self) -> bool {
        false
    }
}

fn check(text: &[u8], memory: &mut Memory) {
    let (mut jumped, mut read) = (Records::default(), Records::default());
    if fast(text, memory, &mut jumped).is_ok() && strict(text, &mut read).is_ok() {
        assert_eq!(jumped.0, read.0);
    }
}

fuzz_target!(|bytes: &[u8]| {
    // As it is kept from file to file: each text is met with what the ones before it left.
    let memory = &mut Memory::default();
    let mut check = |text: &[u8]| check(text, memory);
    check(bytes);
    check(&[b"{\"Records\":[", bytes, b"]}"].concat());
    check(&[b"{\"Records\":[{\"eventName\":\"A\",", bytes, b"}]}"].concat());
    // The second record's keys are guessed by the first one's.
    let twice = [b"{\"eventName\":\"A\",", bytes, b"},{\"eventName\":\"A\",", bytes, b"}"].concat();
    check(&[b"{\"Records\":[", &twice[..], b"]}                                "].concat());
});
