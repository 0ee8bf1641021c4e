//! A state whose ledger has something pending -> requests to all feeds at once, and the ledger with what became of them.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinSet, spawn_blocking};

use super::deliver::{Clock, Note, Receiver, is_failure};
use super::feed::outgoing;
use super::ledger::{Ledger, Message, NO_SUCH_FEED, Outcome};
use super::notice::Notice;
use super::outgoing::Outgoing;
use super::plan::Planned;
use super::{AlertError, Alerts, ledger_of};
use crate::config::Feed;
use crate::state::State;
use crate::summary::FeedTold;

/// What of it is sent.
#[derive(Debug, Clone)]
pub enum Only {
    /// All that is pending.
    All,
    /// Messages with any of these events; the rest stays pending, and nobody speaks of it.
    These(Arc<BTreeSet<String>>),
}

impl Only {
    fn has(&self, event: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(events) => events.contains(event),
        }
    }

    /// Whether a message is one of those.
    pub(super) fn wants(&self, message: &Message) -> bool {
        message.events.iter().any(|event| self.has(event))
    }
}

impl Receiver {
    /// Whether what the feed sends for a notice can be sent: its addresses, and that it sends anything at all.
    pub(super) fn check(&self, notice: &Notice) -> Result<(), String> {
        for outgoing in outgoing(&self.context(DateTime::UNIX_EPOCH), notice) {
            match outgoing {
                Outgoing::Post(post) => drop(self.http.check(post.url.reveal())?),
                Outgoing::Lines(_) => {}
            }
        }
        Ok(())
    }
}

impl Alerts {
    /// Sends what is pending, to all feeds at once; none waits for another. The ledger is written as answers come in. Gives
    /// the state back with what became of everything, by feed. Once `stop` is set, what is left is left to the next run.
    ///
    /// # Errors
    /// When the ledger cannot be read or written: then what was sent may be sent again, with the same keys.
    pub async fn send(
        &self,
        state: State,
        (now, only): (DateTime<Utc>, &Only),
        planned: &Planned,
        stop: &Arc<AtomicBool>,
    ) -> Result<(State, BTreeMap<String, FeedTold>), AlertError> {
        let mut ledger = ledger_of(&state)?;
        ledger.forget_future(now);
        let mut told = match only {
            Only::All => self.orphans(&ledger, planned),
            // Who asked for some of what waits has not asked for this.
            Only::These(_) => BTreeMap::new(),
        };
        let mut called = Vec::new();
        for receiver in &self.receivers {
            let name = receiver.feed.name.to_string();
            let of_feed = told.entry(name.clone()).or_default();
            if let Some(planned) = planned.get(&name) {
                (of_feed.held_back, of_feed.muted) = (planned.held_back, planned.muted);
                of_feed.old = planned.old;
            }
            match ledger.resting(&name).filter(|until| *until > now) {
                Some(until) if ledger.has_pending(&receiver.feed) => {
                    of_feed.until = Some(until);
                    of_feed.problem = Some(match ledger.failed_runs(&name) {
                        0 | 1 => "asked to be left alone".to_owned(),
                        failed => format!("failed in {failed} runs, and is left alone"),
                    });
                }
                Some(_) | None => called.push(receiver.clone()),
            }
        }
        let feeds = self.feeds();
        let (problems, kept) = self.tell_all(called, (state, ledger), (now, only), stop).await;
        let mut kept = kept?;
        kept.remember(&problems, now);
        for (name, problem) in problems {
            told.entry(name).or_default().problem = Some(problem);
        }
        finish(kept, feeds, told, (now, only)).await
    }

    /// What waits, or has waited for too long, for feeds that the configuration does not have.
    fn orphans(&self, ledger: &Ledger, planned: &Planned) -> BTreeMap<String, FeedTold> {
        let mut told = BTreeMap::<String, FeedTold>::new();
        for (feed, pending) in ledger.orphans(&self.feeds()) {
            told.entry(feed).or_default().pending = pending;
        }
        for (feed, withheld) in planned.iter().filter(|(_, withheld)| withheld.given_up > 0) {
            told.entry(feed.clone()).or_default().given_up = withheld.given_up;
        }
        for told in told.values_mut() {
            told.problem = Some(NO_SUCH_FEED.to_owned());
        }
        told
    }

    /// What went wrong last, by feed; and what is known afterwards.
    async fn tell_all(
        &self,
        called: Vec<Receiver>,
        (state, ledger): (State, Ledger),
        (now, only): (DateTime<Utc>, &Only),
        stop: &Arc<AtomicBool>,
    ) -> (BTreeMap<String, String>, Result<Kept, AlertError>) {
        let (notes, noted) = unbounded_channel();
        let planned = Arc::new(ledger.clone());
        let clock = Clock::new(now);
        let keeper = spawn_blocking(move || keep(state, ledger, noted));
        let mut telling = JoinSet::new();
        for receiver in called {
            let only = only.clone();
            let (planned, notes, stop) = (Arc::clone(&planned), notes.clone(), Arc::clone(stop));
            telling.spawn(async move {
                let messages = planned.pending(&receiver.feed).filter(|(message, _)| only.wants(message));
                let problem = receiver.tell(messages, clock, &notes, &stop).await;
                problem.map(|problem| (receiver.feed.name.to_string(), problem))
            });
        }
        drop(notes);
        let mut problems = BTreeMap::new();
        while let Some(done) = telling.join_next().await {
            // A feed that panics must not take the others with it; what it had is still pending.
            match done {
                Ok(problem) => problems.extend(problem),
                Err(error) => tracing::error!(%error, "Telling a feed failed, which is a bug."),
            }
        }
        let kept = keeper.await.map_err(|error| AlertError::Broken(error.to_string()));
        (problems, kept.and_then(|kept| kept))
    }
}

/// What is known when nobody is told any more.
struct Kept {
    state: State,
    ledger: Ledger,
    /// What became of events in this run, by feed.
    outcomes: Vec<(String, Outcome)>,
    /// Whether the ledger differs from what is written.
    is_changed: bool,
}

impl Kept {
    /// Remembers of each feed whether it took anything, by what went wrong.
    fn remember(&mut self, problems: &BTreeMap<String, String>, now: DateTime<Utc>) {
        let took: BTreeSet<&String> = self
            .outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Delivered | Outcome::Rejected(_)))
            .map(|(feed, _)| feed)
            .collect();
        for feed in &took {
            self.is_changed |= self.ledger.failed_runs(feed) > 0;
            self.ledger.recover(feed);
        }
        let failed = |(feed, problem): &(&String, &String)| !took.contains(feed) && is_failure(problem);
        for (feed, _) in problems.iter().filter(failed) {
            self.is_changed = true;
            self.ledger.fail(feed, now);
        }
    }
}

/// Writes every note into the ledger; those that come while it is written are written together.
fn keep(
    mut state: State,
    mut ledger: Ledger,
    mut noted: UnboundedReceiver<Note>,
) -> Result<Kept, AlertError> {
    let mut outcomes = Vec::new();
    while let Some(first) = noted.blocking_recv() {
        let mut next = Some(first);
        while let Some(note) = next {
            match note {
                Note::Events(feed, events) => {
                    for (event, outcome) in events {
                        outcomes.push((feed.clone(), outcome.clone()));
                        ledger.note(&feed, &event, outcome);
                    }
                }
                Note::Rest(feed, until) => ledger.rest(&feed, Some(until)),
            }
            next = noted.try_recv().ok();
        }
        state.save_ledger(&ledger.to_bytes())?;
    }
    Ok(Kept { state, ledger, outcomes, is_changed: false })
}

/// Gives up what has been pending for too long, and counts.
async fn finish(
    kept: Kept,
    feeds: Vec<Feed>,
    mut told: BTreeMap<String, FeedTold>,
    (now, only): (DateTime<Utc>, &Only),
) -> Result<(State, BTreeMap<String, FeedTold>), AlertError> {
    let Kept { mut state, mut ledger, outcomes, is_changed } = kept;
    for (feed, outcome) in outcomes {
        let of_feed = told.entry(feed).or_default();
        match outcome {
            Outcome::Delivered => of_feed.delivered += 1,
            Outcome::Rejected(why) => {
                of_feed.rejected += 1;
                of_feed.problem = Some(why);
            }
            Outcome::Pending | Outcome::GivenUp(_) | Outcome::HeldBack | Outcome::Untold(_) => {}
        }
    }
    let before = ledger.clone();
    for feed in &feeds {
        let of_feed = told.entry(feed.name.to_string()).or_default();
        let why = of_feed.problem.clone().unwrap_or_else(|| "not tried".to_owned());
        if matches!(only, Only::All) {
            of_feed.given_up = ledger.give_up(feed, now, &why);
        }
        let outcomes = ledger.outcomes(&feed.name).into_iter();
        let pending = outcomes.filter(|(id, outcome)| **outcome == Outcome::Pending && only.has(id));
        of_feed.pending = pending.count() as u64;
    }
    if ledger == before && !is_changed {
        return Ok((state, told));
    }
    let saved = spawn_blocking(move || state.save_ledger(&ledger.to_bytes()).map(|()| state)).await;
    let state = saved.map_err(|error| AlertError::Broken(error.to_string()))??;
    Ok((state, told))
}

#[cfg(test)]
mod tests {
    use super::super::deliver::STOPPED;
    use super::*;
    use crate::config::S3;
    use crate::s3::Buckets;

    #[test]
    fn a_stop_is_no_failure_of_the_receiver() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(&folder.path().join("state"), &Buckets::new(S3::default())).expect("a state");
        let mut kept = Kept { state, ledger: Ledger::default(), outcomes: Vec::new(), is_changed: false };
        let mut after = |problem: &str| {
            kept.remember(&BTreeMap::from([("f".to_owned(), problem.to_owned())]), DateTime::UNIX_EPOCH);
            (kept.ledger.failed_runs("f"), kept.is_changed)
        };
        assert_eq!(after(STOPPED), (0, false));
        assert_eq!(after(STOPPED), (0, false));
        assert_eq!(after("status 503"), (1, true));
    }
}
