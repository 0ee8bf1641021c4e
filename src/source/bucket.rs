//! A SOURCE in a bucket -> its log files, listed folder by folder where they lie as AWS puts them.
use std::io;
use std::path::Path;

use super::before::Before;
use super::walk::{Claim, Fate, Walk, WalkError};
use crate::cloudtrail::dated_folder::{DatedFolder, Level, of_day};
use crate::s3::{Buckets, Cause, Listing, Location, Object, S3Error, Stamp, Visit};

/// How far below a SOURCE a folder whose name says nothing is looked into, in search of those that do. What is below is
/// listed all at once.
const SEARCHED: usize = 2;

/// Looks whether a SOURCE in a bucket is there, in one request.
///
/// # Errors
/// When it cannot be listed or read, or nothing is there.
pub(super) fn reach(location: &Location, is_object: bool, buckets: &Buckets) -> Result<(), S3Error> {
    let bucket = buckets.get(&location.bucket)?;
    let is_there =
        if is_object { bucket.head(&location.key)?.is_some() } else { bucket.has_any(&location.key)? };
    if is_there { Ok(()) } else { Err(not_there(location)) }
}

fn not_there(location: &Location) -> S3Error {
    S3Error { doing: "cannot read", location: location.clone(), cause: Cause::NoObject }
}

impl Walk<'_> {
    /// The one object of a key.
    pub(super) fn object(&mut self, location: &Location) -> Result<(), WalkError> {
        let bucket = self.buckets.get(&location.bucket)?;
        let Some(stamp) = bucket.head(&location.key)? else {
            return Err(not_there(location).into());
        };
        self.listed(location, stamp, Some(Claim::Log));
        Ok(())
    }

    /// All objects below a prefix, but for folders that hold nothing new.
    pub(super) fn prefix(&mut self, location: &Location) -> Result<(), WalkError> {
        let bucket = self.buckets.get(&location.bucket)?;
        let root = Location { key: String::new(), ..location.clone() };
        let Self { before, found, resumes, .. } = self;
        let mut known_folders = 0;
        let Listing { mut objects, refused, failed } = bucket.list(&location.key, &mut |folder| {
            let below = folder.strip_prefix(&location.key).unwrap_or_default();
            let depth = below.split('/').filter(|name| !name.is_empty()).count();
            let visit = visit(&root.join(folder).to_string(), folder, depth, *before);
            let is_outside = DatedFolder::parse(folder).is_some_and(|dated| before.is_outside(&dated));
            let visit = if is_outside { Visit::Skip } else { visit };
            known_folders += u64::from(visit == Visit::Skip && !is_outside);
            *resumes |= is_outside || matches!(visit, Visit::After(_));
            visit
        });
        found.coverage.known_folders += known_folders;
        let path = location.to_string();
        if failed.is_empty() {
            found.listed.insert(path);
        } else if before.has_listed(&path) {
            found.unlisted.insert(path);
        }
        if let (true, Some(failure)) = (objects.is_empty(), failed.first()) {
            return Err(failure.clone().into());
        }
        for failure in &failed {
            self.not_listed(failure);
        }
        for key in refused {
            self.refused(&root.join(&key).to_string());
        }
        // Those of one folder come together, as they do from a disk.
        objects.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        // Where all of a region is listed, so are days of which all was read.
        let mut last = (String::new(), false);
        for Object { key, stamp } in objects {
            let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
            if last.0 != folder {
                let path = root.join(folder).to_string();
                let (is_known, is_outside) = DatedFolder::parse(folder).map_or((false, false), |dated| {
                    let is_known = self.before.has_listed(&path) && self.before.has_all_of(&path, &dated);
                    (is_known, self.before.is_outside(&dated))
                });
                self.resumes |= is_outside;
                last = (folder.to_owned(), is_known || is_outside);
            }
            if !last.1 {
                self.listed(&root.join(&key), stamp, None);
            }
        }
        Ok(())
    }

    /// A part of a bucket that could not be listed.
    pub(super) fn not_listed(&mut self, S3Error { location, cause, .. }: &S3Error) {
        let waits = self.may_be_more(cause.may_pass());
        let path = location.to_string();
        let path = Path::new(&path);
        // All of the only SOURCE has no name below it.
        let name = Some(self.name(path)).filter(|name| !name.as_os_str().is_empty());
        let name = name.unwrap_or_else(|| path.to_owned());
        self.put_aside(path, name, Fate::Skipped(format!("cannot list: {}{waits}", cause.row())));
    }

    fn listed(&mut self, location: &Location, stamp: Stamp, claim: Option<Claim>) {
        let path = location.to_string();
        let path = Path::new(&path);
        let name = self.name(path);
        self.file(path, name, stamp, claim);
    }

    /// The first bytes of an object, at most so many as it has.
    pub(super) fn first_of_object(&self, location: &Location, length: u64) -> io::Result<Vec<u8>> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let first =
            self.buckets.get(&location.bucket).and_then(|bucket| bucket.get_first(&location.key, length));
        first.map(Into::into).map_err(|error| io::Error::other(error.cause.row()))
    }
}

/// What to do with a folder, `depth` folders below the SOURCE; `path` is its whole path.
fn visit(path: &str, folder: &str, depth: usize, before: &dyn Before) -> Visit {
    match Level::of(path) {
        Level::Region { account, region } if before.has_listed(path) => before
            .resume(path, account, region)
            .map_or(Visit::All, |day| Visit::After(format!("{folder}/{}", of_day(day)))),
        Level::Dated(dated) if before.has_listed(path) && before.has_all_of(path, &dated) => Visit::Skip,
        Level::Beside if before.goes_on() => Visit::Skip,
        Level::Above => Visit::Descend,
        Level::Region { .. } | Level::Dated(_) | Level::Beside => Visit::All,
        Level::Unknown => {
            if depth <= SEARCHED {
                Visit::Descend
            } else {
                Visit::All
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::before::Anew;
    use super::*;
    use crate::time::{Day, Minute};

    /// Everything of one account and region was read up to a day.
    struct Read(Day);

    impl Before for Read {
        fn has_listed(&self, folder: &str) -> bool {
            !folder.contains("/wider/")
        }

        fn has_all_of(&self, _: &str, folder: &DatedFolder<'_>) -> bool {
            folder.last < self.0
        }

        fn resume(&self, _: &str, account: &str, region: &str) -> Option<Day> {
            (account == "111122223333" && region == "eu-west-1").then_some(self.0)
        }

        fn goes_on(&self) -> bool {
            true
        }
    }

    #[test]
    fn only_what_can_hold_something_new_is_listed() {
        let day = Minute::parse("2026-01-31T00:00:00Z").expect("a time").day();
        let account = "AWSLogs/111122223333";
        let after = |folder: &str| Visit::After(format!("{account}/CloudTrail/{folder}"));
        for (folder, depth, anew, on) in [
            ("", 0, Visit::Descend, Visit::Descend),
            ("x", 2, Visit::Descend, Visit::Descend),
            ("x", 3, Visit::All, Visit::All),
            (account, 9, Visit::Descend, Visit::Descend),
            (&format!("{account}/CloudTrail"), 9, Visit::Descend, Visit::Descend),
            (&format!("{account}/CloudTrail/eu-west-1"), 9, Visit::All, after("eu-west-1/2026/01/31")),
            (&format!("{account}/CloudTrail/eu-west-2"), 9, Visit::All, Visit::All),
            (&format!("{account}/CloudTrail/eu-west-2/2026/01/30"), 9, Visit::All, Visit::Skip),
            (&format!("{account}/CloudTrail/eu-west-2/2026"), 9, Visit::All, Visit::All),
            (&format!("{account}/CloudTrail-Digest"), 9, Visit::All, Visit::Skip),
            // Nobody has looked there before.
            (&format!("wider/{account}/CloudTrail/eu-west-1"), 9, Visit::All, Visit::All),
            (&format!("wider/{account}/CloudTrail/eu-west-2/2026/01/30"), 9, Visit::All, Visit::All),
        ] {
            let path = format!("s3://bucket/{folder}");
            assert_eq!(visit(&path, folder, depth, &Anew), anew, "{folder}, anew");
            assert_eq!(visit(&path, folder, depth, &Read(day)), on, "{folder}, going on");
        }
    }
}
