//! Bytes, names and folders of what is published, held against what AWS writes; a run replaces the one before.
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::aggregate::{Attribution as Columns, Batch, Counts};
use crate::classify::Observation;
use crate::cloudtrail::organizations::Organizations;
use crate::detect::Which;
use crate::insight::tests::{PEAK, at, call, counts, model, opening};
use crate::insight::{Closing, Opening, end_of, start_of};
use crate::series::Category;
use crate::summary::{Coverage, Summary};

/// Every file below a folder, and its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files =
        walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("a folder that can be read"));
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).expect("below the folder").display().to_string();
            (name, fs::read(entry.path()).expect("a file that can be read"))
        })
        .collect()
}

fn inflate(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(bytes);
    decoder.read_to_string(&mut text).expect("gzip of UTF-8");
    assert_eq!(decoder.into_inner().len(), 0, "more than one member");
    text
}

fn burst() -> Counts {
    counts(Columns::Kept, &[(call("2026-01-31T23:58:00Z", "ec2.amazonaws.com", "RunInstances"), 12)])
}

/// A burst of two minutes, noticed at midnight, over at a quarter past.
fn pair(counts: &Counts) -> [Insight; 2] {
    let opening = opening(counts, None, "2026-01-31T23:58:00Z", "2026-02-01T00:00:00Z");
    let closing =
        Closing { end: at("2026-01-31T23:59:00Z"), closed_at: at("2026-02-01T00:15:00Z"), peak: PEAK };
    [start_of(counts, &opening, &model()), end_of(counts, &opening, closing, &model())]
}

fn publish(insights: &[Insight], path: &Path) {
    let mut destination = Destination::open(path, Earlier::Replaced).expect("a folder to write to");
    for output in outputs(insights, &Organizations::default()) {
        destination.stage(&output).expect("room");
    }
    let bytes = br#"{"version":"0","model":{},"counted":0}"#.to_vec();
    destination.stage(&Output { path: SUMMARY_FILE.into(), bytes }).expect("room");
    destination.publish().expect("renames");
}

#[test]
fn a_file_is_what_aws_writes_byte_for_byte() {
    let outputs = outputs(&pair(&burst()), &Organizations::default());
    assert_eq!(
        inflate(&outputs[0].bytes),
        concat!(
            r#"{"Records":[{"eventVersion":"1.09","eventTime":"2026-01-31T23:58:00Z","awsRegion":"us-east-1","#,
            r#""eventID":"475dfde9-e9a1-5711-ab59-f7c640153af8","eventType":"AwsCloudTrailInsight","#,
            r#""recipientAccountId":"111122223333","sharedEventID":"353d03e2-e010-5a2f-8269-3808c548e8c9","#,
            r#""insightDetails":{"state":"Start","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","#,
            r#""insightType":"ApiCallRateInsight","sourceEventCategory":"Management","insightContext":{"statistics":"#,
            r#"{"baseline":{"average":0.0},"insight":{"average":6.0},"insightDuration":2,"baselineDuration":11518},"#,
            r#""attributions":[{"attribute":"userIdentityArn","insight":[{"value":"#,
            r#""arn:aws:iam::111122223333:user/Alice","average":6.0}],"baseline":[]},{"attribute":"userAgent","#,
            r#""insight":[{"value":"aws-cli/2","average":6.0}],"baseline":[]},{"attribute":"errorCode","insight":"#,
            r#"[{"value":"null","average":6.0}],"baseline":[]}]}},"eventCategory":"Insight"}]}"#
        )
    );
    // Deflate, no flags (so no name), no time, unknown system.
    let header: [u8; 10] = outputs[0].bytes[..10].try_into().expect("a header");
    assert_eq!((header[..8].to_vec(), header[9]), (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], 255));
}

#[test]
fn a_key_is_one_of_aws() {
    let paths: Vec<String> =
        outputs(&pair(&burst()), &Organizations::default()).into_iter().map(|output| output.path).collect();
    let stem = |day: &str, minute: &str| {
        format!(
            "AWSLogs/111122223333/CloudTrail-Insight/us-east-1/{day}/111122223333_CloudTrail-Insight_us-east-1_{minute}_0000"
        )
    };
    for (path, stem) in
        paths.iter().zip([stem("2026/02/01", "20260201T0000Z"), stem("2026/02/01", "20260201T0015Z")])
    {
        let unique = path.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(".json.gz")).expect(path);
        assert_eq!(unique.len(), 12, "{path}");
        assert!(unique.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{path}");
    }
    assert_eq!((paths.len(), paths[2].as_str()), (3, LINES_FILE));
}

/// The output declared again, by someone who accepts nothing that is not in the contract.
mod contract {
    #![expect(dead_code, reason = "what matters is that it can be read")]
    use super::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Line {
        pub(super) record: Record,
        explanation: Explanation,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct File {
        #[serde(rename = "Records")]
        pub(super) records: Vec<Record>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(super) struct Record {
        event_version: String,
        event_time: String,
        aws_region: String,
        #[serde(rename = "eventID")]
        pub(super) event_id: String,
        event_type: String,
        recipient_account_id: String,
        #[serde(rename = "sharedEventID")]
        shared_event_id: String,
        insight_details: Details,
        event_category: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Details {
        state: State,
        event_source: String,
        event_name: String,
        insight_type: String,
        error_code: Option<String>,
        source_event_category: String,
        insight_context: Context,
    }

    #[derive(Deserialize)]
    enum State {
        Start,
        End,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Context {
        statistics: Statistics,
        attributions: Vec<Attribution>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Statistics {
        baseline: Average,
        insight: Average,
        insight_duration: u32,
        baseline_duration: u32,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Average {
        average: f64,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Attribution {
        attribute: String,
        insight: Vec<Share>,
        baseline: Vec<Share>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Share {
        value: String,
        average: f64,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Contributor {
        attribute: String,
        value: String,
        calls: u64,
        usual: f64,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Peak {
        at: String,
        window_minutes: u32,
        observed: f64,
        expected: f64,
        log10_probability: f64,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Explanation {
        detected_at: String,
        direction: String,
        window_minutes: u32,
        observed: f64,
        expected: f64,
        deviation: f64,
        bound: f64,
        log10_probability: f64,
        largest_before: Option<f64>,
        series_age_days: f64,
        usual_time_of_day: Option<f64>,
        usual_time_of_week: Option<f64>,
        contributors: Vec<Contributor>,
        peak: Option<Peak>,
        severity: String,
        rule: String,
        text: String,
        model: String,
        model_digest: String,
        sensitivity: f64,
    }
}

#[test]
fn the_contract_is_kept_and_lines_equal_the_tree() {
    let outputs = outputs(&pair(&burst()), &Organizations::default());
    let (lines, files) = outputs.split_last().expect("insights.jsonl");
    let lines = std::str::from_utf8(&lines.bytes).expect("UTF-8");
    let of_lines =
        lines.lines().map(|line| serde_json::from_str::<contract::Line>(line).expect(line).record.event_id);
    let of_files = files.iter().flat_map(|file| {
        let file: contract::File = serde_json::from_str(&inflate(&file.bytes)).expect("the contract");
        file.records.into_iter().map(|record| record.event_id)
    });
    assert_eq!(of_lines.collect::<Vec<_>>(), of_files.collect::<Vec<_>>());
}

/// Insights of several APIs, accounts and minutes.
fn many(seeds: &[(u8, u8, u8)]) -> Vec<Insight> {
    let minute = |minute: u8| at("2026-01-31T23:50:00Z").plus(i32::from(minute));
    let names: Vec<(String, String)> =
        seeds.iter().map(|seed| (format!("Call{}", seed.0), format!("11112222333{}", seed.1))).collect();
    let insights = seeds.iter().zip(&names).flat_map(|(seed, (name, account))| {
        let made = call("2026-01-31T23:50:00Z", "ec2.amazonaws.com", name);
        let counts = counts(
            Columns::Kept,
            &[(Observation { account: account.into(), minute: minute(seed.2), ..made }, 1)],
        );
        let opening = Opening {
            start: minute(seed.2),
            detected_at: minute(seed.2 + 1),
            ..opening(&counts, None, "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z")
        };
        let closing = Closing { end: minute(seed.2 + 1), closed_at: minute(seed.2 + 3), peak: PEAK };
        [start_of(&counts, &opening, &model()), end_of(&counts, &opening, closing, &model())]
    });
    insights.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn order_of_insights_changes_nothing(
        seeds in prop::collection::btree_set((0_u8..4, 0_u8..3, 0_u8..20), 1..12),
        turn in 0_usize..24,
    ) {
        let mut insights = many(&seeds.into_iter().collect::<Vec<_>>());
        let files = outputs(&insights, &Organizations::default());
        let turn = turn % insights.len();
        insights.rotate_left(turn);
        prop_assert_eq!(&files, &outputs(&insights, &Organizations::default()));
        let paths: BTreeSet<&String> = files.iter().map(|file| &file.path).collect();
        prop_assert_eq!(paths.len(), files.len());
        // What was written later sorts later, for pollers that resume after the last key they saw.
        for account in ["111122223330", "111122223331", "111122223332"] {
            let minutes = files.iter().filter(|file| file.path.contains(account)).map(|file| &file.path);
            prop_assert!(minutes.is_sorted());
        }
    }
}

#[test]
fn hostile_names_stay_below_the_destination() {
    let made = call("2026-01-31T23:58:00Z", "ec2.amazonaws.com", "RunInstances");
    let long = "x".repeat(300);
    for (account, region) in [("../../etc", ".."), ("/", "a/b\0"), ("\u{202e}", "\n"), (&*long, &*long)] {
        let counts = counts(
            Columns::Kept,
            &[(Observation { account: account.into(), region: region.into(), ..made.clone() }, 12)],
        );
        let files = outputs(&pair(&counts), &Organizations::default());
        for file in &files[..2] {
            assert_eq!(file.path.split('/').count(), 8, "{}", file.path);
            assert!(file.path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte)));
            assert!(
                file.path
                    .split('/')
                    .all(|part| part.len() < 256 && !part.is_empty() && !part.starts_with('.'))
            );
        }
    }
}

#[test]
fn a_run_replaces_the_run_before_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let (one, other) = (many(&[(0, 0, 0), (1, 1, 5)]), many(&[(0, 0, 0), (2, 2, 9)]));
    publish(&one, &first);
    // AWS's own insight of the same account, one with a name that looks like ours, and something else.
    let aws = "AWSLogs/111122223331/CloudTrail-Insight/us-east-1/2026/01/31/";
    let foreign = [
        format!("{aws}111122223331_CloudTrail-Insight_us-east-1_20260131T2356Z_aB3dE5gH7jK9mN1p.json.gz"),
        format!("{aws}111122223331_CloudTrail-Insight_us-east-1_20260131T2356Z_0000AAAAAAAAAAAA.json.gz"),
        "AWSLogs/111122223331/CloudTrail/x.json.gz".into(),
        "notes.txt".into(),
    ];
    for name in &foreign {
        fs::create_dir_all(first.join(name).parent().expect("a parent")).expect("a folder");
        fs::write(first.join(name), "theirs").expect("a file");
    }
    publish(&other, &first);
    publish(&other, &second);
    let mut got = tree(&first);
    for name in &foreign {
        assert_eq!(got.remove(name).as_deref(), Some(&b"theirs"[..]), "{name}");
    }
    assert_eq!(got, tree(&second));
    assert_eq!(tree(&second).len(), 4 + 2);

    // A publication that was cut short is mended by the next.
    let cut = folder.path().join("cut");
    fs::create_dir_all(cut.join(".trailpulse-staging/AWSLogs")).expect("a folder");
    let files = outputs(&one, &Organizations::default());
    for file in &files[..files.len() - 2] {
        fs::create_dir_all(cut.join(&file.path).parent().expect("a parent")).expect("a folder");
        fs::write(cut.join(&file.path), &file.bytes).expect("a file");
    }
    publish(&other, &cut);
    assert_eq!(tree(&cut), tree(&second));
    publish(&[], &cut);
    assert_eq!(tree(&cut).into_keys().collect::<Vec<_>>(), [LINES_FILE, SUMMARY_FILE]);
    assert!(!cut.join("AWSLogs").exists(), "empty folders stay");
}

#[test]
fn an_organizations_accounts_lie_below_it_and_move_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let insights = many(&[(0, 0, 0), (1, 1, 5)]);
    let mut organizations = Organizations::default();
    organizations.add("111122223331", None, Some("o-exampleorg"));
    let below = |folder: &str| {
        let prefix = format!("AWSLogs/{folder}");
        move |path: &String| path.starts_with(&prefix)
    };
    for (organizations, is_below) in [(organizations, true), (Organizations::default(), false)] {
        let mut destination =
            Destination::open(folder.path(), Earlier::Replaced).expect("a folder to write to");
        for output in outputs(&insights, &organizations) {
            destination.stage(&output).expect("room");
        }
        destination.publish().expect("renames");
        let paths: Vec<String> = tree(folder.path()).into_keys().collect();
        assert_eq!(
            paths.iter().any(below("o-exampleorg/111122223331/CloudTrail-Insight/")),
            is_below,
            "{paths:?}"
        );
        assert_eq!(paths.iter().any(below("111122223331/")), !is_below, "{paths:?}");
        assert!(paths.iter().any(below("111122223330/")), "{paths:?}");
    }
}

#[test]
fn what_is_not_published_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a/b");
    let mut destination = Destination::open(&path, Earlier::Replaced).expect("a folder to write to");
    destination.stage(&outputs(&pair(&burst()), &Organizations::default())[0]).expect("room");
    let staged = tree(&path);
    let busy = Destination::open(&path, Earlier::Replaced).expect_err("a second run");
    assert_eq!(busy.to_string(), format!("{} is being written by another run", path.display()));
    assert!(!staged.is_empty() && tree(&path) == staged, "what the first has staged stays");
    drop(destination);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);

    publish(&pair(&burst()), &path);
    let before = tree(&path);
    drop(Destination::open(&path, Earlier::Replaced).expect("a folder to write to"));
    assert_eq!(tree(&path), before);
}

fn check_refused(path: &Path, want: &str) {
    let before = tree(path.parent().expect("a folder"));
    let error = Destination::open(path, Earlier::Replaced).expect_err(want).to_string();
    assert!(error.starts_with(want), "{error}");
    assert_eq!(tree(path.parent().expect("a folder")), before);
}

#[test]
fn what_cannot_work_fails_when_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "theirs").expect("a file");
    check_refused(&file, "cannot write to ");
    check_refused(&file.join("below"), "cannot write to ");
    for name in [SUMMARY_FILE, LINES_FILE] {
        let path = folder.path().join(format!("with-{name}"));
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join(name), r#"{"record":{}}"#).expect("a file");
        check_refused(&path, &format!("{} was not written by trailpulse", path.join(name).display()));
    }
    let path = folder.path().join("with-tree");
    fs::create_dir(&path).expect("a folder");
    fs::write(path.join("AWSLogs"), "theirs").expect("a file");
    check_refused(&path, &format!("cannot write to {}", path.join("AWSLogs").display()));
}

#[test]
fn a_report_of_somebody_else_is_neither_overwritten_nor_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |file: &str, bytes: &[u8], want: &str| {
        let path = folder.path().join(file.replace('/', "-"));
        let file = path.join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, bytes).expect("a file");
        let destination = Destination::open(&path, Earlier::Replaced).expect("a folder to write to");
        let error = destination.report_before().expect_err(want).to_string();
        assert!(error.contains(want) && error.contains(&file.display().to_string()), "{error}");
        drop(destination);
        // A run without a report has nothing to do with it.
        publish(&pair(&burst()), &path);
        assert_eq!(fs::read(&file).expect("theirs"), bytes);
        assert!(path.join(SUMMARY_FILE).exists());
    };
    check("report", b"theirs", "cannot write to ");
    check(PAGE_FILE, b"<h1>theirs</h1>", "was not written by trailpulse");
    check(KEPT_FILE, b"theirs", "was not written by trailpulse");
    check(KEPT_FILE, &gzip(br#"{"format":1}"#), "was not written by trailpulse");
}

/// What the observation was read from, in the words of a log file.
fn log_record(made: &Observation<'_>) -> serde_json::Value {
    serde_json::json!({
        "eventVersion": "1.11", "eventType": "AwsApiCall", "eventTime": made.minute.to_string(),
        "eventSource": made.event_source, "eventName": made.event_name, "awsRegion": made.region,
        "userIdentity": {"type": "AssumedRole", "arn": made.identity}, "userAgent": made.user_agent,
        "errorCode": made.error_code, "readOnly": made.read_only, "eventID": made.event_id,
        "eventCategory": made.category.name(), "recipientAccountId": made.account,
    })
}

/// A week and a day of calls of three APIs, with a burst near the end; every seventh is delivered twice.
fn observations(names: &[String]) -> Vec<Observation<'_>> {
    let start = at("2026-01-30T10:17:00Z");
    let made = (0_i32..2_000).zip(0_usize..).map(|(step, number)| {
        // A fixed stride through the minutes: any order does, as long as it is not the order of time.
        let minute = start.plus(if step < 300 { step % 9 } else { -(step * 7_919 % 11_600) });
        let api = ["GetObject", "RunInstances", "PutObject"][number % 3];
        let first_delivered = if number % 7 == 6 { number - 1 } else { number };
        Observation {
            minute,
            error_code: (number % 5 == 0).then_some(Cow::Borrowed("AccessDenied")),
            identity: Cow::Borrowed(&names[number % 11]),
            user_agent: Cow::Borrowed(if number % 4 == 0 { "" } else { &names[number % 3] }),
            category: if api == "RunInstances" { Category::Management } else { Category::Data },
            read_only: number % 8 == 0,
            event_id: Some(format!("id-{first_delivered}").into()),
            ..call("2026-01-30T10:17:00Z", "s3.amazonaws.com", api)
        }
    });
    made.collect()
}

/// A call-rate and an error-rate episode of every API, those of the first still open.
fn episodes(counts: &Counts) -> Vec<Insight> {
    let (start, model) = (at("2026-01-30T10:17:00Z"), model());
    // The verdict's own number is not AWS's: none of it is too much for the recount.
    let peak = crate::detect::Peak { observed: 0.0, ..PEAK };
    let evidence = crate::detect::Evidence { observed: 0.0, ..crate::insight::tests::EVIDENCE };
    let denied = counts.names().find_text("AccessDenied").expect("a counted code").number();
    let mut insights = Vec::new();
    for (api, minutes) in counts.names().api_ids().zip(3..) {
        for which in [Which::Calls, Which::Errors(denied)] {
            let opening = Opening { api, which, start, detected_at: start.plus(5), evidence };
            let closing = Closing { end: start.plus(minutes), closed_at: start.plus(20), peak };
            insights.push(start_of(counts, &opening, &model));
            if minutes > 3 {
                insights.push(end_of(counts, &opening, closing, &model));
            }
        }
    }
    insights
}

#[test]
fn a_naive_recount_in_python_agrees() {
    let folder = tempfile::tempdir().expect("a folder");
    let names: Vec<String> =
        (0..11).map(|number| format!("arn:aws:iam::1:user/\u{e9}\"<{number}>")).collect();
    let made = observations(&names);
    let mut batch = Batch::new(Columns::Kept);
    for made in &made {
        batch.observe(made);
    }
    let mut counts = Counts::default();
    counts.add(0, &batch.hand_over());
    counts.settle();
    let logs = folder.path().join("AWSLogs/111122223333/CloudTrail/us-east-1");
    fs::create_dir_all(&logs).expect("a folder");
    for (number, part) in made.chunks(500).enumerate() {
        let records: Vec<_> = part.iter().map(log_record).collect();
        let file = serde_json::json!({ "Records": records }).to_string();
        fs::write(logs.join(format!("{number}.json")), file).expect("a file");
    }

    let insights = episodes(&counts);
    let dest = folder.path().join("out");
    let mut destination = Destination::open(&dest, Earlier::Replaced).expect("a folder to write to");
    let coverage =
        Coverage { counted: counts.counted(), duplicates: counts.duplicates(), ..Coverage::default() };
    let summary = Summary::new("0.1.0", model(), coverage, &insights).output();
    for output in outputs(&insights, &Organizations::default()).iter().chain([&summary]) {
        destination.stage(output).expect("room");
    }
    destination.publish().expect("renames");

    let recount = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recount.py"))
        .args([folder.path().join("AWSLogs"), dest])
        .arg("--self-test")
        .output()
        .expect("python3");
    let problems = String::from_utf8_lossy(&recount.stdout);
    let said = String::from_utf8_lossy(&recount.stderr);
    assert!(recount.status.success(), "{problems}{said}");
    assert!(said.starts_with("10 Insights records against 1715 calls: 0 problems"), "{said}");
}

#[test]
fn lines_are_added_once_and_nothing_is_written_where_there_is_none() {
    let [start, end] = pair(&burst());
    let (one, both) = (lines(&[&start]), lines(&[&start, &end]));
    let check = |before: &[u8], new: &[u8], want: &[u8]| {
        assert!(destination::with_lines(before.to_vec(), new) == want);
    };
    check(b"", &both, &both);
    check(&one, &both, &both);
    check(&both, &both, &both);
    check(&both, b"", &both);
    // Cut off, or written by something else: still JSON, or not a line.
    check(one.trim_ascii_end(), &both, &both);
    let spaced = String::from_utf8(one.clone()).expect("JSON").replace("\"eventID\":", "\"eventID\" : ");
    check(spaced.as_bytes(), &both, &[spaced.as_bytes(), &lines(&[&end])].concat());
    let folder = tempfile::tempdir().expect("a folder");
    publish(&pair(&burst()), folder.path());
    let written =
        |path: &Path| fs::metadata(path.join(LINES_FILE)).expect("lines").modified().expect("a time");
    let before = written(folder.path());
    let mut destination = Destination::open(folder.path(), Earlier::Kept).expect("a folder to write to");
    destination.stage(&Output { path: LINES_FILE.into(), bytes: Vec::new() }).expect("room");
    destination.publish().expect("renames");
    assert_eq!(written(folder.path()), before);
    assert_eq!(fs::read(folder.path().join(LINES_FILE)).expect("lines"), both);
}

#[test]
fn the_beginning_of_what_has_grown_tells_whose_it_is() {
    use super::destination::{FIRST, begins_like_ours, is_like_ours};
    let first = FIRST as usize;
    let line = [super::lines(&pair(&burst()).iter().collect::<Vec<_>>()), vec![b' '; first]].concat();
    let page = [b"<!doctype html><meta name=\"generator\" content=\"trailpulse 1\">".as_slice(), &[b' '; 9]]
        .concat();
    // Numbers that cannot be packed.
    let noise: Vec<u64> = (0..20_000_u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let kept = gzip(&json(&serde_json::json!([noise])));
    let ours = [b"{\"format\":1,\"coverage\":{},\"graphs\":".as_slice(), &json(&noise), b"}"].concat();
    for (name, bytes, want) in [
        (LINES_FILE, &line[..first], true),
        (LINES_FILE, &vec![b'{'; first][..], false),
        (PAGE_FILE, &page[..], true),
        (PAGE_FILE, b"<!doctype html>".as_slice(), false),
        (KEPT_FILE, &gzip(&ours)[..first], true),
        (KEPT_FILE, &kept[..first], false),
        // The whole of it will tell.
        (KEPT_FILE, &gzip(&ours)[..9], false),
        (LINES_FILE, b"{}\n".as_slice(), false),
    ] {
        assert_eq!(begins_like_ours(name, bytes), want, "{name}");
    }
    assert!(is_like_ours(KEPT_FILE, &gzip(&ours)));
}
