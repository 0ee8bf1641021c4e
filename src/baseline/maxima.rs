//! The largest value of each day -> a bound on tomorrow's, and the largest of all. Pure.
//!
//! Only days on which something happened are kept; a quiet day counts as the floor. Source: block maxima of extreme-value
//! theory, with a normal law for their logarithm, since four weeks are too few to fit a tail index.
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bound::{self, Prior};
use super::{LONGEST, PerWindow, WINDOWS};
use crate::model::Model;

/// Far above any count: what is scaled again and again stays a number.
const MOST: f64 = 1e30;

/// The remembered days of one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Maxima {
    days: VecDeque<(i32, PerWindow<f32>)>,
    today: PerWindow<f32>,
    /// Logarithms of the bounds, and the largest values, as of the last roll.
    bounds: PerWindow<Option<f64>>,
    largest: PerWindow<f32>,
}

/// The largest totals ever, of episodes too and at whatever level: what a series is told to have seen before. Blocks of the
/// longest window's length keep totals that share calls with the present one apart from those before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Largest {
    block: i32,
    before: PerWindow<f64>,
    last: PerWindow<f64>,
    this: PerWindow<f64>,
}

impl Largest {
    /// Takes note of the totals at the end of `minute`.
    pub(crate) fn note(&mut self, minute: i32, totals: &PerWindow<u64>) {
        let block = minute.div_euclid(WINDOWS[LONGEST]);
        if block != self.block {
            if block > self.block + 1 {
                self.close();
            }
            larger(&mut self.before, &self.last);
            self.last = std::mem::take(&mut self.this);
            self.block = block;
        }
        larger(&mut self.this, &totals.map(|total| total as f64));
    }

    /// From now on the windows are empty: all that was is past.
    pub(crate) fn close(&mut self) {
        for past in [&mut self.last, &mut self.this] {
            larger(&mut self.before, &std::mem::take(past));
        }
    }

    /// The largest total that has no calls of the last two hours, but for those of an ended episode; `None` where there
    /// was none.
    pub(crate) fn before(&self, window: usize) -> Option<f64> {
        Some(self.before[window]).filter(|largest| *largest > 0.0)
    }
}

fn larger(largest: &mut PerWindow<f64>, other: &PerWindow<f64>) {
    for (largest, other) in largest.iter_mut().zip(other) {
        *largest = largest.max(*other);
    }
}

/// What to make of the remembered days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// The day that begins.
    pub(crate) day: i32,
    /// The last day with anything to remember.
    pub(crate) last_day: i32,
    /// Days that are known, those with nothing to remember included, up to the memory.
    pub(crate) known_days: i32,
    /// Smaller values count as this.
    pub(crate) floor: f64,
    /// What is assumed about the spread.
    pub(crate) prior: Prior,
}

impl Maxima {
    /// Takes note of a value of today.
    pub(crate) fn note(&mut self, window: usize, value: f64) {
        self.today[window] = self.today[window].max(value as f32);
    }

    /// Closes the last day and computes the bounds for the day that begins.
    pub(crate) fn roll(&mut self, model: &Model, reading: Reading) {
        if self.today.iter().any(|value| *value > 0.0) {
            self.days.push_back((reading.last_day, self.today));
        }
        self.today = PerWindow::default();
        let first = reading.day - model.parameters().memory.days;
        while self.days.front().is_some_and(|(day, _)| *day < first) {
            self.days.pop_front();
        }
        for window in 0..self.bounds.len() {
            self.bounds[window] = self.bound(model, window, reading);
            self.largest[window] = self.days.iter().map(|(_, values)| values[window]).fold(0.0, f32::max);
        }
    }

    fn bound(&self, model: &Model, window: usize, reading: Reading) -> Option<f64> {
        let known = usize::try_from(reading.known_days).unwrap_or(0).max(self.days.len());
        let mut logarithms = vec![reading.floor.ln(); known];
        for (logarithm, (_, values)) in logarithms.iter_mut().zip(&self.days) {
            *logarithm = f64::from(values[window]).max(reading.floor).ln();
        }
        bound::upper(model, reading.prior, logarithms.iter().copied())
    }

    /// The logarithm of the bound on today's largest value; `None` where no day is known.
    pub(crate) const fn bound_ln(&self, window: usize) -> Option<f64> {
        self.bounds[window]
    }

    /// The largest value of the remembered days, today not included; zero where there is none.
    pub(crate) fn largest(&self, window: usize) -> f64 {
        f64::from(self.largest[window])
    }

    /// After a change of level by `factor`: what is remembered happened at the old level.
    pub(crate) fn rescale(&mut self, factor: f64) {
        for (_, values) in &mut self.days {
            for value in values {
                *value = scaled(*value, factor);
            }
        }
        for window in 0..self.bounds.len() {
            self.largest[window] = scaled(self.largest[window], factor);
            self.bounds[window] = self.bounds[window].map(|bound| bound + factor.ln());
        }
    }
}

fn scaled(value: f32, factor: f64) -> f32 {
    (f64::from(value) * factor).min(MOST) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_ever_leaves_out_what_overlaps_the_present() {
        let mut largest = Largest::default();
        let check = |largest: &mut Largest, minute: i32, total: u64, want: Option<f64>| {
            largest.note(minute, &[total; WINDOWS.len()]);
            assert_eq!(largest.before(0), want, "{minute}");
        };
        check(&mut largest, 10, 7, None);
        check(&mut largest, 130, 9, None);
        check(&mut largest, 240, 1, Some(7.0));
        check(&mut largest, 250, 50, Some(7.0));
        largest.close();
        check(&mut largest, 251, 30, Some(50.0));
        check(&mut largest, 100_000, 1, Some(50.0));
    }
}
