//! A notice -> a signed JSON document for whatever listens. Pure.
use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use uuid::Uuid;

use super::Context;
use super::text::record;
use crate::alert::notice::{Notice, Purpose, key};
use crate::alert::outgoing::{Outgoing, Post, Reading, Value};
use crate::alert::secret::Secret;
use crate::config::Webhook;
use crate::explanation::Explanation;
use crate::finding::Event;
use crate::time::Minute;
use crate::words::hex;

/// Version of the document; a change that a reader has to know of makes the next.
const VERSION: &str = "1";
/// Events in a document: some hundred kilobytes, less than receivers refuse.
const MOST_EVENTS: usize = 50;

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    key: String,
    test: bool,
    incident: &'a str,
    status: &'static str,
    severity: &'static str,
    text: &'a str,
    principal: Option<&'a str>,
    from: String,
    until: Option<String>,
    insights: usize,
    held_back: u64,
    events: Vec<Told<'a>>,
}

/// One event of it.
#[derive(Serialize)]
struct Told<'a> {
    severity: &'static str,
    record: &'a RawValue,
    explanation: Option<&'a Explanation>,
}

pub(super) fn outgoing(settings: &Webhook, context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    let places: BTreeMap<&str, usize> =
        notice.planned.iter().enumerate().map(|(place, id)| (&**id, place)).collect();
    let mut parts = BTreeMap::<usize, Vec<usize>>::new();
    for (index, event) in notice.events.iter().enumerate() {
        let place = places.get(&*event.record.event_id).copied().unwrap_or_default();
        parts.entry(place / MOST_EVENTS).or_default().push(index);
    }
    parts
        .into_iter()
        .map(|(part, events)| post(settings, context, notice, (part_key(notice, part), events)))
        .collect()
}

/// Key of a document: of what was planned for it, not of what is left. So it keeps its key when a later run sends it without
/// some of its events.
fn part_key(notice: &Notice, part: usize) -> Uuid {
    if notice.planned.len() <= MOST_EVENTS {
        return notice.key;
    }
    let planned = notice.planned.iter().skip(part * MOST_EVENTS).take(MOST_EVENTS);
    key(&notice.feed, &planned.map(String::as_str).collect::<Vec<_>>())
}

/// One document with its key, and the places of its events.
fn post(
    settings: &Webhook,
    context: &Context<'_>,
    notice: &Notice,
    (key, events): (Uuid, Vec<usize>),
) -> Outgoing {
    let key = key.to_string();
    let document = Document {
        version: VERSION,
        key: key.clone(),
        test: notice.purpose == Purpose::Test,
        incident: &notice.incident,
        status: notice.status.name(),
        severity: notice.severity.name(),
        text: &notice.sentence,
        principal: notice.principal.as_deref(),
        from: notice.from.to_string(),
        until: notice.until.as_ref().map(Minute::to_string),
        insights: notice.members.len(),
        held_back: notice.held_back,
        events: events.iter().map(|index| told(&notice.events[*index])).collect(),
    };
    let body = serde_json::to_vec(&document).expect("texts and numbers can be written as JSON");
    let timestamp = context.now.timestamp().to_string();
    let mut headers = vec![
        ("content-type", Value::Plain("application/json".to_owned())),
        ("idempotency-key", Value::Plain(key)),
        ("x-trailpulse-timestamp", Value::Plain(timestamp.clone())),
    ];
    if let Some(secret) = &settings.secret {
        let signature = signature(context.secrets.get(secret), &timestamp, &body);
        headers.push(("x-trailpulse-signature", Value::Plain(format!("sha256={signature}"))));
    }
    if let Some(token) = &settings.token {
        headers.push(context.bearer(token));
    }
    Outgoing::Post(Post {
        url: context.address(&settings.url),
        headers,
        body,
        signing: None,
        events,
        read: Reading::Status,
    })
}

fn told(event: &Event) -> Told<'_> {
    Told { severity: event.severity().name(), record: record(event), explanation: event.explanation.as_ref() }
}

/// HMAC-SHA256 of the timestamp, a dot and the body, hexadecimal: an old message cannot be sent again as a new one.
fn signature(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("a key of any length will do");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex(&mac.finalize().into_bytes())
}
