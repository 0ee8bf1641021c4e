//! Any bytes -> records: never a panic; whatever the strict path accepts, the careful path reads the same.
#![no_main]
use libfuzzer_sys::fuzz_target;
use trailpulse::classify::Unusable;
use trailpulse::cloudtrail::record::Record;
use trailpulse::source::parse::{Sink, careful, strict};

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

fuzz_target!(|bytes: &[u8]| {
    let (mut fast, mut slow) = (Records::default(), Records::default());
    let sound = strict(bytes, &mut fast).is_ok();
    let findings = careful(bytes, &mut slow);
    if sound {
        assert!(findings.flaws.is_empty(), "{:?}", findings.flaws);
        assert_eq!(fast.0, slow.0);
    }
});
