//! One API's call rate -> how it stands at the end of a minute. Pure; changes nothing.
use super::{LEAST_MEAN, RateSeries};
use crate::baseline::{SLOT_WINDOW, WINDOWS};
use crate::detect::look::{Fall, Levels, LineLook, Look, WindowLook};
use crate::detect::{Rule, surprise};
use crate::model::Model;
use crate::time::Minute;

impl RateSeries {
    /// How it stands at the end of `minute`, before which everything was judged.
    pub(crate) fn look(&self, model: &Model, minute: i32) -> Look {
        let series = self.at(model, minute);
        let p = &model.parameters().expectation;
        let sight = series.sight(model, minute);
        let mut windows = series.watch.windows_look(model, &sight);
        let lines = model.eased().unwrap_or(model);
        let least = lines.parameters().first_seen.calls;
        windows[SLOT_WINDOW].lines.push(series.watch.first_seen_line(model, &sight, least));
        for (window, look) in windows.iter_mut().enumerate().skip(SLOT_WINDOW) {
            let line = series.drop_line(lines, minute, window, look);
            look.lines.push(line);
            look.fall = Some(series.fall(minute, window, look.observed));
        }
        let [recent, level, time_of_day, time_of_week] = series.seasonal.forecasters(p, series.slot);
        Look {
            minute: Minute::from_epoch(minute),
            age_days: series.origin.age_days(minute + 1),
            judged: series.watch.judged(model, &sight),
            open: series.watch.open_episode(model),
            levels: Levels::Rate { recent, level, time_of_day, time_of_week },
            windows,
        }
    }

    /// The largest z of its windows at the end of `minute`, which must be the last with calls.
    pub(crate) fn surprise(&self, model: &Model, minute: i32) -> f64 {
        self.watch.largest_z(model, &self.sight(model, minute))
    }

    /// The same series with its windows at `minute`, woken up if need be.
    fn at(&self, model: &Model, minute: i32) -> Self {
        let mut series = self.clone();
        if series.asleep {
            series.wake(model, minute);
            series.advance(model, minute, &mut Vec::new());
        }
        series.watch.windows.slide(minute);
        series
    }

    fn fall(&self, minute: i32, window: usize, observed: f64) -> Fall {
        let expected = self.over_windows(minute, |forecast| forecast.lowest)[window];
        let shape = self.drop_shape(window, expected.max(LEAST_MEAN));
        let z = surprise::below(observed, expected, shape);
        Fall {
            expected,
            deviation: surprise::deviation(expected, shape),
            log10_probability: surprise::log10_probability(z),
        }
    }

    fn drop_line(&self, model: &Model, minute: i32, window: usize, look: &WindowLook) -> LineLook {
        let p = &model.parameters().drop;
        let instant = minute + 1;
        let mean = self.over_windows(minute, |forecast| forecast.lowest)[window];
        let most = self.drop_share(model, window) * mean;
        let age_days = self.origin.age_days(instant);
        let shape = self.drop_shape(window, mean.max(LEAST_MEAN));
        let least_z = self.drop_z(model, window);
        let unusual = |total: f64| surprise::below(total, mean, shape) >= least_z;
        let judged = age_days >= p.age_days
            && mean >= p.expected
            && self.origin.is_warm(model, instant)
            && instant > self.watch.settling_until
            && instant - WINDOWS[window] >= self.watch.clear_since;
        let bound = (judged && unusual(0.0)).then(|| surprise::most_missing(0.0, most, unusual));
        LineLook { rule: Rule::Drop, bound, crossed: bound.is_some_and(|bound| look.observed <= bound) }
    }
}
