//! A span of time and a request to stop -> whichever comes first.
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Cancel, Interrupted};

/// How often the request is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Waits for `span`.
///
/// # Errors
/// When a stop was asked for.
pub async fn pause(span: Duration, cancel: &Cancel) -> Result<(), Interrupted> {
    let until = Instant::now() + span;
    while Instant::now() < until {
        cancel.check()?;
        sleep(until.saturating_duration_since(Instant::now()).min(TICK)).await;
    }
    cancel.check()
}
