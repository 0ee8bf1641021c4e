//! Episodes at another sensitivity than 1: told from the same state, which learns as if the sensitivity were 1. Pure.
//!
//! So more sensitive never finds less: at every minute all sensitivities see the same totals, expectations and memories,
//! and the lines of the higher one are at or below those of the lower. Whatever crosses a line opens an episode if none
//! is open, and while the episode of sensitivity 1 is open no other ends.
use super::{Crossing, Origin, Sight, Watch, opened};
use crate::baseline::{SLOT, WINDOWS};
use crate::detect::{Direction, Event, Peak, Rule, Which};
use crate::episode::Episode;
use crate::model::Model;
use crate::time::Minute;

/// What a minute means at another sensitivity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// The line that was crossed by most.
    pub(crate) crossing: Option<Crossing>,
    /// The longest window that crossed a line.
    pub(crate) longest: usize,
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
        let peak = self.told.is_some().then(|| self.reached(sight));
        let mut told = Told { crossing: None, longest: 0, hot: None, peak };
        for (window, length) in WINDOWS.into_iter().enumerate() {
            let (total, mean) = (self.windows.totals()[window] as f64, sight.expected[window]);
            let Some(z) = self.unusual_z(eased, window, total, mean) else { continue };
            let crossing =
                judged.then(|| self.scene(eased, sight, window).crossing(self, sight, total, z)).flatten();
            if let Some(crossing) = crossing {
                self.note_told(&mut told, &crossing);
            } else if z >= p.episode.z && length <= SLOT {
                let unusual = self.offset(sight.minute, window, mean);
                told.hot = told.hot.max(Some((sight.minute, unusual)));
            }
        }
        if let Some(crossing) = self.first_seen_crossing(eased, sight, first_seen) {
            self.note_told(&mut told, &crossing);
        }
        // Only one that opens an episode tells of the other windows.
        if self.told.is_none() {
            told.crossing = told.crossing.map(|crossing| self.with_windows(eased, sight, &crossing));
        }
        told
    }

    /// A lower sensitivity may see only this window cross a line: its episode must not go on for longer.
    fn note_told(&self, told: &mut Told, crossing: &Crossing) {
        let minute = crossing.at - 1;
        let unusual = self.offset(minute, crossing.window, crossing.expected).max(crossing.start);
        told.longest = told.longest.max(crossing.window);
        told.hot = told.hot.max(Some((minute, unusual)));
        let known = told.crossing;
        if crossing.rule != Rule::FirstSeen && known.is_none_or(|known| crossing.z > known.z)
            || known.is_none()
        {
            told.crossing = Some(*crossing);
        }
    }

    /// Opens an episode where a line was crossed and none is open, or keeps the open one going.
    pub(crate) fn tell(&mut self, (which, origin): (Which, Origin), told: &Told, events: &mut Vec<Event>) {
        // What ended in this moment cannot begin in it again.
        if let (None, Some(crossing)) = (&self.told, told.crossing)
            && crossing.at > self.told_until
        {
            let start = crossing.start.max(self.told_until);
            let (event, episode) = opened(self, which, origin, &Crossing { start, ..crossing });
            events.push(event);
            self.told = Some(Box::new(episode));
        }
        if let (Some(episode), Some(peak)) = (&mut self.told, &told.peak) {
            episode.reach(peak, Direction::Up);
        }
        if let (Some(episode), Some((hot, unusual))) = (&mut self.told, told.hot) {
            episode.window = episode.window.max(told.longest);
            episode.last_hot = episode.last_hot.max(hot);
            episode.last_unusual = episode.last_unusual.max(unusual);
        }
    }

    /// No minute was unusual, and yet the episode of sensitivity 1 goes on.
    pub(crate) fn tell_going_on(&mut self, instant: i32, lasts: bool) {
        if let Some(told) = &mut self.told {
            told.go_on(instant, lasts);
        }
    }

    /// The open episode that is told; at sensitivity 1 that is the only one.
    pub(crate) fn told_episode(&self, model: &Model) -> Option<&Episode> {
        if model.eased().is_some() { self.told.as_deref() } else { self.episode.as_ref() }
    }

    /// How far the open episode went so far that began at `start`, whatever sensitivity has it open.
    pub(crate) fn peak_of(&self, start: i32) -> Option<Peak> {
        let open = self.told.as_deref().into_iter().chain(&self.episode);
        open.filter(|episode| episode.start == start).map(|episode| episode.peak).next()
    }

    /// Takes note of how much stays away, for every open drop-out.
    pub(crate) fn note_fall(&mut self, peak: &Peak) {
        for episode in self.episode.iter_mut().chain(self.told.as_deref_mut()) {
            episode.reach(peak, Direction::Down);
        }
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
