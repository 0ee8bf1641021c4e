//! A path -> its folders made, and those removed again in which nothing came to lie.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that were made. Dropped, those of them that are empty are removed.
#[derive(Debug, Default)]
pub struct Made(
    /// Innermost first.
    Vec<PathBuf>,
);

impl Made {
    /// Makes a folder and those above it, as far as they are missing.
    ///
    /// # Errors
    /// When one cannot be made; then none is left.
    pub fn all(path: &Path) -> io::Result<Self> {
        let missing =
            path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let made = Self(missing.map(Path::to_owned).collect());
        fs::create_dir_all(path)?;
        Ok(made)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What is not empty is not removed.
        for folder in &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_and_is_empty_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("there")).expect("writable");
        drop(Made::all(&at("there/a/b")).expect("makes"));
        assert!(at("there").exists() && !at("there/a").exists());
        let made = Made::all(&at("there/a/b")).expect("makes");
        fs::write(at("there/a/file"), "x").expect("writable");
        drop(made);
        assert!(at("there/a/file").exists() && !at("there/a/b").exists());
        assert!(Made::all(&at("there/a/file/below")).is_err());
        drop(Made::all(&at("there")).expect("is there"));
        assert!(at("there").exists());
    }
}
