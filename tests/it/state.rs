//! Logs that grow night after night, and a state -> the same results as if all had been read at once.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::command::{Scenario, repository, tells_of_the_run, text, tree};
use crate::s3::shelf::{call, log};
use crate::table::{RUN, Series, Table, at};

/// A log file: its place below the logs, and its bytes.
type Log = (String, Vec<u8>);

/// Ten days of one account's logs with planted incidents, in the order of delivery.
fn logs() -> Vec<Log> {
    let scenario = Scenario::new();
    let options = ["--days", "10", "--accounts", "1", "--seed", "4", "--records", "1"];
    scenario.done(&[&["generate", "--out", "logs"], options.as_slice()].concat());
    let mut logs: Vec<Log> =
        tree(&scenario.path("logs")).into_iter().filter(|(name, _)| name.contains("_CloudTrail_")).collect();
    logs.sort_by(|one, other| (delivered(&one.0), &one.0).cmp(&(delivered(&other.0), &other.0)));
    logs
}

/// `YYYYMMDDTHHmm` of a log's name.
fn delivered(name: &str) -> &str {
    let at = name.rfind("Z_").expect("a name that AWS gives");
    name.get(at - 13..at).expect("a time")
}

/// The same log as if it had been delivered on a later day of January.
fn delayed((name, bytes): &Log, days: u32) -> Log {
    let day: u32 = delivered(name).get(6..8).expect("a day").parse().expect("a number");
    let later = delivered(name).replacen(&format!("202601{day:02}"), &format!("202601{:02}", day + days), 1);
    let name = name.replace(delivered(name), &later);
    (name.replace(&format!("/01/{day:02}/"), &format!("/01/{:02}/", day + days)), bytes.clone())
}

/// The same log of an account that joined its organization on 13 January: before that, it lay below none.
fn moved((name, bytes): Log) -> Log {
    if delivered(&name) >= "20260113T0930" {
        return (name, bytes);
    }
    let names: Vec<&str> = name.split('/').filter(|name| !name.starts_with("o-")).collect();
    (names.join("/"), bytes)
}

/// Writes logs below `logs` of the scenario.
fn deliver(scenario: &Scenario, logs: &[Log]) {
    for (name, bytes) in logs {
        scenario.write(&format!("logs/{name}"), bytes);
    }
}

/// Scans what is there with the state; `more` options.
fn night(scenario: &Scenario, more: &[&str]) -> Value {
    let common = ["-q", "scan", "logs", "--state", "state", "--out", "out"];
    scenario.done(&[common.as_slice(), more].concat());
    let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
    serde_json::from_slice(&summary).expect("JSON")
}

/// What `trailpulse state` tells.
fn state(scenario: &Scenario) -> Value {
    let shown = scenario.done(&["state", "state", "--format", "json"]).stdout;
    serde_json::from_str(&shown).expect("JSON")
}

/// What was published, but for the summary of the last run.
fn published(scenario: &Scenario, out: &str) -> BTreeMap<String, Vec<u8>> {
    let files = tree(&scenario.path(out)).into_iter();
    files.filter(|(name, _)| !tells_of_the_run(name)).collect()
}

#[test]
fn however_the_nights_are_cut_results_and_state_are_the_same() {
    let mut logs = logs();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    // Some come days late, some twice.
    for _ in 0..20 {
        let at = random.random_range(0..logs.len());
        let late = delayed(&logs[at], 2);
        logs[at] = late;
        let copy = delayed(&logs[random.random_range(0..logs.len())], random.random_range(0..2));
        logs.push((copy.0.replace("Z_", "Z_COPY"), copy.1));
    }
    logs = logs.into_iter().map(moved).collect();
    // A second trail of the same account tells some of the same events.
    for at in (0..logs.len()).step_by(9) {
        let (name, bytes) = logs[at].clone();
        logs.push((format!("second/{}", name.replace("Z_", "Z_SECOND")), bytes));
    }
    let mut known: Option<(BTreeMap<String, Vec<u8>>, Value)> = None;
    for (runs, jobs) in [(1, "2"), (35, "1"), (500, "2")] {
        let scenario = Scenario::new();
        // Those of one minute come in any order.
        logs.shuffle(&mut random);
        logs.sort_by(|one, other| delivered(&one.0).cmp(delivered(&other.0)));
        let mut cuts: Vec<usize> = (1..runs).map(|_| random.random_range(1..logs.len())).collect();
        cuts.sort_unstable();
        cuts.push(logs.len());
        let (mut start, mut late, mut counted) = (0, 0, 0);
        for end in cuts {
            deliver(&scenario, &logs[start..end]);
            start = end;
            let is_last = if end == logs.len() { ["--final"].as_slice() } else { &[] };
            let summary = night(&scenario, &[["--jobs", jobs].as_slice(), is_last].concat());
            late += summary["late"].as_u64().unwrap_or_default();
            counted += summary["counted"].as_u64().unwrap_or_default();
        }
        assert!(late > 20, "{late} calls were late");
        let mut state = state(&scenario);
        state["late"] = late.into();
        state["counted"] = counted.into();
        let published = published(&scenario, "out");
        assert!(published.len() > 20, "{} files", published.len());
        let below = published.keys().filter(|name| name.starts_with("AWSLogs/o-")).count();
        let beside =
            published.keys().filter(|name| name.starts_with("AWSLogs/") && !name.contains("/o-")).count();
        assert!(below > 2 && beside > 2, "{below} {beside}: the account moves, and so does its tree");
        let (first, first_state) = known.get_or_insert_with(|| (published.clone(), state.clone()));
        assert_eq!(state, *first_state, "{runs} runs");
        assert!(published == *first, "{runs} runs published something else");
    }
}

#[test]
fn with_a_state_to_the_end_is_as_without_one() {
    let scenario = Scenario::new();
    deliver(&scenario, &logs());
    night(&scenario, &["--final"]);
    scenario.done(&["-q", "scan", "logs", "--out", "plain"]);
    assert!(published(&scenario, "out") == published(&scenario, "plain"));
    // What is kept explains as the logs do.
    let line = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("insights");
    let line: Value = serde_json::from_str(line.lines().next().expect("a line")).expect("JSON");
    let (record, details) = (&line["record"], &line["record"]["insightDetails"]);
    let names =
        [&record["recipientAccountId"], &record["awsRegion"], &details["eventSource"], &details["eventName"]];
    let series = names.map(|name| name.as_str().expect("a name")).join("/");
    let of_state = scenario.done(&["-q", "explain", "--state", "state", &series, "--format", "json"]).stdout;
    let of_logs = scenario.done(&["-q", "explain", "logs", &series, "--format", "json"]).stdout;
    assert_eq!(of_state, of_logs);
    let ended = scenario.run(&["explain", &series]);
    assert_eq!((ended.status, ended.stderr.contains("or --state DIR")), (2, true));
    // A second time, nothing is new.
    let before = state(&scenario);
    let summary = night(&scenario, &["--final"]);
    assert_eq!((&summary["input"]["records"], &summary["insights"]), (&0.into(), &0.into()));
    assert!(summary["known_files"].as_u64().is_some_and(|known| known > 1_000));
    assert!(published(&scenario, "out") == published(&scenario, "plain"));
    assert_eq!(state(&scenario), before);
}

#[test]
fn a_file_counts_once_whatever_its_name_and_night() {
    let scenario = Scenario::new();
    let logs = logs();
    let (name, bytes) = &logs[0];
    deliver(&scenario, &logs[..40]);
    let first = night(&scenario, &[]);
    // A copy without AWS's name, and one under AWS's name in another folder.
    scenario.write("logs/copies/unnamed.json.gz", bytes);
    let own_name = Path::new(name).file_name().and_then(|name| name.to_str()).expect("a name");
    scenario.write(&format!("logs/copies/{own_name}"), bytes);
    let second = night(&scenario, &[]);
    assert_eq!((&second["counted"], &second["input"]["records"]), (&0.into(), &0.into()));
    assert_eq!(second["known_files"], 42);
    // The same records in another file: their ids are known.
    let digest = state(&scenario)["digest"].clone();
    let text = inflated(bytes);
    scenario.write("logs/copies/inflated.json", &text);
    let third = night(&scenario, &[]);
    assert_eq!(
        (third["counted"].as_u64(), third["duplicates"].as_u64()),
        (Some(0), third["input"]["records"].as_u64())
    );
    assert_ne!(state(&scenario)["digest"], digest, "one more file is known");
    // A log that was cut off, and is whole later, counts once.
    let (name, bytes) = &logs[40];
    scenario.write(&format!("logs/{name}"), &bytes[..bytes.len() / 2]);
    let common = ["-q", "scan", "logs", "--state", "state", "--out", "out"];
    assert_eq!(scenario.run(&common).status, 3);
    scenario.write(&format!("logs/{name}"), bytes);
    night(&scenario, &[]);
    let whole = state(&scenario);
    assert!(first["counted"].as_u64() > Some(0));
    let at_once = Scenario::new();
    deliver(&at_once, &logs[..41]);
    night(&at_once, &[]);
    for key in ["events_remembered", "judged_until", "days", "apis"] {
        assert_eq!(whole[key], state(&at_once)[key], "{key}");
    }
}

fn inflated(gzip: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(gzip).read_to_end(&mut text).expect("a sound file");
    text
}

/// The ids of all records of a published Insight tree.
fn ids(files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let tree = files.iter().filter(|(name, _)| name.ends_with(".json.gz"));
    let records = tree.flat_map(|(_, bytes)| {
        let file: Value = serde_json::from_slice(&inflated(bytes)).expect("JSON");
        file["Records"].as_array().expect("records").clone()
    });
    records.map(|record| record["eventID"].to_string()).collect()
}

#[test]
fn what_cannot_be_used_as_a_state_is_refused_and_left_alone() {
    let scenario = Scenario::new();
    deliver(&scenario, &logs()[..60]);
    night(&scenario, &[]);
    let before = tree(&scenario.path("state"));
    let refused = |why: &str| {
        let ended = scenario.run(&["-q", "scan", "logs", "--state", "state", "--out", "out"]);
        assert_eq!(ended.status, 2, "{why}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    };
    // Another run has it.
    let lock =
        std::fs::File::options().read(true).write(true).open(scenario.path("state/lock")).expect("a lock");
    std::fs::write(scenario.path("state/lock"), "4711\n").expect("writable");
    lock.lock().expect("locks");
    refused("in use by process 4711");
    lock.unlock().expect("unlocks");
    // One that died leaves its number, but no lock.
    night(&scenario, &[]);
    // Damaged, and of another version.
    for (file, bytes) in &before {
        let path = scenario.path("state").join(file);
        if file.starts_with("checkpoint-") {
            let newest = newest_checkpoint(&scenario);
            let text = std::fs::read_to_string(&newest).expect("readable");
            std::fs::write(&newest, text.replace("\"format\": 1", "\"format\": 99")).expect("writable");
            refused("the state is of format 99, this program knows format 1");
            std::fs::write(&newest, text.replace("2026-01-0", "2026-02-0")).expect("writable");
            refused("its digest is not that of what it says");
            std::fs::remove_file(&newest).expect("is there");
            refused("its checkpoint is missing");
            // Nor is it a new state where a later run was killed.
            std::fs::create_dir_all(scenario.path("state/.trailpulse-staging")).expect("makes folders");
            refused("its checkpoint is missing");
            std::fs::write(&newest, text).expect("writable");
        } else if file.starts_with("learned.") {
            std::fs::write(&path, b"something else").expect("writable");
            refused("the state is damaged: ");
            let ended = scenario.run(&["state", "state"]);
            assert_eq!(ended.status, 2);
            std::fs::write(&path, bytes).expect("writable");
        }
    }
    // Somebody else's folder, and what a run that failed leaves.
    let ended = scenario.run(&["scan", "logs", "--state", "logs", "--out", "out"]);
    assert_eq!((ended.status, ended.stderr.contains("logs is not empty and holds no state")), (2, true));
    assert!(!scenario.path("logs/lock").exists());
    assert_eq!(scenario.run(&["scan", "nowhere", "--state", "fresh", "--out", "out"]).status, 2);
    assert!(!scenario.path("fresh").exists());
    // What is no state.
    let ended = scenario.run(&["state", "logs"]);
    assert_eq!((ended.status, ended.stderr.contains("there is no state in logs")), (2, true));
    for options in [["--from", "2026-01-06"], ["--to", "2026-01-06"]] {
        let ended = scenario.run(&[["scan", "logs", "--state", "state"].as_slice(), &options].concat());
        assert_eq!((ended.status, ended.stderr.contains("do not go with a state")), (2, true));
    }
    night(&scenario, &[]);
}

fn newest_checkpoint(scenario: &Scenario) -> PathBuf {
    let names = std::fs::read_dir(scenario.path("state")).expect("a state");
    let paths = names.map(|entry| entry.expect("readable").path());
    paths.filter(|path| text(path).contains("checkpoint-")).max().expect("a checkpoint")
}

#[test]
fn a_name_with_a_wrong_time_does_not_end_everything() {
    let scenario = Scenario::new();
    let logs = logs();
    let (first, second) = logs.split_at(logs.len() / 2);
    deliver(&scenario, first);
    night(&scenario, &[]);
    // A year later by its name; one has records, one is broken.
    let wrong = |(name, _): &Log, bytes: &[u8]| (name.replace("_2026", "_2027"), bytes.to_vec());
    let of_records = wrong(&second[0], &second[0].1);
    deliver(&scenario, std::slice::from_ref(&of_records));
    let summary = night(&scenario, &[]);
    let until = summary["went_on"]["judged_until"].as_str().expect("a time").to_owned();
    assert!(until.starts_with("2026-01-1"), "{until}");
    deliver(&scenario, &[wrong(&second[1], b"no log at all")]);
    let common = ["-q", "scan", "logs", "--state", "state", "--out", "out"];
    assert_eq!(scenario.run(&common).status, 3);
    deliver(&scenario, &second[1..]);
    night(&scenario, &[]);
    assert!(state(&scenario)["judged_until"].as_str().is_some_and(|until| until.starts_with("2026-01-14")));
}

#[test]
fn a_changed_model_is_noticed_and_rescoring_judges_again() {
    let scenario = Scenario::new();
    deliver(&scenario, &logs());
    night(&scenario, &["--final", "--model", "quiet"]);
    let with = |options: &[&str]| {
        let common = ["scan", "logs", "--state", "state", "--out", "out", "--final", "--model", "aws-like"];
        scenario.done(&[common.as_slice(), options].concat())
    };
    let before = published(&scenario, "out");
    assert!(with(&["--metrics", "m.prom"]).stderr.contains("The model has changed"));
    // Who runs it every night looks at the results, not at the log.
    let changed = || {
        let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
        let metrics = std::fs::read_to_string(scenario.path("m.prom")).expect("metrics");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        (summary["went_on"]["model_before"].clone(), metrics.contains("\ntrailpulse_model_changed 1\n"))
    };
    assert_eq!(changed(), ("quiet".into(), true));
    let again = with(&["--metrics", "m.prom"]);
    assert!(!again.stderr.contains("The model has changed") && !again.stdout.contains("MODEL CHANGED"));
    assert_eq!(changed(), (Value::Null, false));
    assert!(published(&scenario, "out") == before);
    let rescored = with(&["--rescore"]);
    assert!(!rescored.stderr.contains("The model has changed"));
    let after = published(&scenario, "out");
    let lines = |files: &BTreeMap<String, Vec<u8>>| files["insights.jsonl"].clone();
    assert!(lines(&after).starts_with(&lines(&before)), "what was published stays");
    assert!(after.len() > before.len(), "such a model finds more");
    // Nothing stands twice in the tree, and no part of a series' time is told of twice.
    let told = ids(&after);
    assert_eq!(told.len(), told.iter().collect::<std::collections::BTreeSet<_>>().len());
    let spans = |files: &BTreeMap<String, Vec<u8>>| {
        let lines = lines(files);
        let lines: Vec<Value> = serde_json::Deserializer::from_slice(&lines)
            .into_iter()
            .map(|line| line.expect("JSON"))
            .filter(|line: &Value| line["record"]["insightDetails"]["state"] == "End")
            .collect();
        let span = |line: &Value| {
            let (record, details) = (&line["record"], &line["record"]["insightDetails"]);
            let end = chrono::DateTime::parse_from_rfc3339(record["eventTime"].as_str()?).ok()?.timestamp();
            let minutes = details["insightContext"]["statistics"]["insightDuration"].as_i64()?;
            let names = [&record["recipientAccountId"], &record["awsRegion"], &details["eventSource"]];
            let names = format!("{names:?}{}{}", details["eventName"], details["errorCode"]);
            Some((names, end - minutes * 60, end))
        };
        lines.iter().filter_map(span).collect::<Vec<_>>()
    };
    let spans = spans(&after);
    for (number, (series, start, end)) in spans.iter().enumerate() {
        for (other, from, to) in &spans[number + 1..] {
            assert!(series != other || end <= from || to <= start, "{series} {start} {end}, {from} {to}");
        }
    }
    assert_eq!(night(&scenario, &["--final", "--model", "aws-like", "--rescore"])["insights"], 0);
    assert!(published(&scenario, "out") == after, "all was told");
}

#[test]
fn what_is_open_when_all_is_judged_again_has_its_end() {
    let scenario = Scenario::new();
    let logs = logs();
    let (old, new) = logs.split_at(logs.partition_point(|(name, _)| delivered(name) < "20260113T0145"));
    deliver(&scenario, old);
    let sums = ["--roll-up", "account"];
    let open = |summary: &Value| summary["went_on"]["open"].as_u64().expect("a number");
    let before = open(&night(&scenario, &sums));
    assert!(before > 5, "{before} are open, of sums too");
    let told = published(&scenario, "out");
    // What is found again stays open.
    assert_eq!(open(&night(&scenario, &[sums.as_slice(), &["--rescore"]].concat())), before);
    assert!(published(&scenario, "out") == told);
    // What is not has its End.
    scenario.write("trailpulse.toml", "[[override]]\nsource = \"*\"\nparameters.memory.warm_days = 28\n");
    let common = ["scan", "logs", "--state", "state", "--out", "out", "--roll-up", "account", "--rescore"];
    let shown = scenario.done(&common).stdout;
    assert!(shown.contains("\nJudged again all that is kept and has settled, to 2026-01-13 01:"), "{shown}");
    assert!(shown.contains("; 0 insights open\n") && !shown.contains("A new state"), "{shown}");
    let states = || {
        let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("insights");
        let mut states = BTreeMap::<String, Vec<String>>::new();
        for line in lines.lines() {
            let record = &serde_json::from_str::<Value>(line).expect("JSON")["record"];
            let state = record["insightDetails"]["state"].as_str().expect("a text").to_owned();
            states.entry(record["sharedEventID"].to_string()).or_default().push(state);
        }
        states
    };
    assert_eq!(states().len() as u64, before);
    assert!(states().values().all(|states| states == &["Start", "End"]), "{:#?}", states());
    let ended = published(&scenario, "out");
    // Once.
    night(&scenario, &[sums.as_slice(), &["--rescore"]].concat());
    assert!(published(&scenario, "out") == ended);
    deliver(&scenario, new);
    night(&scenario, &[sums.as_slice(), &["--final"]].concat());
    assert!(states().values().all(|states| states == &["Start", "End"]), "{:#?}", states());
    // Who was told of no Start is told of no End.
    let fresh = Scenario::new();
    deliver(&fresh, old);
    night(&fresh, &[]);
    fresh.write("trailpulse.toml", "[[override]]\nsource = \"*\"\nparameters.memory.warm_days = 28\n");
    fresh.done(&["-q", "scan", "logs", "--state", "state", "--out", "elsewhere", "--rescore"]);
    assert_eq!(std::fs::read_to_string(fresh.path("elsewhere/insights.jsonl")).unwrap_or_default(), "");
}

#[test]
fn what_has_ended_for_readers_does_not_end_again_when_it_is_found_open() {
    let logs = logs();
    let rescore = |scenario: &Scenario, parameters: &str| {
        scenario.write("trailpulse.toml", parameters);
        night(scenario, &["--roll-up", "account", "--rescore"])
    };
    let (strict, lax) = ("[[override]]\nsource = \"*\"\nparameters.memory.warm_days = 28\n", "");
    let scenario = Scenario::new();
    let (old, new) = logs.split_at(logs.partition_point(|(name, _)| delivered(name) < "20260113T0145"));
    deliver(&scenario, old);
    let before = night(&scenario, &["--roll-up", "account"])["went_on"]["open"].as_u64().expect("a number");
    assert_eq!(rescore(&scenario, strict)["went_on"]["open"], 0);
    let ended = published(&scenario, "out");
    // They are found again, and go on; for readers they are over.
    assert_eq!(rescore(&scenario, lax)["went_on"]["open"], 0);
    assert!(published(&scenario, "out") == ended);
    deliver(&scenario, new);
    night(&scenario, &["--roll-up", "account", "--final"]);
    let published = published(&scenario, "out");
    let told = ids(&published);
    let lines = String::from_utf8(published["insights.jsonl"].clone()).expect("text");
    let record = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["record"].clone();
    let of_lines: Vec<String> = lines.lines().map(|line| record(line)["eventID"].to_string()).collect();
    // The lines have the sums, too.
    let both = [&told, &of_lines].map(|ids| ids.iter().collect::<std::collections::BTreeSet<_>>());
    assert_eq!([told.len(), of_lines.len()], [both[0].len(), both[1].len()]);
    assert!(both[0].is_subset(&both[1]));
    assert!(told.len() as u64 > 2 * before && before > 5, "{before}");
}

#[test]
fn the_end_is_the_same_however_often_it_is_reached() {
    let scenario = Scenario::new();
    let calls = |hour: &str, time: &str, id| {
        let key = log("logs", "111122223333", "eu-west-1", "2026/01/09").replace("T1200Z", hour);
        scenario.write(&key, call("111122223333", "eu-west-1", time, id));
    };
    calls("T1000Z", "2026-01-09T09:55:00Z", 1);
    night(&scenario, &["--final"]);
    // A call that is late for its file, and after all that is not.
    calls("T1200Z", "2026-01-09T11:00:00Z", 2);
    night(&scenario, &["--final"]);
    let once = state(&scenario);
    assert_eq!(once["judged_until"], "2026-01-09T11:01:00Z");
    night(&scenario, &["--final"]);
    assert_eq!(state(&scenario), once);
}

#[test]
fn as_many_days_are_kept_as_are_asked_for() {
    let scenario = Scenario::new();
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day");
    for number in 0..60 {
        let day = first + chrono::Days::new(number);
        let bytes = call("111122223333", "eu-west-1", &format!("{day}T11:50:00Z"), number as usize);
        let key = log("logs", "111122223333", "eu-west-1", &day.format("%Y/%m/%d").to_string());
        scenario.write(&key, bytes);
    }
    for (keep, want) in
        [("50", "2026-01-10"), ("45", "2026-01-15"), ("35", "2026-01-25"), ("50", "2026-01-25")]
    {
        night(&scenario, &["--keep-days", keep]);
        let state = state(&scenario);
        let days = state["days"].as_array().expect("days");
        assert_eq!((days.first(), days.last()), (Some(&want.into()), Some(&"2026-03-01".into())), "{keep}");
        let kept = tree(&scenario.path("state/days"));
        let days: Vec<&str> =
            kept.iter().map(|(name, _)| name.split('.').next().unwrap_or_default()).collect();
        assert_eq!((days.first(), days.is_sorted()), (Some(&want), true), "{days:?}");
    }
    // What was read counts once all the same.
    assert_eq!(night(&scenario, &[])["counted"], 0);
}

/// Formats of states that there were.
pub(crate) const FORMATS: [u32; 1] = [1];

/// A state in that format with an open insight, and a log with a call long after the burst that it tells of.
pub(crate) fn of_format(format: u32) -> Scenario {
    let scenario = Scenario::new();
    for (name, bytes) in tree(&repository(&format!("fixtures/state/{format}"))) {
        scenario.write(&format!("state/{name}"), bytes);
    }
    let name = "111122223333_CloudTrail_eu-west-1_20260113T1215Z_later0000000001.json";
    let record = r#"{"eventVersion":"1.11","eventTime":"2026-01-13T12:10:00Z","eventSource":"ssm.amazonaws.com",
        "eventName":"PutParameter","awsRegion":"eu-west-1","readOnly":false,"eventType":"AwsApiCall",
        "managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management",
        "eventID":"00000000-0000-4000-8000-ffffffffffff","userIdentity":{"type":"Root"}}"#;
    scenario.write(&format!("logs/{name}"), format!(r#"{{"Records":[{record}]}}"#));
    scenario
}

#[test]
fn a_state_of_every_format_that_there_was_goes_on() {
    for format in FORMATS {
        let scenario = of_format(format);
        let before = state(&scenario);
        assert_eq!((&before["format"], before["open"].as_array().map(Vec::len)), (&format.into(), Some(1)));
        assert_eq!((&before["files_read"], &before["days"][0]), (&410.into(), &"2026-01-05".into()));
        let summary = night(&scenario, &[]);
        assert_eq!((&summary["counted"], &summary["went_on"]["open"]), (&1.into(), &0.into()));
        let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("insights");
        let line: Value = serde_json::from_str(lines.trim_end()).expect("one line");
        assert_eq!(line["record"]["insightDetails"]["state"], "End");
        assert_eq!(line["explanation"]["detected_at"], "2026-01-13T10:02:00Z");
        assert_eq!(line["record"]["eventTime"], "2026-01-13T10:30:00Z");
    }
}

#[test]
fn what_a_scan_writes_is_not_read_by_the_next() {
    let scenario = Scenario::new();
    deliver(&scenario, &logs());
    let read = |names: [&str; 2]| {
        let night = ["-q", "scan", "logs", "--state", names[0], "--out", names[1], "--format", "json"];
        let ended = scenario.done(&night);
        let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        json["summary"]["coverage"]["input"]["files"].clone()
    };
    let digest = |state: &str| {
        let shown = scenario.done(&["state", state]).stdout;
        shown.lines().find(|line| line.to_ascii_lowercase().contains("digest")).expect(&shown).to_owned()
    };
    for _ in 0..3 {
        assert_eq!(read(["beside", "out"]), read(["logs/state", "logs/out"]));
        assert_eq!(digest("beside"), digest("logs/state"));
    }
    for (state, out) in [("./same", "same"), ("new/s", "new/s/../s"), ("new/../same", "same")] {
        let refused = scenario.run(&["scan", "logs", "--state", state, "--out", out]);
        assert!(refused.stderr.contains("--state and --out are the same"), "{}", refused.stderr);
    }
}

#[test]
fn a_counts_table_that_has_grown_counts_only_what_is_new() {
    let scenario = Scenario::new();
    let mut all = Table::new();
    all.steady(RUN, 14, 1).burst(RUN, 12 * 1440 + 605, 40, 60);
    let (header, rows) = all.text().split_once('\n').expect("a header");
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_unstable();
    let mut excluded = Vec::new();
    // Before the burst, within it so that it has not settled, and where the first has not but its beginning has.
    for (number, until) in
        [at(12 * 1440), at(12 * 1440 + 610), at(12 * 1440 + 635), at(20 * 1440)].iter().enumerate()
    {
        let rows: Vec<&str> = rows.iter().copied().filter(|row| *row < until.as_str()).collect();
        let name = format!("{number}.csv");
        scenario.write(&name, format!("{header}\n{}\n", rows.join("\n")));
        let scan = ["scan", &name, "--state", "state", "--out", "out", "--metrics", "m.prom"];
        let ended = scenario.done(&[&scan[..], if number == 3 { &["--final"] } else { &[] }].concat());
        let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        let count = |place: &Value| place.as_u64().unwrap_or_default();
        excluded.push(count(&summary["excluded"]["counted_before"]));
        assert_eq!(summary["late"], Value::Null, "{number}");
        assert_eq!(count(&summary["counted"]) + excluded[number], count(&summary["input"]["records"]));
        if number == 3 {
            assert!(
                ended.stdout.contains(" counted before") && !ended.stdout.contains("LATE"),
                "{}",
                ended.stdout
            );
            for (file, want) in [
                ("m.prom", "trailpulse_excluded_records{reason=\"counted_before\"}"),
                ("out/report/index.html", "counted before"),
            ] {
                assert!(
                    std::fs::read_to_string(scenario.path(file)).expect("readable").contains(want),
                    "{file}"
                );
            }
        }
    }
    // 12 days of a call each ten minutes; then ten hours and five minutes of the burst; then 25 more of it.
    assert_eq!(excluded, [0, 1728, 1728 + 61 + 5 * 60, 1728 + 61 + 5 * 60 + 3 + 25 * 60]);
    scenario.done(&["scan", "3.csv", "--state", "state-of-one", "--out", "out-of-one", "--final"]);
    assert!(published(&scenario, "out") == published(&scenario, "out-of-one"));
    assert!(published(&scenario, "out").len() > 2);
    let days = |state: &str| tree(&scenario.path(state).join("days"));
    assert!(days("state") == days("state-of-one"));
}

/// Scans tables on top of a state, and gives the calls that were counted, late, and counted before.
fn calls_of(scenario: &Scenario, tables: &[&str], more: &[&str]) -> ([u64; 3], String) {
    let scan = [&["scan"], tables, &["--state", "state", "--out", "out"], more].concat();
    let ended = scenario.done(&scan);
    let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
    let summary: Value = serde_json::from_slice(&summary).expect("JSON");
    let places = [&summary["counted"], &summary["late"], &summary["excluded"]["counted_before"]];
    (places.map(|place| place.as_u64().unwrap_or_default()), ended.stderr)
}

#[test]
fn counts_tables_may_come_one_an_account_a_region_and_an_api() {
    let scenario = Scenario::new();
    let of = [
        RUN,
        Series { account: "444455556666", ..RUN },
        Series { region: "us-east-1", ..RUN },
        Series { name: "StopInstances", ..RUN },
    ];
    let mut whole = Table::new();
    for (number, series) in of.into_iter().enumerate() {
        let mut own = Table::new();
        for table in [&mut own, &mut whole] {
            table.steady(series, 14, 1).put(series, 13 * 1440 + 5, 2);
        }
        scenario.write(&format!("{number}.csv"), own.text());
    }
    scenario.write("whole.csv", whole.text());
    // Ten minutes before the end of a table have not settled.
    let [all, settled] = [14 * 144 + 2, 14 * 144];
    assert_eq!(calls_of(&scenario, &["0.csv"], &[]).0, [all, 0, 0]);
    for table in ["1.csv", "2.csv", "3.csv"] {
        assert_eq!(calls_of(&scenario, &[table], &[]).0, [all, settled, 0], "{table}");
    }
    let (calls, told) = calls_of(&scenario, &["whole.csv"], &[]);
    assert_eq!(calls, [0, 0, 4 * all]);
    assert!(told.contains("Nothing of whole.csv counts"), "{told}");
    scenario.done(&["scan", "whole.csv", "--state", "state-of-one", "--out", "out-of-one"]);
    let days = |state: &str| tree(&scenario.path(state).join("days"));
    assert!(days("state") == days("state-of-one"));
}

#[test]
fn of_days_that_are_no_longer_kept_a_counts_table_counts_what_cannot_have_counted() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    table.steady(RUN, 50, 1);
    scenario.write("0.csv", table.text());
    calls_of(&scenario, &["0.csv"], &[]);
    // One call that is new, one from before the account was seen, and another account.
    table.put(RUN, 50 * 1440, 1).put(RUN, -1440, 1);
    table.put(Series { account: "444455556666", ..RUN }, 1440, 1);
    scenario.write("1.csv", table.text());
    let (calls, told) = calls_of(&scenario, &["1.csv"], &[]);
    assert_eq!(calls, [3, 2, 50 * 144]);
    assert!(!told.contains("counts:"), "{told}");
}

/// A link that leads nowhere for ever is a row, and no reason to wait.
#[cfg(unix)]
#[test]
fn what_waiting_does_not_mend_is_not_waited_for() {
    let logs = logs();
    let scenario = Scenario::new();
    let mut judged = Vec::new();
    for (number, day) in ["20260112", "20260113", "20260114"].into_iter().enumerate() {
        let cut = logs.partition_point(|(name, _)| delivered(name) < day);
        deliver(&scenario, &logs[..cut]);
        if number == 0 {
            std::os::unix::fs::symlink("loop", scenario.path("logs/loop")).expect("links");
        }
        let ended = scenario.run(&["-q", "scan", "logs", "--state", "state", "--out", "out"]);
        assert_eq!(ended.status, 3, "{}", ended.stderr);
        let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        assert_eq!((&summary["left_files"], &summary["late"]), (&Value::Null, &Value::Null), "{day}");
        let why = summary["skipped"][0]["why"].as_str().expect("a row");
        assert!(why.starts_with("cannot open: ") && !why.contains("waits"), "{why}");
        judged.push(summary["went_on"]["judged_until"].as_str().expect("a time").to_owned());
    }
    assert!(judged.is_sorted_by(|one, next| one.get(..10) < next.get(..10)), "{judged:?}");
}

/// A log that is there and cannot be read.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_read_for_a_night_is_waited_for() {
    let logs = logs();
    let cut = logs.partition_point(|(name, _)| delivered(name) < "20260113T0600");
    let bad = logs.partition_point(|(name, _)| delivered(name) < "20260113T0230");
    let path = |scenario: &Scenario| scenario.path("logs").join(&logs[bad].0);
    let outcome = |scenario: &Scenario| (published(scenario, "out"), state(scenario));
    let undisturbed = Scenario::new();
    deliver(&undisturbed, &logs[..cut]);
    let whole = night(&undisturbed, &[]);
    deliver(&undisturbed, &logs[cut..]);
    night(&undisturbed, &[]);
    for is_denied in [false, true] {
        let scenario = Scenario::new();
        deliver(&scenario, &logs[..cut]);
        let path = path(&scenario);
        std::fs::remove_file(&path).expect("it is there");
        // The one can be opened, the other leads nowhere.
        let target = if is_denied { "/nowhere" } else { "/proc/self/mem" };
        std::os::unix::fs::symlink(target, &path).expect("makes links");
        let ended = scenario.run(&["-q", "scan", "logs", "--state", "state", "--out", "out"]);
        assert_eq!(ended.status, 3, "{}", ended.stderr);
        let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        let (left, until) = (&summary["left_files"], &summary["went_on"]["judged_until"]);
        let is_as_ever = *until == whole["went_on"]["judged_until"];
        assert_eq!((left.is_null(), is_as_ever), (is_denied, is_denied), "{left} {until}");
        std::fs::remove_file(&path).expect("it is there");
        deliver(&scenario, &logs);
        night(&scenario, &[]);
        assert!((outcome(&scenario) == outcome(&undisturbed)) != is_denied);
    }
}
