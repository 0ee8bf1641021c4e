//! Surprises that were let pass -> the total, and the surprise, that the next one must exceed. Pure.
//!
//! What was surprising and opened no episode (while learning, below a line, or the second strike of the same size) will
//! come again: late cron, daylight saving, deploys, weekly batches. Kept: per day and window the largest such total.
//! Source: `OpenSearch` anomaly detection's memory of candidate anomalies; netdata #12127 (the nightly cron).
use serde::{Deserialize, Serialize};

use super::bound::{self, Prior};
use super::{PerWindow, WINDOWS};
use crate::model::Model;

/// One accepted surprise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Surprise {
    /// Calls in the window.
    pub(crate) total: f64,
    /// How surprising, z.
    pub(crate) z: f64,
    /// Of failures: the calls in the window.
    pub(crate) calls: f64,
    /// Slot it came in.
    pub(crate) slot: i32,
}

/// The accepted surprises of one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    past: Vec<(i32, u8, Surprise)>,
    today: PerWindow<Option<Surprise>>,
    /// Bound on the logarithm of the total, and largest z; `None` where nothing was accepted.
    bars: PerWindow<Option<Bar>>,
}

/// What a new surprise is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Bar {
    total_ln: f64,
    z: f64,
}

impl Accepted {
    /// Takes note of a surprise of today: the largest total with its slot, and the largest z.
    pub(crate) fn note(&mut self, window: usize, surprise: Surprise) {
        let today = self.today[window].get_or_insert(surprise);
        if surprise.total > today.total {
            (today.total, today.calls, today.slot) = (surprise.total, surprise.calls, surprise.slot);
        }
        today.z = today.z.max(surprise.z);
    }

    /// Closes the last day and computes the bars of the day that begins. `explained` says which surprises the forecast has
    /// learned by now.
    pub(crate) fn roll<F>(&mut self, model: &Model, last_day: i32, day: i32, explained: F)
    where
        F: Fn(usize, Surprise) -> bool,
    {
        let p = model.parameters();
        for (window, today) in self.today.iter_mut().enumerate() {
            if let Some(surprise) = today.take() {
                self.past.push((last_day, window as u8, surprise));
            }
        }
        self.past.retain(|(at, ..)| *at >= day - p.memory.days);
        let prior = Prior {
            days: p.accepted.prior_days,
            spread: p.record.prior_spread,
            counting: p.record.prior_counting,
            kind_factor: p.record.kind_factor,
        };
        for window in 0..WINDOWS.len() {
            let here = self
                .past
                .iter()
                .filter(|(_, at, surprise)| usize::from(*at) == window && !explained(window, *surprise))
                .map(|(_, _, surprise)| *surprise);
            let z = here.clone().fold(0.0, |z: f64, surprise| z.max(surprise.z));
            let totals: Vec<f64> = here.map(|surprise| surprise.total.ln()).collect();
            self.bars[window] = bound::upper(model, prior, totals.iter().copied()).map(|bound| {
                let largest = totals.iter().copied().fold(0.0, f64::max);
                Bar { total_ln: bound.min(largest + p.accepted.ratio.ln()), z }
            });
        }
    }

    /// Takes note of a surprise that is to be accepted from now on, not only from tomorrow.
    pub(crate) fn accept(&mut self, model: &Model, window: usize, surprise: Surprise) {
        self.note(window, surprise);
        let ratio = model.parameters().accepted.ratio;
        let bar = Bar { total_ln: surprise.total.max(1.0).ln() + ratio.ln(), z: surprise.z };
        let known = self.bars[window].get_or_insert(bar);
        known.total_ln = known.total_ln.max(bar.total_ln);
        known.z = known.z.max(bar.z);
    }

    /// Whether a total of this surprise is beyond everything that was accepted.
    pub(crate) fn exceeded_by(&self, model: &Model, window: usize, total: f64, z: f64) -> bool {
        self.bars[window].is_none_or(|bar| {
            total.ln() >= bar.total_ln - model.ease().ln() || z >= model.parameters().accepted.factor * bar.z
        })
    }

    /// The total that is larger than all that was accepted, by a margin; 0 where nothing was.
    pub(crate) fn outgrown_at(&self, model: &Model, window: usize) -> f64 {
        self.bars[window].map_or(0.0, |bar| bar.total_ln.exp() / model.ease())
    }
}
