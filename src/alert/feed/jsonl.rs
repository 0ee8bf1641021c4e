//! A notice -> a line an event, as collectors of logs read them. Pure.
use serde::Serialize;
use serde_json::value::RawValue;

use super::text::record;
use crate::alert::notice::{Notice, Purpose};
use crate::alert::outgoing::{Lines, Outgoing};
use crate::config::Jsonl;
use crate::explanation::Explanation;

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    key: String,
    incident: &'a str,
    status: &'static str,
    severity: &'static str,
    text: &'a str,
    test: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<u64>,
    record: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
}

pub(super) fn outgoing(settings: &Jsonl, notice: &Notice) -> Vec<Outgoing> {
    let lines = notice.events.iter().map(|event| {
        let line = Line {
            key: notice.key.to_string(),
            incident: &notice.incident,
            status: notice.status.name(),
            severity: event.severity().name(),
            text: &notice.sentence,
            test: notice.purpose == Purpose::Test,
            held_back: (notice.held_back > 0).then_some(notice.held_back),
            record: record(event),
            explanation: event.explanation.as_ref(),
        };
        serde_json::to_string(&line).expect("texts and numbers can be written as JSON")
    });
    vec![Outgoing::Lines(Lines { path: settings.path.clone(), lines: lines.collect() })]
}
