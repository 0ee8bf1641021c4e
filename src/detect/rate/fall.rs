//! One API's call rate when calls stay away -> by which law its windows are judged, and how far below it they are. Pure.
use super::RateSeries;
use crate::baseline::{LONGEST, SLOT_WINDOW, WINDOWS};
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

    /// First minute without the calls that a window lacks.
    pub(super) fn silent_since(&self, instant: i32, window: usize, expected: f64) -> i32 {
        let bar = self.watch.bar(window, expected);
        self.watch.windows.silent_since(instant - 1, WINDOWS[window], bar)
    }

    pub(super) fn drop_share(&self, model: &Model, window: usize) -> f64 {
        let p = &model.parameters().drop;
        let has_rhythm = self.seasonal.has_rhythm(&model.parameters().expectation);
        if has_rhythm || window < LONGEST { p.share } else { p.flat_share }
    }

    /// Shape of the law of a total that may be too small: what comes in clusters stays away in clusters, however regular
    /// they are. So the variance is at least that of the shorter windows, if these were independent.
    pub(super) fn drop_shape(&self, window: usize, mean: f64) -> f64 {
        let part = |shorter: usize| mean * f64::from(WINDOWS[shorter]) / f64::from(WINDOWS[window]);
        let shapes = (0..=window).map(|shorter| {
            let mean = part(shorter);
            self.watch.dispersion[shorter].now.variance(mean) / mean
        });
        mean / (shapes.fold(0.0, f64::max) - 1.0)
    }
}
