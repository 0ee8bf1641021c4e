//! All counts -> the episodes of every series, in a fixed order. One detector an API, several APIs at a time.
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;

use super::{Cancel, Interrupted};
use crate::aggregate::{Cell, Counts};
use crate::config::Assigned;
use crate::detect::{ApiDetector, ApiMinute, CodeId, Event};
use crate::model::Model;
use crate::names::{Access, ApiId, TextId};
use crate::series::Category;
use crate::time::{Day, Minute};

/// What was found in one API.
#[derive(Debug)]
pub struct Judged {
    /// The API.
    pub api: ApiId,
    /// Its episodes' beginnings and ends, in order of time.
    pub events: Vec<Event>,
    /// What was learned, where that is wanted.
    pub detector: Option<ApiDetector>,
}

/// How to judge.
#[derive(Debug)]
pub struct Judging<'a> {
    /// Which model judges which API.
    pub models: &'a Assigned,
    /// Since when an account has been watched.
    pub watched: Watched,
    /// Minutes before this one are judged.
    pub until: Minute,
    /// Whether [`Judged::detector`] is wanted.
    pub go_on: bool,
    /// Threads.
    pub jobs: NonZeroUsize,
}

/// Since when an account has been watched: before, nothing can be said to be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Each since its own first call.
    Each,
    /// All since the first call of all, since what stands for the account is none.
    Together,
}

/// Where judging stood before.
#[derive(Debug, Default)]
pub struct Past {
    /// Minutes before this one have been judged.
    pub until: Option<Minute>,
    /// Since when accounts have been watched, as far as they were judged.
    pub watched: HashMap<TextId, Minute>,
    /// What was learned.
    pub detectors: HashMap<ApiId, ApiDetector>,
}

/// Judges every minute of every API that was not judged before; in order of the APIs' ids. `past.watched` is brought up to
/// date.
///
/// # Errors
/// When `cancel` was called.
pub fn judge(
    counts: &Counts,
    judging: &Judging<'_>,
    past: &mut Past,
    cancel: &Cancel,
) -> Result<Vec<Judged>, Interrupted> {
    let from = past.until.unwrap_or_default();
    for (account, (first, _)) in spans(counts, from..judging.until) {
        past.watched.entry(account).or_insert(first);
    }
    let mut watched = past.watched.clone();
    if judging.watched == Watched::Together
        && let Some(first) = watched.values().min().copied()
    {
        watched.values_mut().for_each(|since| *since = first);
    }
    let apis: Vec<ApiId> = counts.names().api_ids().collect();
    let known: Vec<Mutex<Option<ApiDetector>>> =
        apis.iter().map(|api| Mutex::new(past.detectors.remove(api))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut judged = Vec::new();
        while let Some(&api) = apis.get(next.fetch_add(1, Ordering::Relaxed)) {
            cancel.check()?;
            let known = known[api.index()].lock().unwrap_or_else(PoisonError::into_inner).take();
            let account = counts.names().apis()[api.index()].account;
            let Some(&watched_since) = watched.get(&account) else { continue };
            judged.extend(judge_api(counts, judging, (api, watched_since), known, from));
        }
        Ok(judged)
    };
    let mut judged: Vec<Judged> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..judging.jobs.get()).map(|_| scope.spawn(work)).collect();
        let judged =
            workers.into_iter().map(|worker| worker.join().expect("a judging thread does not panic"));
        judged.collect::<Result<Vec<Vec<Judged>>, Interrupted>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    judged.sort_by_key(|judged| judged.api);
    Ok(judged)
}

/// Number of series that were judged: one an API that has calls which count for its call rate, and one an error code.
#[must_use]
pub fn series(counts: &Counts) -> u64 {
    let mut seen = hashbrown::HashSet::new();
    for cell in counts.days().flat_map(|(_, cells)| cells) {
        let api = cell.call.api();
        if counts_for_rate(counts, &cell) {
            seen.insert((api, TextId::EMPTY));
        }
        if cell.error != TextId::EMPTY {
            seen.insert((api, cell.error));
        }
    }
    seen.len() as u64
}

/// The first and the last minute with calls of each account, among those in `range`.
pub(super) fn spans(counts: &Counts, range: Range<Minute>) -> HashMap<TextId, (Minute, Minute)> {
    let mut spans = HashMap::new();
    let cells = counts.days().flat_map(|(_, cells)| cells).filter(|cell| range.contains(&cell.minute));
    for Cell { minute, call, .. } in cells {
        let account = counts.names().apis()[call.api().index()].account;
        let (first, last) = spans.entry(account).or_insert((minute, minute));
        (*first, *last) = (minute.min(*first), minute.max(*last));
    }
    spans
}

/// The minute after the last one with calls.
#[must_use]
pub fn end(counts: &Counts) -> Minute {
    counts.span().map_or_else(Minute::default, |(_, last)| last.plus(1))
}

/// Write calls of the management plane and all calls of the data plane count for the call rate.
fn counts_for_rate(counts: &Counts, cell: &Cell) -> bool {
    let category = counts.names().apis()[cell.call.api().index()].category;
    category == Category::Data || cell.call.access() == Access::Write
}

/// Judges the minutes from `from` on; `None` of an API that has no calls yet, or none for so long that it is forgotten.
fn judge_api(
    counts: &Counts,
    &Judging { models, until, go_on, .. }: &Judging<'_>,
    (api, watched_since): (ApiId, Minute),
    known: Option<ApiDetector>,
    from: Minute,
) -> Option<Judged> {
    let model = models.of(api);
    let mut detector = known;
    let mut events = Vec::new();
    let mut minutes = Minutes::default();
    for (day, _) in counts.days() {
        let (start, end) = (day.start().max(from), day.plus(1).start().min(until));
        if start >= end {
            continue;
        }
        minutes.fill(counts, api, start, end);
        if let Some(first) = minutes.rows.first() {
            let born = first.minute;
            detector.get_or_insert_with(|| ApiDetector::new(born, watched_since));
        }
        if let Some(detector) = &mut detector {
            detector.advance(model, &minutes.view(), end, &mut events);
        }
    }
    let mut detector = detector?;
    detector.advance(model, &[], until, &mut events);
    let detector = (go_on && !detector.is_forgotten(model)).then_some(detector);
    Some(Judged { api, events, detector })
}

/// Judges one API as [`judge`] does, up to `until`, and shows `seen` the detector after every minute with calls.
/// Gives the detector, where there were any calls, and what it told.
pub(super) fn follow(
    (counts, watched): (&Counts, Watched),
    model: &Model,
    api: ApiId,
    until: Minute,
    mut seen: impl FnMut(&ApiDetector, &ApiMinute<'_>),
) -> (Option<ApiDetector>, Vec<Event>) {
    let account = counts.names().apis()[api.index()].account;
    let watched = match watched {
        Watched::Each => spans(counts, Minute::default()..end(counts)).get(&account).map(|(first, _)| *first),
        Watched::Together => counts.span().map(|(first, _)| first),
    };
    let (mut detector, mut events, mut minutes) = (None, Vec::new(), Minutes::default());
    for (day, _) in counts.days().filter(|(day, _)| day.start() < until) {
        minutes.fill(counts, api, day.start(), day.plus(1).start().min(until));
        for minute in minutes.view() {
            let at = minute.minute;
            let detector = detector.get_or_insert_with(|| ApiDetector::new(at, watched.unwrap_or(at)));
            detector.advance(model, std::slice::from_ref(&minute), at.plus(1), &mut events);
            seen(detector, &minute);
        }
    }
    if let Some(detector) = &mut detector {
        detector.advance(model, &[], until, &mut events);
    }
    (detector, events)
}

/// Judges one API as [`judge`] does, and shows `seen` the detector, once it has had a call, at each of `minutes`, which are
/// in order, that minute judged.
pub(super) fn looks(
    counts: &Counts,
    model: &Model,
    (api, watched_since): (ApiId, Option<Minute>),
    mut at: &[Minute],
    mut seen: impl FnMut(Minute, Option<&ApiDetector>),
) {
    let (mut detector, mut events, mut minutes) = (None::<ApiDetector>, Vec::new(), Minutes::default());
    let Some(until) = at.last().map(|last| last.plus(1)) else { return };
    let days: Vec<Day> = counts.days().map(|(day, _)| day).take_while(|day| day.start() < until).collect();
    for (place, day) in days.iter().enumerate() {
        let end = days.get(place + 1).map_or(until, |next| next.start().min(until));
        minutes.fill(counts, api, day.start(), day.plus(1).start().min(until));
        let view = minutes.view();
        let mut rest = view.as_slice();
        while let Some((look, later_looks)) = at.split_first().filter(|(look, _)| **look < end) {
            let (now, later) = rest.split_at(rest.partition_point(|minute| minute.minute <= *look));
            (rest, at) = (later, later_looks);
            advance(&mut detector, model, (now, look.plus(1)), watched_since, &mut events);
            seen(*look, detector.as_ref());
        }
        advance(&mut detector, model, (rest, day.plus(1).start().min(until)), watched_since, &mut events);
        events.clear();
    }
}

fn advance(
    detector: &mut Option<ApiDetector>,
    model: &Model,
    (minutes, until): (&[ApiMinute<'_>], Minute),
    watched_since: Option<Minute>,
    events: &mut Vec<Event>,
) {
    if let Some(first) = minutes.first() {
        let born = first.minute;
        detector.get_or_insert_with(|| ApiDetector::new(born, watched_since.unwrap_or(born)));
    }
    if let Some(detector) = detector {
        detector.advance(model, minutes, until, events);
    }
}

/// The minutes of one API on one day, as the detector wants them.
#[derive(Debug, Default)]
struct Minutes {
    rows: Vec<MinuteRow>,
    errors: Vec<(CodeId, u32)>,
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct MinuteRow {
    minute: Minute,
    rate_calls: u32,
    calls: u32,
    /// Where its errors end in `Minutes::errors`.
    errors_end: usize,
}

impl Minutes {
    fn fill(&mut self, counts: &Counts, api: ApiId, from: Minute, to: Minute) {
        let Self { rows, errors, cells } = self;
        rows.clear();
        errors.clear();
        cells.clear();
        cells.extend(counts.cells(api, from, to));
        // Reads and writes of one API stand apart; the detector wants them by minute, and failures by code.
        cells.sort_unstable_by_key(|cell| (cell.minute, cell.error));
        for minute in cells.chunk_by(|a, b| a.minute == b.minute) {
            for code in minute.chunk_by(|a, b| a.error == b.error) {
                if code[0].error != TextId::EMPTY {
                    errors.push((code[0].error.number(), sum(code.iter())));
                }
            }
            rows.push(MinuteRow {
                minute: minute[0].minute,
                rate_calls: sum(minute.iter().filter(|cell| counts_for_rate(counts, cell))),
                calls: sum(minute.iter()),
                errors_end: errors.len(),
            });
        }
    }

    fn view(&self) -> Vec<ApiMinute<'_>> {
        let mut errors_start = 0;
        let minute = |row: &MinuteRow| {
            let errors = &self.errors[errors_start..row.errors_end];
            errors_start = row.errors_end;
            ApiMinute { minute: row.minute, rate_calls: row.rate_calls, calls: row.calls, errors }
        };
        self.rows.iter().map(minute).collect()
    }
}

fn sum<'a>(cells: impl Iterator<Item = &'a Cell>) -> u32 {
    cells.fold(0, |sum, cell| sum.saturating_add(cell.calls))
}
