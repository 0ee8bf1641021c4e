//! Runs that end, are killed, or meet nobody -> every event delivered once.
use std::collections::BTreeSet;

use super::night::Night;
use super::receiver::{Receiver, Reply};
use crate::command::{Ended, tree};

/// Events by how often they came, with one message each.
fn assert_each_once(receiver: &Receiver, want: &BTreeSet<String>, what: &str) {
    let counts = receiver.counts();
    let ids: Vec<&String> = counts.keys().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), want.len(), "{what}: an event is in two messages, or missing: {counts:#?}");
    assert_eq!(&ids.into_iter().cloned().collect::<BTreeSet<_>>(), want, "{what}");
    assert!(counts.values().all(|times| *times == 1), "{what}: {counts:#?}");
}

#[test]
fn a_night_is_told_once_to_every_feed() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    let ended = night.scan();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let events = night.events();
    assert!(events.len() >= 4, "the night has insights: {events:?}");
    assert_each_once(&receiver, &events, "first");
    assert_eq!(night.lines().into_iter().collect::<BTreeSet<_>>(), events);
    assert!(
        ended.stdout.contains(&format!("Alerts to hook: {} delivered", events.len())),
        "{}",
        ended.stdout
    );
    assert_eq!(night.told("hook")["delivered"], events.len());
    let metrics = std::fs::read_to_string(night.scenario.path("prom/m.prom")).expect("metrics");
    assert!(
        metrics.contains(&format!("trailpulse_alerts_delivered{{feed=\"hook\"}} {}", events.len())),
        "{metrics}"
    );
    // One attack is one message.
    let incidents: BTreeSet<String> =
        receiver.taken().iter().map(|told| told.body["incident"].to_string()).collect();
    assert_eq!(incidents.len(), receiver.taken().len());
    assert!(receiver.taken().iter().all(|told| told.head.contains("user-agent: trailpulse/")));
    for run in ["again", "and again"] {
        assert_eq!(night.scan().status, 0, "{run}");
        assert_each_once(&receiver, &events, run);
        assert_eq!(night.lines().len(), events.len(), "{run}");
    }
    // To judge all again finds it all again, and tells nobody twice.
    let rescored = night.command().arg("--rescore").output().expect("starts");
    assert!(rescored.status.success(), "{rescored:?}");
    assert_each_once(&receiver, &events, "rescore");
}

#[test]
fn a_run_that_is_killed_before_any_step_loses_nothing_and_tells_nothing_with_another_key() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    assert_eq!(night.scan().status, 0);
    let (events, want) = (night.events(), receiver.counts());
    let (mut steps, mut twice) = (Vec::new(), 0);
    for step in 1.. {
        night.before();
        receiver.forget();
        let killed = night.command().env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output();
        let ended = Ended::new(killed.expect("starts"));
        if ended.status == 0 {
            break;
        }
        let what = ended.stderr.lines().last().unwrap_or_default().to_owned();
        assert!(what.starts_with(&format!("killed at step {step}: ")), "{what}");
        steps.push(what.clone());
        // What comes before anything is noted is a scan like any other; crash.rs goes through that.
        if !steps.iter().any(|known| known.contains("summary")) {
            continue;
        }
        let again = night.scan();
        assert_eq!(again.status, 0, "{what}\n{}", again.stderr);
        let counts = receiver.counts();
        assert_eq!(counts.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{what}");
        // Between sending and writing nobody knows; the receiver does, by the key.
        let is_repeat = counts.values().any(|times| *times > 1);
        twice += usize::from(is_repeat);
        let may_repeat = ["of a message", "ledger", "file of the state", "send a message", "feed's file"];
        assert!(!is_repeat || may_repeat.iter().any(|part| what.contains(part)), "{what}: {counts:#?}");
        assert_eq!(night.lines().into_iter().collect::<BTreeSet<_>>(), events, "{what}");
    }
    for step in [
        "create the ledger",
        "sync the ledger",
        "send a message",
        "note what became of a message",
        "create the checkpoint",
    ] {
        assert!(steps.iter().any(|known| known.contains(step)), "{step} is not among {steps:#?}");
    }
    assert!(twice > 0, "a kill after sending was among them");
}

#[test]
fn a_receiver_that_is_down_all_night_is_told_the_next_and_holds_nobody_up() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    receiver.plan(|_| Reply::Status(503, ""));
    let ended = night.scan();
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let events = night.events();
    assert!(
        ended.stdout.contains(&format!("ALERTS NOT DELIVERED to hook: {} pending", events.len())),
        "{}",
        ended.stdout
    );
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("hunter2"));
    assert_eq!(night.told("hook")["problem"], "status 503");
    assert_eq!(night.lines().len(), events.len(), "the other feed has all");
    let tried: BTreeSet<String> = receiver.seen().iter().map(super::receiver::Told::key).collect();
    assert!(receiver.seen().len() <= 8 && tried.len() <= 2, "it is let alone after a few failures");
    receiver.plan(|_| Reply::Taken);
    assert_eq!(night.scan().status, 0);
    assert_each_once(&receiver, &events, "the next night");
    assert!(receiver.taken().iter().any(|told| tried.contains(&told.key())), "the keys are the same");
    assert_eq!(night.lines().len(), events.len(), "the other feed is told nothing twice");
}

#[test]
fn what_cannot_be_delivered_for_too_long_is_given_up_and_said() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "give_up_after = \"2d\"");
    receiver.plan(|_| Reply::Reset);
    assert_eq!(night.scan().status, 3);
    let events = night.events().len();
    let later = Ended::new(night.command_at("2026-01-17T12:00:00Z").output().expect("starts"));
    assert_eq!(later.status, 3, "{}", later.stderr);
    assert_eq!(
        (&night.told("hook")["given_up"], &night.told("hook")["pending"]),
        (&events.into(), &0.into())
    );
    receiver.plan(|_| Reply::Taken);
    let after = Ended::new(night.command_at("2026-01-17T13:00:00Z").output().expect("starts"));
    assert_eq!((after.status, receiver.taken().len()), (0, 0), "{}", after.stderr);
}

#[test]
fn what_waits_for_a_feed_that_is_gone_is_said() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    receiver.plan(|_| Reply::Status(503, ""));
    assert_eq!(night.scan().status, 3);
    let events = night.events().len();
    let config = std::fs::read_to_string(night.scenario.path("trailpulse.toml")).expect("it is there");
    night.scenario.write("trailpulse.toml", config.replace("\"hook\"", "\"renamed\""));
    let renamed = night.scan();
    assert_eq!(renamed.status, 3, "{}", renamed.stderr);
    let line = format!("ALERTS NOT DELIVERED to hook: {events} pending (the configuration has no such feed)");
    assert!(renamed.stdout.contains(&line), "{}", renamed.stdout);
    let at = |now: &str| Ended::new(night.command_at(now).output().expect("starts")).status;
    assert_eq!(at("2026-01-19T12:00:00Z"), 3);
    assert_eq!(night.told("hook")["given_up"], events);
    assert_eq!(at("2026-01-19T13:00:00Z"), 0, "said once");
}

#[test]
fn a_rescore_that_is_killed_before_it_has_published_tells_nobody() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    assert_eq!(night.scan().status, 0);
    night.keep();
    let run = |arguments: &[&str], step: usize| {
        let mut command = night.command();
        command.args(["--sensitivity", "4"]).args(arguments);
        Ended::new(command.env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output().expect("starts"))
    };
    let mut later = 0;
    for step in 1.. {
        night.before();
        receiver.forget();
        let killed = run(&["--rescore", "--alert-since", "2026-01-10"], step);
        let what = killed.stderr.lines().last().unwrap_or_default();
        if killed.status == 0 || what.contains("checkpoint") {
            break;
        }
        assert!(what.starts_with("killed at step"), "{what}");
        assert_eq!(run(&[], 0).status, 0, "{what}");
        let told: BTreeSet<String> = receiver.counts().into_keys().map(|(_, id)| id).collect();
        let published = night.events();
        assert!(told.is_subset(&published), "{what}: {told:?} of {published:?}");
        assert!(published.is_empty() || told == published, "{what}: what is there is told");
        later += usize::from(!told.is_empty());
    }
    assert!(later > 0, "one was killed between publishing and telling");
}

#[test]
fn an_old_archive_alerts_nobody_unless_somebody_says_so() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    let scan = |state: &str, more: &[&str]| {
        let out = format!("{state}.out");
        let common = ["-q", "scan", "logs", "--state", state, "--out", &out];
        night.scenario.done(&[common.as_slice(), more].concat())
    };
    scan("archive", &["--now", "2026-03-01"]);
    assert_eq!(receiver.taken().len(), 0, "first run, old");
    scan("wanted", &["--now", "2026-03-01", "--alert-since", "2026-01-14"]);
    let all = receiver.counts().len();
    assert!(all >= 4, "as was asked for");
    receiver.forget();
    scan("fresh", &["--now", "2026-01-14T22:00"]);
    assert!((1..=all).contains(&receiver.counts().len()), "the last day of a first run");
    let aside = night.scenario.done(&["scan", "logs", "--out", "aside"]);
    assert!(aside.stderr.contains("told once needs a state"), "{}", aside.stderr);
}

#[test]
fn a_backfill_in_two_steps_alerts_nobody() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    let logs = night.scenario.path("logs");
    let scan = || {
        let arguments = ["-q", "scan", "logs", "--state", "s", "--out", "o", "--now", "2026-03-01"];
        night.scenario.done(&arguments);
    };
    let new = tree(&logs).into_iter().filter(|(name, _)| name.contains("/2026/01/1"));
    let new: Vec<_> = new.filter(|(name, _)| ["/14/", "/15/"].iter().any(|day| name.contains(day))).collect();
    for (name, _) in &new {
        std::fs::remove_file(logs.join(name)).expect("it is there");
    }
    scan();
    for (name, bytes) in &new {
        night.scenario.write(&format!("logs/{name}"), bytes);
    }
    scan();
    let insights = std::fs::read_to_string(night.scenario.path("o/insights.jsonl")).expect("insights");
    assert!(insights.contains("\"eventTime\":\"2026-01-14"), "the second step finds some");
    assert_eq!((receiver.seen().len(), night.lines().len()), (0, 0), "an archive alerts nobody");
}

#[test]
fn a_cap_holds_back_and_says_how_many() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "at_most = 1\ngroup = \"none\"");
    assert_eq!(night.scan().status, 0);
    let told = receiver.taken();
    assert_eq!(told.len(), 1, "{told:#?}");
    let held_back = told[0].body["held_back"].as_u64().expect("a number");
    assert!(held_back > 0);
    let of_summary = night.told("hook")["held_back"].as_u64().expect("a number");
    assert!(of_summary >= held_back, "messages have one event at least");
    assert_eq!(night.scan().status, 0);
    assert_eq!(receiver.taken().len(), 1, "what is held back stays so");
}

#[test]
fn a_ledger_of_every_format_that_there_was_goes_on() {
    for format in crate::state::FORMATS {
        let (night, receiver) = (Night::of_format(format), Receiver::new());
        night.feeds(&receiver, "");
        let at = |now: &str| {
            assert_eq!(Ended::new(night.command_at(now).output().expect("starts")).status, 0, "{now}");
        };
        at("2026-01-13T12:30:00Z");
        let events = night.events();
        let [end] = Vec::from_iter(&events)[..] else { panic!("the insight ends: {events:?}") };
        // What waited goes with the key that it had; who was told is told the end only.
        let (start, key) = ("ed8b02b9-a40b-5bd2-8ef1-e3810a480bec", "637501e7-fbe6-5a33-8032-67d7f92f4987");
        assert_each_once(
            &receiver,
            &BTreeSet::from([start.to_owned(), end.clone()]),
            "what waited, and the end",
        );
        assert!(
            receiver.counts().contains_key(&(key.to_owned(), start.to_owned())),
            "{:#?}",
            receiver.counts()
        );
        assert_eq!(night.lines(), std::slice::from_ref(end));
        receiver.forget();
        at("2026-01-13T13:00:00Z");
        assert_eq!((receiver.taken().len(), night.lines().len()), (0, 1));
    }
}
