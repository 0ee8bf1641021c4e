//! Insights that were published before -> what the feeds would be told of them, or are told now.
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;

use super::feed::outgoing;
use super::ledger::{Found, Ledger, Outcome};
use super::outgoing::{Outgoing, Value};
use super::plan::{Again, Moment, replan};
use super::route::Reason;
use super::send::Only;
use super::{AlertError, Alerts, ledger_of, trial};
use crate::finding::Event;
use crate::mute::mutes_event;
use crate::state::State;
use crate::time::Minute;

/// Something that would be sent, for a person to look at; secrets are not in it.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// To whom.
    pub feed: String,
    /// Idempotency key of the message.
    pub key: String,
    /// How severe it is.
    pub severity: &'static str,
    /// What happened.
    pub text: String,
    /// Scheme and host of a server, or a file.
    pub to: String,
    /// Headers of a request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(&'static str, String)>,
    /// Body of a request, or a line of a file: as JSON where it is.
    pub body: Json,
}

impl Alerts {
    /// Sends a test to one feed. `None` where there is no such feed; else what went wrong, if anything did.
    pub async fn test(
        &self,
        feed: &str,
        now: DateTime<Utc>,
        stop: &AtomicBool,
    ) -> Option<Result<(), String>> {
        let receiver = self.receivers.iter().find(|receiver| &*receiver.feed.name == feed)?;
        let outcomes = receiver.try_once(trial::notice(feed, now), now, stop).await;
        Some(outcomes)
    }

    /// Plans to tell of `found` again: what was not delivered, or all of it. What a run will send anyway stays as it is.
    /// Minutes before `judged_until` are judged.
    pub fn plan_again(
        &self,
        ledger: &mut Ledger,
        found: &[Found],
        (now, judged_until): (DateTime<Utc>, Option<Minute>),
        again: Again,
    ) {
        let moment = Moment { now, since: DateTime::UNIX_EPOCH, judged_until };
        ledger.forget_future(now);
        // It was read from where it is published.
        ledger.note_found_published(found);
        // What nobody has found before was published by a run that may not have had the rules.
        let unknown = found.iter().filter(|found| !ledger.knows(&found.event));
        let muted = unknown.filter(|found| self.mutes.iter().any(|rule| mutes_event(rule, &found.event)));
        let muted: Vec<String> = muted.map(|found| found.event.record.event_id.clone()).collect();
        for receiver in &self.receivers {
            replan(ledger, found.to_vec(), &receiver.feed, moment, again);
            for id in muted.iter().filter(|id| !ledger.closes(&receiver.feed.name, id)).collect::<Vec<_>>() {
                ledger.note(&receiver.feed.name, id, Outcome::Untold(Reason::Muted));
            }
        }
        ledger.mute(&self.mutes, now);
    }

    /// The same, written into the ledger of a state.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn note_again(
        &self,
        state: &mut State,
        found: &[Found],
        now: DateTime<Utc>,
        again: Again,
    ) -> Result<(), AlertError> {
        let before = ledger_of(state)?;
        let mut ledger = before.clone();
        self.plan_again(&mut ledger, found, (now, state.checkpoint().judged_until), again);
        if ledger != before {
            state.save_ledger(&ledger.to_bytes())?;
        }
        Ok(())
    }

    /// All that would be sent of what is pending in `ledger`, as far as `only` wants it.
    #[must_use]
    pub fn preview(&self, ledger: &Ledger, only: &Only, now: DateTime<Utc>) -> Vec<Preview> {
        let mut previews = Vec::new();
        for receiver in &self.receivers {
            let context = receiver.context(now);
            let pending = ledger.pending(&receiver.feed);
            for (_, notice) in pending.filter(|(message, _)| only.wants(message)) {
                let preview = |to: &str, headers, body: &[u8]| {
                    // A key can stand in a body, too.
                    let body = receiver.secrets.hide(&String::from_utf8_lossy(body));
                    Preview {
                        feed: notice.feed.clone(),
                        key: notice.key.to_string(),
                        severity: notice.severity.name(),
                        text: notice.sentence.clone(),
                        to: to.to_owned(),
                        headers,
                        body: serde_json::from_str(&body).unwrap_or(Json::String(body)),
                    }
                };
                for outgoing in outgoing(&context, &notice) {
                    match outgoing {
                        Outgoing::Post(post) => {
                            let url = receiver.http.check(post.url.reveal());
                            let to = url.map_or_else(|why| why, |url| url.origin().ascii_serialization());
                            let headers = post.headers.iter().map(|(name, value)| (*name, shown(value)));
                            previews.push(preview(&to, headers.collect(), &post.body));
                        }
                        Outgoing::Lines(lines) => {
                            previews.extend(
                                lines
                                    .lines
                                    .iter()
                                    .map(|line| preview(&lines.path, Vec::new(), line.as_bytes())),
                            );
                        }
                    }
                }
            }
        }
        previews
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Plain(value) => value.clone(),
        Value::Secret(value) => format!("{value:?}"),
    }
}

/// The events of these lines of `insights.jsonl` that happened from `from` on, before `to`. Lines that are none of ours are
/// passed over.
#[must_use]
pub fn found_in(lines: &[u8], from: Minute, to: Minute) -> Vec<Found> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let found = lines.filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        Some(Found { event: Event::of_line(line.as_bytes()).ok()?, line: line.to_owned() })
    });
    found.filter(|found| (from..to).contains(&found.event.record.event_time)).collect()
}
