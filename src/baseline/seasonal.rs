//! Calls per half hour -> the expected rate of every half hour to come. Pure.
//!
//! Four forecasters: a fast level, a slow level, a profile of the day, a profile of the week (exponentially weighted means);
//! the profiles are scaled to the present level by `g = (S_seen + n0) / (S_forecast + n0)`, within limits. Their mixture has
//! weights `exp(-loss / scale)`, where a forecaster's loss is its faded sum of `(mu - y ln mu) / (1 + phi mu)`.
//! Source: prediction with expert advice (Vovk's aggregating algorithm) under a quasi-Poisson loss; the forecasters are
//! seasonal simple exponential smoothing (Hyndman & Athanasopoulos, Forecasting, 8).
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::dispersion::Spread;
use super::{DAY_SLOTS, SLOT, WEEK_SLOTS, slot_of_day, slot_of_week};
use crate::model::Expectation;

/// Minutes in a slot.
const SLOT_MINUTES: f64 = SLOT as f64;
/// The smallest expectation, calls per minute: a mean of zero would make any call impossible.
const LEAST_RATE: f64 = 1e-5;
/// The smallest expectation of a forecaster in its loss, calls per slot.
const LEAST_CALLS: f64 = 1e-3;

/// What is expected in one slot, calls per minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forecast {
    /// The mixture.
    pub(crate) expected: f64,
    /// The highest of the neighbouring slots: excuses jittered cron, daylight saving, the edge of a ramp.
    pub(crate) highest: f64,
    /// The lowest of the neighbouring slots.
    pub(crate) lowest: f64,
}

/// One slot that has passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    /// Which.
    pub(crate) slot: i32,
    /// Its calls.
    pub(crate) calls: f64,
    /// What had been expected.
    pub(crate) forecast: Forecast,
    /// Spread of the counts of one slot.
    pub(crate) spread: Spread,
    /// Whether the series is old enough that outliers are limited.
    pub(crate) settled: Settled,
}

/// Whether a series is old enough to know an outlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Not yet: everything is learned as it comes.
    No,
    /// Outliers are learned as if they were at the limit.
    Yes,
}

/// Sums that scale a profile to the present level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Gain {
    seen: f64,
    forecast: f64,
}

impl Gain {
    fn factor(self, p: &Expectation) -> f64 {
        ((self.seen + p.gain_prior) / (self.forecast + p.gain_prior))
            .clamp(p.gain_limit.recip(), p.gain_limit)
    }

    fn learn(&mut self, keep: f64, seen: f64, forecast: f64) {
        self.seen = self.seen * keep + seen;
        self.forecast = self.forecast * keep + forecast;
    }
}

/// The profiles of the day and the week, calls per minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Profiles {
    day: Box<[f32]>,
    week: Box<[f32]>,
    day_gain: Gain,
    week_gain: Gain,
}

/// What was expected in slots without calls, for those of low and of high expectation: sums of the rate and of its square.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QuietSums {
    pub(crate) low: (f64, f64),
    pub(crate) high: (f64, f64),
}

impl QuietSums {
    /// `high` is the rate from which an expectation is high.
    fn add(&mut self, rate: f64, count: f64, high: f64) {
        let sums = if rate >= high { &mut self.high } else { &mut self.low };
        sums.0 += count * rate;
        sums.1 += count * rate * rate;
    }
}

/// The expected rate of one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seasonal {
    fast: f64,
    slow: f64,
    /// Slots learned so far.
    learned: i32,
    /// Absent until a slot had enough calls to be worth it.
    profiles: Option<Profiles>,
    losses: [f64; 4],
    weights: [f64; 4],
}

impl Seasonal {
    /// Before anything was seen: the two levels share the weight.
    pub(crate) fn new() -> Self {
        Self { weights: [0.5, 0.5, 0.0, 0.0], ..Self::default() }
    }

    /// The slow level, calls per minute.
    pub(crate) const fn level(&self) -> f64 {
        self.slow
    }

    /// Weight of the two profiles, 0..1.
    pub(crate) const fn profile_weight(&self) -> f64 {
        self.weights[2] + self.weights[3]
    }

    /// Whether the series has a rhythm that its level does not tell.
    pub(crate) fn has_rhythm(&self, p: &Expectation) -> bool {
        self.profile_weight() > p.rhythm_weight
    }

    /// What is expected in `slot`.
    pub(crate) fn forecast(&self, p: &Expectation, slot: i32) -> Forecast {
        let gains = self.gains(p);
        let reach = p.reach_slots;
        let mut forecast = Forecast { expected: 0.0, highest: 0.0, lowest: f64::INFINITY };
        for offset in -reach..=reach {
            let each = self.each(slot + offset, gains);
            let mixed = self.mix(each);
            let (high, low) = if self.has_rhythm(p) {
                (mixed, each[2].min(each[3]))
            } else {
                (mixed.max(self.slow), mixed)
            };
            forecast.highest = forecast.highest.max(high);
            forecast.lowest = forecast.lowest.min(low);
            if offset == 0 {
                forecast.expected = mixed.max(LEAST_RATE);
            }
        }
        forecast.highest = forecast.highest.max(2.0 * LEAST_RATE);
        forecast
    }

    /// The highest of the day profile around `slot` (or the level, where there is no rhythm), calls per minute.
    pub(crate) fn usual_at(&self, p: &Expectation, slot: i32, weight: f64) -> f64 {
        let Some(profiles) = self.profiles.as_ref().filter(|_| self.profile_weight() > weight) else {
            return self.slow;
        };
        let gain = profiles.day_gain.factor(p);
        (-1..=1)
            .map(|offset| f64::from(profiles.day[slot_of_day(slot + offset)]) * gain)
            .fold(self.slow, f64::max)
    }

    /// The forecasters for `slot`, fast, slow, day and week: calls per minute, and the weight of each.
    pub(crate) fn forecasters(&self, p: &Expectation, slot: i32) -> [(f64, f64); 4] {
        let each = self.each(slot, self.gains(p));
        std::array::from_fn(|index| (each[index], self.weights[index]))
    }

    fn gains(&self, p: &Expectation) -> (f64, f64) {
        self.profiles.as_ref().map_or((1.0, 1.0), |it| (it.day_gain.factor(p), it.week_gain.factor(p)))
    }

    /// The four forecasts for `slot`, calls per minute.
    fn each(&self, slot: i32, (day_gain, week_gain): (f64, f64)) -> [f64; 4] {
        let (mut day, mut week) = (self.slow, self.slow);
        if let Some(profiles) = self.profiles.as_ref().filter(|_| self.learned >= DAY_SLOTS) {
            day = f64::from(profiles.day[slot_of_day(slot)]) * day_gain;
            week = if self.learned >= WEEK_SLOTS {
                f64::from(profiles.week[slot_of_week(slot)]) * week_gain
            } else {
                day
            };
        }
        [self.fast, self.slow, day, week]
    }

    fn mix(&self, each: [f64; 4]) -> f64 {
        self.weights.iter().zip(each).map(|(weight, rate)| weight * rate).sum()
    }

    /// Learns from a slot that has passed.
    pub(crate) fn learn(&mut self, p: &Expectation, passed: Passed) {
        let expected = passed.forecast.expected * SLOT_MINUTES;
        let calls = match passed.settled {
            Settled::No => passed.calls,
            Settled::Yes => {
                let deviation = (expected + passed.spread.spread * expected * expected).sqrt();
                let usual = expected.max(passed.forecast.highest * SLOT_MINUTES);
                passed.calls.min(usual + p.outlier_deviations * deviation + p.outlier_calls)
            }
        };
        if self.profiles.is_none() && calls >= p.profile_calls {
            self.profiles = Some(Profiles {
                day: vec![0.0; DAY_SLOTS as usize].into(),
                week: vec![0.0; WEEK_SLOTS as usize].into(),
                day_gain: Gain::default(),
                week_gain: Gain::default(),
            });
        }
        let each = self.each(passed.slot, self.gains(p));
        self.weigh(p, each, calls, 1.0 + passed.spread.spread * expected.max(LEAST_CALLS));
        self.update(p, passed.slot, calls);
    }

    /// Charges each forecaster for what it said, and shares the weight anew.
    fn weigh(&mut self, p: &Expectation, each: [f64; 4], calls: f64, scale: f64) {
        if self.learned <= 2 {
            return;
        }
        for (loss, rate) in self.losses.iter_mut().zip(each) {
            let mean = (rate * SLOT_MINUTES).max(LEAST_CALLS);
            let charge = if calls > 0.0 { mean - calls * mean.ln() } else { mean };
            *loss = *loss * p.loss_keep + charge / scale;
        }
        self.share_weights(p);
    }

    fn share_weights(&mut self, p: &Expectation) {
        let knows = [true, true, self.learned >= DAY_SLOTS + 2, self.learned >= WEEK_SLOTS + 2];
        let has_profiles = self.profiles.is_some();
        let best = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let mut total = 0.0;
        for (index, weight) in self.weights.iter_mut().enumerate() {
            let may = knows[index] && (index < 2 || has_profiles);
            *weight = if may { (-(self.losses[index] - best) / p.loss_scale).max(-60.0).exp() } else { 0.0 };
            total += *weight;
        }
        for weight in &mut self.weights {
            *weight /= total;
        }
    }

    /// Moves the means towards what was seen.
    fn update(&mut self, p: &Expectation, slot: i32, calls: f64) {
        let rate = calls / SLOT_MINUTES;
        let days = f64::from(self.learned / DAY_SLOTS + 1);
        let weeks = f64::from(self.learned / WEEK_SLOTS + 1);
        let (knows_day, knows_week) = (self.learned >= DAY_SLOTS, self.learned >= WEEK_SLOTS);
        if let Some(profiles) = &mut self.profiles {
            let (day, week) = (&mut profiles.day[slot_of_day(slot)], &mut profiles.week[slot_of_week(slot)]);
            if knows_day {
                profiles.day_gain.learn(p.gain_keep, calls, f64::from(*day) * SLOT_MINUTES);
            }
            if knows_week {
                profiles.week_gain.learn(p.gain_keep, calls, f64::from(*week) * SLOT_MINUTES);
            }
            *day += (days.recip().max(p.day_days.recip()) * (rate - f64::from(*day))) as f32;
            *week += (weeks.recip().max(p.week_share) * (rate - f64::from(*week))) as f32;
        }
        self.learned += 1;
        let first = f64::from(self.learned).recip();
        self.fast += first.max(p.fast_slots.recip()) * (rate - self.fast);
        self.slow += first.max(p.slow_slots.recip()) * (rate - self.slow);
    }

    /// Learns from slots without calls, all of one day, at once. Within rounding of learning them one by one, but for
    /// the weights, which are shared anew only at the end; meant for series of which little is expected. `high`: see
    /// [`QuietSums`].
    pub(crate) fn pass_quiet(&mut self, p: &Expectation, slots: &Range<i32>, high: f64) -> QuietSums {
        let passed = slots.end - slots.start;
        let count = f64::from(passed);
        let (fast_keep, slow_keep) =
            (self.quiet_keep(p.fast_slots, passed), self.quiet_keep(p.slow_slots, passed));
        let (fast, slow) = (log_mean(self.fast, fast_keep), log_mean(self.slow, slow_keep));
        let [fast_weight, slow_weight, day_weight, week_weight] = self.weights;
        let levels = fast_weight * fast + slow_weight * slow;
        let (mut day_sum, mut week_sum, mut sums) = (0.0, 0.0, QuietSums::default());
        if let Some((day, week)) = self.profiles_of(p, slots) {
            for (day, week) in day.zip(week) {
                day_sum += day;
                week_sum += week;
                sums.add(levels + day_weight * day + week_weight * week, 1.0, high);
            }
        } else {
            (day_sum, week_sum) = (slow * count, slow * count);
            sums.add(levels + (day_weight + week_weight) * slow, count, high);
        }
        let keep = p.loss_keep.powi(passed);
        let average_keep = (1.0 - keep) / (count * (1.0 - p.loss_keep));
        for (loss, rates) in self.losses.iter_mut().zip([fast * count, slow * count, day_sum, week_sum]) {
            let charges = (rates * SLOT_MINUTES).max(LEAST_CALLS * count);
            *loss = *loss * keep + charges * average_keep;
        }
        self.fade_profiles(p, slots);
        self.fast *= fast_keep;
        self.slow *= slow_keep;
        self.learned += passed;
        self.share_weights(p);
        sums
    }

    /// The forecasts of the two profiles for slots of one day, once they are known.
    fn profiles_of(
        &self,
        p: &Expectation,
        slots: &Range<i32>,
    ) -> Option<(impl Iterator<Item = f64>, impl Iterator<Item = f64>)> {
        let profiles = self.profiles.as_ref().filter(|_| self.learned >= DAY_SLOTS)?;
        let (day_gain, week_gain) = self.gains(p);
        let day = &profiles.day[day_range(slots)];
        let (week, week_gain) = if self.learned >= WEEK_SLOTS {
            (&profiles.week[week_range(slots)], week_gain)
        } else {
            (day, day_gain)
        };
        Some((scaled(day, day_gain), scaled(week, week_gain)))
    }

    /// What is left of a level after so many quiet slots: a plain mean while young, an exponential one later.
    fn quiet_keep(&self, slots: f64, passed: i32) -> f64 {
        let averaged = ((slots - f64::from(self.learned)).max(0.0) as i32).min(passed);
        let young = f64::from(self.learned) / f64::from((self.learned + averaged).max(1));
        let young = if averaged > 0 { young } else { 1.0 };
        young * (1.0 - slots.recip()).powi(passed - averaged)
    }

    fn fade_profiles(&mut self, p: &Expectation, slots: &Range<i32>) {
        let day_share = f64::from(self.learned / DAY_SLOTS + 1).recip().max(p.day_days.recip());
        let week_share = f64::from(self.learned / WEEK_SLOTS + 1).recip().max(p.week_share);
        let (knows_day, knows_week) = (self.learned >= DAY_SLOTS, self.learned >= WEEK_SLOTS);
        let Some(profiles) = &mut self.profiles else { return };
        let passed = slots.end - slots.start;
        let keep = p.gain_keep.powi(passed);
        let average_keep = (1.0 - keep) / (f64::from(passed) * (1.0 - p.gain_keep));
        let fade = |rates: &mut [f32], share: f64| {
            let sum: f64 = rates.iter().map(|rate| f64::from(*rate)).sum();
            for rate in rates.iter_mut() {
                *rate *= (1.0 - share) as f32;
            }
            sum * SLOT_MINUTES * average_keep
        };
        let day = fade(&mut profiles.day[day_range(slots)], day_share);
        let week = fade(&mut profiles.week[week_range(slots)], week_share);
        if knows_day {
            profiles.day_gain.learn(keep, 0.0, day);
        }
        if knows_week {
            profiles.week_gain.learn(keep, 0.0, week);
        }
    }

    /// Whether, while nothing is called, no forecast of a slot's lowest rate is ever above `rate`.
    pub(crate) fn stays_below(&self, p: &Expectation, rate: f64) -> bool {
        let left = (rate - self.fast.max(self.slow)) / p.gain_limit;
        let Some(profiles) = self.profiles.as_ref().filter(|_| left > 0.0) else { return left > 0.0 };
        // The lowest of a neighbourhood is above only where a run of slots as long as it is.
        let (mut run, longest) = (0, 2 * p.reach_slots + 1);
        (0..WEEK_SLOTS + longest).all(|slot| {
            let highest = profiles.day[slot_of_day(slot)].max(profiles.week[slot_of_week(slot)]);
            run = if f64::from(highest) >= left { run + 1 } else { 0 };
            run < longest
        })
    }

    /// After a change of level: everything that was learned is multiplied by `factor`.
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.fast *= factor;
        self.slow *= factor;
        if let Some(profiles) = &mut self.profiles {
            for rate in profiles.day.iter_mut().chain(&mut profiles.week) {
                *rate *= factor as f32;
            }
        }
    }

    /// After the first burst of a new series: this is its level.
    pub(crate) fn set_level(&mut self, rate: f64) {
        self.fast = rate;
        self.slow = rate;
    }
}

fn scaled(rates: &[f32], gain: f64) -> impl Iterator<Item = f64> {
    rates.iter().map(move |rate| f64::from(*rate) * gain)
}

/// The places of slots of one day in the profile of the day.
fn day_range(slots: &Range<i32>) -> Range<usize> {
    let first = slot_of_day(slots.start);
    first..first + slots.len()
}

/// The places of slots of one day in the profile of the week.
fn week_range(slots: &Range<i32>) -> Range<usize> {
    let first = slot_of_week(slots.start);
    first..first + slots.len()
}

/// Mean of an exponential decay from `start` to `start * keep`.
fn log_mean(start: f64, keep: f64) -> f64 {
    if keep > 0.0 && keep < 1.0 { start * (1.0 - keep) / -keep.ln() } else { start }
}
