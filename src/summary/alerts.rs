//! What became of alerts -> lines of the summary's text, one a feed.
use std::collections::BTreeMap;
use std::io::{self, Write};

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
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
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
            write!(out, " ({})", fitted(problem, PROBLEM_COLUMNS))?;
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
        let fine = FeedTold { delivered: 2, held_back: 3, muted: 9, ..FeedTold::default() };
        let told =
            [("a".to_owned(), fine), ("b".to_owned(), down), ("c".to_owned(), FeedTold::default())].into();
        let mut out = Vec::new();
        write(&mut out, &told).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Alerts to a: 2 delivered, 3 held back");
        assert!(lines[1].starts_with("ALERTS NOT DELIVERED to b: 1,200 pending (status 503"), "{text}");
        assert_eq!(lines[2], "Alerts to c: nothing new");
    }
}
