//! AWS: signatures that botocore makes as well, entries that fail alone, and a topic that keeps order.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::receiver::{Receiver, Request};
use super::world::{World, check_once, python_check, text};
use crate::command::{Ended, Scenario, python};
use crate::s3::server::{ACCESS_KEY, SECRET_KEY, logs};

fn run(scenario: &Scenario, arguments: &[&str]) -> Ended {
    let mut command = scenario.command(arguments);
    command
        .env("HOME", scenario.path("home"))
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    Ended::new(command.output().expect("trailpulse starts"))
}

/// As EventBridge answers; the first entry of the first request fails, and so does the second of it, for good.
fn entries(request: &Request, time: usize) -> (u16, String) {
    let entries: Vec<Value> = request.json()["Entries"]
        .as_array()
        .expect("entries")
        .iter()
        .enumerate()
        .map(|(index, _)| match (time, index) {
            (0, 0) => json!({"ErrorCode": "InternalFailure", "ErrorMessage": "as planned"}),
            (0, 1) => json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "as planned"}),
            _ => json!({"EventId": format!("{time}-{index}")}),
        })
        .collect();
    (200, json!({"FailedEntryCount": if time == 0 { 2 } else { 0 }, "Entries": entries}).to_string())
}

#[test]
fn only_entries_that_failed_are_sent_again_and_all_are_signed() {
    if python("payload_check.py", Some("botocore"), &[]).is_none() {
        return;
    }
    let scenario = Scenario::new();
    let bus = Receiver::answering(entries);
    let topic = Receiver::answering(|_, _| {
        (
            200,
            "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
                .to_owned(),
        )
    });
    for (name, bytes) in logs() {
        scenario.write(&format!("logs/{name}"), bytes);
    }
    scenario.write(
        "trailpulse.toml",
        format!(
            "[scan]\nsettle = 75\nout = \"out\"\nstate = \"state\"\n\
             [[feed]]\nname = \"bus\"\ntype = \"eventbridge\"\nendpoint = \"http://127.0.0.1:{}\"\nallow_private = true\n\
             [[feed]]\nname = \"topic\"\ntype = \"sns\"\nendpoint = \"http://127.0.0.1:{}\"\nallow_private = true\n\
             topic = \"arn:aws:sns:us-west-2:111122223333:insights\"\n",
            bus.port, topic.port
        ),
    );
    let ended = run(&scenario, &["-q", "scan", "logs", "--final", "--alert-since", "2026-01-01"]);
    // One was rejected for good, which is said.
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let summary: Value =
        serde_json::from_slice(&std::fs::read(scenario.path("out/summary.json")).expect("it is there"))
            .expect("JSON");
    let told = &summary["alerts"]["bus"];
    assert_eq!((&told["rejected"], &told["pending"]), (&json!(1), &json!(0)), "{told}");

    let taken = bus.taken();
    let ids = |request: &Request| -> Vec<String> {
        let entries = request.json()["Entries"].as_array().expect("entries").clone();
        assert!((1..=10).contains(&entries.len()));
        entries
            .iter()
            .map(|entry| {
                assert_eq!(
                    (&entry["DetailType"], &entry["Source"]),
                    (&json!("AWS Insight via CloudTrail"), &json!("trailpulse"))
                );
                let detail: Value =
                    serde_json::from_str(entry["Detail"].as_str().expect("a text")).expect("JSON");
                text(&detail["eventID"])
            })
            .collect()
    };
    let first = ids(&taken[0]);
    let others: Vec<String> = taken[1..].iter().flat_map(ids).collect();
    assert!(others.contains(&first[0]) && !others.contains(&first[1]));
    let once: Vec<String> = first[1..].iter().cloned().chain(others).collect();
    check_once("bus", &once, &once.iter().cloned().collect::<BTreeSet<_>>());
    assert_eq!(once.len(), 40);

    let signed: Vec<Value> = taken
        .iter()
        .chain(&topic.taken())
        .map(|request| json!({"headers": request.headers, "body": request.body}))
        .collect();
    assert!(signed.len() > 40, "{}", signed.len());
    let scopes: BTreeSet<String> = signed
        .iter()
        .map(|request| {
            let scope = request["headers"]["authorization"]
                .as_str()
                .and_then(|text| text.split(['/', ',']).nth(3).zip(text.split(['/', ',']).nth(2)));
            scope.map(|(service, region)| format!("{service} {region}")).unwrap_or_default()
        })
        .collect();
    assert_eq!(scopes, BTreeSet::from(["events eu-central-1".to_owned(), "sns us-west-2".to_owned()]));
    python_check(&["sigv4"], &signed);
}

#[test]
fn a_topic_that_keeps_order_drops_what_comes_again() {
    let Some(world) = World::new() else { return };
    world.scenario.write(
        "trailpulse.toml",
        format!(
            "[scan]\nsettle = 75\nout = \"out\"\nstate = \"state\"\n[[feed]]\nname = \"fifo\"\ntype = \"sns\"\nendpoint = \"{}\"\n\
             topic = {}\nallow_private = true\ntimeout = 30\nmatch = {{ name = \"RunInstances\" }}\n",
            world.moto.endpoint, world.aws["fifo_topic"]
        ),
    );
    world.deliver_until("9");
    world.ends(0, &["-q", "scan", "logs", "--final", "--alert-since", "2026-01-01"]);
    world.ends(0, &["-q", "alert", "--replay", "--again", "--from", "2026-01-01", "--to", "2026-02-01"]);
    let taken = world.drained("fifo");
    let ids: Vec<String> = taken
        .iter()
        .map(|message| {
            let body: Value = serde_json::from_str(message["body"].as_str().expect("a text")).expect("JSON");
            let record: Value =
                serde_json::from_str(body["Message"].as_str().expect("a text")).expect("JSON");
            assert_eq!(message["attributes"]["MessageDeduplicationId"], record["eventID"]);
            text(&record["eventID"])
        })
        .collect();
    let published = world
        .published()
        .into_iter()
        .filter(|(_, record)| record["insightDetails"]["eventName"] == "RunInstances");
    check_once("fifo", &ids, &published.map(|(id, _)| id).collect());
    let groups: BTreeSet<String> =
        taken.iter().map(|message| text(&message["attributes"]["MessageGroupId"])).collect();
    assert!(groups.len() < ids.len() / 2, "an incident is a group");
}
