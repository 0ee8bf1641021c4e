//! Logs that grow while a scan follows them -> alerts, and how long after the proof they come. The test drives the clock.
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::night::Night;
use super::receiver::{Receiver, Reply};
use crate::command::{Ended, Scenario, tree};

const SETTLE: i64 = 15;
/// What a log may take from its delivery until it lies where it is followed.
const ARRIVAL: i64 = 10;

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

/// A scan that follows logs, and the clock that the test drives for it.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    clock: ChildStdin,
}

impl Following {
    /// Starts it, and waits for its first round.
    fn start(mut command: Command) -> Self {
        command.args(["--follow", "--rounds-from-stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let clock = child.stdin.take().expect("piped");
        let mut following = Self { child, lines, clock };
        following.round_ends();
        following
    }

    fn round_ends(&mut self) {
        let mut lines = self.lines.by_ref().map(|line| line.expect("text"));
        assert!(lines.any(|line| line.starts_with("Written to")), "a round ends");
    }

    /// A round at that time.
    fn round(&mut self, now: DateTime<Utc>) {
        writeln!(self.clock, "{}", text_of(now)).expect("it listens");
        self.round_ends();
    }

    /// Lets it end.
    fn end(self) -> Ended {
        drop(self.clock);
        Ended::new(self.child.wait_with_output().expect("ends"))
    }
}

fn text_of(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Logs of an account in which an incident begins at 20:21 of a day, and a scan that follows them from 20:15 on.
struct Evening {
    scenario: Scenario,
    receiver: Receiver,
    logs: BTreeMap<DateTime<Utc>, Vec<(String, Vec<u8>)>>,
    now: DateTime<Utc>,
    /// Minutes from the proof of an insight to its delivery.
    delays: Vec<i64>,
    known: usize,
}

impl Evening {
    fn new() -> Self {
        let (scenario, receiver) = (Scenario::new(), Receiver::new());
        let options = ["--days", "10", "--accounts", "1", "--seed", "4", "--records", "1"];
        scenario.done(&[&["generate", "--out", "all"], options.as_slice()].concat());
        let hook = format!(
            "[[feed]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nallow_private = true\n",
            receiver.port
        );
        scenario.write("trailpulse.toml", hook);
        let mut logs: BTreeMap<DateTime<Utc>, Vec<(String, Vec<u8>)>> = BTreeMap::new();
        let all = tree(&scenario.path("all")).into_iter();
        for (name, bytes) in all.filter(|(name, _)| name.contains("_CloudTrail_")) {
            logs.entry(delivered(&name)).or_default().push((name, bytes));
        }
        let now = "2026-01-14T20:15:00Z".parse().expect("a time");
        let evening = Self { scenario, receiver, logs, now, delays: Vec::new(), known: 0 };
        evening.deliver(evening.logs.range(..now));
        evening
    }

    fn deliver<'a>(&self, logs: impl Iterator<Item = (&'a DateTime<Utc>, &'a Vec<(String, Vec<u8>)>)>) {
        for (name, bytes) in logs.flat_map(|(_, logs)| logs) {
            self.scenario.write(&format!("logs/{name}"), bytes);
        }
    }

    fn follow(&self) -> Following {
        self.follow_at(self.now)
    }

    fn follow_at(&self, now: DateTime<Utc>) -> Following {
        let now = text_of(now);
        let scan =
            ["-q", "scan", "logs", "--state", "state", "--out", "out", "--now", &now, "--alert-since", &now];
        Following::start(self.scenario.command(&scan))
    }

    /// A minute in which what is delivered then comes, and the round after it.
    fn minute(&mut self, following: &mut Following) {
        let next = self.now + TimeDelta::minutes(1);
        self.deliver(self.logs.range(self.now..next));
        self.quiet_minute(following);
    }

    /// A minute in which nothing is delivered.
    fn quiet_minute(&mut self, following: &mut Following) {
        self.now += TimeDelta::minutes(1);
        following.round(self.now);
        let taken = self.receiver.taken();
        let events =
            taken[self.known..].iter().flat_map(|told| told.body["events"].as_array().expect("events"));
        for event in events.filter(|event| event["record"]["insightDetails"]["state"] == "Start") {
            let proof = event["explanation"]["detected_at"].as_str().expect("a time");
            let proof: DateTime<Utc> = proof.parse().expect("a time");
            self.delays.push((self.now - proof).num_minutes());
        }
        self.known = taken.len();
    }

    /// That the incident was told, once, and within so many minutes of its proof, which is at the end of its minute.
    fn assert_told_within(&self, minutes: i64) {
        let delays = &self.delays;
        let _ = writeln!(std::io::stderr(), "minutes from proof to delivery: {delays:?}");
        assert!(!delays.is_empty(), "the incident is found");
        assert!(delays.iter().all(|delay| (0..=minutes).contains(delay)), "{delays:?}");
        assert!(self.receiver.counts().values().all(|times| *times == 1));
    }
}

#[test]
fn an_insight_is_delivered_within_settle_and_a_minute_of_its_proof() {
    let mut evening = Evening::new();
    let mut following = evening.follow();
    for _ in 0..75 {
        let (name, bytes) = heartbeat(evening.now);
        evening.scenario.write(&format!("logs/{name}"), bytes);
        evening.minute(&mut following);
    }
    assert_eq!(following.end().status, 0);
    // A delivery of the minute in which it has settled says so.
    evening.assert_told_within(SETTLE + 1);
}

#[test]
fn an_insight_of_the_last_logs_that_come_is_delivered_by_the_clock() {
    let mut evening = Evening::new();
    let mut following = evening.follow();
    // The incident goes on until 20:36, as the logs that have come by then say; whoever acts has stopped the trail.
    for _ in 0..22 {
        evening.minute(&mut following);
    }
    for _ in 0..40 {
        evening.quiet_minute(&mut following);
    }
    evening.assert_told_within(SETTLE + ARRIVAL + 1);
    // What is delivered once the trail goes on is judged as in any other run.
    let stopped = evening.now;
    evening.deliver(evening.logs.range(stopped..));
    following.round(stopped + TimeDelta::days(2));
    assert_eq!(following.end().status, 0);
    let scan = ["-q", "scan", "logs", "--state", "state-of-one", "--out", "out-of-one", "--final"];
    std::fs::remove_file(evening.scenario.path("trailpulse.toml")).expect("it is there");
    evening.scenario.done(&scan);
    evening.scenario.done(&["-q", "scan", "logs", "--state", "state", "--out", "out", "--final"]);
    let lines = |out: &str| {
        std::fs::read_to_string(evening.scenario.path(out).join("insights.jsonl")).expect("insights")
    };
    assert!(lines("out") == lines("out-of-one"));
}

#[test]
fn a_copy_that_takes_its_time_is_not_judged_by_the_clock() {
    let evening = Evening::new();
    let today = evening.now + TimeDelta::days(3);
    let mut following = evening.follow_at(today);
    let mut from = evening.now;
    for round in 1..4 {
        let until = from + TimeDelta::minutes(30);
        evening.deliver(evening.logs.range(from..until));
        from = until;
        // A minute, and as long as a copy may pause.
        following.round(today + TimeDelta::minutes(round * 9));
        let summary = std::fs::read(evening.scenario.path("out/summary.json")).expect("a summary");
        let summary: serde_json::Value = serde_json::from_slice(&summary).expect("JSON");
        assert!(summary["counted"] != 0 && summary["late"].is_null(), "{}", summary["late"]);
    }
    assert_eq!(following.end().status, 0);
}

#[test]
fn a_round_takes_a_new_configuration_and_no_broken_one() {
    let (night, receiver) = (Night::new(), Receiver::new());
    // Nobody can be told as long as people have not put the token right.
    receiver.plan(|_| Reply::Status(401, ""));
    night.feeds(&receiver, "");
    let config = std::fs::read_to_string(night.scenario.path("trailpulse.toml")).expect("a configuration");
    let mut command = night.command();
    command.stderr(Stdio::piped());
    let mut following = Following::start(command);
    assert_eq!(night.told("hook")["pending"], night.events().len());
    // Each an hour later: by then no feed rests.
    let mut round = |hour: u32| {
        following.round(format!("2026-01-15T{hour}:00:00Z").parse().expect("a time"));
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
    let ended = following.end();
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
