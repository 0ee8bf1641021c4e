//! `type` of a `[[feed]]` and the keys that go with it -> what the feed speaks, and to whom. Pure.
use super::super::fields::Fields;
use super::super::s3::is_url;
use super::{Address, SecretRef, secret};

/// What a feed speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedKind {
    /// A file, or standard output: one line an event.
    Jsonl(Jsonl),
    /// Our own JSON to any address.
    Webhook(Webhook),
    /// Prometheus' Alertmanager, API v2.
    Alertmanager(Alertmanager),
    /// `PutEvents` of Amazon EventBridge.
    EventBridge(EventBridge),
    /// `Publish` of Amazon SNS.
    Sns(Sns),
    /// An incoming webhook of Slack.
    Slack(Slack),
    /// Events API v2 of `PagerDuty`.
    PagerDuty(PagerDuty),
    /// A file, or standard output: one OCSF Detection Finding a line.
    Ocsf(Ocsf),
}

/// Settings of `jsonl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jsonl {
    /// The file, which is only ever added to; `-` is standard output.
    pub path: String,
}

/// Settings of `webhook`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: Address,
    /// What signs each request.
    pub secret: Option<SecretRef>,
    /// Sent as a bearer token.
    pub token: Option<SecretRef>,
}

/// Settings of `alertmanager`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alertmanager {
    /// Its base, such as `http://alertmanager:9093`.
    pub url: Address,
    /// Sent as a bearer token.
    pub token: Option<SecretRef>,
    /// Added to those that identify an alert.
    pub labels: Vec<(String, String)>,
    /// Where the alert can be read about; `generatorURL`.
    pub generator_url: Option<String>,
    /// Minutes after which it counts as resolved where nothing more is said.
    pub ttl: Option<u16>,
}

/// Settings of `eventbridge`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBridge {
    /// Name or ARN of the bus; the default one where not given.
    pub bus: Option<String>,
    /// `source` of the events: AWS keeps `aws.*` to itself.
    pub source: Option<String>,
    /// Region of the bus, where it is given.
    pub region: Option<String>,
    /// URL of a server that speaks the same, instead of AWS's.
    pub endpoint: Option<String>,
}

/// Settings of `sns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sns {
    /// ARN of the topic, which tells its region.
    pub topic: String,
    /// URL of a server that speaks the same, instead of AWS's.
    pub endpoint: Option<String>,
}

/// Settings of `slack`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// The webhook's URL, which is a secret: who knows it can post.
    pub url: SecretRef,
}

/// Settings of `pagerduty`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerDuty {
    /// The integration's key.
    pub routing_key: SecretRef,
    /// Another address than the one in the United States, such as that in Europe.
    pub url: Option<String>,
}

/// Settings of `ocsf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ocsf {
    /// The file, which is only ever added to; `-` is standard output.
    pub path: String,
}

/// Every type, as it stands in a configuration.
const TYPES: &str = "\"jsonl\", \"webhook\", \"alertmanager\", \"eventbridge\", \"sns\", \"slack\", \"pagerduty\" or \"ocsf\"";

impl FeedKind {
    /// As it stands in a configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Jsonl(_) => "jsonl",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::EventBridge(_) => "eventbridge",
            Self::Sns(_) => "sns",
            Self::Slack(_) => "slack",
            Self::PagerDuty(_) => "pagerduty",
            Self::Ocsf(_) => "ocsf",
        }
    }

    /// All secrets that it needs.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Webhook(Webhook { url, secret, token }) => {
                url.secret().into_iter().chain(secret).chain(token).collect()
            }
            Self::Alertmanager(Alertmanager { url, token, .. }) => {
                url.secret().into_iter().chain(token).collect()
            }
            Self::Slack(Slack { url }) => vec![url],
            Self::PagerDuty(PagerDuty { routing_key, .. }) => vec![routing_key],
            Self::Jsonl(_) | Self::EventBridge(_) | Self::Sns(_) | Self::Ocsf(_) => Vec::new(),
        }
    }
}

impl EventBridge {
    /// Its region, as far as the settings tell: that of a bus that is named by its ARN is there.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref().or_else(|| self.bus.as_deref().and_then(region_of))
    }
}

/// The region of an ARN; `None` where it is no ARN, or has none.
fn region_of(name: &str) -> Option<&str> {
    let arn = name.strip_prefix("arn:")?;
    arn.split(':').nth(2).filter(|region| !region.is_empty())
}

impl Address {
    const fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Plain(_) => None,
        }
    }
}

/// A `type` that is missing or misspelt.
pub(super) struct UnknownType;

/// Reads `type`, and the keys that go with it: `None` where those are wrong.
pub(super) fn kind(fields: &Fields<'_>) -> Result<Option<FeedKind>, UnknownType> {
    type Read = fn(&Fields<'_>) -> Option<FeedKind>;
    let read = fields.parsed("type", TYPES, |text| {
        let read: Read = match text {
            "jsonl" => |fields| path(fields).map(|path| FeedKind::Jsonl(Jsonl { path })),
            "webhook" => webhook,
            "alertmanager" => alertmanager,
            "eventbridge" => |fields| Some(eventbridge(fields)),
            "sns" => sns,
            "slack" => slack,
            "pagerduty" => pagerduty,
            "ocsf" => |fields| path(fields).map(|path| FeedKind::Ocsf(Ocsf { path })),
            _ => return None,
        };
        Some(read)
    });
    if read.is_none() && !fields.has("type") {
        fields.problem(&format!("needs a type: {TYPES}"));
    }
    read.map(|read| read(fields)).ok_or(UnknownType)
}

fn path(fields: &Fields<'_>) -> Option<String> {
    needed(fields, fields.text("path"), "path", "needs a path: a file, or - for standard output")
}

fn webhook(fields: &Fields<'_>) -> Option<FeedKind> {
    let [secret, token] =
        [["secret_env", "secret_file"], ["token_env", "token_file"]].map(|keys| secret(fields, keys));
    Some(FeedKind::Webhook(Webhook { url: address(fields)?, secret, token }))
}

fn alertmanager(fields: &Fields<'_>) -> Option<FeedKind> {
    let settings = Alertmanager {
        token: secret(fields, ["token_env", "token_file"]),
        labels: fields.texts("labels"),
        generator_url: url(fields, "generator_url"),
        ttl: fields.whole("ttl", 1..=10_080),
        url: address(fields)?,
    };
    Some(FeedKind::Alertmanager(settings))
}

fn eventbridge(fields: &Fields<'_>) -> FeedKind {
    let source = |text: &str| {
        let is_ours = !text.is_empty() && !text.starts_with("aws.") && text.len() <= 256;
        is_ours.then(|| text.to_owned())
    };
    let settings = EventBridge {
        bus: fields.text("bus"),
        source: fields.parsed(
            "source",
            "a text that does not begin with aws., which AWS keeps to itself",
            source,
        ),
        region: fields.text("region"),
        endpoint: url(fields, "endpoint"),
    };
    let of_bus = settings.bus.as_deref().and_then(region_of);
    if of_bus.is_some_and(|of_bus| settings.region().is_some_and(|region| region != of_bus)) {
        fields.problem("has a region that is not that of its bus: leave it out, the bus's ARN tells it");
    }
    FeedKind::EventBridge(settings)
}

fn sns(fields: &Fields<'_>) -> Option<FeedKind> {
    let endpoint = url(fields, "endpoint");
    let topic = fields.parsed("topic", "the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:NAME", |text| {
        let parts: Vec<&str> = text.split(':').collect();
        let is_arn = parts.len() == 6 && parts[0] == "arn" && parts[2] == "sns";
        (is_arn && parts.iter().all(|part| !part.is_empty())).then(|| text.to_owned())
    });
    let topic = needed(fields, topic, "topic", "needs a topic: its ARN")?;
    Some(FeedKind::Sns(Sns { topic, endpoint }))
}

fn slack(fields: &Fields<'_>) -> Option<FeedKind> {
    let url = secret(fields, ["url_env", "url_file"]);
    let why = "needs url_env or url_file: who knows a webhook's URL can post, so it is a secret";
    Some(FeedKind::Slack(Slack { url: needed(fields, url, "url_env", why)? }))
}

fn pagerduty(fields: &Fields<'_>) -> Option<FeedKind> {
    let url = url(fields, "url");
    let key = secret(fields, ["routing_key_env", "routing_key_file"]);
    let routing_key = needed(fields, key, "routing_key_env", "needs routing_key_env or routing_key_file")?;
    Some(FeedKind::PagerDuty(PagerDuty { routing_key, url }))
}

fn address(fields: &Fields<'_>) -> Option<Address> {
    let (plain, secret) = (url(fields, "url"), secret(fields, ["url_env", "url_file"]));
    if plain.is_some() && secret.is_some() {
        fields.problem("has its URL twice: name one of url, url_env and url_file");
    }
    let address = plain.map(Address::Plain).or(secret.map(Address::Secret));
    needed(fields, address, "url", "needs a url, or url_env or url_file where it is a secret")
}

fn url(fields: &Fields<'_>, key: &'static str) -> Option<String> {
    let sound = |url: &str| {
        let has_secret =
            url.split_once("://").is_some_and(|(_, rest)| rest.split('/').any(|part| part.contains('@')));
        (is_url(url) && !has_secret).then(|| url.to_owned())
    };
    fields.parsed_unshown(key, "a URL, https://… or http://…, without a password", sound)
}

/// Notes what is missing, unless what is there is wrong and was noted for that.
fn needed<T>(fields: &Fields<'_>, value: Option<T>, key: &'static str, why: &str) -> Option<T> {
    if value.is_none() && !fields.has(key) {
        fields.problem(why);
    }
    value
}
