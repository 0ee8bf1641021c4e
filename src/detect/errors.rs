//! The failures of one API with one code -> episodes of its error rate. Pure.
//!
//! Expected in a window: the usual share of failures times the calls in it. Only minutes with calls matter, so nothing is
//! done between them; half hours are learned from when the next call comes after them.
mod look;

use serde::{Deserialize, Serialize};

use super::watch::{Origin, Sight, Watch};
use super::{Event, Peak, Which, surprise};
use crate::baseline::share::{Fading, failures_for, remembered_days, usual_share};
use crate::baseline::windows::Windows;
use crate::baseline::{LONGEST, PerWindow, SLOT, WINDOWS, chunk, day_of, slot_of};
use crate::episode::{Ending, Episode};
use crate::model::Model;
use crate::time::MINUTES_PER_DAY;

/// The smallest expectation of a window, failed calls.
const LEAST_MEAN: f64 = 1e-3;

/// The calls of one half hour of an API, for all of its codes.
#[derive(Debug, Clone)]
pub(crate) struct SlotCalls {
    pub(crate) slot: i32,
    minutes: [u64; SLOT as usize],
    /// Sum over the parts of each window's length of the squared calls.
    squares: PerWindow<f64>,
    pub(crate) total: f64,
}

impl SlotCalls {
    pub(crate) fn new(calls: &Windows, slot: i32) -> Self {
        let minutes = calls.slot_minutes(slot);
        let squares = std::array::from_fn(|window| parts(&minutes, window).map(|calls| calls * calls).sum());
        let total = minutes.iter().sum::<u64>() as f64;
        Self { slot, minutes, squares, total }
    }
}

/// The sums of the parts of a slot that have the length of a window (of the whole slot, for longer windows).
fn parts(minutes: &[u64; SLOT as usize], window: usize) -> impl Iterator<Item = f64> {
    minutes.chunks(chunk(window)).map(|part| part.iter().sum::<u64>() as f64)
}

/// What an error series shares with the others of its API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) origin: Origin,
    pub(crate) which: Which,
    /// All calls of the API in the windows.
    pub(crate) calls: &'a Windows,
    /// All calls of the API within the memory, but for those of the present half hour.
    pub(crate) traffic: &'a Fading,
}

impl Shared<'_> {
    /// How many calls a minute are usual.
    fn calls_a_minute(&self, model: &Model, minute: i32) -> f64 {
        let day = day_of(minute);
        let known = remembered_days(model, self.origin.age_days(minute));
        (model.parameters().errors.prior_calls + self.traffic.at(model, day))
            / (known * f64::from(MINUTES_PER_DAY))
    }
}

/// The state of one error code of one API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorSeries {
    watch: Watch,
    failed: Fading,
    /// The last minute with failures.
    last: i32,
    /// The last slot in which an episode was open: nothing is learned from it.
    frozen_slot: i32,
    /// Failures in the present block of the longest window.
    block: f64,
    /// The last day that the spread was learned for.
    day: i32,
}

impl ErrorSeries {
    /// A series whose first failure comes at `minute`, of an API as old as `origin` says.
    pub(crate) fn new(model: &Model, origin: Origin, minute: i32) -> Self {
        Self {
            watch: Watch::new(model, origin.born),
            failed: Fading::default(),
            last: minute,
            frozen_slot: i32::MIN,
            block: 0.0,
            day: day_of(minute),
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

    /// The last minute with failures.
    pub(crate) const fn last(&self) -> i32 {
        self.last
    }

    fn usual(&self, model: &Model, day: i32, shared: &Shared<'_>) -> f64 {
        usual_share(model, self.failed.at(model, day), shared.traffic.at(model, day))
    }

    /// Judges a minute with failures; its calls are counted in `shared` already.
    pub(crate) fn count(
        &mut self,
        model: &Model,
        shared: &Shared<'_>,
        (minute, failures): (i32, u32),
        events: &mut Vec<Event>,
    ) {
        self.advance(model, shared, minute, events);
        self.last = minute;
        self.watch.windows.count(minute, failures);
        let usual = self.usual(model, day_of(minute), shared);
        self.watch.roll(model, shared.origin, minute, |dispersion, window, accepted| {
            let mean = (usual * accepted.calls).max(LEAST_MEAN);
            let shape = dispersion[window].now.shape(mean);
            surprise::above(accepted.total, mean, shape) < model.parameters().accepted.z
        });
        let sight = self.sight(model, shared, minute);
        if let Some(eased) = model.eased() {
            let told = self.watch.told_look(eased, &sight, eased.parameters().first_seen.failures);
            self.watch.tell((shared.which, shared.origin), &told, events);
        }
        let least = model.parameters().first_seen.failures;
        let crossing = self.watch.look(model, &sight).or_else(|| self.watch.first_seen(model, &sight, least));
        if let Some(crossing) = crossing {
            let crossing = self.watch.with_windows(model, &sight, &crossing);
            self.watch.open(model, (shared.which, shared.origin), &crossing, events);
            self.frozen_slot = slot_of(minute);
        }
    }

    fn sight(&self, model: &Model, shared: &Shared<'_>, minute: i32) -> Sight {
        let usual = self.usual(model, day_of(minute), shared);
        let most = model.parameters().errors.calls_ratio * shared.calls_a_minute(model, minute);
        let excused =
            |window: usize| (shared.calls.totals()[window] as f64).min(most * f64::from(WINDOWS[window]));
        let calls = std::array::from_fn(excused);
        Sight {
            minute,
            origin: shared.origin,
            expected: calls.map(|calls| (usual * calls).max(LEAST_MEAN)),
            excess: model.parameters().errors.excess,
            calls: Some((calls, usual)),
        }
    }

    /// Ends an episode that ends before `target` of itself.
    pub(crate) fn advance(
        &mut self,
        model: &Model,
        shared: &Shared<'_>,
        target: i32,
        events: &mut Vec<Event>,
    ) {
        while let Some((instant, ending)) = self.watch.deadline(model).filter(|(at, _)| *at <= target) {
            if ending == Ending::Calm && self.goes_on(model, shared, instant) {
                continue;
            }
            let end = self.watch.episode.as_ref().map_or(instant, |episode| episode.last_unusual + 1);
            self.frozen_slot = slot_of(instant - 1);
            let ended = self.watch.close(model, shared.which, (end, instant), events);
            if let Some(episode) = ended.filter(|_| ending == Ending::Absorbed) {
                self.absorb(model, shared, &episode, instant);
            }
        }
        self.watch.close_told_by(model, shared.which, target, events);
    }

    /// Whether failures are still many, though no minute is unusual; then the episode waits for calm again.
    fn goes_on(&mut self, model: &Model, shared: &Shared<'_>, instant: i32) -> bool {
        let usual = self.usual(model, day_of(instant), shared);
        let Some(first) = self.watch.episode.as_ref().map(|it| it.calm_since(instant)) else { return false };
        let calls = shared.calls.calls_between(first, instant) as f64;
        let failures = self.watch.windows.calls_between(first, instant) as f64;
        self.watch.goes_on(model, instant, failures, usual * calls)
    }

    /// The share of failures since an episode was noticed is what is usual from now on.
    fn absorb(&mut self, model: &Model, shared: &Shared<'_>, episode: &Episode, instant: i32) {
        self.watch.settle(model, instant);
        if episode.observed > episode.expected && episode.expected > 0.0 {
            let day = day_of(instant);
            let share = self.usual(model, day, shared) * episode.observed / episode.expected;
            self.failed.set(day, failures_for(model, share, shared.traffic.at(model, day)));
            self.watch.maxima.rescale(episode.level_change());
        }
    }

    /// Ends what is open at `instant`, when the code is forgotten.
    pub(crate) fn forget(
        &mut self,
        model: &Model,
        shared: &Shared<'_>,
        instant: i32,
        events: &mut Vec<Event>,
    ) {
        self.advance(model, shared, instant, events);
        self.watch.forget(model, shared.which, instant, events);
    }

    /// Learns from a half hour with calls of the API that has passed.
    pub(crate) fn learn_slot(&mut self, model: &Model, shared: &Shared<'_>, slot: &SlotCalls) {
        let day = day_of(slot.slot * SLOT);
        self.roll_spread(model, shared, day);
        let usual = self.usual(model, day, shared);
        let failures = self.watch.windows.slot_minutes(slot.slot);
        let total: f64 = failures.iter().sum::<u64>() as f64;
        if let Some(episode) = self.watch.episode.as_mut().filter(|it| slot.slot * SLOT >= it.detected_at) {
            episode.observed += total;
            episode.expected += usual * slot.total;
        }
        if self.watch.episode.is_some() || self.frozen_slot >= slot.slot {
            self.block = f64::NEG_INFINITY;
            return;
        }
        self.block += total;
        for window in 0..LONGEST {
            let dispersion = &mut self.watch.dispersion[window];
            let mean2 = usual * usual * slot.squares[window];
            let mut residual2 = mean2;
            if total > 0.0 {
                for (failures, calls) in parts(&failures, window).zip(parts(&slot.minutes, window)) {
                    residual2 += failures * failures - 2.0 * failures * usual * calls;
                }
            }
            dispersion.moments(&model.parameters().dispersion, f64::INFINITY).add_sums(
                residual2,
                usual * slot.total,
                mean2,
            );
        }
        self.failed.add(model, day, total);
    }

    /// Learns from a block of the longest window with `calls` of the API.
    pub(crate) fn learn_block(&mut self, model: &Model, shared: &Shared<'_>, (day, calls): (i32, f64)) {
        let failures = std::mem::take(&mut self.block);
        if failures < 0.0 {
            return;
        }
        let mean = self.usual(model, day, shared) * calls;
        self.watch.dispersion[LONGEST]
            .moments(&model.parameters().dispersion, f64::INFINITY)
            .add(failures, mean);
    }

    fn roll_spread(&mut self, model: &Model, shared: &Shared<'_>, day: i32) {
        let p = model.parameters();
        let usual = self.usual(model, day, shared);
        for closed in self.day.max(day - p.memory.forget_days)..day {
            let age_days = closed - day_of(shared.origin.born);
            for dispersion in &mut self.watch.dispersion {
                dispersion.roll(&p.dispersion, age_days, usual);
            }
        }
        self.day = day;
    }
}
