//! The organization and what goes wrong in it -> log files on disk, a cell and a day at a time.
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use super::Error;
use super::calendar::FIRST_DAY;
use super::catalogue::Sort;
use super::delivery::{self, Delivery};
use super::digest::LogFile;
use super::incidents::Plan;
use super::labels::Totals;
use super::organization::{Call, Cell, Organization};
use super::random::mix;
use super::record;
use crate::time::{MINUTES_PER_DAY, Minute};

/// Everything that a worker needs to know.
pub(super) struct Forest<'a> {
    pub(super) out: &'a Path,
    pub(super) organization: &'a Organization,
    pub(super) plan: &'a Plan,
    /// Minutes between the log files of each cell.
    pub(super) slots: Vec<u32>,
    /// First minute of the span whose log files are covered by digests.
    pub(super) digests_from: u32,
    /// Whether to write no more.
    pub(super) stop: &'a (dyn Fn() -> bool + Sync),
}

/// What was written for one cell and day of delivery.
#[derive(Debug, Default)]
pub(super) struct CellDay {
    pub(super) totals: Totals,
    /// Bytes of the records alone.
    pub(super) record_bytes: u64,
    /// Those that digests will cover.
    pub(super) log_files: Vec<LogFile>,
}

/// Memory that a worker uses again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    calls: Vec<Call>,
    json: Vec<u8>,
    gzip: Vec<u8>,
}

impl Forest<'_> {
    /// Writes the log files that are delivered for a cell on a day.
    pub(super) fn write_day(&self, cell: usize, day: u32, scratch: &mut Scratch) -> Result<CellDay, Error> {
        let Scratch { calls, json, gzip } = scratch;
        self.calls(cell, day, calls);
        let deliveries = delivery::of_day(calls, day, self.slots[cell]);
        let mut written = CellDay::default();
        let place = &self.organization.cells[cell];
        for file in deliveries.chunk_by(|a, b| a.minute == b.minute) {
            if (self.stop)() {
                return Err(Error::Stopped);
            }
            self.fill(file, calls, json, &mut written);
            let minute = FIRST_DAY.start().plus(file[0].minute.cast_signed());
            let key = self.log_key(place, minute);
            write_gzip(&self.out.join(&key), json, gzip)?;
            written.totals.files += 1;
            written.totals.bytes_json += json.len() as u64;
            if file[0].minute >= self.digests_from {
                let times = file.iter().map(|delivery| calls[delivery.call].at);
                written.log_files.push(LogFile {
                    minute: file[0].minute,
                    key,
                    hash: hex_sha256(json),
                    oldest: times.clone().min().unwrap_or_default(),
                    newest: times.max().unwrap_or_default(),
                });
            }
        }
        Ok(written)
    }

    /// The calls of the day and of the one before, which may be delivered late.
    fn calls(&self, cell: usize, day: u32, calls: &mut Vec<Call>) {
        calls.clear();
        for day in day.saturating_sub(1)..=day {
            self.organization.calls(cell, day, calls);
        }
        let (from, to) = (day.saturating_sub(1) * 86_400, (day + 1) * 86_400);
        let planned = &self.plan.calls;
        let planned = &planned[planned.partition_point(|call| call.at < from)..];
        let planned = &planned[..planned.partition_point(|call| call.at < to)];
        calls.extend(planned.iter().filter(|call| self.organization.flows[call.flow].cell == cell));
    }

    /// The text of one log file.
    fn fill(&self, file: &[Delivery], calls: &[Call], json: &mut Vec<u8>, written: &mut CellDay) {
        json.clear();
        json.extend_from_slice(b"{\"Records\":[");
        for (number, delivery) in file.iter().enumerate() {
            if number > 0 {
                json.push(b',');
            }
            let (before, call) = (json.len(), &calls[delivery.call]);
            record::write(json, self.organization, call);
            written.record_bytes += (json.len() - before) as u64;
            if delivery.first {
                written.totals.records += 1;
                let sort = self.organization.flows[call.flow].api.sort;
                written.totals.service_events += u64::from(sort == Sort::ServiceEvent);
            } else {
                written.totals.duplicates += 1;
            }
        }
        json.extend_from_slice(b"]}");
    }

    fn log_key(&self, cell: &Cell, minute: Minute) -> String {
        let account = &self.organization.accounts[cell.account].id;
        let unique = unique(mix(cell.key, u64::from(minute.epoch().cast_unsigned())));
        let name = format!("{account}_CloudTrail_{}_{}_{unique}.json.gz", cell.region, minute.compact());
        format!("{}/{name}", self.folder(cell, "CloudTrail", minute))
    }

    /// `AWSLogs/o-…/ACCOUNT/KIND/REGION/YYYY/MM/DD`.
    pub(super) fn folder(&self, cell: &Cell, kind: &str, minute: Minute) -> String {
        let organization = self.organization;
        let account = &organization.accounts[cell.account].id;
        let date = minute.day().date().format("%Y/%m/%d");
        format!("AWSLogs/{}/{account}/{kind}/{}/{date}", organization.id, cell.region)
    }
}

impl CellDay {
    pub(super) fn add(&mut self, other: Self) {
        let (sum, more) = (&mut self.totals, other.totals);
        sum.files += more.files;
        sum.records += more.records;
        sum.duplicates += more.duplicates;
        sum.service_events += more.service_events;
        sum.bytes_json += more.bytes_json;
        self.record_bytes += other.record_bytes;
        self.log_files.extend(other.log_files);
    }
}

/// The day after the last, on which the last records arrive.
pub(super) const fn days_of_delivery(organization: &Organization) -> u32 {
    organization.days + 1
}

/// Writes one gzip member without a time, creating folders as needed.
pub(super) fn write_gzip(path: &Path, text: &[u8], gzip: &mut Vec<u8>) -> Result<(), Error> {
    gzip.clear();
    let mut encoder = GzBuilder::new().mtime(0).write(&mut *gzip, Compression::new(1));
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("memory takes any number of bytes");
    let failed = |source| Error::Write { path: path.to_owned(), source };
    match fs::write(path, &*gzip) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
            fs::write(path, &*gzip).map_err(failed)
        }
        result => result.map_err(failed),
    }
}

/// SHA-256 in hex.
pub(super) fn hex_sha256(text: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    let bytes = Sha256::digest(text);
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(digits[usize::from(digit)]))
        .collect()
}

/// The sixteen letters and digits at the end of a log file's name.
fn unique(bits: u64) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |place| ALPHABET[(mix(bits, place) % ALPHABET.len() as u64) as usize] as char;
    (0..16).map(letter).collect()
}

/// The minute of the span at which the last `days` begin.
pub(super) fn last_days(organization: &Organization, days: u32) -> u32 {
    organization.days.saturating_sub(days) * MINUTES_PER_DAY.cast_unsigned()
}
