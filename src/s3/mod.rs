//! `s3://bucket/prefix` and settings -> objects listed, read, written: the one place that names the S3 client.
//!
//! The rest of the program calls it from blocking code; what overlaps (listing many prefixes, reading ahead of the
//! parsers) overlaps in here.
mod client;
mod credentials;
mod error;
mod fetch;
mod lease;
mod list;
mod profile;
mod sign;
mod wire;

use std::fmt;
use std::path::Path;

pub use client::{Bucket, Buckets, Condition, Stored};
pub use error::{Cause, S3Error};
pub use fetch::{Fetched, Prefetch, Wanted};
pub use lease::Lease;
pub use list::{Listing, Object, Stamp, Visit};
pub use sign::Signer;

/// How every S3 location begins.
const SCHEME: &str = "s3://";

/// A bucket and a key, or the part of keys before a `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Its name.
    pub bucket: String,
    /// Without `/` at either end; empty for the whole bucket.
    pub key: String,
}

impl Location {
    /// Reads `s3://bucket/prefix`; `None` for every other path.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        if !is_s3(path) {
            return None;
        }
        let rest = path.to_str()?.strip_prefix(SCHEME)?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self { bucket: bucket.to_owned(), key: key.trim_matches('/').to_owned() })
    }

    /// What lies below it under `name`, with `/`.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let key = match (self.key.as_str(), name) {
            ("", name) => name.to_owned(),
            (key, "") => key.to_owned(),
            (key, name) => format!("{key}/{name}"),
        };
        Self { bucket: self.bucket.clone(), key }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.key.is_empty() { "" } else { "/" };
        write!(out, "{SCHEME}{}{slash}{}", self.bucket, self.key)
    }
}

/// Whether the user named an S3 location.
#[must_use]
pub fn is_s3(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(SCHEME.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_buckets_and_keys() {
        for (path, want) in [
            ("s3://b", Some(("b", ""))),
            ("s3://b/", Some(("b", ""))),
            ("s3://b/a/c/", Some(("b", "a/c"))),
            ("s3://b//a", Some(("b", "a"))),
            ("/s3://b", None),
            ("s3:/b", None),
            ("logs", None),
        ] {
            let location = Location::of(Path::new(path));
            let got = location.as_ref().map(|location| (location.bucket.as_str(), location.key.as_str()));
            assert_eq!(got, want, "{path}");
        }
        let root = Location { bucket: "b".into(), key: String::new() };
        assert_eq!(root.join("x/y").to_string(), "s3://b/x/y");
        assert_eq!(root.join("x").join("y").join("").to_string(), "s3://b/x/y");
        assert_eq!(root.to_string(), "s3://b");
    }
}
