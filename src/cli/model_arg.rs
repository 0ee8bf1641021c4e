//! `--model NAME|FILE` and `--sensitivity` -> a validated model.
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

use crate::config::Scan;
use crate::model::{Model, SENSITIVITIES};

/// More than any model needs; a wrong file must not fill memory.
const LARGEST_FILE: u64 = 1 << 20;

/// Which model, and how sensitive.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ModelArgs {
    /// Detection model: default, sensitive, quiet, aws-like, or a file such as those in models/
    /// [default: default].
    #[arg(short, long, value_name = "NAME|FILE", env = "TRAILPULSE_MODEL")]
    model: Option<String>,
    /// How easily something is unusual, 0.1 to 10: more finds more, never less [default: 1].
    #[arg(long, value_name = "NUMBER", value_parser = sensitivity, env = "TRAILPULSE_SENSITIVITY")]
    sensitivity: Option<f64>,
}

impl ModelArgs {
    /// The model; what was not given is as `settings` say.
    pub(super) fn load(&self, settings: &Scan) -> anyhow::Result<Model> {
        let name = self.model.as_deref().or(settings.model.as_deref()).unwrap_or("default");
        let sensitivity = self.sensitivity.or(settings.sensitivity).unwrap_or(1.0);
        Ok(load(name)?.at_sensitivity(sensitivity))
    }
}

fn sensitivity(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| SENSITIVITIES.contains(number));
    number
        .ok_or_else(|| format!("expected a number from {} to {}", SENSITIVITIES.start(), SENSITIVITIES.end()))
}

/// A built-in model by its name, or one from a file.
pub(super) fn load(argument: &str) -> anyhow::Result<Model> {
    if let Some(model) = Model::builtin(argument) {
        return Ok(model);
    }
    let path = Path::new(argument);
    if !path.exists() {
        bail!(
            "there is no model {argument}: neither a file nor one of {}",
            Model::builtin_names().collect::<Vec<_>>().join(", ")
        );
    }
    let cannot = || format!("cannot read model {argument}");
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut text))
        .with_context(cannot)?;
    let text = String::from_utf8(text).with_context(cannot)?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(argument);
    Ok(Model::load(&text, name)?)
}
