//! A window's total and what is known about the series -> whether a line is crossed, and what total would have. Pure.
//!
//! Line A, contextual: `z >= z0`, enough calls, enough times the expectation, and beyond the accepted surprises.
//! Line B, record: `ln X >=` the predictive bound on the daily maxima, a margin above the largest of them.
//! Lines A and B are complementary: A knows the hour, B holds where the hour tells nothing.
//! Source: A is Noufaily et al. 2013 (negative-binomial bound with a support rule); B is the block-maxima approach of SPOT
//! (Siffer et al. 2017) with a predictive law that four weeks suffice for.
use super::{Rule, surprise};
use crate::baseline::accepted::Accepted;
use crate::baseline::dispersion::Spread;
use crate::baseline::maxima::Maxima;
use crate::model::Model;

/// What one window's total is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) maxima: &'a Maxima,
    pub(crate) accepted: &'a Accepted,
    /// Index of the window.
    pub(crate) window: usize,
    /// The highest expectation that could be meant.
    pub(crate) mean: f64,
    pub(crate) spread: Spread,
    /// Smallest excess over the expectation, calls.
    pub(crate) excess: f64,
    /// Whether the level has just changed.
    pub(crate) settling: bool,
    /// Of an error series.
    pub(crate) share: Option<Share>,
}

/// How many calls could have failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Calls in the window.
    pub(crate) calls: f64,
    /// The usual share of them that fails.
    pub(crate) usual: f64,
}

impl Scene<'_> {
    /// The surprise of a total.
    pub(crate) fn z(&self, total: f64) -> f64 {
        surprise::above(total, self.mean, self.spread.shape(self.mean))
    }

    /// The line that `total`, of surprise `z`, crosses.
    pub(crate) fn crossed(&self, total: f64, z: f64) -> Option<Rule> {
        if !self.supported(total) {
            None
        } else if self.contextual(total, z) {
            Some(Rule::Contextual)
        } else if self.record(total, z) {
            Some(Rule::Record)
        } else {
            None
        }
    }

    /// The smallest total that would have crossed `rule`, given that `total` did.
    pub(crate) fn least(&self, rule: Rule, total: f64) -> f64 {
        let (mut below, mut least) = (self.mean.floor(), total);
        while least - below > 1.0 {
            let middle = (f64::midpoint(below, least)).floor();
            // Of totals above 2^53 not every whole number can be told from the next.
            if middle <= below || middle >= least {
                break;
            }
            if self.crosses(rule, middle) { least = middle } else { below = middle }
        }
        least
    }

    /// The smallest total that crosses `rule`; `None` where not even a billion calls would.
    pub(crate) fn bound(&self, rule: Rule) -> Option<f64> {
        let totals = (0..=30).map(|power| self.mean.ceil() + f64::from(1 << power));
        let total = totals.into_iter().find(|total| self.crosses(rule, *total))?;
        Some(self.least(rule, total))
    }

    fn crosses(&self, rule: Rule, total: f64) -> bool {
        let z = self.z(total);
        self.supported(total)
            && if rule == Rule::Record { self.record(total, z) } else { self.contextual(total, z) }
    }

    fn supported(&self, total: f64) -> bool {
        let p = self.model.parameters();
        total - self.mean >= self.excess
            && total >= p.contextual.ratio * self.mean
            && self.share.is_none_or(|share| total / share.calls.max(1.0) >= share.usual + p.errors.share)
    }

    fn contextual(&self, total: f64, z: f64) -> bool {
        let p = self.model.parameters();
        let caution = if self.settling { p.episode.settle_factor } else { 1.0 };
        z >= p.contextual.z * caution && self.accepted.exceeded_by(self.model, self.window, total, z)
    }

    fn record(&self, total: f64, z: f64) -> bool {
        let p = &self.model.parameters().record;
        let largest = self.maxima.largest(self.window).max(p.floor);
        z >= p.z
            && !self.settling
            && total - largest >= p.excess
            && self
                .maxima
                .bound_ln(self.window)
                .is_some_and(|bound| total.ln() >= self.eased(bound, largest.ln()))
    }

    /// A bound on a logarithm, at the model's sensitivity: as far above `base` in standard deviations as the logarithm
    /// of a probability asks for.
    fn eased(&self, bound: f64, base: f64) -> f64 {
        let ease = self.model.ease();
        if ease.total_cmp(&1.0).is_eq() || bound <= base {
            bound
        } else {
            base + (bound - base) / ease.sqrt()
        }
    }
}
