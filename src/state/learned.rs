//! Detectors and open episodes, each with the names of its API and codes <-> bytes that do not depend on ids. Pure.
use serde::{Deserialize, Serialize};

use super::StateError;
use crate::detect::{ApiDetector, CodeId, Evidence, Which};
use crate::roll_up::RollUp;
use crate::series::{Api, Category};
use crate::time::Minute;

/// zstd's fastest ordinary level: much of a detector is zeros.
const LEVEL: i32 = 1;

/// What is known of one API, or one sum, between two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// What was summed; `None` for an API.
    pub roll_up: Option<RollUp>,
    /// Which one.
    pub api: Api,
    /// The texts of its error codes, sorted: `detector` and `open` number them by their place here.
    pub codes: Vec<String>,
    /// What was learned.
    pub detector: ApiDetector,
    /// Episodes without an end, in order of start.
    pub open: Vec<Open>,
}

/// An episode whose Start was told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Open {
    /// Which series.
    pub which: Which,
    /// First unusual minute.
    pub start: Minute,
    /// End of the minute in which it was noticed.
    pub detected_at: Minute,
    /// Why.
    pub evidence: Evidence,
}

/// As it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Stored<'a> {
    roll_up: Option<u8>,
    #[serde(borrow)]
    api: [&'a str; 4],
    data: bool,
    codes: Vec<String>,
    detector: ApiDetector,
    open: Vec<(Which, i32, i32, Evidence)>,
}

/// All of them as bytes; in order of the names.
pub(super) fn to_bytes(learned: &mut [Learned]) -> Vec<u8> {
    learned.sort_by(|one, other| (one.roll_up, &one.api).cmp(&(other.roll_up, &other.api)));
    let stored: Vec<Stored<'_>> = learned
        .iter()
        .map(|Learned { roll_up, api, codes, detector, open }| Stored {
            roll_up: roll_up
                .and_then(|kind| RollUp::ALL.iter().position(|known| *known == kind))
                .map(|at| at as u8),
            api: [&api.account, &api.region, &api.event_source, &api.event_name],
            data: api.category == Category::Data,
            codes: codes.clone(),
            detector: detector.clone(),
            open: open
                .iter()
                .map(|open| (open.which, open.start.epoch(), open.detected_at.epoch(), open.evidence))
                .collect(),
        })
        .collect();
    let bytes = postcard::to_stdvec(&stored).expect("memory can be written to");
    zstd::bulk::compress(&bytes, LEVEL).expect("memory can be written to")
}

/// The same, from bytes.
///
/// # Errors
/// When they are not what [`to_bytes`] gives.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<Vec<Learned>, StateError> {
    let damaged = |why: String| StateError::Damaged { path: "learned".into(), why };
    let bytes = zstd::stream::decode_all(bytes).map_err(|error| damaged(error.to_string()))?;
    let stored: Vec<Stored<'_>> = postcard::from_bytes(&bytes).map_err(|error| damaged(error.to_string()))?;
    let learned = stored.into_iter().map(|Stored { roll_up, api, data, codes, detector, open }| Learned {
        roll_up: roll_up.and_then(|at| RollUp::ALL.get(usize::from(at)).copied()),
        api: {
            let [account, region, event_source, event_name] = api.map(Into::into);
            let category = if data { Category::Data } else { Category::Management };
            Api { account, region, event_source, event_name, category }
        },
        codes,
        detector,
        open: open
            .into_iter()
            .map(|(which, start, detected_at, evidence)| Open {
                which,
                start: Minute::from_epoch(start),
                detected_at: Minute::from_epoch(detected_at),
                evidence,
            })
            .collect(),
    });
    Ok(learned.collect())
}

/// Numbers codes anew: in `detector` and `open`, by `new`.
pub fn renumber(detector: &mut ApiDetector, open: &mut [Open], new: impl Fn(CodeId) -> CodeId) {
    detector.renumber(&new);
    for open in open {
        if let Which::Errors(code) = &mut open.which {
            *code = new(*code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{ApiMinute, Event};
    use crate::model::Model;

    /// A detector that has seen two weeks of calls, some failed, and then a burst.
    fn learned(name: &str) -> Learned {
        let minute = |number: i32| Minute::from_epoch(29_000_000 + number);
        let model = Model::builtin("default").expect("built in");
        let mut detector = ApiDetector::new(minute(0), minute(0));
        let mut events = Vec::new();
        for number in (0..20_000).step_by(97) {
            let errors = if number % 3 == 0 { &[(7, 1)][..] } else { &[(2, 1)] };
            let calls = if number > 19_900 { 500 } else { 2 };
            let minute = ApiMinute { minute: minute(number), rate_calls: calls, calls, errors };
            detector.advance(&model, &[minute], minute.minute.plus(1), &mut events);
        }
        let open = events.iter().rev().find_map(|event| match event {
            Event::Opened { which, start, detected_at, evidence } => {
                Some(Open { which: *which, start: *start, detected_at: *detected_at, evidence: *evidence })
            }
            Event::Closed { .. } => None,
        });
        let mut open: Vec<Open> = open.into_iter().collect();
        assert!(!open.is_empty());
        renumber(&mut detector, &mut open, |code| u32::from(code == 7));
        let api = Api {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            event_source: "s3.amazonaws.com".into(),
            event_name: name.into(),
            category: Category::Data,
        };
        Learned { roll_up: None, api, codes: vec!["A".to_owned(), "B".to_owned()], detector, open }
    }

    #[test]
    fn what_was_learned_comes_back_to_the_bit_in_order_of_names() {
        let mut all = vec![
            learned("PutObject"),
            Learned { roll_up: Some(RollUp::Principal), ..learned("A") },
            learned("B"),
        ];
        let bytes = to_bytes(&mut all);
        let back = from_bytes(&bytes).expect("what was written");
        assert_eq!(back, all);
        assert_eq!(back.iter().map(|one| &*one.api.event_name).collect::<Vec<_>>(), ["B", "PutObject", "A"]);
        assert_eq!(to_bytes(&mut back.into_iter().rev().collect::<Vec<_>>()), bytes);
        assert!(from_bytes(&bytes[..bytes.len() / 2]).is_err());
        assert!(from_bytes(b"nothing").is_err());
    }
}
