//! `scan`: the main job on real trees, its records recounted, its exit status and its accounting.
use serde_json::Value;

use crate::command::{Ended, Scenario, organization, python, repository, text};

fn summary(scenario: &Scenario, out: &str) -> Value {
    let text = std::fs::read(scenario.path(out).join("summary.json")).expect("a summary");
    serde_json::from_slice(&text).expect("JSON")
}

/// Every readable record is counted, a duplicate or excluded.
fn assert_accounted_for(summary: &Value) {
    let number = |value: &Value| value.as_u64().expect("a number");
    let excluded: u64 = summary["excluded"].as_object().expect("reasons").values().map(number).sum();
    let accounted = number(&summary["counted"]) + number(&summary["duplicates"]) + excluded;
    assert_eq!(number(&summary["input"]["records"]), accounted, "{summary:#}");
}

#[test]
fn every_number_can_be_recounted_from_the_raw_logs() {
    let scenario = Scenario::new();
    let logs = text(organization());
    scenario.done(&["scan", logs, "--out", "out"]);
    let out = scenario.path("out");
    let recounted = python("recount.py", None, &[logs, text(&out), "--self-test"]).expect("needs no module");
    assert_eq!(recounted.status, 0, "{}{}", recounted.stdout, recounted.stderr);
    assert_accounted_for(&summary(&scenario, "out"));
}

#[test]
fn the_planted_incidents_are_found() {
    let scenario = Scenario::new();
    let demo = scenario.done(&["demo", "--out", "demo"]);
    let planted = demo.stdout.matches("found after").count();
    assert!(planted >= 6 && !demo.stdout.contains("missed"), "{}", demo.stdout);
    assert!(demo.stdout.contains("Insights that belong to no planted incident: 0"), "{}", demo.stdout);
    assert_accounted_for(&summary(&scenario, "demo/insights"));
}

#[test]
fn generate_says_what_it_wrote_where() {
    let scenario = Scenario::new();
    let asked = |records| {
        ["generate", "--days", "2", "--seed", "5", "--accounts", "1", "--out", "g", "--records", records]
    };
    let said = scenario.done(&asked("9000")).stdout;
    assert!(said.contains(" log files under g, "), "{said}");
    assert!(said.contains("2 incidents planted, as told in g/labels.json:\n"), "{said}");
    assert!(said.contains("Z  crypto_mining ") && said.lines().count() == 4, "{said}");
    let said = scenario.done(&asked("10")).stdout;
    assert!(said.contains("More than the 10 records asked for"), "{said}");
}

#[test]
fn the_fixture_tree_reads_whole() {
    let scenario = Scenario::new();
    let tree = repository("fixtures/tree");
    scenario.done(&["scan", text(&tree), "--out", "out"]);
    let summary = summary(&scenario, "out");
    assert_accounted_for(&summary);
    assert_eq!(summary["skipped"], Value::Array(Vec::new()));
    assert!(summary["excluded_files"]["digest"].as_u64() > Some(0), "{summary:#}");
}

#[test]
fn hostile_files_are_each_named_and_the_rest_counts() {
    let scenario = Scenario::new();
    let hostile = repository("fixtures/hostile");
    let ended = scenario.run(&["scan", text(&hostile), "--out", "out"]);
    assert_eq!(ended.status, 3, "{}{}", ended.stdout, ended.stderr);
    insta::assert_snapshot!("hostile", ended.stdout);
    let summary = summary(&scenario, "out");
    assert_accounted_for(&summary);
    let named: Vec<&str> = ["skipped", "ignored"]
        .iter()
        .flat_map(|list| summary[*list].as_array().expect("rows"))
        .map(|row| row["what"].as_str().expect("a name"))
        .collect();
    for file in std::fs::read_dir(&hostile).expect("readable") {
        let name = file.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(named.iter().any(|what| what.contains(&name)), "{name} is not named in {named:#?}");
    }
}

#[test]
fn a_bomb_costs_a_row_and_no_memory() {
    use std::io::Write;
    let scenario = Scenario::new();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1100 {
        bomb.write_all(&zeros).expect("memory");
    }
    scenario.write("logs/bomb.json.gz", bomb.finish().expect("memory"));
    scenario.write("logs/good.json", record("2026-01-01T00:00:00Z"));
    let ended = scenario.run(&["scan", "logs", "--out", "out"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let summary = summary(&scenario, "out");
    assert_eq!((&summary["counted"], &summary["skipped"][0]["what"]), (&1.into(), &"bomb.json.gz".into()));
}

#[cfg(unix)]
#[test]
fn what_cannot_live_in_a_repository_is_survived_too() {
    use std::os::unix::ffi::OsStrExt;
    let scenario = Scenario::new();
    scenario.write("logs/good.json", record("2026-01-01T00:00:00Z"));
    std::os::unix::fs::symlink(".", scenario.path("logs/loop")).expect("links");
    std::os::unix::fs::symlink("nowhere", scenario.path("logs/dangling.json")).expect("links");
    let odd = scenario.path("logs").join(std::ffi::OsStr::from_bytes(b"odd\xff\x1b[31m.json"));
    std::fs::write(odd, "not JSON").expect("writable");
    let ended = scenario.run(&["scan", "logs", "--out", "out"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let summary = summary(&scenario, "out");
    assert_eq!(summary["counted"], 1);
    assert_eq!(summary["skipped"].as_array().expect("rows").len(), 3, "{summary:#}");
    assert!(
        !ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn standard_input_holds_any_container_or_several() {
    let scenario = Scenario::new();
    let documents = format!(
        "{}\n{}{}",
        record("2026-01-01T00:00:00Z"),
        record("2026-01-02T00:00:00Z"),
        record("2026-01-03T00:00:00Z")
    );
    let input = scenario.write("input", documents);
    let child = scenario
        .command(&["scan", "-", "--out", "out"])
        .stdin(std::fs::File::open(input).expect("readable"))
        .output()
        .expect("trailpulse starts");
    assert_eq!(Ended::new(child).status, 0);
    assert_eq!(summary(&scenario, "out")["counted"], 3);
}

#[test]
fn the_time_range_is_half_open_and_accounted_for() {
    let scenario = Scenario::new();
    for day in 1..=4 {
        scenario.write(&format!("logs/{day}.json"), record(&format!("2026-01-0{day}T00:00:00Z")));
    }
    scenario.done(&["counts", "logs", "--out", "all.csv"]);
    for source in ["logs", "all.csv"] {
        scenario.done(&[
            "counts",
            source,
            "--from",
            "2026-01-02",
            "--to",
            "2026-01-04T00:00",
            "--out",
            "some.csv",
        ]);
        let rows = std::fs::read_to_string(scenario.path("some.csv")).expect("readable");
        assert_eq!(rows.lines().count(), 3, "{rows}");
        scenario.done(&["scan", source, "--to", "2026-01-03", "--out", "out"]);
        let summary = summary(&scenario, "out");
        assert_accounted_for(&summary);
        assert_eq!(
            (&summary["counted"], &summary["excluded"]["outside_time_range"]),
            (&2.into(), &2.into()),
            "{source}"
        );
    }
}

#[test]
fn what_lies_before_from_is_learned_from_and_not_reported() {
    let scenario = Scenario::new();
    let logs = text(organization());
    let insights = |arguments: &[&str]| {
        scenario.done(&[&["scan", logs, "--out", "out"], arguments].concat());
        std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("readable")
    };
    let all = insights(&[]);
    // The last insight to be noticed is still found by a scan that reports from its day on.
    let detected = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let time = line["explanation"]["detected_at"].as_str().expect("a time");
        time.split_once('T').expect("a time").0.to_owned()
    };
    let last = all.lines().map(detected).max().expect("insights");
    let late: Vec<&str> = all.lines().filter(|line| detected(line) >= last).collect();
    let reported = insights(&["--from", &last]);
    assert_eq!(reported.lines().collect::<Vec<_>>(), late);
    assert!(late.len() < all.lines().count());
    assert_eq!(summary(&scenario, "out")["reported_from"], format!("{last}T00:00:00Z"));
}

#[test]
fn that_an_account_was_not_judged_is_said() {
    let scenario = Scenario::new();
    scenario.write("logs/a.json", record("2026-01-01T00:00:00Z"));
    let ended = scenario.done(&["scan", "logs", "--out", "out"]);
    assert!(
        ended.stdout.contains("NOT JUDGED: account 111122223333 has 0 of the 7 days"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("No insights in what could be judged"), "{}", ended.stdout);
    assert_eq!(summary(&scenario, "out")["warming_up"][0]["account"], "111122223333");
    let ended = scenario.done(&["scan", text(organization()), "--out", "out"]);
    assert!(!ended.stdout.contains("NOT JUDGED"), "{}", ended.stdout);
}

#[test]
fn a_second_scan_does_not_trip_over_the_output_of_the_first() {
    let scenario = Scenario::new();
    scenario.write("a.json", record("2026-01-01T00:00:00Z"));
    for _ in 0..2 {
        scenario.done(&["scan", ".", "--out", "out"]);
        scenario.done(&["scan", ".", "--out", "."]);
        assert_eq!(summary(&scenario, ".")["counted"], 1);
    }
}

#[test]
fn an_archive_is_named_as_one() {
    let scenario = Scenario::new();
    scenario.write("logs/good.json", record("2026-01-01T00:00:00Z"));
    scenario.write(
        "logs/a.json",
        [b"PK\x03\x04 stored ".as_slice(), record("2026-01-02T00:00:00Z").as_bytes()].concat(),
    );
    let ended = scenario.run(&["scan", "logs", "--out", "out"]);
    assert_eq!(ended.status, 3);
    let summary = summary(&scenario, "out");
    assert_eq!(
        (&summary["counted"], &summary["skipped"][0]["why"]),
        (&1.into(), &"a zip archive, not a log: unpack it first".into())
    );
}

#[cfg(unix)]
#[test]
fn what_is_published_but_cannot_be_printed_exits_3() {
    let scenario = Scenario::new();
    scenario.write("logs/a.json", record("2026-01-01T00:00:00Z"));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let ended =
        scenario.command(&["scan", "logs", "--out", "out"]).stdout(full).output().expect("trailpulse starts");
    let ended = Ended::new(ended);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("error: cannot write to standard output"), "{}", ended.stderr);
    assert_eq!(summary(&scenario, "out")["counted"], 1);
}

#[test]
fn the_exit_status_tells_of_insights_only_when_asked() {
    let scenario = Scenario::new();
    let logs = text(organization());
    assert_eq!(scenario.run(&["scan", logs, "--out", "out"]).status, 0);
    assert_eq!(scenario.run(&["scan", logs, "--out", "out", "--fail-on-insight"]).status, 1);
    scenario.write("damaged.json", "{");
    let ended = scenario.run(&["scan", logs, "damaged.json", "--out", "out", "--fail-on-insight"]);
    assert_eq!(ended.status, 3, "incomplete goes over found");
}

#[test]
fn json_on_standard_output_is_the_summary_and_the_lines() {
    let scenario = Scenario::new();
    let ended = scenario.done(&["scan", text(organization()), "--out", "out", "--format", "json"]);
    let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(printed["summary"], summary(&scenario, "out"));
    let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("readable");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(printed["insights"], Value::Array(lines));
}

/// A file with one record.
fn record(time: &str) -> String {
    format!(
        r#"{{"Records":[{{"eventVersion":"1.09","eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","awsRegion":"eu-west-1","recipientAccountId":"111122223333","readOnly":false}}]}}"#
    )
}
