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
use super::outgoing::{Outgoing, Value};
use super::secret::{Secret, Secrets};
use crate::config::{Address, Feed, FeedKind, SecretRef};

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

    /// The header that carries a token.
    #[must_use]
    pub fn bearer(&self, token: &SecretRef) -> (&'static str, Value) {
        let bearer = format!("Bearer {}", self.secrets.get(token).reveal());
        ("authorization", Value::Secret(Secret::new(bearer)))
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

/// What is wrong with the secrets of a feed, as far as it tells before anything is sent.
///
/// # Errors
/// With the first that its receiver would refuse.
pub fn check_secrets(kind: &FeedKind, secrets: &Secrets) -> Result<(), String> {
    match kind {
        FeedKind::PagerDuty(settings) => pagerduty::check_key(secrets.get(&settings.routing_key)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
