//! `alert` and `check` -> a feed that is tried, and what would be sent.
use serde_json::Value;

use super::night::{NOW, Night};
use super::receiver::{Receiver, Reply};
use crate::command::{Ended, Scenario, tree};

#[test]
fn a_test_arrives_and_says_that_it_is_one() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    let ended = night.scenario.done(&["alert", "--test", "hook"]);
    assert!(ended.stdout.contains("delivered to hook"), "{}", ended.stdout);
    let told = receiver.taken();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["test"], true);
    assert!(told[0].body["text"].as_str().is_some_and(|text| text.starts_with("TEST")), "{}", told[0].body);
    night.scenario.done(&["alert", "--test", "lines"]);
    receiver.plan(|_| Reply::Status(404, ""));
    let ended = night.scenario.run(&["alert", "--test", "hook"]);
    assert_eq!(ended.status, 3);
    assert!(ended.stderr.contains("status 404"), "{}", ended.stderr);
    let ended = night.scenario.run(&["alert", "--test", "nobody"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("no feed nobody; it has hook, lines"), "{}", ended.stderr);
}

#[test]
fn a_replay_shows_what_would_be_sent_and_sends_what_was_not() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "token_env = \"HOOK_TOKEN\"");
    let run = |arguments: &[&str]| {
        let common =
            ["alert", "--replay", "--from", "2026-01-14", "--to", "2026-01-16", "--out", "out", "--now", NOW];
        let mut command = night.scenario.command(&[&common, arguments].concat());
        let output = command.env("HOOK_TOKEN", "swordfish").output().expect("starts");
        crate::command::Ended::new(output)
    };
    receiver.plan(|_| Reply::Status(400, ""));
    let ended = night.command().env("HOOK_TOKEN", "swordfish").output().expect("starts");
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert_eq!(night.told("hook")["rejected"], night.events().len());
    let shown = run(&["--dry-run", "--state", "state"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    assert!(!shown.stdout.contains("swordfish") && !shown.stdout.contains("hunter2"), "{}", shown.stdout);
    let shown: Vec<Value> =
        shown.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(shown.iter().all(|preview| preview["feed"] == "hook"), "the lines were delivered");
    let events: usize =
        shown.iter().map(|preview| preview["body"]["events"].as_array().expect("events").len()).sum();
    assert_eq!(events, night.events().len());
    receiver.plan(|_| Reply::Taken);
    let sent = run(&["--state", "state", "--feed", "hook"]);
    assert_eq!(sent.status, 0, "{}", sent.stderr);
    assert_eq!(receiver.counts().len(), night.events().len());
    assert_eq!(run(&["--state", "state"]).status, 0);
    assert!(receiver.counts().values().all(|times| *times == 1), "what was delivered is not sent again");
    let before = receiver.counts();
    assert_eq!(run(&["--state", "state", "--feed", "hook", "--again"]).status, 0);
    assert!(receiver.counts().keys().eq(before.keys()), "the same keys");
    assert!(receiver.counts().values().all(|times| *times == 2), "all of it, since that was asked for");
    assert_eq!(run(&[]).status, 2, "without a state, nobody knows what was told");
}

#[test]
fn a_replay_tells_one_feed_what_lies_in_its_time_and_nobody_else() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    let lines = night.scenario.path("alerts.jsonl");
    std::fs::create_dir(&lines).expect("writable");
    receiver.plan(|_| Reply::Status(503, ""));
    assert_eq!(night.scan().status, 3);
    std::fs::remove_dir(&lines).expect("it is empty");
    receiver.plan(|_| Reply::Taken);
    let run = |from: &str, to: &str, more: &[&str]| {
        let common = [
            "alert", "--replay", "--from", from, "--to", to, "--out", "out", "--state", "state", "--now", NOW,
        ];
        night.scenario.run(&[&common, more].concat())
    };
    let before = run("2026-01-01", "2026-01-02", &[]);
    assert_eq!((before.status, receiver.seen().len(), night.lines().len()), (0, 0, 0), "{}", before.stdout);
    assert_eq!(run("2026-01-01", "2026-01-02", &["--dry-run"]).stdout, "");
    let turned = run("2026-01-16", "2026-01-14", &[]);
    assert_eq!((turned.status, turned.stderr.contains("is after --to")), (2, true), "{}", turned.stderr);
    let sent = run("2026-01-14", "2026-01-16", &["--feed", "hook"]);
    assert_eq!((sent.status, receiver.counts().len()), (0, night.events().len()), "{}", sent.stdout);
    assert_eq!(night.lines().len(), 0, "nobody else");
    // A test is of that feed alone, and is sent or not asked for.
    receiver.forget();
    assert_eq!(night.scenario.run(&["alert", "--test", "hook", "--dry-run"]).status, 2);
    assert!(receiver.seen().is_empty());
    night.feeds(&receiver, "secret_env = \"HOOK_SECRET\"");
    assert_eq!(night.scenario.run(&["alert", "--test", "lines"]).status, 0, "another feed's secret");
}

#[test]
fn check_says_what_a_feed_lacks_and_shows_no_secret() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "secret_env = \"HOOK_SECRET\"\nmatch = { severity = \"high\" }");
    let lacking = night.scenario.run(&["check"]);
    assert_eq!(lacking.status, 2);
    assert!(
        lacking.stderr.contains("feed hook") && lacking.stderr.contains("HOOK_SECRET"),
        "{}",
        lacking.stderr
    );
    let scan = night.scan();
    assert_eq!(scan.status, 2, "a scan does not begin either");
    let output = night.scenario.command(&["check"]).env("HOOK_SECRET", "swordfish").output().expect("starts");
    let fine = crate::command::Ended::new(output);
    assert_eq!(fine.status, 0, "{}", fine.stderr);
    assert!(fine.stdout.contains("feed hook (webhook): all series, high or more severe"), "{}", fine.stdout);
    assert!(!fine.stdout.contains("swordfish") && receiver.seen().is_empty(), "{}", fine.stdout);
}

#[test]
fn check_knows_a_key_that_no_pagerduty_has() {
    let scenario = Scenario::new();
    let feed = "[[feed]]\nname = \"pd\"\ntype = \"pagerduty\"\nrouting_key_env = \"PD_KEY\"\n";
    scenario.write("trailpulse.toml", feed);
    let check = |key: &str| {
        let output = scenario.command(&["check"]).env("PD_KEY", key).output().expect("starts");
        Ended::new(output)
    };
    let short = check("swordfish");
    assert_eq!(
        (short.status, short.stderr.contains("its routing key is not 32")),
        (2, true),
        "{}",
        short.stderr
    );
    assert!(!short.stderr.contains("swordfish"), "{}", short.stderr);
    assert_eq!(check(&"R1".repeat(16)).status, 0);
}

#[test]
fn a_damaged_ledger_is_told_before_anything_is_done() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    assert_eq!(night.scan().status, 0);
    let shown = night.scenario.run(&["state", "state"]).stdout;
    assert!(shown.contains("known, 0 events still to be told to a feed"), "{shown}");
    let ledger =
        tree(&night.scenario.path("state")).into_iter().find(|(name, _)| name.starts_with("ledger-"));
    let ledger = format!("state/{}", ledger.expect("a ledger").0);
    night.scenario.write(&ledger, "no ledger");
    let before = tree(&night.scenario.path("out"));
    for command in [["-q", "state", "state"].as_slice(), &["-q", "check", "--state", "state"]] {
        let ended = night.scenario.run(command);
        assert_eq!(ended.status, 2, "{command:?}");
        assert!(ended.stderr.contains("the ledger of alerts is damaged"), "{command:?}: {}", ended.stderr);
    }
    let ended = night.scan();
    assert_eq!((ended.status, ended.stderr.contains("the ledger of alerts is damaged")), (2, true));
    assert!(tree(&night.scenario.path("out")) == before, "nothing was published");
}
