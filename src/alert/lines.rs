//! Lines -> the end of a file, or standard output: all of them or, after a crash, some of them and an end that is no line.
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::step::step;

/// Standard output.
pub(super) const STDOUT: &str = "-";

/// Adds lines. What a crash has cut off before them is ended, so that it spoils no line but its own.
pub(super) fn add(path: &Path, lines: &[String]) -> Result<(), String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let added = if path.as_os_str() == STDOUT {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    } else {
        append(path, text)
    };
    added.map_err(|error| format!("cannot write to {}: {error}", path.display()))
}

fn append(path: &Path, mut text: String) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    if file.metadata()?.is_file() && file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.insert(0, '\n');
        }
    }
    file.write_all(text.as_bytes())?;
    step("sync a feed's file");
    // A pipe has nothing to sync.
    if file.metadata()?.is_file() { file.sync_data() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_after_what_was_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alerts.jsonl");
        add(&path, &["a".to_owned(), "b".to_owned()]).expect("added");
        std::fs::write(&path, "a\nb\n{\"cut").expect("written");
        add(&path, &["c".to_owned()]).expect("added");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "a\nb\n{\"cut\nc\n");
        let why = add(&folder.path().join("no/such"), &[]).expect_err("no folder");
        assert!(why.contains("no/such"), "{why}");
    }
}
