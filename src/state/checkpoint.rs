//! What one run hands on to the next, and the files that hold the rest <-> the JSON of a checkpoint, versioned. Pure.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::StateError;
use super::vault::{Filed, sha256};
use crate::time::{Day, Minute};

/// The version of the state's format that is written.
pub const FORMAT: u32 = 1;

/// All of a state but for the contents of its files. It says nothing of when or how often it was written, so the same logs
/// give the same bytes, however many runs read them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// [`FORMAT`].
    pub format: u32,
    /// What judged last.
    pub model: Model,
    /// The newest delivery that was read.
    #[serde(with = "crate::time::text::optional")]
    pub newest_delivery: Option<Minute>,
    /// Minutes before this one have been judged.
    #[serde(with = "crate::time::text::optional")]
    pub judged_until: Option<Minute>,
    /// What is known of each account.
    pub accounts: BTreeMap<String, Account>,
    /// SOURCEs in buckets of which everything that was new was listed: only below them a listing goes on from its
    /// newest key. No part of what stands for the state.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub listed: BTreeSet<String>,
    /// Of those, the ones that the last run could not list to their end, with the day up to which all was listed. No part of
    /// what stands for the state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unlisted: BTreeMap<String, String>,
    /// Calls by day, as counts tables.
    pub days: BTreeMap<String, Filed>,
    /// What the detectors have learned, and what is open.
    pub learned: Option<Filed>,
    /// Event ids, as fingerprints, by the day with which they are forgotten.
    pub events: BTreeMap<String, Filed>,
    /// Files that were read, by the day of their delivery; `unnamed` where their names tell none.
    pub read: BTreeMap<String, Filed>,
    /// Of all the above; empty but in a file.
    pub sha256: String,
}

/// Which parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Such as `default`.
    pub name: String,
    /// Digest of all parameters, overrides included.
    pub digest: String,
}

/// What is known of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its first call.
    #[serde(with = "crate::time::text::optional")]
    pub watched_since: Option<Minute>,
    /// Its organization, as earlier programs wrote it: whatever the time. Now it is the next field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Of the days of delivery that matter yet, the organization below which its logs lay; empty where they lay below none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub organizations: BTreeMap<String, String>,
    /// Of each region, the day of the first log file that was read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<String, String>,
    /// Of each region, the day of the newest log file that was read: a bucket's listing goes on two days before it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub newest: BTreeMap<String, String>,
    /// Of each region, the day of the oldest log file that the last run found and could not read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missed: BTreeMap<String, String>,
}

impl Checkpoint {
    /// What stands for the state, hexadecimal: all the rest, but for where the logs lie.
    #[must_use]
    pub fn digest(&self) -> String {
        Self { listed: BTreeSet::new(), unlisted: BTreeMap::new(), ..self.clone() }.sum()
    }

    /// SHA-256 of all the rest, hexadecimal.
    fn sum(&self) -> String {
        let bare = Self { sha256: String::new(), ..self.clone() };
        sha256(&serde_json::to_vec(&bare).expect("texts and numbers can be written as JSON"))
    }

    /// As bytes, with its digest.
    pub fn to_bytes(&self) -> Vec<u8> {
        let whole = Self { sha256: self.sum(), ..self.clone() };
        let mut bytes = serde_json::to_vec_pretty(&whole).expect("texts and numbers can be written as JSON");
        bytes.push(b'\n');
        bytes
    }

    /// From bytes.
    ///
    /// # Errors
    /// When they are of a format that this program does not know, or are not a checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged = |error: serde_json::Error| StateError::Damaged {
            path: "checkpoint".into(),
            why: format!("not a checkpoint: {error}"),
        };
        let Version { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != FORMAT {
            return Err(StateError::Format { found: format, known: FORMAT });
        }
        let whole: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        if whole.sha256 != whole.sum() {
            let why = "its digest is not that of what it says".to_owned();
            return Err(StateError::Damaged { path: "checkpoint".into(), why });
        }
        Ok(Self { sha256: String::new(), ..whole })
    }

    /// All files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Filed> {
        let many = [&self.days, &self.events, &self.read].into_iter().flat_map(BTreeMap::values);
        many.chain(&self.learned)
    }

    /// Their paths.
    pub fn paths(&self) -> BTreeSet<&str> {
        self.files().map(|file| file.path.as_str()).collect()
    }

    /// The days whose calls it keeps, in order.
    pub fn kept_days(&self) -> impl Iterator<Item = (Day, &Filed)> {
        self.days.iter().filter_map(|(day, file)| Some((day_of(day)?, file)))
    }
}

/// Whether a path below STATE is one that this program gives: what is not is left alone.
pub(super) fn is_named_by_us(path: &str) -> bool {
    let in_folder = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    FOLDERS.into_iter().any(in_folder) || path.starts_with("learned.")
}

/// The folders of a state.
pub(super) const FOLDERS: [&str; 3] = ["days", "events", "read"];

/// A day as it stands in a checkpoint.
pub fn day_of(text: &str) -> Option<Day> {
    Some(Minute::parse(&format!("{text}T00:00:00Z"))?.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_another_version_is_refused() {
        let minute = Minute::parse("2026-01-31T12:00:00Z");
        let file = Filed { path: "days/2026-01-31.0.parquet".into(), bytes: 1, sha256: "0".into() };
        let account = Account { watched_since: minute, ..Account::default() };
        let checkpoint = Checkpoint {
            format: FORMAT,
            newest_delivery: minute,
            accounts: [("111122223333".to_owned(), account)].into(),
            listed: ["s3://bucket/logs".to_owned()].into(),
            unlisted: [("s3://bucket/logs".to_owned(), "2026-01-30".to_owned())].into(),
            days: [("2026-01-31".to_owned(), file)].into(),
            ..Checkpoint::default()
        };
        let bytes = checkpoint.to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes).expect("what was written"), checkpoint);
        assert_eq!(checkpoint.paths().into_iter().collect::<Vec<_>>(), ["days/2026-01-31.0.parquet"]);
        let elsewhere =
            Checkpoint { listed: BTreeSet::new(), unlisted: BTreeMap::new(), ..checkpoint.clone() };
        assert_eq!(elsewhere.digest(), checkpoint.digest(), "it is the same wherever the logs lie");
        let text = String::from_utf8(bytes).expect("JSON");
        for (from, to, want) in [
            ("bucket", "basket", "its digest is not that of what it says"),
            ("111122223333", "111122223334", "its digest is not that of what it says"),
            ("\"format\": 1", "\"format\": 2", "the state is of format 2, this program knows format 1"),
            ("2026-01-31T12:00:00Z", "noon", "noon is not a time"),
            ("\"days\"", "\"weeks\"", "unknown field `weeks`"),
            ("{", "", "not a checkpoint"),
        ] {
            let error =
                Checkpoint::from_bytes(text.replacen(from, to, 1).as_bytes()).expect_err(want).to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
