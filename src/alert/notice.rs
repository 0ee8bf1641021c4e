//! What is known of an incident, and what of it is new -> what one message tells. Pure.
use std::collections::BTreeSet;

use uuid::Uuid;

use crate::cloudtrail::insight::State;
use crate::finding::{Event, Finding, findings};
use crate::incident::Incident;
use crate::severity::Severity;
use crate::time::Minute;

/// Keys of messages are derived below this one, which was drawn once and must never change.
const KEY_SPACE: Uuid = Uuid::from_u128(0x4b1e_77a0_2c95_4d6f_b3f8_90d1_5ae6_c27d);

/// What one message tells: complete enough for every payload, and the same whenever it is made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Idempotency key: derived from the feed's name and the ids of the events that the message was made of, so that it is
    /// the same whenever it is sent again, by whatever run; also where the receiver has taken some of them by then.
    pub key: Uuid,
    /// Name of the feed.
    pub feed: String,
    /// A test that somebody asked for, or the real thing.
    pub purpose: Purpose,
    /// Id of the incident: the same in every message about it, whoever joins later. Of a feed that groups nothing, the
    /// shared id of the insight.
    pub incident: String,
    /// Whether all of it that the feed is told has ended.
    pub status: Status,
    /// The highest of all that the feed is told of it.
    pub severity: Severity,
    /// What happened, in a sentence; safe to print, but not escaped for any format.
    pub sentence: String,
    /// Who did most of it, without the name of a session. A text of the logs, not escaped for anything.
    pub principal: Option<String>,
    /// First unusual minute.
    pub from: Minute,
    /// First usual minute after all of it; `None` while any of it is open.
    pub until: Option<Minute>,
    /// What is new, in order of start: at least one, each told in this message only.
    pub events: Vec<Event>,
    /// Ids of all events of the message as it was planned: some may have arrived by now.
    pub planned: Vec<String>,
    /// All that the feed is told of the incident, `events` included, in order of start.
    pub members: Vec<Finding>,
    /// The one of `members` that says most.
    pub leading: usize,
    /// Shared ids of the insights whose Start the feed was told by an earlier run: their End closes what that had opened.
    pub opened: Vec<String>,
    /// Those of `opened` after which another of the same series began that goes on: where both are the same alert, the End of the
    /// one must not close what the other has opened.
    pub outlived: Vec<String>,
    /// What the feed's cap has held back since a message said how many: so many messages would tell it.
    pub held_back: u64,
}

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Something was found.
    Alert,
    /// Somebody tries whether it arrives; every payload says so.
    Test,
}

/// Whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Something of it has no end yet.
    Firing,
    /// All of it has ended.
    Resolved,
}

impl Status {
    /// As it stands in payloads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl Notice {
    /// What a message to `feed` tells. `known` is all that the feed is told of the incident, each event once; of it, those with
    /// the ids `new` are new. `None` where none of them is known.
    #[must_use]
    pub fn of(feed: &str, incident: &str, known: Vec<Event>, new: &[String]) -> Option<Self> {
        let new: BTreeSet<&String> = new.iter().collect();
        let mut events: Vec<Event> =
            known.iter().filter(|event| new.contains(&event.record.event_id)).cloned().collect();
        events.sort_by_cached_key(|event| {
            (event.record.event_time, event.state(), event.record.shared_event_id.clone())
        });
        let members = findings(known);
        let Incident { leading, principal, from, until, severity, sentence, .. } = Incident::of(&members)?;
        let ids: Vec<&str> = events.iter().map(|event| &*event.record.event_id).collect();
        let key = key(feed, &ids);
        let planned = ids.into_iter().map(str::to_owned).collect();
        (!events.is_empty()).then(|| Self {
            key,
            feed: feed.to_owned(),
            purpose: Purpose::Alert,
            incident: incident.to_owned(),
            status: if until.is_some() { Status::Resolved } else { Status::Firing },
            severity,
            sentence,
            principal,
            from,
            until,
            planned,
            events,
            members,
            leading,
            opened: Vec::new(),
            outlived: Vec::new(),
            held_back: 0,
        })
    }

    /// Whether it tells of something that began, and not only of ends.
    #[must_use]
    pub fn has_start(&self) -> bool {
        self.events.iter().any(|event| event.state() == State::Start)
    }

    /// The finding that says most.
    #[must_use]
    pub fn leading(&self) -> &Finding {
        &self.members[self.leading]
    }
}

/// The idempotency key of a message with these events; their order does not matter.
#[must_use]
pub fn key(feed: &str, events: &[&str]) -> Uuid {
    let mut ids = events.to_vec();
    ids.sort_unstable();
    ids.dedup();
    // A feed's name has no line breaks, nor has an id that could be mistaken for two.
    let text = ids.iter().fold(feed.to_owned(), |text, id| format!("{text}\n{}:{id}", id.len()));
    Uuid::new_v5(&KEY_SPACE, text.as_bytes())
}
