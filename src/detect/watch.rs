//! The calls of one series, minute by minute -> lines crossed, episodes opened and closed. Pure.
//!
//! What call rates and error rates have in common; they differ in what they expect.
mod look;
mod told;

use serde::{Deserialize, Serialize};

use super::lines::{Scene, Share};
use super::{Bounds, Direction, Event, Evidence, Peak, Rule, Which, surprise, times};
use crate::baseline::accepted::{Accepted, Surprise};
use crate::baseline::bound::Prior;
use crate::baseline::dispersion::Dispersion;
use crate::baseline::maxima::{Largest, Maxima, Reading};
use crate::baseline::windows::Windows;
use crate::baseline::{PerWindow, SLOT, SLOT_WINDOW, WINDOWS, day_of, slot_of};
use crate::episode::{Ending, Episode, Strikes};
use crate::model::Model;
use crate::time::{MINUTES_PER_DAY, Minute};
pub(crate) use told::Told;

/// When a series began, and when its account did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// First call of the API.
    pub(crate) born: i32,
    /// First record of the account.
    pub(crate) watched_since: i32,
}

impl Origin {
    /// Whether anything may be reported at `minute`.
    pub(crate) fn is_warm(self, model: &Model, minute: i32) -> bool {
        minute - self.watched_since >= model.warm_minutes()
    }

    /// Age at `minute`, days.
    pub(crate) fn age_days(self, minute: i32) -> f64 {
        f64::from(minute - self.born) / f64::from(MINUTES_PER_DAY)
    }
}

/// What a minute's totals are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) minute: i32,
    pub(crate) origin: Origin,
    /// The highest expectation of each window.
    pub(crate) expected: PerWindow<f64>,
    /// Smallest excess over the expectation, calls.
    pub(crate) excess: f64,
    /// Of an error series: calls in each window, and the usual share that fails.
    pub(crate) calls: Option<(PerWindow<f64>, f64)>,
}

/// A line that was crossed, with the numbers behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crossing {
    pub(crate) rule: Rule,
    pub(crate) window: usize,
    pub(crate) z: f64,
    pub(crate) expected: f64,
    /// Of the law of the total.
    pub(crate) shape: f64,
    /// The total as a multiple of what is usual.
    pub(crate) level: f64,
    pub(crate) bound: f64,
    /// See [`Evidence::bounds`].
    pub(crate) bounds: Bounds,
    /// How far all windows go, of a rise.
    pub(crate) peak: Option<Peak>,
    /// The totals of all windows, and the surprise of those that are unusual.
    pub(crate) seen: PerWindow<Surprise>,
    /// First unusual minute.
    pub(crate) start: i32,
    /// End of the minute in which it was noticed.
    pub(crate) at: i32,
}

/// The state of one series that does not depend on what it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) windows: Windows,
    pub(crate) dispersion: PerWindow<Dispersion>,
    pub(crate) maxima: Maxima,
    largest: Largest,
    pub(crate) accepted: Accepted,
    pub(crate) episode: Option<Episode>,
    /// The open episode at another sensitivity than 1.
    told: Option<Box<Episode>>,
    /// The end of the last one that was told: the next cannot begin before.
    told_until: i32,
    strikes: Strikes,
    /// The day that `maxima` and `accepted` were last rolled to.
    pub(crate) day: i32,
    /// Until then the level has just changed.
    pub(crate) settling_until: i32,
    /// The windows hold everything since then.
    pub(crate) clear_since: i32,
}

impl Watch {
    /// A series whose first call comes at `born`.
    pub(crate) fn new(model: &Model, born: i32) -> Self {
        let dispersion = Dispersion::new(&model.parameters().dispersion);
        Self {
            windows: Windows::default(),
            dispersion: std::array::from_fn(|_| dispersion.clone()),
            maxima: Maxima::default(),
            largest: Largest::default(),
            accepted: Accepted::default(),
            episode: None,
            told: None,
            told_until: i32::MIN,
            strikes: Strikes::default(),
            day: day_of(born),
            settling_until: born,
            clear_since: born,
        }
    }

    /// On the first call of a day: closes the last one.
    pub(crate) fn roll<F>(&mut self, model: &Model, origin: Origin, minute: i32, explained: F)
    where
        F: Fn(&PerWindow<Dispersion>, usize, Surprise) -> bool,
    {
        let day = day_of(minute);
        if day == self.day {
            return;
        }
        let p = model.parameters();
        self.maxima.roll(
            model,
            Reading {
                day,
                last_day: self.day,
                known_days: (day - day_of(origin.born)).min(p.memory.days),
                floor: p.record.floor,
                prior: Prior {
                    days: p.record.prior_days,
                    spread: p.record.prior_spread,
                    counting: p.record.prior_counting,
                    kind_factor: p.record.kind_factor,
                },
            },
        );
        let dispersion = &self.dispersion;
        self.accepted.roll(model, self.day, day, |window, surprise| explained(dispersion, window, surprise));
        self.day = day;
    }

    /// Judges the totals of a minute with calls, which are counted already; remembers them; says which line was crossed.
    pub(crate) fn look(&mut self, model: &Model, sight: &Sight) -> Option<Crossing> {
        let p = model.parameters();
        let age_days = sight.origin.age_days(sight.minute);
        self.largest.note(sight.minute, self.windows.totals());
        let judged = age_days >= p.contextual.age_days && sight.origin.is_warm(model, sight.minute);
        let mut best: Option<Crossing> = None;
        let (mut unusual, mut crossed): (Option<i32>, Option<i32>) = (None, None);
        let mut seen: PerWindow<Surprise> = PerWindow::default();
        for (window, length) in WINDOWS.into_iter().enumerate() {
            let (total, mean) = (self.windows.totals()[window] as f64, sight.expected[window]);
            if self.episode.is_none() {
                self.maxima.note(window, total);
            }
            seen[window].total = total;
            let Some(z) = self.unusual_z(model, window, total, mean) else { continue };
            if let Some(episode) = &self.episode
                && z >= p.episode.z
                && length <= WINDOWS[episode.window].clamp(5, SLOT)
            {
                unusual = unusual.max(Some(self.offset(sight.minute, window, mean)));
            }
            let calls = sight.calls.map_or(0.0, |(calls, _)| calls[window]);
            seen[window] = Surprise { total, z, calls, slot: slot_of(sight.minute) };
            self.remember(p.accepted.z, window, seen[window]);
            let scene = self.scene(model, sight, window);
            if !judged || (self.episode.is_none() && best.is_some_and(|best| z <= best.z)) {
                continue;
            }
            if self.episode.is_none() {
                best = scene.crossing(self, sight, total, z).or(best);
            } else if scene.crossed(total, z).is_some() {
                crossed = crossed.max(Some(self.offset(sight.minute, window, mean)));
            }
        }
        if let (Some(episode), Some(crossed)) = (&mut self.episode, crossed) {
            episode.last_unusual = episode.last_unusual.max(crossed);
        }
        if self.episode.is_some() {
            let peak = self.reached(sight);
            self.episode.iter_mut().for_each(|episode| episode.reach(&peak, Direction::Up));
        }
        if let (Some(episode), Some(unusual)) = (&mut self.episode, unusual) {
            episode.last_hot = sight.minute;
            episode.last_unusual = episode.last_unusual.max(unusual);
        }
        best.map(|crossing| Crossing { seen, ..crossing })
    }

    /// The surprise of a window's total, where it is worth a look: most are not, and cost no logarithm.
    fn unusual_z(&self, model: &Model, window: usize, total: f64, mean: f64) -> Option<f64> {
        let p = model.parameters();
        let (spread, excess) = (self.dispersion[window].now, total - mean);
        let usual = p.dispersion.usual_deviations.powi(2) * spread.variance(mean);
        (total >= p.contextual.total && excess > 0.0 && excess * excess >= usual)
            .then(|| surprise::above(total, mean, spread.shape(mean)))
    }

    /// Line C: a burst of an API that was never seen before, `least` calls or more.
    pub(crate) fn first_seen(&mut self, model: &Model, sight: &Sight, least: f64) -> Option<Crossing> {
        let crossing = self.first_seen_crossing(model, sight, least)?;
        let unusual = self.offset(sight.minute, crossing.window, crossing.expected);
        let Some(episode) = &mut self.episode else { return Some(crossing) };
        episode.last_unusual = episode.last_unusual.max(unusual);
        None
    }

    fn first_seen_crossing(&self, model: &Model, sight: &Sight, least: f64) -> Option<Crossing> {
        let (totals, expected) = (self.windows.totals(), sight.expected[SLOT_WINDOW]);
        let total = totals[SLOT_WINDOW] as f64;
        let bound = self.first_seen_bound(model, sight, least).filter(|bound| total >= *bound)?;
        let shape = self.dispersion[SLOT_WINDOW].now.shape(expected);
        Some(Crossing {
            rule: Rule::FirstSeen,
            window: SLOT_WINDOW,
            z: surprise::above(total, expected, shape),
            expected,
            shape,
            bounds: Bounds::default(),
            peak: None,
            level: total / expected,
            bound,
            seen: totals.map(|total| Surprise { total: total as f64, ..Surprise::default() }),
            start: self.onset(sight.minute, SLOT_WINDOW, expected),
            at: sight.minute + 1,
        })
    }

    /// How far the totals of all windows are above what is expected: what a rise is rated by.
    fn reached(&self, sight: &Sight) -> Peak {
        let of = |window: usize| {
            let (observed, expected) = (self.windows.totals()[window] as f64, sight.expected[window]);
            let z = surprise::above(observed, expected, self.dispersion[window].now.shape(expected));
            Peak {
                at: Minute::from_epoch(sight.minute + 1),
                window_minutes: WINDOWS[window].cast_unsigned(),
                observed,
                expected,
                log10_probability: surprise::log10_probability(z),
                times: times(Direction::Up, observed, (expected, Some(self.maxima.largest(window)))),
            }
        };
        let mut farthest = of(0);
        (1..WINDOWS.len()).for_each(|window| farthest.note(&of(window)));
        farthest
    }

    /// The calls that cross line C, until line A takes over: `least`, and far more than there were on the days before and
    /// in a first burst.
    fn first_seen_bound(&self, model: &Model, sight: &Sight, least: f64) -> Option<f64> {
        let p = model.parameters();
        let new = sight.origin.age_days(sight.minute) < p.contextual.age_days
            && sight.origin.is_warm(model, sight.origin.born);
        let before = self.maxima.largest(SLOT_WINDOW) * p.accepted.ratio / model.ease();
        let accepted = self.accepted.outgrown_at(model, SLOT_WINDOW);
        new.then_some(least.max(before).max(accepted).ceil())
    }

    fn remember(&mut self, least_z: f64, window: usize, surprise: Surprise) {
        if surprise.z < least_z {
            return;
        }
        match &mut self.episode {
            None => self.accepted.note(window, surprise),
            Some(episode) => episode.peak(window, surprise),
        }
    }

    fn scene<'a>(&'a self, model: &'a Model, sight: &Sight, window: usize) -> Scene<'a> {
        Scene {
            model,
            maxima: &self.maxima,
            accepted: &self.accepted,
            window,
            mean: sight.expected[window],
            spread: self.dispersion[window].now,
            excess: sight.excess / model.ease(),
            settling: sight.minute < self.settling_until,
            share: sight.calls.map(|(calls, usual)| Share { calls: calls[window], usual }),
        }
    }

    /// A crossing of a rise that opens an episode, with what is told of the other windows.
    pub(crate) fn with_windows(&self, model: &Model, sight: &Sight, crossing: &Crossing) -> Crossing {
        let first_seen = (crossing.rule == Rule::FirstSeen).then_some(crossing.bound);
        let (bounds, peak) = (self.bounds(model, sight, first_seen), Some(self.reached(sight)));
        Crossing { bounds, peak, ..*crossing }
    }

    /// The least total of each window that crosses line A or B now, or C where `first_seen` calls do.
    pub(crate) fn bounds(&self, model: &Model, sight: &Sight, first_seen: Option<f64>) -> Bounds {
        std::array::from_fn(|window| {
            let scene = self.scene(model, sight, window);
            let lines = [scene.bound(Rule::Contextual), scene.bound(Rule::Record)];
            let of_new = first_seen.filter(|_| window == SLOT_WINDOW);
            lines.into_iter().chain([of_new]).flatten().reduce(f64::min)
        })
    }

    /// First minute of the stretch that makes a window's total unusual.
    pub(crate) fn onset(&self, minute: i32, window: usize, expected: f64) -> i32 {
        self.windows.onset(minute, WINDOWS[window], self.bar(window, expected))
    }

    /// Its last minute.
    fn offset(&self, minute: i32, window: usize, expected: f64) -> i32 {
        self.windows.offset(minute, WINDOWS[window], self.bar(window, expected))
    }

    /// Calls a minute that are half-way between what is expected and what came.
    pub(crate) fn bar(&self, window: usize, expected: f64) -> f64 {
        0.5 * (self.windows.totals()[window] as f64 + expected) / f64::from(WINDOWS[window])
    }

    /// Opens an episode; at another sensitivity than 1 nothing is told of it.
    pub(crate) fn open(
        &mut self,
        model: &Model,
        (which, origin): (Which, Origin),
        crossing: &Crossing,
        events: &mut Vec<Event>,
    ) {
        let (event, episode) = opened(self, which, origin, crossing);
        if model.eased().is_none() {
            events.push(event);
        }
        self.episode = Some(episode);
    }

    /// Closes the open episode at `instant`; its calls leave the windows.
    pub(crate) fn close(
        &mut self,
        model: &Model,
        which: Which,
        (end, instant): (i32, i32),
        events: &mut Vec<Event>,
    ) -> Option<Episode> {
        let episode = self.episode.take()?;
        match model.eased() {
            None => events.push(Event::Closed {
                which,
                start: Minute::from_epoch(episode.start),
                end: Minute::from_epoch(end),
                closed_at: Minute::from_epoch(instant),
                peak: episode.peak,
            }),
            // What has opened in this moment goes on: its end would be told before its start. So does what is more
            // sensitive where this moment is unusual: a lower sensitivity may just have opened.
            Some(eased)
                if self.told.as_ref().is_some_and(|told| {
                    told.detected_at >= instant || (eased.ease() > 1.0 && told.last_hot + 1 >= instant)
                }) => {}
            Some(eased) => {
                if let Some(told) = self.told.as_mut().filter(|_| eased.ease() < 1.0) {
                    // Less sensitive never sees it last longer.
                    told.last_unusual = told.last_unusual.min(end - 1).max(told.start);
                }
                self.close_told(which, (end, instant), events);
            }
        }
        self.windows.clear();
        self.largest.close();
        self.clear_since = instant;
        if episode.direction() == Direction::Up
            && (self.strikes.again(model, &episode, instant) || episode.rule == Rule::FirstSeen)
        {
            for (window, peak) in episode.peaks.iter().enumerate() {
                self.maxima.note(window, peak.total);
                self.accepted.accept(model, window, *peak);
            }
        }
        Some(episode)
    }

    /// The level has changed for good at `instant`: for some days lines are less sensitive.
    pub(crate) fn settle(&mut self, model: &Model, instant: i32) {
        let days = model.parameters().episode.settle_days;
        self.settling_until = instant + (days * f64::from(MINUTES_PER_DAY)) as i32;
    }

    /// Whether the open episode is not over, though it was calm: `total` came where `usual` is usual. Then it goes on. The
    /// likelihood ratio of the two laws, that of the usual level and that of the episode's, decides, in nats: so a season's
    /// ebb does not hide that the level has changed, nor does one quiet half hour of a series that comes in clusters.
    pub(crate) fn goes_on(&mut self, model: &Model, instant: i32, total: f64, usual: f64) -> bool {
        let spread = self.dispersion[SLOT_WINDOW].now;
        let Some(episode) = &mut self.episode else { return false };
        let Some(at_level) = episode.at_level(usual) else { return false };
        let likely = |mean: f64| surprise::ln_pmf(total, mean, spread.shape(mean));
        let evidence = likely(usual) - likely(at_level);
        if evidence >= model.parameters().episode.calm_evidence {
            return false;
        }
        // Where too little came to say, it waits on, but did not last until then.
        let lasts = evidence < 0.0;
        episode.go_on(instant, lasts);
        self.tell_going_on(instant, lasts);
        true
    }

    /// When and how the open episode ends if nothing more happens.
    pub(crate) fn deadline(&self, model: &Model) -> Option<(i32, Ending)> {
        self.episode.as_ref().map(|episode| episode.deadline(model))
    }
}

/// The episode that a crossing opens, and what is told of it.
fn opened(watch: &Watch, which: Which, origin: Origin, crossing: &Crossing) -> (Event, Episode) {
    let evidence = Evidence {
        rule: crossing.rule,
        direction: crossing.rule.direction(),
        window_minutes: WINDOWS[crossing.window].cast_unsigned(),
        observed: watch.windows.totals()[crossing.window] as f64,
        expected: crossing.expected,
        deviation: surprise::deviation(crossing.expected, crossing.shape),
        bound: crossing.bound,
        bounds: crossing.bounds,
        log10_probability: surprise::log10_probability(crossing.z),
        largest_before: watch.largest.before(crossing.window),
        series_age_days: origin.age_days(crossing.at),
    };
    let detected_at = Minute::from_epoch(crossing.at);
    let event = Event::Opened { which, start: Minute::from_epoch(crossing.start), detected_at, evidence };
    // Of a rise, all windows are known, that which crossed the line among them.
    let peak = crossing.peak.unwrap_or_else(|| Peak::of(&evidence, detected_at));
    let episode = Episode {
        start: crossing.start,
        detected_at: crossing.at,
        rule: crossing.rule,
        window: crossing.window,
        last_hot: crossing.at - 1,
        last_unusual: match crossing.rule.direction() {
            Direction::Up => {
                watch.offset(crossing.at - 1, crossing.window, crossing.expected).max(crossing.start)
            }
            Direction::Down => crossing.at - 1,
        },
        level: crossing.level,
        peaks: crossing.seen,
        peak,
        observed: 0.0,
        expected: 0.0,
        summed_to: crossing.at,
    };
    (event, episode)
}

impl Scene<'_> {
    fn crossing(&self, watch: &Watch, sight: &Sight, total: f64, z: f64) -> Option<Crossing> {
        let rule = self.crossed(total, z)?;
        Some(Crossing {
            rule,
            window: self.window,
            z,
            expected: self.mean,
            shape: self.spread.shape(self.mean),
            level: total / self.share.map_or(self.mean, |share| share.usual * share.calls),
            bound: self.least(rule, total),
            bounds: Bounds::default(),
            peak: None,
            start: watch.onset(sight.minute, self.window, self.mean),
            at: sight.minute + 1,
            seen: PerWindow::default(),
        })
    }
}
