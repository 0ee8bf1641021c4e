//! What became of alerts -> lines of the summary's text, one a feed.
use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::words::{count, fitted};

/// What a run has told a feed, in events: Starts and Ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedTold {
    /// The receiver has them, by this run.
    pub delivered: u64,
    /// They will be sent by a later run.
    pub pending: u64,
    /// The receiver will never take them.
    pub rejected: u64,
    /// They could not be delivered for too long.
    pub given_up: u64,
    /// They were above the feed's cap.
    pub held_back: u64,
    /// A rule mutes them, or other insights tell them already.
    pub muted: u64,
    /// They were noticed too long ago: an archive alerts nobody.
    pub old: u64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Until when it is not called. A time of the run: it is only said to people, for the same results are the same files.
    #[serde(skip)]
    pub until: Option<DateTime<Utc>>,
}

/// Columns of what went wrong.
const PROBLEM_COLUMNS: usize = 200;

impl FeedTold {
    /// Whether everything arrived that was to arrive.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.pending == 0 && self.rejected == 0 && self.given_up == 0 && self.problem.is_none()
    }

    /// The numbers that are worth a word, with it.
    fn figures(&self) -> String {
        let parts = [
            (self.delivered, "delivered"),
            (self.pending, "pending"),
            (self.rejected, "rejected"),
            (self.given_up, "given up"),
            (self.held_back, "held back"),
            (self.old, "noticed too long ago to be told (see --alert-since)"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", count(number)))
            .collect();
        if parts.is_empty() { "nothing new".to_owned() } else { parts.join(", ") }
    }
}

/// Writes a line a feed; what did not arrive stands out.
///
/// # Errors
/// `out` cannot be written to.
pub fn write(out: &mut dyn Write, told: &BTreeMap<String, FeedTold>) -> io::Result<()> {
    for (feed, told) in told {
        let heading = if told.is_complete() { "Alerts to" } else { "ALERTS NOT DELIVERED to" };
        write!(out, "{heading} {feed}: {}", told.figures())?;
        if let (Some(problem), false) = (&told.problem, told.is_complete()) {
            write!(out, " ({}", fitted(problem, PROBLEM_COLUMNS))?;
            if let Some(until) = &told.until {
                write!(out, " until {}", until.format("%Y-%m-%d %H:%M:%S UTC"))?;
            }
            write!(out, ")")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_arrive_stands_out() {
        let down = FeedTold {
            pending: 1200,
            problem: Some("status 503\u{1b}[2J".to_owned()),
            ..FeedTold::default()
        };
        let fine = FeedTold { delivered: 2, held_back: 3, muted: 9, old: 1200, ..FeedTold::default() };
        let resting = FeedTold {
            pending: 1,
            problem: Some("asked to be left alone".to_owned()),
            until: Some("2026-01-15T12:30:00Z".parse().expect("a time")),
            ..FeedTold::default()
        };
        let json = serde_json::to_string(&resting).expect("JSON");
        assert!(!json.contains("12:30"), "{json}");
        let told = [
            ("a".to_owned(), fine),
            ("b".to_owned(), down),
            ("c".to_owned(), FeedTold::default()),
            ("d".to_owned(), resting),
        ]
        .into();
        let mut out = Vec::new();
        write(&mut out, &told).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "Alerts to a: 2 delivered, 3 held back, 1,200 noticed too long ago to be told (see --alert-since)"
        );
        assert!(lines[1].starts_with("ALERTS NOT DELIVERED to b: 1,200 pending (status 503"), "{text}");
        assert_eq!(lines[2], "Alerts to c: nothing new");
        let want =
            "ALERTS NOT DELIVERED to d: 1 pending (asked to be left alone until 2026-01-15 12:30:00 UTC)";
        assert_eq!(lines[3], want);
    }
}
