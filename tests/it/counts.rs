//! `counts`: the table against a naive count of the same logs, and the insights found on it against those of the logs.
use std::path::Path;

use crate::command::{Scenario, organization, python, tells_of_the_run, text, tree};

#[test]
fn tables_equal_a_naive_count_of_the_logs() {
    let scenario = Scenario::new();
    let logs = text(organization());
    for (file, attributions) in [("c.parquet", false), ("c.csv", false), ("a.parquet", true), ("a.csv", true)]
    {
        let out = scenario.path(file);
        let mut arguments = vec!["counts", logs, "--out", text(&out)];
        arguments.extend(attributions.then_some("--attributions"));
        scenario.done(&arguments);
        let Some(checked) = python("counts_check.py", Some("duckdb"), &[logs, text(&out)]) else { return };
        assert_eq!(checked.status, 0, "{file}: {}{}", checked.stdout, checked.stderr);
        assert!(
            checked
                .stdout
                .ends_with(&format!("attributions {}\n", if attributions { "True" } else { "False" }))
        );
    }
}

#[test]
fn a_scan_of_the_table_finds_what_a_scan_of_the_logs_finds() {
    let scenario = Scenario::new();
    let logs = text(organization());
    scenario.done(&["scan", logs, "--out", "from-logs"]);
    let organization = std::fs::read_dir(scenario.path("from-logs/AWSLogs")).expect("readable").next();
    let organization = organization.expect("an organization").expect("readable").file_name();
    let organization = text(Path::new(&organization));
    assert!(organization.starts_with("o-"), "{organization}");
    for table in ["c.parquet", "c.csv"] {
        scenario.done(&["counts", logs, "--attributions", "--out", table]);
        scenario.done(&["scan", table, "--out", "from-table"]);
        let files = |folder: &str| {
            let mut files = tree(&scenario.path(folder));
            files.retain(|(name, _)| !tells_of_the_run(name));
            // A table does not know organizations.
            for (name, _) in &mut files {
                *name = name.replace(&format!("AWSLogs/{organization}/"), "AWSLogs/");
            }
            files.sort();
            files
        };
        assert!(files("from-logs").len() > 5, "the tree has insights");
        assert!(files("from-logs") == files("from-table"), "{table}");
    }
}

#[test]
fn without_attributions_the_insights_are_the_same_but_for_them() {
    let scenario = Scenario::new();
    let logs = text(organization());
    scenario.done(&["scan", logs, "--out", "from-logs"]);
    scenario.done(&["counts", logs, "--out", "c.parquet"]);
    scenario.done(&["scan", "c.parquet", "--out", "from-table"]);
    let facts = |folder: &str| -> Vec<String> {
        let lines = std::fs::read_to_string(scenario.path(folder).join("insights.jsonl")).expect("readable");
        let fact = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let (record, why) = (&line["record"], &line["explanation"]);
            let context = &record["insightDetails"]["insightContext"]["statistics"];
            format!("{} {} {context} {}", record["eventID"], record["eventTime"], why["log10_probability"])
        };
        lines.lines().map(fact).collect()
    };
    assert!(facts("from-logs").len() > 5);
    assert_eq!(facts("from-logs"), facts("from-table"));
}

#[test]
fn csv_goes_to_standard_output_and_a_closed_pipe_is_no_error() {
    let scenario = Scenario::new();
    let logs = text(organization());
    let whole = scenario.done(&["counts", logs, "--out", "-"]);
    assert!(
        whole.stdout.starts_with(
            "minute,account,region,event_source,event_name,category,read_only,error_code,calls\n"
        )
    );
    let mut child = scenario
        .command(&["counts", logs, "--out", "-"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("trailpulse starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{told}");
    assert!(!told.contains("error"), "{told}");
}

#[test]
fn a_table_in_a_folder_is_not_counted_again() {
    let scenario = Scenario::new();
    let record = r#"{"eventTime":"2026-01-01T00:00:00Z","eventSource":"s","eventName":"Put","awsRegion":"r","recipientAccountId":"1"}"#;
    scenario.write("logs/a.json", format!(r#"{{"Records":[{record}]}}"#));
    scenario.done(&["counts", "logs", "--out", "logs/c.csv"]);
    let again = scenario.done(&["counts", "logs", "--out", "-"]);
    assert!(
        again.stdout.ends_with("2026-01-01T00:00:00Z,1,r,s,Put,Management,false,,1\n"),
        "{}",
        again.stdout
    );
}
