//! Servers that fail, stall and break off -> retries, or rows in the summary that the next run makes up for.
use std::time::Duration;

use serde_json::Value;

use crate::command::{Ended, tells_of_the_run};
use crate::s3::proxy::Fault;
use crate::s3::server::{Served, delivered, logs};

/// A number that depends on the request alone.
fn number_of(what: &str) -> usize {
    what.bytes().fold(7, |number, byte| (number * 31 + usize::from(byte)) % 10_007)
}

fn summary(served: &Served, out: &str) -> Value {
    let bytes = std::fs::read(served.scenario.path(out).join("summary.json")).expect("a summary");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn faults_that_pass_change_nothing() {
    let Some(served) = Served::new() else { return };
    served.deliver_all();
    served.scenario.write("trailpulse.toml", "[s3]\nretries = 6\ntimeout = 3\n");
    served.ends(0, &["scan", "logs", "--out", "local"]);
    served.proxy.plan(|what, time| {
        // Listings fail, too; what was only delayed is not asked for again where it comes in time.
        let is_list = what.contains("list-type=2");
        match (number_of(what) % if is_list { 5 } else { 40 }, time) {
            (0, 1 | 2) => Fault::Status(503),
            (1, 1) => Fault::Truncate,
            (2, 1 | 2) => Fault::Reset,
            (3, 1) => Fault::Status(500),
            (4, 1) => Fault::Delay(Duration::from_millis(200)),
            (5, 1) if number_of(what) % 400 == 5 => Fault::Delay(Duration::from_secs(5)),
            _ => Fault::None,
        }
    });
    served.ends(0, &["scan", "s3://logs", "--out", "s3://results"]);
    assert!(served.objects("results") == served.files("local"));
    let requests = served.proxy.seen();
    let again = requests.len() - requests.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert!(again > 20, "{again} of {} requests were tried again", requests.len());
}

#[test]
fn a_server_that_is_overloaded_for_a_while_is_waited_for() {
    let Some(served) = Served::new() else { return };
    for (name, bytes) in &logs()[..50] {
        served.put(&format!("logs/{name}"), bytes);
    }
    // As many tries as there are when nobody says.
    served.scenario.write("trailpulse.toml", "");
    served.proxy.plan(|what, time| {
        // Regions are listed at the same time, and so are objects read.
        let is_region = what.contains("list-type=2") && what.contains("%2FCloudTrail%2F");
        let is_hit = is_region || (what.contains("_CloudTrail_") && number_of(what).is_multiple_of(10));
        if is_hit && time <= 6 { Fault::Status(503) } else { Fault::None }
    });
    served.ends(0, &["-q", "scan", "s3://logs", "--out", "out"]);
    assert_eq!(summary(&served, "out")["skipped"], Value::Array(Vec::new()));
}

/// The same log as if it had been delivered at another time, `YYYYMMDDTHHmm`, under another name.
fn redelivered((name, bytes): &(String, Vec<u8>), time: &str) -> (String, Vec<u8>) {
    let folder = |time: &str| {
        let [year, month, day] = [0..4, 4..6, 6..8].map(|part| time.get(part).expect("a time"));
        format!("/{year}/{month}/{day}/")
    };
    let name = name.replace(&folder(delivered(name)), &folder(time)).replace(delivered(name), time);
    (name.replace("Z_", "Z_AGAIN"), bytes.clone())
}

#[test]
fn faults_that_last_are_named_and_made_up_for_by_the_next_run() {
    let Some(served) = Served::new() else { return };
    let mut logs = logs().to_vec();
    let at = |logs: &[(String, Vec<u8>)], time: &str| {
        logs.iter()
            .position(|(name, _)| name.contains("_CloudTrail_") && delivered(name) >= time)
            .expect("a log")
    };
    // A copy that comes just before its events are forgotten, and a log that comes a day late.
    let copy = redelivered(&logs[at(&logs, "20260110T1200")], "20260112T2350");
    let late = at(&logs, "20260112T0300");
    let late = redelivered(&logs.remove(late), "20260113T0400");
    logs.extend([copy.clone(), late]);
    logs.sort_by(|one, other| (delivered(&one.0), &one.0).cmp(&(delivered(&other.0), &other.0)));
    let first_night = logs.partition_point(|(name, _)| delivered(name) < "20260113T0600");
    let deliver = |logs: &[(String, Vec<u8>)]| {
        for (name, bytes) in logs {
            served.put(&format!("logs/{name}"), bytes);
        }
    };
    let night = |name: &str, status| {
        let (state, out) = (format!("state-{name}"), format!("out-{name}"));
        served.ends(status, &["-q", "scan", "s3://logs", "--state", &state, "--out", &out]);
        summary(&served, &out)
    };
    deliver(&logs[..first_night]);
    // A log of long ago, and one of the last hours: in the middle of what is planted there.
    let mut names =
        logs[..first_night].iter().map(|(name, _)| name).filter(|name| name.contains("_CloudTrail_"));
    let old = names.next().expect("a log").clone();
    let recent = names.rfind(|name| delivered(name) <= "20260113T0230").expect("a log").clone();
    let cases: [(&str, Fault, &[&String], &str); 5] = [
        ("copy", Fault::Status(503), &[&copy.0], "the server answered 503 SlowDown"),
        ("status", Fault::Status(503), &[&old], "the server answered 503 SlowDown"),
        ("truncated", Fault::Truncate, &[&recent], "the answer broke off"),
        ("reset", Fault::Reset, &[&recent], "the answer broke off"),
        ("denied", Fault::Status(403), &[&recent], "access denied: allow s3:GetObject"),
    ];
    // Counted, duplicates and late calls of the first night.
    let numbers_of = |summary: &Value| {
        ["counted", "duplicates", "late"].map(|key| summary[key].as_u64().unwrap_or_default())
    };
    let mut numbers = std::collections::BTreeMap::new();
    for (name, fault, bad, why) in cases {
        let names: Vec<String> = bad.iter().map(|name| (*name).clone()).collect();
        served.proxy.plan(move |what, _| {
            if names.iter().any(|name| what.ends_with(name.as_str())) { fault } else { Fault::None }
        });
        let summary = night(name, 3);
        let rows = summary["skipped"].as_array().expect("rows");
        let named: Vec<&str> = rows.iter().filter_map(|row| row["what"].as_str()).collect();
        assert_eq!(named, bad.iter().map(|name| name.as_str()).collect::<Vec<_>>(), "{name}");
        for row in rows {
            assert!(
                row["why"].as_str().is_some_and(|said| said.starts_with(&format!("cannot read: {why}"))),
                "{row}"
            );
        }
        // What is missed for the first time is waited for, however old it is.
        let goes_on = bad[0] != &old;
        assert_eq!(summary["counted"].as_u64() > Some(1_000), goes_on, "{name}: what came before it is read");
        assert_eq!(summary["left_files"].as_u64() > Some(0), name != "denied", "what came after it waits");
        numbers.insert(name, numbers_of(&summary));
        // Nothing of the server or the moment stands in what is published.
        assert!(!summary.to_string().contains("127.0.0.1"));
    }
    // The next night everything is well.
    served.proxy.plan(|_, _| Fault::None);
    let undisturbed = night("undisturbed", 0);
    deliver(&logs[first_night..]);
    let last = night("undisturbed", 0);
    let want = [0, 1, 2].map(|at| numbers_of(&undisturbed)[at] + numbers_of(&last)[at]);
    assert!(want[1] > 0 && want[2] > 0, "{want:?}: copies and late calls");
    let published = |name: &str| {
        let mut files = served.files(&format!("out-{name}"));
        files.retain(|(name, _)| !tells_of_the_run(name));
        files
    };
    let state = |name: &str| -> Value {
        let shown = served.ends(0, &["state", &format!("state-{name}"), "--format", "json"]).stdout;
        serde_json::from_str(&shown).expect("JSON")
    };
    assert!(published("undisturbed").len() > 10);
    for (name, ..) in cases {
        let until = summary(&served, &format!("out-{name}"))["went_on"]["judged_until"].clone();
        // What may pass holds back what came after it, what is denied does not.
        assert_eq!(until == undisturbed["went_on"]["judged_until"], name == "denied", "{name}: {until}");
        let next = night(name, 0);
        assert_eq!(next["skipped"], Value::Array(Vec::new()), "{name}");
        let got = [0, 1, 2].map(|at| numbers[name][at] + numbers_of(&next)[at]);
        assert_eq!(got[..2], want[..2], "{name}: counted and duplicates");
        for key in ["files_read", "judged_until", "newest_delivery", "days", "apis"] {
            assert_eq!(state(name)[key], state("undisturbed")[key], "{name} {key}");
        }
        if name != "denied" {
            assert_eq!(got, want, "{name}");
            assert!(published(name) == published("undisturbed"), "{name}");
            assert_eq!(state(name)["digest"], state("undisturbed")["digest"], "{name}");
        }
    }
}

#[test]
fn a_listing_that_fails_for_good_is_a_row_and_the_rest_goes_on_without_a_state() {
    let Some(served) = Served::new() else { return };
    served.deliver_all();
    let regions: std::collections::BTreeSet<&str> =
        logs().iter().filter_map(|(name, _)| name.split("/CloudTrail/").nth(1)?.split('/').next()).collect();
    let region = (*regions.iter().next_back().expect("a region")).to_owned();
    assert!(regions.len() > 1, "{regions:?}");
    let broken = format!("%2FCloudTrail%2F{region}%2F");
    served.proxy.plan(move |what, _| if what.contains(&broken) { Fault::Status(500) } else { Fault::None });
    served.ends(3, &["-q", "scan", "s3://logs", "--out", "alone"]);
    assert!(summary(&served, "alone")["counted"].as_u64() > Some(0));
    served.ends(3, &["-q", "scan", "s3://logs", "--state", "state", "--out", "out"]);
    let got = summary(&served, "out");
    let rows = got["skipped"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["why"], "cannot list: the server answered 500 SlowDown");
    assert!(rows[0]["what"].as_str().is_some_and(|what| what.ends_with(&format!("/CloudTrail/{region}"))));
    // The first night of a state waits until all could be listed once: else that region would be late.
    assert_eq!(got["counted"].as_u64(), Some(0));
    assert!(got["left_files"].as_u64() > Some(0), "{got}");
    served.proxy.plan(|_, _| Fault::None);
    served.ends(0, &["-q", "scan", "s3://logs", "--state", "state", "--out", "out"]);
    served.ends(0, &["-q", "scan", "s3://logs", "--state", "whole", "--out", "whole-out"]);
    let state = |state: &str| -> Value {
        serde_json::from_str(&served.ends(0, &["state", state, "--format", "json"]).stdout).expect("JSON")
    };
    for key in ["files_read", "judged_until", "digest"] {
        assert_eq!(state("state")[key], state("whole")[key], "{key}");
    }
    let published = |out: &str| {
        let mut files = served.files(out);
        files.retain(|(name, _)| !tells_of_the_run(name));
        files
    };
    assert!(published("out").len() > 10 && published("out") == published("whole-out"));
}

#[test]
fn an_outage_is_given_up_and_made_up_for() {
    let Some(served) = Served::new() else { return };
    served.deliver_all();
    served.scenario.write("trailpulse.toml", "[scan]\nsettle = 75\n[s3]\nretries = 1\n");
    let is_log = |what: &str| what.starts_with("GET /logs/AWSLogs/") && what.contains("_CloudTrail_");
    served.proxy.plan(move |what, _| if is_log(what) { Fault::Status(503) } else { Fault::None });
    served.ends(3, &["-q", "scan", "s3://logs", "--state", "state", "--out", "out"]);
    let asked = served.proxy.seen().iter().filter(|what| is_log(what)).count();
    // A hundred, and those that were under way by then, twice each.
    assert!((200..=400).contains(&asked), "{asked}");
    let got = summary(&served, "out");
    let rows = got["skipped"].as_array().expect("rows");
    assert_eq!(rows.len(), logs().iter().filter(|(name, _)| name.contains("_CloudTrail_")).count());
    let given_up = rows.iter().filter(|row| row["why"].as_str().is_some_and(|why| why.contains("not tried")));
    assert!(given_up.count() > 100);
    served.proxy.plan(|_, _| Fault::None);
    served.ends(0, &["-q", "scan", "s3://logs", "--state", "state", "--final", "--out", "out"]);
    served.ends(0, &["-q", "scan", "logs", "--state", "local-state", "--final", "--out", "local"]);
    let published = |out: &str| {
        let mut files = served.files(out);
        files.retain(|(name, _)| !tells_of_the_run(name));
        files
    };
    assert!(published("out").len() > 10 && published("out") == published("local"));
}

#[test]
fn a_run_that_is_killed_while_it_publishes_is_made_up_for_by_the_next() {
    let Some(served) = Served::new() else { return };
    for (name, bytes) in logs() {
        served.scenario.write(&format!("logs/{name}"), bytes);
    }
    // Few insights, of other times than those of the run before.
    let of = |times: [&'static str; 2], out: &'static str| {
        ["-q", "scan", "logs", times[0], times[1], "--out", out]
    };
    let (earlier, later) = (["--to", "2026-01-13T03:00"], ["--from", "2026-01-14T10:00"]);
    let (before, scan) = (of(earlier, "s3://results/o"), of(later, "s3://results/o"));
    served.ends(0, &of(later, "local"));
    let want = served.files("local");
    served.ends(0, &before);
    assert!(want.len() > 3 && served.objects("results/o").iter().any(|object| !want.contains(object)));
    let mut steps = Vec::new();
    for step in 1.. {
        let mut command = served.command(&scan);
        let ended =
            Ended::new(command.env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output().expect("it starts"));
        if ended.status == 0 {
            break;
        }
        let what = ended.stderr.lines().last().unwrap_or_default().to_owned();
        assert!(what.starts_with(&format!("killed at step {step}: ")), "{what}");
        // After its removal, the summary stands only where everything does.
        let has_summary = served.objects("results/o").iter().any(|(name, _)| name == "summary.json");
        assert_eq!(has_summary, what.contains("remove the summary"), "{what}");
        // What one run has removed, the next need not: then there would be fewer steps than were counted.
        let removes = what.contains("remove an object");
        steps.push(what);
        if step % 5 == 1 || removes {
            served.ends(0, &scan);
            assert!(served.objects("results/o") == want, "{steps:#?}");
            served.ends(0, &before);
        }
    }
    assert!(served.objects("results/o") == want);
    for step in ["remove the summary", "write an object", "write the lines", "write the summary"] {
        assert!(steps.iter().any(|known| known.contains(step)), "{step} is not among {steps:#?}");
    }
}
