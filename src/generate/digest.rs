//! Log files of a cell -> the hourly digest files that vouch for them, each one chained to the one before.
use serde::Serialize;

use super::Error;
use super::calendar::FIRST_DAY;
use super::organization::Cell;
use super::random::mix;
use super::template;
use super::tree::{Forest, hex_sha256, write_gzip};
use crate::time::MINUTES_PER_DAY;

const BUCKET: &str = "harborlight-cloudtrail-logs";
const TRAIL: &str = "organization-trail";
const HOME: &str = "us-east-1";
const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";
const HASH_ALGORITHM: &str = "SHA-256";

/// A log file, as a digest names it.
#[derive(Debug, Clone)]
pub(super) struct LogFile {
    /// When it was delivered, minutes since the start of the first day.
    pub(super) minute: u32,
    pub(super) key: String,
    /// Hex SHA-256 of the file before compression.
    pub(super) hash: String,
    /// Times of its records, seconds since the start of the first day.
    pub(super) oldest: u32,
    pub(super) newest: u32,
}

/// In AWS's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are AWS's")]
struct Digest<'a> {
    aws_account_id: &'a str,
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: &'static str,
    digest_s3_object: &'a str,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: &'static str,
    newest_event_time: Option<String>,
    oldest_event_time: Option<String>,
    previous_digest_s3_bucket: Option<&'static str>,
    previous_digest_s3_object: Option<&'a str>,
    previous_digest_hash_value: Option<&'a str>,
    previous_digest_hash_algorithm: Option<&'static str>,
    previous_digest_signature: Option<String>,
    log_files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    s3_bucket: &'static str,
    s3_object: &'a str,
    hash_value: &'a str,
    hash_algorithm: &'static str,
    newest_event_time: String,
    oldest_event_time: String,
}

/// Writes the digests of the last days, one an hour, with or without log files. Their number.
///
/// The chain begins where the trail's owner turned validation on. Signatures are made up: the key is AWS's.
pub(super) fn write(forest: &Forest<'_>, cell: &Cell, log_files: &[LogFile]) -> Result<u64, Error> {
    let account = &forest.organization.accounts[cell.account].id;
    let end = forest.organization.days * MINUTES_PER_DAY.cast_unsigned();
    let mut previous: Option<(String, String)> = None;
    let (mut count, mut gzip) = (0, Vec::new());
    for from in (forest.digests_from..end).step_by(60) {
        // Digests are cut at a second of their own within the hour, a few minutes late.
        let (start, stop) = (from * 60 + 431, (from + 60) * 60 + 431);
        let minute = FIRST_DAY.start().plus((stop / 60).cast_signed());
        let stamp = text_time(stop).replace(['-', ':'], "");
        let key = format!(
            "{}/{account}_CloudTrail-Digest_{}_{TRAIL}_{HOME}_{stamp}.json.gz",
            forest.folder(cell, "CloudTrail-Digest", minute),
            cell.region
        );
        let covered: Vec<&LogFile> =
            log_files.iter().filter(|file| (start..stop).contains(&(file.minute * 60))).collect();
        let digest = Digest {
            aws_account_id: account,
            digest_start_time: text_time(start),
            digest_end_time: text_time(stop),
            digest_s3_bucket: BUCKET,
            digest_s3_object: &key,
            digest_public_key_fingerprint: made_up(mix(cell.key, 1), 32),
            digest_signature_algorithm: SIGNATURE_ALGORITHM,
            newest_event_time: covered.iter().map(|file| file.newest).max().map(text_time),
            oldest_event_time: covered.iter().map(|file| file.oldest).min().map(text_time),
            previous_digest_s3_bucket: previous.as_ref().map(|_| BUCKET),
            previous_digest_s3_object: previous.as_ref().map(|(key, _)| key.as_str()),
            previous_digest_hash_value: previous.as_ref().map(|(_, hash)| hash.as_str()),
            previous_digest_hash_algorithm: previous.as_ref().map(|_| HASH_ALGORITHM),
            previous_digest_signature: previous
                .as_ref()
                .map(|_| made_up(mix(cell.key, u64::from(from)), 512)),
            log_files: covered.into_iter().map(entry).collect(),
        };
        let text = serde_json::to_vec(&digest).expect("digests have string keys only");
        write_gzip(&forest.out.join(&key), &text, &mut gzip)?;
        previous = Some((key, hex_sha256(&text)));
        count += 1;
    }
    Ok(count)
}

fn entry(file: &LogFile) -> Entry<'_> {
    Entry {
        s3_bucket: BUCKET,
        s3_object: &file.key,
        hash_value: &file.hash,
        hash_algorithm: HASH_ALGORITHM,
        newest_event_time: text_time(file.newest),
        oldest_event_time: text_time(file.oldest),
    }
}

fn text_time(at: u32) -> String {
    let mut text = Vec::new();
    template::time(&mut text, at);
    String::from_utf8_lossy(&text).into_owned()
}

fn made_up(bits: u64, digits: u64) -> String {
    let mut text = Vec::new();
    template::hex(&mut text, bits, digits);
    String::from_utf8_lossy(&text).into_owned()
}
