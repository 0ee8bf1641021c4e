//! A notice -> events of `PagerDuty`'s Events API v2: a Start triggers, its End resolves. Pure.
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::Context;
use super::insight::{Becomes, Told, insights};
use super::text::{cut, record, within};
use crate::alert::notice::{Notice, Purpose, key};
use crate::alert::outgoing::{Answer, Outgoing, Post, Reading, Reply, Value, Verdict, by_status};
use crate::alert::secret::Secret;
use crate::config::PagerDuty;
use crate::severity::Severity;
use crate::words::figure;

/// Where accounts of the United States are served; those of the European Union have an address of their own.
const URL: &str = "https://events.pagerduty.com/v2/enqueue";
/// Characters of a routing key: letters and digits.
const KEY_LENGTH: usize = 32;
/// Limits of the API: characters of a summary, of a deduplication key, and bytes in all.
const LONGEST_SUMMARY: usize = 1024;
const LONGEST_KEY: usize = 255;
const MOST_BYTES: usize = 512 * 1000;
/// Longest text of the fields that have no limit of their own.
const LONGEST_FIELD: usize = 1024;

pub(super) fn outgoing(settings: &PagerDuty, context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    let url = settings.url.as_deref().unwrap_or(URL);
    let routing_key = context.secrets.get(&settings.routing_key);
    let post = |told: Told<'_>| {
        let action = match told.becomes(notice) {
            Becomes::Open => "trigger",
            Becomes::Closed => "resolve",
        };
        let mut event = json!({
            "routing_key": routing_key.reveal(),
            "event_action": action,
            "dedup_key": dedup_key(notice, &told),
        });
        if action == "trigger" {
            event["payload"] = payload(notice, &told);
            event["client"] = json!("trailpulse");
        }
        Outgoing::Post(Post {
            url: Secret::new(url),
            headers: vec![("content-type", Value::Plain("application/json".to_owned()))],
            body: within(&event.to_string(), MOST_BYTES).into_owned().into_bytes(),
            signing: None,
            events: told.events(),
            read: Reading::Whole(read),
        })
    };
    insights(notice).into_iter().map(post).collect()
}

/// What is wrong with a routing key, as far as it tells: the API refuses it as it refuses a message that is wrong.
pub(super) fn check_key(key: &Secret) -> Result<(), String> {
    let key = key.reveal();
    let is_sound = key.len() == KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_sound { Ok(()) } else { Err(format!("its routing key is not {KEY_LENGTH} letters and digits")) }
}

/// The API answers 400 to a wrong key, too: people put that right, and what it could not take until then is still to be told.
/// Only one that says what else is wrong blames the message.
fn read(answer: &Answer<'_>) -> Reply {
    #[derive(Deserialize)]
    struct Refusal {
        errors: Vec<String>,
    }
    if answer.status != 400 {
        return by_status(answer);
    }
    let blames_key = |error: &String| error.to_lowercase().replace('_', " ").contains("routing key");
    Reply::All(match serde_json::from_slice::<Refusal>(answer.body) {
        Ok(Refusal { errors }) if errors.iter().any(blames_key) => {
            Verdict::Again("status 400: the routing key is wrong".to_owned())
        }
        Ok(Refusal { errors }) if !errors.is_empty() => Verdict::Rejected("status 400".to_owned()),
        Ok(_) | Err(_) => Verdict::Again("status 400, without saying what is wrong".to_owned()),
    })
}

/// The shared id, which no other insight has; the digest of one that is too long.
fn dedup_key(notice: &Notice, told: &Told<'_>) -> String {
    match told.finding.shared_id() {
        id if id.encode_utf16().count() <= LONGEST_KEY => id.to_owned(),
        id => key(&notice.feed, &[id]).to_string(),
    }
}

fn payload(notice: &Notice, told: &Told<'_>) -> Json {
    let series = told.finding.series();
    let latest = told.finding.latest();
    let test = if notice.purpose == Purpose::Test { "TEST: " } else { "" };
    let place = format!("{}/{}", series.api.account, series.api.region);
    json!({
        "summary": cut(&format!("{test}{}", told.sentence()), LONGEST_SUMMARY),
        "source": cut(&place, LONGEST_FIELD),
        "severity": severity(latest.severity()),
        "timestamp": told.finding.from().to_string(),
        "component": cut(&series.api.event_source, LONGEST_FIELD),
        "group": cut(&series.api.account, LONGEST_FIELD),
        "class": series.kind.insight_type(),
        "custom_details": details(notice, told),
    })
}

fn details(notice: &Notice, told: &Told<'_>) -> Json {
    let latest = told.finding.latest();
    let statistics = &latest.record.insight_details.insight_context.statistics;
    let mut details = Map::new();
    let mut add = |name: &str, value: Json| details.insert(name.to_owned(), value);
    add("severity", json!(latest.severity().name()));
    add("why", json!(cut(&told.why(), LONGEST_FIELD * 4)));
    add("window", json!(told.window()));
    add("calls_per_minute", json!(figure(statistics.now().unwrap_or_default())));
    add("usual_calls_per_minute", json!(figure(statistics.usual().unwrap_or_default())));
    add("incident", json!(notice.incident));
    if notice.members.len() > 1 {
        add("incident_sentence", json!(cut(&notice.sentence, LONGEST_FIELD)));
        add("insights_of_incident", json!(notice.members.len()));
    }
    if let Some(principal) = latest.principal() {
        add("principal", json!(cut(principal, LONGEST_FIELD)));
    }
    if notice.held_back > 0 {
        add("held_back", json!(notice.held_back));
    }
    if notice.purpose == Purpose::Test {
        add("test", json!(true));
    }
    add("record", json!(record(latest)));
    Json::Object(details)
}

/// `PagerDuty`'s word for it.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "info",
        Severity::Medium => "warning",
        Severity::High => "error",
        Severity::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_no_fault_of_the_message() {
        for (status, body, want) in [
            (202, r#"{"status":"success"}"#, "Delivered"),
            (
                400,
                r#"{"errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#,
                "Again",
            ),
            (400, r#"{"status":"invalid event","errors":["Invalid routing key"]}"#, "Again"),
            (400, r#"{"errors":["'payload.summary' is missing","Invalid routing key"]}"#, "Again"),
            (400, r#"{"errors":["'payload.summary' is missing or blank"]}"#, "Rejected"),
            (400, r#"{"errors":[]}"#, "Again"),
            (400, "<html>", "Again"),
            (413, "", "Rejected"),
            (429, "", "Again"),
            (500, "", "Again"),
        ] {
            let Reply::All(verdict) = read(&Answer { status, body: body.as_bytes() }) else { panic!("all") };
            assert!(format!("{verdict:?}").starts_with(want), "{status} {body}: {verdict:?}");
        }
    }

    #[test]
    fn keys_are_32_letters_and_digits() {
        for (key, is_sound) in [
            ("R0123456789abcdef0123456789ABCDE", true),
            ("short", false),
            ("R0123456789abcdef0123456789ABCDEF", false),
            ("R0123456789abcdef-123456789ABCDE", false),
        ] {
            let checked = check_key(&Secret::new(key));
            assert_eq!(checked.is_ok(), is_sound, "{key}");
            assert!(!checked.is_err_and(|why| why.contains(key)), "a secret");
        }
    }
}
