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
    let Some((shown, text)) = read(argument)? else { return Ok(None) };
    let config = Config::load(&text, &shown)?;
    Ok(Some((shown, config)))
}

/// The configuration of a run that goes on and on.
#[derive(Debug)]
pub(super) struct Lasting<'a> {
    argument: Option<&'a Path>,
    /// The last that was good.
    pub(super) config: Config,
    /// Its text, once it was read again.
    text: Option<String>,
    /// What is wrong with what came after it.
    said: Option<String>,
}

impl<'a> Lasting<'a> {
    pub(super) const fn new(argument: Option<&'a Path>, config: Config) -> Self {
        Self { argument, config, text: None, said: None }
    }

    /// Takes what stands in the file by now, if that is good, by `check` too. Gives what is wrong with it, where that was not
    /// given before.
    pub(super) fn again(
        &mut self,
        check: impl FnOnce(&Config) -> anyhow::Result<()>,
    ) -> Option<anyhow::Error> {
        let error = match self.changed(check) {
            Ok(()) => {
                self.said = None;
                return None;
            }
            Err(error) => error,
        };
        let text = Some(format!("{error:#}"));
        let is_new = self.said != text;
        self.said = text;
        is_new.then_some(error)
    }

    fn changed(&mut self, check: impl FnOnce(&Config) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let Some((file, text)) = read(self.argument)? else {
            if self.config == Config::default() {
                return Ok(());
            }
            bail!("there is no {DEFAULT_FILE} any more");
        };
        if self.text.as_ref() != Some(&text) {
            let config = Config::load(&text, &file)?;
            if config != self.config {
                check(&config)?;
                self.config = config;
            }
            self.text = Some(text);
        }
        Ok(())
    }
}

/// A configuration's file and its text; `None` where no file was named and there is none.
fn read(argument: Option<&Path>) -> anyhow::Result<Option<(String, String)>> {
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
    Ok(Some((shown, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_good_is_said_once_and_the_last_good_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.toml");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        let feed = |name: &str| format!("[[feed]]\nname = \"{name}\"\ntype = \"jsonl\"\npath = \"x\"\n");
        write(&feed("a"));
        let mut lasting = Lasting::new(Some(&path), load(Some(&path)).expect("sound"));
        let good = |_: &Config| Ok(());
        let names = |lasting: &Lasting<'_>| lasting.config.feeds[0].name.to_string();
        assert!(lasting.again(|_| bail!("it is the same")).is_none());
        write("[[feed]");
        assert!(lasting.again(good).is_some_and(|error| error.is::<crate::config::ConfigError>()));
        assert!(lasting.again(good).is_none() && names(&lasting) == "a");
        write("[[food]]");
        assert!(lasting.again(good).is_some(), "something else is wrong");
        // What does not depend on the file alone is tried again, though the file stays as it is.
        write(&feed("b"));
        assert!(
            lasting.again(|_| bail!("no secret")).is_some()
                && lasting.again(|_| bail!("no secret")).is_none()
        );
        assert_eq!(names(&lasting), "a");
        assert!(lasting.again(good).is_none() && names(&lasting) == "b");
        std::fs::remove_file(&path).expect("it is there");
        assert!(lasting.again(good).is_some() && lasting.again(good).is_none() && names(&lasting) == "b");
        write(&feed("c"));
        assert!(lasting.again(good).is_none() && names(&lasting) == "c");
    }
}
