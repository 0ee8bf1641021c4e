//! What waits in a ledger -> notices, made of what their feed is told and of nothing else. Pure.
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{FeedLog, Found, Known, Ledger, Message, Outcome};
use crate::alert::notice::Notice;
use crate::alert::route::Reason;
use crate::cloudtrail::insight::State;
use crate::config::{Feed, FeedKind, Group};
use crate::detect::Direction;
use crate::finding::Event;
use crate::series::SeriesKey;
use crate::severity::Severity;
use crate::time::Minute;

/// What a receiver that keeps no ids knows an insight by.
type Labels = (SeriesKey, Direction, Severity, Option<String>);

/// An insight that a feed was told of, or will be, and that goes on as far as it knows.
struct Open {
    labels: Labels,
    from: Minute,
}

impl Message {
    /// Ids of its events, but for those that a later message tells.
    pub(super) fn own(&self) -> impl Iterator<Item = &String> {
        self.events.iter().filter(|id| !self.elsewhere.contains(*id))
    }
}

impl FeedLog {
    /// Whether a message to the feed may speak of an event: it is told of it, or not of this end alone.
    fn may_speak_of(&self, id: &str) -> bool {
        match self.outcomes.get(id) {
            None | Some(Outcome::HeldBack) => false,
            Some(Outcome::Untold(reason)) => *reason == Reason::EndsUntold,
            Some(Outcome::Pending | Outcome::Delivered | Outcome::Rejected(_) | Outcome::GivenUp(_)) => true,
        }
    }

    /// Whether the feed will have heard of an event.
    fn hears_of(&self, id: &str) -> bool {
        matches!(self.outcomes.get(id), Some(Outcome::Pending | Outcome::Delivered))
    }
}

impl Ledger {
    /// Ids of all events of a subject that a feed is told, as far as their lines are kept: what is muted or not for the feed
    /// makes neither a sentence nor a severity, and nobody there hears when it ends.
    pub(in crate::alert) fn members(&self, subject: &str, feed: &Feed) -> Vec<String> {
        let ids = match feed.group {
            Group::Insight => self.index.by_shared.get(subject),
            Group::Incident => self.index.by_incident.get(subject),
        };
        let Some(log) = self.feeds.get(&*feed.name) else { return Vec::new() };
        let has_line = |id: &&String| self.events.get(*id).is_some_and(|known| known.line.is_some());
        let is_told = |id: &&String| {
            log.may_speak_of(id)
                && !matches!(log.outcomes.get(*id), Some(Outcome::Rejected(_) | Outcome::GivenUp(_)))
        };
        ids.into_iter().flatten().filter(has_line).filter(is_told).cloned().collect()
    }

    /// What a feed's cap has held back since a message said how many, with what has ended of it, as far as lines are kept.
    pub(in crate::alert) fn held_back(&self, feed: &str) -> Vec<Event> {
        let Some(log) = self.feeds.get(feed) else { return Vec::new() };
        let is_held_back = |id: &String| self.is_held_back(log, id);
        let others = |shared: &String| self.index.by_shared.get(shared).into_iter().flatten();
        let waits = |(id, outcome): &(&String, &Outcome)| match outcome {
            Outcome::HeldBack => is_held_back(id),
            Outcome::Untold(Reason::StartUntold) => {
                self.events.get(*id).is_some_and(|known| others(&known.shared).any(is_held_back))
            }
            _ => false,
        };
        log.outcomes.iter().filter(waits).filter_map(|(id, _)| self.event(id)).collect()
    }

    /// How many messages would tell what a feed's cap has held back since one said how many.
    pub(in crate::alert) fn number_held_back(&self, feed: &Feed) -> u64 {
        let Some(log) = self.feeds.get(&*feed.name) else { return 0 };
        let held_back = log.outcomes.keys().filter(|id| self.is_held_back(log, id));
        let subject = |known: &Known| match feed.group {
            Group::Insight => known.shared.clone(),
            Group::Incident => known.incident.clone(),
        };
        held_back.filter_map(|id| self.events.get(id)).map(subject).collect::<BTreeSet<_>>().len() as u64
    }

    fn is_held_back(&self, log: &FeedLog, id: &str) -> bool {
        let found = self.events.get(id).map(|known| known.found);
        log.outcomes.get(id) == Some(&Outcome::HeldBack)
            && log.held_since.is_some()
            && found >= log.held_since
    }

    /// The End that waits for a feed, of the insight of a Start.
    pub(in crate::alert) fn pending_end(&self, feed: &str, start: &Event) -> Option<Event> {
        let log = self.feeds.get(feed).filter(|_| start.state() == State::Start)?;
        let others = self.index.by_shared.get(&start.record.shared_event_id)?.iter();
        let mut others = others.filter(|id| **id != start.record.event_id);
        self.event(others.find(|id| log.outcomes.get(*id) == Some(&Outcome::Pending))?)
    }

    /// Whether anything is to be sent to a feed.
    #[must_use]
    pub fn has_pending(&self, feed: &Feed) -> bool {
        self.feeds.get(&*feed.name).is_some_and(|log| !log.messages.is_empty())
    }

    /// How many events wait for each feed that is none of `feeds`.
    pub(in crate::alert) fn orphans(&self, feeds: &[Feed]) -> BTreeMap<String, u64> {
        let is_pending = |outcome: &&Outcome| **outcome == Outcome::Pending;
        let pending = |log: &FeedLog| log.outcomes.values().filter(is_pending).count() as u64;
        let unknown = self.feeds.iter().filter(|(name, _)| feeds.iter().all(|feed| *feed.name != ***name));
        let numbers = unknown.map(|(name, log)| (name.clone(), pending(log)));
        numbers.filter(|(_, pending)| *pending > 0).collect()
    }

    /// What is to be sent to a feed, the oldest first, as it was planned; of each only what has not arrived. Each is made when
    /// it is asked for: a feed that fails takes two of thousands.
    pub fn pending(&self, feed: &Feed) -> impl Iterator<Item = (Message, Notice)> {
        let log = self.feeds.get(&*feed.name);
        log.into_iter().flat_map(move |log| {
            let open = OnceCell::new();
            let notice = move |message| self.notice((log, &open), feed, message);
            log.messages.iter().filter_map(move |message| Some((message.clone(), notice(message)?)))
        })
    }

    fn notice(
        &self,
        (log, open): (&FeedLog, &OnceCell<Vec<Open>>),
        feed: &Feed,
        message: &Message,
    ) -> Option<Notice> {
        let told = message.members.iter().filter(|id| log.may_speak_of(id));
        let told = told.filter_map(|id| self.event(id)).collect();
        let is_pending = |id: &&String| log.outcomes.get(*id) == Some(&Outcome::Pending);
        let pending: Vec<String> = message.own().filter(is_pending).cloned().collect();
        let notice = Notice::of(&feed.name, &message.incident, told, &pending)?;
        let opened = self.opened(feed, message);
        Some(Notice {
            key: message.key.parse().ok()?,
            planned: message.events.clone(),
            outlived: self.outlived(feed, &opened, open),
            opened,
            held_back: message.held_back,
            ..notice
        })
    }

    /// Shared ids of the message's Ends whose Start was delivered by an earlier run. One that is still to be delivered opens an
    /// alert that its End must not close at once: nobody would look at it.
    fn opened(&self, feed: &Feed, message: &Message) -> Vec<String> {
        let own: Vec<Event> = message.own().filter_map(|id| self.event(id)).collect();
        let shared = |event: &Event| event.record.shared_event_id.clone();
        let starts: BTreeSet<String> =
            own.iter().filter(|event| event.state() == State::Start).map(shared).collect();
        let starts_elsewhere = |end: &&Event| !starts.contains(&end.record.shared_event_id);
        let is_told = |end: &&Event| self.start_at(&feed.name, end) == Some(&Outcome::Delivered);
        let ends = own.iter().filter(|event| event.state() == State::End);
        ends.filter(starts_elsewhere).filter(is_told).map(shared).collect()
    }

    /// Those of `opened` after which another began that the feed cannot tell from it, and that goes on.
    fn outlived(&self, feed: &Feed, opened: &[String], open: &OnceCell<Vec<Open>>) -> Vec<String> {
        if opened.is_empty() || !matches!(feed.kind, FeedKind::Alertmanager(_)) {
            return Vec::new();
        }
        let open = open.get_or_init(|| self.open(feed));
        let is_outlived = |shared: &&String| {
            self.first(shared).is_some_and(|first| {
                let (labels, from) = (labels(&first), first.record.event_time);
                open.iter().any(|other| other.from > from && other.labels == labels)
            })
        };
        opened.iter().filter(is_outlived).cloned().collect()
    }

    fn open(&self, feed: &Feed) -> Vec<Open> {
        let Some(log) = self.feeds.get(&*feed.name) else { return Vec::new() };
        let heard = log.outcomes.keys().filter(|id| log.hears_of(id)).filter_map(|id| self.event(id));
        let starts = heard.filter(|event| event.state() == State::Start);
        let goes_on = |start: &Event| {
            let known = self.index.by_shared.get(&start.record.shared_event_id).into_iter().flatten();
            known
                .filter(|id| **id != start.record.event_id)
                .all(|end| log.outcomes.get(end) == Some(&Outcome::Pending))
        };
        let open = |start: Event| Open { labels: labels(&start), from: start.record.event_time };
        starts.filter(goes_on).map(open).collect()
    }

    /// The first that is known of an insight.
    fn first(&self, shared: &str) -> Option<Event> {
        let ids = self.index.by_shared.get(shared).into_iter().flatten();
        ids.filter_map(|id| self.event(id)).min_by_key(Event::state)
    }

    /// Notes which events are to be published.
    pub(in crate::alert) fn note_unpublished(&mut self, ids: impl Iterator<Item = String>) {
        self.unpublished.extend(ids);
    }

    /// Notes that all is published which was to be.
    pub(in crate::alert) fn note_published(&mut self) {
        self.unpublished.clear();
    }

    /// Notes that these are published.
    pub(in crate::alert) fn note_found_published(&mut self, found: &[Found]) {
        for found in found {
            self.unpublished.remove(&found.event.record.event_id);
        }
    }

    /// Whether a run has noted what it wanted to publish, and not that it did.
    #[must_use]
    pub fn has_unpublished(&self) -> bool {
        !self.unpublished.is_empty()
    }

    /// Forgets what was to be published and was not: nobody could look at it, and whoever judges the same again finds it again.
    pub(in crate::alert) fn forget_unpublished(&mut self, is_published: impl Fn(&Event) -> bool) {
        for id in std::mem::take(&mut self.unpublished) {
            if self.event(&id).is_some_and(|event| is_published(&event)) {
                continue;
            }
            self.events.remove(&id);
            self.feeds.values_mut().for_each(|log| log.forget(&id));
        }
        self.feeds.values_mut().for_each(FeedLog::settle);
        self.index = super::Index::of(&self.events);
    }

    /// Forgets what a clock that was ahead has noted of times that are still to come.
    pub(in crate::alert) fn forget_future(&mut self, now: DateTime<Utc>) {
        self.feeds.values_mut().for_each(|log| log.forget_future(now));
        for known in self.events.values_mut() {
            known.found = known.found.min(now);
        }
    }
}

fn labels(first: &Event) -> Labels {
    (first.record.series(), first.direction(), first.severity(), first.principal().map(str::to_owned))
}
