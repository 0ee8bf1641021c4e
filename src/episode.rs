//! A crossed line, and the minutes after it -> an episode with a start and an end. Pure.
//!
//! Hysteresis: an episode opens at a high line and ends after some calm minutes below a low one (canny thresholding of
//! signals; Prometheus' `for`). One that lasts becomes the new normal, so a change of level is told once.
use serde::{Deserialize, Serialize};

use crate::baseline::accepted::Surprise;
use crate::baseline::{LONGEST, PerWindow, SLOT, WINDOWS};
use crate::detect::{Direction, Peak, Rule};
use crate::model::Model;

/// Of a longer calm only so many minutes are looked at: what the windows remember.
const MOST_CALM: i32 = LONGEST_MINUTES - SLOT;
/// Minutes of the longest window.
const LONGEST_MINUTES: i32 = WINDOWS[LONGEST];

/// An open episode of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Episode {
    /// First unusual minute.
    pub(crate) start: i32,
    /// End of the minute in which it was noticed.
    pub(crate) detected_at: i32,
    /// The line that was crossed.
    pub(crate) rule: Rule,
    /// Index of the window that crossed it.
    pub(crate) window: usize,
    /// Last minute that was not calm: some window that ends with it holds an unusual total.
    pub(crate) last_hot: i32,
    /// Last minute that is unusual itself: the totals of longer windows are so for a while after it.
    pub(crate) last_unusual: i32,
    /// How many times the usual level was reached when it was noticed.
    pub(crate) level: f64,
    /// Largest totals and surprises since it opened.
    pub(crate) peaks: PerWindow<Surprise>,
    /// How far it went.
    pub(crate) peak: Peak,
    /// Calls since it was noticed, and those expected, up to `summed_to`.
    pub(crate) observed: f64,
    /// See `observed`.
    pub(crate) expected: f64,
    /// See `observed`.
    pub(crate) summed_to: i32,
}

/// How an episode ends of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything was calm for long enough.
    Calm,
    /// It lasted so long that it is what is usual now.
    Absorbed,
}

impl Episode {
    /// Up or down.
    pub(crate) const fn direction(&self) -> Direction {
        self.rule.direction()
    }

    /// When it ends if nothing more happens, and how.
    pub(crate) fn deadline(&self, model: &Model) -> (i32, Ending) {
        let p = model.parameters();
        let absorb = match self.rule {
            Rule::Contextual | Rule::Record => p.episode.absorb_minutes,
            Rule::FirstSeen => p.first_seen.absorb_minutes,
            Rule::Drop => p.drop.absorb_minutes,
        };
        let absorbed = (self.detected_at + absorb, Ending::Absorbed);
        if self.direction() == Direction::Down {
            return absorbed;
        }
        let calm = (self.calm_at(model), Ending::Calm);
        if calm.0 <= absorbed.0 { calm } else { absorbed }
    }

    /// When it ends if no minute is unusual any more.
    pub(crate) fn calm_at(&self, model: &Model) -> i32 {
        let p = &model.parameters().episode;
        self.last_hot + 1 + p.calm_minutes.max(WINDOWS[self.window])
    }

    /// The minutes of which the calm should come, up to `instant`.
    pub(crate) const fn calm_since(&self, instant: i32) -> i32 {
        let first = self.last_hot + 1;
        if first < instant - MOST_CALM { instant - MOST_CALM } else { first }
    }

    /// The mean of the law of totals at its level, where `usual` is that of the usual one; `None` where it has none.
    pub(crate) fn at_level(&self, usual: f64) -> Option<f64> {
        (self.level > 1.0 && usual > 0.0).then_some(self.level * usual)
    }

    /// No minute was unusual, and yet it may go on: it waits for calm again, and where it `lasts`, did not end before.
    pub(crate) fn go_on(&mut self, instant: i32, lasts: bool) {
        self.last_hot = instant - 1;
        if lasts {
            self.last_unusual = instant - 1;
        }
    }

    /// Takes note of a total that is unusual in `direction`.
    pub(crate) fn reach(&mut self, peak: &Peak, direction: Direction) {
        if self.direction() == direction {
            self.peak.note(peak);
        }
    }

    /// Takes note of a surprising total.
    pub(crate) fn peak(&mut self, window: usize, surprise: Surprise) {
        let peak = &mut self.peaks[window];
        if surprise.total > peak.total {
            (peak.total, peak.calls) = (surprise.total, surprise.calls);
        }
        peak.z = peak.z.max(surprise.z);
    }

    /// Sums what was expected, at `rate` calls per minute, up to `instant`.
    pub(crate) fn expect(&mut self, rate: f64, instant: i32) {
        self.expected += rate * f64::from(instant - self.summed_to);
        self.summed_to = instant;
    }

    /// Observed over expected since it was noticed: the factor by which the level has changed.
    pub(crate) fn level_change(&self) -> f64 {
        (self.observed + 1.0) / (self.expected + 1.0)
    }
}

/// A guard of the state's size only: no series of the benchmark has as many episodes within the memory.
const MOST_STRIKES: usize = 8;

/// The sizes of the last episodes: the second of the same size is accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strikes {
    past: Vec<(i32, PerWindow<f32>)>,
}

impl Strikes {
    /// Takes note of an episode that ended at `instant`, and says whether it is at least `share` of an earlier one.
    pub(crate) fn again(&mut self, model: &Model, episode: &Episode, instant: i32) -> bool {
        let p = model.parameters();
        let memory = p.memory.days * crate::time::MINUTES_PER_DAY;
        self.past.retain(|(at, _)| instant - at < memory);
        let peak = episode.peaks[episode.window.min(LONGEST)].total;
        let again = self
            .past
            .iter()
            .any(|(_, totals)| f64::from(totals[episode.window]) >= p.accepted.strike_share * peak);
        self.past.push((instant, episode.peaks.map(|peak| peak.total as f32)));
        self.past.drain(..self.past.len().saturating_sub(MOST_STRIKES));
        again
    }
}
