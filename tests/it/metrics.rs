//! `scan --metrics`: a text file of what the summary says, replaced by runs that publish and left alone by others.
use crate::command::{Scenario, organization, text};

#[test]
fn metrics_say_what_the_summary_says() {
    let scenario = Scenario::new();
    scenario.done(&["scan", text(organization()), "--out", "out", "--metrics", "node/trailpulse.prom"]);
    let read = |path: &str| std::fs::read_to_string(scenario.path(path)).expect("readable");
    let (metrics, summary) = (read("node/trailpulse.prom"), read("out/summary.json"));
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("trailpulse_{name} ")));
        line.unwrap_or_else(|| panic!("{name} in {metrics}")).parse().expect("a number")
    };
    let found = &summary["insights_by_severity"];
    for (name, want) in [
        ("read_files", &summary["input"]["files"]),
        ("read_bytes", &summary["input"]["bytes"]),
        ("read_records", &summary["input"]["records"]),
        ("counted_calls", &summary["counted"]),
        ("duplicate_records", &summary["duplicates"]),
        ("excluded_records{reason=\"service_event\"}", &summary["excluded"]["service_event"]),
        ("series", &summary["series"]),
        ("insights{severity=\"high\"}", &found["high"]),
        ("insights_open", &summary["insights_open"]),
    ] {
        assert_eq!(Some(value(name)), want.as_f64(), "{name}");
    }
    for stage in ["read", "judge", "publish"] {
        assert!(value(&format!("stage_duration_seconds{{stage=\"{stage}\"}}")) > 0.0, "{stage}");
    }
    assert!(value("newest_record_age_seconds") > 0.0 && value("last_success_timestamp_seconds") > 1.7e9);
    // A run that fails says nothing new, so the age of the last success grows.
    assert_eq!(scenario.run(&["scan", "nowhere", "--metrics", "node/trailpulse.prom"]).status, 2);
    assert_eq!(read("node/trailpulse.prom"), metrics);
    let ended = scenario.run(&["scan", text(organization()), "--out", "other", "--metrics", "out"]);
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(
        !scenario.path("other").exists() && ended.stderr.contains("cannot write out"),
        "{}",
        ended.stderr
    );
}

#[test]
fn promtool_accepts_the_metrics() {
    let scenario = Scenario::new();
    let common = ["scan", text(organization()), "--state", "state", "--out", "out", "--metrics", "m.prom"];
    for _ in 0..2 {
        scenario.done(&common);
        let metrics = std::fs::File::open(scenario.path("m.prom")).expect("readable");
        let checked =
            std::process::Command::new("promtool").args(["check", "metrics"]).stdin(metrics).output();
        let Ok(checked) = checked else {
            assert!(std::env::var_os("TRAILPULSE_TEST_PYTHON").is_none(), "./run-tests sets up promtool");
            return;
        };
        let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success() && said.is_empty(), "{said}");
    }
}
