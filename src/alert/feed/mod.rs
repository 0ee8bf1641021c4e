//! A notice -> what each kind of feed sends for it: one small file with one payload each. Pure.
mod alertmanager;
mod eventbridge;
mod insight;
mod jsonl;
mod ocsf;
mod pagerduty;
mod slack;
mod sns;
mod text;
mod webhook;

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
    /// Region of AWS in which it is told: the feed's own, or else that of the environment.
    pub region: &'a str,
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
        FeedKind::Alertmanager(settings) => alertmanager::outgoing(settings, context, notice),
        FeedKind::EventBridge(settings) => eventbridge::outgoing(settings, context, notice),
        FeedKind::Sns(settings) => sns::outgoing(settings, context, notice),
        FeedKind::Slack(settings) => slack::outgoing(settings, context, notice),
        FeedKind::PagerDuty(settings) => pagerduty::outgoing(settings, context, notice),
        FeedKind::Ocsf(settings) => ocsf::outgoing(settings, notice),
    }
}

#[cfg(test)]
mod tests;
