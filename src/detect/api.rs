//! Counted minutes of one API -> the episodes of its call rate and of each of its error codes. Pure.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::errors::{ErrorSeries, Shared, SlotCalls};
use super::look::Look;
use super::rate::RateSeries;
use super::watch::Origin;
use super::{ApiMinute, CodeId, Event, Peak, Which};
use crate::baseline::share::Fading;
use crate::baseline::windows::Windows;
use crate::baseline::{LONGEST_SLOTS, SLOT, day_of, slot_of};
use crate::model::Model;
use crate::time::{MINUTES_PER_DAY, Minute};

/// Error codes of one API that are watched at once. AWS has some dozens for an API; without a limit, whoever can put codes
/// of his own into the logs makes every half hour cost as much as all the codes he ever used.
const MOST_CODES: usize = 1000;

/// The state of one API: its call rate, and one error rate per code. It can be stored between runs; a format that keeps
/// floats exactly keeps verdicts exactly.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiDetector {
    origin: Origin,
    /// Everything before is judged.
    judged_until: i32,
    last_call: i32,
    calls: Windows,
    /// All calls of past half hours.
    traffic: Fading,
    /// The half hour of the last call, and its calls.
    slot: i32,
    slot_calls: f64,
    /// Calls in the present block of the longest window.
    block: f64,
    rate: Option<Box<RateSeries>>,
    errors: Vec<(CodeId, ErrorSeries)>,
}

impl fmt::Debug for ApiDetector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ApiDetector")
            .field("origin", &self.origin)
            .field("judged_until", &self.judged_until)
            .field("codes", &self.errors.len())
            .finish_non_exhaustive()
    }
}

impl ApiDetector {
    /// An API whose first call comes at `born`, in an account whose first record came at `watched_since`.
    #[must_use]
    pub fn new(born: Minute, watched_since: Minute) -> Self {
        let born = born.epoch();
        Self {
            origin: Origin { born, watched_since: watched_since.epoch() },
            judged_until: born,
            last_call: born,
            calls: Windows::default(),
            traffic: Fading::default(),
            slot: slot_of(born),
            slot_calls: 0.0,
            block: 0.0,
            rate: None,
            errors: Vec::new(),
        }
    }

    /// Judges what was not judged yet before `until`, and appends what happened, in order of time.
    ///
    /// `minutes` are those with calls, ascending, none before the last `until`, all before this one; others are left out.
    /// Cutting the same minutes into several calls gives the same events and the same state.
    pub fn advance(
        &mut self,
        model: &Model,
        minutes: &[ApiMinute<'_>],
        until: Minute,
        events: &mut Vec<Event>,
    ) {
        let (first, until) = (events.len(), until.epoch());
        for minute in minutes {
            let at = minute.minute.epoch();
            if minute.calls > 0 && at >= self.judged_until && at < until {
                self.count(model, minute, events);
                self.judged_until = at + 1;
            }
        }
        self.advance_to(model, until, events);
        self.judged_until = self.judged_until.max(until);
        events.get_mut(first..).unwrap_or_default().sort_by_key(Event::order);
    }

    /// The series that have an open episode, and where it started.
    pub fn open_episodes(&self, model: &Model) -> impl Iterator<Item = (Which, Minute)> {
        let rate = self.rate.iter().filter_map(|rate| Some((Which::Calls, rate.open_since(model)?)));
        let errors =
            self.errors.iter().filter_map(|(code, it)| Some((Which::Errors(*code), it.open_since(model)?)));
        rate.chain(errors).map(|(which, start)| (which, Minute::from_epoch(start)))
    }

    /// How far the open episode of a series went so far that began at `start`.
    #[must_use]
    pub fn peak_of(&self, which: Which, start: Minute) -> Option<Peak> {
        match which {
            Which::Calls => self.rate.as_ref()?.peak_of(start.epoch()),
            Which::Errors(code) => self.error_series(code)?.0.peak_of(start.epoch()),
        }
    }

    /// How a series stands at the end of the last judged minute; `None` where it had no calls yet.
    #[must_use]
    pub fn look(&self, model: &Model, which: Which) -> Option<Look> {
        let minute = self.judged_until - 1;
        match which {
            Which::Calls => self.rate.as_ref().map(|rate| rate.look(model, minute)),
            Which::Errors(code) => {
                let (series, shared) = self.error_series(code)?;
                Some(series.look(model, &shared, minute))
            }
        }
    }

    /// The largest surprise among the windows that end with the last judged minute, as z; 0 where it had no calls yet.
    #[must_use]
    pub fn surprise(&self, model: &Model, which: Which) -> f64 {
        let minute = self.judged_until - 1;
        match which {
            Which::Calls => self.rate.as_ref().map_or(0.0, |rate| rate.surprise(model, minute)),
            Which::Errors(code) => self
                .error_series(code)
                .map_or(0.0, |(series, shared)| series.surprise(model, &shared, minute)),
        }
    }

    fn error_series(&self, code: CodeId) -> Option<(&ErrorSeries, Shared<'_>)> {
        let index = self.errors.binary_search_by_key(&code, |(code, _)| *code).ok()?;
        Some((&self.errors[index].1, self.shared(code)))
    }

    fn shared(&self, code: CodeId) -> Shared<'_> {
        let which = Which::Errors(code);
        Shared { origin: self.origin, which, calls: &self.calls, traffic: &self.traffic }
    }

    /// Since when its account has been watched.
    #[must_use]
    pub const fn watched_since(&self) -> Minute {
        Minute::from_epoch(self.origin.watched_since)
    }

    /// The numbers of the codes that are watched, ascending.
    pub fn codes(&self) -> impl Iterator<Item = CodeId> {
        self.errors.iter().map(|(code, _)| *code)
    }

    /// Numbers the codes anew, for another owner. Two codes must not become one.
    pub fn renumber(&mut self, new: impl Fn(CodeId) -> CodeId) {
        for (code, _) in &mut self.errors {
            *code = new(*code);
        }
        self.errors.sort_by_key(|(code, _)| *code);
    }

    /// Whether the API has been silent for so long that a new detector would judge its next call alike: the state need
    /// not be kept.
    pub fn is_forgotten(&self, model: &Model) -> bool {
        self.judged_until >= self.forgotten_at(model)
    }

    fn forgotten_at(&self, model: &Model) -> i32 {
        self.last_call + model.parameters().memory.forget_days * MINUTES_PER_DAY
    }

    fn count(&mut self, model: &Model, minute: &ApiMinute<'_>, events: &mut Vec<Event>) {
        let at = minute.minute.epoch();
        if at >= self.forgotten_at(model) {
            self.advance_to(model, at, events);
            *self = Self::new(minute.minute, Minute::from_epoch(self.origin.watched_since));
        }
        if slot_of(at) != self.slot {
            self.end_slot(model, at, events);
        }
        self.last_call = at;
        self.calls.count(at, minute.calls);
        self.slot_calls += f64::from(minute.calls);
        if minute.rate_calls > 0 {
            let origin = self.origin;
            let rate = self.rate.get_or_insert_with(|| Box::new(RateSeries::new(model, origin, at)));
            rate.count(model, at, minute.rate_calls, events);
        }
        let least = least_failures(minute.errors);
        for &(code, failures) in minute.errors.iter().filter(|(_, failures)| *failures >= least) {
            let index = self.place_of(model, code, at, events);
            let (origin, which) = (self.origin, Which::Errors(code));
            let shared = Shared { origin, which, calls: &self.calls, traffic: &self.traffic };
            self.errors[index].1.count(model, &shared, (at, failures), events);
        }
    }

    /// The place of a code's series; of a new code it is made, where need be in place of the one that was silent longest.
    fn place_of(&mut self, model: &Model, code: CodeId, at: i32, events: &mut Vec<Event>) -> usize {
        let place = |errors: &[(CodeId, ErrorSeries)]| errors.binary_search_by_key(&code, |(code, _)| *code);
        if let Ok(index) = place(&self.errors) {
            return index;
        }
        if self.errors.len() == MOST_CODES {
            let stalest = self.errors.iter().enumerate().min_by_key(|(_, (_, series))| series.last());
            let (code, mut series) = self.errors.remove(stalest.map_or(0, |(index, _)| index));
            series.forget(model, &self.shared(code), at, events);
        }
        let index = place(&self.errors).unwrap_or_else(|index| index);
        self.errors.insert(index, (code, ErrorSeries::new(model, self.origin, at)));
        index
    }

    /// Learns from the half hour of the last call, now that a call came after it.
    fn end_slot(&mut self, model: &Model, at: i32, events: &mut Vec<Event>) {
        let block_ends = self.slot.div_euclid(LONGEST_SLOTS) != slot_of(at).div_euclid(LONGEST_SLOTS);
        let day = day_of(self.slot * SLOT);
        self.block += self.slot_calls;
        if !self.errors.is_empty() {
            let slot = SlotCalls::new(&self.calls, self.slot);
            let (origin, calls, traffic) = (self.origin, &self.calls, &self.traffic);
            for (code, series) in &mut self.errors {
                let shared = Shared { origin, which: Which::Errors(*code), calls, traffic };
                series.advance(model, &shared, at, events);
                series.learn_slot(model, &shared, &slot);
                if block_ends {
                    series.learn_block(model, &shared, (day, self.block));
                }
            }
        }
        if block_ends {
            self.block = 0.0;
        }
        self.traffic.add(model, day, self.slot_calls);
        if day != day_of(at) {
            let memory = model.parameters().memory.forget_days * MINUTES_PER_DAY;
            self.errors.retain(|(_, series)| at - series.last() < memory);
        }
        self.slot = slot_of(at);
        self.slot_calls = 0.0;
    }

    fn advance_to(&mut self, model: &Model, until: i32, events: &mut Vec<Event>) {
        let forgotten_at = self.forgotten_at(model);
        let until = until.min(forgotten_at);
        if let Some(rate) = &mut self.rate {
            rate.advance(model, until, events);
            if until == forgotten_at {
                rate.forget(model, until, events);
            }
        }
        let (origin, calls, traffic) = (self.origin, &self.calls, &self.traffic);
        for (code, series) in &mut self.errors {
            let shared = Shared { origin, which: Which::Errors(*code), calls, traffic };
            series.advance(model, &shared, until, events);
        }
    }
}

/// Failures with one code in a minute from which they are looked at: where a minute has more codes than are watched, those
/// that have more failures than the rest.
fn least_failures(errors: &[(CodeId, u32)]) -> u32 {
    if errors.len() <= MOST_CODES {
        return 1;
    }
    let mut failures: Vec<u32> = errors.iter().map(|(_, failures)| *failures).collect();
    let (_, most_of_the_rest, _) = failures.select_nth_unstable_by(MOST_CODES, |a, b| b.cmp(a));
    most_of_the_rest.saturating_add(1)
}
