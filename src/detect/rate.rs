//! The calls of one API, minute by minute -> episodes of its call rate. Pure.
//!
//! Time goes by calls, half hours and days. Between calls only the ends of half hours are visited (they teach the forecast)
//! and, where enough is expected that silence would tell, every fifth minute. A series of which little is expected
//! sleeps after two hours without calls, and is caught up with day by day when it wakes.
mod fall;
mod look;

use serde::{Deserialize, Serialize};

use super::watch::{Crossing, Origin, Sight, Told, Watch};
use super::{Bounds, Direction, Event, Peak, Rule, Which, surprise};
use crate::baseline::accepted::Surprise;
use crate::baseline::bound::Prior;
use crate::baseline::maxima::{Maxima, Reading};
use crate::baseline::seasonal::{Forecast, Passed, Seasonal, Settled};
use crate::baseline::{
    DAY_SLOTS, LONGEST, LONGEST_SLOTS, PerWindow, SLOT, SLOT_WINDOW, WINDOWS, chunk, day_of, slot_of,
};
use crate::episode::Ending;
use crate::model::{Dispersion, Model};
use crate::time::MINUTES_PER_DAY;

/// Minutes between two looks for missing calls.
const TICK: i32 = 5;
/// The smallest expectation of a window, calls.
const LEAST_MEAN: f64 = 1e-4;

/// The state of one API's call rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RateSeries {
    origin: Origin,
    watch: Watch,
    seasonal: Seasonal,
    /// Of the present slot and of those before it, newest first, as many as the longest window reaches.
    forecasts: [Forecast; LONGEST_SLOTS as usize + 1],
    /// The present slot.
    slot: i32,
    /// Everything before is judged.
    instant: i32,
    /// The last slot in which an episode was open: nothing is learned from it.
    frozen_slot: i32,
    /// The longest window of the present block: calls, expectation, whole slots.
    block: (f64, f64, i32),
    /// Largest z of missing calls of each day.
    lows: Maxima,
    lows_day: i32,
    /// When the last drop was told.
    last_drop: Option<i32>,
    /// Whether missing calls would tell something in this slot.
    armed: bool,
    /// Slots without calls in a row.
    quiet_slots: i32,
    asleep: bool,
}

impl RateSeries {
    /// A series whose first call comes at `minute`.
    pub(crate) fn new(model: &Model, origin: Origin, minute: i32) -> Self {
        let (slot, seasonal) = (slot_of(minute), Seasonal::new());
        let forecast = seasonal.forecast(&model.parameters().expectation, slot);
        Self {
            origin,
            watch: Watch::new(model, minute),
            seasonal,
            forecasts: [forecast; LONGEST_SLOTS as usize + 1],
            slot,
            instant: minute,
            frozen_slot: i32::MIN,
            block: (0.0, 0.0, 0),
            lows: Maxima::default(),
            lows_day: day_of(minute),
            last_drop: None,
            armed: false,
            quiet_slots: 0,
            asleep: false,
        }
    }

    /// The start of the open episode.
    pub(crate) fn open_since(&self, model: &Model) -> Option<i32> {
        self.watch.told_episode(model).map(|episode| episode.start)
    }

    /// How far its open episode went so far that began at `start`.
    pub(crate) fn peak_of(&self, start: i32) -> Option<Peak> {
        self.watch.peak_of(start)
    }

    /// Judges a minute with calls.
    pub(crate) fn count(&mut self, model: &Model, minute: i32, calls: u32, events: &mut Vec<Event>) {
        self.advance(model, minute, events);
        if self.asleep {
            self.wake(model, minute);
            self.advance(model, minute, events);
        }
        self.watch.windows.count(minute, calls);
        self.roll(model, minute);
        if let Some(episode) = &mut self.watch.episode {
            episode.observed += f64::from(calls);
        }
        let sight = self.sight(model, minute);
        if let Some(eased) = model.eased() {
            let told = self.watch.told_look(eased, &sight, eased.parameters().first_seen.calls);
            self.watch.tell((Which::Calls, self.origin), &told, events);
        }
        let least = model.parameters().first_seen.calls;
        let crossing = self.watch.look(model, &sight).or_else(|| self.watch.first_seen(model, &sight, least));
        if let Some(crossing) = crossing {
            let crossing = self.watch.with_windows(model, &sight, &crossing);
            self.open(model, &crossing, events);
        } else {
            self.check_back(model, &sight, events);
        }
    }

    /// Judges everything before `target`, where no calls are left to count.
    pub(crate) fn advance(&mut self, model: &Model, target: i32, events: &mut Vec<Event>) {
        while !self.asleep {
            let slot_end = (self.slot + 1) * SLOT;
            let tick = if self.armed { (self.instant.div_euclid(TICK) + 1) * TICK } else { slot_end };
            let deadline = self.watch.deadline(model);
            let next = deadline.map_or(tick, |(at, _)| at.min(tick)).min(slot_end);
            if next > target {
                break;
            }
            self.watch.close_told_by(model, Which::Calls, next, events);
            match deadline {
                Some((at, ending)) if at <= next => self.finish(model, ending, next, events),
                Some(_) if next == tick && self.armed => self.tell_drop(model, next, events),
                None if next == tick && self.armed => self.check_drop(model, next, events),
                Some(_) | None => {}
            }
            self.instant = next;
            if next == slot_end {
                self.end_slot(model);
            }
        }
        self.watch.close_told_by(model, Which::Calls, target, events);
    }

    /// Ends what is open at `instant`, when the API is forgotten.
    pub(crate) fn forget(&mut self, model: &Model, instant: i32, events: &mut Vec<Event>) {
        self.watch.forget(model, Which::Calls, instant, events);
    }

    fn open(&mut self, model: &Model, crossing: &Crossing, events: &mut Vec<Event>) {
        self.watch.open(model, (Which::Calls, self.origin), crossing, events);
        self.frozen_slot = self.slot;
    }

    /// Sums a forecast over each window that ends with `minute`.
    fn over_windows(&self, minute: i32, pick: fn(&Forecast) -> f64) -> PerWindow<f64> {
        WINDOWS.map(|length| self.over(minute, length, pick))
    }

    /// Sums a forecast over the `length` minutes, of the longest window at most, that end with `minute`.
    fn over(&self, minute: i32, length: i32, pick: fn(&Forecast) -> f64) -> f64 {
        let passed = minute - self.slot * SLOT + 1;
        let mut sum = f64::from(length.min(passed)) * pick(&self.forecasts[0]);
        for (back, forecast) in (0..).zip(&self.forecasts[1..]) {
            sum += f64::from((length - passed - back * SLOT).clamp(0, SLOT)) * pick(forecast);
        }
        sum
    }

    fn sight(&self, model: &Model, minute: i32) -> Sight {
        let p = model.parameters();
        let mut expected = self.over_windows(minute, |forecast| forecast.highest);
        for (mean, length) in expected.iter_mut().zip(WINDOWS) {
            let near = f64::from(length).min(p.expectation.reach_minutes) * self.forecasts[0].highest;
            *mean = mean.max(near).max(LEAST_MEAN);
        }
        Sight { minute, origin: self.origin, expected, excess: p.contextual.excess, calls: None }
    }

    /// Line D: calls that are always there stayed away in the windows that end at `instant`.
    fn check_drop(&mut self, model: &Model, instant: i32, events: &mut Vec<Event>) {
        let p = &model.parameters().drop;
        let age_days = self.origin.age_days(instant);
        if age_days < p.age_days {
            return;
        }
        self.roll_lows(model, instant - 1);
        self.watch.windows.slide(instant - 1);
        self.tell_drop_here(model, instant, events);
        let (best, _, noted) = self.drop_crossing(model, instant);
        // The first drop in a while is an accident, the second is a habit of the series.
        let memory = model.parameters().memory.days * MINUTES_PER_DAY;
        if best.is_none() || self.last_drop.is_some_and(|last| instant - last < memory) {
            noted.iter().enumerate().for_each(|(window, z)| self.lows.note(window, *z));
        }
        if let Some(crossing) = best {
            self.last_drop = Some(instant);
            self.open(model, &crossing, events);
        }
        self.note_fall(model, instant);
    }

    /// While a drop-out is open, it may become one for a lower sensitivity, and more may stay away.
    fn tell_drop(&mut self, model: &Model, instant: i32, events: &mut Vec<Event>) {
        if self.watch.episode.as_ref().is_some_and(|it| it.direction() == Direction::Down) {
            self.watch.windows.slide(instant - 1);
            self.tell_drop_here(model, instant, events);
            self.note_fall(model, instant);
        }
    }

    fn tell_drop_here(&mut self, model: &Model, instant: i32, events: &mut Vec<Event>) {
        if let Some(eased) = model.eased() {
            let (crossing, longest, _) = self.drop_crossing(eased, instant);
            let hot = crossing.map(|crossing| (crossing.at - 1, crossing.at - 1));
            let told = Told { crossing, longest, hot, peak: None };
            self.watch.tell((Which::Calls, self.origin), &told, events);
        }
    }

    /// Whether calls stay away, by the lines of `model`, the longest window that says so, and the z of each window with
    /// fewer calls than usual.
    fn drop_crossing(&self, model: &Model, instant: i32) -> (Option<Crossing>, usize, PerWindow<f64>) {
        let p = &model.parameters().drop;
        let lowest = self.over_windows(instant - 1, |forecast| forecast.lowest);
        let may_open = self.origin.is_warm(model, instant) && instant > self.watch.settling_until;
        let mut best: Option<Crossing> = None;
        let (mut longest, mut noted) = (0, [0.0; WINDOWS.len()]);
        for window in SLOT_WINDOW..WINDOWS.len() {
            let (mean, total) = (lowest[window], self.watch.windows.totals()[window] as f64);
            let most = self.drop_share(model, window) * mean;
            if mean < p.expected || total > most || instant - WINDOWS[window] < self.watch.clear_since {
                continue;
            }
            let shape = self.drop_shape(window, mean);
            let z = surprise::below(total, mean, shape);
            let least_z = self.drop_z(model, window);
            noted[window] = z;
            if !may_open || z < least_z {
                continue;
            }
            longest = window;
            if best.is_none_or(|best| z > best.z) {
                best = Some(Crossing {
                    rule: Rule::Drop,
                    window,
                    z,
                    expected: mean,
                    shape,
                    bounds: Bounds::default(),
                    peak: None,
                    level: total / mean,
                    bound: surprise::most_missing(total, most, |total| {
                        surprise::below(total, mean, shape) >= least_z
                    }),
                    start: self.silent_since(instant, window, mean),
                    at: instant,
                    seen: PerWindow::default(),
                });
            }
        }
        (best, longest, noted)
    }

    fn drop_z(&self, model: &Model, window: usize) -> f64 {
        let p = &model.parameters().drop;
        let learned = self.lows.bound_ln(window).map_or(0.0, f64::exp).max(self.lows.largest(window));
        let short = if window < LONGEST { p.short_z } else { 0.0 };
        p.z.max(learned / model.ease().sqrt()) + short
    }

    /// Ends a drop-out once the calls are back.
    fn check_back(&mut self, model: &Model, sight: &Sight, events: &mut Vec<Event>) {
        let down = self.watch.episode.as_ref().filter(|it| it.direction() == Direction::Down);
        let Some((start, window)) = down.map(|episode| (episode.start, episode.window)) else { return };
        let usual = model.parameters().drop.back_share
            * self.over_windows(sight.minute, |forecast| forecast.expected)[window];
        let total = self.watch.windows.totals()[window] as f64;
        if total <= usual {
            return;
        }
        let bar = usual / f64::from(WINDOWS[window]);
        let end = self.watch.windows.onset(sight.minute, WINDOWS[window], bar).max(start + 1);
        self.close(model, (end, sight.minute + 1), events);
    }

    fn close(&mut self, model: &Model, end: (i32, i32), events: &mut Vec<Event>) {
        self.frozen_slot = self.slot;
        self.watch.close(model, Which::Calls, end, events);
    }

    /// Whether calls are still many, though no minute is unusual; then the episode waits for calm again.
    fn goes_on(&mut self, model: &Model, instant: i32) -> bool {
        let Some(first) = self.watch.episode.as_ref().map(|it| it.calm_since(instant)) else { return false };
        let total = self.watch.windows.calls_between(first, instant) as f64;
        let usual = self.over(instant - 1, instant - first, |forecast| forecast.expected);
        self.watch.goes_on(model, instant, total, usual)
    }

    /// Ends an episode that has become calm, or the new normal.
    fn finish(&mut self, model: &Model, ending: Ending, instant: i32, events: &mut Vec<Event>) {
        if ending == Ending::Calm && self.goes_on(model, instant) {
            return;
        }
        let Some(mut episode) = self.watch.episode.clone() else { return };
        episode.expect(self.forecasts[0].expected, instant);
        let end = match episode.direction() {
            Direction::Up => episode.last_unusual + 1,
            Direction::Down => instant,
        };
        self.close(model, (end, instant), events);
        if ending == Ending::Calm {
            return;
        }
        let p = model.parameters();
        self.watch.settle(model, instant);
        let change = episode.level_change();
        match episode.rule {
            Rule::FirstSeen => {
                let minutes = f64::from((instant - episode.detected_at).max(1));
                self.seasonal.set_level(episode.observed / minutes);
            }
            Rule::Contextual | Rule::Record if change > 1.0 => {
                self.seasonal.rescale(change);
                self.watch.maxima.rescale(change);
            }
            Rule::Contextual | Rule::Record => {}
            Rule::Drop => {
                self.accept_old_level();
                self.seasonal.rescale(change.min(1.0));
            }
        }
        let present = self.seasonal.forecast(&p.expectation, self.slot);
        for forecast in &mut self.forecasts {
            *forecast = present;
        }
    }

    /// When the calls of before a lasting drop come back, that is no surprise.
    fn accept_old_level(&mut self) {
        for window in 0..WINDOWS.len() {
            let total = self.watch.maxima.largest(window);
            if total > 0.0 {
                let shape = self.watch.dispersion[window].now.shape(LEAST_MEAN);
                let z = surprise::above(total, LEAST_MEAN, shape);
                self.watch.accepted.note(window, Surprise { total, z, calls: 0.0, slot: self.slot });
            }
        }
    }

    /// On the first call of a day: closes the last one.
    fn roll(&mut self, model: &Model, minute: i32) {
        let p = model.parameters();
        let (seasonal, trusted) = (&self.seasonal, self.origin.age_days(minute) >= p.accepted.profile_days);
        self.watch.roll(model, self.origin, minute, |dispersion, window, accepted: Surprise| {
            let usual = seasonal.usual_at(&p.expectation, accepted.slot, p.accepted.profile_weight);
            let mean = (usual * f64::from(WINDOWS[window])).max(LEAST_MEAN);
            trusted
                && surprise::above(accepted.total, mean, dispersion[window].now.shape(mean)) < p.accepted.z
        });
    }

    fn roll_lows(&mut self, model: &Model, minute: i32) {
        let day = day_of(minute);
        if day == self.lows_day {
            return;
        }
        let p = model.parameters();
        let reading = Reading {
            day,
            last_day: self.lows_day,
            known_days: (day - day_of(self.origin.born)).min(p.memory.days),
            floor: p.drop.floor,
            prior: Prior {
                days: p.drop.prior_days,
                spread: p.drop.prior_spread,
                counting: 0.0,
                kind_factor: p.drop.kind_factor,
            },
        };
        self.lows.roll(model, reading);
        self.lows_day = day;
    }

    /// At the end of a half hour: learns from it, and looks ahead to the next.
    fn end_slot(&mut self, model: &Model) {
        let p = model.parameters();
        let forecast = self.forecasts[0];
        let slot_end = (self.slot + 1) * SLOT;
        if let Some(episode) = &mut self.watch.episode {
            episode.expect(forecast.expected, slot_end);
            self.frozen_slot = self.slot;
        }
        let minutes = self.watch.windows.slot_minutes(self.slot);
        let calls = minutes.iter().sum::<u64>() as f64;
        self.quiet_slots = if calls > 0.0 { 0 } else { self.quiet_slots + 1 };
        self.learn_spread(&p.dispersion, &minutes, calls);
        if self.frozen_slot != self.slot {
            let age_days = self.origin.age_days(slot_end);
            let settled =
                if age_days > f64::from(p.expectation.outlier_age_days) { Settled::Yes } else { Settled::No };
            let spread = self.watch.dispersion[SLOT_WINDOW].now;
            self.seasonal.learn(&p.expectation, Passed { slot: self.slot, calls, forecast, spread, settled });
        }
        if slot_end % MINUTES_PER_DAY == 0 {
            self.end_day(model, slot_end);
        }
        self.slot += 1;
        self.forecasts.rotate_right(1);
        self.forecasts[0] = self.seasonal.forecast(&p.expectation, self.slot);
        let lowest: f64 = self.forecasts.iter().map(|forecast| forecast.lowest * f64::from(SLOT)).sum();
        self.armed = lowest >= p.drop.expected;
        self.fall_asleep(model);
    }

    fn learn_spread(&mut self, p: &Dispersion, minutes: &[u64; SLOT as usize], calls: f64) {
        let frozen = self.frozen_slot == self.slot;
        let rate = self.forecasts[0].expected;
        self.block.0 += calls;
        self.block.1 += rate * f64::from(SLOT);
        self.block.2 += i32::from(!frozen);
        if !frozen {
            for (window, length) in WINDOWS.iter().enumerate().take(LONGEST) {
                for part in minutes.chunks(chunk(window)) {
                    let total: f64 = part.iter().sum::<u64>() as f64;
                    let mean = rate * f64::from(*length);
                    self.watch.dispersion[window].moments(p, mean).add(total, mean);
                }
            }
        }
        if (self.slot + 1) % LONGEST_SLOTS == 0 {
            let (total, mean, slots) = std::mem::take(&mut self.block);
            if slots == LONGEST_SLOTS {
                self.watch.dispersion[LONGEST].moments(p, mean).add(total, mean);
            }
        }
    }

    fn end_day(&mut self, model: &Model, instant: i32) {
        let p = &model.parameters().dispersion;
        let age_days = self.origin.age_days(instant - 1) as i32;
        let level = self.seasonal.level();
        for (dispersion, length) in self.watch.dispersion.iter_mut().zip(WINDOWS) {
            dispersion.roll(p, age_days, level * f64::from(length));
        }
    }

    /// After two hours without calls, where silence tells nothing: nothing is done until the next call.
    fn fall_asleep(&mut self, model: &Model) {
        let p = model.parameters();
        // Once when it has become quiet, and once a day, since less is expected with every quiet day.
        let looks = self.quiet_slots == LONGEST_SLOTS
            || (self.quiet_slots > LONGEST_SLOTS && self.slot % DAY_SLOTS == 0);
        if !looks || self.watch.episode.is_some() {
            return;
        }
        let rate = p.drop.expected / f64::from(WINDOWS[LONGEST]);
        self.asleep = self.seasonal.stays_below(&p.expectation, rate);
        if self.asleep {
            self.watch.windows.clear();
        }
    }

    /// Catches up with the quiet days behind the call of `minute`, but for the last slots, which the windows see.
    fn wake(&mut self, model: &Model, minute: i32) {
        let p = model.parameters();
        let last = slot_of(minute) - LONGEST_SLOTS;
        while self.slot < last {
            let day_end = (self.slot.div_euclid(DAY_SLOTS) + 1) * DAY_SLOTS;
            let end = day_end.min(last);
            let high = p.dispersion.high_share * self.seasonal.level();
            let sums = self.seasonal.pass_quiet(&p.expectation, &(self.slot..end), high);
            for (dispersion, length) in self.watch.dispersion.iter_mut().zip(WINDOWS) {
                dispersion.add_quiet_slots(&sums, f64::from(SLOT), f64::from(length));
            }
            if end == day_end {
                self.end_day(model, end * SLOT);
            }
            self.slot = end;
        }
        self.forecasts = [self.seasonal.forecast(&p.expectation, self.slot); LONGEST_SLOTS as usize + 1];
        self.asleep = false;
        self.quiet_slots = -1;
        self.armed = false;
        self.block = (0.0, 0.0, 0);
        self.instant = self.slot * SLOT;
    }
}
