//! Logs that grow while a scan follows them -> alerts, and how long after the proof they come. The test drives the clock.
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::night::Night;
use super::receiver::{Receiver, Reply};
use crate::command::{Ended, Scenario, tree};

const SETTLE: i64 = 15;

/// When a log was delivered, by its name.
fn delivered(name: &str) -> DateTime<Utc> {
    let at = name.rfind("Z_").expect("a name that AWS gives");
    let text = name.get(at - 13..at).expect("a time");
    chrono::NaiveDateTime::parse_from_str(&format!("{text}00"), "%Y%m%dT%H%M%S").expect("a time").and_utc()
}

/// A log of another account that calls once a minute, as some account of an organization always does: names say what time
/// it is only where a call does too.
fn heartbeat(minute: DateTime<Utc>) -> (String, Vec<u8>) {
    let number = minute.timestamp() / 60;
    let record = serde_json::json!({
        "eventVersion": "1.08", "eventTime": minute.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "userIdentity": {"type": "AWSService", "invokedBy": "config.amazonaws.com"},
        "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "awsRegion": "eu-west-1",
        "sourceIPAddress": "config.amazonaws.com", "userAgent": "config.amazonaws.com", "readOnly": true,
        "eventID": format!("00000000-0000-4000-8000-{number:012}"), "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": "999999999999", "eventCategory": "Management",
    });
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    write!(gzip, "{}", serde_json::json!({"Records": [record]})).expect("memory");
    let (day, time) = (minute.format("%Y/%m/%d"), minute.format("%Y%m%dT%H%MZ"));
    let name = format!("999999999999_CloudTrail_eu-west-1_{time}_abcdefghijklmnop.json.gz");
    (format!("AWSLogs/999999999999/CloudTrail/eu-west-1/{day}/{name}"), gzip.finish().expect("memory"))
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
        deliver(&heartbeat(minute));
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
    // The proof is at the end of its minute; a delivery of the minute in which it has settled says so.
    assert!(delays.iter().all(|delay| (0..=SETTLE + 1).contains(delay)), "{delays:?}");
    assert!(receiver.counts().values().all(|times| *times == 1));
}

#[test]
fn a_round_takes_a_new_configuration_and_no_broken_one() {
    let (night, receiver) = (Night::new(), Receiver::new());
    // Nobody can be told as long as people have not put the token right.
    receiver.plan(|_| Reply::Status(401, ""));
    night.feeds(&receiver, "");
    let config = std::fs::read_to_string(night.scenario.path("trailpulse.toml")).expect("a configuration");
    let mut following = night
        .command()
        .args(["--follow", "--rounds-from-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(following.stdout.take().expect("piped")).lines();
    let mut round_ends = || {
        let mut lines = lines.by_ref().map(|line| line.expect("text"));
        assert!(lines.any(|line| line.starts_with("Written to")), "a round ends");
    };
    round_ends();
    assert_eq!(night.told("hook")["pending"], night.events().len());
    let mut clock = following.stdin.take().expect("piped");
    // Each an hour later: by then no feed rests.
    let mut round = |hour: u32| {
        writeln!(clock, "2026-01-15T{hour}:00:00Z").expect("it listens");
        round_ends();
        (night.told("hook")["pending"].clone(), receiver.seen().len())
    };
    night.scenario.write("trailpulse.toml", "[[feed]");
    let (pending, first) = round(13);
    assert_eq!(pending, night.events().len(), "the feed is known");
    let (_, second) = round(14);
    assert!(second > first, "and tried");
    receiver.plan(|_| Reply::Taken);
    let mute = "[[mute]]\nname = \"*\"\nreason = \"maintenance\"\n";
    night.scenario.write("trailpulse.toml", format!("{mute}{config}"));
    assert_eq!(round(15), (0.into(), 0), "what waits is muted");
    drop(clock);
    let ended = Ended::new(following.wait_with_output().expect("ends"));
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("the configuration cannot be used").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("error: trailpulse.toml: line 1"), "{}", ended.stderr);
}

#[test]
fn following_ends_when_it_is_asked_to() {
    let scenario = Scenario::new();
    let (name, bytes) = heartbeat("2026-01-14T20:15:00Z".parse().expect("a time"));
    scenario.write(&format!("logs/{name}"), bytes);
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
