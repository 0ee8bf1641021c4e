//! A notice -> what each kind of feed sends for it: one small file with one payload each. Pure.
pub mod jsonl;
pub mod webhook;

use chrono::{DateTime, Utc};

use super::notice::Notice;
use super::outgoing::Outgoing;
use super::secret::{Secret, Secrets};
use crate::config::{Address, Feed, FeedKind};

/// All that a payload may depend on beside the notice.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The feed's settings.
    pub feed: &'a Feed,
    /// The secrets that its kind names, read.
    pub secrets: &'a Secrets,
    /// When it is sent.
    pub now: DateTime<Utc>,
}

impl Context<'_> {
    /// The address, whether it is a secret or not.
    #[must_use]
    pub fn address(&self, address: &Address) -> Secret {
        match address {
            Address::Plain(url) => Secret::new(url.clone()),
            Address::Secret(place) => self.secrets.get(place).clone(),
        }
    }
}

/// What the feed sends for a notice, in the order in which it is sent: at least one for each of its events.
#[must_use]
pub fn outgoing(context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    match &context.feed.kind {
        FeedKind::Jsonl(settings) => jsonl::outgoing(settings, notice),
        FeedKind::Webhook(settings) => webhook::outgoing(settings, context, notice),
        FeedKind::Alertmanager(_)
        | FeedKind::EventBridge(_)
        | FeedKind::Sns(_)
        | FeedKind::Slack(_)
        | FeedKind::PagerDuty(_)
        | FeedKind::Ocsf(_) => Vec::new(),
    }
}
