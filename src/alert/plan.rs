//! What a run has found, the feeds, and what was told before -> the messages that are to be sent. Pure.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::ledger::{Found, Ledger, Message, Outcome};
use super::notice::key;
use super::route::{Reason, Told, route};
use crate::cloudtrail::insight::State;
use crate::config::{Ends, Feed};
use crate::finding::Event;
use crate::severity::Severity;
use crate::time::Minute;

/// When, and from when on anything is worth an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: DateTime<Utc>,
    /// What was noticed before this is old.
    pub since: DateTime<Utc>,
    /// Minutes before this one are judged: so far goes what has no End. `None` where nobody says.
    pub judged_until: Option<Minute>,
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
    /// Since they were noticed before anybody wanted to hear.
    pub old: u64,
    /// Since the configuration has no such feed any more, and they waited for it for too long.
    pub given_up: u64,
}

/// Plans a message to each feed for all that is new to `ledger` and that it is to be told of; notes of the rest why not. What
/// is not new has been planned by the run that found it, so planning the same twice changes nothing.
pub fn plan(ledger: &mut Ledger, found: Vec<Found>, feeds: &[Feed], moment: Moment) -> Planned {
    let new = ledger.take(found, moment);
    let mut planned = Planned::new();
    for feed in feeds {
        plan_new(ledger, feed, &new, (moment, Cap::Holds));
        planned.insert(feed.name.to_string(), withheld(ledger, feed, &new));
    }
    for (feed, given_up) in ledger.prune(feeds, moment.now) {
        planned.entry(feed).or_default().given_up = given_up;
    }
    planned
}

/// Whether a feed's cap holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cap {
    /// It does.
    Holds,
    /// Somebody asked for the messages: all are sent, and count nowhere.
    IsLifted,
}

/// Whether what was delivered is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Only what was not.
    No,
    /// All.
    Yes,
}

/// Plans messages to one feed of what was found before. What is pending stays as it was planned, but for the End of a Start that
/// is told again: it follows that, and where the Start had been delivered, it closes what that has opened.
pub(super) fn replan(ledger: &mut Ledger, found: Vec<Found>, feed: &Feed, moment: Moment, again: Again) {
    let events: Vec<Event> = found.iter().map(|found| found.event.clone()).collect();
    ledger.take(found, moment);
    let outcomes = ledger.outcomes(&feed.name);
    let was_delivered = |event: &Event| outcomes.get(&*event.record.event_id) == Some(&&Outcome::Delivered);
    let is_told = |event: &Event| match outcomes.get(&*event.record.event_id) {
        Some(Outcome::Pending) => true,
        Some(Outcome::Delivered) => again == Again::No,
        _ => false,
    };
    let untold: Vec<Event> = events.into_iter().filter(|event| !is_told(event)).collect();
    let retold: Vec<String> = untold
        .iter()
        .filter(|event| was_delivered(event))
        .map(|event| event.record.event_id.clone())
        .collect();
    let ends: Vec<Event> = untold.iter().filter_map(|start| ledger.pending_end(&feed.name, start)).collect();
    ledger.log(&feed.name).tell_again(retold);
    plan_new(ledger, feed, &untold, (moment, Cap::IsLifted));
    plan_new(ledger, feed, &ends, (moment, Cap::IsLifted));
}

/// Decides of each event whether the feed is told, and plans its messages.
fn plan_new(ledger: &mut Ledger, feed: &Feed, new: &[Event], (moment, cap): (Moment, Cap)) {
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
    if cap == Cap::IsLifted {
        let again = told.values().flatten().map(|event| &*event.record.event_id).collect();
        ledger.log(&feed.name).take_over(&again);
    }
    plan_feed(ledger, feed, told, (moment.now, cap));
}

fn withheld(ledger: &Ledger, feed: &Feed, new: &[Event]) -> Withheld {
    let outcomes = ledger.outcomes(&feed.name);
    let count = |wanted: &Outcome| {
        new.iter().filter(|event| outcomes.get(&*event.record.event_id) == Some(&wanted)).count() as u64
    };
    Withheld {
        held_back: count(&Outcome::HeldBack),
        muted: count(&Outcome::Untold(Reason::Muted)),
        old: count(&Outcome::Untold(Reason::Old)),
        given_up: 0,
    }
}

/// What messages are about, with their events: the most severe first.
fn in_order(told: BTreeMap<String, Vec<&Event>>) -> Vec<(String, Vec<&Event>)> {
    let mut subjects: Vec<(String, Vec<&Event>)> = told.into_iter().collect();
    subjects.sort_by_cached_key(|(subject, events)| {
        let from = events.iter().map(|event| event.record.event_time).min();
        (Reverse(severity(events)), from, subject.clone())
    });
    subjects
}

fn severity(events: &[&Event]) -> Severity {
    events.iter().map(|event| event.severity()).max().unwrap_or(Severity::Low)
}

/// The most severe come first: they are told before the cap is reached.
fn plan_feed(
    ledger: &mut Ledger,
    feed: &Feed,
    told: BTreeMap<String, Vec<&Event>>,
    (now, cap): (DateTime<Utc>, Cap),
) {
    let mut says_how_many = None;
    for (subject, events) in in_order(told) {
        // What ends is told in any case: its start was, and who waits for the end would wait for ever.
        let starts: BTreeSet<&str> = events
            .iter()
            .filter(|event| event.state() == State::Start)
            .map(|event| &*event.record.shared_event_id)
            .collect();
        let is_news = events.iter().any(|event| is_news(event, &starts, ledger, feed));
        if is_news && cap == Cap::Holds {
            let (severity, log) = (severity(&events), ledger.log(&feed.name));
            if !log.has_room(feed.at_most, Some(severity), now) {
                log.hold_back(events.iter().map(|event| event.record.event_id.clone()).collect(), now);
                continue;
            }
            log.count(now, severity);
        }
        let key = plan_message(ledger, feed, (subject, &events), now);
        // An end is told in any case: if it said how many, nothing of what they are would ever be sent.
        if is_news {
            says_how_many = Some(key);
        }
    }
    if cap == Cap::Holds && ledger.number_held_back(feed) > 0 {
        let says_how_many = says_how_many.or_else(|| release(ledger, feed, now));
        if let Some(key) = says_how_many {
            let number = ledger.number_held_back(feed);
            ledger.log(&feed.name).tell_held_back(&key, number);
        }
    }
}

/// Plans one message; its key.
fn plan_message(
    ledger: &mut Ledger,
    feed: &Feed,
    (subject, events): (String, &[&Event]),
    now: DateTime<Utc>,
) -> String {
    let ids: Vec<String> = events.iter().map(|event| event.record.event_id.clone()).collect();
    let members = ledger.members(&subject, feed);
    let key = key(&feed.name, &ids.iter().map(String::as_str).collect::<Vec<_>>()).to_string();
    ledger.log(&feed.name).plan(Message {
        key: key.clone(),
        incident: subject,
        events: ids,
        members,
        elsewhere: BTreeSet::new(),
        held_back: 0,
        planned: now,
    });
    key
}

/// Plans a message of the most severe that was held back, where there is room again and nothing newer says that anything was; its
/// key.
fn release(ledger: &mut Ledger, feed: &Feed, now: DateTime<Utc>) -> Option<String> {
    if !ledger.log(&feed.name).has_room(feed.at_most, None, now) {
        return None;
    }
    let held_back = ledger.held_back(&feed.name);
    let wanted = held_back.iter().filter(|event| event.state() == State::Start || feed.ends == Ends::Told);
    let mut waiting = BTreeMap::<String, Vec<&Event>>::new();
    for event in wanted {
        waiting.entry(ledger.subject(event, feed.group)).or_default().push(event);
    }
    let (subject, events) = in_order(waiting).into_iter().next()?;
    ledger.log(&feed.name).count(now, severity(&events));
    for event in &events {
        ledger.note(&feed.name, &event.record.event_id, Outcome::Pending);
    }
    Some(plan_message(ledger, feed, (subject, &events), now))
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
