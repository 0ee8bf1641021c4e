//! Logs that grow while a scan follows them -> alerts, and how long after the proof they come. The test drives the clock.
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::receiver::Receiver;
use crate::command::{Scenario, tree};

const SETTLE: i64 = 15;

/// When a log was delivered, by its name.
fn delivered(name: &str) -> DateTime<Utc> {
    let at = name.rfind("Z_").expect("a name that AWS gives");
    let text = name.get(at - 13..at).expect("a time");
    chrono::NaiveDateTime::parse_from_str(&format!("{text}00"), "%Y%m%dT%H%M%S").expect("a time").and_utc()
}

#[test]
fn an_insight_is_delivered_within_settle_and_a_minute_of_its_proof() {
    let (scenario, receiver) = (Scenario::new(), Receiver::new());
    let options = ["--days", "10", "--accounts", "1", "--seed", "4", "--records", "1"];
    scenario.done(&[&["generate", "--out", "all"], options.as_slice()].concat());
    let hook = format!(
        "[[feed]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nallow_private = true\n",
        receiver.port
    );
    scenario.write("trailpulse.toml", hook);
    let mut logs: BTreeMap<DateTime<Utc>, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in
        tree(&scenario.path("all")).into_iter().filter(|(name, _)| name.contains("_CloudTrail_"))
    {
        logs.entry(delivered(&name)).or_default().push((name, bytes));
    }
    let deliver = |log: &(String, Vec<u8>)| drop(scenario.write(&format!("logs/{}", log.0), &log.1));
    // An incident begins at 20:21; the scan has read all before, and follows from there.
    let begin: DateTime<Utc> = "2026-01-14T20:15:00Z".parse().expect("a time");
    let end = begin + TimeDelta::minutes(75);
    logs.range(..begin).flat_map(|(_, logs)| logs).for_each(&deliver);
    let now = begin.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut following = scenario
        .command(&[
            "-q",
            "scan",
            "logs",
            "--state",
            "state",
            "--out",
            "out",
            "--follow",
            "--rounds-from-stdin",
            "--now",
            &now,
            "--alert-since",
            &now,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(following.stdout.take().expect("piped")).lines();
    let mut round_ends = || {
        let mut lines = lines.by_ref().map(|line| line.expect("text"));
        assert!(lines.any(|line| line.starts_with("Written to")), "a round ends");
    };
    round_ends();
    let mut clock = following.stdin.take().expect("piped");
    let (mut delays, mut known) = (Vec::new(), 0);
    let mut minute = begin;
    while minute < end {
        logs.range(minute..minute + TimeDelta::minutes(1)).flat_map(|(_, logs)| logs).for_each(&deliver);
        minute += TimeDelta::minutes(1);
        writeln!(clock, "{}", minute.format("%Y-%m-%dT%H:%M:%SZ")).expect("it listens");
        round_ends();
        let taken = receiver.taken();
        for told in &taken[known..] {
            for event in told.body["events"].as_array().expect("events") {
                if event["record"]["insightDetails"]["state"] == "Start" {
                    let proof: DateTime<Utc> = event["explanation"]["detected_at"]
                        .as_str()
                        .expect("a time")
                        .parse()
                        .expect("a time");
                    delays.push((minute - proof).num_minutes());
                }
            }
        }
        known = taken.len();
    }
    drop(clock);
    assert!(following.wait().expect("ends").success());
    let _ = writeln!(std::io::stderr(), "minutes from proof to delivery: {delays:?}");
    assert!(!delays.is_empty(), "the incident is found");
    // What the minute brings is known by its newest delivery: one that is a few minutes old moves the settled end as far.
    let quiet = logs.keys().zip(logs.keys().skip(1)).filter(|(one, _)| **one >= begin && **one < end);
    let quiet = quiet.map(|(one, next)| (*next - *one).num_minutes()).max().unwrap_or(1);
    assert!(
        delays.iter().all(|delay| (0..=SETTLE + quiet).contains(delay)),
        "{delays:?}, {quiet} between deliveries"
    );
    assert!(receiver.counts().values().all(|times| *times == 1));
}

#[test]
fn following_ends_when_it_is_asked_to() {
    let scenario = Scenario::new();
    scenario.write("logs/empty", "");
    let mut following = scenario
        .command(&["-q", "scan", "logs", "--state", "state", "--out", "out", "--follow", "--every", "1h"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(following.stdout.take().expect("piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.starts_with("Written to")), "a round ends");
    // It waits now, or is about to.
    std::thread::sleep(Duration::from_millis(200));
    let killed = std::process::Command::new("kill").arg(following.id().to_string()).status();
    assert!(killed.is_ok_and(|killed| killed.success()));
    assert_eq!(following.wait().expect("ends").code(), Some(0));
    let without = scenario.run(&["scan", "logs", "--follow"]);
    assert_eq!(without.status, 2);
    assert!(without.stderr.contains("--follow needs --state"), "{}", without.stderr);
}
