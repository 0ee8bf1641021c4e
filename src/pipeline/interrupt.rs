//! Ctrl-C and SIGTERM -> a request to stop, that work in progress answers in its own time.
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::{Cancel, Interrupted};

/// How long the threads get to notice an interrupt. One that is blocked, in a read of standard input say, never does.
const PATIENCE: Duration = Duration::from_millis(600);

/// Runs `work` to its end, apart from the listening, so that not even a write that blocks keeps an interrupt from being
/// heard. An interrupt sets `cancel`: the work notices within a moment. What is being published by then is finished,
/// not torn (see [`Cancel::commit`]).
///
/// # Errors
/// As `work`; [`Interrupted`] where the work did not end in time: its threads are not waited for, and the process should
/// end.
pub async fn watching_for_interrupts<T: Send + 'static>(
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    cancel: &Cancel,
) -> anyhow::Result<T> {
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    // Listening begins before the work does.
    if is_ready_at_once(interrupted.as_mut()).await {
        return Err(Interrupted.into());
    }
    let mut work = tokio::spawn(work);
    tokio::select! {
        done = &mut work => return done?,
        () = interrupted => {}
    }
    if !cancel.cancel() {
        return work.await?;
    }
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        done?
    } else {
        // Where it waits for a blocked thread, this lets go of what it holds, such as a staging folder.
        work.abort();
        let _ = tokio::time::timeout(PATIENCE / 8, work).await;
        Err(Interrupted.into())
    }
}

/// Polls once: starts what only starts when it is polled.
async fn is_ready_at_once(mut future: Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

async fn interrupted() {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
