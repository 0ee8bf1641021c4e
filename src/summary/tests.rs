//! A run summed up as JSON and as text: what is there, what fits, and what hostile names become.
use std::borrow::Cow;

use serde_json::json;

use super::*;
use crate::aggregate::Attribution as Columns;
use crate::classify::Observation;
use crate::insight::tests::{EVIDENCE, PEAK, at, call, counts, model, opening};
use crate::insight::{Closing, Opening, end_of, start_of};

/// A burst by `identity`, `minutes` after midnight, twelve calls in two minutes; over after two, or open.
fn burst(minutes: i32, name: &str, identity: &str, log10_probability: f64, state: State) -> Vec<Insight> {
    let start = at("2026-01-31T00:00:00Z").plus(minutes);
    let made = call("2026-01-31T00:00:00Z", "ec2.amazonaws.com", name);
    let observation = Observation { minute: start, identity: Cow::Borrowed(identity), ..made };
    let counts = counts(Columns::Kept, &[(observation, 12)]);
    let opening = Opening {
        start,
        detected_at: start.plus(2),
        evidence: crate::detect::Evidence { log10_probability, ..EVIDENCE },
        ..opening(&counts, None, "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z")
    };
    let peak = crate::detect::Peak { log10_probability, times: 3.0, ..PEAK };
    let closing = Closing { end: start.plus(2), closed_at: start.plus(20), peak };
    let start = start_of(&counts, &opening, &model());
    match state {
        State::Start => vec![start],
        State::End => vec![start, end_of(&counts, &opening, closing, &model())],
    }
}

fn coverage() -> Coverage {
    Coverage {
        input: Input { files: 1440, bytes: 5_000_000, records: 1_000_100 },
        counted: 1_000_000,
        duplicates: 60,
        excluded: BTreeMap::from([("service_event".into(), 40)]),
        excluded_files: BTreeMap::from([("digest".into(), 24)]),
        skipped: vec![Skipped {
            what: "logs/\u{1b}[2Jx.json.gz".into(),
            why: "truncated".into(),
            records: 1,
        }],
        ignored: vec![Ignored { what: "logs/notes.txt".into(), why: "not a log".into() }],
        series: 1210,
        minutes: Some(Minutes { from: at("2026-01-01T00:00:00Z"), to: at("2026-02-04T23:59:00Z") }),
        ..Coverage::default()
    }
}

fn check(insights: &[Insight], look: Look, want: &[&str]) {
    let text = text(coverage(), insights, look);
    let (read, got) = text.split_once("\n\n").expect("an empty line");
    let got = got.split_once("\n\nWhy the most severe were flagged").map_or(got, |(table, _)| table);
    assert_eq!(
        read.lines().collect::<Vec<_>>(),
        [
            "Read 1,440 files, 1,000,100 records, 2026-01-01 00:00 to 2026-02-04 23:59 UTC",
            "Counted 1,000,000 calls in 1,210 series; 60 duplicates; excluded 40 service event; not read as logs: 24 digest",
            "Left alone: 1 other file, see summary.json",
            "Skipped 1:",
            "  logs/�[2Jx.json.gz: truncated (1 record)",
        ]
    );
    assert_eq!(got.lines().collect::<Vec<_>>(), want);
}

fn text(coverage: Coverage, insights: &[Insight], look: Look) -> String {
    let summary = Summary::new("0.1.0", model(), coverage, insights);
    let mut out = Vec::new();
    write(&mut out, &summary, insights, look).expect("memory can be written to");
    String::from_utf8(out).expect("UTF-8")
}

const WIDE: Look = Look { columns: 120, colour: Colour::Off };

#[test]
fn the_text_fits_the_terminal_and_hostile_names_do_nothing() {
    let role = "arn:aws:sts::111122223333:assumed-role/ci-deployer/i-0abc";
    let eve = "arn:aws:iam::111122223333:user/\u{1b}[31m\u{202e}eve\n";
    let mut insights = burst(620, "RunInstances", role, -98.0, State::End);
    insights.extend(burst(600, "DescribeSomethingRatherLong", eve, -7.0, State::Start));
    check(
        &insights,
        WIDE,
        &[
            "2 insights: 1 critical, 1 low; 1 still open",
            "WHEN (UTC)        SEVERITY  WHAT                        PER MIN  USUAL  LASTED  WHERE                   WHO",
            "2026-01-31 10:00  low       ec2 DescribeSomethingRath…        6      0    open  111122223333/us-east-1  user/�[31m�eve�",
            "2026-01-31 10:20  critical  ec2 RunInstances                  6      0   2 min  111122223333/us-east-1  role/ci-deployer",
        ],
    );
    check(
        &insights,
        Look { columns: 72, colour: Colour::On },
        &[
            "2 insights: 1 critical, 1 low; 1 still open",
            "WHEN (UTC)        SEVERITY  WHAT                  PER MIN  USUAL  LASTED",
            "                  WHERE  WHO",
            "2026-01-31 10:00  \u{1b}[2mlow\u{1b}[0m       ec2 DescribeSomethi…        6      0    open",
            "                  111122223333/us-east-1  user/�[31m�eve�",
            "2026-01-31 10:20  \u{1b}[1m\u{1b}[31mcritical\u{1b}[0m  ec2 RunInstances            6      0   2 min",
            "                  111122223333/us-east-1  role/ci-deployer",
        ],
    );
    check(&[], WIDE, &["No insights"]);
}

#[test]
fn of_many_insights_the_most_severe_are_shown_in_order_of_time() {
    let insights: Vec<Insight> = (0..50)
        .flat_map(|number| {
            let probability = if number % 5 == 0 { -7.0 } else { -50.0 - f64::from(number) };
            burst(number * 7, "RunInstances", "root", probability, State::End)
        })
        .collect();
    let text = text(coverage(), &insights, WIDE);
    assert!(
        text.contains(
            "50 insights: 40 critical, 10 medium, the 40 most severe here, all in insights.jsonl\n"
        ),
        "{text}"
    );
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("ec2 RunInstances")).collect();
    assert_eq!(rows.len(), 40);
    assert!(rows.is_sorted() && rows.iter().all(|row| row.contains("critical")), "{text}");
}

#[test]
fn of_many_skipped_files_ten_are_named() {
    let skipped = |number| Skipped {
        what: format!("{}{number}.json.gz", "long/".repeat(30)),
        why: "not gzip, although its name says so".into(),
        records: 0,
    };
    let text = text(Coverage { skipped: (0..1_234).map(skipped).collect(), ..coverage() }, &[], WIDE);
    assert!(text.contains("\nSkipped 1,234:\n"), "{text}");
    assert!(
        text.contains(
            "/long/9.json.gz: not gzip, although its name says so\n  and 1,224 more, see summary.json\n"
        ),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn the_file_has_what_the_contract_names() {
    let insights = [
        burst(620, "RunInstances", "root", -98.0, State::End),
        burst(600, "DescribeSomething", "root", -7.0, State::Start),
    ]
    .concat();
    let output = Summary::new("0.1.0", model(), coverage(), &insights).output();
    assert_eq!(output.path, "summary.json");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&output.bytes).expect("JSON"),
        json!({
            "version": "0.1.0",
            "model": {"name": "default", "digest": "0123abcd", "sensitivity": 1.0},
            "input": {"files": 1440, "bytes": 5_000_000, "records": 1_000_100},
            "counted": 1_000_000,
            "duplicates": 60,
            "excluded": {"service_event": 40},
            "excluded_files": {"digest": 24},
            "skipped": [{"what": "logs/\u{1b}[2Jx.json.gz", "why": "truncated", "records": 1}],
            "judged_from": [],
            "warming_up": [],
            "ignored": [{"what": "logs/notes.txt", "why": "not a log"}],
            "series": 1210,
            "minutes": {"from": "2026-01-01T00:00:00Z", "to": "2026-02-04T23:59:00Z"},
            "insights": 2,
            "insights_by_type": {"ApiCallRateInsight": 2},
            "insights_by_severity": {"critical": 1, "low": 1},
            "insights_open": 1, "insights_muted": 0,
            "insight_records": 3
        })
    );
}
