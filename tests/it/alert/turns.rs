//! Nights of generated incidents, told to every feed; a receiver fails in each of them, and is well again in the next.
use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::world::{SECRET, World, check_once, python_check, text};
use crate::s3::proxy::Fault;

/// Until when logs are there in each night, in the midst of incidents; and which feed fails.
const NIGHTS: [(&str, &str); 8] = [
    ("20260113T0310", "webhook"),
    ("20260113T0540", "slack"),
    ("20260113T1307", "pagerduty"),
    ("20260113T2000", "alertmanager"),
    ("20260114T1600", "eventbridge"),
    ("20260114T2224", "sns"),
    ("9", "files"),
    ("9", "none"),
];

/// How each of them fails. What must not be done twice is not passed on.
fn fault(feed: &str, time: usize) -> Fault {
    match (feed, time) {
        // It has the message, and its answer is lost: what comes again has the same key.
        ("webhook", 1) => Fault::Reset,
        ("webhook", _) => Fault::Status(503),
        ("slack", _) => Fault::Drip,
        ("pagerduty", _) => Fault::Busy(1),
        ("alertmanager", 1) => Fault::Delay(Duration::from_secs(3)),
        ("alertmanager", _) => Fault::Status(500),
        ("eventbridge", _) => Fault::Status(500),
        _ => Fault::Refuse,
    }
}

fn scan(world: &World, status: i32, more: &[&str]) -> Value {
    world.ends(status, &[&["-q", "scan", "logs"], more].concat());
    world.summary()
}

#[test]
fn every_feed_is_told_once_though_each_fails_in_turn() {
    let Some(world) = World::new() else { return };
    let folder = (world.scenario.path("feeds"), world.scenario.path("away"));
    for (night, (until, failing)) in NIGHTS.into_iter().enumerate() {
        world.deliver_until(until);
        for (name, proxy) in &world.proxies {
            let is_down = *name == failing;
            proxy.plan(move |_, time| if is_down { fault(failing, time) } else { Fault::None });
        }
        if failing == "files" {
            std::fs::rename(&folder.0, &folder.1).expect("it is there");
        }
        let more: &[&str] = match night {
            0 => &["--alert-since", "2026-01-01"],
            6 | 7 => &["--final"],
            _ => &[],
        };
        let told = scan(&world, if failing == "none" { 0 } else { 3 }, more);
        for (feed, told) in told.as_object().expect("feeds") {
            let fails = feed == failing || (failing == "files" && ["jsonl", "ocsf"].contains(&&**feed));
            assert_eq!(told["pending"] != json!(0), fails, "night {night}: {feed} {told}");
            // In the last night nothing is new but to those that had failed.
            let has_news = night < 7 || ["jsonl", "ocsf"].contains(&&**feed);
            assert!(fails || !has_news || told["delivered"] != json!(0), "night {night}: {feed} {told}");
            assert_eq!((&told["rejected"], &told["given_up"]), (&json!(0), &json!(0)), "{feed} {told}");
        }
        if failing == "files" {
            std::fs::rename(&folder.1, &folder.0).expect("it is there");
        }
    }
    let again = scan(&world, 0, &["--final"]);
    assert!(again.as_object().expect("feeds").values().all(|told| told["delivered"] == 0), "{again}");
    check_world(&world);
}

/// What every receiver counts.
fn check_world(world: &World) {
    let published = world.published();
    let events: BTreeSet<String> = published.keys().cloned().collect();
    let insights: BTreeSet<String> =
        published.values().map(|record| text(&record["sharedEventID"])).collect();
    assert!(
        insights.len() >= 20 && events.len() == 2 * insights.len(),
        "{} {}",
        insights.len(),
        events.len()
    );

    let of = |lines: &[Value], place: &str| -> Vec<String> {
        lines.iter().map(|line| text(line.pointer(place).expect("it is there"))).collect()
    };
    check_once("jsonl", &of(&world.lines("alerts.jsonl"), "/record/eventID"), &events);
    let ocsf = world.lines("alerts.ocsf.jsonl");
    check_once("ocsf", &of(&ocsf, "/metadata/uid"), &events);
    let ocsf: Vec<Value> = ocsf.iter().map(|line| json!(line.to_string())).collect();
    python_check(&["ocsf"], &ocsf);
    check_webhook(world, &events);
    check_slack(world, &insights);
    check_pagerduty(world, &insights);
    check_alertmanager(world, &insights);
    check_aws(world, &events);
}

/// Who keeps to the idempotency key has each document once.
fn check_webhook(world: &World, events: &BTreeSet<String>) {
    let mut keys = BTreeSet::new();
    let mut told = Vec::new();
    let taken = world.webhook.taken();
    for request in &taken {
        let document = request.json();
        assert_eq!(document["key"], json!(request.headers["idempotency-key"]));
        if keys.insert(text(&document["key"])) {
            let events = document["events"].as_array().expect("events");
            told.extend(events.iter().map(|event| text(&event["record"]["eventID"])));
        }
    }
    assert!(keys.len() < taken.len(), "one came twice, since its answer was lost");
    check_once("webhook", &told, events);
    let taken: Vec<Value> =
        taken.iter().map(|request| json!({"headers": request.headers, "body": request.body})).collect();
    python_check(&["webhook", SECRET], &taken);
}

/// Each insight stands once with its Start and once with its End: in one line, or in two messages.
fn check_slack(world: &World, insights: &BTreeSet<String>) {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for message in world.slack.taken() {
        let message = message.json();
        let blocks = message["blocks"].as_array().expect("blocks");
        for line in blocks.iter().filter_map(|block| block["text"]["text"].as_str()) {
            let mut parts = line.split(" · ");
            if let (Some(id), Some(states)) = (parts.next(), parts.next()) {
                starts.extend(states.contains("Start").then(|| id.to_owned()));
                ends.extend(states.contains("End").then(|| id.to_owned()));
            }
        }
    }
    check_once("slack, starts", &starts, insights);
    check_once("slack, ends", &ends, insights);
}

/// Each insight is triggered once, and resolved once at most: where it had been open in the night before.
fn check_pagerduty(world: &World, insights: &BTreeSet<String>) {
    let events: Vec<Value> = world.pagerduty.taken().iter().map(super::receiver::Request::json).collect();
    let with = |action: &str| -> Vec<String> {
        let of = events.iter().filter(|event| event["event_action"] == action);
        of.map(|event| text(&event["dedup_key"])).collect()
    };
    check_once("pagerduty", &with("trigger"), insights);
    let resolved = with("resolve");
    let once: BTreeSet<String> = resolved.iter().cloned().collect();
    assert!(!once.is_empty() && once.is_subset(insights));
    check_once("pagerduty, resolved", &resolved, &once);
}

/// Each insight is an alert that was posted once, and ended once at most. What was told with its end fires still.
fn check_alertmanager(world: &World, insights: &BTreeSet<String>) {
    let now = "2026-06";
    let (mut opened, mut closed, mut labels) = (Vec::new(), Vec::new(), BTreeSet::new());
    // The first try of the night in which it failed was passed on, and taken; the client did not wait for the answer.
    let mut posts = world.proxies["alertmanager"].passed();
    posts.dedup_by(|one, other| ends_removed(&one.1) == ends_removed(&other.1));
    for (_, body) in posts {
        let alerts: Value = serde_json::from_slice(&body).expect("JSON");
        for alert in alerts.as_array().expect("alerts") {
            let id = text(&alert["annotations"]["insight_id"]);
            let is_closed = opened.contains(&id);
            if is_closed {
                closed.push(id)
            } else {
                opened.push(id)
            }
            if !is_closed || alert["endsAt"].as_str() < Some(now) {
                labels.insert(alert["labels"].to_string());
            }
        }
    }
    check_once("alertmanager", &opened, insights);
    let once: BTreeSet<String> = closed.iter().cloned().collect();
    check_once("alertmanager, ended", &closed, &once);
    let firing = world.alertmanager.alerts();
    let ids: BTreeSet<String> =
        firing.iter().map(|alert| text(&alert["annotations"]["insight_id"])).collect();
    let want: BTreeSet<String> = insights.difference(&once).cloned().collect();
    assert!(!firing.is_empty() && ids.is_subset(&want), "{ids:?} {want:?}");
    assert!(firing.iter().all(|alert| alert["labels"]["team"] == "cloud"));
}

/// An alert without the time of its posting.
fn ends_removed(body: &[u8]) -> Value {
    let mut alerts: Value = serde_json::from_slice(body).expect("JSON");
    for alert in alerts.as_array_mut().expect("alerts") {
        alert["endsAt"] = Value::Null;
    }
    alerts
}

fn check_aws(world: &World, events: &BTreeSet<String>) {
    let bodies = |queue: &str| -> Vec<Value> {
        world.drained(queue).iter().map(|message| message["body"].clone()).collect()
    };
    let inner =
        |body: &Value| -> Value { serde_json::from_str(body.as_str().expect("a text")).expect("JSON") };
    let rule = bodies("rule");
    let ids: Vec<String> = rule.iter().map(|body| text(&inner(body)["detail"]["eventID"])).collect();
    check_once("eventbridge", &ids, events);
    python_check(&["eventbridge"], &rule);
    let all = bodies("all");
    let records: Vec<Value> = all.iter().map(|body| inner(&inner(body)["Message"])).collect();
    check_once("sns", &records.iter().map(|record| text(&record["eventID"])).collect::<Vec<_>>(), events);
    python_check(&["sns"], &all);
    // A subscription with a filter policy has what it asks for.
    let grave = bodies("grave");
    let wanted = |body: &&Value| {
        let attributes = &inner(body)["MessageAttributes"];
        let severity = text(&attributes["severity"]["Value"]);
        ["high", "critical"].contains(&&*severity) && attributes["state"]["Value"] == "Start"
    };
    assert!(
        !grave.is_empty() && grave.len() == all.iter().filter(wanted).count(),
        "{} are grave",
        grave.len()
    );
}
