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
