//! Files in memory -> objects below a prefix: each in full or not at all, `summary.json` last.
//!
//! An object appears whole, in one request, so nothing needs staging. Where earlier results are replaced, the summary goes
//! first and comes last, as in a folder. Where they are added to, nothing is ever removed: names of tree objects are
//! those of their contents, and `insights.jsonl` is written only if it is still as it was read.
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::destination::{FIRST, PROBE, TREE, begins_like_ours, is_like_ours, with_lines};
use super::{
    DestinationError, Earlier, KEPT_FILE, LINES_FILE, Output, PAGE_FILE, SUMMARY_FILE, Told, is_ours,
};
use crate::s3::{Bucket, Buckets, Cause, Condition, Listing, Location, S3Error, Stamp, Stored, Visit};
use crate::step::step;

/// A prefix that will hold what is published.
#[derive(Debug)]
pub struct InBucket {
    bucket: Arc<Bucket>,
    at: Location,
    earlier: Earlier,
    staged: Vec<Output>,
}

impl InBucket {
    /// Writes a small object there and removes it. A probe that may not be removed stays, where nothing else will have to be
    /// removed either.
    ///
    /// # Errors
    /// Nothing can be written there, or there is a `summary.json` or `insights.jsonl` that trailpulse did not write.
    pub(super) fn open(at: Location, earlier: Earlier, buckets: &Buckets) -> Result<Self, DestinationError> {
        let bucket = buckets.get(&at.bucket)?;
        let probe = at.join(PROBE).key;
        bucket.put(&probe, Bytes::from_static(b"trailpulse tried to write here\n"), Condition::None)?;
        match bucket.remove(&probe) {
            Err(S3Error { cause: Cause::Denied(_), .. }) if earlier == Earlier::Kept => {}
            removed => removed?,
        }
        for name in [SUMMARY_FILE, LINES_FILE] {
            is_there(&bucket, &at, name)?;
        }
        Ok(Self { bucket, at, earlier, staged: Vec::new() })
    }

    /// As [`super::Destination::report_before`].
    pub(super) fn report_before(&self) -> Result<bool, DestinationError> {
        is_there(&self.bucket, &self.at, PAGE_FILE)?;
        is_there(&self.bucket, &self.at, KEPT_FILE)
    }

    pub(super) fn told(&self) -> Result<Told, DestinationError> {
        let lines = self.bucket.get(&self.at.join(LINES_FILE).key)?;
        Ok(Told::of(&lines.map_or_else(Bytes::new, |lines| lines.bytes)))
    }

    pub(super) fn published(&self, name: &str) -> Result<Option<Vec<u8>>, DestinationError> {
        Ok(self.bucket.get(&self.at.join(name).key)?.map(|there| there.bytes.into()))
    }

    pub(super) fn stage(&mut self, output: Output) {
        self.staged.push(output);
    }

    /// Writes everything that was staged, and removes what earlier runs had put into the Insight tree where that makes room.
    pub(super) fn publish(mut self) -> Result<(), DestinationError> {
        let (mut lines, mut summary, mut tree) = (None, None, Vec::new());
        for Output { path, bytes } in std::mem::take(&mut self.staged) {
            match path.as_str() {
                LINES_FILE => lines = Some(bytes),
                SUMMARY_FILE => summary = Some(bytes),
                _ => tree.push((self.at.join(&path).key, Bytes::from(bytes))),
            }
        }
        if self.earlier == Earlier::Replaced {
            step("remove the summary");
            self.bucket.remove(&self.at.join(SUMMARY_FILE).key)?;
        }
        let kept: BTreeSet<String> = tree.iter().map(|(key, _)| key.clone()).collect();
        self.bucket.put_all(tree)?;
        if let Some(lines) = lines {
            self.put_lines(lines)?;
        }
        if self.earlier == Earlier::Replaced {
            self.remove_earlier(&kept)?;
        }
        if let Some(summary) = summary {
            step("write the summary");
            self.bucket.put(&self.at.join(SUMMARY_FILE).key, summary.into(), Condition::None)?;
        }
        Ok(())
    }

    fn put_lines(&self, lines: Vec<u8>) -> Result<(), DestinationError> {
        let key = self.at.join(LINES_FILE).key;
        if lines.is_empty() && self.earlier == Earlier::Kept && self.bucket.head(&key)?.is_some() {
            return Ok(());
        }
        let (lines, condition) = match self.earlier {
            Earlier::Replaced => (lines, Condition::None),
            Earlier::Kept => match self.bucket.get(&key)? {
                None => (lines, Condition::IsNew),
                Some(Stored { bytes, tag, .. }) => {
                    let condition = tag.map_or(Condition::None, Condition::Unchanged);
                    (with_lines(bytes.into(), &lines), condition)
                }
            },
        };
        step("write the lines");
        match self.bucket.put(&key, lines.into(), condition) {
            Err(S3Error { cause: Cause::Changed, .. }) => {
                Err(DestinationError::Busy { path: PathBuf::from(self.at.to_string()) })
            }
            put => Ok(put?),
        }
    }

    /// Removes what earlier runs had put into the Insight tree, and this one did not.
    fn remove_earlier(&self, kept: &BTreeSet<String>) -> Result<(), DestinationError> {
        let root = self.at.join(TREE).key;
        let Listing { objects, failed, .. } =
            self.bucket.list(&root, &mut |folder| visit(folder.strip_prefix(&root).unwrap_or_default()));
        if let Some(failure) = failed.into_iter().next() {
            return Err(failure.into());
        }
        for name in [PAGE_FILE, KEPT_FILE] {
            let report = self.at.join(name).key;
            if kept.contains(&report) {
                continue;
            }
            if self.bucket.get(&report)?.is_some_and(|there| is_like_ours(name, &there.bytes)) {
                step("remove an object");
                self.bucket.remove(&report)?;
            }
        }
        for object in objects.iter().filter(|object| !kept.contains(&object.key)) {
            let name = object.key.rsplit('/').next().unwrap_or_default();
            // Reading only what may be ours: AWS's names do not have our number.
            if !name.contains("_0000") {
                continue;
            }
            if self.bucket.get(&object.key)?.is_some_and(|there| is_ours(name, &there.bytes)) {
                step("remove an object");
                self.bucket.remove(&object.key)?;
            }
        }
        Ok(())
    }
}

/// Whether there is an object with a name of ours. An error where it is somebody else's. Results grow from night to night, so
/// of a large one only the beginning is fetched, where that tells.
fn is_there(bucket: &Bucket, at: &Location, name: &str) -> Result<bool, DestinationError> {
    let key = at.join(name).key;
    let Some(Stamp { size, .. }) = bucket.head(&key)? else { return Ok(false) };
    if size > FIRST && begins_like_ours(name, &bucket.get_first(&key, FIRST)?) {
        return Ok(true);
    }
    match bucket.get(&key)? {
        Some(there) if !is_like_ours(name, &there.bytes) => {
            Err(DestinationError::Foreign { path: at.join(name).to_string().into() })
        }
        there => Ok(there.is_some()),
    }
}

/// What to do with a folder below `AWSLogs`, in search of Insight trees: an account's may lie below its organization's.
fn visit(below: &str) -> Visit {
    let mut names: Vec<&str> = below.split('/').filter(|name| !name.is_empty()).collect();
    if names.first().is_some_and(|outermost| outermost.starts_with("o-")) {
        names.remove(0);
    }
    match names[..] {
        [] | [_] => Visit::Descend,
        [_, "CloudTrail-Insight"] => Visit::All,
        _ => Visit::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_insight_trees_are_looked_through() {
        for (below, want) in [
            ("", Visit::Descend),
            ("/o-abcdefghij", Visit::Descend),
            ("/111122223333", Visit::Descend),
            ("/o-abcdefghij/111122223333", Visit::Descend),
            ("/111122223333/CloudTrail-Insight", Visit::All),
            ("/o-abcdefghij/111122223333/CloudTrail-Insight", Visit::All),
            ("/111122223333/CloudTrail", Visit::Skip),
            ("/o-abcdefghij/111122223333/CloudTrail", Visit::Skip),
        ] {
            assert_eq!(visit(below), want, "{below}");
        }
    }
}
