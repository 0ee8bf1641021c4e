//! Messages that are planned, held back or settled -> what is remembered of one feed. Pure.
use chrono::{DateTime, TimeDelta, Utc};

use super::{FeedLog, Message, Outcome};

impl FeedLog {
    /// Ids of what is pending.
    pub(in crate::alert) fn pending(&self) -> impl Iterator<Item = &String> {
        let pending = |id: &&String| self.outcomes.get(*id) == Some(&Outcome::Pending);
        self.messages.iter().flat_map(|message| &message.events).filter(pending)
    }

    /// Plans a message.
    pub(in crate::alert) fn plan(&mut self, message: Message) {
        for id in &message.events {
            self.outcomes.insert(id.clone(), Outcome::Pending);
        }
        self.messages.push(message);
    }

    /// How many messages were planned in the hour before `now`.
    pub(in crate::alert) fn planned_lately(&mut self, now: DateTime<Utc>) -> usize {
        self.planned.retain(|planned| now - *planned < TimeDelta::hours(1));
        self.planned.len()
    }

    /// Counts a message towards the cap.
    pub(in crate::alert) fn count(&mut self, now: DateTime<Utc>) {
        self.planned.push(now);
    }

    /// Holds back a message with these events.
    pub(in crate::alert) fn hold_back(&mut self, events: Vec<String>) {
        self.held_back += 1;
        self.outcomes.extend(events.into_iter().map(|id| (id, Outcome::HeldBack)));
    }

    /// Lets the last message that was planned now say how many were held back.
    pub(in crate::alert) fn tell_held_back(&mut self, now: DateTime<Utc>) {
        if let Some(last) = self.messages.last_mut().filter(|last| last.planned == now) {
            last.held_back += std::mem::take(&mut self.held_back);
        }
    }

    /// Drops messages that were planned before `since`; what was pending of them is given up.
    pub(in crate::alert) fn forget_messages(&mut self, since: DateTime<Utc>) {
        let Self { messages, outcomes, .. } = self;
        for message in messages.extract_if(.., |message| message.planned <= since) {
            for id in message.events {
                if let Some(outcome) = outcomes.get_mut(&id).filter(|outcome| **outcome == Outcome::Pending) {
                    *outcome = Outcome::GivenUp("the configuration has no such feed".to_owned());
                }
            }
        }
    }

    /// Drops messages of which nothing is pending.
    pub(in crate::alert) fn settle(&mut self) {
        let Self { messages, outcomes, .. } = self;
        let pending = |id: &String| outcomes.get(id) == Some(&Outcome::Pending);
        messages.retain(|message| message.events.iter().any(pending));
    }
}
