//! `explain`: the numbers of an insight again, the distance to every line where there is none, and hostile names.
use serde_json::Value;

use crate::command::{Scenario, organization, text};
use crate::table::{RUN, Series, Table, at};

const SERIES: &str = "111122223333/eu-west-1/ec2/RunInstances";
const BURST: i64 = 12 * 1440 + 605;

fn scenario() -> Scenario {
    let scenario = Scenario::new();
    let eve = Series { caller: "arn:aws:iam::111122223333:user/eve", error: "Client.Denied", ..RUN };
    let mut table = Table::new();
    table.steady(RUN, 14, 1).burst(eve, BURST, 5, 60);
    scenario.write("counts.csv", table.text());
    scenario
}

fn explained(scenario: &Scenario, more: &[&str]) -> Value {
    let ended = scenario.done(&[&["explain", "counts.csv", SERIES, "--format", "json"], more].concat());
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// Probability of a negative binomial with the mean and the deviation of an explanation.
fn tail(why: &Value) -> f64 {
    let number = |key: &str| why[key].as_f64().expect("a number");
    let (observed, mean, deviation) = (number("observed"), number("expected"), number("deviation"));
    let shape = mean * mean / (deviation * deviation - mean);
    let above = |total: f64| statrs::function::beta::beta_reg(total, shape, mean / (shape + mean));
    if why["direction"] == "up" { above(observed) } else { 1.0 - above(observed + 1.0) }
}

#[test]
fn every_insight_is_explained_by_the_numbers_that_it_carries() {
    let scenario = Scenario::new();
    let logs = text(organization());
    scenario.done(&["counts", logs, "--attributions", "--out", "counts.csv"]);
    scenario.done(&["scan", "counts.csv", "--out", "out"]);
    let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("lines");
    let mut rules = std::collections::BTreeSet::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let (record, why) = (&line["record"], &line["explanation"]);
        let details = &record["insightDetails"];
        let name = |value: &Value| value.as_str().expect("a text").to_owned();
        let rule = name(&why["rule"]);
        if details["state"] != "Start" || !rules.insert((rule.clone(), name(&details["insightType"]))) {
            continue;
        }
        let series = [
            &record["recipientAccountId"],
            &record["awsRegion"],
            &details["eventSource"],
            &details["eventName"],
        ]
        .map(name)
        .join("/");
        // The minute that ended when it was noticed.
        let detected = chrono::DateTime::parse_from_rfc3339(&name(&why["detected_at"])).expect("a time");
        let minute = (detected - chrono::TimeDelta::minutes(1)).to_rfc3339();
        let mut arguments = vec!["explain", "counts.csv", &series, "--at", &minute, "--format", "json"];
        let code = details["errorCode"].as_str();
        arguments.extend(code.iter().flat_map(|code| ["--error-code", code]));
        let shown: Value = serde_json::from_str(&scenario.done(&arguments).stdout).expect("JSON");
        assert_eq!(shown["open"]["rule"], why["rule"], "{arguments:?}");
        assert_eq!(shown["open"]["start"], record["eventTime"], "{arguments:?}");
        let windows = shown["windows"].as_array().expect("windows");
        let window =
            windows.iter().find(|it| it["window_minutes"] == why["window_minutes"]).expect("the window");
        for key in ["observed", "usual_time_of_day", "usual_time_of_week", "largest_before"] {
            assert_eq!(window[key], why[key], "{key} {arguments:?} {window:#}");
        }
        // A fall is judged by the lower tail, and by the least that is expected.
        let judged_by = if rule == "drop" { &window["fall"] } else { window };
        for key in ["expected", "deviation", "log10_probability"] {
            assert_eq!(judged_by[key], why[key], "{key} {arguments:?} {window:#}");
        }
        // By the exact tail, which shares nothing with the program's, where it does not underflow.
        let exact = tail(why);
        let told = why["log10_probability"].as_f64().expect("a number");
        assert!(exact < 1e-200 || (exact.log10() - told).abs() < 0.3, "{} {why:#}", exact.log10());
        assert_eq!(shown["inside"]["start"], record["eventTime"], "{arguments:?}");
        assert_eq!(shown["model"]["sensitivity"], why["sensitivity"], "{arguments:?}");
        let line = window["lines"].as_array().expect("lines").iter().find(|line| line["rule"] == why["rule"]);
        let line = line.expect("the line");
        assert_eq!(
            (&line["bound"], &line["crossed"]),
            (&why["bound"], &true.into()),
            "{arguments:?} {window:#}"
        );
    }
    assert!(rules.len() >= 3, "{rules:?}");
}

#[test]
fn a_usual_minute_shows_how_far_the_lines_are() {
    let scenario = scenario();
    let shown = explained(&scenario, &["--at", &at(11 * 1440 + 600)]);
    assert_eq!((&shown["open"], &shown["judged"]), (&Value::Null, &"yes".into()));
    let windows = shown["windows"].as_array().expect("windows");
    let lengths: Vec<_> = windows.iter().map(|window| window["window_minutes"].as_u64()).collect();
    assert_eq!(lengths, [1, 5, 30, 120].map(Some));
    let observed: Vec<_> = windows.iter().map(|window| window["observed"].as_f64()).collect();
    assert_eq!(observed, [1.0, 1.0, 3.0, 12.0].map(Some));
    for window in windows {
        for line in window["lines"].as_array().expect("lines") {
            assert_eq!(line["crossed"], false, "{window:#}");
            let total = line["bound"].as_f64();
            let beyond = total.is_none_or(|bound| {
                let observed = window["observed"].as_f64().expect("a number");
                if line["rule"] == "drop" { bound < observed } else { bound > observed }
            });
            assert!(beyond, "{window:#}");
        }
    }
    assert_eq!(shown["last_minutes"].as_array().expect("minutes").len(), 120);
    let day: u64 =
        shown["last_half_hours"].as_array().expect("half hours").iter().filter_map(Value::as_u64).sum();
    assert_eq!(day, 144);
}

#[test]
fn without_a_minute_the_last_episode_is_shown() {
    let scenario = scenario();
    let shown = explained(&scenario, &[]);
    assert_eq!(shown["open"]["start"], at(BURST));
    assert_eq!(shown["contributors"][0]["value"], "arn:aws:iam::111122223333:user/eve");
    let ended = scenario.done(&["explain", "counts.csv", SERIES]);
    for part in
        ["UNUSUAL", "contextual", "CROSSED", "user/eve: 60, usually 0", "Client.Denied", "█", "^  unusual"]
    {
        assert!(ended.stdout.contains(part), "{part}\n{}", ended.stdout);
    }
    let failed = explained(&scenario, &["--error-code", "Client.Denied"]);
    assert_eq!(failed["series"]["error_code"], "Client.Denied");
    assert!(failed["levels"]["share_of_calls"].as_f64() < Some(0.2));
    // Quiet logs have no episode: the most surprising minute.
    let quiet = explained(&scenario, &["--to", "2026-01-16"]);
    assert_eq!(quiet["open"], Value::Null);
}

#[test]
fn every_minute_of_an_insight_is_inside_it() {
    let scenario = scenario();
    let heading = |minute: i64, want: &str| {
        let ended = scenario.done(&["explain", "counts.csv", SERIES, "--at", &at(minute)]);
        let heading = ended.stdout.lines().nth(2).expect("a heading");
        assert!(heading.starts_with(want), "{heading}\n{want}");
    };
    heading(BURST - 1, "Usual: no line is crossed");
    for minute in 0..5 {
        let began =
            "UNUSUAL: inside the insight that began 2026-01-17 10:05 and ended 2026-01-17 10:10; noticed";
        heading(BURST + minute, began);
    }
    heading(BURST + 5, "Calm again: the insight that began 2026-01-17 10:05 ended before this minute");
    heading(BURST + 300, "Usual: no line is crossed");
}

#[test]
fn a_drop_is_explained_by_the_lower_tail() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    table.steady(RUN, 14, 20).steady(Series { account: "444455556666", ..RUN }, 16, 1);
    scenario.write("counts.csv", table.text());
    let shown = explained(&scenario, &["--at", &at(14 * 1440 + 60)]);
    assert_eq!(shown["contributors_direction"], "down");
    let role = "arn:aws:sts::111122223333:assumed-role/deployer";
    assert_eq!(
        (&shown["contributors"][0]["value"], &shown["contributors"][0]["calls"]),
        (&role.into(), &0.into())
    );
    for window in shown["windows"].as_array().expect("windows") {
        let fall = &window["fall"];
        if window["window_minutes"].as_u64() < Some(30) {
            assert_eq!(fall, &Value::Null);
        } else {
            assert!(fall["expected"].as_f64() <= window["expected"].as_f64(), "{window:#}");
            assert!(fall["log10_probability"].as_f64() < Some(-1.0), "{window:#}");
        }
    }
    let ended = scenario.done(&["explain", "counts.csv", SERIES, "--at", &at(14 * 1440 + 180)]);
    for part in ["UNUSUAL: inside", "line drop", "↓ 1 in ", "drop ", "CROSSED", "deployer: 0, usually "] {
        assert!(ended.stdout.contains(part), "{part}\n{}", ended.stdout);
    }
}

#[test]
fn a_sum_is_explained_too() {
    let scenario = scenario();
    let sums = [
        ("account", "111122223333/*/ec2/RunInstances", "region"),
        ("organization", "*/*/ec2/RunInstances", "account"),
        ("principal", "user/eve/*/*/*", "api"),
    ];
    for (kind, series, part) in sums {
        let arguments = ["explain", "counts.csv", series, "--roll-up", kind, "--format", "json"];
        let shown: Value = serde_json::from_str(&scenario.done(&arguments).stdout).expect("JSON");
        assert_eq!((&shown["roll_up"], &shown["inside"]["start"]), (&kind.into(), &at(BURST).into()));
        let parts = shown["contributors"].as_array().expect("contributors").iter();
        assert_eq!(parts.filter(|it| it["attribute"] == part).count(), 1, "{shown:#}");
        let ended = scenario.done(&arguments[..5]);
        assert!(ended.stdout.contains("\nThe sum of "), "{}", ended.stdout);
    }
    assert_eq!(explained(&scenario, &[])["roll_up"], Value::Null);
}

#[test]
fn a_silent_series_is_explained_too() {
    let scenario = Scenario::new();
    let rare = Series { name: "CreateVpc", ..RUN };
    let mut table = Table::new();
    table.steady(RUN, 30, 1).put(rare, 100, 3);
    scenario.write("counts.csv", table.text());
    let series = "111122223333/eu-west-1/ec2/CreateVpc";
    let ended = scenario.done(&["explain", "counts.csv", series, "--at", "2026-01-20"]);
    assert!(ended.stdout.contains("Usual: no line is crossed"), "{}", ended.stdout);
}

#[test]
fn what_is_not_there_is_an_error_that_names_what_is() {
    let scenario = scenario();
    let fails = |arguments: &[&str], parts: &[&str]| {
        let ended = scenario.run(&[&["explain", "counts.csv"], arguments].concat());
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{arguments:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
        }
    };
    let typo = "111122223333/eu-west-1/ec2.amazonaws.com/RunInstance";
    fails(
        &[typo],
        &["there are no calls of", "there are 111122223333/eu-west-1/ec2.amazonaws.com/RunInstances"],
    );
    fails(&["RunInstances"], &["is not ACCOUNT/REGION/SOURCE/NAME"]);
    fails(&[SERIES, "--error-code", "Denied"], &["there are no calls of", "there are Client.Denied"]);
    fails(
        &[SERIES, "--at", "2025-12-01"],
        &["can be explained from 2026-01-05T00:00:00Z to 2026-01-18T23:50:00Z"],
    );
    fails(&[SERIES, "--at", "2027-01-01"], &["not at 2027-01-01T00:00:00Z"]);
}

#[test]
fn hostile_names_do_nothing_to_the_screen() {
    let scenario = Scenario::new();
    let hostile =
        Series { name: "Run\u{1b}[2J", caller: "user/\u{202e}eve", agent: "\u{1b}]0;x\u{7}", ..RUN };
    let mut table = Table::new();
    table.steady(hostile, 9, 1).burst(hostile, 8 * 1440, 5, 90);
    scenario.write("counts.csv", table.text());
    let ended = scenario.done(&["explain", "counts.csv", "111122223333/eu-west-1/ec2/Run\u{1b}[2J"]);
    let wrong = scenario.run(&["explain", "counts.csv", "111122223333/eu-west-1/ec2/Run\u{1b}[3J"]);
    for text in [&ended.stdout, &wrong.stderr] {
        assert!(text.contains("Run\u{fffd}[2J"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
    }
}
