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
