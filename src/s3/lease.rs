//! A key and who wants it -> a lease that nobody else can have while it is renewed.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use tokio::task::JoinHandle;

use super::client::{Bucket, Condition, Stored};
use super::error::{Cause, S3Error};

/// How often a lease is renewed.
const RENEWED: Duration = Duration::from_mins(1);
/// Who has not renewed a lease for so long has died.
const DEAD: TimeDelta = TimeDelta::minutes(10);

/// An object that says who works here. Dropped, it is removed; where its holder dies, it can be taken ten minutes later, or at
/// once by who knows that.
#[derive(Debug)]
pub struct Lease {
    bucket: Arc<Bucket>,
    key: String,
    /// Who holds it: what no other run writes.
    text: Bytes,
    renewal: JoinHandle<()>,
    is_held: bool,
}

impl Lease {
    /// Gives it back; before that `last` is done, unless somebody else has taken it meanwhile.
    pub fn give_back(mut self, last: impl FnOnce()) {
        self.end(last);
    }

    fn end(&mut self, last: impl FnOnce()) {
        if !std::mem::take(&mut self.is_held) {
            return;
        }
        self.renewal.abort();
        let is_ours =
            self.bucket.get(&self.key).is_ok_and(|there| there.is_some_and(|there| there.bytes == self.text));
        if is_ours {
            last();
            // Where it stays, it is taken for that of a run that died.
            let _ = self.bucket.remove(&self.key);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end(|| ());
    }
}

impl Bucket {
    /// Takes the lease of a key for `holder`, a text that no other has; or gives that of who has it. `has_died` says of such a
    /// text whether its holder has died for certain.
    ///
    /// # Errors
    /// When the bucket cannot be read or written.
    pub fn lease(
        self: &Arc<Self>,
        key: &str,
        holder: &str,
        has_died: &dyn Fn(&str) -> bool,
    ) -> Result<Result<Lease, String>, S3Error> {
        let text = Bytes::from(format!("{holder}\n"));
        let somebody = || Ok(Err("another run".to_owned()));
        let taken = match self.put(key, text.clone(), Condition::IsNew) {
            Err(S3Error { cause: Cause::Changed, .. }) => {
                let Some(there) = self.get(key)? else { return somebody() };
                let holder = String::from_utf8_lossy(&there.bytes).into_owned();
                if !is_stale(&there) && !has_died(&holder) {
                    return Ok(Err(holder));
                }
                let condition = there.tag.map_or(Condition::None, Condition::Unchanged);
                self.put(key, text.clone(), condition)
            }
            taken => taken,
        };
        match taken {
            Err(S3Error { cause: Cause::Changed, .. }) => somebody(),
            Err(error) => Err(error),
            Ok(()) => {
                let renewal = self.handle().spawn(renew(Arc::clone(self), key.to_owned(), text.clone()));
                Ok(Ok(Lease { bucket: Arc::clone(self), key: key.to_owned(), text, renewal, is_held: true }))
            }
        }
    }
}

/// Writes a lease again and again, as long as it is ours.
async fn renew(bucket: Arc<Bucket>, key: String, text: Bytes) {
    loop {
        tokio::time::sleep(RENEWED).await;
        // Where it fails, the next time may not.
        let Ok(there) = bucket.fetch(&key).await else { continue };
        if there.bytes != text {
            return; // Somebody took it for that of a run that died.
        }
        let still = there.tag.map_or(Condition::None, Condition::Unchanged);
        let _ = bucket.put_now(&key, text.clone(), still).await;
    }
}

/// Whether a lease has not been renewed for so long that its holder has died. Both times are the server's: the clock of this
/// machine can be wrong.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a run has died is told by the clock, where the server does not say what time it is; no result depends on it"
)]
fn is_stale(there: &Stored) -> bool {
    let now = there.answered.unwrap_or_else(|| std::time::SystemTime::now().into());
    there.modified.is_some_and(|renewed| now - renewed > DEAD)
}
