//! Nights of generated incidents, told to every feed; a receiver fails in each of them, and is well again in the next.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
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
        ("alertmanager" | "eventbridge", _) => Fault::Status(500),
        _ => Fault::Refuse,
    }
}

fn scan(world: &World, status: i32, more: &[&str]) -> Value {
    world.ends(status, &[&["-q", "scan", "logs", "--alert-since", "2026-01-01"], more].concat());
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
        if failing == "pagerduty" {
            // It asked to be left alone for a second, and the next night is later.
            std::thread::sleep(Duration::from_secs(2));
        }
    }
    let again = scan(&world, 0, &["--final"]);
    assert!(again.as_object().expect("feeds").values().all(|told| told["delivered"] == 0), "{again}");
    check_world(&world, Nights::Several);
}

#[test]
fn a_night_is_told_to_every_feed_at_once() {
    let Some(world) = World::new() else { return };
    world.deliver_until("9");
    let told = scan(&world, 0, &["--final"]);
    for (feed, told) in told.as_object().expect("feeds") {
        assert_eq!((&told["delivered"], &told["pending"]), (&json!(40), &json!(0)), "{feed} {told}");
    }
    // What would be sent again is shown, without keys, and not sent.
    let shown = world.ends(
        0,
        &["alert", "--replay", "--again", "--dry-run", "--from", "2026-01-01", "--to", "2026-02-01"],
    );
    assert!(shown.stdout.lines().count() > 100 && shown.stdout.contains("***"), "{}", shown.stdout);
    check_world(&world, Nights::One);
}

#[test]
fn tests_arrive_everywhere_and_say_that_they_are() {
    let Some(world) = World::new() else { return };
    for feed in ["jsonl", "ocsf", "webhook", "slack", "pagerduty", "alertmanager", "eventbridge", "sns"] {
        world.ends(0, &["alert", "--test", feed]);
    }
    assert_eq!(world.lines("alerts.jsonl")[0]["test"], true);
    assert_eq!(world.lines("alerts.ocsf.jsonl")[0]["metadata"]["labels"], json!(["test"]));
    assert_eq!(world.webhook.taken()[0].json()["test"], true);
    assert!(text(&world.slack.taken()[0].json()["text"]).starts_with("TEST"));
    assert!(text(&world.pagerduty.taken()[0].json()["payload"]["summary"]).starts_with("TEST"));
    assert_eq!(world.alertmanager.alerts()[0]["labels"]["alertname"], "TrailpulseTest");
    let body = |queue: &str| -> Value {
        serde_json::from_str(world.drained(queue)[0]["body"].as_str().expect("a text")).expect("JSON")
    };
    assert!(body("rule")["resources"].as_array().is_some_and(|all| all.contains(&json!("trailpulse:test"))));
    assert_eq!(body("all")["MessageAttributes"]["test"]["Value"], "true");
}

/// How the logs came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nights {
    /// Every insight is over when it is told, and nothing goes wrong.
    One,
    /// Starts and Ends are told by different runs, and each receiver fails in one of them.
    Several,
}

/// What every receiver counts.
fn check_world(world: &World, nights: Nights) {
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
    check_webhook(world, &events, nights);
    check_slack(world, &insights);
    let resolved = check_pagerduty(world, &insights, nights);
    let ended = check_alertmanager(world, &insights);
    check_aws(world, &events);
    let _ = writeln!(
        std::io::stderr(),
        "{nights:?}: {} insights, {} events. jsonl {} lines, ocsf {}, webhook {} requests, slack {} messages, pagerduty {} events \
         ({resolved} resolve), alertmanager {} posts passed on ({ended} insights ended, {} alerts fire)",
        insights.len(),
        events.len(),
        world.lines("alerts.jsonl").len(),
        ocsf.len(),
        world.webhook.taken().len(),
        world.slack.taken().len(),
        world.pagerduty.taken().len(),
        world.proxies["alertmanager"].passed().len(),
        world.alertmanager.alerts().len(),
    );
}

/// Who keeps to the idempotency key has each document once.
fn check_webhook(world: &World, events: &BTreeSet<String>, nights: Nights) {
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
    // One came twice, since its answer was lost.
    assert_eq!(keys.len() < taken.len(), nights == Nights::Several, "{} {}", keys.len(), taken.len());
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

/// Each insight is triggered, and resolved once at most, and last: where it had been open in the night before. Where the
/// receiver was down when it began, Start and End both trigger in the night in which they arrive; by their key they are one alert.
fn check_pagerduty(world: &World, insights: &BTreeSet<String>, nights: Nights) -> usize {
    let events: Vec<Value> = world.pagerduty.taken().iter().map(super::receiver::Request::json).collect();
    let with = |action: &str| -> Vec<String> {
        let of = events.iter().filter(|event| event["event_action"] == action);
        of.map(|event| text(&event["dedup_key"])).collect()
    };
    let triggered = with("trigger");
    assert_eq!(triggered.into_iter().collect::<BTreeSet<_>>(), *insights);
    for insight in insights {
        let all = events.iter().filter(|event| text(&event["dedup_key"]) == *insight);
        let actions: Vec<String> = all.map(|event| text(&event["event_action"])).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        let is_sound = match nights {
            Nights::One => actions == ["trigger"],
            Nights::Several => {
                [&["trigger"][..], &["trigger", "trigger"], &["trigger", "resolve"]].contains(&&actions[..])
            }
        };
        assert!(is_sound, "{insight}: {actions:?}");
    }
    let resolved = with("resolve");
    let once: BTreeSet<String> = resolved.iter().cloned().collect();
    assert!(once.is_empty() == (nights == Nights::One) && once.is_subset(insights), "{once:?}");
    check_once("pagerduty, resolved", &resolved, &once);
    resolved.len()
}

/// Each insight is an alert that was posted, and ended once at most. What was told with its end, or in the same night as its
/// end, fires still.
fn check_alertmanager(world: &World, insights: &BTreeSet<String>) -> usize {
    let (mut opened, mut closed, mut firing) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    // The first try of the night in which it failed was passed on, and taken; the client did not wait for the answer.
    let mut posts = world.proxies["alertmanager"].passed();
    posts.dedup_by(|one, other| ends_removed(&one.1) == ends_removed(&other.1));
    for (_, body) in posts {
        let alerts: Value = serde_json::from_slice(&body).expect("JSON");
        for alert in alerts.as_array().expect("alerts") {
            let id = text(&alert["annotations"]["insight_id"]);
            let labels = alert["labels"].to_string();
            // What is opened ends a day after it was posted, what is closed when it is posted.
            let ends_at = text(&alert["endsAt"]);
            if opened.get(&id).is_some_and(|open_until| ends_at < *open_until) {
                closed.push(id);
                firing.remove(&labels);
            } else {
                // Another insight of the same series is the same alert.
                firing.insert(labels, id.clone());
                opened.insert(id, ends_at);
            }
        }
    }
    assert_eq!(opened.into_keys().collect::<BTreeSet<_>>(), *insights);
    let once: BTreeSet<String> = closed.iter().cloned().collect();
    check_once("alertmanager, ended", &closed, &once);
    let kept = world.alertmanager.alerts();
    let ids: BTreeSet<String> = kept.iter().map(|alert| text(&alert["annotations"]["insight_id"])).collect();
    assert_eq!(ids, firing.into_values().collect::<BTreeSet<_>>());
    assert!(!kept.is_empty() && kept.iter().all(|alert| alert["labels"]["team"] == "cloud"));
    closed.len()
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
