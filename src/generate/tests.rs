//! Options -> a tree in a folder that is removed again, read back and checked.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::time::Minute;

const SMALL: Options =
    Options { out: PathBuf::new(), days: 4, seed: 7, accounts: 4, records: 16_000, wait: 60 };

fn generated(options: &Options, threads: usize) -> (tempfile::TempDir, Generated) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options { out: folder.path().join("new/tree"), ..options.clone() };
    let written = write_on(&options, NonZeroUsize::new(threads).expect("at least one"), &|| false);
    let written = written.unwrap_or_else(|error| panic!("{options:?}: {error}"));
    (folder, written)
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("a readable folder"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let key = entry.path().strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
            (key, fs::read(entry.path()).expect("a readable file"))
        })
        .collect()
}

fn inflate(gzip: &[u8]) -> Value {
    let mut text = Vec::new();
    flate2::bufread::GzDecoder::new(gzip).read_to_end(&mut text).expect("one gzip member");
    serde_json::from_slice(&text).expect("JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The minute that a file name tells.
fn compact(text: &str) -> Option<Minute> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%MZ").ok()?.and_utc();
    i32::try_from(time.timestamp() / 60).ok().map(Minute::from_epoch)
}

/// A tree with its log files' records and its labels.
struct Read {
    /// Key of the file, and its records.
    logs: Vec<(String, Vec<Value>)>,
    digests: Vec<(String, Value)>,
    labels: Value,
}

fn read(folder: &Path) -> Read {
    let root = folder.join("new/tree");
    let labels = serde_json::from_slice(&fs::read(root.join("labels.json")).expect("labels")).expect("JSON");
    let (mut logs, mut digests) = (Vec::new(), Vec::new());
    for (key, bytes) in files(&root).into_iter().filter(|(key, _)| key.starts_with("AWSLogs/")) {
        assert_eq!(&bytes[4..8], [0; 4], "{key}: no time in the gzip header");
        let json = inflate(&bytes);
        if key.contains("/CloudTrail-Digest/") {
            digests.push((key, json));
        } else {
            logs.push((key, json["Records"].as_array().expect("records").clone()));
        }
    }
    Read { logs, digests, labels }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let (one, summary) = generated(&SMALL, 1);
    let (many, same) = generated(&SMALL, 5);
    let (other, _) = generated(&Options { seed: 8, ..SMALL }, 2);
    let [one, many, other] = [one, many, other].map(|folder| files(&folder.path().join("new/tree")));
    assert_eq!(summary.totals, same.totals);
    assert!(one == many, "trees differ");
    assert!(one != other, "the seed makes no difference");
}

#[test]
fn the_tree_is_laid_out_and_filled_as_aws_does() {
    let (folder, summary) = generated(&SMALL, 2);
    let tree = read(folder.path());
    let (mut ids, mut seen, mut total) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (key, records) in &tree.logs {
        let parts: Vec<&str> = key.split('/').collect();
        let [_, organization, account, "CloudTrail", region, year, month, day, name] = parts[..] else {
            panic!("{key}");
        };
        let named: Vec<&str> = name.trim_end_matches(".json.gz").split('_').collect();
        assert_eq!(organization, text(&tree.labels, "organization"));
        assert_eq!(named[..3], [account, "CloudTrail", region], "{key}");
        assert!(named[3].starts_with(&format!("{year}{month}{day}T")) && named[4].len() == 16, "{key}");
        let delivered = compact(named[3]);
        for record in records {
            total += 1;
            let at = Minute::parse(text(record, "eventTime"));
            assert!(at < delivered, "{key} {record}");
            assert_eq!((text(record, "recipientAccountId"), text(record, "awsRegion")), (account, region));
            let global = ["iam", "route53", "organizations", "signin"];
            let service = text(record, "eventSource").trim_end_matches(".amazonaws.com");
            assert!(!global.contains(&service) || region == "us-east-1", "{record}");
            ids.insert(text(record, "eventID").to_owned());
            seen.insert(text(record, "eventVersion").to_owned());
            seen.insert(text(record, "eventType").to_owned());
            seen.insert(text(record, "eventCategory").to_owned());
            seen.insert(text(&record["userIdentity"], "type").to_owned());
            let old = text(record, "eventVersion") == "1.05";
            assert_eq!(record.get("readOnly").is_none(), old, "{record}");
            assert_eq!(record.get("managementEvent").is_none(), old, "{record}");
            assert!(record.get("errorCode").is_none() || record["responseElements"].is_null(), "{record}");
        }
    }
    let want = "1.05 1.08 1.09 1.10 1.11 AwsApiCall AwsServiceEvent AwsConsoleSignIn Management Data AssumedRole IAMUser AWSService";
    for kind in want.split(' ') {
        assert!(seen.contains(kind), "no {kind}");
    }
    let totals = summary.totals;
    assert_eq!((ids.len() as u64, total), (totals.records, totals.records + totals.duplicates));
    assert_eq!((tree.logs.len() as u64, tree.digests.len() as u64), (totals.files, totals.digests));
    assert!(totals.records.abs_diff(SMALL.records) < SMALL.records / 20, "{totals:?}");
    assert!(totals.duplicates > 0 && (1200..1800).contains(&totals.mean_record_bytes), "{totals:?}");
}

#[test]
fn labels_tell_what_the_records_show() {
    let (folder, _) = generated(&SMALL, 2);
    let tree = read(folder.path());
    let records: BTreeMap<&str, &Value> = tree
        .logs
        .iter()
        .flat_map(|(_, records)| records)
        .map(|record| (text(record, "eventID"), record))
        .collect();
    let incidents = tree.labels["incidents"].as_array().expect("incidents");
    assert_eq!(incidents.len(), incidents::how_many(SMALL.days));
    assert!(
        text(&tree.labels, "note").contains("6 of the 8 kinds of incident fit into 4 days"),
        "{}",
        tree.labels["note"]
    );
    for incident in incidents {
        for member in incident["members"].as_array().expect("members") {
            let (start, end) = (Minute::parse(text(member, "start")), Minute::parse(text(member, "end")));
            let matching = records.values().filter(|record| {
                let at = Minute::parse(text(record, "eventTime"));
                let same = |key, of| text(record, key) == text(member, of);
                same("recipientAccountId", "account")
                    && same("awsRegion", "region")
                    && same("eventSource", "event_source")
                    && same("eventName", "event_name")
                    && (member["error_code"].is_null() || same("errorCode", "error_code"))
                    && start <= at
                    && at < end
            });
            let (count, calls) = (matching.count() as u64, member["calls"].as_u64().expect("a count"));
            if text(member, "direction") == "down" {
                assert!(count == 0 && calls > 0, "{member}: {count}");
            } else {
                assert!(count >= calls && calls > 20, "{member}: {count}");
            }
            assert!(
                start >= Minute::parse(text(&tree.labels, "start")).map(|start| start.plus(1440)),
                "{member}"
            );
            assert!(end < Minute::parse(text(&tree.labels, "end")), "{member}");
        }
    }
}

#[test]
fn digests_name_the_log_files_of_the_last_days_by_their_hashes() {
    let (folder, _) = generated(&SMALL, 2);
    let tree = read(folder.path());
    let mut named = BTreeSet::new();
    let mut previous = BTreeMap::new();
    for (key, digest) in &tree.digests {
        assert_eq!(text(digest, "digestS3Object"), key);
        let chain = key.rsplit_once("_2026").expect("a time").0.rsplit_once('/').expect("a folder").1;
        if let Some(before) = previous.insert(chain.to_owned(), key) {
            assert_eq!(text(digest, "previousDigestS3Object"), before);
        }
        for file in digest["logFiles"].as_array().expect("log files") {
            let bytes =
                fs::read(folder.path().join("new/tree").join(text(file, "s3Object"))).expect("a log file");
            let mut json = Vec::new();
            flate2::bufread::GzDecoder::new(&*bytes).read_to_end(&mut json).expect("gzip");
            assert_eq!(text(file, "hashValue"), tree::hex_sha256(&json));
            assert!(named.insert(text(file, "s3Object").to_owned()), "{file} is named twice");
        }
    }
    let day = |day: &str| tree.logs.iter().filter(|(key, _)| key.contains(day)).count();
    assert!(named.len() >= day("/2026/01/08/") && day("/2026/01/08/") > 0, "{} files named", named.len());
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let check = |options: Options, want: &str| {
        let options = Options { out: folder.path().join("tree"), ..options };
        let error = write(&options, &|| false).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.as_ref().is_err_and(|error| error.starts_with(want)), "{error:?}");
        assert!(!options.out.exists(), "{want}: nothing is made");
    };
    check(Options { days: 0, ..SMALL }, "days must be between 1 and 366, got 0");
    check(Options { days: 9999, ..SMALL }, "days must be between 1 and 366, got 9999");
    check(Options { accounts: 0, ..SMALL }, "accounts must be between 1 and 100, got 0");
    check(Options { records: 0, ..SMALL }, "records must be between ");
    check(Options { records: u64::MAX, ..SMALL }, "records must be between ");
}

#[test]
fn only_an_own_folder_is_written_to_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options { out: folder.path().join("tree"), days: 1, accounts: 1, ..SMALL };
    write(&options, &|| false).expect("a new folder");
    fs::write(options.out.join("notes.txt"), "mine").expect("a file");
    let before = files(&options.out);
    write(&Options { seed: 9, ..options.clone() }, &|| false).expect("an own folder");
    write(&options, &|| false).expect("an own folder");
    assert!(files(&options.out) == before, "nothing is left of the other tree, and notes are kept");

    let check = |out: &Path, want: &str| {
        let error = write(&Options { out: out.to_owned(), ..options.clone() }, &|| false).map(|_| ());
        let error = error.map_err(|error| error.to_string());
        assert!(error.as_ref().is_err_and(|error| error.contains(want)), "{error:?}");
    };
    fs::write(options.out.join("labels.json"), "{}").expect("a file");
    check(&options.out, "is not empty and was not made by `trailpulse generate`");
    check(&options.out.join("notes.txt"), "cannot write");
}
