//! Fingerprints of events by the day with which they are forgotten <-> bytes, one file a day. Pure.
use std::collections::BTreeMap;

use super::StateError;
use crate::aggregate::Fingerprint;
use crate::time::Day;

/// Bytes of one fingerprint.
const BYTES: usize = 16;

/// The files' bytes. `events` are sorted.
pub(super) fn to_bytes(events: &[(Day, Fingerprint)]) -> BTreeMap<Day, Vec<u8>> {
    let mut files = BTreeMap::<Day, Vec<u8>>::new();
    for (day, event) in events {
        files.entry(*day).or_default().extend(event.to_bytes());
    }
    files
}

/// The events of one file.
///
/// # Errors
/// When its length is not that of whole fingerprints.
pub(super) fn from_bytes(
    day: Day,
    bytes: &[u8],
) -> Result<impl Iterator<Item = (Day, Fingerprint)> + use<'_>, StateError> {
    let (events, rest) = bytes.as_chunks::<BYTES>();
    if !rest.is_empty() {
        return Err(StateError::Damaged {
            path: "events".into(),
            why: "ends within a fingerprint".to_owned(),
        });
    }
    Ok(events.iter().map(move |bytes| (day, Fingerprint::from_bytes(*bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Salt;

    #[test]
    fn events_come_back_by_day() {
        let event = |id: &str| Fingerprint::new(Salt::new("1"), id);
        let day = |number| Day::default().plus(number);
        let events = vec![(day(1), event("a")), (day(1), event("b")), (day(3), event("c"))];
        let files = to_bytes(&events);
        assert_eq!(
            files.iter().map(|(day, bytes)| (*day, bytes.len())).collect::<Vec<_>>(),
            [(day(1), 32), (day(3), 16)]
        );
        let back: Vec<_> = files
            .iter()
            .flat_map(|(day, bytes)| from_bytes(*day, bytes).expect("whole").collect::<Vec<_>>())
            .collect();
        assert_eq!(back, events);
        assert!(from_bytes(day(1), &[0; 17]).is_err());
    }
}
