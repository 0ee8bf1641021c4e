//! Calls and failures -> the usual share of failed calls. Pure.
//!
//! Formula: `pi = (e0 + E) / (n0 + N)`, both sums forgotten with the memory. Source: the posterior mean of a proportion
//! under a beta prior. Calls are summed once per API, failures per code.
use serde::{Deserialize, Serialize};

use crate::model::Model;

/// A sum that forgets: `1 - 1/days` of it is left after a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fading {
    sum: f64,
    day: i32,
}

impl Fading {
    /// Adds to the sum, as of `day`.
    pub(crate) fn add(&mut self, model: &Model, day: i32, count: f64) {
        self.sum = self.at(model, day) + count;
        self.day = day;
    }

    /// Makes it `sum` as of `day`.
    pub(crate) const fn set(&mut self, day: i32, sum: f64) {
        *self = Self { sum, day };
    }

    /// What is left on `day`.
    pub(crate) fn at(&self, model: &Model, day: i32) -> f64 {
        let keep = 1.0 - 1.0 / f64::from(model.parameters().memory.days);
        if day > self.day { self.sum * keep.powi(day - self.day) } else { self.sum }
    }
}

/// The usual share of calls that fail.
pub(crate) fn usual_share(model: &Model, failed: f64, calls: f64) -> f64 {
    let p = &model.parameters().errors;
    ((p.prior_errors + failed) / (p.prior_calls + calls)).min(1.0)
}

/// The failed calls that make `share` the usual share.
pub(crate) fn failures_for(model: &Model, share: f64, calls: f64) -> f64 {
    let p = &model.parameters().errors;
    (share * (p.prior_calls + calls) - p.prior_errors).max(0.0)
}

/// The days that a sum stands for which forgets, of a series of that age: at least one.
pub(crate) fn remembered_days(model: &Model, age_days: f64) -> f64 {
    let memory = f64::from(model.parameters().memory.days);
    (memory * (1.0 - (-age_days / memory).exp())).max(1.0)
}
