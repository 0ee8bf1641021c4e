//! One API's call rate while calls stay away -> how far below what is expected its windows are. Pure.
use super::RateSeries;
use crate::baseline::{SLOT_WINDOW, WINDOWS};
use crate::detect::{Direction, Peak, surprise, times};
use crate::model::Model;
use crate::time::Minute;

impl RateSeries {
    /// Takes note of the calls that are missing in the windows that end at `instant`, for the open drop-outs.
    pub(super) fn note_fall(&mut self, model: &Model, instant: i32) {
        let lowest = self.over_windows(instant - 1, |forecast| forecast.lowest);
        for window in SLOT_WINDOW..WINDOWS.len() {
            let (expected, observed) = (lowest[window], self.watch.windows.totals()[window] as f64);
            if expected < model.parameters().drop.expected || observed >= expected {
                continue;
            }
            let z = surprise::below(observed, expected, self.drop_shape(window, expected));
            self.watch.note_fall(&Peak {
                at: Minute::from_epoch(instant),
                window_minutes: WINDOWS[window].cast_unsigned(),
                observed,
                expected,
                log10_probability: surprise::log10_probability(z),
                times: times(Direction::Down, observed, (expected, None)),
            });
        }
    }
}

/// The largest total up to `most` that is still as unusual, given that `total` is.
pub(super) fn most_missing(total: f64, most: f64, unusual: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (total, most.floor() + 1.0);
    while high - low > 1.0 {
        let middle = f64::midpoint(low, high).floor();
        // Of totals above 2^53 not every whole number can be told from the next.
        if middle <= low || middle >= high {
            break;
        }
        if unusual(middle) { low = middle } else { high = middle }
    }
    low
}
