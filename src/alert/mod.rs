//! Published insights -> messages to the feeds of the configuration, each told once.
//!
//! What is told, to whom and in which words is decided by pure functions ([`mod@plan`], [`mod@route`], [`notice`], [`feed`]); the
//! [`ledger`] in the state remembers it; [`send`](Alerts::send) tries to deliver what is pending. A run notes what it has found
//! in the ledger before it saves its checkpoint, and sends after: wherever it is killed, nothing is lost, and what is sent
//! again has the same key.
mod address;
mod deliver;
pub mod feed;
mod http;
pub mod ledger;
mod lines;
pub mod notice;
pub mod outgoing;
pub mod plan;
pub mod replay;
pub mod route;
pub mod secret;
pub mod send;
pub mod trial;

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::{Feed, FeedKind, Mute};
use crate::emit::{Line, Told as EarlierTold};
use crate::finding::Event;
use crate::insight::Insight;
use crate::s3::{Buckets, S3Error};
use crate::state::{State, StateError};
use deliver::{Receiver, WHOLE};
use http::Http;
use ledger::{Found, Ledger, LedgerError};
use plan::{Moment, Planned, plan};
use secret::{SecretError, Secrets};

/// Why nobody can be alerted.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// A feed lacks a secret.
    #[error("cannot use the feed {feed}")]
    Secret {
        /// Its name.
        feed: String,
        /// Why.
        source: SecretError,
    },
    /// A feed's settings lead nowhere.
    #[error("cannot use the feed {feed}: {why}")]
    Feed {
        /// Its name.
        feed: String,
        /// Why.
        why: String,
    },
    /// What signs requests to AWS.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Where it is kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// A thread that failed, which is a bug.
    #[error("sending alerts failed: {0}")]
    Broken(String),
}

/// Whether what is noted has been published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    /// It has.
    Done,
    /// It will be, unless the run ends before: then nobody is to hear of it.
    ToCome,
}

/// The feeds of a configuration, ready to be told.
#[derive(Debug)]
pub struct Alerts {
    receivers: Vec<Receiver>,
    mutes: Vec<Mute>,
}

impl Alerts {
    /// Reads the secrets of all feeds, and looks at their addresses; nothing is sent.
    ///
    /// # Errors
    /// With all feeds that cannot be used.
    pub fn open(feeds: &[Feed], buckets: &Buckets) -> Result<Self, Vec<AlertError>> {
        let (mut receivers, mut errors) = (Vec::new(), Vec::new());
        for feed in feeds {
            match receiver(feed, buckets) {
                Ok(receiver) => receivers.push(receiver),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { receivers, mutes: Vec::new() }) } else { Err(errors) }
    }

    /// The same, with the rules that mute: what one of them means is not sent, though it was found before there was the rule.
    #[must_use]
    pub fn muting(self, mutes: Vec<Mute>) -> Self {
        Self { mutes, ..self }
    }

    /// The same, where the next round waits for it: what a feed has not taken within `time` is left to that.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        for receiver in &mut self.receivers {
            receiver.time = time;
        }
        self
    }

    /// Whether a feed's lines go to standard output.
    #[must_use]
    pub fn use_stdout(&self) -> bool {
        self.receivers.iter().any(|receiver| match &receiver.feed.kind {
            FeedKind::Jsonl(settings) => settings.path == lines::STDOUT,
            FeedKind::Ocsf(settings) => settings.path == lines::STDOUT,
            _ => false,
        })
    }

    /// Notes in the ledger of `state` what a run has found, as what is to be sent. What was noted before stays as it is, but for
    /// what an earlier run wanted to publish and did not, by what is `told` at DEST: where the ledger has such, it is to be given.
    ///
    /// # Errors
    /// When the ledger cannot be read or written. Then it is as it was.
    pub fn note(
        &self,
        state: &mut State,
        insights: &[Insight],
        moment: Moment,
        (publishing, told): (Publishing, Option<&EarlierTold>),
    ) -> Result<Planned, AlertError> {
        let before = ledger_of(state)?;
        let mut ledger = before.clone();
        ledger.forget_future(moment.now);
        if let Some(told) = told {
            ledger.forget_unpublished(|event| told.has(event));
        }
        ledger.mute(&self.mutes, moment.now);
        let found: Vec<Found> = insights.iter().map(found).collect();
        if publishing == Publishing::ToCome {
            let new = found.iter().filter(|found| !ledger.knows(&found.event));
            let new: Vec<String> = new.map(|found| found.event.record.event_id.clone()).collect();
            ledger.note_unpublished(new.into_iter());
        }
        let planned = plan(&mut ledger, found, &self.feeds(), moment);
        ledger.note_run(moment.now);
        // Who follows a trail finds nothing new in most minutes, and pays for each request.
        if ledger != before {
            state.save_ledger(&ledger.to_bytes())?;
        }
        Ok(planned)
    }

    /// Notes that what was to be published is.
    ///
    /// # Errors
    /// When the ledger cannot be read or written. Then the next run finds out.
    pub fn note_published(&self, state: &mut State) -> Result<(), AlertError> {
        let mut ledger = ledger_of(state)?;
        if ledger.has_unpublished() {
            ledger.note_published();
            state.save_ledger(&ledger.to_bytes())?;
        }
        Ok(())
    }

    /// Names of all feeds, in the order of the configuration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.receivers.iter().map(|receiver| &*receiver.feed.name)
    }

    fn feeds(&self) -> Vec<Feed> {
        self.receivers.iter().map(|receiver| receiver.feed.clone()).collect()
    }
}

/// What the ledger of a state holds.
///
/// # Errors
/// When it cannot be read.
pub fn ledger_of(state: &State) -> Result<Ledger, AlertError> {
    Ok(state.ledger()?.map_or_else(|| Ok(Ledger::default()), |bytes| Ledger::from_bytes(&bytes))?)
}

/// An insight as it was published.
#[must_use]
pub fn found(insight: &Insight) -> Found {
    let line = serde_json::to_string(&Line::of(insight)).expect("texts and numbers can be written as JSON");
    Found { event: Event::from(insight), line }
}

fn receiver(feed: &Feed, buckets: &Buckets) -> Result<Receiver, AlertError> {
    let name = || feed.name.to_string();
    let secrets = Secrets::read(&feed.kind).map_err(|source| AlertError::Secret { feed: name(), source })?;
    let signer = match &feed.kind {
        FeedKind::EventBridge(_) | FeedKind::Sns(_) => Some(buckets.signer()?),
        _ => None,
    };
    let failed = |why| AlertError::Feed { feed: name(), why };
    feed::check_secrets(&feed.kind, &secrets).map_err(failed)?;
    let http = Http::new(feed, signer).map_err(failed)?;
    let receiver = Receiver { feed: feed.clone(), secrets, http, time: WHOLE };
    // What a message would be is known before there is one.
    receiver.check(&trial::notice(&feed.name, DateTime::<Utc>::UNIX_EPOCH)).map_err(failed)?;
    Ok(receiver)
}

#[cfg(test)]
mod tests;
