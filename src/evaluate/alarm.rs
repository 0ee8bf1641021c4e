//! `insights.jsonl`, from a file or just made -> alarms.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{EvaluateError, Place};
use crate::cloudtrail::insight::State;
use crate::cloudtrail::published::Published;
use crate::emit::{self, LINES_FILE, SUMMARY_FILE};
use crate::insight::Insight;
use crate::time::Minute;

/// An insight that somebody was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The API.
    pub place: Place,
    /// Which of its series.
    pub kind: Type,
    /// First unusual minute.
    pub start: Minute,
    /// First usual minute after it; the minute after the start where it has not ended.
    pub end: Minute,
    /// End of the minute in which a program watching live would have told it.
    pub detected_at: Minute,
}

/// What an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Calls.
    Rate,
    /// Failed calls.
    Error {
        /// Their error code.
        code: String,
    },
}

/// One line of `insights.jsonl`, as far as it is compared.
#[derive(Deserialize)]
struct Line {
    record: Published,
    explanation: Told,
}

#[derive(Deserialize)]
struct Told {
    #[serde(deserialize_with = "crate::time::text::deserialize")]
    detected_at: Minute,
    /// Muted and rolled-up insights alert nobody.
    muted_by: Option<IgnoredAny>,
    roll_up: Option<IgnoredAny>,
}

/// The alarms of insights in their order: the same as those of the file they are published in.
#[must_use]
pub fn alarms(insights: &[Insight]) -> Vec<Alarm> {
    let lines = emit::lines(&insights.iter().collect::<Vec<_>>());
    read_lines(&lines[..]).expect("what was written can be read")
}

/// The alarms in `insights.jsonl`, or in the file of that name in a folder.
///
/// # Errors
/// When it cannot be read.
pub fn read_alarms(path: &Path) -> Result<Vec<Alarm>, EvaluateError> {
    let path = published(path, LINES_FILE);
    let open = File::open(&path).map_err(|source| EvaluateError::Open { path: path.clone(), source })?;
    read_lines(BufReader::new(open)).map_err(|source| EvaluateError::Content {
        path,
        what: "insights",
        source,
    })
}

/// How many series were judged for the insights at `path`, as the summary beside them says; `None` where there is none.
#[must_use]
pub fn read_series(path: &Path) -> Option<u64> {
    #[derive(Deserialize)]
    struct Summary {
        series: u64,
    }
    let lines = published(path, LINES_FILE);
    let open = File::open(lines.with_file_name(SUMMARY_FILE)).ok()?;
    serde_json::from_reader(BufReader::new(open)).ok().map(|summary: Summary| summary.series)
}

fn published(path: &Path, name: &str) -> PathBuf {
    if path.is_dir() { path.join(name) } else { path.into() }
}

fn read_lines(lines: impl Read) -> Result<Vec<Alarm>, serde_json::Error> {
    let mut open = BTreeMap::new();
    let mut alarms: Vec<Alarm> = Vec::new();
    for line in serde_json::Deserializer::from_reader(lines).into_iter::<Line>() {
        let Line { record, explanation } = line?;
        if explanation.muted_by.is_some() || explanation.roll_up.is_some() {
            continue;
        }
        let details = record.insight_details;
        match details.state {
            State::Start => {
                open.insert(record.shared_event_id, alarms.len());
                alarms.push(Alarm {
                    place: Place {
                        account: record.recipient_account_id,
                        region: record.aws_region,
                        event_source: details.event_source,
                        event_name: details.event_name,
                    },
                    kind: details.error_code.map_or(Type::Rate, |code| Type::Error { code }),
                    start: record.event_time,
                    end: record.event_time.plus(1),
                    detected_at: explanation.detected_at,
                });
            }
            // An insight that began in an earlier night is compared in that one.
            State::End => {
                if let Some(index) = open.remove(&record.shared_event_id) {
                    alarms[index].end = record.event_time;
                }
            }
        }
    }
    Ok(alarms)
}
