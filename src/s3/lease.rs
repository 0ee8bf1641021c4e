//! A key and who wants it -> a lease that nobody else can have while it is renewed.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinHandle;

use super::client::{Bucket, Condition};
use super::error::{Cause, S3Error};

/// How often a lease is renewed.
const RENEWED: Duration = Duration::from_mins(1);
/// Who has not renewed a lease for so long has died.
const DEAD: TimeDelta = TimeDelta::minutes(10);

/// An object that says who works here. Dropped, it is removed; where its holder dies, it can be taken ten minutes later.
#[derive(Debug)]
pub struct Lease {
    bucket: Arc<Bucket>,
    key: String,
    /// Who holds it: what no other run writes.
    text: Bytes,
    renewal: JoinHandle<()>,
}

impl Lease {
    /// Whether nobody else has taken it meanwhile.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.bucket.get(&self.key).is_ok_and(|there| there.is_some_and(|there| there.bytes == self.text))
    }
}

impl Bucket {
    /// Takes the lease of a key for `holder`, a line that no other has; or says who has it.
    ///
    /// # Errors
    /// When the bucket cannot be read or written.
    pub fn lease(self: &Arc<Self>, key: &str, holder: &str) -> Result<Result<Lease, String>, S3Error> {
        let text = Bytes::from(format!("{holder}\n"));
        let taken = match self.put(key, text.clone(), Condition::IsNew) {
            Err(S3Error { cause: Cause::Changed, .. }) => match self.get(key)? {
                Some(there) if there.modified.is_some_and(is_dead) => {
                    let condition = there.tag.map_or(Condition::None, Condition::Unchanged);
                    self.put(key, text.clone(), condition)
                }
                there => {
                    let who = there.map(|there| String::from_utf8_lossy(&there.bytes).trim().to_owned());
                    return Ok(Err(who.unwrap_or_else(|| "another run".to_owned())));
                }
            },
            taken => taken,
        };
        match taken {
            Err(S3Error { cause: Cause::Changed, .. }) => Ok(Err("another run".to_owned())),
            Err(error) => Err(error),
            Ok(()) => {
                let (bucket, owned, line) = (Arc::clone(self), key.to_owned(), text.clone());
                let renewal = self.handle().spawn(async move {
                    loop {
                        tokio::time::sleep(RENEWED).await;
                        // Where it fails, the next time may not.
                        let Ok(there) = bucket.fetch(&owned).await else { continue };
                        if there.bytes != line {
                            return; // Somebody took it for that of a run that died.
                        }
                        let still = there.tag.map_or(Condition::None, Condition::Unchanged);
                        let _ = bucket.put_now(&owned, line.clone(), still).await;
                    }
                });
                Ok(Ok(Lease { bucket: Arc::clone(self), key: key.to_owned(), text, renewal }))
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        // Where it stays, it is taken for that of a run that died.
        if self.is_ours() {
            let _ = self.bucket.remove(&self.key);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether a run has died is told by the clock; no result depends on it"
)]
fn is_dead(renewed: DateTime<Utc>) -> bool {
    DateTime::<Utc>::from(std::time::SystemTime::now()) - renewed > DEAD
}
