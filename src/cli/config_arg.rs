//! `--config FILE`, or `trailpulse.toml` in the working directory -> a validated configuration.
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};

use crate::config::Config;

/// Looked for in the working directory.
pub(super) const DEFAULT_FILE: &str = "trailpulse.toml";

/// More than any configuration needs; a wrong file must not fill memory.
const LARGEST_FILE: u64 = 1 << 20;

/// The configuration of the run: an empty one where no file was named and there is none.
pub(super) fn load(argument: Option<&Path>) -> anyhow::Result<Config> {
    Ok(find(argument)?.map(|(_, config)| config).unwrap_or_default())
}

/// The configuration and its file; `None` where no file was named and there is none.
pub(super) fn find(argument: Option<&Path>) -> anyhow::Result<Option<(String, Config)>> {
    let path = argument.unwrap_or(Path::new(DEFAULT_FILE));
    let shown = path.display().to_string();
    let cannot = || format!("cannot read configuration {shown}");
    let mut text = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound && argument.is_none() => return Ok(None),
        read => read.with_context(cannot)?,
    };
    if text.len() as u64 > LARGEST_FILE {
        bail!("{}: it is larger than {LARGEST_FILE} bytes", cannot());
    }
    let text = String::from_utf8(text).with_context(cannot)?;
    let config = Config::load(&text, &shown)?;
    Ok(Some((shown, config)))
}
