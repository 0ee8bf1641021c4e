//! What a run has found, the feeds, and what was told before -> the messages that are to be sent. Pure.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::ledger::{Found, Ledger, Message, Outcome};
use super::notice::key;
use super::route::{Reason, Told, route};
use crate::cloudtrail::insight::State;
use crate::config::Feed;
use crate::finding::Event;
use crate::severity::Severity;

/// When, and from when on anything is worth an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: DateTime<Utc>,
    /// What was noticed before this is old.
    pub since: DateTime<Utc>,
}

/// What a plan keeps from a feed, by its name.
pub type Planned = BTreeMap<String, Withheld>;

/// Events that a feed is not told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Withheld {
    /// By its cap.
    pub held_back: u64,
    /// Since a rule mutes them, or other insights tell them.
    pub muted: u64,
}

/// Plans a message to each feed for all that is new to `ledger` and that it is to be told of; notes of the rest why not. What
/// is not new has been planned by the run that found it, so planning the same twice changes nothing.
pub fn plan(ledger: &mut Ledger, found: Vec<Found>, feeds: &[Feed], moment: Moment) -> Planned {
    let new = ledger.take(found, moment.now);
    let mut planned = Planned::new();
    for feed in feeds {
        plan_new(ledger, feed, &new, moment);
        planned.insert(feed.name.to_string(), withheld(ledger, feed, &new));
    }
    ledger.prune(feeds, moment.now);
    planned
}

/// Whether what was delivered is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Only what was not.
    No,
    /// All.
    Yes,
}

/// Plans messages to one feed of what was found before. What is pending stays as it was planned.
pub(super) fn replan(ledger: &mut Ledger, found: Vec<Found>, feed: &Feed, moment: Moment, again: Again) {
    let events: Vec<Event> = found.iter().map(|found| found.event.clone()).collect();
    ledger.take(found, moment.now);
    let outcomes = ledger.outcomes(&feed.name);
    let is_told = |event: &Event| match outcomes.get(&*event.record.event_id) {
        Some(Outcome::Pending) => true,
        Some(Outcome::Delivered) => again == Again::No,
        _ => false,
    };
    let untold: Vec<Event> = events.into_iter().filter(|event| !is_told(event)).collect();
    plan_new(ledger, feed, &untold, moment);
}

/// Decides of each event whether the feed is told, and plans its messages.
fn plan_new(ledger: &mut Ledger, feed: &Feed, new: &[Event], moment: Moment) {
    // A Start before its End, which asks what became of it.
    let mut new: Vec<&Event> = new.iter().collect();
    new.sort_by_key(|event| (event.state(), event.record.event_time, &event.record.event_id));
    let mut told = BTreeMap::<String, Vec<&Event>>::new();
    for event in new {
        let id = &event.record.event_id;
        match route(feed, event, ledger.start_at(&feed.name, event), moment.since) {
            Told::Yes => {
                ledger.note(&feed.name, id, Outcome::Pending);
                told.entry(ledger.subject(event, feed.group)).or_default().push(event);
            }
            Told::No(reason) => ledger.note(&feed.name, id, Outcome::Untold(reason)),
        }
    }
    plan_feed(ledger, feed, told, moment.now);
}

fn withheld(ledger: &Ledger, feed: &Feed, new: &[Event]) -> Withheld {
    let outcomes = ledger.outcomes(&feed.name);
    let count = |wanted: &Outcome| {
        new.iter().filter(|event| outcomes.get(&*event.record.event_id) == Some(&wanted)).count() as u64
    };
    Withheld { held_back: count(&Outcome::HeldBack), muted: count(&Outcome::Untold(Reason::Muted)) }
}

/// The most severe come first: they are told before the cap is reached.
fn plan_feed(ledger: &mut Ledger, feed: &Feed, told: BTreeMap<String, Vec<&Event>>, now: DateTime<Utc>) {
    let mut subjects: Vec<(String, Vec<&Event>)> = told.into_iter().collect();
    subjects.sort_by_cached_key(|(subject, events)| {
        let severity = events.iter().map(|event| event.severity()).max().unwrap_or(Severity::Low);
        let from = events.iter().map(|event| event.record.event_time).min();
        (Reverse(severity), from, subject.clone())
    });
    for (subject, events) in subjects {
        let ids: Vec<String> = events.iter().map(|event| event.record.event_id.clone()).collect();
        // What ends is told in any case: its start was, and who waits for the end would wait for ever.
        let starts: BTreeSet<&str> = events
            .iter()
            .filter(|event| event.state() == State::Start)
            .map(|event| &*event.record.shared_event_id)
            .collect();
        let counts = events.iter().any(|event| is_news(event, &starts, ledger, feed));
        let members = ledger.members(&subject, feed.group);
        let log = ledger.log(&feed.name);
        if counts {
            if feed.at_most.is_some_and(|most| log.planned_lately(now) >= usize::from(most)) {
                log.hold_back(ids);
                continue;
            }
            log.count(now);
        }
        let key = key(&feed.name, &ids.iter().map(String::as_str).collect::<Vec<_>>()).to_string();
        log.plan(Message { key, incident: subject, events: ids, members, held_back: 0, planned: now });
    }
    ledger.log(&feed.name).tell_held_back(now);
}

/// Whether the feed hears of an insight for the first time. `starts` are told with it.
fn is_news(event: &Event, starts: &BTreeSet<&str>, ledger: &Ledger, feed: &Feed) -> bool {
    match event.state() {
        State::Start => true,
        State::End => {
            let start = ledger.start_at(&feed.name, event);
            !starts.contains(&*event.record.shared_event_id)
                && !matches!(start, Some(Outcome::Pending | Outcome::Delivered))
        }
    }
}
