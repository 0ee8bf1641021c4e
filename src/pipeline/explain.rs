//! Counts, or sums of them, and the name of a series -> how it stood in one minute, flagged or not: what `explain` shows.
use super::judge::{self, Watched};
use crate::aggregate::Counts;
use crate::attribution::{Contributor, Side, contributors, rounded};
use crate::config::Models;
use crate::detect::look::Look;
use crate::detect::{CodeId, Direction, Event, Rule, Which};
use crate::explanation::{ModelId, Usual};
use crate::insight::{SeriesCalls, baseline_from};
use crate::names::{ApiId, TextId};
use crate::roll_up::{RollUp, RolledUp};
use crate::series::{Api, Kind, SeriesKey};
use crate::time::{MINUTES_PER_DAY, MINUTES_PER_WEEK, Minute};
use crate::words::{fitted, near, short_service};

/// Minutes of [`Explained::minutes`].
const MINUTES_SHOWN: i32 = 120;
/// Minutes in one of [`Explained::half_hours`].
pub const HALF_HOUR: i32 = 30;
/// Names that are offered instead of one that is not there, and columns of each.
const OFFERED: usize = 3;
const COLUMNS: usize = 200;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// `ACCOUNT/REGION/SOURCE/NAME`; the source with or without `.amazonaws.com`. Of a sum, `*` stands for what it goes
    /// over, and a principal in the place of the account.
    pub series: String,
    /// The failures with this code, instead of the calls.
    pub error_code: Option<String>,
    /// Which minute; where none is named, that in which the last episode was noticed, or else the most surprising.
    pub at: Option<Minute>,
    /// Where no minute is named: not one before this.
    pub from: Option<Minute>,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Which series.
    pub series: SeriesKey,
    /// What it is a sum of, if it is one.
    pub roll_up: Option<RollUp>,
    /// What judged it.
    pub model: ModelId,
    /// How it stood.
    pub look: Look,
    /// What is usual in each window of `look`, by the days and weeks before.
    pub usual: Vec<Usual>,
    /// Length of the most surprising window, minutes.
    pub window_minutes: i32,
    /// Whether more calls than expected are the most surprising there, or fewer.
    pub direction: Direction,
    /// Who and what called in that window, and in the week before.
    pub contributors: Vec<Contributor>,
    /// All episodes of the series in the logs.
    pub episodes: Vec<Span>,
    /// That of them in which the minute lies, noticed by then or not.
    pub inside: Option<Span>,
    /// Calls in each of the last two hours' minutes.
    pub minutes: Vec<u64>,
    /// Calls in each of the last day's half hours, the last ends with the minute.
    pub half_hours: Vec<u64>,
}

/// One episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First unusual minute.
    pub start: Minute,
    /// End of the minute in which it was noticed.
    pub detected_at: Minute,
    /// First usual minute; `None` while it is open.
    pub end: Option<Minute>,
    /// The line it crossed.
    pub rule: Rule,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unexplained {
    /// Not four names.
    #[error("{0} is not ACCOUNT/REGION/SOURCE/NAME")]
    NotASeries(String),
    /// No such API, or code, in the logs.
    #[error("there are no calls of {asked}{}", offered(.near))]
    Unknown {
        /// What was asked.
        asked: String,
        /// Names like it.
        near: Vec<String>,
    },
    /// A minute before the first call, or after the logs.
    #[error("{series} can be explained from {first} to {last}, not at {at}")]
    Outside {
        /// Whose calls.
        series: String,
        /// Its first minute with calls.
        first: Minute,
        /// The last minute of the logs.
        last: Minute,
        /// What was asked.
        at: Minute,
    },
}

fn offered(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; there are {}", near.join(", ")) }
}

/// Explains one minute of one series of `counts`, or of one of their `sums`; both have to be settled.
///
/// # Errors
/// When there is no such series, or it has no past at that minute.
pub fn explain(
    counts: &Counts,
    sums: Option<&RolledUp<'_>>,
    models: &Models,
    question: &Question,
) -> Result<Explained, Unexplained> {
    let counts = sums.map_or(counts, |sums| &sums.counts);
    let roll_up = sums.map(RolledUp::kind);
    let watched = if roll_up == Some(RollUp::Principal) { Watched::Together } else { Watched::Each };
    let (api, series) = find(counts, roll_up, question)?;
    let calls = SeriesCalls::new(counts, api, &series.kind);
    let code = series.kind.error_code().and_then(|code| counts.names().find_text(code));
    let which = code.map_or(Which::Calls, |code| Which::Errors(code.number()));
    let (first, last) = span(counts, &calls).ok_or_else(|| unknown(&series.to_string(), &[]))?;
    let model = models.of(&series.api);

    let mut most = (0.0, first);
    let (_, events) = judge::follow((counts, watched), &model, api, last.plus(1), |detector, minute| {
        let called = match which {
            Which::Calls => minute.rate_calls > 0,
            Which::Errors(code) => minute.errors.iter().any(|(failed, _): &(CodeId, u32)| *failed == code),
        };
        let meant = called && question.from.is_none_or(|from| minute.minute >= from);
        let surprise = if meant { detector.surprise(&model, which) } else { 0.0 };
        if surprise > most.0 {
            most = (surprise, minute.minute);
        }
    });
    let episodes = spans(&events, which);
    let noticed = episodes.last().map(|last| last.detected_at.plus(-1));
    let noticed = noticed.filter(|at| question.from.is_none_or(|from| *at >= from));
    let at = question.at.or(noticed).unwrap_or(most.1);
    let outside = Unexplained::Outside { series: shown(&series.to_string()), first, last, at };
    if at < first || at > last {
        return Err(outside);
    }
    let (detector, _) = judge::follow((counts, watched), &model, api, at.plus(1), |_, _| {});
    let look = detector.and_then(|detector| detector.look(&model, which)).ok_or(outside)?;
    let end = at.plus(1);
    let lengths = || look.windows.iter().map(|window| i32::try_from(window.minutes).unwrap_or(1));
    let (window_minutes, direction) = most_surprising(&look);
    let inside =
        episodes.iter().find(|span| span.start <= at && span.end.is_none_or(|end| at < end)).copied();
    Ok(Explained {
        usual: lengths().map(|length| calls.usual(end, length)).collect(),
        window_minutes,
        direction,
        contributors: compared(&calls, sums, &series, (end, window_minutes, direction)),
        inside,
        episodes,
        roll_up,
        minutes: columns(&calls, (end, 1), MINUTES_SHOWN),
        half_hours: columns(&calls, (end, HALF_HOUR), MINUTES_PER_DAY / HALF_HOUR),
        model: ModelId::of(&model),
        series,
        look,
    })
}

/// Calls in each of the last `number` stretches of `step` minutes, of which the last ends at `end`.
fn columns(calls: &SeriesCalls<'_>, (end, step): (Minute, i32), number: i32) -> Vec<u64> {
    let columns = (0..number).rev().map(|back| (end.plus(-(back + 1) * step), end.plus(-back * step)));
    columns.map(|(from, to)| calls.calls(from, to)).collect()
}

/// Length of the window whose total is the least probable, minutes, and whether that is too many calls or too few.
fn most_surprising(look: &Look) -> (i32, Direction) {
    let windows = look.windows.iter().map(|window| (window.extreme(), window.minutes));
    windows
        .min_by(|((one, _), _), ((other, _), _)| one.total_cmp(other))
        .map_or((1, Direction::Up), |((_, direction), minutes)| {
            (i32::try_from(minutes).unwrap_or(1), direction)
        })
}

fn compared(
    calls: &SeriesCalls<'_>,
    sums: Option<&RolledUp<'_>>,
    series: &SeriesKey,
    (end, length, direction): (Minute, i32, Direction),
) -> Vec<Contributor> {
    let from = end.plus(-length);
    let before = (baseline_from(from), from);
    let baseline =
        Side { tally: &calls.tally(before.0, before.1), minutes: MINUTES_PER_WEEK + from.of_day() };
    let window = Side { tally: &calls.tally(from, end), minutes: length };
    let mut compared = contributors(window, baseline, direction, calls.names());
    if let Some(sums) = sums {
        compared.extend(sums.contributors(series, ((from, end), before), direction, end));
    }
    compared.into_iter().map(|it| Contributor { usual: rounded::<4>(it.usual), ..it }).collect()
}

/// The first minute of a series, and the last of the logs.
fn span(counts: &Counts, calls: &SeriesCalls<'_>) -> Option<(Minute, Minute)> {
    let (first, last) = counts.span()?;
    let first = calls.cells(first, last.plus(1)).map(|cell| cell.minute).min()?;
    Some((first, last))
}

fn spans(events: &[Event], which: Which) -> Vec<Span> {
    let mut spans = Vec::<Span>::new();
    for event in events {
        match event {
            Event::Opened { which: of, start, detected_at, evidence } if *of == which => {
                spans.push(Span { start: *start, detected_at: *detected_at, end: None, rule: evidence.rule });
            }
            Event::Closed { which: of, end, .. } if *of == which => {
                if let Some(span) = spans.last_mut() {
                    span.end = Some(*end);
                }
            }
            Event::Opened { .. } | Event::Closed { .. } => {}
        }
    }
    spans
}

/// The API and the series that are meant. Of an API that is in both categories, management.
fn find(
    counts: &Counts,
    roll_up: Option<RollUp>,
    question: &Question,
) -> Result<(ApiId, SeriesKey), Unexplained> {
    let mut parts: Vec<&str> = question.series.splitn(4, '/').collect();
    if roll_up == Some(RollUp::Principal) {
        // Its names hold slashes, and nothing behind them does.
        parts = question.series.rsplitn(4, '/').collect();
        parts.reverse();
    }
    let &[account, region, source, name] = parts.as_slice() else {
        return Err(Unexplained::NotASeries(shown(&question.series)));
    };
    let names = counts.names();
    let meant = |api: &Api| {
        (&*api.account, &*api.region, &*api.event_name) == (account, region, name)
            && (&*api.event_source == source || short_service(&api.event_source) == source)
    };
    let all: Vec<(ApiId, Api)> = names.api_ids().map(|id| (id, names.api_of(id))).collect();
    let found = all.iter().filter(|(_, api)| meant(api)).min_by_key(|(_, api)| api.category);
    let Some((id, api)) = found else {
        let all = all.iter().map(|(_, api)| api.to_string());
        return Err(unknown(&question.series, &near(&question.series, all, OFFERED)));
    };
    let Some(error_code) = &question.error_code else {
        let series = SeriesKey { api: api.clone(), kind: Kind::CallRate };
        return match span(counts, &SeriesCalls::new(counts, *id, &series.kind)) {
            Some(_) => Ok((*id, series)),
            None => Err(unknown(
                &format!("{} that change anything (management reads have no call rate)", question.series),
                &codes(counts, *id)
                    .map(|code| format!("--error-code {code}"))
                    .take(OFFERED)
                    .collect::<Vec<String>>(),
            )),
        };
    };
    let series =
        SeriesKey { api: api.clone(), kind: Kind::ErrorRate { error_code: error_code.as_str().into() } };
    if span(counts, &SeriesCalls::new(counts, *id, &series.kind)).is_some() {
        return Ok((*id, series));
    }
    Err(unknown(&series.to_string(), &near(error_code, codes(counts, *id), OFFERED)))
}

/// The error codes of an API.
fn codes(counts: &Counts, api: ApiId) -> impl Iterator<Item = String> {
    let (first, last) = counts.span().unwrap_or_default();
    let errors = counts.cells(api, first, last.plus(1)).map(|cell| cell.error);
    let errors: std::collections::BTreeSet<TextId> = errors.filter(|error| *error != TextId::EMPTY).collect();
    errors.into_iter().map(|error| counts.names().text_of(error).to_string())
}

fn unknown(asked: &str, near: &[String]) -> Unexplained {
    Unexplained::Unknown { asked: shown(asked), near: near.iter().map(|name| shown(name)).collect() }
}

fn shown(name: &str) -> String {
    fitted(name, COLUMNS)
}
