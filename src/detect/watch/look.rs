//! A series and what its windows are compared with -> every window, and the lines A and B. Pure; changes nothing.
use super::{Sight, Watch};
use crate::baseline::{SLOT_WINDOW, WINDOWS};
use crate::detect::look::{Judged, LineLook, WindowLook};
use crate::detect::{Rule, surprise};
use crate::model::Model;
use crate::time::Minute;

impl Watch {
    /// The open episode: its first minute, and its line.
    pub(crate) fn open_episode(&self, model: &Model) -> Option<(Minute, Rule)> {
        self.told_episode(model).map(|episode| (Minute::from_epoch(episode.start), episode.rule))
    }

    /// Whether lines A and B are judged.
    pub(crate) fn judged(&self, model: &Model, sight: &Sight) -> Judged {
        if !sight.origin.is_warm(model, sight.minute) {
            Judged::AccountTooYoung
        } else if sight.origin.age_days(sight.minute) < model.parameters().contextual.age_days {
            Judged::SeriesTooYoung
        } else if self.told_episode(model).is_some() {
            Judged::EpisodeOpen
        } else {
            Judged::Yes
        }
    }

    /// The windows, which must end with the minute of `sight`.
    pub(crate) fn windows_look(&self, model: &Model, sight: &Sight) -> Vec<WindowLook> {
        let look = |(window, length): (usize, i32)| {
            let (observed, mean) = (self.windows.totals()[window] as f64, sight.expected[window]);
            let scene = self.scene(model.eased().unwrap_or(model), sight, window);
            let line = |rule| {
                let bound = scene.bound(rule).map(|bound| bound.max(model.parameters().contextual.total));
                LineLook { rule, bound, crossed: bound.is_some_and(|bound| observed >= bound) }
            };
            WindowLook {
                minutes: length.unsigned_abs(),
                observed,
                expected: mean,
                deviation: scene.spread.variance(mean).sqrt(),
                log10_probability: surprise::log10_probability(scene.z(observed)),
                fall: None,
                largest: self.largest.before(window),
                lines: vec![line(Rule::Contextual), line(Rule::Record)],
            }
        };
        WINDOWS.into_iter().enumerate().map(look).collect()
    }

    /// Line C, where `least` calls cross it.
    pub(crate) fn first_seen_line(&self, model: &Model, sight: &Sight, least: f64) -> LineLook {
        let observed = self.windows.totals()[SLOT_WINDOW] as f64;
        let bound = self.first_seen_bound(model, sight, least);
        LineLook { rule: Rule::FirstSeen, bound, crossed: bound.is_some_and(|bound| observed >= bound) }
    }

    /// The largest z of the windows, which must end with the minute of `sight`.
    pub(crate) fn largest_z(&self, model: &Model, sight: &Sight) -> f64 {
        (0..WINDOWS.len())
            .map(|window| self.scene(model, sight, window).z(self.windows.totals()[window] as f64))
            .fold(0.0, f64::max)
    }
}
