//! `[[feed]]` of `trailpulse.toml` -> where insights are told, and which of them. Pure.
//!
//! Secrets are not read here: a configuration only says in which variable or file each one is.
mod kinds;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::fields::{Fields, Reader};
use super::pattern::AnyOf;
use super::rules::{self, SeriesPattern};
use crate::severity::Severity;

pub use kinds::{Alertmanager, EventBridge, FeedKind, Jsonl, Ocsf, PagerDuty, Slack, Sns, Webhook};

/// One place where insights are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Names it in messages, in the ledger and in metrics; different from that of every other feed.
    pub name: Arc<str>,
    /// What it speaks, and to whom.
    pub kind: FeedKind,
    /// Which insights it is told.
    pub matching: Matching,
    /// What makes one message.
    pub group: Group,
    /// Messages an hour; more are held back. `None` where all are sent.
    pub at_most: Option<u16>,
    /// Minutes after which what could not be delivered is given up.
    pub give_up_after: u32,
    /// Seconds for a whole answer.
    pub timeout: u16,
    /// Whether it may be in a private network.
    pub private: Private,
    /// Whether it is told that something has ended.
    pub ends: Ends,
}

/// What makes one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// All that is new of an incident.
    Incident,
    /// Each insight is one.
    Insight,
}

/// Whether addresses of private networks are called: 10.0.0.0/8 and such, this machine's own, link-local ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// A name that leads there is an error: what is written into a configuration must not reach what only this machine can.
    Refused,
    /// The receiver is in such a network.
    Allowed,
}

/// Whether Ends are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Of every insight whose Start was told.
    Told,
    /// Never.
    Untold,
}

/// Which insights. What is left out matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// Account, region, source, name, error code, type and direction.
    pub series: SeriesPattern,
    /// As severe as this, or more.
    pub severity: Option<Severity>,
    /// Who did most of it: the identity as the record has it without its session, or in short (`role/ci-deployer`).
    pub principal: Option<AnyOf>,
}

/// Where a secret is to be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// In this variable of the environment.
    Env(String),
    /// In this file; a line break at its end is none of it.
    File(PathBuf),
}

/// An address that may be a secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// As the configuration has it.
    Plain(String),
    /// To be read.
    Secret(SecretRef),
}

impl fmt::Display for Matching {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(out)?;
        if let Some(principal) = &self.principal {
            write!(out, ", principal {principal}")?;
        }
        match self.severity {
            Some(severity) => write!(out, ", {severity} or more severe"),
            None => Ok(()),
        }
    }
}

/// Minutes after which a feed gives up, where it does not say.
const GIVE_UP_AFTER: u32 = 3 * 24 * 60;
/// Seconds for an answer, where a feed does not say.
const TIMEOUT: u16 = 10;
/// Longest name of a feed: it is a label of metrics.
const LONGEST_NAME: usize = 64;

/// Reads all `[[feed]]`s.
pub(super) fn feeds(reader: &Reader<'_>, tables: Vec<Fields<'_>>) -> Vec<Feed> {
    let feeds: Vec<Feed> = tables.into_iter().filter_map(feed).collect();
    let mut names = BTreeMap::<&str, usize>::new();
    for feed in &feeds {
        *names.entry(&feed.name).or_default() += 1;
    }
    for (name, _) in names.into_iter().filter(|(_, feeds)| *feeds > 1) {
        reader.problem(0, format!("several feeds have the name {name}: what was told is kept by name"));
    }
    feeds
}

fn feed(fields: Fields<'_>) -> Option<Feed> {
    let name = fields.parsed("name", "a name of letters, digits, - and _, at most 64 of them", |text| {
        is_name(text).then(|| text.into())
    });
    if name.is_none() && !fields.has("name") {
        fields.problem("needs a name: what was told is kept by it");
    }
    let kind = kinds::kind(&fields);
    let give_up_after = fields.parsed("give_up_after", SPAN, span);
    let private = match fields.flag("allow_private") {
        Some(true) => Private::Allowed,
        Some(false) | None => Private::Refused,
    };
    let ends = match fields.flag("resolved") {
        Some(true) | None => Ends::Told,
        Some(false) => Ends::Untold,
    };
    let group = fields.parsed("group", "\"incident\" or \"none\"", |text| match text {
        "incident" => Some(Group::Incident),
        "none" => Some(Group::Insight),
        _ => None,
    });
    let (at_most, timeout) = (fields.whole("at_most", 1..=10_000), fields.whole("timeout", 1..=300));
    let matching = fields.table("match").map(matching);
    // What else there is may belong to a type that is misspelt.
    let Ok(kind) = kind else { return None };
    fields.finish();
    let feed = Feed {
        name: name.unwrap_or_default(),
        matching: matching.unwrap_or_default(),
        group: group.unwrap_or(Group::Incident),
        at_most,
        give_up_after: give_up_after.unwrap_or(GIVE_UP_AFTER),
        timeout: timeout.unwrap_or(TIMEOUT),
        private,
        ends,
        kind: kind?,
    };
    (!feed.name.is_empty()).then_some(feed)
}

fn matching(fields: Fields<'_>) -> Matching {
    let severities = "\"low\", \"medium\", \"high\" or \"critical\"";
    let matching = Matching {
        series: rules::series(&fields),
        severity: fields.parsed("severity", severities, |text| {
            Severity::ALL.into_iter().find(|severity| severity.name() == text)
        }),
        principal: rules::patterns(&fields, "principal"),
    };
    fields.finish();
    matching
}

/// What says where a secret is: `KEY_env` or `KEY_file`, of which one may be given.
fn secret(fields: &Fields<'_>, [env, file]: [&'static str; 2]) -> Option<SecretRef> {
    // What should only be named here is written here itself by mistake.
    let env = fields.parsed_unshown(env, "the name of a variable: letters, digits and _", |name| {
        is_variable(name).then(|| SecretRef::Env(name.to_owned()))
    });
    let file = fields.parsed_unshown(file, "the path of a file", |path| {
        let is_path = !path.trim().is_empty() && !path.contains("://");
        is_path.then(|| SecretRef::File(path.into()))
    });
    if env.is_some() && file.is_some() {
        fields.problem("has a secret in the environment and in a file: name one of them");
    }
    env.or(file)
}

fn is_name(text: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(fits)
}

/// Whether a variable of the environment can have this name in every shell.
fn is_variable(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_word) && !name.bytes().next().is_none_or(|first| first.is_ascii_digit())
}

const SPAN: &str = "a span such as \"90m\", \"12h\" or \"3d\"";

/// Minutes of a span such as `3d`; at most a year.
fn span(text: &str) -> Option<u32> {
    let at = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(at)?;
    let unit = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let minutes = number.parse::<u32>().ok()?.checked_mul(unit)?;
    (1..=366 * 24 * 60).contains(&minutes).then_some(minutes)
}

#[cfg(test)]
mod tests;
