//! A path and bytes -> a file that appears under its name only when it is complete.
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use crate::folders::Made;
use crate::s3::is_s3;

/// A file that appears under its name only when it is complete.
pub(super) struct Pending {
    file: NamedTempFile,
    path: PathBuf,
    /// Of its folders, those that were not there; after the file, which lies in them.
    made: Made,
}

impl Pending {
    /// Fails in the first second where the folder cannot be written.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        if is_s3(path) {
            bail!("cannot write {}: only what scan publishes goes to a bucket; name a file", path.display());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = Made::all(folder).with_context(|| format!("cannot create folder {}", folder.display()))?;
        if path.is_dir() {
            bail!("cannot write {}: it is a folder", path.display());
        }
        let mut builder = tempfile::Builder::new();
        as_any_new_file(builder.prefix(".trailpulse-pending-"));
        let file = builder
            .tempfile_in(folder)
            .with_context(|| format!("cannot write into folder {}", folder.display()))?;
        Ok(Self { file, path: path.into(), made })
    }

    /// To be written to.
    pub(super) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, once all is on the disk.
    pub(super) fn publish(self) -> anyhow::Result<()> {
        let Self { file, path, made: _made } = self;
        let cannot = || format!("cannot write {}", path.display());
        file.as_file().sync_all().with_context(cannot)?;
        file.persist(&path).with_context(cannot)?;
        Ok(())
    }
}

/// Temporary files are private; a result is as private as any new file of the user's.
#[cfg(unix)]
fn as_any_new_file(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn as_any_new_file(_: &mut tempfile::Builder<'_, '_>) {}
