//! Reports of the real program -> opened in headless Chromium by `tests/page_check.py`: read, filtered, zoomed, attacked.
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::command::{Scenario, python, repository, text};
use crate::table::{RUN, Series, Table};

/// Opens `page` where a browser is set up, and expects nothing to complain of.
pub(crate) fn check(kind: &str, page: &Path) {
    if !prepared() {
        return;
    }
    let Some(ended) = python("page_check.py", Some("playwright, axe_playwright_python"), &[kind, text(page)])
    else {
        return;
    };
    assert_eq!(ended.status, 0, "{kind}: {}\n{}", ended.stdout, ended.stderr);
    // Told, never judged: how fast a machine is decides no test.
    let _ = write!(std::io::stderr(), "{kind}: {}", ended.stdout);
}

/// Whether there is a browser. Where `./run-tests` set up the tests there has to be one.
fn prepared() -> bool {
    let found = std::process::Command::new("chromium").arg("--version").output().is_ok();
    let required = std::env::var_os("TRAILPULSE_TEST_PYTHON").is_some();
    assert!(found || !required, "./run-tests sets up chromium");
    found
}

/// The page of a scan of one of `fixtures/report/`.
fn scanned(scenario: &Scenario, fixture: &str) -> PathBuf {
    let source = repository("fixtures/report").join(fixture);
    let out = scenario.path("out");
    scenario.done(&["scan", text(&source), "--out", text(&out)]);
    out.join("report/index.html")
}

#[test]
fn a_report_can_be_read_filtered_zoomed_downloaded_and_printed() {
    let scenario = Scenario::new();
    let page = scanned(&scenario, "night.csv.gz");
    let size = std::fs::metadata(&page).expect("is there").len();
    assert!(size < 600_000, "{size} bytes");
    let sample = repository("reports/sample/report.html");
    let same = std::fs::read(&page).expect("is there") == std::fs::read(&sample).expect("a sample");
    assert!(same, "{} is not what is made now: reports/sample/make", sample.display());
    check("report", &page);
}

#[test]
fn hostile_callers_do_nothing_in_a_page() {
    let scenario = Scenario::new();
    check("hostile", &scanned(&scenario, "hostile.csv.gz"));
}

#[test]
fn tampered_insights_do_nothing_in_a_page() {
    let scenario = Scenario::new();
    let page = scenario.path("page.html");
    let lines = repository("fixtures/report/hostile.jsonl");
    scenario.done(&["report", text(&lines), "--output", text(&page)]);
    check("hostile", &page);
}

#[test]
fn a_report_of_nothing_says_so() {
    let scenario = Scenario::new();
    let table = scenario.write(
        "quiet.csv",
        "minute,account,region,event_source,event_name,category,read_only,error_code,calls\n\
         2026-01-05T10:00:00Z,111122223333,eu-west-1,ec2.amazonaws.com,RunInstances,Management,false,,1\n",
    );
    let out = scenario.path("out");
    scenario.done(&["scan", text(&table), "--out", text(&out)]);
    check("empty", &out.join("report/index.html"));
}

#[test]
fn insights_of_the_period_before_are_within_reach_where_this_one_has_none() {
    let scenario = Scenario::new();
    scanned(&scenario, "night.csv.gz");
    let page = scenario.path("page.html");
    let time = ["--from", "2026-01-18T12:00", "--to", "2026-01-19T18:00", "--output"];
    scenario.done(&[&["report", "out"], time.as_slice(), &[text(&page)]].concat());
    check("earlier", &page);
}

#[test]
fn a_role_of_every_account_is_told_apart() {
    let mut table = Table::new();
    for number in 0..6 {
        let account = format!("{}", 100_000_000_000_u64 + number);
        let caller = format!("arn:aws:sts::{account}:assumed-role/OrganizationAccountAccessRole/s");
        let one = Series { account: &account, caller: &caller, ..RUN };
        let start = 9 * 1440 + 300 * i64::try_from(number).expect("small");
        table.steady(one, 12, 1).burst(one, start, 10, 40);
    }
    let scenario = Scenario::new();
    scenario.write("counts.csv", table.text());
    scenario.done(&["-q", "scan", "counts.csv", "--out", "out"]);
    check("organization", &scenario.path("out/report/index.html"));
}

#[test]
fn what_could_not_be_read_is_told_first() {
    let scenario = Scenario::new();
    let out = scenario.path("out");
    let ended = scenario.run(&["scan", text(&repository("fixtures/hostile")), "--out", text(&out)]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    check("skipped", &out.join("report/index.html"));
}
