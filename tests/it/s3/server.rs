//! A server that speaks S3 over a folder (s3s-fs), a proxy before it, and `trailpulse` with credentials for it.
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::command::{Ended, Scenario, repository, text, tree};
use crate::s3::proxy::Proxy;

pub(crate) const ACCESS_KEY: &str = "AKIAEXAMPLE";
pub(crate) const SECRET_KEY: &str = "a/b+c=example";

/// A scenario with a server of its own, whose buckets are the folders below `s3`. It checks signatures.
pub(crate) struct Served {
    pub(crate) scenario: Scenario,
    pub(crate) proxy: Proxy,
    server: Child,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The server's program; `None`, with a word about it, where it is not there.
fn program() -> Option<PathBuf> {
    let path = repository("target/tools/bin/s3s-fs");
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("TRAILPULSE_TEST_PYTHON").is_err(), "run-tests installs {}", path.display());
    let _ = writeln!(std::io::stderr(), "skipped: s3s-fs is not there; ./run-tests sets it up");
    None
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until somebody listens.
pub(crate) fn wait_for(port: u16) {
    for _ in 0..6_000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("nobody listens on port {port}");
}

impl Served {
    /// With empty buckets `logs`, `results` and `states`.
    pub(crate) fn new() -> Option<Self> {
        let program = program()?;
        let scenario = Scenario::new();
        for bucket in ["logs", "results", "states"] {
            std::fs::create_dir_all(scenario.path("s3").join(bucket)).expect("writable");
        }
        let port = free_port();
        let server = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .arg(scenario.path("s3"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("s3s-fs starts");
        wait_for(port);
        // Few retries: what is to last must not last long.
        scenario.write("trailpulse.toml", "[scan]\nsettle = 75\n[s3]\nretries = 3\ntimeout = 20\n");
        Some(Self { scenario, proxy: Proxy::before(port), server })
    }

    /// A `trailpulse` command that has the server's address and credentials.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.scenario.command(arguments);
        command
            .env("HOME", self.scenario.path("home"))
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.proxy.port))
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::new(self.command(arguments).output().expect("trailpulse starts"))
    }

    /// Runs it and expects this exit status.
    pub(crate) fn ends(&self, status: i32, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.status, status, "{arguments:?}\n{}\n{}", ended.stdout, ended.stderr);
        ended
    }

    /// Puts a file into a bucket.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.scenario.write(&format!("s3/{key}"), bytes);
    }

    /// The objects below a prefix, as `bucket/prefix` names it, by the rest of their keys.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        tree(&self.scenario.path("s3").join(prefix))
    }

    /// The files below a folder of the scenario.
    pub(crate) fn files(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        tree(&self.scenario.path(folder))
    }

    /// All of [`logs`], in the folder `logs` and in the bucket `logs`.
    pub(crate) fn deliver_all(&self) {
        for (name, bytes) in logs() {
            self.scenario.write(&format!("logs/{name}"), bytes);
            self.put(&format!("logs/{name}"), bytes);
        }
    }
}

/// Ten days of an account's logs with planted incidents, and some digests, in the order of delivery; generated once. Without
/// the organization's folder: the server makes names of files of keys, and those of an Insight tree nearly are too long.
pub(crate) fn logs() -> &'static [(String, Vec<u8>)] {
    static LOGS: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
    LOGS.get_or_init(|| {
        let scenario = Scenario::new();
        let out = scenario.path("logs");
        let options = ["--days", "10", "--accounts", "1", "--seed", "4", "--records", "1", "--wait", "60"];
        scenario.done(&[&["generate", "--out", text(&out)], options.as_slice()].concat());
        let mut digests = 0;
        let mut logs: Vec<(String, Vec<u8>)> = tree(&out)
            .into_iter()
            .filter(|(name, _)| name.starts_with("AWSLogs/"))
            .filter(|(name, _)| {
                digests += usize::from(name.contains("-Digest"));
                !name.contains("-Digest") || digests < 20
            })
            .map(|(name, bytes)| {
                (["AWSLogs", name.splitn(3, '/').nth(2).unwrap_or_default()].join("/"), bytes)
            })
            .collect();
        logs.sort_by(|one, other| (delivered(&one.0), &one.0).cmp(&(delivered(&other.0), &other.0)));
        logs
    })
}

/// `YYYYMMDDTHHmm` of a log's name; empty for digests, which have seconds.
pub(crate) fn delivered(name: &str) -> &str {
    let at = name.rfind("Z_").or_else(|| name.rfind('Z')).unwrap_or_default();
    name.get(at.saturating_sub(13)..at).unwrap_or_default()
}
