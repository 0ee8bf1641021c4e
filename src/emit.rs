//! Insights -> the files that publish them: AWS's Insight tree, and `insights.jsonl` with our explanations.
use std::collections::BTreeMap;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cloudtrail::insight::{File, Record};
use crate::cloudtrail::object_key::InsightKey;
use crate::cloudtrail::organizations::Organizations;
use crate::explanation::Explanation;
use crate::insight::Insight;
use crate::time::Minute;

mod bucket;
mod destination;
mod target;
mod told;

pub use destination::{Destination, DestinationError, Earlier};
pub use target::{Target, published_lines};
pub use told::Told;

/// Every event with its explanation, one a line.
pub const LINES_FILE: &str = "insights.jsonl";
/// The report's page.
pub const PAGE_FILE: &str = "report/index.html";
/// What is needed to make it again, besides [`LINES_FILE`].
pub const KEPT_FILE: &str = "report/report.json.gz";
/// What was read, and how many insights came of it.
pub const SUMMARY_FILE: &str = "summary.json";

/// A fixed level: the same insights give the same bytes.
const LEVEL: Compression = Compression::new(6);

/// One file to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Path below DEST, with `/`.
    pub path: String,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

impl<'a> Line<'a> {
    /// The line of an event.
    #[must_use]
    pub fn of(insight: &'a Insight) -> Self {
        Self { record: insight.record(), explanation: &insight.explanation }
    }
}

/// One line of `insights.jsonl`.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// As in the tree.
    pub record: Record<'a>,
    /// Why.
    pub explanation: &'a Explanation,
}

/// All files of these insights, whatever order they come in: the tree, one file for each account, region and minute
/// of writing, and `insights.jsonl`. What the tree's readers must not be alerted of, such as a muted insight, stands
/// in `insights.jsonl` only. `organizations` says below which organization an account's tree lies at the time of writing.
#[must_use]
pub fn outputs(insights: &[Insight], organizations: &Organizations) -> Vec<Output> {
    let mut insights: Vec<&Insight> = insights.iter().collect();
    insights.sort_by_key(|insight| insight.order());
    let mut files = BTreeMap::<(&str, &str, Minute), Vec<Record<'_>>>::new();
    for insight in insights.iter().filter(|insight| insight.is_in_tree()) {
        let api = &insight.series.api;
        files.entry((&api.account, &api.region, insight.emitted_at)).or_default().push(insight.record());
    }
    let mut outputs: Vec<Output> = files
        .into_iter()
        .map(|((account, region, minute), records)| {
            let bytes = gzip(&json(&File { records }));
            let organization = organizations.of(account, minute);
            Output { path: key(organization, account, region, minute, &unique_part(&bytes)), bytes }
        })
        .collect();
    outputs.push(Output { path: LINES_FILE.into(), bytes: lines(&insights) });
    outputs
}

/// The bytes of `insights.jsonl`, for insights in the order of [`Insight::order`].
#[must_use]
pub fn lines(insights: &[&Insight]) -> Vec<u8> {
    let mut lines = Vec::new();
    for insight in insights {
        lines.append(&mut json(&Line::of(insight)));
        lines.push(b'\n');
    }
    lines
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers can be written as JSON")
}

/// One member without a time, a name, or a trace of the machine.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let write = || -> io::Result<Vec<u8>> {
        let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), LEVEL);
        encoder.write_all(bytes)?;
        encoder.finish()
    };
    write().expect("memory can be written to")
}

/// Where AWS would put the file, below DEST. The date is that of writing, as it is AWS's of delivery.
fn key(organization: Option<&str>, account: &str, region: &str, minute: Minute, unique: &str) -> String {
    let (account, region) = (&*folder(account), &*folder(region));
    InsightKey { account, organization, region, minute, unique }.to_string()
}

/// A name that stays one folder below its parent, whatever a record says: accounts and regions have letters, digits
/// and hyphens.
fn folder(name: &str) -> String {
    name.chars().take(64).map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect()
}

/// The 16 characters that end a file's name: its number within the minute, so that names ascend in the order of
/// writing, and twelve that are a digest of its bytes. A minute is published once and in one file, so the number
/// is 0.
fn unique_part(bytes: &[u8]) -> String {
    let digest = Sha256::new().chain_update("trailpulse insight file\n").chain_update(bytes).finalize();
    let mut number = u64::from_be_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"));
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut unique = String::from("0000");
    for _ in 0..12 {
        unique.push(char::from(digits[(number % 36) as usize]));
        number /= 36;
    }
    unique
}

/// Whether a file of an Insight tree is ours: its name ends in the digest of its bytes. AWS's names are random.
fn is_ours(name: &str, bytes: &[u8]) -> bool {
    name.strip_suffix(".json.gz").is_some_and(|name| name.ends_with(&format!("_{}", unique_part(bytes))))
}

#[cfg(test)]
mod tests;
