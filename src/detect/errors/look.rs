//! One error code of an API -> how it stands at the end of a minute. Pure; changes nothing.
use super::{ErrorSeries, Shared};
use crate::baseline::{SLOT_WINDOW, day_of};
use crate::detect::look::{Levels, Look};
use crate::model::Model;
use crate::time::Minute;

impl ErrorSeries {
    /// How it stands at the end of `minute`, before which everything was judged.
    pub(crate) fn look(&self, model: &Model, shared: &Shared<'_>, minute: i32) -> Look {
        let mut calls = shared.calls.clone();
        calls.slide(minute);
        let shared = Shared { calls: &calls, ..*shared };
        let mut series = self.clone();
        series.watch.windows.slide(minute);
        let sight = series.sight(model, &shared, minute);
        let mut windows = series.watch.windows_look(model, &sight);
        let lines = model.eased().unwrap_or(model);
        let least = lines.parameters().first_seen.failures;
        windows[SLOT_WINDOW].lines.push(series.watch.first_seen_line(model, &sight, least));
        // No more calls can fail than are made.
        for (window, calls) in windows.iter_mut().zip(calls.totals()) {
            for line in &mut window.lines {
                line.bound = line.bound.filter(|bound| *bound <= *calls as f64 || line.crossed);
            }
        }
        Look {
            minute: Minute::from_epoch(minute),
            age_days: shared.origin.age_days(minute + 1),
            judged: series.watch.judged(model, &sight),
            open: series.watch.open_episode(model),
            levels: Levels::Share(series.usual(model, day_of(minute), &shared)),
            windows,
        }
    }

    /// The largest z of its windows at the end of `minute`, which must be the last with calls of its API.
    pub(crate) fn surprise(&self, model: &Model, shared: &Shared<'_>, minute: i32) -> f64 {
        self.watch.largest_z(model, &self.sight(model, shared, minute))
    }
}
