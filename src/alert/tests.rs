//! Made-up insights in, messages and what is remembered of them out.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::ledger::{Found, Ledger, Message, Outcome};
use super::notice::{Notice, Status, key};
use super::plan::{Again, Moment, plan, replan};
use super::route::{Reason, Told, route};
use super::{found, trial};
use crate::cloudtrail::insight::State;
use crate::config::{Config, Feed};
use crate::detect::Direction;
use crate::insight::Insight;
use crate::severity::Severity;
use crate::time::Minute;

fn now() -> DateTime<Utc> {
    "2026-02-03T10:00:00Z".parse().expect("a time")
}

const fn moment(now: DateTime<Utc>) -> Moment {
    Moment { now, since: DateTime::UNIX_EPOCH, judged_until: None }
}

/// A Start or an End of the insight of that number: each is of an API and an account of its own, which begins in that minute
/// of the day.
fn insight(number: u16, state: State, severity: Severity) -> Insight {
    let mut insight = trial::insight("x", now());
    let begin = Minute::parse("2026-02-03T00:00:00Z").expect("a time").plus(i32::from(number) % 600);
    insight.shared_id = Uuid::from_u128(u128::from(number) + 1);
    insight.event_id = Uuid::from_u128((u128::from(number) + 1) * 10 + u128::from(state == State::End));
    insight.series.api.account = format!("{number:012}").into();
    insight.series.api.event_name = format!("Api{number}").into();
    insight.state = state;
    insight.start = begin;
    insight.event_time = if state == State::End { begin.plus(10) } else { begin };
    insight.explanation.detected_at = begin.plus(1);
    insight.explanation.severity = severity;
    insight
}

fn start(number: u16) -> Insight {
    insight(number, State::Start, Severity::High)
}

fn end(number: u16) -> Insight {
    insight(number, State::End, Severity::High)
}

fn feeds(text: &str) -> Vec<Feed> {
    Config::load(text, "f.toml").expect("a sound configuration").feeds
}

fn feed(more: &str) -> Feed {
    feeds(&format!("[[feed]]\nname = \"f\"\ntype = \"jsonl\"\npath = \"x\"\n{more}")).remove(0)
}

fn all(insights: &[Insight]) -> Vec<Found> {
    insights.iter().map(found).collect()
}

fn made(ledger: &Ledger, feed: &Feed) -> Vec<(Message, Notice)> {
    ledger.pending(feed).collect()
}

/// Each pending message as its key and the ids of its events.
fn messages(ledger: &Ledger, feed: &Feed) -> Vec<(String, BTreeSet<String>)> {
    ledger
        .pending(feed)
        .map(|(message, notice)| {
            let ids = notice.events.iter().map(|event| event.record.event_id.clone()).collect();
            assert_eq!(message.key, notice.key.to_string());
            (message.key, ids)
        })
        .collect()
}

#[test]
fn who_is_told_what_and_why_not() {
    let muted = {
        let mut insight = start(1);
        insight.explanation.muted_by = Some("m".into());
        insight
    };
    let low = insight(1, State::Start, Severity::Low);
    let pending = Some(Outcome::Pending);
    let no_match = Some(Outcome::Untold(Reason::NoMatch));
    let yes = Told::Yes;
    let no = Told::No;
    let high = "match = { severity = \"high\" }";
    let cases = [
        ("a Start", "", start(1), None, yes),
        ("muted", "", muted, None, no(Reason::Muted)),
        ("too mild", high, low, None, no(Reason::NoMatch)),
        ("severe enough", high, start(1), None, yes),
        ("another account", "match = { account = \"9*\" }", start(1), None, no(Reason::NoMatch)),
        ("that account", "match = { account = \"000000000001\" }", start(1), None, yes),
        ("going down", "match = { direction = \"down\" }", start(1), None, no(Reason::NoMatch)),
        ("nobody", "match = { principal = \"role/*\" }", start(1), None, no(Reason::NoMatch)),
        ("its End", "", end(1), pending.clone(), yes),
        ("delivered", "", end(1), Some(Outcome::Delivered), yes),
        ("ends are not wanted", "resolved = false", end(1), pending.clone(), no(Reason::EndsUntold)),
        ("held back", "", end(1), Some(Outcome::HeldBack), no(Reason::StartUntold)),
        ("rejected", "", end(1), Some(Outcome::Rejected("x".into())), no(Reason::StartUntold)),
        ("older than the feed", "", end(1), None, no(Reason::StartUntold)),
        ("worse than it looked", high, end(1), no_match.clone(), yes),
        ("as mild as it looked", high, insight(1, State::End, Severity::Low), no_match, no(Reason::NoMatch)),
        ("milder at the End", high, insight(1, State::End, Severity::Low), pending, yes),
    ];
    for (what, more, insight, before, want) in cases {
        let event = found(&insight).event;
        assert_eq!(route(&feed(more), &event, before.as_ref(), DateTime::UNIX_EPOCH), want, "{what}");
    }
    // Who was told that it began waits for the end, whatever mutes it by now.
    let mut over = end(1);
    over.explanation.muted_by = Some("m".into());
    let over = found(&over).event;
    let ended = |more: &str, before: Outcome| route(&feed(more), &over, Some(&before), DateTime::UNIX_EPOCH);
    assert_eq!(ended("", Outcome::Delivered), yes);
    assert_eq!(ended("resolved = false", Outcome::Delivered), no(Reason::EndsUntold));
    for before in [Outcome::Pending, Outcome::HeldBack, Outcome::Untold(Reason::Muted)] {
        assert_eq!(ended("", before), no(Reason::Muted));
    }
    let event = found(&start(1)).event;
    assert_eq!(event.direction(), Direction::Up);
    assert_eq!(route(&feed(""), &event, None, now()), no(Reason::Old));
}

#[test]
fn what_belongs_together_is_one_message_and_keeps_its_incident() {
    let feeds = [feed("")];
    let same = |number: u16, minutes: i32, state: State| {
        let mut insight = insight(number, state, Severity::High);
        insight.series.api.account = "111122223333".into();
        insight.series.api.event_name = "RunInstances".into();
        insight.series.api.region = format!("region-{number}").into();
        let begin = Minute::parse("2026-02-03T08:00:00Z").expect("a time").plus(minutes);
        (insight.start, insight.event_time) = (begin, begin);
        insight.explanation.detected_at = begin.plus(1);
        if state == State::End {
            insight.event_time = begin.plus(10);
        }
        insight
    };
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[same(2, 5, State::Start), same(3, 9, State::Start)]), &feeds, moment(now()));
    let first = made(&ledger, &feeds[0]);
    assert_eq!((first.len(), first[0].1.events.len()), (1, 2));
    assert_eq!(first[0].1.status, Status::Firing);
    // One that began before those joins later; and all end.
    let later =
        [same(1, 1, State::Start), same(1, 1, State::End), same(2, 5, State::End), same(3, 9, State::End)];
    plan(&mut ledger, all(&later), &feeds, moment(now() + TimeDelta::hours(1)));
    let pending = made(&ledger, &feeds[0]);
    assert_eq!(pending.len(), 2);
    assert_eq!(pending[0], first[0], "what was planned stays as it was");
    assert_eq!(pending[1].1.incident, first[0].1.incident, "receivers know it by that");
    assert_eq!((pending[1].1.status, pending[1].1.members.len()), (Status::Resolved, 3));
}

#[test]
fn the_most_severe_is_told_before_the_cap_is_reached_and_ends_are_told_in_any_case() {
    let feeds = [feed("at_most = 1")];
    let mut ledger = Ledger::default();
    let found =
        [insight(1, State::Start, Severity::Low), insight(2, State::Start, Severity::Critical), start(3)];
    let planned = plan(&mut ledger, all(&found), &feeds, moment(now()));
    assert_eq!(planned["f"].held_back, 2);
    let pending = made(&ledger, &feeds[0]);
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].1.severity, pending[0].1.held_back), (Severity::Critical, 2));
    // Of the three, only one was told to have begun.
    let soon = moment(now() + TimeDelta::minutes(30));
    plan(&mut ledger, all(&[end(1), end(2), end(3), start(4)]), &feeds, soon);
    let pending = made(&ledger, &feeds[0]);
    assert_eq!(pending.len(), 2);
    assert_eq!(pending[1].0.events, [end(2).event_id.to_string()]);
    assert_eq!(pending[1].1.held_back, 0, "an end begins nothing");
    let later = moment(now() + TimeDelta::minutes(61));
    plan(&mut ledger, all(&[start(5)]), &feeds, later);
    let pending = made(&ledger, &feeds[0]);
    assert_eq!(pending.len(), 3, "an hour later there is room again");
    assert_eq!(pending[2].1.held_back, 1, "the other that began");
}

#[test]
fn what_is_worse_than_all_of_the_hour_is_told_and_what_is_held_back_is_said() {
    let at = |minutes: i64| moment(now() + TimeDelta::minutes(minutes));
    let feeds = [feed("at_most = 1")];
    let mut ledger = Ledger::default();
    let medium = insight(1, State::Start, Severity::Medium);
    plan(&mut ledger, all(&[medium, insight(9, State::Start, Severity::Low)]), &feeds, at(0));
    plan(&mut ledger, all(&[start(2), start(3), start(4)]), &feeds, at(10));
    let pending = made(&ledger, &feeds[0]);
    assert_eq!(pending.len(), 2, "one that is worse than what was told");
    assert_eq!((pending[1].1.severity, pending[1].1.held_back), (Severity::High, 2));
    plan(&mut ledger, all(&[start(5), end(5), start(6)]), &feeds, at(20));
    assert_eq!(made(&ledger, &feeds[0]).len(), 2);
    // Of the last two nobody was told anything. Once there is room again, one of them says so, with its end.
    plan(&mut ledger, Vec::new(), &feeds, at(69));
    assert_eq!(made(&ledger, &feeds[0]).len(), 2, "no room yet");
    plan(&mut ledger, Vec::new(), &feeds, at(71));
    let pending = made(&ledger, &feeds[0]);
    assert_eq!((pending.len(), pending[2].1.held_back), (3, 1));
    assert_eq!(pending[2].0.events, [start(5), end(5)].map(|insight| insight.event_id.to_string()));
    plan(&mut ledger, Vec::new(), &feeds, at(200));
    assert_eq!(made(&ledger, &feeds[0]).len(), 3, "once");
    let late = all(&[start(7), start(8)]);
    plan(&mut ledger, late, &feeds, at(270));
    ledger.mute(&[], now());
    assert_eq!(made(&ledger, &feeds[0])[3].1.held_back, 1);
    // An old ledger does not say how severe the hour was.
    let text = String::from_utf8(ledger.to_bytes()).expect("text");
    let (before, rest) = text.split_once(",\"worst\":").expect("it is there");
    let (_, after) = rest.split_once('}').expect("it ends");
    let old = format!("{before}{after}");
    let mut ledger = Ledger::from_bytes(old.as_bytes()).expect("as it was");
    plan(&mut ledger, all(&[insight(10, State::Start, Severity::Critical)]), &feeds, at(275));
    assert_eq!(made(&ledger, &feeds[0]).len(), 4, "the cap holds");
}

#[test]
fn an_end_does_not_take_the_number_of_what_was_held_back() {
    let pagerduty = "type = \"pagerduty\"\nrouting_key_env = \"K\"";
    for kind in [pagerduty, "type = \"webhook\"\nurl = \"https://soar.example\""] {
        let text = format!("[[feed]]\nname = \"f\"\n{kind}\nat_most = 1\ngroup = \"none\"\n");
        let feeds = feeds(&text);
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(1)]), &feeds, moment(now()));
        ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
        let soon = moment(now() + TimeDelta::minutes(5));
        plan(&mut ledger, all(&[end(1), start(2), start(3), start(4)]), &feeds, soon);
        let pending = made(&ledger, &feeds[0]);
        assert_eq!((pending.len(), pending[0].1.held_back), (1, 0), "what resolves does not say it");
        // Those are over, too, by the time that there is room.
        plan(&mut ledger, all(&[end(2), end(3)]), &feeds, moment(now() + TimeDelta::minutes(50)));
        plan(&mut ledger, Vec::new(), &feeds, moment(now() + TimeDelta::minutes(61)));
        let pending = made(&ledger, &feeds[0]);
        assert_eq!((pending.len(), pending[1].1.held_back), (2, 2), "what triggers does");
        assert_eq!(pending[1].0.events, [start(2), end(2)].map(|insight| insight.event_id.to_string()));
    }
}

#[test]
fn only_what_is_still_held_back_is_counted() {
    let feeds = [feed("at_most = 1")];
    let at = |minutes: i64| moment(now() + TimeDelta::minutes(minutes));
    let eve = |number: u16| by_eve(number, State::Start, Severity::Medium);
    // Of one incident, two times.
    let held_back = || {
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(100)]), &feeds, at(0));
        plan(&mut ledger, all(&[eve(1), eve(2)]), &feeds, at(5));
        plan(&mut ledger, all(&[eve(3)]), &feeds, at(10));
        ledger
    };
    let last = |ledger: &Ledger| made(ledger, &feeds[0]).pop().expect("it is told");
    let mut ledger = held_back();
    plan(&mut ledger, Vec::new(), &feeds, at(61));
    let (message, notice) = last(&ledger);
    assert_eq!((message.events.len(), notice.held_back), (3, 0), "all are sent after all");
    let mut ledger = held_back();
    plan(&mut ledger, all(&[start(200)]), &feeds, at(61));
    assert_eq!(last(&ledger).1.held_back, 1, "one message would have told them");
    plan(&mut ledger, all(&[start(201)]), &feeds, at(130));
    assert_eq!(last(&ledger).1.held_back, 0, "that was said");
    let mut ledger = held_back();
    replan(&mut ledger, all(&[eve(1), eve(2), eve(3)]), &feeds[0], at(20), Again::No);
    plan(&mut ledger, all(&[start(200)]), &feeds, at(61));
    assert_eq!(last(&ledger).1.held_back, 0, "somebody asked for them");
    let mut ledger = held_back();
    let rule = "[[mute]]\nreason = \"known\"\nprincipal = \"user/eve\"";
    ledger.mute(&Config::load(rule, "f.toml").expect("a sound configuration").mutes, at(20).now);
    plan(&mut ledger, all(&[start(200)]), &feeds, at(61));
    assert_eq!(last(&ledger).1.held_back, 0, "a rule mutes them");
    // An old ledger has a number.
    let text = String::from_utf8(held_back().to_bytes()).expect("text");
    let old = text.replace("\"held_since\"", "\"held_back\":7,\"held_since\"");
    assert_ne!(old, text);
    assert_eq!(Ledger::from_bytes(old.as_bytes()).expect("as it was"), held_back());
}

#[test]
fn an_end_follows_its_start_that_is_told_again_and_closes_what_that_had_opened() {
    let feeds = feeds("[[feed]]\nname = \"f\"\ntype = \"pagerduty\"\nrouting_key_env = \"K\"\n").remove(0);
    let later = moment(now() + TimeDelta::hours(1));
    let id = |insight: Insight| insight.event_id.to_string();
    let told = |ledger: &Ledger| -> Vec<(Vec<String>, Vec<String>)> {
        let ids = |notice: &Notice| notice.events.iter().map(|event| event.record.event_id.clone()).collect();
        made(ledger, &feeds).iter().map(|(_, notice)| (ids(notice), notice.opened.clone())).collect()
    };
    let opened = || vec![start(1).shared_id.to_string()];
    let one = std::slice::from_ref(&feeds);
    for (outcome, want) in [
        (Outcome::Delivered, vec![(vec![id(start(1))], Vec::new()), (vec![id(end(1))], opened())]),
        // Nobody was told of that one: both halves open it, in order.
        (
            Outcome::Rejected("x".into()),
            vec![(vec![id(start(1))], Vec::new()), (vec![id(end(1))], Vec::new())],
        ),
    ] {
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(1)]), one, moment(now()));
        ledger.note("f", &id(start(1)), Outcome::Delivered);
        // The receiver is down as it ends.
        plan(&mut ledger, all(&[end(1), end(2)]), one, later);
        ledger.note("f", &id(start(1)), outcome);
        for found in [all(&[start(1)]), all(&[start(1), end(1)])] {
            let mut ledger = ledger.clone();
            replan(&mut ledger, found, &feeds, later, Again::Yes);
            assert_eq!(told(&ledger), want);
            assert_eq!(Ledger::from_bytes(&ledger.to_bytes()).expect("as written"), ledger);
        }
    }
    // Told again before it ends, to a receiver that is down, or that does not want it this time.
    for outcome in [Outcome::Pending, Outcome::Rejected("x".into())] {
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(1)]), one, moment(now()));
        ledger.note("f", &id(start(1)), Outcome::Delivered);
        replan(&mut ledger, all(&[start(1)]), &feeds, later, Again::Yes);
        ledger.note("f", &id(start(1)), outcome);
        plan(&mut ledger, all(&[end(1)]), one, later);
        assert_eq!(told(&ledger).pop(), Some((vec![id(end(1))], opened())));
    }
}

#[test]
fn what_comes_while_another_goes_on_is_of_its_incident() {
    let feeds = [feed("")];
    let incidents = |judged_until: Option<Minute>, has_ended: bool| {
        let at = |minutes: i64| Moment { judged_until, ..moment(now() + TimeDelta::minutes(minutes)) };
        let mut ledger = Ledger::default();
        let first = if has_ended { vec![State::Start, State::End] } else { vec![State::Start] };
        let first: Vec<Insight> = first.into_iter().map(|state| by_eve(1, state, Severity::High)).collect();
        plan(&mut ledger, all(&first), &feeds, at(0));
        // Five hours after it was noticed.
        plan(&mut ledger, all(&[by_eve(300, State::Start, Severity::High)]), &feeds, at(10));
        made(&ledger, &feeds[0])
            .into_iter()
            .map(|(message, _)| message.incident)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let judged = Minute::parse("2026-02-03T06:00:00Z");
    assert_eq!(incidents(judged, false), 1, "that goes on");
    assert_eq!(incidents(judged, true), 2, "that was over");
    assert_eq!(incidents(None, false), 2, "nobody says that it went on");
}

#[test]
fn what_somebody_asks_for_is_sent_whatever_the_cap_and_in_one_message() {
    let feeds = [feed("at_most = 1\ngroup = \"none\"")];
    let mut ledger = Ledger::default();
    let found = all(&[start(1), start(2), start(3)]);
    plan(&mut ledger, found.clone(), &feeds, moment(now()));
    ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
    for (again, want) in [(Again::No, 2), (Again::Yes, 3)] {
        let mut ledger = ledger.clone();
        replan(&mut ledger, found.clone(), &feeds[0], moment(now() + TimeDelta::minutes(5)), again);
        assert_eq!(made(&ledger, &feeds[0]).len(), want, "{again:?}");
        assert!(ledger.outcomes("f").values().all(|outcome| **outcome != Outcome::HeldBack));
        plan(&mut ledger, all(&[start(4)]), &feeds, moment(now() + TimeDelta::minutes(70)));
        assert_eq!(made(&ledger, &feeds[0]).len(), want + 1, "it counts nowhere");
    }
    // What waits in a message of several stays there; what is told anew is there no more.
    let feeds = [feed("")];
    let mut ledger = Ledger::default();
    let found = all(&[by_eve(1, State::Start, Severity::High), by_eve(2, State::Start, Severity::High)]);
    plan(&mut ledger, found.clone(), &feeds, moment(now()));
    let before = messages(&ledger, &feeds[0]);
    for outcome in [Outcome::Rejected("x".into()), Outcome::Delivered] {
        ledger.note("f", &start(1).event_id.to_string(), outcome);
        replan(&mut ledger, found.clone(), &feeds[0], moment(now()), Again::Yes);
        let after = messages(&ledger, &feeds[0]);
        assert_eq!((before.len(), after.len()), (1, 2));
        assert_eq!(after[0], (before[0].0.clone(), BTreeSet::from([start(2).event_id.to_string()])));
        assert_eq!(after[1].1, BTreeSet::from([start(1).event_id.to_string()]));
    }
    assert_eq!(Ledger::from_bytes(&ledger.to_bytes()).expect("as written"), ledger);
}

/// The same, all by one caller: they are one incident.
fn by_eve(number: u16, state: State, severity: Severity) -> Insight {
    let mut insight = insight(number, state, severity);
    insight.explanation.contributors = vec![crate::attribution::Contributor {
        attribute: crate::attribution::Contributing::Identity,
        value: "arn:aws:iam::111122223333:user/eve".to_owned(),
        calls: 9,
        usual: 0.0,
    }];
    insight
}

#[test]
fn a_message_speaks_of_what_its_feed_is_told_and_of_nothing_else() {
    let all_of_it = feed("");
    let some = Feed { name: "g".into(), ..feed("match = { name = \"Api2\" }") };
    let feeds = [all_of_it, some];
    let mut muted = by_eve(1, State::Start, Severity::Critical);
    muted.explanation.muted_by = Some("m".into());
    let (two, three) = (by_eve(2, State::Start, Severity::Medium), by_eve(3, State::Start, Severity::High));
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[muted, two, three]), &feeds, moment(now()));
    let last = |ledger: &Ledger, feed: usize| {
        made(ledger, &feeds[feed]).pop().map(|(_, notice)| notice).expect("it is told")
    };
    let names = |notice: &Notice| -> Vec<&str> {
        ["Api1", "Api2", "Api3"].into_iter().filter(|name| notice.sentence.contains(name)).collect()
    };
    let [of_all, of_some] = [last(&ledger, 0), last(&ledger, 1)];
    assert_eq!((names(&of_all), of_all.severity), (vec!["Api2", "Api3"], Severity::High));
    assert_eq!((names(&of_some), of_some.severity), (vec!["Api2"], Severity::Medium));
    assert_eq!((of_all.members.len(), of_some.members.len()), (2, 1));
    // A feed that was told of one hears that it is over when that is, and not when all is.
    plan(&mut ledger, all(&[by_eve(2, State::End, Severity::Medium)]), &feeds, moment(now()));
    let [of_all, of_some] = [last(&ledger, 0), last(&ledger, 1)];
    assert_eq!((of_all.status, of_some.status), (Status::Firing, Status::Resolved));
    assert!(of_all.until.is_none() && of_some.until.is_some());
    // A rule that is written while they wait.
    let rule = "[[mute]]\nreason = \"known\"\nname = \"Api3\"";
    ledger.mute(&Config::load(rule, "f.toml").expect("a sound configuration").mutes, now());
    let of_all = last(&ledger, 0);
    assert_eq!((names(&of_all), of_all.severity), (vec!["Api2"], Severity::Medium));
}

#[test]
fn a_rule_that_is_written_because_of_an_alert_does_not_keep_its_end() {
    let feeds = [feed("")];
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1), start(2)]), &feeds, moment(now()));
    ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
    plan(&mut ledger, all(&[end(1), end(2)]), &feeds, moment(now()));
    let rule = "[[mute]]\nreason = \"known\"\naccount = \"0*\"";
    ledger.mute(&Config::load(rule, "f.toml").expect("a sound configuration").mutes, now());
    let told = messages(&ledger, &feeds[0]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, BTreeSet::from([end(1).event_id.to_string()]));
}

#[test]
fn an_end_does_not_close_a_later_insight_that_has_the_same_labels() {
    let feeds = feeds(
        "[[feed]]\nname = \"f\"\ntype = \"alertmanager\"\nurl = \"https://am.example\"\ngroup = \"none\"",
    );
    // The same series two hours later.
    let later = |state: State| {
        let mut later = insight(2, state, Severity::High);
        later.series = start(1).series;
        later.start = later.start.plus(120);
        later.event_time = later.event_time.plus(120);
        later
    };
    let outlived = |known: &[Insight], delivered: &[Insight]| {
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(1)]), &feeds, moment(now()));
        ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
        plan(&mut ledger, all(&[end(1)]), &feeds, moment(now()));
        plan(&mut ledger, all(known), &feeds, moment(now()));
        for insight in delivered {
            ledger.note("f", &insight.event_id.to_string(), Outcome::Delivered);
        }
        let first = made(&ledger, &feeds[0]).swap_remove(0).1;
        assert_eq!(first.opened, [start(1).shared_id.to_string()]);
        first.outlived == first.opened
    };
    let (begins, ends) = (later(State::Start), later(State::End));
    assert!(!outlived(&[], &[]));
    assert!(outlived(std::slice::from_ref(&begins), &[]));
    assert!(outlived(std::slice::from_ref(&begins), std::slice::from_ref(&begins)));
    let both = [begins, ends];
    assert!(outlived(&both, &both[..1]));
    assert!(!outlived(&both, &both), "that is over, too");
    assert!(!outlived(&[start(3)], &[]), "another series");
    let mut milder = later(State::Start);
    milder.explanation.severity = Severity::Low;
    assert!(!outlived(&[milder], &[]), "another label");
}

#[test]
fn what_a_clock_that_was_ahead_has_noted_holds_nobody_up() {
    let feeds = [feed("at_most = 1")];
    let ahead = now() + TimeDelta::days(700);
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1)]), &feeds, moment(ahead));
    ledger.rest("f", Some(ahead));
    ledger.note_run(ahead);
    ledger.forget_future(now());
    plan(&mut ledger, all(&[start(2)]), &feeds, moment(now()));
    ledger.note_run(now());
    assert_eq!(made(&ledger, &feeds[0]).len(), 2, "nothing was told within the hour");
    assert_eq!(ledger.resting("f"), None);
    let day = TimeDelta::days(1);
    assert_eq!(ledger.since(now() + day * 7), now() - day, "down for a week");
    assert_eq!(ledger.give_up(&feeds[0], now() + day * 3, "x"), 2);
    // A server may ask for an hour, and the clocks of two runs may differ a little.
    let asked = now() + TimeDelta::minutes(65);
    ledger.rest("f", Some(asked));
    ledger.forget_future(now());
    assert_eq!(ledger.resting("f"), Some(asked));
}

#[test]
fn what_was_noted_and_never_published_is_told_to_nobody() {
    let feeds = [feed("")];
    for is_published in [true, false] {
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(1)]), &feeds, moment(now()));
        let before = ledger.clone();
        ledger.note_unpublished(std::iter::once(start(2).event_id.to_string()));
        plan(&mut ledger, all(&[start(2)]), &feeds, moment(now()));
        let mut ledger = Ledger::from_bytes(&ledger.to_bytes()).expect("as written");
        assert!(ledger.has_unpublished());
        ledger.forget_unpublished(|event| {
            assert_eq!(event.record.event_id, start(2).event_id.to_string());
            is_published
        });
        assert!(!ledger.has_unpublished());
        assert_eq!(messages(&ledger, &feeds[0]).len(), 1 + usize::from(is_published));
        assert!(is_published || ledger.outcomes("f") == before.outcomes("f"), "as if it had not been");
    }
}

#[test]
fn a_feed_that_is_new_is_not_told_the_past() {
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1)]), &[], moment(now()));
    let feeds = [feed("")];
    plan(&mut ledger, all(&[start(1), end(1), start(2)]), &feeds, moment(now()));
    let told = messages(&ledger, &feeds[0]);
    assert_eq!(told.len(), 1);
    assert!(told[0].1.contains(&start(2).event_id.to_string()));
}

#[test]
fn an_end_closes_only_what_an_earlier_run_has_opened() {
    let feeds = [feed("")];
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1)]), &feeds, moment(now()));
    // The receiver was down: the Start is still to be sent when its End is found.
    plan(&mut ledger, all(&[end(1)]), &feeds, moment(now() + TimeDelta::hours(1)));
    let pending: Vec<_> = ledger.pending(&feeds[0]).collect();
    assert_eq!(pending.len(), 2);
    assert!(pending.iter().all(|(_, notice)| notice.opened.is_empty()), "somebody has to look at it");
    ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
    let pending: Vec<_> = ledger.pending(&feeds[0]).collect();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].1.opened, [start(1).shared_id.to_string()]);
}

#[test]
fn what_is_left_of_a_message_keeps_its_key() {
    let feeds = [feed("")];
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1), end(1)]), &feeds, moment(now()));
    let before = messages(&ledger, &feeds[0]);
    ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
    let after = messages(&ledger, &feeds[0]);
    assert_eq!((before[0].1.len(), after[0].1.len()), (2, 1));
    assert_eq!(before[0].0, after[0].0);
    assert_eq!(ledger.give_up(&feeds[0], now() + TimeDelta::days(2), "x"), 0);
    assert_eq!(ledger.give_up(&feeds[0], now() + TimeDelta::days(3), "x"), 1);
    assert_eq!(messages(&ledger, &feeds[0]), []);
}

#[test]
fn what_nobody_needs_is_forgotten_and_what_is_pending_is_not() {
    let feeds = [feed("")];
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1), start(2)]), &feeds, moment(now()));
    ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
    plan(&mut ledger, Vec::new(), &feeds, moment(now() + TimeDelta::days(100)));
    assert_eq!(messages(&ledger, &feeds[0]).len(), 1);
    assert_eq!(ledger.outcomes("f").len(), 1);
    let text = String::from_utf8(ledger.to_bytes()).expect("text");
    assert!(!text.contains("Api1\\\"") && text.contains("Api2\\\""), "{text}");
    plan(&mut ledger, Vec::new(), &[], moment(now() + TimeDelta::days(100)));
    assert_eq!(ledger, Ledger::default(), "the feed is gone, and nobody waits for it");
}

#[test]
fn a_feed_that_is_away_for_a_run_is_told_nothing_twice() {
    let feeds = [feed("")];
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[start(1), start(2)]), &feeds, moment(now()));
    ledger.note("f", &start(1).event_id.to_string(), Outcome::Delivered);
    let later = |days: i64| moment(now() + TimeDelta::days(days));
    let planned = plan(&mut ledger, Vec::new(), &[], later(1));
    assert_eq!(messages(&ledger, &feeds[0]).len(), 1, "it may be back soon");
    assert_eq!((ledger.orphans(&[])["f"], planned["f"].given_up), (1, 0), "and somebody hears of it");
    assert!(ledger.orphans(&feeds).is_empty());
    let planned = plan(&mut ledger, Vec::new(), &[], later(4));
    assert_eq!((ledger.orphans(&[]).len(), planned["f"].given_up), (0, 1));
    assert_eq!(messages(&ledger, &feeds[0]), []);
    plan(&mut ledger, all(&[start(1), start(2), end(1)]), &feeds, later(5));
    assert_eq!(ledger.outcomes("f")[&*start(1).event_id.to_string()], &Outcome::Delivered);
    let told = messages(&ledger, &feeds[0]);
    assert_eq!(told.len(), 1, "it knows that this one began");
    assert_eq!(told[0].1, BTreeSet::from([end(1).event_id.to_string()]));
}

#[test]
fn a_feed_that_fails_in_run_after_run_is_left_alone_for_longer_and_longer() {
    let mut ledger = Ledger::default();
    for (run, minutes) in
        [None, Some(2), Some(4), Some(8), Some(16), Some(30), Some(30)].into_iter().enumerate()
    {
        let now = now() + TimeDelta::hours(i64::try_from(run).expect("small"));
        ledger.fail("f", now);
        let want = minutes.map(|minutes| now + TimeDelta::minutes(minutes));
        assert_eq!(ledger.resting("f"), want, "run {run}");
    }
    ledger.recover("f");
    ledger.fail("f", now() + TimeDelta::days(1));
    assert!(ledger.resting("f").is_some_and(|until| until < now() + TimeDelta::days(1)), "begins anew");
    // Who asked for more gets it.
    let asked = now() + TimeDelta::days(2);
    ledger.rest("f", Some(asked));
    ledger.fail("f", now() + TimeDelta::days(1));
    assert_eq!(ledger.resting("f"), Some(asked));
}

#[test]
fn what_a_newer_rule_mutes_is_not_sent() {
    let feeds = [feed("")];
    let rules = |text: &str| {
        let text = format!("[[mute]]\nreason = \"known\"\n{text}");
        Config::load(&text, "f.toml").expect("a sound configuration").mutes
    };
    let by_eve = {
        let mut insight = start(2);
        let eve = crate::attribution::Contributor {
            attribute: crate::attribution::Contributing::Identity,
            value: "arn:aws:iam::111122223333:user/eve".to_owned(),
            calls: 9,
            usual: 0.0,
        };
        insight.explanation.contributors = vec![eve];
        (insight.explanation.observed, insight.explanation.bound) = (10.0, 2.0);
        insight
    };
    // Of two that are pending, 0 and 2, how many are told: the second by eve.
    let cases = [
        ("name = \"Nothing\"", 2),
        ("name = \"Api2\"", 1),
        ("account = \"0*\"", 0),
        ("account = \"0*\"\nexpires = 2026-02-03T00:00:00Z", 2),
        ("account = \"0*\"\nfrom = 2026-02-03\nto = \"2026-02-03T00:02\"", 1),
        ("principal = \"user/eve\"", 1),
        ("principal = \"user/mallory\"", 2),
    ];
    for (rule, want) in cases {
        let rules = rules(rule);
        let mut ledger = Ledger::default();
        plan(&mut ledger, all(&[start(0), by_eve.clone()]), &feeds, moment(now()));
        ledger.mute(&rules, now());
        assert_eq!(messages(&ledger, &feeds[0]).len(), want, "{rule}");
        let muted = ledger.outcomes("f").into_values();
        let muted = muted.filter(|outcome| **outcome == Outcome::Untold(Reason::Muted)).count();
        assert_eq!(muted, 2 - want, "{rule}");
        // What is found from now on was judged by it, with all its calls at hand.
        plan(&mut ledger, all(&[start(3)]), &feeds, moment(now()));
        ledger.mute(&rules, now() + TimeDelta::hours(1));
        assert_eq!(messages(&ledger, &feeds[0]).len(), want + 1, "{rule}");
    }
    let mut crowd = by_eve;
    crowd.explanation.bound = 1.0;
    let mut ledger = Ledger::default();
    plan(&mut ledger, all(&[crowd]), &feeds, moment(now()));
    ledger.mute(&rules("principal = \"user/eve\""), now());
    assert_eq!(messages(&ledger, &feeds[0]).len(), 1, "nobody hides behind a muted caller");
}

#[test]
fn a_run_tells_what_was_noticed_since_a_day_before_the_last() {
    let mut ledger = Ledger::default();
    let day = TimeDelta::days(1);
    assert_eq!(ledger.since(now()), now() - day, "feeds that were added later");
    ledger.note_run(now());
    assert_eq!(ledger.since(now()), now() - day, "the second step of a backfill");
    assert_eq!(ledger.since(now() + day * 7), now() - day, "down for a week");
    assert_eq!(ledger.since(now() - day), now() - day * 2, "a clock that was put back");
    let before = ledger.clone();
    ledger.note_run(now() + TimeDelta::minutes(1));
    assert_eq!(ledger, before, "a run a minute writes nothing");
    ledger.note_run(now() + day);
    assert_eq!(ledger.since(now() + day), now());
    assert_eq!(Ledger::from_bytes(&ledger.to_bytes()).expect("as written"), ledger);
}

#[test]
fn a_ledger_of_another_version_is_not_touched() {
    for (text, want) in [("{\"format\":2}", "format 2"), ("{}", "damaged"), ("no", "damaged")] {
        let error = Ledger::from_bytes(text.as_bytes()).expect_err(text);
        assert!(error.to_string().contains(want), "{error}");
    }
}

/// Some insights, in any order, with whatever came of them.
fn some() -> impl Strategy<Value = Vec<Insight>> {
    let one = (0_u16..12, 0_usize..4, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 0..12).prop_map(|drawn| {
        let mut insights = Vec::new();
        for (number, severity, has_ended, is_muted) in drawn {
            let states = if has_ended { vec![State::Start, State::End] } else { vec![State::Start] };
            for state in states {
                let mut insight = insight(number, state, Severity::ALL[severity]);
                insight.explanation.muted_by = is_muted.then(|| "m".into());
                if insights.iter().all(|known: &Insight| known.event_id != insight.event_id) {
                    insights.push(insight);
                }
            }
        }
        insights
    })
}

fn two_feeds() -> Vec<Feed> {
    let (all, some) = (
        "[[feed]]\nname = \"all\"\ntype = \"jsonl\"\npath = \"x\"\n",
        "group = \"none\"\nmatch = { severity = \"high\" }\n",
    );
    feeds(&format!("{all}{}{some}", all.replace("all", "some")))
}

proptest! {
    #[test]
    fn planning_again_changes_nothing(insights in some()) {
        let (feeds, mut ledger) = (two_feeds(), Ledger::default());
        plan(&mut ledger, all(&insights), &feeds, moment(now()));
        let once = ledger.clone();
        plan(&mut ledger, all(&insights), &feeds, moment(now() + TimeDelta::minutes(5)));
        prop_assert_eq!(&ledger, &once);
        prop_assert_eq!(&Ledger::from_bytes(&ledger.to_bytes()).expect("as written"), &once);
    }

    #[test]
    fn every_event_is_in_one_message_or_has_a_reason(insights in some(), split in 0_usize..13) {
        let (feeds, mut ledger) = (two_feeds(), Ledger::default());
        let (first, second) = insights.split_at(split.min(insights.len()));
        plan(&mut ledger, all(first), &feeds, moment(now()));
        plan(&mut ledger, all(second), &feeds, moment(now()));
        for feed in &feeds {
            let mut times = BTreeMap::<String, usize>::new();
            for (_, ids) in messages(&ledger, feed) {
                for id in ids {
                    *times.entry(id).or_default() += 1;
                }
            }
            let outcomes = ledger.outcomes(&feed.name);
            prop_assert_eq!(outcomes.len(), insights.len());
            for (id, outcome) in outcomes {
                let want = usize::from(*outcome == Outcome::Pending);
                prop_assert_eq!(times.get(id).copied().unwrap_or(0), want, "{} {:?}", id, outcome);
            }
        }
        for insight in insights.iter().filter(|insight| !insight.alerts()) {
            let outcome = ledger.outcomes("all")[&*insight.event_id.to_string()].clone();
            prop_assert_eq!(outcome, Outcome::Untold(Reason::Muted));
        }
    }

    #[test]
    fn in_two_runs_the_same_is_told_as_in_one(insights in some(), split in 0_usize..13) {
        let feeds = two_feeds();
        let (mut once, mut twice) = (Ledger::default(), Ledger::default());
        plan(&mut once, all(&insights), &feeds, moment(now()));
        // An End is never found before its Start.
        let mut in_order = insights;
        in_order.sort_by_key(|insight| (insight.state, insight.event_time));
        let (first, second) = in_order.split_at(split.min(in_order.len()));
        plan(&mut twice, all(first), &feeds, moment(now()));
        plan(&mut twice, all(second), &feeds, moment(now()));
        for feed in &feeds {
            prop_assert_eq!(once.outcomes(&feed.name), twice.outcomes(&feed.name));
        }
    }

    #[test]
    fn keys_are_of_feeds_and_of_sets(ids in prop::collection::btree_set("[a-c\n:1]{1,4}", 1..4), other in prop::collection::btree_set("[a-c\n:1]{1,4}", 1..4)) {
        let forward: Vec<&str> = ids.iter().map(String::as_str).collect();
        let backward: Vec<&str> = ids.iter().rev().map(String::as_str).collect();
        let others: Vec<&str> = other.iter().map(String::as_str).collect();
        prop_assert_eq!(key("f", &forward), key("f", &backward));
        prop_assert_ne!(key("f", &forward), key("g", &forward));
        prop_assert_eq!(key("f", &forward) == key("f", &others), ids == other);
    }
}
