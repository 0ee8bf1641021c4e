//! Flags -> a log on standard error, as text or as JSON lines.
use std::io::Write as _;
use std::sync::OnceLock;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Of what [`failure`] tells, so that no filter hides it.
const FAILURES: &str = "trailpulse::failure";

/// The form of the log; not set before it has started.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Tells why something failed: on a line of its own for people, in the log where that is for programs.
pub(super) fn failure(why: &str) {
    if FORMAT.get() == Some(&LogFormat::Json) {
        tracing::error!(target: FAILURES, "{why}");
    } else {
        // A closed standard error must not turn an error into a panic.
        let _ = writeln!(std::io::stderr(), "error: {why}");
    }
}

/// Starts the log. `TRAILPULSE_LOG` (such as `debug` or `trailpulse::source=trace`) goes over the flags.
pub(super) fn start(format: LogFormat, verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_env("TRAILPULSE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let filter = match format!("{FAILURES}=error").parse() {
        Ok(failures) => filter.add_directive(failures),
        Err(_) => filter,
    };
    let _ = FORMAT.set(format);
    // The end of each stage is told with how long it took.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
