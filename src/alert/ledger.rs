//! What was found, and what became of it at each feed <-> the ledger of a state. Pure.
//!
//! A message is planned once, when its events are found, and keeps its key, its events and what is known at that moment until
//! it is delivered: whatever run sends it, it is the same.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::notice::Notice;
use super::route::Reason;
use crate::cloudtrail::insight::State;
use crate::config::{Feed, Group};
use crate::finding::{Event, findings};

/// Version of the file.
const FORMAT: u32 = 1;
/// For so long the lines of what was told are kept, so that what belongs to it joins its incident.
const LINES_KEPT: TimeDelta = TimeDelta::days(3);
/// For so long it is remembered what became of an event: longer than the same logs can be judged again. The state's own
/// history may be longer, then so is this.
pub const KEPT: TimeDelta = TimeDelta::days(70);

/// What became of an event at a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It will be sent.
    Pending,
    /// The feed has it.
    Delivered,
    /// The feed will never take it; why.
    Rejected(String),
    /// It could not be delivered for too long; what went wrong last.
    GivenUp(String),
    /// The feed's cap kept it from being sent.
    HeldBack,
    /// It is not for this feed.
    Untold(Reason),
}

/// Everything that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    format: u32,
    /// Every event that a run has found, by its id.
    events: BTreeMap<String, Known>,
    /// By name.
    feeds: BTreeMap<String, FeedLog>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Common to Start and End.
    shared: String,
    /// The incident that it belongs to.
    incident: String,
    /// When a run found it.
    found: DateTime<Utc>,
    /// Its line of `insights.jsonl`, as long as it may be needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<String>,
}

/// What is remembered of one feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedLog {
    /// By the event's id.
    outcomes: BTreeMap<String, Outcome>,
    /// What is to be sent, the oldest first.
    messages: Vec<Message>,
    /// When messages were planned that count towards the cap, within the last hour.
    planned: Vec<DateTime<Utc>>,
    /// Messages that were held back since the last one that says so.
    held_back: u64,
    /// The feed asked not to be called before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    resting: Option<DateTime<Utc>>,
}

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its idempotency key.
    pub key: String,
    /// What it is about.
    pub incident: String,
    /// Ids of the events that it tells.
    pub events: Vec<String>,
    /// Ids of all events that were known of the incident, `events` included.
    pub members: Vec<String>,
    /// Messages that were held back before it.
    #[serde(default)]
    pub held_back: u64,
    /// When.
    pub planned: DateTime<Utc>,
}

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not JSON, or not one.
    #[error(
        "the ledger of alerts is damaged; restore it from a copy, or remove the ledger-*.json of the state: then what is pending is not told"
    )]
    Damaged(#[from] serde_json::Error),
    /// Written by a later program.
    #[error(
        "the ledger of alerts is of format {0}, this program knows format {FORMAT}; use the program that wrote it"
    )]
    Format(u32),
}

/// An event that a run has found, with its line of `insights.jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is.
    pub event: Event,
    /// Its line.
    pub line: String,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { format: FORMAT, events: BTreeMap::new(), feeds: BTreeMap::new() }
    }
}

impl Ledger {
    /// As [`Ledger::to_bytes`] wrote it.
    ///
    /// # Errors
    /// When it is damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        match serde_json::from_slice(bytes)? {
            Versioned { format: FORMAT } => Ok(serde_json::from_slice(bytes)?),
            Versioned { format } => Err(LedgerError::Format(format)),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can be written as JSON")
    }

    /// Takes what no run has found before, and says which that is. Each gets its incident: that of what it belongs to, or its
    /// own.
    pub(super) fn take(&mut self, found: Vec<Found>, now: DateTime<Utc>) -> Vec<Event> {
        let mut new = Vec::new();
        for Found { event, line } in found {
            let id = event.record.event_id.clone();
            if let Some(known) = self.events.get_mut(&id) {
                // Wanted again after it was let go.
                known.line.get_or_insert(line);
            } else {
                let shared = event.record.shared_event_id.clone();
                self.events
                    .insert(id, Known { shared, incident: String::new(), found: now, line: Some(line) });
                new.push(event);
            }
        }
        self.assign();
        new
    }

    /// Gives every event without an incident its own. What has one keeps it, whoever joins later: receivers know it by that.
    fn assign(&mut self) {
        let mut by_insight = BTreeMap::<String, String>::new();
        for known in self.events.values().filter(|known| !known.incident.is_empty()) {
            by_insight.insert(known.shared.clone(), known.incident.clone());
        }
        let findings = findings(self.lines().map(|(_, event)| event).collect());
        for incident in crate::incident::incidents(&findings) {
            let members = incident.findings.iter().map(|index| findings[*index].shared_id());
            let known = members.clone().find_map(|shared| by_insight.get(shared).cloned());
            let id = known.unwrap_or_else(|| incident.id.to_string());
            for shared in members {
                by_insight.entry(shared.to_owned()).or_insert_with(|| id.clone());
            }
        }
        for known in self.events.values_mut().filter(|known| known.incident.is_empty()) {
            known.incident = by_insight.get(&known.shared).cloned().unwrap_or_else(|| known.shared.clone());
        }
    }

    fn lines(&self) -> impl Iterator<Item = (&str, Event)> {
        self.events.iter().filter_map(|(id, known)| {
            Some((id.as_str(), Event::of_line(known.line.as_ref()?.as_bytes()).ok()?))
        })
    }

    /// What a message about an event is about.
    pub(super) fn subject(&self, event: &Event, group: Group) -> String {
        let shared = &event.record.shared_event_id;
        match group {
            Group::Insight => shared.clone(),
            Group::Incident => self
                .events
                .get(&event.record.event_id)
                .map_or_else(|| shared.clone(), |known| known.incident.clone()),
        }
    }

    /// Ids of all events of a subject whose lines are kept.
    pub(super) fn members(&self, subject: &str, group: Group) -> Vec<String> {
        let is_member = |known: &Known| match group {
            Group::Insight => known.shared == subject,
            Group::Incident => known.incident == subject,
        };
        let members = self.events.iter().filter(|(_, known)| known.line.is_some() && is_member(known));
        members.map(|(id, _)| id.clone()).collect()
    }

    /// What became of the Start of the insight of an event, at a feed.
    pub(super) fn start_at(&self, feed: &str, event: &Event) -> Option<&Outcome> {
        let (shared, id) = (&event.record.shared_event_id, &event.record.event_id);
        let log = self.feeds.get(feed)?;
        let start = self.events.iter().find(|(other, known)| known.shared == *shared && *other != id)?;
        log.outcomes.get(start.0)
    }

    /// What is remembered of a feed.
    pub(super) fn log(&mut self, feed: &str) -> &mut FeedLog {
        self.feeds.entry(feed.to_owned()).or_default()
    }

    /// Notes what became of an event.
    pub(super) fn note(&mut self, feed: &str, event: &str, outcome: Outcome) {
        self.log(feed).outcomes.insert(event.to_owned(), outcome);
    }

    /// Notes that a feed does not want to be called before `until`.
    pub(super) fn rest(&mut self, feed: &str, until: Option<DateTime<Utc>>) {
        self.log(feed).resting = until;
    }

    /// Until when the feed is not to be called.
    #[must_use]
    pub fn resting(&self, feed: &str) -> Option<DateTime<Utc>> {
        self.feeds.get(feed)?.resting
    }

    /// What is to be sent to a feed, the oldest first, as it was planned; of each only what has not arrived.
    #[must_use]
    pub fn pending(&self, feed: &Feed) -> Vec<(Message, Notice)> {
        let Some(log) = self.feeds.get(&*feed.name) else { return Vec::new() };
        log.messages
            .iter()
            .filter_map(|message| Some((message.clone(), self.notice(log, feed, message)?)))
            .collect()
    }

    fn notice(&self, log: &FeedLog, feed: &Feed, message: &Message) -> Option<Notice> {
        let line = |id: &String| self.events.get(id)?.line.as_ref();
        let known =
            message.members.iter().filter_map(|id| Event::of_line(line(id)?.as_bytes()).ok()).collect();
        let is_pending = |id: &&String| log.outcomes.get(*id) == Some(&Outcome::Pending);
        let pending: Vec<String> = message.events.iter().filter(is_pending).cloned().collect();
        let notice = Notice::of(&feed.name, &message.incident, known, &pending)?;
        let key = message.key.parse().ok()?;
        Some(Notice { key, opened: self.opened(feed, message), held_back: message.held_back, ..notice })
    }

    /// Shared ids of the message's Ends whose Start was delivered by an earlier run. One that is still to be delivered opens an
    /// alert that its End must not close at once: nobody would look at it.
    fn opened(&self, feed: &Feed, message: &Message) -> Vec<String> {
        let own: Vec<Event> = message
            .events
            .iter()
            .filter_map(|id| Event::of_line(self.events.get(id)?.line.as_ref()?.as_bytes()).ok())
            .collect();
        let shared = |event: &Event| event.record.shared_event_id.clone();
        let starts_here = |end: &&Event| {
            !own.iter().any(|event| event.state() == State::Start && shared(event) == shared(end))
        };
        let is_told = |end: &&Event| self.start_at(&feed.name, end) == Some(&Outcome::Delivered);
        let ends = own.iter().filter(|event| event.state() == State::End);
        ends.filter(starts_here).filter(is_told).map(shared).collect()
    }

    /// Gives up what `feed` has not taken for too long; how many events that are.
    pub(super) fn give_up(&mut self, feed: &Feed, now: DateTime<Utc>, why: &str) -> u64 {
        let Some(log) = self.feeds.get_mut(&*feed.name) else { return 0 };
        let after = TimeDelta::minutes(feed.give_up_after.into());
        let mut given_up = 0;
        for message in log.messages.iter().filter(|message| now - message.planned >= after) {
            for id in &message.events {
                if let Some(outcome) =
                    log.outcomes.get_mut(id).filter(|outcome| **outcome == Outcome::Pending)
                {
                    *outcome = Outcome::GivenUp(why.to_owned());
                    given_up += 1;
                }
            }
        }
        log.settle();
        given_up
    }

    /// Forgets what nobody needs any more. Feeds that the configuration no longer has are forgotten with their last message.
    pub(super) fn prune(&mut self, feeds: &[Feed], now: DateTime<Utc>) {
        self.feeds.retain(|name, log| {
            feeds.iter().any(|feed| *feed.name == **name) || {
                log.messages.retain(|message| now - message.planned < LINES_KEPT);
                !log.messages.is_empty()
            }
        });
        // What was delivered needs its lines no more.
        self.feeds.values_mut().for_each(FeedLog::settle);
        let needed: BTreeSet<String> = self
            .feeds
            .values()
            .flat_map(|log| &log.messages)
            .flat_map(|message| message.members.clone())
            .collect();
        self.events.retain(|id, known| needed.contains(id) || now - known.found < KEPT);
        for (_, known) in self.events.iter_mut().filter(|(id, _)| !needed.contains(*id)) {
            if now - known.found >= LINES_KEPT {
                known.line = None;
            }
        }
        for log in self.feeds.values_mut() {
            log.outcomes.retain(|id, _| self.events.contains_key(id));
            log.settle();
        }
    }

    /// How many events are known, and how many are still to be told: an event that two feeds wait for counts twice.
    #[must_use]
    pub fn numbers(&self) -> (usize, usize) {
        let outcomes = self.feeds.values().flat_map(|log| log.outcomes.values());
        (self.events.len(), outcomes.filter(|outcome| **outcome == Outcome::Pending).count())
    }

    /// Events of a feed by what became of them.
    #[must_use]
    pub fn outcomes(&self, feed: &str) -> BTreeMap<&str, &Outcome> {
        let log = self.feeds.get(feed);
        log.into_iter().flat_map(|log| &log.outcomes).map(|(id, outcome)| (id.as_str(), outcome)).collect()
    }
}

impl FeedLog {
    /// Plans a message.
    pub(super) fn plan(&mut self, message: Message) {
        for id in &message.events {
            self.outcomes.insert(id.clone(), Outcome::Pending);
        }
        self.messages.push(message);
    }

    /// How many messages were planned in the hour before `now`.
    pub(super) fn planned_lately(&mut self, now: DateTime<Utc>) -> usize {
        self.planned.retain(|planned| now - *planned < TimeDelta::hours(1));
        self.planned.len()
    }

    /// Counts a message towards the cap.
    pub(super) fn count(&mut self, now: DateTime<Utc>) {
        self.planned.push(now);
    }

    /// Holds back a message with these events.
    pub(super) fn hold_back(&mut self, events: Vec<String>) {
        self.held_back += 1;
        self.outcomes.extend(events.into_iter().map(|id| (id, Outcome::HeldBack)));
    }

    /// Lets the last message that was planned now say how many were held back.
    pub(super) fn tell_held_back(&mut self, now: DateTime<Utc>) {
        if let Some(last) = self.messages.last_mut().filter(|last| last.planned == now) {
            last.held_back += std::mem::take(&mut self.held_back);
        }
    }

    /// Drops messages of which nothing is pending.
    pub(super) fn settle(&mut self) {
        let Self { messages, outcomes, .. } = self;
        let pending = |id: &String| outcomes.get(id) == Some(&Outcome::Pending);
        messages.retain(|message| message.events.iter().any(pending));
    }
}
