//! An event and a feed -> whether it is told there, or why not. Pure.
use chrono::{DateTime, Utc};

use super::ledger::Outcome;
use crate::cloudtrail::insight::State;
use crate::config::{Ends, Feed};
use crate::finding::Event;
use crate::words::short_identity;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is told.
    Yes,
    /// It is not.
    No(Reason),
}

/// Why something is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A rule mutes it, or another insight tells all of it already.
    Muted,
    /// It was noticed before anybody wanted to hear: an archive alerts nobody.
    Old,
    /// The feed's `match` means others.
    NoMatch,
    /// The feed is not told of ends.
    EndsUntold,
    /// The feed does not know that it began: its Start was not delivered there, nor will be.
    StartUntold,
}

/// Whether `event` is told to `feed`. `start` is what became of its Start there, of which nobody knows where the feed is newer
/// than the insight. What was noticed before `since` is old.
///
/// An End is told where its Start was. It is told by itself, as news, where the Start did not match or was muted and the
/// End does and is not: what is over can prove to be worse than it looked. Where its Start was delivered, an End is told though
/// it is muted: a rule that somebody writes because of an alert must not leave that open for ever.
#[must_use]
pub fn route(feed: &Feed, event: &Event, start: Option<&Outcome>, since: DateTime<Utc>) -> Told {
    let closes = event.state() == State::End && start == Some(&Outcome::Delivered);
    if !event.alerts() && !closes {
        return Told::No(Reason::Muted);
    }
    let matches = matches(feed, event);
    match (event.state(), start) {
        (State::Start, _) if !matches => Told::No(Reason::NoMatch),
        (State::Start, _) if is_old(event, since) => Told::No(Reason::Old),
        (State::Start, _) => Told::Yes,
        (State::End, Some(Outcome::Pending | Outcome::Delivered)) => match feed.ends {
            Ends::Told => Told::Yes,
            Ends::Untold => Told::No(Reason::EndsUntold),
        },
        (State::End, Some(Outcome::Untold(Reason::NoMatch | Reason::Muted))) => {
            match (matches, is_old(event, since)) {
                (false, _) => Told::No(Reason::NoMatch),
                (true, true) => Told::No(Reason::Old),
                (true, false) => Told::Yes,
            }
        }
        (State::End, _) => Told::No(Reason::StartUntold),
    }
}

/// Whether the feed's `match` means an event.
pub(super) fn matches(feed: &Feed, event: &Event) -> bool {
    let wanted = &feed.matching;
    let by = event.principal();
    wanted.series.matches(&event.record.series(), event.direction())
        && wanted.severity.is_none_or(|least| event.severity() >= least)
        && wanted.principal.as_ref().is_none_or(|patterns| {
            by.is_some_and(|by| patterns.matches(by) || patterns.matches(&short_identity(by)))
        })
}

fn is_old(event: &Event, since: DateTime<Utc>) -> bool {
    let noticed = event.explanation.as_ref().map_or(event.record.event_time, |why| match &why.peak {
        // What an End tells was known when it ended.
        Some(_) if event.state() == State::End => event.record.event_time,
        _ => why.detected_at,
    });
    i64::from(noticed.epoch()) * 60 < since.timestamp()
}
