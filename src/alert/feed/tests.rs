//! Notices with sound and with hostile texts in, payloads within the rules of those who receive them out.
use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::alert::notice::Purpose;
use crate::alert::outgoing::{Lines, Post, Value};
use crate::config::Config;
use crate::finding::Event;

const TYPES: [&str; 8] =
    ["jsonl", "webhook", "alertmanager", "eventbridge", "sns", "slack", "pagerduty", "ocsf"];
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Texts of one insight, each of which a stranger may have chosen.
#[derive(Debug, Clone)]
struct Texts {
    account: String,
    region: String,
    source: String,
    name: String,
    error: Option<String>,
    who: String,
    agent: String,
    why: String,
}

fn sound() -> Texts {
    Texts {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        source: "ec2.amazonaws.com".into(),
        name: "RunInstances".into(),
        error: None,
        who: "arn:aws:sts::111122223333:assumed-role/ci-deployer/i-0abc".into(),
        agent: "aws-cli/2.15".into(),
        why: "RunInstances was called 1,560 times in 6 min (chance 1 in 10^98); at most 2.1 are expected at this time".into(),
    }
}

/// The id of an insight.
fn shared_id(number: usize) -> String {
    format!("fccb064f-dd07-4822-97c0-{number:012}")
}

fn event_id(number: usize, state: &str) -> String {
    let digit = if state == "Start" { 1 } else { 2 };
    format!("18378b1e-3653-433d-ba1{digit}-{number:012}")
}

fn event(number: usize, state: &str, texts: &Texts) -> Event {
    let Texts { account, region, source, name, error, who, agent, why } = texts;
    let minute = |minute: usize| format!("2026-01-31T12:{:02}:00Z", minute % 60);
    let attributions = json!([
        {"attribute": "userIdentityArn", "insight": [{"value": who, "average": 260.0}], "baseline": []},
        {"attribute": "userAgent", "insight": [{"value": agent, "average": 260.0}], "baseline": []},
    ]);
    let is_end = state == "End";
    let mut details = json!({
        "state": state, "eventSource": source, "eventName": name, "insightType": "ApiCallRateInsight",
        "sourceEventCategory": "Management", "insightContext": {
            "statistics": {"baseline": {"average": 0.4}, "insight": {"average": 260.0}, "insightDuration": 6, "baselineDuration": 10800},
            "attributions": attributions,
        },
    });
    if let Some(error) = error {
        details["insightType"] = json!("ApiErrorRateInsight");
        details["errorCode"] = json!(error);
    }
    let record = json!({
        "eventVersion": "1.09", "eventTime": minute(number + if is_end { 6 } else { 0 }), "awsRegion": region,
        "eventID": event_id(number, state), "eventType": "AwsCloudTrailInsight", "recipientAccountId": account,
        "sharedEventID": shared_id(number), "insightDetails": details, "eventCategory": "Insight",
    });
    let mut explanation = json!({
        "detected_at": minute(number + 5), "direction": "up", "window_minutes": 5, "observed": 1300.0, "expected": 2.1,
        "deviation": 1.5, "bound": 14.0, "log10_probability": -98.0, "largest_before": 9.0, "series_age_days": 28.0,
        "usual_time_of_day": 0.0, "usual_time_of_week": 0.0, "severity": if is_end { "critical" } else { "high" },
        "contributors": [{"attribute": "identity", "value": crate::words::without_session(who), "calls": 1300, "usual": 0.5}],
        "rule": "contextual", "text": why, "model": "default", "model_digest": "0123abcd", "sensitivity": 1.0,
    });
    if is_end {
        explanation["peak"] = json!({"at": minute(number + 5), "window_minutes": 5, "observed": 1300.0, "expected": 2.1, "log10_probability": -98.0});
    }
    let line = json!({"record": record, "explanation": explanation}).to_string();
    Event::of_line(line.as_bytes()).expect("a line of insights.jsonl")
}

/// Both halves of each insight, of which those in `new` are new.
fn notice(of: &[Texts], new: &[(usize, &str)]) -> Notice {
    let known = of.iter().enumerate().flat_map(|(number, texts)| {
        let started = new.contains(&(number, "Start"));
        let ended = new.contains(&(number, "End"));
        let states: &[&str] = if ended {
            &["Start", "End"]
        } else if started {
            &["Start"]
        } else {
            &[]
        };
        states.iter().map(move |state| event(number, state, texts)).collect::<Vec<_>>()
    });
    let ids: Vec<String> = new.iter().map(|(number, state)| event_id(*number, state)).collect();
    Notice::of("feed", "6b1f04f1-6f6e-5b0f-9d8e-0c5f6a1d2b3c", known.collect(), &ids)
        .expect("something is new")
}

fn all_new(of: &[Texts]) -> Notice {
    let new: Vec<(usize, &str)> =
        (0..of.len()).flat_map(|number| [(number, "Start"), (number, "End")]).collect();
    notice(of, &new)
}

fn sent(kind: &str, notice: &Notice) -> Vec<Outgoing> {
    sent_to(kind, "", notice)
}

/// The same, of a feed with more settings.
fn sent_to(kind: &str, more: &str, notice: &Notice) -> Vec<Outgoing> {
    let keys = match kind {
        "jsonl" | "ocsf" => "path = \"out\"",
        "webhook" => "url = \"https://hooks.example/in\"\nsecret_env = \"SECRET\"\ntoken_env = \"TOKEN\"",
        "alertmanager" => {
            "url = \"https://am.example/\"\ngenerator_url = \"https://r.example\"\nlabels = { team = \"cloud\", severity = \"no\" }"
        }
        "eventbridge" => "bus = \"security\"",
        "sns" => "topic = \"arn:aws:sns:eu-central-1:111122223333:insights.fifo\"",
        "slack" => "url_env = \"SECRET\"",
        "pagerduty" => "routing_key_env = \"KEY\"",
        other => panic!("{other}"),
    };
    let text = format!("[[feed]]\nname = \"feed\"\ntype = \"{kind}\"\n{keys}\n{more}\n");
    let feed = Config::load(&text, "test").expect("a configuration").feeds.remove(0);
    let secrets = feed.kind.secrets().into_iter().map(|place| {
        let is_key = format!("{place:?}").contains("KEY");
        (place.clone(), Secret::new(if is_key { ROUTING_KEY } else { "https://hunter2.example" }))
    });
    let secrets = Secrets::of(secrets.collect::<BTreeMap<_, _>>());
    let now = DateTime::from_timestamp(1_770_000_000, 0).expect("a time");
    outgoing(&Context { feed: &feed, secrets: &secrets, region: "eu-west-1", now }, notice)
}

fn posts(kind: &str, notice: &Notice) -> Vec<Post> {
    let of = |outgoing| match outgoing {
        Outgoing::Post(post) => post,
        Outgoing::Lines(lines) => panic!("{lines:?}"),
    };
    sent(kind, notice).into_iter().map(of).collect()
}

fn lines(kind: &str, notice: &Notice) -> Vec<String> {
    match sent(kind, notice).remove(0) {
        Outgoing::Lines(Lines { lines, path }) => {
            assert_eq!(path, "out");
            lines
        }
        Outgoing::Post(post) => panic!("{post:?}"),
    }
}

fn body(post: &Post) -> Json {
    serde_json::from_slice(&post.body).expect("JSON")
}

/// Names and values of a form.
fn fields(post: &Post) -> BTreeMap<String, String> {
    let body = std::str::from_utf8(&post.body).expect("ASCII");
    assert!(body.is_ascii());
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, others @ ..] = rest {
            if let (b'%', [high, low, others @ ..]) = (first, others) {
                let digits = [char::from(*high), char::from(*low)]
                    .map(|digit| digit.to_digit(16).expect("hexadecimal"));
                bytes.push(u8::try_from(digits[0] * 16 + digits[1]).expect("a byte"));
                rest = others;
            } else {
                bytes.push(*first);
                rest = others;
            }
        }
        String::from_utf8(bytes).expect("UTF-8")
    };
    let pairs = body.split('&').map(|pair| pair.split_once('=').expect("a pair"));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn check_all(notice: &Notice) {
    for kind in TYPES {
        check(kind, notice);
    }
}

/// Holds what is sent to the rules of whoever receives it, as they have published them.
fn check(kind: &str, notice: &Notice) {
    let whole: usize = sent(kind, notice)
        .iter()
        .map(|outgoing| match outgoing {
            Outgoing::Post(post) => post.events.len(),
            Outgoing::Lines(lines) => lines.lines.len(),
        })
        .sum();
    assert_eq!(whole, notice.events.len(), "{kind}: every event is told once");
    match kind {
        "jsonl" | "ocsf" => check_lines(kind, notice),
        "webhook" => check_webhook(notice),
        "alertmanager" => check_alertmanager(notice),
        "eventbridge" => check_eventbridge(notice),
        "sns" => check_sns(notice),
        "slack" => check_slack(notice),
        "pagerduty" => check_pagerduty(notice),
        other => panic!("{other}"),
    }
}

fn check_lines(kind: &str, notice: &Notice) {
    for (line, event) in lines(kind, notice).iter().zip(&notice.events) {
        assert!(!line.contains(['\n', '\r']), "{line}");
        let line: Json = serde_json::from_str(line).expect("JSON");
        let (record, id) = match kind {
            "jsonl" => (line["record"].to_string(), &line["record"]["eventID"]),
            _ => (line["raw_data"].as_str().expect("a text").to_owned(), &line["metadata"]["uid"]),
        };
        assert_eq!(*id, event.record.event_id);
        assert_eq!(
            serde_json::from_str::<Json>(&record).expect("JSON"),
            serde_json::from_str::<Json>(&event.json).expect("JSON")
        );
    }
}

fn check_webhook(notice: &Notice) {
    let mut keys = Vec::new();
    let mut told = Vec::new();
    for post in posts("webhook", notice) {
        let document = body(&post);
        assert_eq!(document["version"], "1");
        let header = |name: &str| {
            post.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone())
        };
        assert_eq!(
            header("idempotency-key"),
            document["key"].as_str().map(|key| Value::Plain(key.to_owned()))
        );
        assert_eq!(
            header("authorization"),
            Some(Value::Secret(Secret::new("Bearer https://hunter2.example")))
        );
        keys.push(document["key"].to_string());
        let events = document["events"].as_array().expect("events").clone();
        assert!(events.len() <= 50 && events.len() == post.events.len());
        told.extend(
            events.iter().map(|event| event["record"]["eventID"].as_str().expect("an id").to_owned()),
        );
    }
    let ids: Vec<String> = notice.events.iter().map(|event| event.record.event_id.clone()).collect();
    assert_eq!(told, ids);
    keys.dedup();
    assert_eq!(keys.len(), notice.events.len().div_ceil(50), "each document has a key of its own");
}

fn check_alertmanager(notice: &Notice) {
    let [post] = &posts("alertmanager", notice)[..] else { panic!("one request") };
    assert_eq!(post.url.reveal(), "https://am.example/api/v2/alerts");
    for alert in body(post).as_array().expect("alerts") {
        let labels = alert["labels"].as_object().expect("labels");
        assert!(labels["team"] == "cloud" && labels["severity"] != "no", "{labels:?}");
        for (name, value) in labels {
            let value = value.as_str().expect("a text");
            let is_sound = |char: char| char.is_ascii_alphanumeric() || char == '_';
            assert!(
                name.chars().all(is_sound) && !name.starts_with(|char: char| char.is_ascii_digit()),
                "{name}"
            );
            assert!((1..=256).contains(&value.encode_utf16().count()), "{name}: {value}");
            assert!(!value.chars().any(char::is_control), "{name}: {value}");
            assert!(!value.contains(&shared_id(0)), "an id is no label: {value}");
        }
        let annotations = alert["annotations"].as_object().expect("annotations");
        assert!(
            annotations["insight_id"].as_str().is_some_and(|id| id.starts_with("fccb064f-dd07-4822-97c0-"))
        );
        assert!(
            annotations.values().all(|text| !text.as_str().expect("a text").chars().any(char::is_control))
        );
    }
}

fn check_eventbridge(notice: &Notice) {
    for post in posts("eventbridge", notice) {
        assert_eq!(post.url.reveal(), "https://events.eu-west-1.amazonaws.com/");
        let document = body(&post);
        let entries = document["Entries"].as_array().expect("entries");
        assert!((1..=10).contains(&entries.len()));
        let mut bytes = 0;
        for (entry, index) in entries.iter().zip(&post.events) {
            let detail = entry["Detail"].as_str().expect("a text");
            let event = &notice.events[*index];
            if event.json.len() < 200_000 {
                assert_eq!(detail, event.json, "the bare record");
            }
            assert_eq!(serde_json::from_str::<Json>(detail).expect("JSON")["eventID"], event.record.event_id);
            assert_eq!(entry["DetailType"], "AWS Insight via CloudTrail");
            assert!(!entry["Source"].as_str().expect("a text").starts_with("aws."));
            let resources = entry["Resources"].as_array().expect("resources");
            bytes += 14 + "trailpulse".len() + "AWS Insight via CloudTrail".len() + detail.len();
            bytes += resources.iter().map(|arn| arn.as_str().expect("a text").len()).sum::<usize>();
        }
        assert!(bytes < 256 * 1024, "{bytes}");
    }
}

fn check_sns(notice: &Notice) {
    for post in posts("sns", notice) {
        assert_eq!(post.url.reveal(), "https://sns.eu-central-1.amazonaws.com/");
        let [index] = &post.events[..] else { panic!("one event") };
        let (event, fields) = (&notice.events[*index], fields(&post));
        let subject = &fields["Subject"];
        assert!(
            (1..=100).contains(&subject.len()) && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{subject}"
        );
        assert!(subject.starts_with(|char: char| char.is_ascii_alphanumeric()), "{subject}");
        if event.json.len() < 200_000 {
            assert_eq!(fields["Message"], event.json, "the bare record");
        }
        assert_eq!(fields["MessageDeduplicationId"], event.record.event_id);
        assert_eq!(fields["MessageGroupId"], notice.incident);
        let values = fields.iter().filter(|(name, _)| name.ends_with("Value.StringValue"));
        assert!(
            values.clone().count() <= 10 && values.clone().all(|(_, value)| !value.is_empty()),
            "{fields:?}"
        );
        let of: usize =
            fields.iter().filter(|(name, _)| name.starts_with("Message")).map(|(_, value)| value.len()).sum();
        assert!(of < 256 * 1024, "{of}");
    }
}

fn check_slack(notice: &Notice) {
    let [post] = &posts("slack", notice)[..] else { panic!("one message") };
    assert_eq!(post.url.reveal(), "https://hunter2.example");
    let message = body(post);
    assert_eq!((&message["mrkdwn"], &message["unfurl_links"]), (&json!(false), &json!(false)));
    let units = |text: &str| text.encode_utf16().count();
    let sound = |text: &Json, most: usize| {
        let text = text.as_str().expect("a text");
        assert!((1..=most).contains(&units(text)), "{most}: {text}");
        assert!(!text.contains(['<', '>']), "no mention: {text}");
        let rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        assert!(!rest.contains('&'), "{text}");
        units(text)
    };
    let plain = |object: &Json, most: usize| {
        assert_eq!((&object["type"], &object["emoji"]), (&json!("plain_text"), &json!(false)));
        sound(&object["text"], most)
    };
    let mut all = sound(&message["text"], 3000);
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50);
    for block in blocks {
        all += match block["type"].as_str().expect("a type") {
            "header" => plain(&block["text"], 150),
            "section" => {
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                assert!(fields.len() <= 10);
                let text = if block["text"].is_null() { 0 } else { plain(&block["text"], 3000) };
                text + fields.iter().map(|field| plain(field, 2000)).sum::<usize>()
            }
            "context" => {
                block["elements"].as_array().expect("elements").iter().map(|text| plain(text, 2000)).sum()
            }
            "divider" => 0,
            other => panic!("{other}"),
        };
    }
    assert!(all < 13_000, "{all}");
    assert!(post.body.windows(notice.incident.len()).any(|part| part == notice.incident.as_bytes()));
}

fn check_pagerduty(notice: &Notice) {
    for post in posts("pagerduty", notice) {
        assert!(post.body.len() <= 512 * 1000);
        let event = body(&post);
        assert_eq!(event["routing_key"], ROUTING_KEY);
        let of = &notice.events[post.events[0]];
        assert_eq!(event["dedup_key"], of.record.shared_event_id);
        match event["event_action"].as_str().expect("a text") {
            "trigger" => {
                let payload = &event["payload"];
                let summary = payload["summary"].as_str().expect("a text");
                assert!((1..=1024).contains(&summary.encode_utf16().count()), "{summary}");
                assert!(!summary.chars().any(char::is_control), "{summary}");
                assert!(
                    ["critical", "error", "warning", "info"]
                        .contains(&payload["severity"].as_str().expect("a text"))
                );
                assert!(payload["source"].as_str().is_some_and(|source| !source.is_empty()));
            }
            "resolve" => assert!(event["payload"].is_null()),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn payloads_of_an_incident() {
    let other = Texts {
        name: "CreateUser".into(),
        source: "iam.amazonaws.com".into(),
        error: Some("AccessDenied".into()),
        ..sound()
    };
    let notice = notice(&[sound(), other], &[(0, "Start"), (0, "End"), (1, "Start")]);
    for kind in TYPES {
        check(kind, &notice);
        let shown: Vec<Json> = sent(kind, &notice).iter().map(|outgoing| match outgoing {
            Outgoing::Lines(lines) => {
                json!(lines.lines.iter().map(|line| serde_json::from_str::<Json>(line).expect("JSON")).collect::<Vec<_>>())
            }
            Outgoing::Post(post) => {
                let headers: BTreeMap<_, _> = post.headers.iter().map(|(name, value)| (name, format!("{value:?}"))).collect();
                let body = serde_json::from_slice(&post.body).unwrap_or_else(|_| json!(fields(post)));
                json!({"events": post.events, "headers": headers, "body": body, "signing": format!("{:?}", post.signing)})
            }
        }).collect();
        insta::assert_snapshot!(kind, serde_json::to_string_pretty(&shown).expect("JSON"));
    }
}

#[test]
fn what_fires_is_ended_and_what_nobody_heard_of_is_not() {
    let action = |new: &[(usize, &str)], opened: &[usize]| {
        let opened = opened.iter().map(|number| shared_id(*number)).collect();
        let notice = Notice { opened, ..notice(&[sound()], new) };
        let alert = body(&posts("alertmanager", &notice)[0])[0].clone();
        let event = body(&posts("pagerduty", &notice)[0]);
        (
            alert["endsAt"].as_str().expect("a time").to_owned(),
            event["event_action"].clone(),
            alert["labels"].to_string(),
        )
    };
    let start = action(&[(0, "Start")], &[]);
    let both = action(&[(0, "Start"), (0, "End")], &[]);
    let end = action(&[(0, "End")], &[0]);
    // Of its Start nobody was told: it did not match.
    let news = action(&[(0, "End")], &[]);
    assert_eq!((&news.0, &news.1), (&start.0, &start.1));
    assert_eq!((&*start.0, &start.1), ("2026-02-03T02:40:00.000Z", &json!("trigger")));
    assert_eq!((&*both.0, &both.1), ("2026-02-03T02:40:00.000Z", &json!("trigger")));
    assert_eq!((&*end.0, &end.1), ("2026-02-02T02:40:00.000Z", &json!("resolve")));
    // The End is more severe than the Start was, and still means the same alert.
    assert_eq!((&start.2, &both.2), (&end.2, &end.2));
    // Another insight, which the receiver cannot tell from this one, goes on.
    let (opened, outlived) = (vec![shared_id(0)], vec![shared_id(0)]);
    let notice = Notice { opened, outlived, ..notice(&[sound()], &[(0, "End")]) };
    let alert = body(&posts("alertmanager", &notice)[0])[0].clone();
    assert_eq!(alert["endsAt"], "2026-02-03T02:40:00.000Z");
    assert!(alert["annotations"]["still_open"].is_string());
    assert_eq!(body(&posts("pagerduty", &notice)[0])["event_action"], "resolve");
}

#[test]
fn an_alert_is_as_severe_as_what_the_feed_heard_first() {
    // The Start is high, the End critical.
    let severity = |matching: &str, new: &[(usize, &str)]| {
        let more = format!("match = {{ severity = \"{matching}\" }}");
        let Outgoing::Post(post) = sent_to("alertmanager", &more, &notice(&[sound()], new)).remove(0) else {
            panic!("a request")
        };
        body(&post)[0]["labels"]["severity"].clone()
    };
    for (matching, new, want) in [
        ("high", &[(0, "Start")][..], "high"),
        ("high", &[(0, "End")], "high"),
        ("critical", &[(0, "End")], "critical"),
    ] {
        assert_eq!(severity(matching, new), json!(want), "{matching} {new:?}");
    }
}

#[test]
fn every_feed_says_how_many_were_held_back() {
    let notice = Notice { held_back: 34_567, ..all_new(&[sound()]) };
    for kind in TYPES {
        let text = match sent(kind, &notice).remove(0) {
            Outgoing::Lines(lines) => lines.lines.join("\n"),
            Outgoing::Post(post) => String::from_utf8(post.body).expect("UTF-8"),
        };
        assert!(text.replace("34,567", "34567").contains("34567"), "{kind}: {text}");
    }
}

#[test]
fn tests_say_that_they_are_tests() {
    let notice = Notice { purpose: Purpose::Test, held_back: 3, ..all_new(&[sound()]) };
    for kind in TYPES {
        check(kind, &notice);
        for outgoing in sent(kind, &notice) {
            let text = match outgoing {
                Outgoing::Lines(lines) => lines.lines.join("\n"),
                Outgoing::Post(post) => String::from_utf8(post.body).expect("UTF-8"),
            };
            assert!(text.to_lowercase().contains("test"), "{kind}: {text}");
        }
    }
}

#[test]
fn a_large_incident_is_told_in_full() {
    let many: Vec<Texts> =
        (0..130).map(|number| Texts { name: format!("Call{number}"), ..sound() }).collect();
    let notice = all_new(&many);
    check_all(&notice);
    assert_eq!(posts("webhook", &notice).len(), 6);
    assert_eq!(posts("eventbridge", &notice).len(), 26);
    assert!(String::from_utf8_lossy(&posts("slack", &notice)[0].body).contains("and 115 more insights"));
}

#[test]
fn documents_keep_their_keys_when_others_have_arrived() {
    let many: Vec<Texts> = (0..60).map(|number| Texts { name: format!("Call{number}"), ..sound() }).collect();
    let whole = all_new(&many);
    let keys = |notice: &Notice| -> Vec<Json> {
        posts("webhook", notice).iter().map(|post| body(post)["key"].clone()).collect()
    };
    let [first, second, third] = &keys(&whole)[..] else { panic!("three documents") };
    let without_second =
        Notice { events: [&whole.events[..50], &whole.events[100..]].concat(), ..whole.clone() };
    let [one, other] = &keys(&without_second)[..] else { panic!("two documents") };
    assert_eq!((one, other), (first, third));
    let only_second = Notice { events: whole.events[50..100].to_vec(), ..whole };
    assert_eq!(keys(&only_second), std::slice::from_ref(second), "a later run sends one of them again");
    // Some of a document have arrived, or are muted by now: what is left has the key that it had.
    let left = Notice { events: only_second.events[7..].to_vec(), ..only_second };
    assert_eq!(keys(&left), std::slice::from_ref(second));
    let few = all_new(&many[..3]);
    let left = Notice { events: few.events[2..].to_vec(), ..few.clone() };
    assert_eq!(
        (keys(&few), keys(&left)),
        (vec![json!(few.key.to_string())], vec![json!(few.key.to_string())])
    );
}

#[test]
fn giant_texts_are_cut_and_ids_are_not() {
    let giant = "<!channel> \u{202e}\n\"\\".repeat(20_000);
    let texts = Texts {
        who: format!("arn:aws:iam::1:user/{giant}"),
        agent: giant.clone(),
        name: giant.clone(),
        why: giant,
        ..sound()
    };
    let notice = all_new(&[texts]);
    check_all(&notice);
    let detail = body(&posts("eventbridge", &notice)[0])["Entries"][0]["Detail"].to_string();
    assert!(detail.contains("more characters)"), "what is missing is said");
}

fn hostile() -> impl Strategy<Value = String> {
    static KNOWN: [&str; 18] = [
        "<!channel>",
        "<@U123|x>",
        "*bold* `code` _it_",
        "&amp;<&",
        "a\nb\r\nc",
        "\u{1b}[31m",
        "\u{202e}evil",
        "\"},{\"x\":\"",
        "{{ .Labels }}",
        "a=b&c=%0a",
        "\u{0}",
        "",
        "…",
        "😀😀",
        "arn:aws:iam::1:user/a b",
        "../../x",
        "' or 1=1",
        "\u{2028}",
    ];
    prop_oneof![
        any::<String>(),
        prop::sample::select(&KNOWN[..]).prop_map(str::to_owned),
        ("[<>&!@a-z\n\"\\\\\u{202a}-\u{202e}]{0,40}", 1_usize..60)
            .prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn hostile_texts() -> impl Strategy<Value = Texts> {
    let four = (hostile(), hostile(), hostile(), hostile());
    (four, prop::option::of(hostile()), hostile(), hostile(), hostile()).prop_map(
        |((account, region, source, name), error, who, agent, why)| Texts {
            account,
            region,
            source,
            name,
            error,
            who,
            agent,
            why,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_texts_break_no_payload(of in prop::collection::vec(hostile_texts(), 1..4)) {
        let notice = all_new(&of);
        check_all(&notice);
    }
}
