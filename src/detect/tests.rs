//! Counts of one API, written as data -> the events they must give.
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::model::{Entry, Model};
use crate::time::MINUTES_PER_DAY;

mod lasting;
mod parameters;

/// 2025-02-10T00:00Z, a Monday.
const MONDAY: i32 = 28_985_760;

/// One minute: calls, and failed calls by code.
type Counted = (i32, u32, Vec<(CodeId, u32)>);

fn default_model() -> Model {
    Model::builtin("default").expect("the default model")
}

fn minutes(counted: &[Counted]) -> Vec<ApiMinute<'_>> {
    let minute = |(at, calls, errors): &'_ Counted| (Minute::from_epoch(*at), *calls, errors.len());
    counted
        .iter()
        .map(|it| {
            let (at, calls, _) = minute(it);
            ApiMinute { minute: at, rate_calls: calls, calls, errors: &it.2 }
        })
        .collect()
}

/// Judges `counted` up to the last of `cuts`, in as many calls of `advance` as there are cuts.
fn judge(model: &Model, counted: &[Counted], cuts: &[i32]) -> (ApiDetector, Vec<Event>) {
    let first = Minute::from_epoch(counted[0].0);
    let (mut detector, mut events, mut rest) = (ApiDetector::new(first, first), Vec::new(), minutes(counted));
    for cut in cuts {
        let later = rest.split_off(rest.partition_point(|minute| minute.minute.epoch() < *cut));
        detector.advance(model, &rest, Minute::from_epoch(*cut), &mut events);
        rest = later;
    }
    (detector, events)
}

/// What a series did, as a line a reader can check: `up Contextual 5 +0..+3 seen +1`, minutes counted from `origin`.
fn told(events: &[Event], origin: i32) -> Vec<String> {
    let at = |minute: &Minute| minute.epoch() - origin;
    events
        .iter()
        .map(|event| match event {
            Event::Opened { which, start, detected_at, evidence } => format!(
                "{which:?} {:?} {:?} {} from {} at {}",
                evidence.direction,
                evidence.rule,
                evidence.window_minutes,
                at(start),
                at(detected_at)
            ),
            Event::Closed { which, end, closed_at, .. } => {
                format!("{which:?} closed to {} at {}", at(end), at(closed_at))
            }
        })
        .collect()
}

/// A steady API: `calls` every `every` minutes for `days` days from Monday.
fn steady(days: i32, every: i32, calls: u32) -> Vec<Counted> {
    (0..days * MINUTES_PER_DAY)
        .step_by(every.unsigned_abs() as usize)
        .map(|minute| (MONDAY + minute, calls, vec![]))
        .collect()
}

fn check(name: &str, counted: &[Counted], origin: i32, want: &[&str]) {
    let until = counted.last().expect("some minutes").0 + 1;
    let (_, events) = judge(&default_model(), counted, &[until]);
    let after: Vec<Event> = events
        .into_iter()
        .filter(|event| match event {
            Event::Opened { detected_at: at, .. } | Event::Closed { closed_at: at, .. } => {
                at.epoch() > origin
            }
        })
        .collect();
    assert_eq!(told(&after, origin), want, "{name}");
}

#[test]
fn a_burst_ends_with_the_first_usual_minute() {
    let at = MONDAY + 10 * MINUTES_PER_DAY + 600;
    for (every, usual) in [(1, 1), (1, 5), (5, 1)] {
        for (length, calls) in [(1, 60), (5, 60), (20, 60), (20, 30)] {
            let mut counted = steady(12, every, usual);
            burst(&mut counted, at, length, calls, 0);
            let (_, events) = judge(&default_model(), &counted, &[at + 600]);
            let spans: Vec<(i32, i32)> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Closed { start, end, .. } => Some((start.epoch() - at, end.epoch() - at)),
                    Event::Opened { .. } => None,
                })
                .collect();
            assert_eq!(spans, [(0, length)], "{length} min of {calls} on {usual} every {every} min");
        }
    }
}

/// Puts `calls` (and failures with code 7) on each of `length` minutes from `at`.
fn burst(counted: &mut Vec<Counted>, at: i32, length: i32, calls: u32, failed: u32) {
    for minute in at..at + length {
        let index = counted.partition_point(|(other, ..)| *other < minute);
        if counted.get(index).is_none_or(|(other, ..)| *other != minute) {
            counted.insert(index, (minute, 0, vec![]));
        }
        counted[index].1 += calls;
        if failed > 0 {
            counted[index].2 = vec![(7, failed)];
        }
    }
}

#[test]
fn what_is_told() {
    let day = |day: i32| MONDAY + day * MINUTES_PER_DAY;
    let at = day(10) + 600;
    let with = |mut counted: Vec<Counted>, (length, calls, failed): (i32, u32, u32)| {
        burst(&mut counted, at, length, calls, failed);
        counted
    };
    check("steady calls", &steady(12, 10, 2), at, &[]);
    check("a few calls more", &with(steady(12, 10, 2), (3, 3, 0)), at, &[]);
    check(
        "60 calls a minute against one in five",
        &with(steady(12, 10, 2), (3, 60, 0)),
        at,
        &["Calls Up Contextual 5 from 0 at 1", "Calls closed to 3 at 18"],
    );
    let nightly = |hour: i32| -> Vec<Counted> {
        (0..20).flat_map(|night| (0..5).map(move |it| (day(night) + hour * 60 + it, 50, vec![]))).collect()
    };
    check("the nightly job", &nightly(2), day(9), &[]);
    check(
        "failures",
        &with(steady(12, 1, 3), (10, 5, 4)),
        at,
        &["Errors(7) Up Contextual 5 from 0 at 3", "Errors(7) closed to 10 at 25"],
    );
    let mut new_job = steady(24, 10, 1);
    (10..24).for_each(|night| burst(&mut new_job, day(night) + 120, 5, 100, 0));
    check(
        "a new nightly job is told twice, then accepted",
        &new_job,
        day(10),
        &[
            "Calls Up Contextual 1 from 120 at 121",
            "Calls closed to 125 at 140",
            "Calls Up Contextual 5 from 1560 at 1563",
            "Calls closed to 1565 at 1580",
        ],
    );
    let mut gap = steady(20, 1, 3);
    gap.retain(|(minute, ..)| !(at..at + 300).contains(minute));
    check(
        "five hours of silence",
        &gap,
        at,
        &["Calls Down Drop 30 from 0 at 25", "Calls closed to 300 at 316"],
    );
    let mut shift = steady(20, 1, 3);
    for (minute, calls, _) in &mut shift {
        *calls *= if *minute >= at { 4 } else { 1 };
    }
    check("a new level", &shift, at, &["Calls Up Contextual 5 from 0 at 4", "Calls closed to 364 at 364"]);
    let mut first = steady(20, 1, 3);
    first.retain(|(minute, ..)| *minute >= at);
    check("a new API in a new account", &first, at, &[]);
}

/// Whoever fills the logs with error codes hides no other one, and the state stays small.
#[test]
fn a_flood_of_error_codes_is_bounded_and_hides_nothing() {
    let at = MONDAY + 10 * MINUTES_PER_DAY;
    let mut counted = steady(12, 1, 5);
    for (code, (_, _, errors)) in (100..).zip(counted.iter_mut().filter(|(minute, ..)| *minute < at)) {
        *errors = vec![(code, 1)];
    }
    burst(&mut counted, at + 30, 10, 10, 9);
    let mut crowd: Vec<(CodeId, u32)> = (0..5000).map(|code| (code, 1)).collect();
    crowd.push((1_000_000, 1000));
    counted.push((at + 2 * MINUTES_PER_DAY, 6000, crowd));
    let (detector, events) = judge(&default_model(), &counted, &[at + 3 * MINUTES_PER_DAY]);
    let told = told(&events, at);
    for event in
        ["Errors(7) Up Contextual 1 from 30 at 31", "Errors(1000000) Up Contextual 1 from 2880 at 2881"]
    {
        assert!(told.iter().any(|it| it == event), "{event}: {told:?}");
    }
    let mut bytes = Vec::new();
    ciborium::into_writer(&detector, &mut bytes).expect("state can be written");
    assert!(bytes.len() < 5_000_000, "{} bytes", bytes.len());
}

/// What AWS reported, rebuilt from its records: the days before as they say, and the calls that were reported.
/// Whether `name` opens an episode within them.
fn opens(name: &str, before: &[Counted], reported: (i32, u32, u32)) -> bool {
    let model = Model::builtin(name).expect(name);
    let (at, mut counted) = (MONDAY + 10 * MINUTES_PER_DAY + 600, before.to_vec());
    // Something else was recorded in the account from the first Monday on.
    let (length, calls, failed) = reported;
    burst(&mut counted, at, length, calls, failed);
    let mut detector = ApiDetector::new(Minute::from_epoch(counted[0].0), Minute::from_epoch(MONDAY));
    let mut events = Vec::new();
    detector.advance(&model, &minutes(&counted), Minute::from_epoch(at + length), &mut events);
    events.iter().any(|event| matches!(event, Event::Opened { start, .. } if start.epoch() >= at - 5))
}

#[test]
fn what_aws_reported() {
    let rare = [(MONDAY + 5 * MINUTES_PER_DAY + 77, 1, vec![])];
    let check = |name: &str, before: &[Counted], reported, want: [bool; 2]| {
        let got = ["aws-like", "default"].map(|model| opens(model, before, reported));
        assert_eq!(got, want, "{name}");
    };
    // The parts of a record's average that are not whole calls a minute are put on single minutes.
    check(
        "CompleteLifecycleAction, 3 calls in 5 minutes against 1 in 11336",
        &rare,
        (3, 1, 0),
        [true, false],
    );
    check("CompleteLifecycleAction, 5 calls in a minute against 1 in 10181", &rare, (1, 5, 0), [true, false]);
    let now_and_then = steady(10, 600, 1);
    check("DescribeQuery, 6 failures in a minute against none", &now_and_then, (1, 6, 6), [true, false]);
    // How many calls did not fail is not in the record: one a minute.
    let mut some_fail = steady(10, 1, 1);
    for (_, calls, errors) in some_fail.iter_mut().step_by(458) {
        *errors = vec![(7, *calls)];
    }
    check(
        "GetBucketPolicy, 4 failures in 3 minutes against 23 in 10542",
        &some_fail,
        (2, 2, 2),
        [true, false],
    );
    check(
        "UpdateInstanceAssociationStatus, 50 a minute against 1.76",
        &steady(10, 4, 7),
        (8, 50, 0),
        [true; 2],
    );
    check("664 a minute against 85", &steady(10, 1, 85), (5, 579, 0), [true; 2]);
    check("nothing but the usual", &steady(10, 1, 85), (5, 10, 0), [false; 2]);
}

/// 4 failures in 3 minutes against 23 in 10,542, however many calls succeed beside them, before or with them.
#[test]
fn aws_counts_failures_by_time() {
    let model = Model::builtin("aws-like").expect("aws-like");
    // AWS reports after a day and a half at the earliest.
    for (span, fails) in [(10_542, 23), (2160, 5)] {
        for succeed in [0, 300, 2000, 20_000] {
            for beside in [0, 1, 10] {
                let mut counted: Vec<Counted> = Vec::new();
                for it in 0..succeed {
                    burst(&mut counted, MONDAY + (span * it / succeed).max(1), 1, 1, 0);
                }
                for it in 0..fails {
                    burst(&mut counted, MONDAY + it * (span / fails), 1, 1, 1);
                }
                for (minute, failed) in (MONDAY + span..).zip([2, 1, 1]) {
                    burst(&mut counted, minute, 1, failed + beside, failed);
                }
                let (_, events) = judge(&model, &counted, &[MONDAY + span + 3]);
                let found = events.iter().any(|event| {
                    matches!(event, Event::Opened { which: Which::Errors(7), start, .. }
                        if start.epoch() >= MONDAY + span - 5)
                });
                assert!(found, "{fails} in {span} minutes, {succeed} succeed, {beside} beside: {events:?}");
            }
        }
    }
}

/// At no age is a new API not looked at; and after its first burst, a far larger one is told, too.
#[test]
fn a_new_api_is_judged_at_every_age() {
    for hours in [1, 5, 12, 20, 25, 30, 36, 47, 49, 60, 72] {
        let (born, at) =
            (MONDAY + 10 * MINUTES_PER_DAY + 77, MONDAY + 10 * MINUTES_PER_DAY + 77 + hours * 60);
        let mut counted: Vec<Counted> = (born..at).step_by(120).map(|minute| (minute, 1, vec![])).collect();
        burst(&mut counted, at, 5, 30, 0);
        burst(&mut counted, at + 180, 5, 300, 0);
        let mut detector = ApiDetector::new(Minute::from_epoch(born), Minute::from_epoch(MONDAY));
        let mut events = Vec::new();
        detector.advance(&default_model(), &minutes(&counted), Minute::from_epoch(at + 600), &mut events);
        let starts: Vec<i32> = events
            .iter()
            .filter_map(|event| match event {
                Event::Opened { start, .. } => Some(start.epoch() - at),
                Event::Closed { .. } => None,
            })
            .collect();
        assert_eq!(starts, [0, 180], "{hours} h: {events:?}");
    }
}

/// Up to a month of steady stretches, silences, bursts and single minutes of all sizes, with up to three codes; gaps of
/// decades, too.
fn any_counts() -> impl Strategy<Value = Vec<Counted>> {
    let gap = prop_oneof![8 => 1_i32..4, 4 => 4_i32..200, 2 => 200_i32..5000, 1 => 5000_i32..4_000_000];
    let calls = prop_oneof![6 => 1_u32..20, 2 => 20_u32..2000, 1 => 1_u32..=u32::MAX];
    let codes = proptest::collection::vec((0_u32..3, 0_u32..=100), 0..3);
    // Mostly one minute or a few; sometimes up to five days, a call every one to fifteen minutes.
    let stretch = prop_oneof![8 => (1_i32..4, Just(1)), 2 => (1_i32..7200, 1_i32..16)];
    let steps = proptest::collection::vec((gap, calls, codes, stretch), 1..60);
    (22_616_640_i32..60_000_000, steps).prop_map(|(start, steps)| {
        let mut at = start;
        let mut counted = Vec::new();
        for (gap, calls, mut codes, (length, every)) in steps {
            codes.sort_unstable();
            codes.dedup_by_key(|(code, _)| *code);
            let share = |percent: u32| (u64::from(calls) * u64::from(percent) / 100) as u32;
            let failed: Vec<(CodeId, u32)> =
                codes.into_iter().map(|(code, percent)| (code, share(percent))).collect();
            at += gap;
            for minute in (at..at + length).step_by(every.unsigned_abs() as usize) {
                if minute < 68_374_080 {
                    counted.push((minute, calls, failed.clone()));
                }
            }
            at += length;
        }
        if counted.is_empty() {
            counted.push((start, 1, vec![]));
        }
        counted
    })
}

/// Any valid model: each parameter somewhere in its range, most often at an end or at its default.
fn any_model() -> impl Strategy<Value = Model> {
    let entries = default_model().parameters().entries();
    proptest::collection::vec((0_u8..6, 0.0_f64..=1.0), entries.len()).prop_map(move |picks| {
        let mut text = String::new();
        for (Entry { table, key, value, range: (low, high), whole }, (pick, part)) in
            entries.iter().zip(picks)
        {
            let value = match pick {
                0 => *low,
                1 => *high,
                2 => low + part * (high - low),
                _ => *value,
            };
            let value = if *whole { format!("{}", value as i32) } else { format!("{value:e}") };
            writeln!(text, "{table}.{key} = {value}").expect("writing to a string cannot fail");
        }
        Model::load(&text, "any").expect("every value is in its range")
    })
}

/// Sensitivity 1, which is a path of its own, often enough.
fn any_sensitivity() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(0.1), Just(10.0), 0.1_f64..1.0, 1.0_f64..10.0, 0.9_f64..1.1]
}

/// When the end of the episode that began at `start` was told.
fn closed(events: &[Event], which: Which, start: Minute) -> Option<Minute> {
    events.iter().find_map(|event| match event {
        Event::Closed { which: of, start: begin, closed_at, .. } if *of == which && *begin == start => {
            Some(*closed_at)
        }
        Event::Opened { .. } | Event::Closed { .. } => None,
    })
}

/// What must hold for the events of any series.
fn sound(events: &[Event], until: i32) {
    let mut open: Vec<(Which, Minute)> = Vec::new();
    let mut ends: Vec<(Which, Minute)> = Vec::new();
    let mut last = (Minute::from_epoch(i32::MIN), 0);
    for event in events {
        match event {
            Event::Opened { which, start, detected_at, evidence } => {
                assert!(start < detected_at && detected_at.epoch() <= until, "{event:?}");
                assert!(open.iter().all(|(other, _)| other != which), "opened twice: {event:?}");
                assert!(
                    ends.iter().all(|(other, end)| other != which || end <= start),
                    "too early: {event:?}"
                );
                let numbers =
                    [evidence.observed, evidence.expected, evidence.bound, evidence.log10_probability];
                assert!(numbers.iter().all(|number| number.is_finite()), "{event:?}");
                match evidence.direction {
                    Direction::Up => assert!(evidence.observed >= evidence.bound, "{event:?}"),
                    Direction::Down => assert!(evidence.observed <= evidence.bound, "{event:?}"),
                }
                open.push((*which, *start));
            }
            Event::Closed { which, start, end, closed_at, peak } => {
                assert!(peak.log10_probability.is_finite() && peak.times.is_finite(), "{event:?}");
                assert!(peak.at <= *closed_at, "{event:?}");
                assert!(start < end && end <= closed_at && closed_at.epoch() <= until, "{event:?}");
                assert!(open.contains(&(*which, *start)), "closed but not open: {event:?}");
                open.retain(|(other, _)| other != which);
                ends.push((*which, *end));
            }
        }
        let time = match event {
            Event::Opened { detected_at: at, .. } | Event::Closed { closed_at: at, .. } => *at,
        };
        assert!(time >= last.0, "events are in order of time: {event:?}");
        last = (time, 0);
    }
}

/// The probability of an opening, from nothing but what its evidence says: the tail of a negative binomial.
fn recomputed(evidence: &Evidence) -> f64 {
    let Evidence { expected: mean, deviation, observed, .. } = *evidence;
    let shape = mean * mean / (deviation * deviation - mean);
    surprise::log10_probability(match evidence.direction {
        Direction::Up => surprise::above(observed, mean, shape),
        Direction::Down => surprise::below(observed, mean, shape),
    })
}

/// An episode that has ended: of what, from when to when it was open, which way, and how far it went.
type Ended = (Which, (Minute, Minute), Direction, Peak);

fn ended(events: &[Event]) -> Vec<Ended> {
    let mut open = Vec::new();
    let mut ended = Vec::new();
    for event in events {
        match event {
            Event::Opened { which, start, detected_at, evidence } => {
                open.push((*which, *start, *detected_at, *evidence));
            }
            Event::Closed { which, start, closed_at, peak, .. } => {
                let index = open.iter().position(|it| (it.0, it.1) == (*which, *start)).expect("was opened");
                let (_, _, detected_at, evidence) = open.remove(index);
                assert!(peak.log10_probability <= evidence.log10_probability, "{event:?} {evidence:?}");
                ended.push((*which, (detected_at, *closed_at), evidence.direction, *peak));
            }
        }
    }
    ended
}

/// Sensitivity moves outcomes, of every line, both ways.
#[test]
fn sensitivity_decides_how_much_is_found() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut found = std::collections::BTreeMap::<String, [usize; 3]>::new();
    for _ in 0..100 {
        let counted = any_counts().new_tree(&mut runner).expect("some counts").current();
        for (index, sensitivity) in [0.3, 1.0, 3.0].into_iter().enumerate() {
            let model = default_model().at_sensitivity(sensitivity);
            let (_, events) = judge(&model, &counted, &[counted[counted.len() - 1].0 + 5000]);
            for event in events {
                if let Event::Opened { evidence, .. } = event {
                    found.entry(format!("{:?}", evidence.rule)).or_default()[index] += 1;
                    found.entry("all".into()).or_default()[index] += 1;
                }
            }
        }
    }
    let all = found["all"];
    assert!(all[0] < all[1] && all[1] < all[2], "{found:?}");
    assert!(found["Drop"][0] < found["Drop"][2], "{found:?}");
    assert!(found["FirstSeen"][0] < found["FirstSeen"][2], "{found:?}");
}

/// The random counts reach every line, or the properties below prove little.
#[test]
fn random_counts_cross_every_line() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..200 {
        let counted = any_counts().new_tree(&mut runner).expect("some counts").current();
        let (_, events) = judge(&default_model(), &counted, &[counted[counted.len() - 1].0 + 5000]);
        seen.extend(events.iter().filter_map(|event| match event {
            Event::Opened { which, evidence, .. } => {
                let (told, again) = (evidence.log10_probability, recomputed(evidence));
                assert!((told - again).abs() <= 1e-6 * (1.0 + told.abs()), "{evidence:?} {again}");
                let kind = if *which == Which::Calls { "calls" } else { "errors" };
                Some(format!("{kind} {:?}", evidence.rule))
            }
            Event::Closed { .. } => None,
        }));
    }
    seen.sort();
    let counts: Vec<String> =
        seen.chunk_by(PartialEq::eq).map(|same| format!("{} {}", same[0], same.len())).collect();
    for rule in [
        "calls Contextual",
        "calls Record",
        "calls FirstSeen",
        "calls Drop",
        "errors Contextual",
        "errors Record",
    ] {
        assert!(counts.iter().any(|count| count.starts_with(rule)), "no {rule}: {counts:?}");
    }
    eprintln!("{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cuts_change_nothing(
        counted in any_counts(),
        cuts in proptest::collection::vec(0.0_f64..1.0, 0..20),
        sensitivity in any_sensitivity(),
    ) {
        let model = default_model().at_sensitivity(sensitivity);
        let (first, last) = (counted[0].0, counted[counted.len() - 1].0);
        let until = last + 5000;
        let mut at: Vec<i32> = cuts.iter().map(|part| first + (f64::from(until - first) * part) as i32).collect();
        at.extend(counted.iter().step_by(97).map(|(minute, ..)| minute + 1));
        at.push(until);
        at.sort_unstable();
        let (whole, pieces) = (judge(&model, &counted, &[until]), judge(&model, &counted, &at));
        prop_assert_eq!(&whole.1, &pieces.1);
        prop_assert!(whole.0 == pieces.0);
        sound(&whole.1, until);
    }

    #[test]
    fn stored_state_goes_on_as_if_nothing_happened(counted in any_counts(), part in 0.0_f64..1.0) {
        let model = default_model();
        let (first, until) = (counted[0].0, counted[counted.len() - 1].0 + 5000);
        let cut = first + 1 + (f64::from(until - first - 1) * part) as i32;
        let (whole, mut events) = judge(&model, &counted, &[until]);
        let before: Vec<Counted> = counted.iter().filter(|(minute, ..)| *minute < cut).cloned().collect();
        let (detector, mut told) = judge(&model, &before, &[cut]);
        let mut bytes = Vec::new();
        ciborium::into_writer(&detector, &mut bytes).expect("state can be written");
        let mut detector: ApiDetector = ciborium::from_reader(bytes.as_slice()).expect("state can be read");
        let after: Vec<Counted> = counted.iter().filter(|(minute, ..)| *minute >= cut).cloned().collect();
        detector.advance(&model, &minutes(&after), Minute::from_epoch(until), &mut told);
        prop_assert!(detector == whole);
        prop_assert_eq!(&told, &events);
        events.retain(|event| matches!(event, Event::Closed { .. }));
        prop_assert_eq!(detector.open_episodes(&model).count(), told.len() - 2 * events.len());
    }

    #[test]
    fn no_model_and_no_counts_confuse_it(
        model in any_model(),
        counted in any_counts(),
        sensitivity in any_sensitivity(),
    ) {
        let until = counted[counted.len() - 1].0 + 100_000;
        let (_, events) = judge(&model.at_sensitivity(sensitivity), &counted, &[until]);
        sound(&events, until);
    }

    #[test]
    fn more_sensitive_never_finds_less(
        counted in any_counts(),
        sensitivities in (any_sensitivity(), any_sensitivity()),
        model in prop_oneof![Just(default_model()), any_model()],
    ) {
        let (low, high) = (sensitivities.0.min(sensitivities.1), sensitivities.0.max(sensitivities.1));
        let until = counted[counted.len() - 1].0 + 5000;
        let (_, few) = judge(&model.clone().at_sensitivity(low), &counted, &[until]);
        let (_, many) = judge(&model.at_sensitivity(high), &counted, &[until]);
        let spans = |events: &[Event]| -> Vec<(Which, [Minute; 2])> {
            let span = |event: &Event| match event {
                Event::Opened { which, start, detected_at, .. } => {
                    let closed_at = closed(events, *which, *start).unwrap_or(Minute::from_epoch(i32::MAX));
                    Some((*which, [*detected_at, closed_at]))
                }
                Event::Closed { .. } => None,
            };
            events.iter().filter_map(span).collect()
        };
        let open_then = spans(&many);
        for (which, [detected_at, closed_at]) in spans(&few) {
            prop_assert!(
                open_then.iter().any(|(of, [from, until])| *of == which
                    && *from <= detected_at
                    && (*until >= closed_at || *until == detected_at)),
                "{low} {high} {which:?} {detected_at:?}..{closed_at:?}\n{few:#?}\n{many:#?}"
            );
        }
        // What is open around a whole episode of a lower sensitivity goes at least as far.
        let many = ended(&many);
        for (which, (from, to), direction, peak) in ended(&few) {
            let around = |it: &&Ended| (it.0, it.2) == (which, direction) && it.1.0 <= from && it.1.1 >= to;
            for (.., farther) in many.iter().filter(around) {
                let far = farther.log10_probability <= peak.log10_probability && farther.times >= peak.times;
                prop_assert!(far, "{low} {high} {peak:?} {farther:?}");
            }
        }
    }
}
