//! What a scan is to read, keep and write -> what of it does not go together. The same for `scan` and `check`.
use std::path::{Component, Path, PathBuf};

use anyhow::anyhow;

use super::reading::not_empty;
use crate::config::Scan;
use crate::s3::is_s3;
use crate::source::read::TimeRange;
use crate::source::walk::not_mixed;

/// DEST where it is not given.
pub(super) const DEFAULT_OUT: &str = "./trailpulse-out";

/// What a scan is to read, keep and write, as arguments and configuration say it.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// SOURCEs.
    pub(super) sources: Vec<PathBuf>,
    /// Which event times count.
    pub(super) range: TimeRange,
    /// DEST.
    pub(super) out: Option<PathBuf>,
    /// STATE.
    pub(super) state: Option<PathBuf>,
    /// The file of the metrics.
    pub(super) metrics: Option<PathBuf>,
}

impl Places {
    /// The same; what was not given is as `settings` say.
    pub(super) fn or(self, settings: &Scan) -> Self {
        let or = |given: Option<PathBuf>, setting: &Option<String>| {
            given.or_else(|| setting.clone().map(PathBuf::from))
        };
        let Self { sources, range, out, state, metrics } = self;
        Self {
            sources,
            range: TimeRange { from: range.from.or(settings.from), to: range.to.or(settings.to) },
            out: or(out, &settings.out),
            state: or(state, &settings.state),
            metrics: or(metrics, &settings.metrics),
        }
    }

    /// DEST.
    pub(super) fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| DEFAULT_OUT.into())
    }

    /// Everything that no scan can be given, wherever it runs.
    pub(super) fn problems(&self) -> Vec<anyhow::Error> {
        let Self { sources, range, state, .. } = self;
        let mut problems = Vec::new();
        problems.extend(not_empty(*range).err());
        problems.extend(not_mixed(sources).err().map(anyhow::Error::from));
        if state.is_some() && *range != TimeRange::default() {
            problems.push(anyhow!(
                "--from and --to do not go with a state, which has to see everything once; \
                 without --state they look at a part"
            ));
        }
        if state.as_ref().is_some_and(|state| is_same(state, &self.out())) {
            problems.push(anyhow!("--state and --out are the same: name a folder for each"));
        }
        if self.out().as_os_str() == "-" {
            problems.push(anyhow!("--out is a folder; for results on standard output use --format json"));
        }
        problems
    }
}

/// Whether two names are those of one folder, there or not; what lies in a bucket is as it is written.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let path = std::path::absolute(path).ok()?;
        let real = |there: &Path| {
            let mut real = there.canonicalize().ok()?;
            // What is not there yet will be folders, no links.
            for part in path.strip_prefix(there).ok()?.components() {
                if part == Component::ParentDir {
                    real.pop();
                } else {
                    real.push(part);
                }
            }
            Some(real)
        };
        path.ancestors().find_map(real)
    };
    one == other
        || !is_s3(one)
            && !is_s3(other)
            && real(one).is_some_and(|one| real(other).is_some_and(|other| one == other))
}
