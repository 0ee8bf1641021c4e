//! A notice -> a signed JSON document for whatever listens. Pure.
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::Sha256;

use super::Context;
use crate::alert::notice::{Notice, Purpose};
use crate::alert::outgoing::{Outgoing, Post, Value, by_status};
use crate::alert::secret::Secret;
use crate::config::Webhook;
use crate::explanation::Explanation;
use crate::words::hex;

/// Version of the document; a change that a reader has to know of makes the next.
const VERSION: u32 = 1;

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    key: String,
    test: bool,
    incident: &'a str,
    status: &'static str,
    severity: &'static str,
    text: &'a str,
    principal: Option<&'a str>,
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
    let document = Document {
        version: VERSION,
        key: notice.key.to_string(),
        test: notice.purpose == Purpose::Test,
        incident: &notice.incident,
        status: notice.status.name(),
        severity: notice.severity.name(),
        text: &notice.sentence,
        principal: notice.principal.as_deref(),
        held_back: notice.held_back,
        events: notice
            .events
            .iter()
            .map(|event| Told {
                severity: event.severity().name(),
                record: serde_json::from_str(&event.json).expect("a record is JSON"),
                explanation: event.explanation.as_ref(),
            })
            .collect(),
    };
    let body = serde_json::to_vec(&document).expect("texts and numbers can be written as JSON");
    let timestamp = context.now.timestamp().to_string();
    let mut headers = vec![
        ("content-type", Value::Plain("application/json".to_owned())),
        ("idempotency-key", Value::Plain(notice.key.to_string())),
        ("x-trailpulse-timestamp", Value::Plain(timestamp.clone())),
    ];
    if let Some(secret) = &settings.secret {
        let signature = signature(context.secrets.get(secret), &timestamp, &body);
        headers.push(("x-trailpulse-signature", Value::Plain(format!("sha256={signature}"))));
    }
    if let Some(token) = &settings.token {
        let bearer = format!("Bearer {}", context.secrets.get(token).reveal());
        headers.push(("authorization", Value::Secret(Secret::new(bearer))));
    }
    vec![Outgoing::Post(Post {
        url: context.address(&settings.url),
        headers,
        body,
        signing: None,
        events: (0..notice.events.len()).collect(),
        read: by_status,
    })]
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
