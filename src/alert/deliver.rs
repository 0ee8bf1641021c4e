//! Messages to one feed -> what became of each event, in bounded time, whatever the receiver does.
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};

use super::feed::{Context, outgoing};
use super::http::{Http, Sent};
use super::ledger::{Message, Outcome};
use super::lines;
use super::notice::Notice;
use super::outgoing::{Answer, Outgoing, Post, Reply, Verdict};
use super::secret::Secrets;
use crate::config::{Feed, FeedKind};
use crate::step::step;

/// How often a message is tried in a run.
const TRIES: u32 = 4;
/// Pause before the second try; each further one at most doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a run makes, and the longest that a server is waited for. Who wants more is left to a later run.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Messages that fail after all tries before the rest is left to the next run.
const FAILURES: u32 = 2;
/// Time lost to a feed that fails, before the rest is left to the next run.
const LOST: Duration = Duration::from_mins(1);
/// Time for all messages to a feed, however well it goes.
const WHOLE: Duration = Duration::from_mins(10);
/// The longest that a server can keep later runs away.
const LONGEST_REST: TimeDelta = TimeDelta::hours(1);

/// What is to be remembered.
#[derive(Debug)]
pub(super) enum Note {
    /// What became of events of a feed.
    Events(String, Vec<(String, Outcome)>),
    /// The feed is not to be called before then.
    Rest(String, DateTime<Utc>),
}

/// A feed that can be told.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    /// Its settings.
    pub(super) feed: Feed,
    /// Its secrets.
    pub(super) secrets: Secrets,
    /// What calls its server.
    pub(super) http: Http,
}

/// What one try came to.
struct Tried {
    /// Of each of the notice's events.
    verdicts: Vec<Verdict>,
    /// How long the server wants to be left alone.
    wait: Option<Duration>,
    /// Whether another try in this run is of no use.
    is_final: bool,
}

impl Receiver {
    /// What payloads depend on.
    pub(super) fn context(&self, now: DateTime<Utc>) -> Context<'_> {
        let own = match &self.feed.kind {
            FeedKind::EventBridge(settings) => settings.region.as_deref(),
            _ => None,
        };
        let region = own.unwrap_or_else(|| self.http.region());
        Context { feed: &self.feed, secrets: &self.secrets, region, now }
    }

    /// Sends all messages, the oldest first, and says of each at once what became of it. Gives what went wrong last.
    pub(super) async fn tell(
        &self,
        messages: impl Iterator<Item = (Message, Notice)> + Send,
        now: DateTime<Utc>,
        notes: &UnboundedSender<Note>,
        stop: &AtomicBool,
    ) -> Option<String> {
        let (begun, mut lost, mut failures, mut problem) = (Instant::now(), Duration::ZERO, 0, None);
        for (_, notice) in messages {
            let is_stopped = stop.load(Ordering::SeqCst);
            if is_stopped || failures >= FAILURES || lost >= LOST || begun.elapsed() >= WHOLE {
                break;
            }
            let started = Instant::now();
            let (outcomes, why, rest) = self.send(notice, now, LOST.saturating_sub(lost), stop).await;
            step("note what became of a message");
            // Nobody listens only where the ledger could not be written, which is reported there.
            let _ = notes.send(Note::Events(self.feed.name.to_string(), outcomes));
            if let Some(rest) = rest {
                let _ = notes.send(Note::Rest(self.feed.name.to_string(), now + rest));
            }
            if let Some(why) = why {
                lost += started.elapsed();
                failures += 1;
                problem = Some(why);
            }
            if rest.is_some() {
                break;
            }
        }
        problem
    }

    /// Sends a message that nobody remembers; what went wrong.
    pub(super) async fn try_once(
        &self,
        notice: Notice,
        now: DateTime<Utc>,
        stop: &AtomicBool,
    ) -> Result<(), String> {
        let (outcomes, why, _) = self.send(notice, now, LOST, stop).await;
        match outcomes.into_iter().find_map(|(_, outcome)| match outcome {
            Outcome::Rejected(why) => Some(why),
            _ => None,
        }) {
            Some(why) => Err(why),
            None => why.map_or(Ok(()), Err),
        }
    }

    /// Sends one message, with as many tries as it takes and `time` allows: what is decided of its events, what went wrong
    /// with the rest, and for how long the server wants to be left alone.
    async fn send(
        &self,
        mut notice: Notice,
        now: DateTime<Utc>,
        time: Duration,
        stop: &AtomicBool,
    ) -> (Vec<(String, Outcome)>, Option<String>, Option<TimeDelta>) {
        let (begun, mut decided, mut why) = (Instant::now(), Vec::new(), None);
        for attempt in 1..=TRIES {
            step("send a message");
            let Tried { verdicts, wait, is_final } = self.once(&notice, now).await;
            why = None;
            let events = std::mem::take(&mut notice.events);
            for (event, verdict) in events.into_iter().zip(verdicts) {
                let id = event.record.event_id.clone();
                match verdict {
                    Verdict::Delivered => decided.push((id, Outcome::Delivered)),
                    Verdict::Rejected(why) => decided.push((id, Outcome::Rejected(why))),
                    Verdict::Again(reason) => {
                        why = Some(reason);
                        notice.events.push(event);
                    }
                }
            }
            if notice.events.is_empty() || is_final || attempt == TRIES {
                break;
            }
            let pause = wait.unwrap_or_else(|| pause(&notice, attempt));
            if pause > LONGEST_PAUSE {
                let rest = TimeDelta::from_std(pause).unwrap_or(LONGEST_REST).min(LONGEST_REST);
                return (decided, why, Some(rest));
            }
            if begun.elapsed() + pause >= time {
                break;
            }
            if !paused(pause, stop).await {
                break;
            }
        }
        (decided, why, None)
    }

    /// Sends what is left of a message once.
    async fn once(&self, notice: &Notice, now: DateTime<Utc>) -> Tried {
        let context = self.context(now);
        let nothing = Verdict::Again("nothing was sent".to_owned());
        let mut verdicts: Vec<Option<Verdict>> = vec![None; notice.events.len()];
        for outgoing in outgoing(&context, notice) {
            let (events, reply, wait, is_final) = match outgoing {
                Outgoing::Lines(lines) => {
                    let events = (0..notice.events.len()).collect();
                    let added =
                        tokio::task::spawn_blocking(move || lines::add(Path::new(&lines.path), &lines.lines))
                            .await;
                    let added = added.unwrap_or_else(|error| Err(error.to_string()));
                    let verdict = added.map_or_else(Verdict::Again, |()| Verdict::Delivered);
                    (events, Reply::All(verdict), None, true)
                }
                Outgoing::Post(post) => self.post(post, now).await,
            };
            let failed = matches!(&reply, Reply::All(Verdict::Again(_)));
            join(&mut verdicts, &events, reply);
            if failed {
                // The rest would meet the same; what was told already stays told.
                let rest =
                    verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|| nothing.clone())).collect();
                return Tried { verdicts: rest, wait, is_final };
            }
        }
        let verdicts =
            verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|| nothing.clone())).collect();
        Tried { verdicts, wait: None, is_final: false }
    }

    async fn post(&self, post: Post, now: DateTime<Utc>) -> (Vec<usize>, Reply, Option<Duration>, bool) {
        let (reply, wait, is_final) = match self.http.post(&post, now).await {
            Sent::Answer { status, body, retry_after } => {
                let reply = (post.read)(&Answer { status, body: &body });
                // A redirect leads there the next time, too; keys and addresses are put right by people.
                (reply, retry_after, matches!(status, 300..=399 | 401 | 403..=405 | 407 | 410))
            }
            Sent::Failed(why) => (Reply::All(Verdict::Again(why)), None, false),
            Sent::Refused(why) => (Reply::All(Verdict::Again(why)), None, true),
        };
        (post.events, reply, wait, is_final)
    }
}

/// Waits, unless a stop is asked for; whether it was not.
async fn paused(pause: Duration, stop: &AtomicBool) -> bool {
    let until = Instant::now() + pause;
    while Instant::now() < until && !stop.load(Ordering::SeqCst) {
        sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(100))).await;
    }
    !stop.load(Ordering::SeqCst)
}

/// Adds what a request's answer says of its events: one that any request could not deliver is not delivered.
fn join(verdicts: &mut [Option<Verdict>], events: &[usize], reply: Reply) {
    let mut each = match reply {
        Reply::All(verdict) => vec![verdict; events.len()],
        Reply::Each(each) => each,
    }
    .into_iter();
    for place in events {
        let verdict = each.next().unwrap_or_else(|| Verdict::Again("the answer does not say".to_owned()));
        let Some(known) = verdicts.get_mut(*place) else { continue };
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Delivered => 0,
            Verdict::Again(_) => 1,
            Verdict::Rejected(_) => 2,
        };
        if known.as_ref().is_none_or(|known| rank(&verdict) > rank(known)) {
            *known = Some(verdict);
        }
    }
}

/// A pause that differs from message to message, so that those who failed together do not come back together: between half
/// and all of a time that doubles.
fn pause(notice: &Notice, attempt: u32) -> Duration {
    let most = (FIRST_PAUSE * 2_u32.pow(attempt - 1)).min(LONGEST_PAUSE);
    let digest = Sha256::digest(format!("{} {attempt}", notice.key));
    most.mul_f64(0.5 + f64::from(digest[0]) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_delivered_when_all_its_requests_are() {
        let again = || Verdict::Again("x".to_owned());
        let rejected = || Verdict::Rejected("x".to_owned());
        let mut verdicts = vec![None; 4];
        join(&mut verdicts, &[0, 1, 2], Reply::All(Verdict::Delivered));
        join(&mut verdicts, &[1, 2], Reply::Each(vec![again(), rejected()]));
        join(&mut verdicts, &[2, 9], Reply::All(Verdict::Delivered));
        assert_eq!(verdicts, [Some(Verdict::Delivered), Some(again()), Some(rejected()), None]);
        let mut short = vec![None; 2];
        join(&mut short, &[0, 1], Reply::Each(vec![Verdict::Delivered]));
        assert!(matches!(&short[..], [Some(Verdict::Delivered), Some(Verdict::Again(_))]));
    }
}
