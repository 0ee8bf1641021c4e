//! A bucket's name and settings -> a client, and its objects read and written, each in full or not at all.
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::ObjectStore as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{
    Attribute, BackoffConfig, ClientConfigKey, GetOptions, GetRange, ObjectStoreExt as _, PutMode,
    PutOptions, RetryConfig, TagSet, UpdateVersion,
};
use tokio::runtime::Handle;

use super::Location;
use super::credentials::Credentials;
use super::error::{Cause, S3Error};
use super::list::Stamp;
use super::profile::{Profile, variable};
use super::wire::{Answered, Wire};
use crate::config::{S3, is_url};
use crate::step::step;

/// How often a request is tried again, where nobody says.
const RETRIES: u16 = 8;
/// Seconds until an answer has to be complete, where nobody says.
const TIMEOUT: u16 = 30;
/// How long all tries of one request may take, in timeouts of one.
const TIMEOUTS: u32 = 4;
/// The region where nobody names one.
const DEFAULT_REGION: &str = "us-east-1";
/// Pauses before answers that broke off are asked for again; the first of them is repeated in tests often enough.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];

/// One answer, on its way.
pub(super) type Asked<'a, T> = Pin<Box<dyn Future<Output = object_store::Result<T>> + Send + 'a>>;

/// All buckets of a run, each connected to when it is first asked for.
#[derive(Debug, Clone, Default)]
pub struct Buckets {
    settings: Arc<S3>,
    connected: Arc<Mutex<BTreeMap<String, Arc<Bucket>>>>,
}

impl Buckets {
    /// With these settings, and what the environment says.
    #[must_use]
    pub fn new(settings: S3) -> Self {
        Self { settings: Arc::new(settings), connected: Arc::default() }
    }

    /// The bucket of that name. Nothing is sent yet.
    ///
    /// # Errors
    /// When the settings make no sense, or name a profile that is not there.
    pub fn get(&self, name: &str) -> Result<Arc<Bucket>, S3Error> {
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = connected.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = Arc::new(Bucket::connect(name, &self.settings)?);
        connected.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    pub(super) store: AmazonS3,
    pub(super) name: String,
    handle: Handle,
    tags: TagSet,
    /// Where it is thought to be.
    pub(super) region: String,
}

/// An object as it was read.
#[derive(Debug)]
pub struct Stored {
    /// Its bytes.
    pub bytes: Bytes,
    /// What stands for them.
    pub tag: Option<String>,
    /// When it was written, by the server's clock.
    pub modified: Option<DateTime<Utc>>,
    /// When it was read, by the same; `None` where the server does not say.
    pub answered: Option<DateTime<Utc>>,
}

/// What has to hold for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// No object has that key.
    IsNew,
    /// The object is still the one with this tag.
    Unchanged(String),
}

impl Bucket {
    fn connect(name: &str, settings: &S3) -> Result<Self, S3Error> {
        let failed = |cause| S3Error {
            doing: "cannot use",
            location: Location { bucket: name.to_owned(), key: String::new() },
            cause,
        };
        let other = |why: String| failed(Cause::Other(why));
        if name.is_empty() {
            return Err(other("name a bucket: s3://bucket/prefix".to_owned()));
        }
        let handle = Handle::try_current().map_err(|error| other(error.to_string()))?;
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(name);
        for (key, variable) in [(Key::S3Endpoint, "AWS_ENDPOINT_URL_S3"), (Key::Endpoint, "AWS_ENDPOINT_URL")]
        {
            if let Some(endpoint) = builder.get_config_value(&key).filter(|endpoint| !is_url(endpoint)) {
                return Err(other(format!(
                    "{variable} must be a URL, https://… or http://…, got {endpoint:?}"
                )));
            }
        }
        let unsigned = flag("AWS_SKIP_SIGNATURE").map_err(&other)?.or(settings.anonymous).unwrap_or(false);
        builder = builder.with_skip_signature(unsigned);
        let profile = Profile::find(settings.profile.as_deref()).map_err(&other)?;
        let region = settings.region.clone().or_else(|| profile.region.clone());
        if !unsigned
            && !has_own_credentials(&builder)
            && let Some(credentials) = Credentials::of(profile)
        {
            builder = builder.with_credentials(Arc::new(credentials));
        }
        if builder.get_config_value(&Key::Region).is_none() {
            builder = builder.with_region(region.unwrap_or_else(|| DEFAULT_REGION.to_owned()));
        }
        let by_name = flag("AWS_VIRTUAL_HOSTED_STYLE_REQUEST").map_err(&other)?;
        let by_name = by_name.or(settings.path_style.map(|path_style| !path_style));
        builder = address(builder, name, (settings.endpoint.clone(), by_name));
        builder = encrypt(builder, settings);
        let timeout = settings.timeout.unwrap_or(TIMEOUT);
        builder = builder
            .with_http_connector(Wire::default())
            .with_config(Key::Client(ClientConfigKey::Timeout), format!("{timeout} seconds"))
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(200),
                    max_backoff: Duration::from_secs(10),
                    base: 3.0,
                },
                max_retries: settings.retries.unwrap_or(RETRIES).into(),
                retry_timeout: TIMEOUTS * Duration::from_secs(timeout.into()),
            });
        let region = builder.get_config_value(&Key::Region).unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let store = builder.build().map_err(|error| other(error.to_string()))?;
        let mut tags = TagSet::default();
        settings.tags.iter().for_each(|(key, value)| tags.push(key, value));
        Ok(Self { store, name: name.to_owned(), handle, tags, region })
    }

    /// Waits for `work`, on whatever thread.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::task::block_in_place(|| self.handle.block_on(work))
    }

    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn error(&self, doing: &'static str, key: &str, cause: Cause) -> S3Error {
        S3Error { doing, location: Location { bucket: self.name.clone(), key: key.to_owned() }, cause }
    }

    fn path(&self, doing: &'static str, key: &str) -> Result<Path, S3Error> {
        Path::parse(key).map_err(|error| self.error(doing, key, Cause::Other(error.to_string())))
    }

    /// The whole object; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<Stored>, S3Error> {
        match self.wait(self.fetch(key)) {
            Err(S3Error { cause: Cause::NoObject, .. }) => Ok(None),
            stored => stored.map(Some),
        }
    }

    /// The first bytes of an object, `length` at most.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get_first(&self, key: &str, length: u64) -> Result<Bytes, S3Error> {
        let doing = "cannot read";
        let path = self.path(doing, key)?;
        let ask = || -> Asked<'_, Bytes> {
            let options = GetOptions { range: Some(GetRange::Bounded(0..length)), ..GetOptions::default() };
            let asked = self.store.get_opts(&path, options);
            Box::pin(async { asked.await?.bytes().await })
        };
        self.wait(self.whole(doing, key, "s3:GetObject", ask))
    }

    /// What the server tells of an object; `None` where there is none.
    ///
    /// # Errors
    /// When the server does not tell.
    pub fn head(&self, key: &str) -> Result<Option<Stamp>, S3Error> {
        let doing = "cannot read";
        let path = self.path(doing, key)?;
        match self.wait(self.store.head(&path)) {
            Ok(meta) => Ok(Some(Stamp::from(&meta))),
            Err(error) => {
                match Cause::of(&error, "s3:GetObject (and s3:ListBucket, to be told what is not there)") {
                    Cause::NoObject => Ok(None),
                    cause => Err(self.error(doing, key, cause)),
                }
            }
        }
    }

    /// The whole object. What breaks off is taken up where it did, as long as it is the same object.
    pub(super) async fn fetch(&self, key: &str) -> Result<Stored, S3Error> {
        let doing = "cannot read";
        let path = self.path(doing, key)?;
        let permission = "s3:GetObject (and kms:Decrypt of its key, where there is one)";
        let ask = || -> Asked<'_, Stored> { Box::pin(self.fetch_once(&path)) };
        self.whole(doing, key, permission, ask).await
    }

    async fn fetch_once(&self, path: &Path) -> object_store::Result<Stored> {
        let answered = Answered::default();
        let mut options = GetOptions::default();
        options.extensions.insert(answered.clone());
        let got = self.store.get_opts(path, options).await?;
        let (size, tag, modified) = (got.meta.size, got.meta.e_tag.clone(), Some(got.meta.last_modified));
        let bytes = got.bytes().await?;
        if bytes.len() as u64 == size {
            return Ok(Stored { bytes, tag, modified, answered: answered.take() });
        }
        let short = io::Error::from(io::ErrorKind::UnexpectedEof);
        let short = HttpError::new(HttpErrorKind::Interrupted, short);
        Err(object_store::Error::Generic { store: "S3", source: Box::new(short) })
    }

    /// What `ask` gives; where the answer breaks off, it asks again. All else is tried again by the client itself.
    pub(super) async fn whole<'a, T>(
        &self,
        doing: &'static str,
        key: &str,
        permission: &'static str,
        ask: impl Fn() -> Asked<'a, T> + Send,
    ) -> Result<T, S3Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let error = match ask().await {
                Ok(whole) => return Ok(whole),
                Err(error) => error,
            };
            let cause = Cause::of(&error, permission);
            tracing::info!(bucket = self.name, key, %error, "A request failed.");
            match pauses.next().filter(|_| cause.is_cut_off()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(self.error(doing, key, cause)),
            }
        }
    }

    /// Writes an object in one request.
    ///
    /// # Errors
    /// [`Cause::Changed`] where `condition` does not hold.
    pub fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<(), S3Error> {
        self.wait(self.put_now(key, bytes, condition))
    }

    /// The same for many, some at a time.
    ///
    /// # Errors
    /// With the first that cannot be written.
    pub fn put_all(self: &Arc<Self>, objects: Vec<(String, Bytes)>) -> Result<(), S3Error> {
        /// As many at a time.
        const AT_ONCE: usize = 16;
        self.wait(async {
            let mut tasks = tokio::task::JoinSet::new();
            for (key, bytes) in objects {
                if tasks.len() >= AT_ONCE {
                    joined(tasks.join_next().await)?;
                }
                let bucket = Arc::clone(self);
                step("write an object");
                tasks.spawn(async move { bucket.put_now(&key, bytes, Condition::None).await });
            }
            while !tasks.is_empty() {
                joined(tasks.join_next().await)?;
            }
            Ok(())
        })
    }

    pub(super) async fn put_now(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<(), S3Error> {
        let doing = "cannot write";
        let path = self.path(doing, key)?;
        let mode = match &condition {
            Condition::None => PutMode::Overwrite,
            Condition::IsNew => PutMode::Create,
            Condition::Unchanged(tag) => {
                PutMode::Update(UpdateVersion { e_tag: Some(tag.clone()), version: None })
            }
        };
        let mut options = PutOptions { mode, tags: self.tags.clone(), ..PutOptions::default() };
        let attributes = &mut options.attributes;
        attributes.insert(Attribute::ContentType, content_type(key).into());
        if key.ends_with(".json.gz") {
            // As the trail writes its own.
            attributes.insert(Attribute::ContentEncoding, "gzip".into());
        }
        let put = self.store.put_opts(&path, bytes.clone().into(), options).await;
        let Err(error) = put else { return Ok(()) };
        let permission = "s3:PutObject (and kms:GenerateDataKey of the key, where there is one)";
        match Cause::of(&error, permission) {
            // The first try may have been written although its answer was lost.
            Cause::Changed if self.fetch(key).await.is_ok_and(|there| there.bytes == bytes) => Ok(()),
            Cause::Status(501, _) if condition != Condition::None => {
                // A server without conditional writes.
                Box::pin(self.put_now(key, bytes, Condition::None)).await
            }
            cause => Err(self.error(doing, key, cause)),
        }
    }

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, key: &str) -> Result<(), S3Error> {
        let doing = "cannot remove";
        let path = self.path(doing, key)?;
        match self.wait(self.store.delete(&path)) {
            Ok(()) => Ok(()),
            Err(error) => match Cause::of(&error, "s3:DeleteObject") {
                Cause::NoObject => Ok(()),
                cause => Err(self.error(doing, key, cause)),
            },
        }
    }
}

/// What a task gave.
fn joined(outcome: Option<Result<Result<(), S3Error>, tokio::task::JoinError>>) -> Result<(), S3Error> {
    match outcome {
        Some(Ok(outcome)) => outcome,
        // A task that panicked has said so.
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => Ok(()),
    }
}

fn content_type(key: &str) -> &'static str {
    let endings = [
        (".json", "application/json"),
        (".json.gz", "application/json"),
        (".jsonl", "application/jsonl"),
        // So that a browser opens it.
        (".html", "text/html; charset=utf-8"),
    ];
    let known = endings.into_iter().find(|(ending, _)| key.ends_with(ending));
    known.map_or("application/octet-stream", |(_, content_type)| content_type)
}

/// Whether the environment itself has credentials that go over every profile.
fn has_own_credentials(builder: &AmazonS3Builder) -> bool {
    let has = |key: Key| builder.get_config_value(&key).is_some();
    has(Key::AccessKeyId)
        || has(Key::SecretAccessKey)
        || (has(Key::WebIdentityTokenFile) && has(Key::RoleArn))
}

/// What a variable of the environment says; `None` where it says nothing.
fn flag(name: &str) -> Result<Option<bool>, String> {
    let Some(value) = variable(name) else { return Ok(None) };
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" | "y" => Ok(Some(true)),
        "0" | "false" | "off" | "no" | "n" => Ok(Some(false)),
        _ => Err(format!("{name} must be true or false, got {value:?}")),
    }
}

/// Where requests go to. `settings` are the endpoint that the configuration names, and whether the bucket stands in the
/// name of the host, where that is said.
fn address(
    builder: AmazonS3Builder,
    bucket: &str,
    settings: (Option<String>, Option<bool>),
) -> AmazonS3Builder {
    let value = |key: Key| builder.get_config_value(&key);
    let (named, by_name) = settings;
    let mut endpoint = value(Key::S3Endpoint).or_else(|| value(Key::Endpoint)).or(named);
    let region = value(Key::Region).unwrap_or_default();
    // A server of one's own seldom has a name for every bucket; a name with dots does not fit AWS's certificate.
    let by_name = by_name.unwrap_or(endpoint.is_none() && !bucket.contains('.'));
    if region.starts_with("cn-") && endpoint.is_none() {
        endpoint = Some(format!("https://s3.{region}.amazonaws.com.cn"));
    }
    let builder = builder.with_virtual_hosted_style_request(by_name);
    let Some(endpoint) = endpoint else { return builder };
    let builder = builder.with_allow_http(endpoint.starts_with("http://"));
    let full = match endpoint.split_once("://") {
        Some((scheme, host)) if by_name => format!("{scheme}://{bucket}.{host}"),
        _ => endpoint,
    };
    builder.with_config(Key::S3Endpoint, full)
}

fn encrypt(builder: AmazonS3Builder, settings: &S3) -> AmazonS3Builder {
    let named = |name: &str| name.parse::<Key>().expect("a key that the client has");
    let with = named("aws_server_side_encryption");
    let Some(encryption) = settings.encryption.as_ref().filter(|_| builder.get_config_value(&with).is_none())
    else {
        return builder;
    };
    let values = [
        (with, Some(encryption.with.to_owned())),
        (named("aws_sse_kms_key_id"), encryption.kms_key_id.clone()),
        (named("aws_sse_bucket_key_enabled"), encryption.bucket_key.map(|enabled| enabled.to_string())),
    ];
    let set = values.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let set: Vec<_> = set.filter(|(key, _)| builder.get_config_value(key).is_none()).collect();
    set.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_says_what_it_is() {
        for (key, want) in [
            ("o/report/index.html", "text/html; charset=utf-8"),
            ("o/report/report.json.gz", "application/json"),
            ("o/insights.jsonl", "application/jsonl"),
            ("o/summary.json", "application/json"),
            ("s/lock", "application/octet-stream"),
        ] {
            assert_eq!(content_type(key), want, "{key}");
        }
    }
}
