//! Lines -> the end of a file, a pipe or standard output: all of them or, after a crash, some of them and an end that is no line.
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::step::step;

/// Standard output.
pub(super) const STDOUT: &str = "-";
/// Held while something is written that nobody may read: two at once would be written into each other.
static WRITING: Mutex<()> = Mutex::new(());

/// Adds lines. What a crash has cut off before them is ended, so that it spoils no line but its own. What is no file on a
/// disk may have no reader, or one that stands still: it has to take them `within` that time.
pub(super) async fn add(path: &Path, lines: &[String], within: Duration) -> Result<(), String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let added = if path.as_os_str() == STDOUT {
        in_time(|| Ok(io::stdout()), if is_piped(&io::stdout()) { ended(text) } else { text }, within).await
    } else {
        let kind = fs::metadata(path).map(|metadata| metadata.file_type());
        let owned = path.to_owned();
        match kind {
            #[cfg(unix)]
            Ok(kind) if std::os::unix::fs::FileTypeExt::is_fifo(&kind) => {
                to_pipe(path, &ended(text), within).await
            }
            Ok(kind) if !kind.is_file() => in_time(move || to_device(&owned), text, within).await,
            Ok(_) | Err(_) => {
                spawn_blocking(move || append(&owned, text)).await.unwrap_or_else(|error| Err(error.into()))
            }
        }
    };
    // Without the path, which the configuration tells: what goes wrong stands in the summary, and that says of no other place.
    added.map_err(|error| format!("cannot write its lines: {error}"))
}

/// With an end of a line before it: what another run could not write whole stands in a pipe that nobody can look into. Where all
/// was written, the line is empty, which readers of lines pass over.
fn ended(mut text: String) -> String {
    text.insert(0, '\n');
    text
}

#[cfg(unix)]
fn is_piped(out: &impl std::os::fd::AsFd) -> bool {
    let kind = out.as_fd().try_clone_to_owned().and_then(|out| File::from(out).metadata());
    kind.is_ok_and(|kind| std::os::unix::fs::FileTypeExt::is_fifo(&kind.file_type()))
}

#[cfg(not(unix))]
const fn is_piped<T>(_: &T) -> bool {
    false
}

fn to_device(path: &PathBuf) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// Writes on a thread of its own, which nobody waits for when it takes too long, nor at the end of the run.
async fn in_time<W: Write>(
    open: impl FnOnce() -> io::Result<W> + Send + 'static,
    text: String,
    within: Duration,
) -> io::Result<()> {
    let write = spawn_blocking(move || {
        let _writing = match WRITING.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("what was written before is not read"));
            }
        };
        let mut out = open()?;
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    match timeout(within, write).await {
        Ok(written) => written.unwrap_or_else(|error| Err(error.into())),
        Err(_) => Err(unread(within)),
    }
}

/// Writes into a pipe that has a reader: without one, the lines would be lost with the last who has it open.
#[cfg(unix)]
async fn to_pipe(path: &Path, text: &str, within: Duration) -> io::Result<()> {
    const NO_READER: i32 = 6; // ENXIO
    let pipe = tokio::net::unix::pipe::OpenOptions::new().open_sender(path).map_err(|error| {
        if error.raw_os_error() == Some(NO_READER) {
            io::Error::other("nobody reads the pipe")
        } else {
            error
        }
    })?;
    let write = async {
        let mut left = text.as_bytes();
        while !left.is_empty() {
            pipe.writable().await?;
            match pipe.try_write(left) {
                Ok(written) => left = left.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    timeout(within, write).await.unwrap_or_else(|_| Err(unread(within)))
}

fn unread(within: Duration) -> io::Error {
    io::Error::other(format!("not all was read within {} s", within.as_secs_f64()))
}

fn append(path: &Path, mut text: String) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    let before = file.seek(SeekFrom::End(0))?;
    if before > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.insert(0, '\n');
        }
    }
    whole(&file, before, |mut file| {
        file.write_all(text.as_bytes())?;
        step("sync a feed's file");
        file.sync_data()
    })
}

/// Writes all or, where that fails (a disk is full), nothing: what is told again must not stand there twice.
fn whole(file: &File, before: u64, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    write(file).inspect_err(|_| {
        // Where that fails, too, the error that is told is the first.
        let _ = file.set_len(before);
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);
    const LATE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn lines_are_added_after_what_was_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alerts.jsonl");
        add(&path, &["a".to_owned(), "b".to_owned()], LATE).await.expect("added");
        std::fs::write(&path, "a\nb\n{\"cut").expect("written");
        add(&path, &["c".to_owned()], LATE).await.expect("added");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "a\nb\n{\"cut\nc\n");
        let why = add(&folder.path().join("no/such"), &[], LATE).await.expect_err("no folder");
        assert!(why.starts_with("cannot write its lines: No such file"), "{why}");
    }

    #[test]
    fn what_cannot_be_written_whole_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alerts.jsonl");
        std::fs::write(&path, "told\n").expect("written");
        let file = File::options().append(true).open(&path).expect("opened");
        let full = whole(&file, 5, |mut file| {
            file.write_all(b"one\nhal")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.expect_err("full").kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "told\n");
        whole(&file, 5, |mut file| file.write_all(b"one\n")).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "told\none\n");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_without_a_reader_swallows_nothing_and_a_stalled_one_holds_nobody_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(made.success());
        let line = ["a".to_owned()];
        let why = add(&path, &line, SOON).await.expect_err("no reader");
        assert!(why.contains("nobody reads"), "{why}");
        let mut reader = File::options().read(true).write(true).open(&path).expect("a reader");
        add(&path, &line, LATE).await.expect("added");
        let mut read = [0; 3];
        reader.read_exact(&mut read).expect("read");
        assert_eq!(&read, b"\na\n");
        let why = add(&path, &["x".repeat(1 << 20)], SOON).await.expect_err("a full pipe");
        assert!(why.contains("not all was read"), "{why}");
        // Once somebody reads again, what comes next is a line of its own.
        let reading = std::thread::spawn(move || {
            io::BufReader::new(reader).lines().map_while(Result::ok).find(|line| line.ends_with('a'))
        });
        add(&path, &line, LATE).await.expect("added");
        assert_eq!(reading.join().expect("it reads").as_deref(), Some("a"));
    }

    #[test]
    fn only_what_goes_into_a_pipe_begins_with_an_end() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        assert!(is_piped(&writer) && !is_piped(&tempfile::tempfile().expect("a file")));
        assert_eq!(ended("a\n".to_owned()), "\na\n");
    }

    #[tokio::test]
    async fn who_does_not_read_standard_output_holds_nobody_up() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let stalled = in_time(move || Ok(writer), "x".repeat(1 << 20), SOON).await;
        assert!(stalled.is_err_and(|error| error.to_string().contains("not all was read")));
        let next = in_time(|| Ok(io::sink()), "y".to_owned(), LATE).await;
        assert!(next.is_err_and(|error| error.to_string().contains("before is not read")));
        // Read at last, the thread ends.
        io::copy(&mut reader, &mut io::sink()).expect("read");
    }
}
