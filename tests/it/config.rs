//! `trailpulse.toml`: where it is found, what goes over it, its rules at work, and `check`.
use serde_json::Value;

use crate::command::{Scenario, tree};
use crate::table::{RUN, Series, Table};

/// Two bursts after twelve steady days: of the deployer in one account, of eve in the other.
fn scenario() -> Scenario {
    let scenario = Scenario::new();
    let other = Series { account: "444455556666", caller: "arn:aws:iam::444455556666:user/eve", ..RUN };
    let mut table = Table::new();
    table.steady(RUN, 14, 1).steady(other, 14, 1);
    table.burst(RUN, 12 * 1440 + 605, 5, 60).burst(other, 12 * 1440 + 905, 5, 60);
    scenario.write("counts.csv", table.text());
    scenario
}

fn summary(scenario: &Scenario) -> Value {
    serde_json::from_slice(&std::fs::read(scenario.path("out/summary.json")).expect("a summary"))
        .expect("JSON")
}

/// What muted each line of insights.jsonl.
fn muted_by(scenario: &Scenario) -> Vec<Value> {
    let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("lines");
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["explanation"]["muted_by"].take())
        .collect()
}

#[test]
fn a_muted_insight_is_recorded_but_alerts_nobody() {
    let scenario = scenario();
    let scan = ["scan", "counts.csv", "--out", "out", "--fail-on-insight"];
    assert_eq!(scenario.run(&scan).status, 1);
    let both = tree(&scenario.path("out/AWSLogs"));
    assert_eq!(summary(&scenario)["insights"], 2);
    scenario.write(
        "trailpulse.toml",
        "[[mute]]\nid = \"deploys\"\nreason = \"the deployer may\"\nprincipal = \"role/deployer\"\n",
    );
    let ended = scenario.run(&scan);
    assert_eq!(ended.status, 1);
    assert!(
        ended.stdout.contains("1 insight") && ended.stdout.contains("; 1 muted, see insights.jsonl"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("role/deployer"), "{}", ended.stdout);
    assert_eq!(muted_by(&scenario), [Value::from("deploys"), "deploys".into(), Value::Null, Value::Null]);
    let summary_of_one = summary(&scenario);
    let numbers = ["insights", "insights_muted", "insight_records"].map(|key| summary_of_one[key].as_u64());
    assert_eq!(numbers, [Some(1), Some(1), Some(2)]);
    let one = tree(&scenario.path("out/AWSLogs"));
    assert!(one.iter().all(|(name, _)| name.contains("444455556666")) && one.len() < both.len());

    scenario.write("all.toml", "[[expected]]\nfrom = 2026-01-17\nto = 2026-01-18\n");
    let ended = scenario.run(&[&scan[..], &["--config", "all.toml"]].concat());
    assert_eq!((ended.status, &muted_by(&scenario)[0]), (0, &"expected[1]".into()));
    assert!(ended.stdout.contains("No insights; 2 muted"), "{}", ended.stdout);
    assert!(!scenario.path("out/AWSLogs").exists());
}

#[test]
fn expiry_looks_at_the_insight_and_not_at_the_clock() {
    let scenario = scenario();
    // The first burst starts at 10:05 on the 17th, long before any clock of a test machine.
    for (expires, muted) in [("2026-01-17T10:05", 0), ("2026-01-17T12:00", 1), ("2026-02-01", 2)] {
        scenario.write(
            "trailpulse.toml",
            format!("[[mute]]\nreason = \"r\"\nname = \"*\"\nexpires = \"{expires}\"\n"),
        );
        scenario.done(&["scan", "counts.csv", "--out", "out"]);
        assert_eq!(summary(&scenario)["insights_muted"], muted, "{expires}");
    }
}

#[test]
fn overrides_change_the_model_of_what_they_name() {
    let scenario = scenario();
    scenario.write(
        "trailpulse.toml",
        "[[override]]\naccount = \"4444*\"\nparameters.contextual = { z = 100 }\nparameters.record.z = 100\n",
    );
    scenario.done(&["scan", "counts.csv", "--out", "out"]);
    let summary = summary(&scenario);
    assert_eq!(summary["insights"], 1);
    let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("lines");
    assert!(lines.contains("111122223333") && !lines.contains("444455556666"), "{lines}");
}

#[test]
fn a_level_shift_alerts_once_and_is_then_the_new_normal() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    table.steady(RUN, 12, 1).burst(RUN, 12 * 1440 + 601, 7 * 1440, 5);
    scenario.write("counts.csv", table.text());
    scenario.done(&["scan", "counts.csv", "--out", "out"]);
    let summary = summary(&scenario);
    assert_eq!((&summary["insights"], &summary["insights_open"]), (&1.into(), &0.into()), "{summary:#}");
}

#[test]
fn more_sensitive_finds_more() {
    let scenario = Scenario::new();
    let quiet = Series { name: "StopInstances", ..RUN };
    let mut table = Table::new();
    table.steady(RUN, 14, 1).steady(quiet, 14, 1);
    table.burst(RUN, 12 * 1440 + 601, 5, 20).burst(quiet, 12 * 1440 + 601, 5, 2);
    scenario.write("counts.csv", table.text());
    let found = |settings: &str, flags: &[&str]| {
        scenario.write("trailpulse.toml", settings);
        scenario.done(&[&["scan", "counts.csv", "--out", "out"], flags].concat());
        let summary = summary(&scenario);
        (summary["insights"].as_u64(), summary["model"]["digest"].to_string())
    };
    let (insights, digest) = found("", &[]);
    assert_eq!(insights, Some(1));
    assert_eq!(found("[scan]\nsensitivity = 1", &[]), (Some(1), digest.clone()));
    assert_eq!(found("", &["--sensitivity", "2"]).0, Some(2));
    assert_eq!(found("[scan]\nsensitivity = 0.1", &[]).0, Some(0));
    let over = found("[scan]\nsensitivity = 0.1", &["--sensitivity", "2"]);
    assert!(over.0 == Some(2) && over.1 != digest, "a flag goes over the file");
    let of_one = "[[override]]\nname = \"StopInstances\"\nsensitivity = 2";
    assert_eq!(found(of_one, &[]), (Some(2), digest));
}

#[test]
fn flags_go_over_the_environment_over_the_file() {
    let scenario = scenario();
    scenario.write("trailpulse.toml", "[scan]\nout = \"by-file\"\nmodel = \"quiet\"\nformat = \"json\"\nfail_on_insight = true\nfrom = 2026-01-05\nto = 2026-01-07\njobs = 1\nroll_up = \"account\"\n");
    let ended = scenario.run(&["scan", "counts.csv"]);
    let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((ended.status, &printed["summary"]["model"]["name"]), (0, &"quiet".into()));
    assert_eq!(printed["summary"]["minutes"]["to"], "2026-01-06T23:50:00Z");
    assert_eq!(printed["summary"]["insights_rolled_up"], 0);
    assert!(scenario.path("by-file/summary.json").exists());

    let mut command = scenario.command(&["scan", "counts.csv", "--to", "2026-01-20", "--format", "text"]);
    let output = command.env("TRAILPULSE_OUT", "by-environment").output().expect("trailpulse starts");
    assert_eq!(output.status.code(), Some(1), "fail_on_insight of the file");
    assert!(scenario.path("by-environment/summary.json").exists());

    let flags = ["scan", "counts.csv", "--to", "2026-01-20", "--out", "by-flag", "--fail-on-insight=false"];
    let output = scenario.command(&flags).env("TRAILPULSE_OUT", "no").output().expect("trailpulse starts");
    assert_eq!(output.status.code(), Some(0));
    assert!(scenario.path("by-flag/summary.json").exists() && !scenario.path("no").exists());

    scenario.write("elsewhere/mine.toml", "[scan]\nout = \"by-named-file\"\n");
    let mut command = scenario.command(&["scan", "counts.csv"]);
    command.env("TRAILPULSE_CONFIG", "elsewhere/mine.toml").output().expect("trailpulse starts");
    assert!(scenario.path("by-named-file/summary.json").exists());
}

#[test]
fn every_problem_is_told_at_once_and_nothing_is_written() {
    let scenario = scenario();
    let check = |arguments: &[&str], want: &[&str]| {
        let ended = scenario.run(arguments);
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{arguments:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), want.len(), "{}", ended.stderr);
        for (line, want) in lines.iter().zip(want) {
            assert!(line.starts_with(want), "{line}\n{want}");
        }
    };
    scenario.write(
        "trailpulse.toml",
        "[scan]\nuot = \"x\"\n[[mute]]\nname = \"\u{1b}[31m\"\nunknwon\u{202e} = 1\n",
    );
    let wrong = [
        "error: trailpulse.toml: line 2: unknown key uot in [scan]",
        "error: trailpulse.toml: line 3: mute[1] needs a reason",
        "error: trailpulse.toml: line 4: ",
        "error: trailpulse.toml: line 5: ",
        "error: trailpulse.toml: line 5: unknown key unknwon\u{fffd} in [mute[1]]",
    ];
    check(&["scan", "counts.csv", "--out", "out"], &wrong);
    check(&["check"], &wrong);
    scenario.write("trailpulse.toml", "\n[scan]\nmodel = \"nonesuch\"\n");
    check(&["check"], &["error: trailpulse.toml: line 3: scan.model: there is no model nonesuch"]);
    // Everything at once: what is wrong in the file, the model that it names, and what cannot be reached on this machine.
    scenario
        .write("trailpulse.toml", "[scan]\nmodel = \"nonesuch\"\nsettle = -1\nout = \"counts.csv/out\"\n");
    let wrong = [
        "error: trailpulse.toml: line 2: scan.model: there is no model nonesuch",
        "error: trailpulse.toml: line 3: scan.settle must be",
        "error: cannot read folders and buckets in one run",
        "error: cannot open nowhere;",
        "error: cannot write to counts.csv/out",
        "error: no bucket was asked",
    ];
    check(&["check", "nowhere", "s3://bucket/not-asked-for"], &wrong);
    check(&["check", "--config", "nowhere.toml"], &["error: cannot read configuration nowhere.toml"]);
    check(
        &["scan", "counts.csv", "--config", "nowhere.toml"],
        &["error: cannot read configuration nowhere.toml"],
    );
    assert!(!scenario.path("out").exists());
}

#[test]
fn check_refuses_what_a_scan_would_and_leaves_nothing_behind() {
    let scenario = scenario();
    scenario.write("file", "x");
    let stdout = "[[feed]]\nname = \"f\"\ntype = \"jsonl\"\npath = \"-\"";
    for (settings, wants) in [
        ("metrics = \"/proc/nope/m.prom\"", &["cannot create folder /proc/nope"][..]),
        ("metrics = \"a/b/m.prom\"\nstate = \"a/c/state\"", &[]),
        ("metrics = \"s3://bucket/m\"", &["cannot write s3://bucket/m: only what scan publishes"]),
        ("state = \"s\"\nfrom = 2026-01-01", &["--from and --to do not go with a state"]),
        ("state = \"trailpulse-out\"", &["--state and --out are the same"]),
        ("from = 2026-02-01\nto = 2026-01-01", &["the time range is empty"]),
        (
            "from = 2026-02-01\nto = 2026-02-01\nstate = \"a/x\"\nout = \"./a/x\"\nmetrics = \"file/m\"",
            &[
                "the time range is empty",
                "--from and --to do not go with a state",
                "--state and --out are the same",
                "cannot ",
            ],
        ),
        ("out = \"-\"", &["--out is a folder"]),
        (&format!("state = \"s\"\nformat = \"json\"\n{stdout}"), &["--format json and a feed with"]),
        (&format!("format = \"json\"\n{stdout}"), &[]),
    ] {
        scenario.write("trailpulse.toml", format!("[scan]\n{settings}\n"));
        let checked = scenario.run(&["check", "counts.csv"]);
        let said: Vec<&str> = checked.stderr.lines().collect();
        assert_eq!(said.len(), wants.len(), "{settings}: {}", checked.stderr);
        for (line, want) in said.iter().zip(wants) {
            assert!(line.starts_with(&format!("error: {want}")), "{settings}: {line}");
        }
        assert_eq!(checked.status, if wants.is_empty() { 0 } else { 2 }, "{settings}");
        let names = std::fs::read_dir(scenario.path("")).expect("readable");
        assert_eq!(names.count(), 3, "{settings}: only what the test wrote");
        if let Some(first) = wants.first() {
            let ended = scenario.run(&["scan", "counts.csv"]);
            assert_eq!(ended.status, 2, "{settings}");
            assert!(ended.stderr.starts_with(&format!("error: {first}")), "{settings}: {}", ended.stderr);
            assert_eq!(std::fs::read_dir(scenario.path("")).expect("readable").count(), 3, "{settings}");
        }
    }
    scenario.write("trailpulse.toml", "");
    assert!(scenario.done(&["check", "-"]).stdout.contains("can read -\n"));
    let mixed = scenario.run(&["check", "counts.csv", "s3://bucket/c.parquet"]);
    assert!(mixed.stderr.contains("cannot read folders and buckets in one run"), "{}", mixed.stderr);
    assert!(mixed.stderr.contains("counts tables are read from a disk"), "{}", mixed.stderr);
}

#[test]
fn check_says_what_it_understood() {
    let scenario = Scenario::new();
    assert_eq!(scenario.done(&["check"]).stdout, "No trailpulse.toml here: everything is as built in\n");
    scenario.write(
        "trailpulse.toml",
        r#"
[scan]
model = "quiet"
jobs = 2

[[override]]
source = "s3.amazonaws.com"
sensitivity = 0.5
parameters.contextual.z = 8

[[mute]]
id = "backup"
reason = "the nightly copy, J. Doe"
account = ["111122223333", "4444*"]
principal = "role/backup"
from = "23:00"
to = "01:30"
expires = 2026-03-01

[[expected]]
name = "Deploy*"
days = ["sat"]
"#,
    );
    let want = "\
trailpulse.toml is valid: 1 override, 2 mutes
  scan.model = quiet
  scan.jobs = 2
  override[1] source s3.amazonaws.com: sensitivity 0.5 contextual.z 8
  backup account 111122223333 or 4444*, principal role/backup; daily 23:00 to 01:30 UTC; until 2026-03-01T00:00:00Z; because: the nightly copy, J. Doe
  expected[1] name Deploy*; sat 00:00 to 24:00 UTC; because: expected
";
    assert_eq!(scenario.done(&["check"]).stdout, want);
    let expired = scenario.done(&["check", "--at", "2026-03-01"]).stdout;
    assert_eq!(expired.lines().filter(|line| line.ends_with("  EXPIRED")).count(), 1, "{expired}");
    assert!(!scenario.done(&["check", "--at", "2026-02-28"]).stdout.contains("EXPIRED"));
}
