//! Trees of files, sound and hostile -> what is counted of them, and every row about the rest.
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::coverage::{Coverage, Skipped};
use super::read::{MAX_INFLATED, Options, Scratch, TimeRange, read_file};
use super::walk::{Claim, Found, LogFile, Place, WalkError, walk};
use crate::aggregate::{Attribution, Counts};
use crate::classify::Exclusion;
use crate::time::Minute;

const OPTIONS: Options =
    Options { range: TimeRange { from: None, to: None }, max_inflated: MAX_INFLATED, tell_raw: false };

fn read_all(found: Found, options: &Options) -> (Counts, Coverage) {
    let (mut counts, mut coverage) = (Counts::default(), found.coverage);
    let mut scratch = Scratch::new(Attribution::Kept);
    for file in found.logs.iter() {
        let read = read_file(&file, options, &mut scratch, &|| false);
        counts.add(0, &read.calls);
        coverage.merge(read.coverage);
    }
    counts.settle();
    coverage.settle();
    let excluded: u64 = coverage.excluded.values().sum();
    assert_eq!(
        coverage.records,
        counts.counted() + counts.duplicates() + excluded,
        "nothing is dropped uncounted"
    );
    (counts, coverage)
}

fn scan(root: &Path) -> (Counts, Coverage) {
    read_all(walk(&[root.to_owned()]).expect("the folder has logs"), &OPTIONS)
}

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// Rows as `name: why [records]`.
fn rows(rows: &[Skipped]) -> Vec<String> {
    let row = |row: &Skipped| {
        let lost = if row.records > 0 { format!(" [{}]", row.records) } else { String::new() };
        format!("{}: {}{lost}", row.what, row.why)
    };
    rows.iter().map(row).collect()
}

fn record(number: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"2026-01-02T03:{:02}:05Z","eventSource":"s","eventName":"Run","awsRegion":"r","eventID":"{number}","recipientAccountId":"123456789012"}}"#,
        number % 60
    )
}

fn log(numbers: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let records: Vec<String> = numbers.into_iter().map(record).collect();
    format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// A new folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    for (path, bytes) in files {
        put(&root.path().join(path), bytes);
    }
    root
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
    fs::write(path, bytes).expect("a file can be written");
}

#[test]
fn the_tree_of_fixtures_is_read_whole() {
    let (counts, coverage) = scan(&fixture("tree"));
    assert_eq!(rows(&coverage.skipped), [""; 0]);
    assert_eq!(
        rows(&coverage.ignored),
        [
            "beside/counts.csv: a table; name it itself to read it",
            "beside/labels.json: JSON, but no CloudTrail records (line 1 column 1)",
            "beside/notes.txt: not JSON by its name and first bytes",
            "plain/AWSLogs/111122223333/CloudTrail/eu-west-2/2026/01/05/111122223333_CloudTrail_eu-west-2_20260105T0010Z_AAAAAAAAAAAAAAAC.json.gz: holds no records",
        ]
    );
    let kinds: Vec<_> = coverage.excluded_files.into_iter().collect();
    assert_eq!(kinds, [("aggregated", 1), ("digest", 1), ("insight", 1), ("network_activity", 1)]);
    assert_eq!(coverage.excluded.into_iter().collect::<Vec<_>>(), [(Exclusion::Update, 1)]);
    assert_eq!((coverage.files, coverage.records), (36, 49));
    assert_eq!((counts.counted(), counts.duplicates()), (45, 3));
    let mut calls = std::collections::BTreeMap::<String, u32>::new();
    for cell in counts.days().flat_map(|(_, cells)| cells) {
        let api = counts.names().api_of(cell.call.api());
        *calls
            .entry(format!("{} {} {:?} {}", api.account, api.region, cell.call.access(), api.event_name))
            .or_default() += cell.calls;
    }
    let calls: Vec<String> = calls.into_iter().map(|(api, calls)| format!("{api} {calls}")).collect();
    assert_eq!(
        calls,
        [
            "111122223333 cn-north-1 Write RunInstances 1",
            "111122223333 eu-west-1 Read DescribeInstances 1",
            "111122223333 eu-west-1 Read DescribeSnapshots 6",
            "111122223333 eu-west-1 Read DescribeVolumes 9",
            "111122223333 eu-west-1 Write CreateVolume 6",
            "111122223333 eu-west-1 Write RebootInstances 1",
            "111122223333 eu-west-1 Write RunInstances 2",
            "111122223333 eu-west-1 Write StartInstances 10",
            "111122223333 eu-west-1 Write StopInstances 2",
            "111122223333 eu-west-1 Write TerminateInstances 1",
            "111122223333 us-gov-west-1 Write RunInstances 1",
            "111122223333 us-west-2 Write CreateTags 3",
            "222233334444 eu-west-1 Write RunInstances 1",
            "222233334444 eu-west-1 Write StopInstances 1",
        ]
    );
}

#[test]
fn every_hostile_fixture_is_named_with_its_reason() {
    let root = fixture("hostile");
    let (counts, coverage) = scan(&root);
    assert_eq!(rows(&coverage.ignored), ["no-records.json: holds no records"]);
    assert_eq!(
        rows(&coverage.skipped),
        [
            "111122223333_CloudTrail_eu-west-1_20260105T0010Z_foreignforeignfo.json.gz: JSON, but no CloudTrail records (line 1 column 1)",
            "bad-line.jsonl: JSON ends early (line 2 column 201) [1]",
            "bad-line.jsonl: not JSON (line 4 column 1)",
            "bracket-not-closed.json: expected `,` or `}` (line 2 column 487) [1]",
            "damaged.json.gz: gzip stream is damaged: corrupt deflate stream; no record could be read",
            "deep-and-open.json: expected value (line 2 column 100001) [1]",
            "deep.json: invalid type: sequence, expected a record to be an object (line 3 column 1) [1]",
            "empty.json: empty",
            "empty.json.gz: empty",
            "half-surrogate.json: half a surrogate pair, replaced; the record counts (line 2 column 1)",
            "identity-is-text.json: invalid type: string, expected userIdentity to be an object (line 2 column 44) [1]",
            "invalid-utf8.json: invalid UTF-8, replaced (line 2 column 382)",
            "missing-comma.json: missing comma; the records around it count (line 1 column 830)",
            "name-is-a-number.json: invalid type: number, expected eventName to be a string (line 2 column 296) [1]",
            "name-is-null.json: eventName is missing (line 2 column 1) [1]",
            "no-fields.json: eventTime is missing (first at line 2 column 1) [2]",
            "not-gzip.json.gz: not JSON (line 1 column 1)",
            "not-objects.json: invalid type: null, expected a record to be an object (line 2 column 4) [1]",
            "not-objects.json: invalid type: number, expected a record to be an object (line 3 column 1) [1]",
            "not-objects.json: invalid type: string, expected a record to be an object (line 4 column 6) [1]",
            "not-objects.json: invalid type: sequence, expected a record to be an object (line 5 column 2) [1]",
            "quote-not-closed.json: expected `,` or `}` (line 2 column 311) [1]",
            "read-only-is-text.json: invalid type: string, expected readOnly to be true or false (line 2 column 688) [1]",
            "tail-after-gzip.json.gz: something that is not gzip follows the gzip stream; the 3 records before it count",
            "time-out-of-range.json: eventTime \"1969-12-31T23:59:59Z\" is not a time between 2013 and 2099 (line 2 column 1) [1]",
            "trailing-comma.json: trailing comma (line 2 column 816) [1]",
            "truncated.json: JSON ends early (line 1 column 2054) [1]",
            "truncated.json.gz: gzip stream ends early; the 2 records before it count [1]",
            "utf-16.json: UTF-16, not UTF-8 (line 1 column 1)",
            "wrong-checksum.json.gz: gzip stream is damaged: corrupt gzip stream does not have a matching checksum; the 3 records before it count",
            "zeros-after.json: NUL bytes outside of the JSON (line 1 column 2465)",
        ]
    );
    // Of most files, the two records around the damage count.
    assert_eq!((counts.counted(), coverage.records), (49, 49));
}

#[test]
fn links_and_overlaps_read_a_file_once() {
    let root =
        folder(&[("logs/a/1.json", &log([1])), ("logs/a/2.json", &log([2])), ("other/3.json", &log([3]))]);
    let path = |name: &str| root.path().join(name);
    symlink(path("logs"), path("logs/a/loop")).expect("a link can be made");
    symlink(path("other"), path("logs/linked")).expect("a link can be made");
    symlink(path("logs/a/1.json"), path("logs/again.json")).expect("a link can be made");
    symlink(path("nowhere"), path("logs/broken.json")).expect("a link can be made");
    let (counts, coverage) = scan(&path("logs"));
    assert_eq!((coverage.files, counts.counted(), counts.duplicates()), (3, 3, 0));
    assert_eq!(
        rows(&coverage.skipped),
        [
            "a/loop: symbolic link leads back to .",
            "broken.json: cannot open: No such file or directory (os error 2)",
        ]
    );
    let sources = ["logs/a", "other", "logs", "logs/a/1.json", "other"].map(path);
    let mut shown = Vec::new();
    for sources in [sources.to_vec(), sources.iter().rev().cloned().collect()] {
        let found = walk(&sources).expect("there are logs");
        shown.push(found.logs.iter().map(|file| file.name.clone()).collect::<Vec<_>>());
        assert_eq!(read_all(found, &OPTIONS).1.files, 3);
    }
    assert_eq!(shown[0], shown[1]);
}

#[test]
fn files_are_told_by_name_then_by_their_first_bytes() {
    let log = log([1]);
    let zipped = gzip(&log);
    let name = "123456789012_CloudTrail_eu-west-1_20260105T0010Z_AAAAAAAAAAAAAAAA";
    let root = folder(&[
        ("1.json", &log),
        ("2.JSON.GZ", &zipped),
        ("3.jsonl", &log),
        ("4.ndjson.gz", &zipped),
        ("5.log", &log),
        ("6.gz", &zipped),
        ("7", &log),
        ("8", b"\xEF\xBB\xBF \n["),
        ("9.bin", &zipped),
        (name, &log),
        ("x.csv.gz", &zipped),
        ("x.parquet", b"PAR1"),
        ("x.txt", b"text"),
        ("x.html", b"<html>"),
        ("text.log", b"a plain log\n"),
        ("tar.gz", &gzip(b"not JSON")),
        ("package.json", b"{\"name\":\"x\"}"),
        ("CloudTrail-Digest/us-east-1/README", b"text"),
        ("CloudTrail-Digest/us-east-1/x.json", &log),
        ("123456789012_Config_eu-west-1_ConfigHistory_20260105T001000Z.json.gz", &zipped),
        ("123456789012_CloudTrail-Insight_eu-west-1_20260105T0010Z_AAAAAAAAAAAAAAAA.json.gz", &zipped),
    ]);
    let (counts, coverage) = scan(root.path());
    assert_eq!((coverage.files, coverage.records, counts.counted()), (9, 9, 1));
    let kinds: Vec<_> = coverage.excluded_files.iter().map(|(kind, files)| (*kind, *files)).collect();
    assert_eq!(kinds, [("digest", 1), ("insight", 1), ("other_service", 1)]);
    assert_eq!(
        rows(&coverage.ignored),
        [
            "8: JSON ends early (line 2 column 2)",
            "CloudTrail-Digest/us-east-1/README: not JSON by its name and first bytes",
            "package.json: JSON, but no CloudTrail records (line 1 column 1)",
            "tar.gz: not JSON (line 1 column 1)",
            "text.log: not JSON (line 1 column 1)",
            "x.csv.gz: a table; name it itself to read it",
            "x.html: not JSON by its name and first bytes",
            "x.parquet: a table; name it itself to read it",
            "x.txt: not JSON by its name and first bytes",
        ]
    );
    assert_eq!(coverage.skipped, []);
    let named = ["x.parquet", "text.log", "package.json"].map(|name| root.path().join(name));
    let found = walk(&named).expect("files that are named are taken");
    assert_eq!(found.tables[0].path, named[0]);
    assert_eq!((found.tables.len(), found.tables[0].name.as_str()), (1, "x.parquet"));
    let (_, coverage) = read_all(found, &OPTIONS);
    assert_eq!(
        rows(&coverage.skipped),
        [
            "package.json: JSON, but no CloudTrail records (line 1 column 1)",
            "text.log: not JSON (line 1 column 1)"
        ]
    );
}

#[test]
fn what_is_reached_twice_stands_there_once_under_one_name() {
    let log = log([1]);
    let root = folder(&[
        ("a/1.json", &log),
        ("a/x.txt", b"text"),
        ("a/CloudTrail-Digest/us-east-1/1.json", &log),
        ("b/1.json", b"{"),
    ]);
    let path = |name: &str| root.path().join(name);
    for sources in [
        vec![path("")],
        vec![path("a"), path("b/1.json"), path(""), path("a/CloudTrail-Digest/us-east-1/1.json")],
    ] {
        let (_, coverage) = read_all(walk(&sources).expect("there are logs"), &OPTIONS);
        assert_eq!(coverage.files, 1);
        assert_eq!(coverage.excluded_files.values().sum::<u64>(), 1);
        assert_eq!(rows(&coverage.ignored), ["a/x.txt: not JSON by its name and first bytes"]);
        assert_eq!(rows(&coverage.skipped), ["b/1.json: JSON ends early (line 1 column 2)"]);
    }
}

#[test]
fn hostile_names_are_escaped() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    for name in
        [b"\xFF\xFE.json".as_slice(), b"a\x1B[31m\n.json", b"quote'\".json", "né\u{202E}.json".as_bytes()]
    {
        put(&root.path().join(std::ffi::OsStr::from_bytes(name)), b"{");
    }
    let (_, coverage) = scan(root.path());
    let names = rows(&coverage.skipped);
    let why = "JSON ends early (line 1 column 2)";
    let want = ["\\xFF\\xFE.json", "a\\u{1b}[31m\\n.json", "né\\u{202e}.json", "quote'\".json"];
    assert_eq!(names, want.map(|name| format!("{name}: {why}")));
}

#[test]
fn no_source_and_no_logs_are_errors_that_say_what_to_do() {
    let root = folder(&[("x.txt", b"text")]);
    let missing = walk(&[root.path().join("nowhere")]).expect_err("nothing is there");
    assert!(matches!(missing, WalkError::Unreadable { .. }));
    assert!(
        missing
            .to_string()
            .ends_with("nowhere; name a folder, a file, s3://bucket/prefix, or - for standard input")
    );
    let none = walk(&[root.path().to_owned()]).expect_err("no logs are there");
    let why = none.to_string();
    assert!(
        why.contains("(other files: 1 not JSON by name or content); expected names such as AWSLogs/"),
        "{why}"
    );
    // What is no log, but AWS's, is no mistake.
    let root = folder(&[("111122223333/CloudTrail-Insight/1.json", b"{}")]);
    let found = walk(&[root.path().to_owned()]).expect("nothing is wrong");
    assert_eq!((found.logs.len(), found.coverage.excluded_files["insight"]), (0, 1));
    let found = walk(&["-".into(), "-".into()]).expect("standard input is a source");
    assert_eq!(found.logs.len(), 1);
    let first = found.logs.get(0).expect("a log");
    assert_eq!((first.place, first.claim), (Place::Stdin, Claim::Log));
}

#[test]
fn files_that_vanish_or_are_no_files_are_rows() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let read = |path: &Path| {
        let file = LogFile {
            place: Place::Path(path.to_owned()),
            name: "x".to_owned(),
            account: None,
            delivered: None,
            claim: Claim::Json,
        };
        let read = read_file(&file, &OPTIONS, &mut Scratch::new(Attribution::Kept), &|| false);
        assert_eq!((read.calls.len(), read.coverage.files), (0, 0));
        let [row] = &read.coverage.skipped[..] else { panic!("{:?}", read.coverage.skipped) };
        assert_eq!(row.what, "x");
        row.why.clone()
    };
    assert_eq!(read(&root.path().join("gone")), "cannot open: No such file or directory (os error 2)");
    assert_eq!(read(root.path()), "cannot read: Is a directory (os error 21); no record could be read");
}

#[test]
fn a_bomb_costs_no_more_than_its_limit_and_can_be_abandoned() {
    // Five files of 1 GB in one of 5 MB would take a minute to make; what counts is that the limit holds.
    let mut bomb = gzip(&log([1, 2]));
    bomb.extend(gzip(&vec![b' '; 64 << 20]));
    let root = folder(&[("bomb.json.gz", &bomb)]);
    let options = Options { max_inflated: 8 << 20, ..OPTIONS };
    let (counts, coverage) = read_all(walk(&[root.path().to_owned()]).expect("a log"), &options);
    assert_eq!(counts.counted(), 2);
    let why = "bomb.json.gz: has more than 8388608 bytes; the 2 records before it count";
    assert_eq!(rows(&coverage.skipped), [why]);
    // Abandoned after a few looks, it does not go on to the end.
    let file = &walk(&[root.path().to_owned()]).expect("a log").logs.get(0).expect("a log");
    let looks = std::cell::Cell::new(0);
    let read = read_file(file, &OPTIONS, &mut Scratch::new(Attribution::Kept), &|| {
        looks.replace(looks.get() + 1) > 3
    });
    assert!(looks.get() < 20 && read.coverage.bytes < 64 << 20, "{} looks, {:?}", looks.get(), read.coverage);
}

#[test]
fn times_outside_the_range_are_excluded() {
    let root = folder(&[("1.json", &log(0..60))]);
    let at = |text| Minute::parse(text).expect("a time");
    let range = TimeRange { from: Some(at("2026-01-02T03:10:00Z")), to: Some(at("2026-01-02T03:20:00Z")) };
    let found = walk(&[root.path().to_owned()]).expect("a log");
    let (counts, coverage) = read_all(found, &Options { range, ..OPTIONS });
    assert_eq!((counts.counted(), coverage.excluded[&Exclusion::OutsideTimeRange]), (10, 50));
    assert_eq!(counts.span(), Some((range.from.expect("set"), at("2026-01-02T03:19:00Z"))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_cut_gzip_file_loses_only_what_it_cuts(records in 1_usize..40, cut in any::<prop::sample::Index>()) {
        let (text, zipped) = (log(0..records), gzip(&log(0..records)));
        let cut = cut.index(zipped.len());
        let root = folder(&[("cut.json.gz", &zipped[..cut])]);
        let (counts, coverage) = scan(root.path());
        let mut inflated = Vec::new();
        let _ = super::inflate::inflate(&mut &zipped[..cut], MAX_INFLATED, &|| false, &mut inflated);
        prop_assert!(text.starts_with(&inflated));
        let whole = String::from_utf8_lossy(&inflated).matches('}').count();
        prop_assert_eq!(counts.counted(), whole.min(records) as u64);
        prop_assert_eq!(coverage.skipped.len(), 1, "{:?}", &coverage.skipped);
    }
}
