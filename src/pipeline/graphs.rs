//! Counts and the insights that were found in them -> the graphs of their series, packed.
//!
//! Only series with insights are followed, so that cost grows with what was found.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use uuid::Uuid;

use super::find::Extent;
use super::judge::{Watched, looks};
use super::{Cancel, Interrupted};
use crate::aggregate::Counts;
use crate::cloudtrail::insight::State;
use crate::config::Assigned;
use crate::detect::look::{Look, WindowLook};
use crate::detect::{Direction, Which};
use crate::explanation::Explanation;
use crate::finding::Finding;
use crate::insight::{Insight, SeriesCalls};
use crate::names::{ApiId, TextId};
use crate::report::graph::{Kind, Track, pack};
use crate::report::insight::names;
use crate::report::model::Graph;
use crate::roll_up::RollUp;
use crate::series::SeriesKey;
use crate::time::{MINUTES_PER_DAY, Minute};

/// Days that a graph goes back from its last insight.
pub(super) const DAYS: i32 = 35;
/// Minutes between two samples of what is usual.
const TICK: i32 = 30;
/// Minutes of a step in all of a graph, and about an insight.
const COARSE: i32 = 60;
const MIDDLE: i32 = 10;
/// Minutes before an insight, and after it, in steps of [`MIDDLE`], and in single minutes.
/// A week with the insight in its middle, or at its end where nothing is known after it, is all in these steps.
const ABOUT: [i32; 2] = [7 * MINUTES_PER_DAY, 4 * MINUTES_PER_DAY];
const NEAR: [i32; 2] = [MINUTES_PER_DAY / 2, MINUTES_PER_DAY / 2];
/// Minutes of a long insight that are shown one by one.
const SINGLE: i32 = MINUTES_PER_DAY;
/// Standard deviations from what is expected to the edges of the band.
const BAND: f64 = 2.0;
/// Windows whose bands are drawn: a mean over an hour lies closer to what is expected than a single minute does.
const BANDS: [u32; 3] = [1, 30, 120];

/// What was judged, and how.
pub(super) struct Judged<'a> {
    pub(super) counts: &'a Counts,
    pub(super) models: &'a Assigned,
    /// Since when accounts have been watched, and whether all since the first of them.
    pub(super) watched: (&'a HashMap<TextId, Minute>, Watched),
    pub(super) extent: Extent,
}

/// An insight, as far as its graph is concerned.
pub(super) struct Flagged {
    pub(super) api: ApiId,
    pub(super) series: SeriesKey,
    pub(super) roll_up: Option<RollUp>,
    /// First unusual minute, and the end of the last that is known to be.
    pub(super) minutes: (Minute, Minute),
    /// The line that it crossed; `None` of AWS's own.
    pub(super) line: Option<Crossed>,
}

/// A line that was crossed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crossed {
    pub(super) direction: Direction,
    /// Minutes of its window.
    pub(super) window: u32,
    /// The total that had to be reached, or undercut.
    pub(super) bound: f64,
    /// The last minute of the window.
    pub(super) at: Minute,
}

impl From<&Explanation> for Crossed {
    fn from(why: &Explanation) -> Self {
        Self {
            direction: why.direction,
            window: why.window_minutes,
            bound: why.bound,
            at: why.detected_at.plus(-1),
        }
    }
}

impl Flagged {
    /// Those that were found now. What has no End goes on as far as was judged.
    pub(super) fn found(found: &[(ApiId, Insight)], judged_until: Minute) -> Vec<Self> {
        let ends = found.iter().filter(|(_, insight)| insight.state == State::End);
        let ended: BTreeSet<Uuid> = ends.map(|(_, insight)| insight.shared_id).collect();
        let flagged = |(api, insight): &(ApiId, Insight)| {
            let why = &insight.explanation;
            let known_until = match insight.state {
                State::End => insight.event_time,
                State::Start if ended.contains(&insight.shared_id) => why.detected_at,
                State::Start => judged_until.max(why.detected_at),
            };
            Self {
                api: *api,
                series: insight.series.clone(),
                roll_up: why.roll_up,
                minutes: (insight.start, known_until),
                line: Some(Crossed::from(why)),
            }
        };
        found.iter().map(flagged).collect()
    }

    /// One that was published; `None` where there are no such calls.
    pub(super) fn published(counts: &Counts, finding: &Finding) -> Option<Self> {
        let (series, why) = (finding.series(), finding.latest().explanation.as_ref());
        let names = counts.names();
        let api = names.api_ids().find(|api| names.api_of(*api) == series.api)?;
        Some(Self {
            api,
            roll_up: why.and_then(|why| why.roll_up),
            minutes: (finding.from(), finding.known_until()),
            line: why.map(Crossed::from),
            series,
        })
    }
}

/// The graphs of the series of `found`, in the order of their APIs and then of their series.
///
/// # Errors
/// When `cancel` was called.
pub(super) fn graphs(
    judged: &Judged<'_>,
    found: &[Flagged],
    cancel: &Cancel,
) -> Result<Vec<Graph>, Interrupted> {
    let mut of_apis = BTreeMap::<ApiId, Vec<&Flagged>>::new();
    for flagged in found {
        of_apis.entry(flagged.api).or_default().push(flagged);
    }
    let apis: Vec<(ApiId, Vec<&Flagged>)> = of_apis.into_iter().collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut drawn = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((api, insights)) = apis.get(place) else { return Ok(drawn) };
            cancel.check()?;
            drawn.push((place, of_api(judged, *api, insights)));
        }
    };
    let mut drawn = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..judged.extent.jobs.get()).map(|_| scope.spawn(work)).collect();
        let drawn = workers.into_iter().map(|worker| worker.join().expect("a drawing thread does not panic"));
        drawn.collect::<Result<Vec<Vec<_>>, Interrupted>>()
    })?
    .concat();
    drawn.sort_by_key(|(place, _)| *place);
    Ok(drawn.into_iter().flat_map(|(_, graphs)| graphs).collect())
}

/// One series of an API.
struct Drawing<'a> {
    which: Which,
    insights: Vec<&'a Flagged>,
    span: Range<Minute>,
    /// How it stood at each tick of `span`; `None` before its first call.
    looks: Vec<Option<Look>>,
    /// How it stood when its insights were noticed.
    noticed: Vec<(Minute, Look)>,
}

fn of_api(judged: &Judged<'_>, api: ApiId, insights: &[&Flagged]) -> Vec<Graph> {
    let counts = judged.counts;
    let mut of_series = BTreeMap::<&SeriesKey, Vec<&Flagged>>::new();
    for insight in insights {
        of_series.entry(&insight.series).or_default().push(insight);
    }
    let first = counts.span().map_or(judged.extent.until, |(first, _)| first);
    let mut drawings: Vec<Drawing<'_>> = of_series
        .into_iter()
        .filter_map(|(key, insights)| {
            let which = match key.kind.error_code() {
                Some(code) => Which::Errors(counts.names().find_text(code)?.number()),
                None => Which::Calls,
            };
            let span = span(&insights, first, judged.extent.until);
            (span.start < span.end).then(|| Drawing {
                which,
                insights,
                span,
                looks: Vec::new(),
                noticed: Vec::new(),
            })
        })
        .collect();
    let account = counts.names().apis()[api.index()].account;
    let since = match judged.watched {
        (watched, Watched::Each) => watched.get(&account).copied(),
        (watched, Watched::Together) => watched.values().min().copied(),
    };
    let model = judged.models.of(api);
    let from = drawings.iter().map(|drawing| drawing.span.start).min().unwrap_or(judged.extent.until);
    let to = drawings.iter().map(|drawing| drawing.span.end).max().unwrap_or(judged.extent.until);
    let ticks = (0..).map(|tick| from.plus(tick * TICK)).take_while(|tick| *tick < to);
    let noticed = insights.iter().filter_map(|insight| Some(insight.line?.at));
    let mut at: Vec<Minute> = ticks.chain(noticed.filter(|at| (from..to).contains(at))).collect();
    at.sort_unstable();
    at.dedup();
    looks(counts, model, (api, since), &at, |at, detector| {
        for drawing in drawings.iter_mut().filter(|drawing| drawing.span.contains(&at)) {
            let look = detector.and_then(|detector| detector.look(model, drawing.which));
            if drawing.insights.iter().any(|insight| insight.line.is_some_and(|line| line.at == at)) {
                drawing.noticed.extend(look.clone().map(|look| (at, look)));
            }
            if at.since(from) % TICK == 0 {
                drawing.looks.push(look);
            }
        }
    });
    drawings.into_iter().map(|drawing| draw(counts, api, &drawing)).collect()
}

/// From 35 days before the last insight ended, or the first call, until four days after it; from a full hour on.
fn span(insights: &[&Flagged], first: Minute, until: Minute) -> Range<Minute> {
    let last = insights.iter().map(|insight| insight.minutes.1).max().unwrap_or(until);
    let to = last.plus(ABOUT[1]).min(until);
    let from = last.plus(-DAYS * MINUTES_PER_DAY).max(first);
    hour(from)..to
}

fn hour(minute: Minute) -> Minute {
    minute.plus(-minute.of_day() % COARSE)
}

fn draw(counts: &Counts, api: ApiId, drawing: &Drawing<'_>) -> Graph {
    let Drawing { insights, span, .. } = drawing;
    let calls = SeriesCalls::new(counts, api, &insights[0].series.kind);
    let mut minutes = vec![0_u64; usize::try_from(span.end.since(span.start)).unwrap_or_default()];
    for cell in calls.cells(span.start, span.end) {
        minutes[cell.minute.since(span.start).unsigned_abs() as usize] += u64::from(cell.calls);
    }
    let mut tracks = Vec::new();
    called(&mut tracks, &minutes, (0, minutes.len()), COARSE);
    for stretch in stretches(insights, span, |from, until| (from.plus(-ABOUT[0]), until.plus(ABOUT[1]))) {
        called(&mut tracks, &minutes, stretch, MIDDLE);
    }
    let near =
        |from: Minute, until: Minute| (from.plus(-NEAR[0]), until.min(from.plus(SINGLE)).plus(NEAR[1]));
    for stretch in stretches(insights, span, near) {
        called(&mut tracks, &minutes, stretch, 1);
    }
    usual(&mut tracks, drawing);
    crossed(&mut tracks, drawing);
    Graph {
        series: names(&insights[0].series, insights[0].roll_up),
        from: span.start,
        to: span.end,
        data: pack(&tracks),
    }
}

/// The minutes about insights, each once, from a full step of [`MIDDLE`] on.
fn stretches(
    insights: &[&Flagged],
    span: &Range<Minute>,
    about: impl Fn(Minute, Minute) -> (Minute, Minute),
) -> Vec<(usize, usize)> {
    let place = |minute: Minute| {
        usize::try_from(minute.clamp(span.start, span.end).since(span.start)).unwrap_or_default()
    };
    let step = MIDDLE.unsigned_abs() as usize;
    let mut stretches: Vec<(usize, usize)> = insights
        .iter()
        .map(|insight| about(insight.minutes.0, insight.minutes.1))
        .map(|(from, to)| (place(from) / step * step, place(to)))
        .filter(|(from, to)| from < to)
        .collect();
    stretches.sort_unstable();
    stretches.dedup_by(|next, before| {
        let joined = next.0 <= before.1;
        if joined {
            before.1 = before.1.max(next.1);
        }
        joined
    });
    stretches
}

/// The calls of some minutes, and the most in one, a step each.
fn called(tracks: &mut Vec<Track>, minutes: &[u64], (from, to): (usize, usize), step: i32) {
    let steps = || minutes[from..to].chunks(step.unsigned_abs() as usize);
    let track = |kind, values: Vec<u64>| Track {
        kind,
        window: 0,
        start: from as u32,
        step: step.unsigned_abs(),
        values: values.into_iter().map(|calls| Some(calls as f64)).collect(),
    };
    tracks.push(track(Kind::Calls, steps().map(|minutes| minutes.iter().sum()).collect()));
    if step > 1 {
        let most = steps().map(|minutes| minutes.iter().copied().max().unwrap_or_default());
        tracks.push(track(Kind::Largest, most.collect()));
    }
}

/// What is expected, and the lines of the windows by which the insights were found: at each tick, and when they were noticed.
fn usual(tracks: &mut Vec<Track>, drawing: &Drawing<'_>) {
    let mut sample = |kind, window: u32, value: &dyn Fn(&WindowLook) -> Option<f64>| {
        let length = window.max(1);
        let of = |look: &Look| look.windows.iter().find(|it| it.minutes == length).and_then(value);
        // Bands of longer windows change slowly: once a window is enough.
        let every =
            if matches!(kind, Kind::Lower | Kind::Upper) { length.div_ceil(TICK.unsigned_abs()) } else { 1 };
        let looks = drawing.looks.iter().step_by(every as usize);
        let values: Vec<Option<f64>> = looks.map(|look| look.as_ref().and_then(of)).collect();
        let step = every * TICK.unsigned_abs();
        if values.iter().any(Option::is_some) {
            tracks.push(Track { kind, window, start: 0, step, values });
        }
        if !matches!(kind, Kind::Line | Kind::Floor) {
            let noticed = drawing.noticed.iter().filter_map(|(at, look)| Some((*at, of(look)?)));
            tracks.extend(noticed.map(|(at, value)| exact(drawing, (kind, window, step), at, value)));
        }
    };
    sample(Kind::Expected, 0, &|window| Some(window.expected));
    for window in BANDS {
        let length = f64::from(window);
        sample(Kind::Lower, window, &|window| {
            let (expected, deviation) = window
                .fall
                .map_or((window.expected, window.deviation), |fall| (fall.expected, fall.deviation));
            Some((expected - BAND * deviation).max(0.0) / length)
        });
        sample(Kind::Upper, window, &|window| Some((window.expected + BAND * window.deviation) / length));
    }
    let lines = drawing.insights.iter().filter_map(|insight| insight.line);
    let mut lines: Vec<(Direction, u32)> = lines.map(|line| (line.direction, line.window)).collect();
    lines.sort_unstable_by_key(|(direction, window)| (direction.name(), *window));
    lines.dedup();
    for (direction, window) in lines {
        sample(kind_of(direction), window, &|look| {
            let lines = look.lines.iter().filter(|line| line.rule.direction() == direction);
            lines.filter_map(|line| line.bound).min_by(f64::total_cmp)
        });
    }
}

/// The totals that were reached: once an episode is open, its detector does not know any more.
fn crossed(tracks: &mut Vec<Track>, drawing: &Drawing<'_>) {
    let lines = drawing.insights.iter().filter_map(|insight| insight.line);
    let mut lines: Vec<Crossed> = lines.filter(|line| drawing.span.contains(&line.at)).collect();
    // A Start and its End tell of the same.
    lines.sort_unstable_by_key(|line| (line.at, line.direction.name(), line.window));
    lines.dedup_by_key(|line| (line.at, line.direction, line.window));
    tracks.extend(lines.into_iter().map(|Crossed { direction, window, bound, at }| {
        exact(drawing, (kind_of(direction), window, TICK.unsigned_abs()), at, bound)
    }));
}

const fn kind_of(direction: Direction) -> Kind {
    match direction {
        Direction::Up => Kind::Line,
        Direction::Down => Kind::Floor,
    }
}

/// A value that holds from `at` on until the next of a track whose values are `step` minutes apart.
fn exact(drawing: &Drawing<'_>, (kind, window, step): (Kind, u32, u32), at: Minute, value: f64) -> Track {
    let start = at.since(drawing.span.start).unsigned_abs();
    Track { kind, window, start, step: step - start % step, values: vec![Some(value)] }
}
