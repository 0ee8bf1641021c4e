//! Messages that are planned, held back or settled -> what is remembered of one feed. Pure.
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{FeedLog, Message, Outcome, TOO_LONG};
use crate::severity::Severity;

/// Why nothing is sent to a feed that only the ledger knows.
pub(in crate::alert) const NO_SUCH_FEED: &str = "the configuration has no such feed";

impl FeedLog {
    /// Ids of what is pending, or held back.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &String> {
        let waits = |outcome: &Outcome| matches!(outcome, Outcome::Pending | Outcome::HeldBack);
        self.outcomes.iter().filter(move |(_, outcome)| waits(outcome)).map(|(id, _)| id)
    }

    /// Plans a message.
    pub(in crate::alert) fn plan(&mut self, message: Message) {
        for id in &message.events {
            self.outcomes.insert(id.clone(), Outcome::Pending);
        }
        self.messages.push(message);
    }

    /// Takes these events out of the messages that wait: others will tell them. The keys of those stay as they are.
    pub(in crate::alert) fn take_over(&mut self, ids: &BTreeSet<&str>) {
        for message in &mut self.messages {
            let again = message.events.iter().filter(|id| ids.contains(&***id));
            message.elsewhere.extend(again.cloned());
        }
    }

    /// Remembers of these events that they were delivered, before they are told again.
    pub(in crate::alert) fn tell_again(&mut self, ids: Vec<String>) {
        self.again.extend(ids);
    }

    /// How many messages were planned in the hour before `now`.
    fn planned_lately(&mut self, now: DateTime<Utc>) -> usize {
        self.planned.retain(|planned| now - *planned < TimeDelta::hours(1));
        self.worst.retain(|planned, _| now - *planned < TimeDelta::hours(1));
        self.planned.len()
    }

    /// Whether a message may be sent where `most` may within an hour: there is room, or it is more severe than all of them.
    pub(in crate::alert) fn has_room(
        &mut self,
        most: Option<u16>,
        severity: Option<Severity>,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(most) = most else { return true };
        let is_known = |log: &Self| log.planned.iter().all(|planned| log.worst.contains_key(planned));
        self.planned_lately(now) < usize::from(most)
            || severity.is_some() && is_known(self) && self.worst.values().copied().max() < severity
    }

    /// Counts a message towards the cap.
    pub(in crate::alert) fn count(&mut self, now: DateTime<Utc>, severity: Severity) {
        self.planned.push(now);
        let worst = self.worst.entry(now).or_insert(severity);
        *worst = severity.max(*worst);
    }

    /// Holds back a message with these events.
    pub(in crate::alert) fn hold_back(&mut self, events: Vec<String>, now: DateTime<Utc>) {
        self.held_since.get_or_insert(now);
        self.outcomes.extend(events.into_iter().map(|id| (id, Outcome::HeldBack)));
    }

    /// Lets the message with this key say how many are held back.
    pub(in crate::alert) fn tell_held_back(&mut self, key: &str, number: u64) {
        if let Some(last) = self.messages.iter_mut().rfind(|message| message.key == key) {
            last.held_back += number;
            self.held_since = None;
        }
    }

    /// Forgets what a clock that was ahead has noted of times that are still to come: nobody should wait for them.
    pub(super) fn forget_future(&mut self, now: DateTime<Utc>) {
        self.planned.retain(|planned| *planned <= now);
        self.worst.retain(|planned, _| *planned <= now);
        self.held_since = self.held_since.map(|since| since.min(now));
        self.resting = self.resting.filter(|until| *until - now <= TOO_LONG);
        for message in &mut self.messages {
            message.planned = message.planned.min(now);
        }
    }

    /// Forgets everything of an event.
    pub(super) fn forget(&mut self, id: &str) {
        self.outcomes.remove(id);
        self.again.remove(id);
    }

    /// Drops messages that were planned before `since`; what was pending of them is given up: how many events that are.
    pub(in crate::alert) fn forget_messages(&mut self, since: DateTime<Utc>) -> u64 {
        let mut given_up = 0;
        let Self { messages, outcomes, .. } = self;
        for message in messages.extract_if(.., |message| message.planned <= since) {
            for id in message.own() {
                if let Some(outcome) = outcomes.get_mut(id).filter(|outcome| **outcome == Outcome::Pending) {
                    *outcome = Outcome::GivenUp(NO_SUCH_FEED.to_owned());
                    given_up += 1;
                }
            }
        }
        given_up
    }

    /// Drops messages of which nothing is pending.
    pub(in crate::alert) fn settle(&mut self) {
        let Self { messages, outcomes, .. } = self;
        let pending = |id: &String| outcomes.get(id) == Some(&Outcome::Pending);
        messages.retain(|message| message.own().any(pending));
    }
}
