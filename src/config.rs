//! The text of `trailpulse.toml` -> settings and rules, or everything that is wrong with it at once. Pure.
//!
//! The documentation of every key, for users, is `docs/configuration.md`.
mod feed;
mod fields;
mod pattern;
mod rules;
mod s3;
mod unmatched;
mod when;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

pub use feed::{
    Address, Alertmanager, Ends, EventBridge, Feed, FeedKind, Group, Jsonl, Matching, Ocsf, PagerDuty,
    Private, SecretRef, Slack, Sns, Webhook,
};
pub use fields::Problem;
pub use pattern::{AnyOf, Pattern};
pub use rules::{Mute, Override, SeriesPattern};
pub(crate) use s3::is_url;
pub use s3::{Encryption, S3};
pub use unmatched::{Unmatched, unmatched};
pub use when::{Held, Weekly, When, instant};

use crate::model::{Model, SENSITIVITIES};
use crate::names::{ApiId, Names};
use crate::roll_up::{ACCOUNTS, ALL, RollUp};
use crate::series::Api;
use crate::time::Minute;
use crate::words::hex;
use fields::{Fields, Reader};

/// All that a configuration says; what it does not say is `None` or empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `[scan]`: defaults of the command line's options.
    pub scan: Scan,
    /// `[s3]`: how to reach buckets.
    pub s3: S3,
    /// `[[override]]`, in the order of the file.
    pub overrides: Vec<Override>,
    /// `[[mute]]`, then `[[expected]]`, each in the order of the file.
    pub mutes: Vec<Mute>,
    /// `[[feed]]`, in the order of the file.
    pub feeds: Vec<Feed>,
}

/// What the options of `scan` are where they are not given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// DEST.
    pub out: Option<String>,
    /// File for metrics of the run.
    pub metrics: Option<String>,
    /// STATE.
    pub state: Option<String>,
    /// Minutes of delivery after which a minute has settled.
    pub settle: Option<u16>,
    /// Days of history to keep.
    pub keep_days: Option<u16>,
    /// Name or file of the model.
    pub model: Option<String>,
    /// Line of `model`, for those who find that there is no such model.
    pub model_line: usize,
    /// How easily something is unusual; 1 is the model as it is written.
    pub sensitivity: Option<f64>,
    /// Threads.
    pub jobs: Option<NonZeroUsize>,
    /// Form of the results on standard output.
    pub format: Option<Format>,
    /// Whether insights make exit status 1.
    pub fail_on_insight: Option<bool>,
    /// Whether a report is written.
    pub report: Option<bool>,
    /// Which sums are judged as well.
    pub roll_up: Vec<RollUp>,
    /// Only events from this time on.
    pub from: Option<Minute>,
    /// Only events before this time.
    pub to: Option<Minute>,
}

/// Form of results on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// What could be read of `[scan]` all the same.
    pub scan: Box<Scan>,
    /// All that is wrong, in order of lines; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        write!(out, "cannot use {}: {}", self.file, problems.join("; "))
    }
}

impl Config {
    /// Reads the text of `file`.
    ///
    /// # Errors
    /// With everything that is wrong: what is not TOML, keys that do not exist, values that make no sense.
    pub fn load(text: &str, file: &str) -> Result<Self, ConfigError> {
        let reader = Reader::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.problem(error.span().map_or(0, |span| span.start), error.message().to_owned());
        }
        let config = Self::read(&reader, table.get_ref());
        match reader.into_problems() {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigError { file: file.to_owned(), scan: Box::new(config.scan), problems }),
        }
    }

    fn read<'r>(reader: &'r Reader<'r>, table: &'r DeTable<'r>) -> Self {
        let fields = Fields::new(reader, table, (String::new(), 0));
        let scan = fields.table("scan").map(scan).unwrap_or_default();
        let s3 = fields.table("s3").map(s3::s3).unwrap_or_default();
        let overrides = fields.tables("override").into_iter().map(rules::an_override).collect();
        let mut mutes: Vec<Mute> = fields.tables("mute").into_iter().filter_map(rules::mute).collect();
        mutes.extend(fields.tables("expected").into_iter().filter_map(rules::expected));
        let mut ids = BTreeMap::<Arc<str>, usize>::new();
        for mute in &mutes {
            *ids.entry(Arc::clone(&mute.id)).or_default() += 1;
        }
        for (id, _) in ids.into_iter().filter(|(_, rules)| *rules > 1) {
            reader.problem(
                0,
                format!("several rules have the id {id}: an insight must say which one muted it"),
            );
        }
        let feeds = feed::feeds(reader, fields.tables("feed"));
        fields.finish();
        Self { scan, s3, overrides, mutes, feeds }
    }
}

fn scan(fields: Fields<'_>) -> Scan {
    let time = |key| {
        fields.parsed(
            key,
            "a time such as 2026-01-31, 2026-01-31T18:00 (UTC) or 2026-01-31T18:00:00Z",
            instant,
        )
    };
    let scan = Scan {
        out: fields.text("out"),
        metrics: fields.text("metrics"),
        state: fields.text("state"),
        settle: fields.whole("settle", 0..=1440),
        keep_days: fields.whole("keep_days", 35..=3650),
        model: fields.text("model"),
        model_line: fields.line("model"),
        sensitivity: fields.number("sensitivity", SENSITIVITIES),
        jobs: fields.whole("jobs", 1..=256).and_then(|jobs| NonZeroUsize::new(jobs.into())),
        format: fields.parsed("format", "\"text\" or \"json\"", |text| match text {
            "text" => Some(Format::Text),
            "json" => Some(Format::Json),
            _ => None,
        }),
        fail_on_insight: fields.flag("fail_on_insight"),
        report: fields.flag("report"),
        roll_up: fields
            .several("roll_up", "\"organization\", \"account\" or \"principal\"", |text| {
                RollUp::ALL.into_iter().find(|kind| kind.name() == text)
            })
            .unwrap_or_default(),
        from: time("from"),
        to: time("to"),
    };
    fields.finish();
    scan
}

/// The model of the run, and where it differs.
#[derive(Debug, Clone)]
pub struct Models {
    base: Model,
    overrides: Vec<Override>,
}

/// Which model judges which API of some names.
#[derive(Debug)]
pub struct Assigned {
    models: Vec<Model>,
    of: Vec<usize>,
}

impl Models {
    /// `base`, but for the APIs of `overrides`: of several that match, the later goes over the earlier.
    #[must_use]
    pub const fn new(base: Model, overrides: Vec<Override>) -> Self {
        Self { base, overrides }
    }

    /// The model of everything that no override names.
    #[must_use]
    pub const fn base(&self) -> &Model {
        &self.base
    }

    /// Digest of everything that judges: parameters, sensitivity, overrides.
    #[must_use]
    pub fn digest(&self) -> String {
        let all = format!("{} {} {:?}", self.base.digest(), self.base.sensitivity(), self.overrides);
        hex(&Sha256::digest(all)[..8])
    }

    /// Where it differs.
    #[must_use]
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// The model of one API.
    #[must_use]
    pub fn of(&self, api: &Api) -> Model {
        self.applied(&self.matching(api), counts_accounts(api))
    }

    /// The models of all APIs of `names`, each distinct one made once.
    #[must_use]
    pub fn assign(&self, names: &Names) -> Assigned {
        let mut assigned = Assigned { models: Vec::new(), of: Vec::new() };
        let mut known = BTreeMap::<(Vec<usize>, bool), usize>::new();
        let accounts = names.find_text(ACCOUNTS);
        for api in names.api_ids() {
            let matching =
                if self.overrides.is_empty() { Vec::new() } else { self.matching(&names.api_of(api)) };
            let may_count_accounts = Some(names.apis()[api.index()].event_name) == accounts;
            let counts_accounts = may_count_accounts && counts_accounts(&names.api_of(api));
            let models = &mut assigned.models;
            let model = *known.entry((matching, counts_accounts)).or_insert_with_key(|(matching, _)| {
                models.push(self.applied(matching, counts_accounts));
                models.len() - 1
            });
            assigned.of.push(model);
        }
        assigned
    }

    fn matching(&self, api: &Api) -> Vec<usize> {
        (0..self.overrides.len()).filter(|index| self.overrides[*index].series.matches_api(api)).collect()
    }

    fn applied(&self, matching: &[usize], counts_accounts: bool) -> Model {
        let mut model = self.base.clone();
        if counts_accounts {
            let calls = toml::Value::from(model.parameters().first_seen.accounts);
            let first_seen = toml::Table::from_iter([("calls".to_owned(), calls)]);
            model = model
                .with(toml::Table::from_iter([("first_seen".to_owned(), first_seen.into())]))
                .unwrap_or(model);
        }
        for Override { parameters, sensitivity, .. } in matching.iter().map(|index| &self.overrides[*index]) {
            // Every key has a range of its own, and was found within it when the override was read.
            model = model.with(parameters.clone()).unwrap_or(model);
            if let Some(sensitivity) = sensitivity {
                model = model.at_sensitivity(*sensitivity);
            }
        }
        model
    }
}

/// Whether it is the sum that counts the accounts that a principal reaches, not calls.
fn counts_accounts(api: &Api) -> bool {
    &*api.event_name == ACCOUNTS && &*api.event_source == ALL
}

impl From<Model> for Models {
    fn from(base: Model) -> Self {
        Self::new(base, Vec::new())
    }
}

impl Assigned {
    /// The model of an API.
    #[must_use]
    pub fn of(&self, api: ApiId) -> &Model {
        &self.models[self.of[api.index()]]
    }
}

#[cfg(test)]
mod tests;
