//! Episodes at another sensitivity than 1: told from the same state, which learns as if the sensitivity were 1. Pure.
//!
//! So more sensitive never finds less: at every minute all sensitivities see the same totals, expectations and memories,
//! and the lines of the higher one are at or below those of the lower. Whatever crosses a line opens an episode if none
//! is open, and while the episode of sensitivity 1 is open no other ends.
use super::{Crossing, LEAST_TOTAL, Origin, QUICK_DEVIATIONS2, Sight, Watch, opened};
use crate::baseline::{SLOT, WINDOWS};
use crate::detect::{Direction, Event, Peak, Which, surprise};
use crate::episode::Episode;
use crate::model::Model;
use crate::time::Minute;

/// What a minute means at another sensitivity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// The line that was crossed.
    pub(crate) crossing: Option<Crossing>,
    /// If this minute was not calm: itself, and the last minute that is unusual itself.
    pub(crate) hot: Option<(i32, i32)>,
    /// How far it goes above what is expected.
    pub(crate) peak: Option<Peak>,
}

impl Watch {
    /// Judges a minute with calls, which are counted already, by the lines of `eased`.
    pub(crate) fn told_look(&self, eased: &Model, sight: &Sight, first_seen: f64) -> Told {
        let p = eased.parameters();
        let judged = sight.origin.age_days(sight.minute) >= p.contextual.age_days
            && sight.origin.is_warm(eased, sight.minute);
        let mut best: Option<Crossing> = None;
        let mut unusual: Option<i32> = None;
        for (window, length) in WINDOWS.into_iter().enumerate() {
            let (total, mean) = (self.windows.totals()[window] as f64, sight.expected[window]);
            let (spread, excess) = (self.dispersion[window].now, total - mean);
            if total < LEAST_TOTAL
                || excess <= 0.0
                || excess * excess < QUICK_DEVIATIONS2 * spread.variance(mean)
            {
                continue;
            }
            let z = surprise::above(total, mean, spread.shape(mean));
            if z >= p.episode.z && length <= SLOT {
                unusual = unusual.max(Some(self.offset(sight.minute, window, mean)));
            }
            if judged && best.is_none_or(|best| z > best.z) {
                best = self.scene(eased, sight, window).crossing(self, sight, total, z).or(best);
            }
        }
        let crossing = best.or_else(|| self.first_seen_crossing(eased, sight, first_seen));
        let peak = self.told.is_some().then(|| self.reached(sight));
        let crossed = |it: Crossing| self.offset(sight.minute, it.window, it.expected);
        let unusual = unusual.max(crossing.map(crossed));
        // Only one that opens an episode tells of the other windows.
        let opens =
            |it: Crossing| if self.told.is_none() { self.with_windows(eased, sight, &it) } else { it };
        let crossing = crossing.map(opens);
        Told { crossing, hot: unusual.map(|unusual| (sight.minute, unusual)), peak }
    }

    /// Opens an episode where a line was crossed and none is open, or keeps the open one going.
    pub(crate) fn tell(&mut self, (which, origin): (Which, Origin), told: &Told, events: &mut Vec<Event>) {
        match (&mut self.told, told.crossing) {
            // What ended in this moment cannot begin in it again.
            (None, Some(crossing)) if crossing.at > self.told_until => {
                let start = crossing.start.max(self.told_until);
                let (event, episode) = opened(self, which, origin, &Crossing { start, ..crossing });
                events.push(event);
                self.told = Some(Box::new(episode));
            }
            (Some(episode), _) => {
                told.peak.iter().for_each(|peak| episode.reach(peak, Direction::Up));
                if let Some((hot, unusual)) = told.hot {
                    episode.last_hot = episode.last_hot.max(hot);
                    episode.last_unusual = episode.last_unusual.max(unusual);
                }
            }
            (None, _) => {}
        }
    }

    /// The open episode that is told; at sensitivity 1 that is the only one.
    pub(crate) fn told_episode(&self, model: &Model) -> Option<&Episode> {
        if model.eased().is_some() { self.told.as_deref() } else { self.episode.as_ref() }
    }

    /// Takes note of how much stays away, for every open drop-out.
    pub(crate) fn note_fall(&mut self, peak: &Peak) {
        for episode in self.episode.iter_mut().chain(self.told.as_deref_mut()) {
            episode.reach(peak, Direction::Down);
        }
    }

    /// The told drop-out that ends when the calls are back; while the episode of sensitivity 1 is open, that one decides.
    pub(crate) fn told_down(&self) -> Option<&Episode> {
        let told = self.told.as_deref().filter(|told| told.direction() == Direction::Down);
        if self.episode.is_none() { told } else { None }
    }

    /// Ends the told episode where it ends of itself by `target`. What sensitivity 1 does not see is no new normal after a
    /// while: it ends when what is usual has come up, or down, to it.
    pub(crate) fn close_told_by(
        &mut self,
        model: &Model,
        which: Which,
        target: i32,
        events: &mut Vec<Event>,
    ) {
        let Some(told) = self.told.as_ref().filter(|_| self.episode.is_none()) else { return };
        let (end, instant) = (told.last_unusual + 1, told.calm_at(model));
        if instant <= target {
            self.close_told(which, (end, instant), events);
        }
    }

    /// Ends what is open at `instant`, when the series is forgotten.
    pub(crate) fn forget(&mut self, model: &Model, which: Which, instant: i32, events: &mut Vec<Event>) {
        self.close(model, which, (instant, instant), events);
        self.close_told(which, (instant, instant), events);
    }

    /// Ends the told episode, if there is one, at `instant`.
    pub(crate) fn close_told(&mut self, which: Which, (end, instant): (i32, i32), events: &mut Vec<Event>) {
        let Some(told) = self.told.take() else { return };
        // A line was crossed up to the last hot minute, whatever the episode of sensitivity 1 makes of it.
        self.told_until = end.max(told.last_hot + 1).min(instant);
        events.push(Event::Closed {
            which,
            start: Minute::from_epoch(told.start),
            end: Minute::from_epoch(end.max(told.last_unusual + 1).min(instant)),
            closed_at: Minute::from_epoch(instant),
            peak: told.peak,
        });
    }
}
