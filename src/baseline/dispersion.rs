//! Totals of windows against their expectation -> how widely they spread around it. Pure.
//!
//! Formula: `variance = c M + phi M^2`, where c is the size of clusters and phi the over-dispersion; both from two moment
//! equations `sum (x - M)^2 = c sum M + phi sum M^2`, one over windows of low and one over windows of high expectation.
//! Source: method of moments for the quasi-Poisson / NB2 mixture, as in Farrington 1996 and Noufaily 2013.
use serde::{Deserialize, Serialize};

use super::seasonal::QuietSums;
use crate::model;

/// Spread of the counts of one window length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// c: calls that come together.
    pub(crate) cluster: f64,
    /// phi: variance of the rate over its square.
    pub(crate) spread: f64,
}

impl Spread {
    /// What is assumed before anything is known.
    pub(crate) const fn prior(p: &model::Dispersion) -> Self {
        Self { cluster: p.cluster_prior, spread: p.spread_prior }
    }

    /// Variance of a total with expectation `mean`.
    pub(crate) fn variance(self, mean: f64) -> f64 {
        self.cluster * mean + self.spread * mean * mean
    }

    /// Shape of the negative binomial with that mean and variance.
    pub(crate) fn shape(self, mean: f64) -> f64 {
        mean / (self.cluster - 1.0 + self.spread * mean)
    }
}

/// Sums over windows: squared residual, expectation, squared expectation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    residual2: f64,
    mean: f64,
    mean2: f64,
}

impl Moments {
    /// Adds one window.
    pub(crate) fn add(&mut self, total: f64, mean: f64) {
        self.add_sums((total - mean).powi(2), mean, mean * mean);
    }

    /// Adds sums over several windows.
    pub(crate) fn add_sums(&mut self, residual2: f64, mean: f64, mean2: f64) {
        self.residual2 += residual2;
        self.mean += mean;
        self.mean2 += mean2;
    }

    fn scale(&mut self, keep: f64) {
        self.residual2 *= keep;
        self.mean *= keep;
        self.mean2 *= keep;
    }
}

/// The spread of one window length, and what it is learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dispersion {
    low: Moments,
    high: Moments,
    /// Average expectation of such a window.
    average: f64,
    /// The present estimate.
    pub(crate) now: Spread,
}

impl Dispersion {
    /// Before anything was seen.
    pub(crate) fn new(p: &model::Dispersion) -> Self {
        Self { low: Moments::default(), high: Moments::default(), average: 0.0, now: Spread::prior(p) }
    }

    /// Where windows with this expectation are summed.
    pub(crate) fn moments(&mut self, p: &model::Dispersion, mean: f64) -> &mut Moments {
        if mean >= p.high_share * self.average { &mut self.high } else { &mut self.low }
    }

    /// Adds windows of `length` minutes without calls, given sums over slots of the rate and its square.
    pub(crate) fn add_quiet_slots(&mut self, sums: &QuietSums, slot: f64, length: f64) {
        let squares = |sum: f64| sum * slot * length;
        self.low.add_sums(squares(sums.low.1), sums.low.0 * slot, squares(sums.low.1));
        self.high.add_sums(squares(sums.high.1), sums.high.0 * slot, squares(sums.high.1));
    }

    /// Once a day: solves for the spread, then forgets a little. `age_days` is the age at the end of the day.
    pub(crate) fn roll(&mut self, p: &model::Dispersion, age_days: i32, average: f64) {
        self.now = self.solve(p);
        let relearn = age_days == p.relearn_day || age_days == p.relearn_week;
        let keep = if relearn { p.relearn_keep } else { p.keep };
        self.low.scale(keep);
        self.high.scale(keep);
        self.average = average;
    }

    fn solve(&self, p: &model::Dispersion) -> Spread {
        let average = self.average.max(1e-3);
        let weight = p.spread_weight * average.max(p.spread_calls).powi(2);
        let low = Moments {
            residual2: self.low.residual2 + p.cluster_prior * p.cluster_weight,
            mean: self.low.mean + p.cluster_weight,
            mean2: self.low.mean2 + average,
        };
        let high = Moments {
            residual2: self.high.residual2 + p.spread_prior * weight,
            mean: self.high.mean,
            mean2: self.high.mean2 + weight,
        };
        let spread_given =
            |cluster: f64| ((high.residual2 - cluster * high.mean) / high.mean2).max(p.spread_min);
        let determinant = low.mean * high.mean2 - high.mean * low.mean2;
        // Too little was seen at low expectation to tell clusters from spread: assume the clusters.
        if determinant <= 1e-9 || self.low.mean <= 0.02 * high.mean {
            let cluster = (high.residual2 / high.mean.max(1e-9)).max(p.cluster_min).min(p.cluster_prior);
            return Spread { cluster, spread: spread_given(cluster) };
        }
        let spread = (low.mean * high.residual2 - high.mean * low.residual2) / determinant;
        let cluster = (low.residual2 * high.mean2 - high.residual2 * low.mean2) / determinant;
        if spread < p.spread_min {
            let cluster = ((low.residual2 - p.spread_min * low.mean2) / low.mean).max(p.cluster_min);
            Spread { cluster, spread: p.spread_min }
        } else if cluster < p.cluster_min {
            Spread { cluster: p.cluster_min, spread: spread_given(p.cluster_min) }
        } else {
            Spread { cluster, spread }
        }
    }
}
