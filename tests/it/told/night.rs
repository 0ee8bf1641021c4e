//! Two nights of an account, the second with incidents, and feeds that are told of them.
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::receiver::Receiver;
use crate::command::{Ended, Scenario, tree};

/// A time after the second night.
pub(super) const NOW: &str = "2026-01-15T12:00:00Z";
/// A scan of it, one thread, so that its steps come in order.
const SCAN: [&str; 13] = [
    "-q",
    "scan",
    "logs",
    "--state",
    "state",
    "--out",
    "out",
    "--jobs",
    "1",
    "--now",
    NOW,
    "--metrics",
    "prom/m.prom",
];

/// A scenario with a first night behind it, told to nobody, and the logs of the second.
pub(super) struct Night {
    pub(super) scenario: Scenario,
}

impl Night {
    pub(super) fn new() -> Self {
        let scenario = Scenario::new();
        let options = ["--days", "10", "--accounts", "1", "--seed", "4", "--records", "1"];
        scenario.done(&[&["generate", "--out", "all"], options.as_slice()].concat());
        let all = tree(&scenario.path("all")).into_iter().filter(|(name, _)| name.contains("_CloudTrail_"));
        let (new, old): (Vec<_>, Vec<_>) =
            all.partition(|(name, _)| ["/2026/01/14/", "/2026/01/15/"].iter().any(|day| name.contains(day)));
        for (name, bytes) in &old {
            scenario.write(&format!("logs/{name}"), bytes);
        }
        // Feeds know of that night, so that the next tells all that was noticed since the day before.
        let feed = "[[feed]]\nname = \"earlier\"\ntype = \"jsonl\"\npath = \"earlier.jsonl\"\n";
        let config = scenario.write("trailpulse.toml", feed);
        let mut first = SCAN;
        first[10] = "2026-01-14T00:00:00Z";
        scenario.done(&first);
        std::fs::remove_file(config).expect("it is there");
        for (name, bytes) in &new {
            scenario.write(&format!("logs/{name}"), bytes);
        }
        let night = Self { scenario };
        night.keep();
        night
    }

    /// From now on, "before" is now.
    pub(super) fn keep(&self) {
        for kept in ["state", "out"] {
            copy(&self.scenario.path(kept), &self.scenario.path(&format!("{kept}.before")));
        }
    }

    /// Puts everything back as it was before the second night.
    pub(super) fn before(&self) {
        for kept in ["state", "out"] {
            copy(&self.scenario.path(&format!("{kept}.before")), &self.scenario.path(kept));
        }
        let _ = std::fs::remove_file(self.scenario.path("alerts.jsonl"));
    }

    /// The second night's scan.
    pub(super) fn command(&self) -> Command {
        self.scenario.command(&SCAN)
    }

    /// The same at another time.
    pub(super) fn command_at(&self, now: &str) -> Command {
        let mut arguments = SCAN;
        arguments[10] = now;
        self.scenario.command(&arguments)
    }

    pub(super) fn scan(&self) -> Ended {
        Ended::new(self.command().output().expect("starts"))
    }

    /// What became of the alerts to a feed, by the summary.
    pub(super) fn told(&self, feed: &str) -> Value {
        let summary = std::fs::read(self.scenario.path("out/summary.json")).expect("a summary");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        summary["alerts"][feed].clone()
    }

    /// Ids of all events of the second night that nobody mutes.
    pub(super) fn events(&self) -> BTreeSet<String> {
        let ids = |file: &str| -> BTreeSet<String> {
            let text = std::fs::read_to_string(self.scenario.path(file)).unwrap_or_default();
            text.lines()
                .map(|line| {
                    let line: Value = serde_json::from_str(line).expect("JSON");
                    line["record"]["eventID"].as_str().expect("an id").to_owned()
                })
                .collect()
        };
        ids("out/insights.jsonl").difference(&ids("out.before/insights.jsonl")).cloned().collect()
    }

    /// With the state of a format that there was, and a log that ends the insight of which its ledger tells.
    pub(super) fn of_format(format: u32) -> Self {
        Self { scenario: crate::state::of_format(format) }
    }

    /// A configuration with a webhook, and with lines in a file.
    pub(super) fn feeds(&self, receiver: &Receiver, more: &str) {
        let port = receiver.port;
        let hook = format!(
            "[[feed]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{port}/alerts?token=hunter2\"\n\
             allow_private = true\n{more}\n[[feed]]\nname = \"lines\"\ntype = \"jsonl\"\npath = \"alerts.jsonl\"\n"
        );
        self.scenario.write("trailpulse.toml", hook);
    }

    /// Ids of the events in the lines' file, in order.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.scenario.path("alerts.jsonl")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|line| line["record"]["eventID"].as_str().expect("an id").to_owned())
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    for (name, bytes) in tree(from) {
        let to = to.join(name);
        std::fs::create_dir_all(to.parent().expect("has a parent")).expect("writable");
        std::fs::write(to, bytes).expect("writable");
    }
}
