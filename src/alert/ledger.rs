//! What was found, and what became of it at each feed <-> the ledger of a state. Pure.
//!
//! A message is planned once, when its events are found, and keeps its key, its events and what is known at that moment until
//! it is delivered: whatever run sends it, it is the same.
mod log;
mod pending;

pub(super) use log::NO_SUCH_FEED;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::plan::Moment;
use super::route::Reason;
use crate::cloudtrail::insight::State;
use crate::config::{Feed, Group, Mute};
use crate::finding::{Event, findings};
use crate::mute::mutes_event;
use crate::severity::Severity;
use crate::time::Minute;

/// Version of the file.
const FORMAT: u32 = 1;
/// For so long the lines of what was told are kept, so that what belongs to it joins its incident.
const LINES_KEPT: TimeDelta = TimeDelta::days(3);
/// For so long it is remembered what became of an event: longer than the same logs can be judged again. The state's own
/// history may be longer, then so is this.
pub const KEPT: TimeDelta = TimeDelta::days(70);
/// What was noticed so long before the last run may be found after it: the night that people wait for, not the years that an
/// archive has.
pub const LATELY: TimeDelta = TimeDelta::hours(24);
/// The longest that a feed is left alone since it failed in one run after the other.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(30);
/// No feed is left alone for so long: what is beyond was noted by a clock that was ahead.
const TOO_LONG: TimeDelta = TimeDelta::hours(2);
/// So exactly it is remembered when a run was: a run a minute should not write the ledger each time.
const NOTED_EVERY: TimeDelta = TimeDelta::hours(1);

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
    /// When a run last noted what it found, give or take an hour; `None` where no run has that alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noted: Option<DateTime<Utc>>,
    /// The rules that mute, and when a run first had each: what was found since was judged by it, calls and all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<String, DateTime<Utc>>,
    /// Events that were noted before they were published, as far as nobody knows whether they were.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unpublished: BTreeSet<String>,
    /// Which events belong together.
    #[serde(skip)]
    index: Index,
}

/// Ids of events by what they have in common: an archive has thousands, and nobody should go through all for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Index {
    /// By the id that Start and End share.
    by_shared: BTreeMap<String, BTreeSet<String>>,
    by_incident: BTreeMap<String, BTreeSet<String>>,
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
    /// The most severe of those, by time.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    worst: BTreeMap<DateTime<Utc>, Severity>,
    /// Since when there is something that was held back, and that no message counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_since: Option<DateTime<Utc>>,
    /// Ids of events that were delivered, and that somebody has asked for again since: whatever becomes of that, what they had
    /// opened is open.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    again: BTreeSet<String>,
    /// The feed asked not to be called before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    resting: Option<DateTime<Utc>>,
    /// Runs, one after the other, in which it took nothing.
    #[serde(skip_serializing_if = "is_none_failed")]
    failed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_none_failed(failed: &u32) -> bool {
    *failed == 0
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
    /// Ids of all events of the incident that the feed was told by then, `events` included.
    pub members: Vec<String>,
    /// Those of `events` that a later message tells, since somebody asked for them again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub elsewhere: BTreeSet<String>,
    /// What was held back before it: so many messages would tell it.
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
        Self {
            format: FORMAT,
            events: BTreeMap::new(),
            feeds: BTreeMap::new(),
            noted: None,
            rules: BTreeMap::new(),
            unpublished: BTreeSet::new(),
            index: Index::default(),
        }
    }
}

impl Index {
    fn of(events: &BTreeMap<String, Known>) -> Self {
        let mut index = Self::default();
        for (id, known) in events {
            index.by_shared.entry(known.shared.clone()).or_default().insert(id.clone());
            index.by_incident.entry(known.incident.clone()).or_default().insert(id.clone());
        }
        index
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
            Versioned { format: FORMAT } => {
                let read: Self = serde_json::from_slice(bytes)?;
                Ok(Self { index: Index::of(&read.events), ..read })
            }
            Versioned { format } => Err(LedgerError::Format(format)),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can be written as JSON")
    }

    /// From when on a run at `now` alerts where nobody says otherwise: what was noticed since shortly before the last run. A
    /// scanner that was down for a week tells that week; an archive that is read in several steps alerts nobody.
    #[must_use]
    pub fn since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.noted.map_or(now, |noted| noted.min(now)) - LATELY
    }

    /// Mutes what waits, pending or held back, and one of `rules` mutes that is newer than it; but for the End of what was told.
    pub(super) fn mute(&mut self, rules: &[Mute], now: DateTime<Utc>) {
        let ids: BTreeSet<String> = self.feeds.values().flat_map(FeedLog::waiting).cloned().collect();
        let muted: Vec<String> = ids.into_iter().filter(|id| self.is_muted(rules, id)).collect();
        let names: Vec<String> = self.feeds.keys().cloned().collect();
        for feed in names {
            let silent: Vec<&String> = muted.iter().filter(|id| !self.closes(&feed, id)).collect();
            let log = self.log(&feed);
            for id in silent {
                if let Some(outcome) = log
                    .outcomes
                    .get_mut(id)
                    .filter(|outcome| matches!(outcome, Outcome::Pending | Outcome::HeldBack))
                {
                    *outcome = Outcome::Untold(Reason::Muted);
                }
            }
            log.settle();
        }
        let before = std::mem::take(&mut self.rules);
        let since = |rule: &String| before.get(rule).copied().unwrap_or(now);
        self.rules = rules.iter().map(Mute::to_string).map(|rule| (rule.clone(), since(&rule))).collect();
    }

    /// Whether an event is the End of an insight of which the feed was told: who waits for it would wait for ever.
    pub(super) fn closes(&self, feed: &str, id: &str) -> bool {
        self.event(id).is_some_and(|event| {
            event.state() == State::End && self.start_at(feed, &event) == Some(&Outcome::Delivered)
        })
    }

    fn is_muted(&self, rules: &[Mute], id: &str) -> bool {
        let Some(known) = self.events.get(id) else { return false };
        let is_newer =
            |rule: &Mute| self.rules.get(&rule.to_string()).is_none_or(|since| *since > known.found);
        let mut newer = rules.iter().filter(|rule| is_newer(rule)).peekable();
        newer.peek().is_some() && {
            self.event(id).is_some_and(|event| newer.any(|rule| mutes_event(rule, &event)))
        }
    }

    /// Remembers that a run was.
    pub(super) fn note_run(&mut self, now: DateTime<Utc>) {
        if self.noted.is_none_or(|noted| now - noted >= NOTED_EVERY || noted > now) {
            self.noted = Some(now);
        }
    }

    /// Takes what no run has found before, and says which that is. Each gets its incident: that of what it belongs to, or its
    /// own.
    pub(super) fn take(&mut self, found: Vec<Found>, moment: Moment) -> Vec<Event> {
        let mut new = Vec::new();
        for Found { event, line } in found {
            let id = event.record.event_id.clone();
            if let Some(known) = self.events.get_mut(&id) {
                // Wanted again after it was let go.
                known.line.get_or_insert(line);
            } else {
                let shared = event.record.shared_event_id.clone();
                self.events.insert(
                    id,
                    Known { shared, incident: String::new(), found: moment.now, line: Some(line) },
                );
                new.push(event);
            }
        }
        if !new.is_empty() {
            self.assign(moment.judged_until);
            self.index = Index::of(&self.events);
        }
        new
    }

    /// Gives every event without an incident its own. What has one keeps it, whoever joins later: receivers know it by that. What
    /// has no End goes on `until` then, as in the report of the run.
    fn assign(&mut self, until: Option<Minute>) {
        let mut by_insight = BTreeMap::<String, String>::new();
        for known in self.events.values().filter(|known| !known.incident.is_empty()) {
            by_insight.insert(known.shared.clone(), known.incident.clone());
        }
        let mut findings = findings(self.lines().map(|(_, event)| event).collect());
        for finding in findings.iter_mut().filter(|finding| finding.end.is_none()) {
            finding.open_until = until;
        }
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
        self.events.keys().filter_map(|id| Some((id.as_str(), self.event(id)?)))
    }

    /// An event whose line is kept.
    fn event(&self, id: &str) -> Option<Event> {
        Event::of_line(self.events.get(id)?.line.as_ref()?.as_bytes()).ok()
    }

    /// Whether a run has found an event.
    pub(super) fn knows(&self, event: &Event) -> bool {
        self.events.contains_key(&event.record.event_id)
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

    /// What became of the Start of the insight of an event, at a feed. One that was delivered is, though it is told again.
    pub(super) fn start_at(&self, feed: &str, event: &Event) -> Option<&Outcome> {
        let (shared, id) = (&event.record.shared_event_id, &event.record.event_id);
        let log = self.feeds.get(feed)?;
        let start = self.index.by_shared.get(shared)?.iter().find(|other| *other != id)?;
        if log.again.contains(start) { Some(&Outcome::Delivered) } else { log.outcomes.get(start) }
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

    /// Notes that a feed took nothing in a run that tried. One such run is bad luck; from the second on, it is left alone for
    /// 2, 4, 8, … minutes: who follows a trail should not wait for it in each round.
    pub(super) fn fail(&mut self, feed: &str, now: DateTime<Utc>) {
        let log = self.log(feed);
        log.failed = log.failed.saturating_add(1);
        if let Some(doubled) = log.failed.checked_sub(1).filter(|doubled| *doubled > 0) {
            let pause = TimeDelta::minutes(1 << doubled.min(5)).min(LONGEST_PAUSE);
            log.resting = log.resting.max(Some(now + pause));
        }
    }

    /// Notes that a feed took something.
    pub(super) fn recover(&mut self, feed: &str) {
        self.log(feed).failed = 0;
    }

    /// In how many runs, one after the other, a feed took nothing.
    #[must_use]
    pub fn failed_runs(&self, feed: &str) -> u32 {
        self.feeds.get(feed).map_or(0, |log| log.failed)
    }

    /// Until when the feed is not to be called.
    #[must_use]
    pub fn resting(&self, feed: &str) -> Option<DateTime<Utc>> {
        self.feeds.get(feed)?.resting
    }

    /// Gives up what `feed` has not taken for too long; how many events that are.
    pub(super) fn give_up(&mut self, feed: &Feed, now: DateTime<Utc>, why: &str) -> u64 {
        let Some(log) = self.feeds.get_mut(&*feed.name) else { return 0 };
        let after = TimeDelta::minutes(feed.give_up_after.into());
        let mut given_up = 0;
        for message in log.messages.iter().filter(|message| now - message.planned >= after) {
            for id in message.own() {
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

    /// Forgets what nobody needs any more. Of a feed that the configuration does not have, messages are forgotten soon; what it
    /// was told is remembered as long as anybody's: it may be back in the next run. How many events of such feeds are given up.
    pub(super) fn prune(&mut self, feeds: &[Feed], now: DateTime<Utc>) -> BTreeMap<String, u64> {
        let mut given_up = BTreeMap::new();
        for (name, log) in &mut self.feeds {
            if feeds.iter().all(|feed| *feed.name != **name) {
                given_up.insert(name.clone(), log.forget_messages(now - LINES_KEPT));
            }
        }
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
            log.again.retain(|id| self.events.contains_key(id));
            log.settle();
        }
        self.feeds
            .retain(|name, log| !log.outcomes.is_empty() || feeds.iter().any(|feed| *feed.name == **name));
        self.unpublished.retain(|id| self.events.contains_key(id));
        self.index = Index::of(&self.events);
        given_up
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
