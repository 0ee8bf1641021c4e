//! Messages to one feed -> what became of each event, in bounded time, whatever the receiver does.
use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
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
/// Time for all messages to a feed in a run, however well it goes.
pub(super) const WHOLE: Duration = Duration::from_mins(10);
/// The longest that a server can keep later runs away.
const LONGEST_REST: TimeDelta = TimeDelta::hours(1);
/// For so long a request that is under way when a stop is asked for may still be answered.
const GRACE: Duration = Duration::from_secs(2);
/// Requests that were made so long ago are made anew before they are sent: they say when they were sent.
const FRESH: Duration = Duration::from_secs(30);
/// Why something was left to the next run.
pub(super) const STOPPED: &str = "a stop was asked for";
/// The same.
const NO_TIME: &str = "there was no time left";
/// The same.
const UNNOTED: &str = "what becomes of it cannot be noted";

/// The time of day while messages are sent: what was known once, and what has passed since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    base: DateTime<Utc>,
    begun: Instant,
}

impl Clock {
    /// One that shows `now`, and goes on from there.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { base: now, begun: Instant::now() }
    }

    /// What it shows.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.base + TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default()
    }
}

/// What all messages to a feed have in common in a run.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    clock: Clock,
    /// When the rest is left to the next run.
    until: Instant,
    notes: &'a UnboundedSender<Note>,
    stop: &'a AtomicBool,
}

impl Run<'_> {
    /// Why nothing more is to be sent, if so.
    fn over(&self) -> Option<&'static str> {
        if self.stop.load(Ordering::SeqCst) {
            Some(STOPPED)
        } else if self.notes.is_closed() {
            // The ledger could not be written, which is reported there. What was sent now would be sent again.
            Some(UNNOTED)
        } else {
            (Instant::now() >= self.until).then_some(NO_TIME)
        }
    }
}

/// Whether it is the receiver's own doing that it took nothing.
pub(super) fn is_failure(problem: &str) -> bool {
    ![STOPPED, UNNOTED].contains(&problem)
}

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
    /// Time for all messages to it in a run; a request that is under way then may still be answered.
    pub(super) time: Duration,
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
            FeedKind::EventBridge(settings) => settings.region(),
            _ => None,
        };
        let region = own.unwrap_or_else(|| self.http.region());
        Context { feed: &self.feed, secrets: &self.secrets, region, now }
    }

    /// Sends all messages, the oldest first, and says of each event at once what became of it. What is newer of an incident waits
    /// where something older of it did not arrive: nobody should hear of an end before the beginning. Gives what went wrong last.
    pub(super) async fn tell(
        &self,
        messages: impl Iterator<Item = (Message, Notice)> + Send,
        clock: Clock,
        notes: &UnboundedSender<Note>,
        stop: &AtomicBool,
    ) -> Option<String> {
        let run = Run { clock, until: Instant::now() + self.time, notes, stop };
        let (mut lost, mut failures, mut problem) = (Duration::ZERO, 0, None);
        let mut waiting = BTreeSet::new();
        for (message, notice) in messages {
            if run.over().is_some() || failures >= FAILURES || lost >= LOST {
                break;
            }
            if waiting.contains(&message.incident) {
                continue;
            }
            let started = Instant::now();
            let (why, rest) = self.send(notice, LOST.saturating_sub(lost), run).await;
            if let Some(rest) = rest
                && notes.send(Note::Rest(self.feed.name.to_string(), clock.now() + rest)).is_err()
            {
                return why.or(problem);
            }
            if let Some(why) = why {
                lost += started.elapsed();
                failures += 1;
                waiting.insert(message.incident);
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
        let (notes, mut noted) = unbounded_channel();
        let run = Run { clock: Clock::new(now), until: Instant::now() + self.time, notes: &notes, stop };
        let (why, _) = self.send(notice, LOST, run).await;
        drop(notes);
        while let Some(note) = noted.recv().await {
            let Note::Events(_, outcomes) = note else { continue };
            for (_, outcome) in outcomes {
                if let Outcome::Rejected(why) = outcome {
                    return Err(why);
                }
            }
        }
        why.map_or(Ok(()), Err)
    }

    /// Sends one message, with as many tries as it takes and `time` allows: what went wrong with what is not decided, and for
    /// how long the server wants to be left alone.
    async fn send(
        &self,
        mut notice: Notice,
        time: Duration,
        run: Run<'_>,
    ) -> (Option<String>, Option<TimeDelta>) {
        let (begun, mut why, mut asked) = (Instant::now(), None, None);
        for attempt in 1..=TRIES {
            step("send a message");
            let Tried { verdicts, wait, is_final } = self.once(&notice, run).await;
            (why, asked) = (None, wait);
            let events = std::mem::take(&mut notice.events);
            for (event, verdict) in events.into_iter().zip(verdicts) {
                if let Verdict::Again(reason) = verdict {
                    why = Some(reason);
                    notice.events.push(event);
                }
            }
            if notice.events.is_empty() || is_final || attempt == TRIES {
                break;
            }
            let pause = wait.unwrap_or_else(|| pause(&notice, attempt));
            let is_too_long = pause > LONGEST_PAUSE
                || begun.elapsed() + pause >= time
                || Instant::now() + pause >= run.until;
            if is_too_long || !paused(pause, run.stop).await {
                break;
            }
        }
        // What is not waited for here is kept to by the next message, and by later runs.
        let asked = asked.filter(|asked| why.is_some() && !asked.is_zero());
        let rest = asked.map(|asked| TimeDelta::from_std(asked).unwrap_or(LONGEST_REST).min(LONGEST_REST));
        (why, rest)
    }

    /// Sends what is left of a message once, and notes what is decided after each request.
    async fn once(&self, notice: &Notice, run: Run<'_>) -> Tried {
        let mut verdicts: Vec<Option<Verdict>> = vec![None; notice.events.len()];
        let make = || (Instant::now(), outgoing(&self.context(run.clock.now()), notice));
        let (mut made, mut requests) = make();
        let last = last_requests(&requests, notice.events.len());
        for place in 0..requests.len() {
            if let Some(why) = run.over() {
                return Tried::of(verdicts, why, None, true);
            }
            if made.elapsed() >= FRESH {
                (made, requests) = make();
            }
            let Some(request) = requests.get(place) else { break };
            let Some((events, reply, wait, is_final)) =
                unless_stopped(self.one(request, notice.events.len(), run.clock), run.stop).await
            else {
                // It may have arrived. Its key is the same when it is sent again.
                return Tried::of(verdicts, STOPPED, None, true);
            };
            let failure = match &reply {
                Reply::All(Verdict::Again(why)) => Some(why.clone()),
                Reply::All(_) | Reply::Each(_) => None,
            };
            join(&mut verdicts, &events, reply);
            let is_decided = |event: &usize| last.get(*event) == Some(&place);
            if !self.noted(notice, events.into_iter().filter(is_decided), &verdicts, run.notes) {
                return Tried::of(verdicts, UNNOTED, None, true);
            }
            if let Some(why) = failure {
                // The rest would meet the same; what was told already stays told.
                return Tried::of(verdicts, &why, wait, is_final);
            }
        }
        Tried::of(verdicts, "no request tells of it", None, false)
    }

    /// Notes of these events what is decided; whether anybody listens.
    fn noted(
        &self,
        notice: &Notice,
        events: impl Iterator<Item = usize>,
        verdicts: &[Option<Verdict>],
        notes: &UnboundedSender<Note>,
    ) -> bool {
        let outcomes: Vec<(String, Outcome)> = events
            .filter_map(|place| {
                let outcome = match verdicts.get(place)?.clone()? {
                    Verdict::Delivered => Outcome::Delivered,
                    Verdict::Rejected(why) => Outcome::Rejected(why),
                    Verdict::Again(_) => return None,
                };
                Some((notice.events.get(place)?.record.event_id.clone(), outcome))
            })
            .collect();
        step("note what became of a message");
        outcomes.is_empty() || notes.send(Note::Events(self.feed.name.to_string(), outcomes)).is_ok()
    }

    /// Sends one request, or adds lines: the events that it told, what came of them, how long the server wants to be left
    /// alone, and whether another try is of no use.
    async fn one(
        &self,
        request: &Outgoing,
        events: usize,
        clock: Clock,
    ) -> (Vec<usize>, Reply, Option<Duration>, bool) {
        match request {
            Outgoing::Lines(told) => {
                let within = Duration::from_secs(self.feed.timeout.into());
                let added = lines::add(Path::new(&told.path), &told.lines, within).await;
                let verdict = added.map_or_else(Verdict::Again, |()| Verdict::Delivered);
                ((0..events).collect(), Reply::All(verdict), None, true)
            }
            Outgoing::Post(post) => self.post(post, clock).await,
        }
    }

    async fn post(&self, post: &Post, clock: Clock) -> (Vec<usize>, Reply, Option<Duration>, bool) {
        let (reply, wait, is_final) = match self.http.post(post, clock).await {
            Sent::Answer { status, body, retry_after } => {
                let reply = post.read.reply(&Answer { status, body: &body });
                // A redirect leads there the next time, too; keys and addresses are put right by people.
                (reply, retry_after, matches!(status, 300..=399 | 401 | 403..=405 | 407 | 410))
            }
            Sent::Failed(why) => (Reply::All(Verdict::Again(why)), None, false),
            Sent::Refused(why) => (Reply::All(Verdict::Again(why)), None, true),
        };
        (post.events.clone(), reply, wait, is_final)
    }
}

impl Tried {
    /// What was not come to is tried again, for this reason.
    fn of(verdicts: Vec<Option<Verdict>>, why: &str, wait: Option<Duration>, is_final: bool) -> Self {
        let again = || Verdict::Again(why.to_owned());
        let verdicts = verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(again)).collect();
        Self { verdicts, wait, is_final }
    }
}

/// Of each of so many events the place of the last request that tells it: then it is decided.
fn last_requests(requests: &[Outgoing], events: usize) -> Vec<usize> {
    let mut last = vec![requests.len().saturating_sub(1); events];
    for (place, request) in requests.iter().enumerate() {
        if let Outgoing::Post(post) = request {
            for event in &post.events {
                if let Some(last) = last.get_mut(*event) {
                    *last = place;
                }
            }
        }
    }
    last
}

/// What comes of `work`; `None` where a stop is asked for and it takes longer than a moment from then on.
async fn unless_stopped<T>(work: impl Future<Output = T>, stop: &AtomicBool) -> Option<T> {
    let stopped = async {
        while !stop.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = stopped => None,
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
mod tests;
