//! `-v --log-format json` -> each stage's span, with what it was about and how much of it; and errors in the same form.
use serde_json::Value;

use crate::command::{Ended, Scenario, organization, text};

#[test]
fn the_log_tells_of_each_stage_what_the_summary_tells() {
    let scenario = Scenario::new();
    scenario.write("logs/broken.json", "{");
    let arguments = [
        "-v",
        "--log-format",
        "json",
        "scan",
        text(organization()),
        "logs",
        "--state",
        "state",
        "--out",
        "out",
    ];
    let ended = scenario.run(&arguments);
    assert_eq!(ended.status, 3);
    let lines: Vec<Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let summary = std::fs::read(scenario.path("out/summary.json")).expect("a summary");
    let summary: Value = serde_json::from_slice(&summary).expect("JSON");
    let stage = |name: &str| {
        let mut ends =
            lines.iter().filter(|line| line["fields"]["message"] == "close" && line["span"]["stage"] == name);
        let span = &ends.next().unwrap_or_else(|| panic!("{name} in {}", ended.stderr))["span"];
        assert!(ends.next().is_none() && span["seconds"].as_f64() > Some(0.0), "{span}");
        span
    };
    let read = stage("read");
    for (field, want) in ["files", "bytes", "records"].map(|field| (field, &summary["input"][field])) {
        assert_eq!(&read[field], want, "{field}");
    }
    assert_eq!(
        (&read["skipped"], read["what"].as_str()),
        (&1.into(), Some(&*format!("{} logs", text(organization()))))
    );
    let judged = stage("judge");
    assert_eq!((&judged["series"], &judged["insights"]), (&summary["series"], &summary["insights"]));
    let published = stage("publish");
    assert!(
        published["files"].as_u64() > Some(2) && published["bytes"].as_u64() > Some(1_000),
        "{published}"
    );
    assert_eq!((&published["what"], &stage("save")["what"]), (&"out".into(), &"state".into()));
    // What a thread says while it reads is said within that stage.
    let skipped = lines.iter().find(|line| line["fields"]["message"] == "Skipped.").expect("a line");
    let what = skipped["fields"]["what"].as_str();
    assert!(what.is_some_and(|what| what.ends_with("logs/broken.json")), "{skipped}");
    assert_eq!(skipped["span"]["stage"], "read");
}

#[test]
fn errors_are_told_in_the_form_of_the_log_whatever_is_filtered() {
    let scenario = Scenario::new();
    scenario.write("trailpulse.toml", "[scan]\nuot = 1\nsettle = -1\n");
    for (filter, arguments, wants) in [
        ("info", &["scan", "nowhere", "--config", "/dev/null"][..], &["cannot open nowhere"][..]),
        ("off", &["-q", "scan", "nowhere", "--config", "/dev/null"], &["cannot open nowhere"]),
        ("trailpulse::source=trace", &["check"], &["line 2: unknown key uot", "line 3: scan.settle must be"]),
    ] {
        let mut command = scenario.command(&[&["--log-format", "json"], arguments].concat());
        let ended = Ended::new(command.env("TRAILPULSE_LOG", filter).output().expect("it starts"));
        assert_eq!(ended.status, 2);
        let lines = ended.stderr.lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        let errors: Vec<String> = lines
            .filter(|line| line["level"] == "ERROR")
            .map(|line| line["fields"]["message"].as_str().expect("a text").to_owned())
            .collect();
        assert_eq!(errors.len(), wants.len(), "{filter}: {errors:?}");
        for (error, want) in errors.iter().zip(wants) {
            assert!(error.contains(want), "{filter}: {error}");
        }
    }
}
