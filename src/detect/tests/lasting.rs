//! Changes of level that last -> one insight each, with its end, and then silence: what came to stay is usual.
use super::*;

/// Days that each series is watched, and the day and minute of its change.
const DAYS: i32 = 30;
const CHANGE: i32 = 15 * MINUTES_PER_DAY + 10 * 60;

/// Random numbers from a seed: xorshift.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Knuth's Poisson numbers.
    fn poisson(&mut self, mean: f64) -> u32 {
        let (least, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > least {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    fn binomial(&mut self, count: u32, share: f64) -> u32 {
        (0..count).map(|_| u32::from(self.uniform() < share)).sum()
    }
}

/// What a rate is multiplied by: always the same, by the hour of the day, by office hours and weekends.
fn season(kind: &str, minute: i32) -> f64 {
    let hour = f64::from(minute % MINUTES_PER_DAY) / 60.0;
    match kind {
        "flat" => 1.0,
        "daily" => 1.0 + 0.8 * ((hour - 14.0) / 12.0 * std::f64::consts::PI).cos(),
        "weekly" => {
            let day = if (8.0..18.0).contains(&hour) { 1.0 } else { 0.2 };
            if minute / MINUTES_PER_DAY % 7 >= 5 { 0.3 * day } else { day }
        }
        other => panic!("no season {other}"),
    }
}

/// A series of `rate` calls a minute, `shares` of which fail, each before and after the change.
fn changing(kind: &str, (rate, shares): ([f64; 2], [f64; 2]), seed: u64) -> Vec<Counted> {
    let mut noise = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut counted = Vec::new();
    for minute in 0..DAYS * MINUTES_PER_DAY {
        let late = usize::from(minute >= CHANGE);
        let calls = noise.poisson(rate[late] * season(kind, minute));
        let failed = noise.binomial(calls, shares[late]);
        if calls > 0 {
            counted.push((MONDAY + minute, calls, if failed > 0 { vec![(7, failed)] } else { vec![] }));
        }
    }
    counted
}

/// What is told of `which` beyond one start and one end.
fn check(name: &str, counted: &[Counted], which: Which, wrong: &mut Vec<String>) {
    let (_, events) = judge(&default_model(), counted, &[MONDAY + DAYS * MINUTES_PER_DAY]);
    let of_it = |event: &Event| match event {
        Event::Opened { which: of, .. } | Event::Closed { which: of, .. } => *of == which,
    };
    let events: Vec<Event> = events.into_iter().filter(of_it).collect();
    let once = matches!(&events[..], [Event::Opened { detected_at, .. }, Event::Closed { .. }]
        if detected_at.epoch() > MONDAY + CHANGE);
    if !once {
        wrong.push(format!("{name}: {:?}", told(&events, MONDAY + CHANGE)));
    }
}

#[test]
fn a_lasting_share_of_failures_is_told_once() {
    let mut wrong = Vec::new();
    for kind in ["flat", "daily"] {
        for traffic in [2.0, 5.0, 20.0] {
            for shares in [[0.0, 0.3], [0.0, 1.0], [0.01, 0.2], [0.05, 0.6]] {
                for seed in [1, 2, 3] {
                    let counted = changing(kind, ([traffic; 2], shares), seed);
                    let name = format!("{kind}, {traffic} a minute, {shares:?} fail, seed {seed}");
                    check(&name, &counted, Which::Errors(7), &mut wrong);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_lasting_rate_is_told_once_and_takes_its_season_along() {
    let mut wrong = Vec::new();
    for kind in ["flat", "daily", "weekly"] {
        for rate in [3.0, 15.0, 60.0] {
            for factor in [4.0, 8.0, 0.0] {
                for seed in [1, 2, 3] {
                    let counted = changing(kind, ([rate, factor * rate], [0.0; 2]), seed);
                    check(
                        &format!("{kind}, {rate} a minute x {factor}, seed {seed}"),
                        &counted,
                        Which::Calls,
                        &mut wrong,
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
