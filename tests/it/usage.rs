//! Wrong usage and unusable folders: a clear error in the first second, exit 2, nothing written.
use crate::command::{Scenario, organization, text};

/// Runs a command that must fail, and gives its first line of standard error.
fn fails(scenario: &Scenario, arguments: &[&str]) -> String {
    let ended = scenario.run(arguments);
    assert_eq!(ended.status, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "", "{arguments:?}");
    ended.stderr.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_wrong_is_said_in_a_line() {
    let scenario = Scenario::new();
    std::fs::create_dir(scenario.path("empty")).expect("writable");
    scenario.write("file", "x");
    scenario.write("foreign/summary.json", r#"{"mine": true}"#);
    scenario.write("bad.toml", "nonsense = 1");
    scenario.write("bad.csv", "minute\n");
    let logs = text(organization());
    let check = |arguments: &[&str], parts: &[&str]| {
        let line = fails(&scenario, arguments);
        for part in parts {
            assert!(line.contains(part), "{arguments:?}: {line}");
        }
    };
    check(&["scan", "nowhere"], &["error: cannot open nowhere", "No such file"]);
    check(&["scan", "empty"], &["error: no CloudTrail log file in empty"]);
    check(&["scan", logs, "--out", "file"], &["error:", "file"]);
    check(&["scan", logs, "--out", "foreign"], &["foreign/summary.json was not written by trailpulse"]);
    check(&["scan", logs, "--out", "/proc/nowhere"], &["error: cannot write to /proc/nowhere"]);
    check(&["scan", logs, "--model", "nonesuch"], &["there is no model nonesuch", "default", "sensitive"]);
    check(&["scan", logs, "--model", "bad.toml"], &["cannot read model bad", "nonsense"]);
    check(&["scan", logs, "--from", "yesterday"], &["error: invalid value 'yesterday' for '--from <TIME>'"]);
    check(&["scan", logs, "--jobs", "0"], &["error: invalid value '0' for '--jobs <N>'"]);
    check(&["scan", "bad.csv"], &["bad.csv is not a counts table: column account"]);
    check(&["counts", logs, "--out", "table.xls"], &["cannot tell the format of table.xls"]);
    check(&["counts", logs, "--out", "file/c.csv"], &["error: cannot"]);
    check(&["scan", logs, "--from", "2026-02-02", "--to", "2026-02-02"], &["the time range is empty"]);
    check(&["scan", logs, "--out", "-"], &["--out is a folder"]);
    check(&["scan", "s3://bucket/AWSLogs", logs], &["cannot read folders and buckets in one run"]);
    check(&["counts", logs], &["error: the following required arguments were not provided"]);
    check(&["frobnicate"], &["error: unrecognized subcommand 'frobnicate'"]);
    check(&["generate", "--out", "g", "--days", "0"], &["days must be between"]);
    check(&["generate", "--out", "foreign", "--days", "3"], &["error:", "foreign"]);
    for untouched in ["trailpulse-out", "c.csv", "g", "empty/insights.jsonl"] {
        assert!(!scenario.path(untouched).exists(), "{untouched}");
    }
}

#[test]
fn errors_are_fragments_without_a_full_stop() {
    let scenario = Scenario::new();
    for arguments in [
        &["scan", "nowhere"][..],
        &["scan", "nowhere", "--model", "x"],
        &["counts", "nowhere", "--out", "x.csv"],
    ] {
        let line = fails(&scenario, arguments);
        let text = line.strip_prefix("error: ").expect("starts with error:");
        assert!(text.starts_with(|first: char| !first.is_uppercase()) && !text.ends_with('.'), "{line}");
    }
}

#[test]
fn help_version_completions_and_the_manual_page_are_there() {
    let scenario = Scenario::new();
    assert!(scenario.done(&["--help"]).stdout.contains("scan"));
    assert_eq!(scenario.done(&["--version"]).stdout, format!("trailpulse {}\n", env!("CARGO_PKG_VERSION")));
    assert!(scenario.done(&["completions", "bash"]).stdout.contains("trailpulse"));
    assert!(scenario.done(&["man"]).stdout.contains(".TH trailpulse"));
}
