//! Every parameter of the model, and a series of which other insights are told when it is moved.
use super::*;

/// The verdicts on one series under one model: which insights open and close, and when.
fn verdicts(model: &Model, series: &Series) -> Vec<String> {
    let Series { watched_since, counted, until } = series;
    let mut detector = ApiDetector::new(Minute::from_epoch(counted[0].0), Minute::from_epoch(*watched_since));
    let mut events = Vec::new();
    detector.advance(model, &minutes(counted), Minute::from_epoch(*until), &mut events);
    told(&events, MONDAY)
}

/// A series as it is judged.
struct Series {
    watched_since: i32,
    counted: Vec<Counted>,
    until: i32,
}

const fn day(day: i32) -> i32 {
    MONDAY + day * MINUTES_PER_DAY
}

/// A number from 0 to 1 that looks random.
fn noise(minute: i32) -> f64 {
    let mixed =
        minute.cast_unsigned().wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(2_246_822_519);
    f64::from(mixed >> 8) / f64::from(1 << 24)
}

/// Calls a minute of an office: noisy, from 8 to 18 h ten times as many as at night, a fifth of it on weekends.
fn office(days: i32, calls: f64) -> Vec<Counted> {
    let rate = |minute: i32| {
        let hour = minute.rem_euclid(MINUTES_PER_DAY) / 60;
        let weekend = if minute / MINUTES_PER_DAY % 7 >= 5 { 0.2 } else { 1.0 };
        calls * weekend * if (8..18).contains(&hour) { 1.0 } else { 0.1 }
    };
    (0..days * MINUTES_PER_DAY)
        .map(|minute| {
            (
                MONDAY + minute,
                ((rate(minute) * 2.0 * noise(minute) + noise(minute + 7)) as i32).cast_unsigned(),
                vec![],
            )
        })
        .filter(|(_, calls, _)| *calls > 0)
        .collect()
}

/// Bursts, failures and silences every few days, from small to large, and another level.
fn happen(counted: &mut Vec<Counted>) {
    for (index, at) in (0_i32..).zip([2, 5, 9, 11, 13, 16, 18]) {
        burst(counted, day(at) + 300 * index, 1 + 4 * index, 8 + 6 * index.cast_unsigned(), 0);
    }
    for (index, at) in (0_i32..).zip([4, 6, 8, 10, 12, 14]) {
        let failed = 2 + index.cast_unsigned();
        burst(counted, day(at) + 1000, 3 + 3 * index, failed + 3, failed);
    }
    for (index, at) in [(1, 12), (2, 15), (3, 17), (4, 17), (30, 20)] {
        let at = day(at) + 550 + 100 * index;
        counted.retain(|(minute, ..)| !(at..at + 50 * index).contains(minute));
    }
    raise(counted, day(26) + 1);
    burst(counted, day(27), 10, 60, 0);
    burst(counted, day(30), 30, 300, 3);
}

/// From `at` on there are four times as many calls.
fn raise(counted: &mut [Counted], at: i32) {
    for (_, calls, _) in counted.iter_mut().filter(|(minute, ..)| *minute >= at) {
        *calls *= 4;
    }
}

fn series(name: &str) -> Series {
    let mut watched_since = MONDAY;
    let mut counted = match name {
        "rare calls" => steady(40, 600, 1),
        "some calls" => steady(40, 10, 2),
        "many calls" => steady(40, 1, 3),
        "an office" => office(40, 8.0),
        "a night job" => {
            (0..40).flat_map(|night| (0..5).map(move |it| (day(night) + 120 + it, 50, vec![]))).collect()
        }
        "an old API" => steady(2, 60, 3),
        "failures" => steady(20, 10, 2),
        "a new API" => {
            watched_since = day(-20);
            (0..600).map(|minute| (MONDAY + 700 + minute, 5, vec![(7, 2)])).collect()
        }
        "a young API" => {
            watched_since = day(-20);
            steady(3, 10, 2)
        }
        "a new level" | "a thinner API" => steady(20, 1, 3),
        other => panic!("no series {other}"),
    };
    match name {
        "an old API" => burst(&mut counted, day(50), 3, 60, 0),
        "a night job" => {
            counted.retain(|(minute, ..)| !(day(20)..day(21)).contains(minute));
            (0..5).for_each(|it| burst(&mut counted, day(20) + 160 + it, 1, 50, 0));
            burst(&mut counted, day(30) + 700, 5, 90, 0);
            burst(&mut counted, day(31) + 700, 5, 90, 0);
        }
        "a new API" => {}
        // Failures of a tenth, some dozens in many calls, and a few in few.
        "failures" => {
            for (_, _, errors) in counted.iter_mut().step_by(10) {
                *errors = vec![(7, 1)];
            }
            burst(&mut counted, day(11), 5, 6, 4);
            burst(&mut counted, day(13), 10, 400, 40);
            burst(&mut counted, day(15), 4, 3, 3);
            burst(&mut counted, day(17), 10, 20, 6);
        }
        "a young API" => burst(&mut counted, day(1) + 700, 5, 60, 0),
        "a new level" => {
            raise(&mut counted, day(10));
            burst(&mut counted, day(11), 5, 40, 0);
            counted.retain(|(minute, ..)| !(day(11) + 700..day(11) + 900).contains(minute));
        }
        "a thinner API" => {
            for (_, calls, _) in
                counted.iter_mut().filter(|(minute, ..)| (day(12)..day(12) + 300).contains(minute))
            {
                *calls = 1;
            }
        }
        _ => happen(&mut counted),
    }
    let until = counted.last().expect("some minutes").0 + 1;
    Series { watched_since, counted, until }
}

/// Each parameter, a value it is moved to, and the series that shows it.
const CASES: &[(&str, &str, &str)] = &[
    ("memory.warm_days", "14", "many calls"),
    ("memory.days", "14", "many calls"),
    ("memory.forget_days", "28", "an old API"),
    ("expectation.fast_slots", "12.5", "many calls"),
    ("expectation.slow_slots", "672", "an office"),
    ("expectation.day_days", "3.5", "many calls"),
    ("expectation.week_share", "0.7", "an office"),
    ("expectation.profile_calls", "8", "some calls"),
    ("expectation.gain_keep", "0.8", "an office"),
    ("expectation.gain_prior", "2000", "an office"),
    ("expectation.gain_limit", "1", "an office"),
    ("expectation.loss_keep", "0.8", "many calls"),
    ("expectation.loss_scale", "1", "many calls"),
    ("expectation.reach_slots", "1", "some calls"),
    ("expectation.reach_minutes", "0", "an office"),
    ("expectation.rhythm_weight", "1", "an office"),
    ("expectation.outlier_deviations", "10", "some calls"),
    ("expectation.outlier_calls", "20", "some calls"),
    ("expectation.outlier_age_days", "6", "some calls"),
    ("dispersion.cluster_prior", "2.3", "a night job"),
    ("dispersion.cluster_min", "2", "an office"),
    ("dispersion.spread_prior", "0.6", "many calls"),
    ("dispersion.spread_min", "0.008", "many calls"),
    ("dispersion.cluster_weight", "1e6", "rare calls"),
    ("dispersion.spread_weight", "2", "many calls"),
    ("dispersion.spread_calls", "1e6", "many calls"),
    ("dispersion.high_share", "0.05", "an office"),
    ("dispersion.usual_deviations", "20", "many calls"),
    ("dispersion.keep", "0.8", "many calls"),
    ("dispersion.relearn_day", "12", "many calls"),
    ("dispersion.relearn_week", "16", "many calls"),
    ("dispersion.relearn_keep", "0.6", "many calls"),
    ("contextual.z", "12", "many calls"),
    ("contextual.excess", "56", "an office"),
    ("contextual.total", "200", "many calls"),
    ("contextual.ratio", "3", "many calls"),
    ("contextual.age_days", "1", "a young API"),
    ("record.alpha", "1e-5", "many calls"),
    ("record.prior_days", "10", "some calls"),
    ("record.prior_spread", "0.5", "an office"),
    ("record.prior_counting", "0.0625", "an office"),
    ("record.kind_factor", "5", "an office"),
    ("record.floor", "12", "some calls"),
    ("record.excess", "1400", "an office"),
    ("record.z", "12", "an office"),
    ("accepted.z", "12", "some calls"),
    ("accepted.prior_days", "20", "an office"),
    ("accepted.factor", "1.3", "a night job"),
    ("accepted.ratio", "3", "a night job"),
    ("accepted.strike_share", "1", "many calls"),
    ("accepted.profile_weight", "1", "an office"),
    ("accepted.profile_days", "12", "many calls"),
    ("first_seen.calls", "80", "a new API"),
    ("first_seen.accounts", "30", "a new API"),
    ("first_seen.failures", "30", "a new API"),
    ("first_seen.absorb_minutes", "90", "a new API"),
    ("drop.z", "10", "many calls"),
    ("drop.short_z", "1.4", "many calls"),
    ("drop.age_days", "30", "an office"),
    ("drop.expected", "24", "rare calls"),
    ("drop.share", "0.125", "many calls"),
    ("drop.flat_share", "0.2", "a thinner API"),
    ("drop.prior_days", "2.5", "many calls"),
    ("drop.prior_spread", "0.2", "many calls"),
    ("drop.floor", "2", "many calls"),
    ("drop.kind_factor", "1.5", "many calls"),
    ("drop.back_share", "0.25", "many calls"),
    ("drop.absorb_minutes", "720", "many calls"),
    ("errors.prior_errors", "30", "failures"),
    ("errors.prior_calls", "300", "failures"),
    ("errors.excess", "32", "failures"),
    ("errors.share", "0.05", "failures"),
    ("errors.calls_ratio", "1", "failures"),
    ("episode.calm_minutes", "30", "a night job"),
    ("episode.calm_evidence", "100", "many calls"),
    ("episode.z", "6", "many calls"),
    ("episode.absorb_minutes", "720", "a new level"),
    ("episode.settle_days", "0", "a new level"),
    ("episode.settle_factor", "3", "a new level"),
];

#[test]
fn moving_a_parameter_moves_a_verdict() {
    let mut usual = std::collections::BTreeMap::new();
    let mut unmoved = Vec::new();
    for (parameter, value, name) in CASES {
        let series = series(name);
        let before = usual.entry(name).or_insert_with(|| verdicts(&default_model(), &series));
        let moved = Model::load(&format!("{parameter} = {value}"), "moved").expect(parameter);
        if verdicts(&moved, &series) == *before {
            unmoved.push(parameter);
        }
    }
    // The first is worth a fifth of the false alarms on the benchmark, of jobs that begin when they like, and no short
    // series shows it; the second is about sums, and has its test in tests/it/rollup.rs.
    unmoved.retain(|parameter| !["expectation.reach_minutes", "first_seen.accounts"].contains(parameter));
    assert!(unmoved.is_empty(), "these move nothing: {unmoved:?}");
    let covered: Vec<&str> = CASES.iter().map(|(parameter, ..)| *parameter).collect();
    let all = default_model().parameters().entries();
    let all: Vec<String> = all.iter().map(|entry| format!("{}.{}", entry.table, entry.key)).collect();
    assert_eq!(covered, all, "one case a parameter, in the order of models/default.toml");
}
