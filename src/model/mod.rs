//! The text of a model file -> validated parameters with a name and a digest. Pure.
//!
//! A model file gives only what differs from `models/default.toml`, which is embedded and is also the documentation.
mod parameters;
mod sensitivity;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};
use statrs::distribution::{ContinuousCDF, StudentsT};

pub use parameters::{
    Accepted, Contextual, Dispersion, Drop, Entry, Episode, Errors, Expectation, FirstSeen, Memory,
    Parameters, Record,
};

use crate::time::MINUTES_PER_DAY;
use crate::words::hex;

/// The models that come with the program, by name.
const BUILTIN: [(&str, &str); 4] = [
    ("default", include_str!("../../models/default.toml")),
    ("sensitive", include_str!("../../models/sensitive.toml")),
    ("quiet", include_str!("../../models/quiet.toml")),
    ("aws-like", include_str!("../../models/aws-like.toml")),
];

/// What a sensitivity may be; 1 is the model as it is written.
pub const SENSITIVITIES: RangeInclusive<f64> = 0.1..=10.0;

/// Hex digits of the SHA-256 that identify a model.
const DIGEST_DIGITS: usize = 16;

/// What the detector looks for: parameters that were checked, and what is computed from them once.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    name: String,
    digest: String,
    parameters: Parameters,
    quantiles: Vec<f64>,
    /// What lines ask for is divided by this; 1 but in an eased model.
    ease: f64,
    /// The lines that are told of, where they are not the model's own.
    eased: Option<Box<Model>>,
}

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("cannot read model {name}: {reason}")]
    Syntax {
        /// The model's name.
        name: String,
        /// What is wrong, with the key or the line.
        reason: String,
    },
    /// A value that would make the detector meaningless.
    #[error("cannot use model {name}: {table}.{key} must be between {low} and {high}, got {value}")]
    Range {
        /// The model's name.
        name: String,
        /// Table of the key.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// Smallest allowed value.
        low: f64,
        /// Largest allowed value.
        high: f64,
        /// What the file says.
        value: f64,
    },
}

impl Model {
    /// The model that comes with the program under `name`: `default`, `sensitive`, `quiet` or `aws-like`.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        Some(Self::load(text, name).expect("the models that come with the program are valid, a test says so"))
    }

    /// The names [`Model::builtin`] knows, the default first.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// The model in `text`, a TOML file that gives what differs from the default model.
    ///
    /// # Errors
    /// Where the text is not TOML, has a key that no model has, or a value of the wrong type or out of range.
    pub fn load(text: &str, name: &str) -> Result<Self, ModelError> {
        let syntax = |reason: String| ModelError::Syntax { name: name.to_owned(), reason };
        let mut table: toml::Table =
            BUILTIN[0].1.parse().expect("the default model is valid TOML, a test says so");
        let changes: toml::Table = text.parse().map_err(|error: toml::de::Error| syntax(one_line(&error)))?;
        overlay(&mut table, changes);
        Self::read(name, table)
    }

    fn read(name: &str, table: toml::Table) -> Result<Self, ModelError> {
        let parameters = serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
            let reason = format!("{}: {}", error.path(), one_line(error.inner()));
            ModelError::Syntax { name: name.to_owned(), reason }
        })?;
        Self::new(name, parameters)
    }

    /// This model with the values of `changes`, a model file's tables, in the place of its own.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn with(&self, changes: toml::Table) -> Result<Self, ModelError> {
        let mut table =
            toml::Table::try_from(&self.parameters).expect("tables of numbers can be written as TOML");
        overlay(&mut table, changes);
        Ok(Self::read(&self.name, table)?.at_sensitivity(self.sensitivity()))
    }

    /// A model of these parameters.
    ///
    /// # Errors
    /// Where a value is out of its range.
    pub fn new(name: &str, parameters: Parameters) -> Result<Self, ModelError> {
        for Entry { table, key, value, range: (low, high), .. } in parameters.entries() {
            if !(low..=high).contains(&value) {
                return Err(ModelError::Range { name: name.to_owned(), table, key, low, high, value });
            }
        }
        let quantiles = quantiles(&parameters);
        Ok(Self {
            name: name.to_owned(),
            digest: digest(&parameters, 1.0),
            parameters,
            quantiles,
            ease: 1.0,
            eased: None,
        })
    }

    /// The same model, more (above 1) or less (below 1) sensitive. It learns the same, and tells of other episodes:
    /// at every moment when a less sensitive one opens an episode, a more sensitive one has one open.
    #[must_use]
    pub fn at_sensitivity(mut self, sensitivity: f64) -> Self {
        let ease = sensitivity.clamp(*SENSITIVITIES.start(), *SENSITIVITIES.end());
        self.digest = digest(&self.parameters, ease);
        self.eased = (ease.total_cmp(&1.0).is_ne()).then(|| {
            let parameters = sensitivity::eased(&self.parameters, ease);
            let Self { name, digest, quantiles, .. } = &self;
            let (name, digest, quantiles) = (name.clone(), digest.clone(), quantiles.clone());
            Box::new(Self { name, digest, parameters, quantiles, ease, eased: None })
        });
        self
    }

    /// How easily something is unusual; 1 is as the parameters say.
    #[must_use]
    pub fn sensitivity(&self) -> f64 {
        self.eased.as_ref().map_or(1.0, |eased| eased.ease)
    }

    /// The lines to tell of, where they are not the model's own.
    pub(crate) fn eased(&self) -> Option<&Self> {
        self.eased.as_deref()
    }

    /// What its lines ask for is divided by this, beyond what its parameters say.
    pub(crate) const fn ease(&self) -> f64 {
        self.ease
    }

    /// As given to [`Model::load`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first 16 hex digits of the SHA-256 over all parameters, one `table.key=value` a line, values as Rust prints a
    /// 64-bit float, after the sensitivity where that is not 1. Models that judge alike have the same digest, whatever their name and their file's layout.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// All parameters.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Minutes that an account must have been watched before anything is reported.
    pub(crate) fn warm_minutes(&self) -> i32 {
        (self.parameters.memory.warm_days * f64::from(MINUTES_PER_DAY)).ceil() as i32
    }

    /// The 1 - alpha quantile of Student's t with `degrees` of freedom, of `record.alpha`.
    #[expect(clippy::cast_sign_loss, reason = "degrees of freedom are positive")]
    pub(crate) fn t_quantile(&self, degrees: f64) -> f64 {
        self.quantiles[(degrees as usize).min(self.quantiles.len() - 1)]
    }
}

/// Student's t quantiles for 0, 1, 2, .. degrees of freedom; that for 0 is that for 1.
#[expect(clippy::cast_sign_loss, reason = "the weights of priors and the days are positive")]
fn quantiles(parameters: &Parameters) -> Vec<f64> {
    let most =
        parameters.record.prior_days.max(parameters.accepted.prior_days).max(parameters.drop.prior_days)
            + f64::from(parameters.memory.days);
    (0..=most as usize)
        .map(|degrees| {
            StudentsT::new(0.0, 1.0, degrees.max(1) as f64)
                .expect("at least one degree of freedom")
                .inverse_cdf(1.0 - parameters.record.alpha)
        })
        .collect()
}

fn digest(parameters: &Parameters, sensitivity: f64) -> String {
    let mut text = String::new();
    if sensitivity.total_cmp(&1.0).is_ne() {
        writeln!(text, "sensitivity={sensitivity}").expect("writing to a string cannot fail");
    }
    for Entry { table, key, value, .. } in parameters.entries() {
        writeln!(text, "{table}.{key}={value}").expect("writing to a string cannot fail");
    }
    let hash = Sha256::digest(text.as_bytes());
    let mut digits = hex(&hash);
    digits.truncate(DIGEST_DIGITS);
    digits
}

/// Puts the values of `changes` in the place of those of `base`, table by table.
fn overlay(base: &mut toml::Table, changes: toml::Table) {
    for (key, change) in changes {
        match (base.get_mut(&key), change) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(change)) => overlay(inner, change),
            (_, change) => {
                base.insert(key, change);
            }
        }
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Degrees of freedom, and `scipy.stats.t.ppf(1 - 2e-5, degrees)`.
    const SCIPY_T: [(f64, f64); 4] =
        [(1.0, 15_915.494_288), (5.0, 13.496_033), (12.0, 6.291_187_3), (32.0, 4.758_866_2)];

    /// What loading `text` says: the digest, or the error.
    fn load(text: &str) -> Result<String, String> {
        Model::load(text, "mine").map(|model| model.digest().to_owned()).map_err(|error| error.to_string())
    }

    fn check(text: &str, words: &[&str]) {
        let error = load(text).expect_err(text);
        for word in words {
            assert!(error.contains(word), "{text:?}: {error:?} does not say {word:?}");
        }
        assert!(error.starts_with("cannot ") && !error.ends_with('.') && !error.contains('\n'), "{error:?}");
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        check("[contextual]\nz = 1", &["mine", "contextual.z", "2", "100", "1"]);
        check("[contextual]\nz = nan", &["contextual.z", "NaN"]);
        check("[contextual]\nzz = 6.0", &["contextual", "zz"]);
        check("[contextal]\nz = 6.0", &["contextal"]);
        check("[memory]\ndays = 2.5", &["memory.days"]);
        check("[memory]\ndays = -1", &["memory.days"]);
        check("[record]\nalpha = \"low\"", &["record.alpha"]);
        check("record = 3", &["record"]);
        check("[record\n", &["line 1"]);
    }

    #[test]
    fn builtin_models_differ_and_keep_their_digest() {
        let digests: BTreeMap<String, &str> = Model::builtin_names()
            .map(|name| (Model::builtin(name).expect(name).digest().to_owned(), name))
            .collect();
        assert_eq!(digests.len(), BUILTIN.len());
        assert_eq!(Model::builtin("no such model"), None);
        let default = Model::builtin("default").expect("the default model");
        assert_eq!(load("# nothing differs").as_deref(), Ok(default.digest()));
        assert_eq!(load("[contextual]\nexcess = 14").as_deref(), Ok(default.digest()), "14 is 14.0");
        assert_ne!(load("[contextual]\nz = 6.1").as_deref(), Ok(default.digest()));
    }

    #[test]
    fn student_quantiles_are_those_of_scipy() {
        let model = Model::builtin("default").expect("the default model");
        for (degrees, quantile) in SCIPY_T {
            assert!((model.t_quantile(degrees) / quantile - 1.0).abs() < 1e-6, "{degrees} {quantile}");
        }
    }

    /// The schema that the parameters imply, with the comments of the default model as descriptions.
    fn schema() -> Value {
        let default = Model::builtin("default").expect("the default model");
        let mut tables = serde_json::Map::new();
        for Entry { table, key, value, range: (low, high), whole } in default.parameters().entries() {
            let kind = if whole { "integer" } else { "number" };
            let number = |value: f64| if whole { json!(value as i32) } else { json!(value) };
            let entry = tables.entry(table).or_insert_with(
                || json!({"type": "object", "additionalProperties": false, "properties": {}}),
            );
            entry["properties"][key] = json!({
                "type": kind, "minimum": number(low), "maximum": number(high), "default": number(value),
            });
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A detection model of trailpulse: what differs from the default model",
            "type": "object",
            "additionalProperties": false,
            "properties": tables,
        })
    }

    #[test]
    fn schema_agrees_with_the_parameters() {
        let written: Value = serde_json::from_str(include_str!("../../models/schema.json")).expect("JSON");
        let wanted = schema();
        assert_eq!(written, wanted, "models/schema.json should be:\n{wanted:#}");
    }

    #[test]
    fn default_model_comments_every_parameter() {
        let text = BUILTIN[0].1;
        for Entry { key, .. } in Model::builtin("default").expect("the default model").parameters().entries()
        {
            let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("{key} "))).collect();
            assert!(!lines.is_empty() && lines.iter().all(|line| line.contains('#')), "{key}: {lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_model_or_an_error(text in r"(\[?[a-z_]{1,12}\]?( ?= ?[-0-9.einf]{1,6})?\n?){0,6}|.{0,80}") {
            let _ = load(&text);
        }
    }
}
