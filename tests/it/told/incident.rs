//! Runs that find more while something goes on -> alerts whose incidents are those of the report.
use std::collections::BTreeSet;

use serde_json::Value;

use crate::command::Scenario;
use crate::table::{RUN, Series, Table, at};

#[test]
fn what_is_done_while_a_rise_goes_on_is_of_its_incident_as_in_the_report() {
    const DELETE: Series<'_> = Series { source: "kms.amazonaws.com", name: "ScheduleKeyDeletion", ..RUN };
    let scenario = Scenario::new();
    let feed = "[[feed]]\nname = \"lines\"\ntype = \"jsonl\"\npath = \"alerts.jsonl\"\n";
    scenario.write("trailpulse.toml", feed);
    let begins = 14 * 1440 + 600;
    let runs = [0, begins + 60, begins + 300];
    for run in runs.windows(2) {
        let mut table = Table::new();
        for minute in (run[0]..run[1].min(begins)).step_by(5) {
            table.put(RUN, minute, 2);
        }
        let rise = run[0].max(begins);
        table.burst(RUN, rise, run[1] - rise, 20);
        if run[0] > begins {
            // Hours after the rise was noticed.
            table.burst(DELETE, begins + 240, 10, 9);
        }
        scenario.write("night.csv", table.text());
        let now = at(run[1] + 30);
        let common = ["scan", "night.csv", "--state", "state", "--out", "out"];
        scenario.done(&[&common, ["--alert-since", "2026-01-01", "--now", &now].as_slice()].concat());
    }
    let lines = std::fs::read_to_string(scenario.path("alerts.jsonl")).expect("alerts");
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(told.len(), 3, "{lines}");
    let incidents: BTreeSet<&str> = told.iter().filter_map(|line| line["incident"].as_str()).collect();
    let report = scenario.done(&["report", "out", "--output", "-", "--format", "json"]).stdout;
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let reported = report["incidents"].as_array().expect("incidents").iter();
    let reported: BTreeSet<&str> = reported.filter_map(|incident| incident["id"].as_str()).collect();
    assert_eq!((incidents.len(), incidents), (1, reported));
}
