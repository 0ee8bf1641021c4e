//! Numbered objects -> their bytes, fetched ahead of who takes them. Bounded objects and bytes in flight.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

use super::Location;
use super::client::{Bucket, Buckets};
use super::error::{Cause, S3Error};
use super::list::Stamp;

/// Objects that are fetched at the same time.
const OBJECTS: usize = 64;
/// Bytes that are fetched, or wait to be taken, in KiB. An object that is larger has all of it to itself.
const ROOM: u32 = 128 << 10;
/// No log is larger; what is has to be copied to a disk.
const LARGEST: u64 = 1 << 30;
/// After so many objects in a row that could not be had for a reason that may pass, the rest is not asked for: each would take
/// as long as all its tries.
const HOPELESS: usize = 100;
/// How long to wait between two looks at whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// An object that will be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which one.
    pub location: Location,
    /// As it was listed.
    pub stamp: Stamp,
}

/// An object that has come, or why not. While it is held, its bytes count as in flight.
#[derive(Debug)]
pub struct Fetched {
    /// Its bytes.
    pub body: Result<Bytes, S3Error>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Fetches objects in the order of their numbers, ahead of who takes them. They have to be taken from the lowest on, by
/// whatever threads. Dropped, it stops.
#[derive(Debug)]
pub struct Prefetch {
    arrived: Arc<Arrived>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Arrived {
    objects: Mutex<BTreeMap<usize, Fetched>>,
    one_more: Condvar,
}

impl Arrived {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<usize, Fetched>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, number: usize, fetched: Fetched) {
        self.objects().insert(number, fetched);
        self.one_more.notify_all();
    }
}

impl Prefetch {
    /// Begins with `bucket`'s runtime; `wanted` gives the object of each number below `end`, and `None` for what is no
    /// object.
    #[must_use]
    pub fn start(
        bucket: &Bucket,
        buckets: Buckets,
        end: usize,
        wanted: impl Fn(usize) -> Option<Wanted> + Send + Sync + 'static,
    ) -> Self {
        let arrived = Arc::new(Arrived::default());
        let task = bucket.handle().spawn(fetch_all(Arc::clone(&arrived), buckets, end, wanted));
        Self { arrived, task }
    }

    /// Waits for object `number`; `None` where `stop` says so before.
    pub fn take(&self, number: usize, stop: &dyn Fn() -> bool) -> Option<Fetched> {
        let mut objects = self.arrived.objects();
        loop {
            if let Some(fetched) = objects.remove(&number) {
                return Some(fetched);
            }
            // It is over before all is taken only where it panicked.
            if stop() || (self.task.is_finished() && !objects.contains_key(&number)) {
                return None;
            }
            let (locked, _) =
                self.arrived.one_more.wait_timeout(objects, LOOK).unwrap_or_else(PoisonError::into_inner);
            objects = locked;
        }
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn fetch_all(
    arrived: Arc<Arrived>,
    buckets: Buckets,
    end: usize,
    wanted: impl Fn(usize) -> Option<Wanted> + Send + Sync + 'static,
) {
    let (objects, room) = (Arc::new(Semaphore::new(OBJECTS)), Arc::new(Semaphore::new(ROOM as usize)));
    let failed = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..end {
        let Some(Wanted { location, stamp: Stamp { size, .. } }) = wanted(number) else { continue };
        // In the order of numbers, so that the lowest which was not taken always has its room.
        let needed = u32::try_from(size.div_ceil(1024)).unwrap_or(ROOM).clamp(1, ROOM);
        let Ok(held) = Arc::clone(&room).acquire_many_owned(needed).await else { return };
        let Ok(turn) = Arc::clone(&objects).acquire_owned().await else { return };
        let (arrived, buckets, failed) = (Arc::clone(&arrived), buckets.clone(), Arc::clone(&failed));
        tasks.spawn(async move {
            let body = fetch(&buckets, &location, size, failed.load(Ordering::Relaxed) >= HOPELESS).await;
            match &body {
                Err(error) if error.cause.may_pass() => {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                _ => failed.store(0, Ordering::Relaxed),
            }
            drop(turn);
            arrived.put(number, Fetched { body, _room: Some(held) });
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

async fn fetch(
    buckets: &Buckets,
    location: &Location,
    size: u64,
    is_hopeless: bool,
) -> Result<Bytes, S3Error> {
    let bucket = buckets.get(&location.bucket)?;
    if is_hopeless {
        return Err(bucket.error("cannot read", &location.key, Cause::GivenUp));
    }
    if size > LARGEST {
        return Err(bucket.error("cannot read", &location.key, Cause::TooLarge));
    }
    Ok(bucket.fetch(&location.key).await?.bytes)
}
