//! `evaluate`: figures worked out by hand, the same from insights and from counts, and what cannot be compared.
use serde_json::{Value, json};
use trailpulse::model::Model;

use crate::command::{Scenario, organization, repository, text};

/// The figures of one subject.
fn figures(scenario: &Scenario, arguments: &[&str]) -> Value {
    let ended = scenario.done(&[&["evaluate", "--format", "json"], arguments].concat());
    let mut subjects: Vec<Value> = serde_json::from_str(&ended.stdout).expect("JSON");
    subjects.remove(0)
}

/// Checks every given figure; numbers to six decimals.
fn check(figures: &Value, wanted: &Value) {
    for (name, wanted) in wanted.as_object().expect("figures by name") {
        let got = figures.pointer(name).unwrap_or(&Value::Null);
        let same = match (got.as_f64(), wanted.as_f64()) {
            (Some(got), Some(wanted)) => (got - wanted).abs() < 1e-6,
            _ => got == wanted,
        };
        assert!(same, "{name} is {got}, not {wanted}, of\n{figures:#}");
    }
}

/// Six anomalies in twelve series-days; see `fixtures/make.py` for what each alarm is.
fn worked_out() -> Value {
    json!({
        "/required": 6, "/tp": 5, "/fp": 3, "/dups": 2, "/ignored": 2, "/unknown_series_rows": 1,
        "/recall": 5.0 / 6.0, "/precision": 5.0 / 8.0, "/f1": 10.0 / 14.0, "/precision_strict": 0.5,
        "/series_days": 12, "/fa_per_1000_series_days": 250, "/fa_rate": 2000.0 / 12.0, "/fa_error": 1000.0 / 12.0,
        // Delays 5 15 20 40 40, starts off by 0 0 1 2 10, ends by 0 2 10 15.
        "/delay_median": 20, "/delay_p90": 40, "/start_err_median": 1, "/end_err_median": 6,
        "/by_kind/spike x<=3": {"required": 1, "recall": 1.0, "delay_median": 5.0},
        "/by_kind/spike x>=10": {"required": 1, "recall": 0.0, "delay_median": null},
        "/by_kind/credential_abuse/delay_median": 20,
        "/by_family/steady/recall": 0.5, "/by_family/sparse/required": 2, "/by_family/sparse/recall": 1,
        "/by_family/silent/recall": null, "/by_family/silent/fa_per_1000_series_days": 1000.0 / 3.0,
        "/fp_cause": {"cron_late": 1, "none(silent)": 1, "none(sparse)": 1},
        "/sets/0/missed": ["1"],
    })
}

#[test]
fn figures_are_those_worked_out_by_hand() {
    let scenario = Scenario::new();
    let (insights, labels) = (repository("fixtures/evaluate"), repository("fixtures/evaluate/labels.json"));
    let pair = ["--insights", text(&insights), "--labels", text(&labels)];
    check(&figures(&scenario, &pair), &worked_out());
    let pooled = figures(&scenario, &[pair, pair].concat());
    check(&pooled, &json!({"/required": 12, "/tp": 10, "/series_days": 24, "/fa_rate": 2000.0 / 12.0}));
    check(&pooled, &json!({"/f1": 10.0 / 14.0, "/delay_p90": 40, "/by_kind/dropout/delay_median": 40}));
    let said = scenario.done(&[&["evaluate"], &pair[..]].concat()).stdout;
    for words in ["5 of 6 anomalies found, 3 false alarms: F1 0.714", "dropout ", "cron_late "] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_generated_tree_compares_alike_from_insights_and_from_counts() {
    let scenario = Scenario::new();
    let (logs, labels) = (text(organization()), organization().join("labels.json"));
    scenario.done(&["scan", logs, "--out", "out"]);
    scenario.done(&["counts", logs, "--out", "counts.csv"]);
    let compare = |found: &[&str]| {
        let mut figures = figures(&scenario, &[found, &["--labels", text(&labels)]].concat());
        for name in ["model", "model_digest"] {
            figures[name].take();
        }
        figures
    };
    let published = compare(&["--insights", "out"]);
    assert!(
        published["tp"].as_u64() > Some(1) && published["series_days"].as_f64() > Some(100.0),
        "{published:#}"
    );
    assert_eq!(published, compare(&["--counts", "counts.csv"]));
    assert_eq!(published, compare(&["--counts", logs, "--jobs", "1"]));
}

#[test]
fn several_models_stand_side_by_side() {
    let scenario = Scenario::new();
    let labels = organization().join("labels.json");
    let pair = ["--counts", text(organization()), "--labels", text(&labels)];
    let said = scenario.done(&[&["evaluate", "-m", "quiet", "-m", "sensitive"], &pair[..]].concat()).stdout;
    let first: Vec<&str> = said.lines().take(3).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["MODEL", "quiet", "sensitive"], "{said}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let scenario = Scenario::new();
    let (insights, labels) = (repository("fixtures/evaluate"), repository("fixtures/evaluate/labels.json"));
    let (insights, labels) = (text(&insights), text(&labels));
    scenario.write("other.json", r#"{"format":"other/1"}"#);
    scenario.write("group.json", labels_with(r#""status":"group","group":null"#));
    scenario.write("index.json", labels_with(r#""status":"required","series":9"#));
    for (arguments, words) in [
        (vec!["--insights", insights], "--labels"),
        (vec!["--labels", labels], "--counts"),
        (vec!["--insights", insights, "--labels", labels, "--labels", labels], "cannot pair"),
        (vec!["--insights", insights, "--labels", labels, "--model", "quiet"], "--model"),
        (vec!["--insights", insights, "--labels", "none.json"], "none.json"),
        (vec!["--insights", insights, "--labels", "other.json"], "ctbench-labels/1"),
        (vec!["--insights", insights, "--labels", "group.json"], "label 1 has no group"),
        (vec!["--insights", insights, "--labels", "index.json"], "there is no series 9"),
        (vec!["--insights", labels, "--labels", labels], "as insights"),
        (vec!["--insights", "nowhere", "--labels", labels], "nowhere"),
    ] {
        let ended = scenario.run(&[&["evaluate"], &arguments[..]].concat());
        assert!(ended.status == 2 && ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn the_models_of_the_accuracy_bench_are_models() {
    let read = |name| std::fs::read_to_string(repository("benches/accuracy").join(name)).expect("readable");
    let default = Model::builtin("default").expect("the default model");
    let layers: toml::Table = read("layers.toml").parse().expect("TOML");
    let layers =
        layers.into_iter().map(|(layer, changes)| (layer, toml::to_string(&changes).expect("a table")));
    for (name, text) in layers.chain([("nab".to_owned(), read("nab.toml"))]) {
        let model = Model::load(&text, &name).unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(model.digest(), default.digest(), "{name} changes nothing");
    }
}

/// Labels with one series and one label, of which `end` is the end.
fn labels_with(end: &str) -> String {
    let series = if end.contains("series") { "" } else { r#""series":0,"# };
    format!(
        r#"{{"format":"ctbench-labels/1","start_epoch":1767571200,"minutes":1440,"warmup_minutes":0,"series":[
        {{"account":"1","region":"r","eventSource":"s","eventName":"n","family":"f"}}],"labels":[
        {{"id":1,{series}"start":1,"end":2,"kind":"spike","factor":2,"type":"any",{end}}}]}}"#
    )
}
