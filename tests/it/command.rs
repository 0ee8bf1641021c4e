//! A scenario's own folder and a `trailpulse` process with a scrubbed environment, for all integration tests.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A temporary folder, removed at the end.
pub(crate) struct Scenario {
    folder: TempDir,
}

/// What a finished command printed, and how it ended.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("writable");
        std::fs::write(&path, content).expect("writable");
        path
    }

    /// A `trailpulse` command with its working directory in the scenario's folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailpulse"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command
    }

    /// Runs `trailpulse` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::new(self.command(arguments).output().expect("trailpulse starts"))
    }

    /// Runs it and expects exit status 0.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.status, 0, "{arguments:?}\n{}\n{}", ended.stdout, ended.stderr);
        ended
    }
}

impl Ended {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether a file of DEST tells of the run, not of the logs: it may differ where the same logs are cut into other runs.
pub(crate) fn tells_of_the_run(name: &str) -> bool {
    name == "summary.json" || name.starts_with("report/")
}

/// Every file below `folder`, by relative name, with its bytes.
pub(crate) fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.expect("readable");
        if entry.file_type().is_file() {
            let name =
                entry.path().strip_prefix(folder).expect("below the folder").to_string_lossy().into_owned();
            files.push((name, std::fs::read(entry.path()).expect("readable")));
        }
    }
    files
}

/// A generated organization's logs, two weeks with planted incidents; made once for all tests.
pub(crate) fn organization() -> &'static Path {
    static TREE: std::sync::OnceLock<(Scenario, PathBuf)> = std::sync::OnceLock::new();
    let (_, path) = TREE.get_or_init(|| {
        let scenario = Scenario::new();
        let out = scenario.path("logs");
        scenario.done(&[
            "generate",
            "--days",
            "14",
            "--seed",
            "4",
            "--records",
            "60000",
            "--wait",
            "60",
            "--out",
            text(&out),
        ]);
        (scenario, out)
    });
    path
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// Runs one of the Python scripts of `tests/`; where Python has no `module`, says so and gives `None`.
pub(crate) fn python(script: &str, module: Option<&str>, arguments: &[&str]) -> Option<Ended> {
    let prepared = std::env::var("TRAILPULSE_TEST_PYTHON").ok();
    let python = prepared.as_deref().unwrap_or("python3");
    if let Some(module) = module {
        let found = Command::new(python).args(["-c", &format!("import {module}")]).output();
        if prepared.is_none() && !found.is_ok_and(|found| found.status.success()) {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "skipped: {module} is not there; ./run-tests sets it up");
            return None;
        }
    }
    let script = repository("tests").join(script);
    let output = Command::new(python).arg(script).args(arguments).output().expect("Python starts");
    Some(Ended::new(output))
}
