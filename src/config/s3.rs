//! `[s3]` of `trailpulse.toml` -> how to reach buckets, and what is written with every object. Pure.
use super::fields::Fields;

/// How to reach S3. Where the environment says otherwise, that goes over it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3 {
    /// URL of a server that speaks S3, instead of AWS's.
    pub endpoint: Option<String>,
    /// Such as `eu-west-1`.
    pub region: Option<String>,
    /// Of the shared AWS configuration.
    pub profile: Option<String>,
    /// Whether the bucket stands in the path of requests, not in the name of the host.
    pub path_style: Option<bool>,
    /// Whether requests are not signed, as for public buckets.
    pub anonymous: Option<bool>,
    /// How the server encrypts what is written.
    pub encryption: Option<Encryption>,
    /// Written with every object.
    pub tags: Vec<(String, String)>,
    /// How often a request is tried again.
    pub retries: Option<u16>,
    /// Seconds after which an answer that is not complete is given up.
    pub timeout: Option<u16>,
}

/// How the server encrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub with: &'static str,
    /// The key's id, alias or ARN; the account's own where not given.
    pub kms_key_id: Option<String>,
    /// Whether one key of the bucket stands for many objects.
    pub bucket_key: Option<bool>,
}

/// S3's limits.
const MOST_TAGS: usize = 10;
const LONGEST_TAG: (usize, usize) = (128, 256);

pub(super) fn s3(fields: Fields<'_>) -> S3 {
    let s3 = S3 {
        endpoint: fields.parsed_unshown("endpoint", "a URL, https://… or http://…", |url| {
            is_url(url).then(|| url.to_owned())
        }),
        region: fields.text("region"),
        profile: fields.text("profile"),
        path_style: fields.flag("path_style"),
        anonymous: fields.flag("anonymous"),
        encryption: encryption(&fields),
        tags: tags(&fields),
        retries: fields.whole("retries", 0..=20),
        timeout: fields.whole("timeout", 1..=3600),
    };
    fields.finish();
    s3
}

fn encryption(fields: &Fields<'_>) -> Option<Encryption> {
    let known = ["AES256", "aws:kms", "aws:kms:dsse"];
    let with = fields.parsed("sse", "\"AES256\", \"aws:kms\" or \"aws:kms:dsse\"", |text| {
        known.into_iter().find(|known| *known == text)
    });
    let (kms_key_id, bucket_key) = (fields.text("kms_key_id"), fields.flag("bucket_key"));
    let is_kms = with.is_some_and(|with| with.starts_with("aws:kms"));
    if (kms_key_id.is_some() || bucket_key.is_some()) && !is_kms {
        fields.problem("has kms_key_id or bucket_key, which go with sse = \"aws:kms\"");
    }
    Some(Encryption { with: with?, kms_key_id, bucket_key })
}

fn tags(fields: &Fields<'_>) -> Vec<(String, String)> {
    let tags = fields.texts("tags");
    let fits = |(key, value): &(String, String)| {
        (1..=LONGEST_TAG.0).contains(&key.chars().count()) && value.chars().count() <= LONGEST_TAG.1
    };
    if tags.len() > MOST_TAGS || !tags.iter().all(fits) {
        fields.wrong("tags", "at most 10 tags, of keys up to 128 and values up to 256 characters");
    }
    tags
}

/// Whether it is the address of a server.
pub(crate) fn is_url(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty())
}
