//! Ctrl-C: stops soon, publishes nothing, exits 2.
use std::process::{Command, Stdio};

use crate::command::{Ended, Scenario, organization, text, tree};

#[cfg(unix)]
#[test]
fn an_interrupted_scan_publishes_nothing() {
    let scenario = Scenario::new();
    scenario.done(&["scan", text(organization()), "--out", "out"]);
    let before = tree(&scenario.path("out"));
    // Standard input that never ends keeps the run busy until it is interrupted.
    for signal in ["-INT", "-TERM"] {
        let mut child = scenario
            .command(&["scan", text(organization()), "-", "--out", "out"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("trailpulse starts");
        // It listens for signals from when its staging folder is there.
        while !scenario.path("out/.trailpulse-staging").exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // Held open until the end: a thread is blocked in reading it.
        let input = child.stdin.take();
        let killed =
            Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        let ended = Ended::new(child.wait_with_output().expect("it ends"));
        drop(input);
        assert_eq!((ended.status, ended.stderr.as_str()), (2, "error: interrupted\n"), "{signal}");
        assert_eq!(ended.stdout, "");
        assert!(tree(&scenario.path("out")) == before, "{signal}: what was published before is untouched");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_generation_stops_and_can_be_begun_again() {
    let scenario = Scenario::new();
    let child = scenario
        .command(&["generate", "--out", "logs", "--records", "100000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("trailpulse starts");
    while !scenario.path("logs/AWSLogs").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .is_ok_and(|kill| kill.success())
    );
    let ended = Ended::new(child.wait_with_output().expect("it ends"));
    assert_eq!((ended.status, ended.stderr.as_str(), ended.stdout.as_str()), (2, "error: interrupted\n", ""));
    scenario.done(&["generate", "--out", "logs", "--records", "1", "--days", "1"]);
}
