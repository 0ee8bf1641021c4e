//! Receivers on a bad day -> bounded tries, bounded time, and what became of it said.
use super::night::Night;
use super::receiver::{Receiver, Reply};
use crate::command::Ended;

/// Answers to the first requests, and what comes of the night: requests for the first message, exit status, and whether
/// everything arrived.
struct Day {
    what: &'static str,
    plan: fn(usize) -> Reply,
    requests: usize,
    status: i32,
    outcome: &'static str,
}

#[test]
fn bad_days_are_survived() {
    let (night, receiver) = (Night::new(), Receiver::new());
    let elsewhere = Receiver::new();
    let days = [
        Day {
            what: "too many, for a second",
            plan: |time| if time == 1 { Reply::Status(429, "Retry-After: 1\r\n") } else { Reply::Taken },
            requests: 2,
            status: 0,
            outcome: "delivered",
        },
        Day {
            what: "too many, until a time",
            plan: |time| {
                if time == 1 {
                    Reply::Status(
                        429,
                        "Date: Tue, 03 Feb 2026 10:00:00 GMT\r\nRetry-After: Tue, 03 Feb 2026 10:00:01 GMT\r\n",
                    )
                } else {
                    Reply::Taken
                }
            },
            requests: 2,
            status: 0,
            outcome: "delivered",
        },
        Day {
            what: "down for a moment",
            plan: |time| if time <= 2 { Reply::Status(503, "") } else { Reply::Taken },
            requests: 3,
            status: 0,
            outcome: "delivered",
        },
        Day {
            what: "reset",
            plan: |time| if time == 1 { Reply::Reset } else { Reply::Taken },
            requests: 2,
            status: 0,
            outcome: "delivered",
        },
        Day {
            what: "an answer without end",
            plan: |_| Reply::Endless,
            requests: 1,
            status: 0,
            outcome: "delivered",
        },
        Day {
            what: "refused",
            plan: |_| Reply::Status(400, ""),
            requests: 1,
            status: 3,
            outcome: "rejected",
        },
        Day {
            what: "a long rest",
            plan: |_| Reply::Status(429, "Retry-After: 7200\r\n"),
            requests: 1,
            status: 3,
            outcome: "pending",
        },
        Day { what: "a drip", plan: |_| Reply::Drip, requests: 4, status: 3, outcome: "pending" },
    ];
    for day in days {
        night.before();
        receiver.forget();
        night.feeds(&receiver, "timeout = 1");
        receiver.plan(day.plan);
        let ended = night.scan();
        assert_eq!(ended.status, day.status, "{}: {}", day.what, ended.stderr);
        let seen = receiver.seen();
        let first = seen[0].key();
        let requests = seen.iter().filter(|told| told.key() == first).count();
        // A connection that is closed just when it is used again is tried at once by the client itself.
        let least = if day.what == "reset" { 1 } else { day.requests };
        assert!((least..=day.requests.max(least)).contains(&requests), "{}: {requests} requests", day.what);
        let told = night.told("hook");
        assert_eq!(told[day.outcome], night.events().len(), "{}: {told}", day.what);
        assert_eq!(night.lines().len(), night.events().len(), "{}: the other feed has all", day.what);
    }
    redirected(&night, &receiver, &elsewhere);
}

fn redirected(night: &Night, receiver: &Receiver, elsewhere: &Receiver) {
    night.before();
    night.feeds(receiver, "");
    let to: &'static str =
        Box::leak(format!("Location: http://127.0.0.1:{}/\r\n", elsewhere.port).into_boxed_str());
    receiver.plan(move |_| Reply::Status(307, to));
    let ended = night.scan();
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(elsewhere.seen().is_empty(), "nobody else is told");
    assert!(night.told("hook")["problem"].as_str().is_some_and(|problem| problem.contains("redirect")));
}

#[test]
fn a_server_that_wants_rest_gets_it_and_is_told_then() {
    let (night, receiver) = (Night::new(), Receiver::new());
    night.feeds(&receiver, "");
    receiver.plan(|_| Reply::Status(429, "Retry-After: 1800\r\n"));
    assert_eq!(night.scan().status, 3);
    receiver.plan(|_| Reply::Taken);
    let soon = Ended::new(night.command_at("2026-01-15T12:10:00Z").output().expect("starts"));
    assert_eq!((soon.status, receiver.seen().len()), (3, 0), "{}", soon.stdout);
    assert!(soon.stdout.contains("asked to be left alone"), "{}", soon.stdout);
    let later = Ended::new(night.command_at("2026-01-15T12:31:00Z").output().expect("starts"));
    assert_eq!((later.status, receiver.counts().len()), (0, night.events().len()), "{}", later.stderr);
}

#[test]
fn what_answers_in_another_tongue_and_what_is_private_is_not_told() {
    let (night, receiver) = (Night::new(), Receiver::new());
    let port = receiver.port;
    let feed = |url: &str, more: &str| {
        let text = format!("[[feed]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"{url}\"\n{more}");
        night.scenario.write("trailpulse.toml", text);
    };
    // It does not speak TLS.
    feed(&format!("https://127.0.0.1:{port}/"), "allow_private = true\n");
    // The request never becomes one that the receiver could read.
    let ended = night.scan();
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert_eq!(night.told("hook")["pending"], night.events().len());
    for url in [
        "http://127.0.0.1",
        "http://[::1]",
        "http://[::ffff:127.0.0.1]",
        "http://2130706433",
        "http://169.254.169.254",
    ] {
        feed(&format!("{url}:{port}/"), "");
        for command in [vec!["check"], vec!["scan", "logs", "--state", "state", "--out", "out"]] {
            let ended = night.scenario.run(&command);
            assert_eq!(ended.status, 2, "{url} {command:?}: {}", ended.stdout);
            assert!(ended.stderr.contains("allow_private"), "{}", ended.stderr);
        }
    }
    // A name is only known to lead there when it is looked up.
    night.before();
    feed(&format!("http://localhost:{port}/"), "");
    receiver.forget();
    let ended = night.scan();
    assert_eq!((ended.status, receiver.seen().len()), (3, 0), "{}", ended.stderr);
    assert!(ended.stdout.contains("private address"), "{}", ended.stdout);
}
