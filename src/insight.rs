//! Counts and a detected episode -> the Start and the End of an insight, with AWS's arithmetic. Pure.
use uuid::Uuid;

use crate::aggregate::{Cell, Counts};
use crate::attribution::{Side, Tally, attributions, contributors};
use crate::cloudtrail::insight::{self as wire, Attribution, State};
use crate::detect::{Event, Evidence, Peak, Which};
use crate::explanation::{self, Explanation, Found, Lasted, ModelId, Seen, Usual};
use crate::names::{Access, ApiId, Names, TextId};
use crate::roll_up::RollUp;
use crate::series::{Category, Kind, SeriesKey};
use crate::time::{Day, MINUTES_PER_DAY, MINUTES_PER_WEEK, Minute};

/// Days from which AWS takes the baseline of a record.
const BASELINE_DAYS: i32 = 7;

/// Days before, and weeks before, whose same minutes are compared.
const USUAL_DAYS: i32 = 7;
const USUAL_WEEKS: i32 = 4;

/// All ids are derived below this one, which was drawn once and must never change.
const ID_SPACE: Uuid = Uuid::from_u128(0x6f3c_2f0d_58a1_4e0b_9d53_b7f1_0c84_e2a6);

/// One published event: the Start or the End of an insight.
#[derive(Debug, Clone, PartialEq)]
pub struct Insight {
    /// Which half.
    pub state: State,
    /// Whose calls.
    pub series: SeriesKey,
    /// Common to Start and End: derived from the series and the first unusual minute, and from nothing else.
    pub shared_id: Uuid,
    /// Derived from `shared_id` and `state`.
    pub event_id: Uuid,
    /// First unusual minute.
    pub start: Minute,
    /// Start: the first unusual minute. End: the first usual minute after it.
    pub event_time: Minute,
    /// AWS's numbers.
    pub statistics: Statistics,
    /// Who, with what, and with which error.
    pub attributions: Vec<Attribution>,
    /// Why it was flagged.
    pub explanation: Explanation,
    /// The minute in which a program watching live would have written it.
    pub emitted_at: Minute,
}

/// Averages in calls a minute, rounded to ten decimals; durations in minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Calls a minute from 00:00 UTC seven days before the day of the start, up to the start.
    pub baseline_average: f64,
    /// Start: calls a minute from the start to the detection. End: from the start to the end.
    pub insight_average: f64,
    /// Minutes of `insight_average`, at least 1.
    pub insight_duration: i32,
    /// Minutes of `baseline_average`: 10080 to 11519.
    pub baseline_duration: i32,
}

/// An episode that opened: all that its End needs to know later.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opening {
    /// The API.
    pub api: ApiId,
    /// Which of its series; error codes by the number of their text.
    pub which: Which,
    /// First unusual minute.
    pub start: Minute,
    /// End of the minute in which it was noticed.
    pub detected_at: Minute,
    /// Why.
    pub evidence: Evidence,
}

/// How an episode closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closing {
    /// First usual minute.
    pub end: Minute,
    /// End of the minute in which the return was certain.
    pub closed_at: Minute,
    /// How far it went.
    pub peak: Peak,
}

/// The insights of one API from its detector's events, in the order of the events. `open` holds the episodes that
/// were open before, and afterwards those that are open still; an end without an opening is nobody's.
///
/// Error codes of the events are numbers of texts of `counts`, which has to be settled.
pub fn insights(
    counts: &Counts,
    api: ApiId,
    events: &[Event],
    open: &mut Vec<Opening>,
    model: &ModelId,
) -> Vec<Insight> {
    let mut insights = Vec::new();
    for event in events {
        match *event {
            Event::Opened { which, start, detected_at, evidence } => {
                let opening = Opening { api, which, start, detected_at, evidence };
                insights.push(start_of(counts, &opening, model));
                open.push(opening);
            }
            Event::Closed { which, start, end, closed_at, peak } => {
                let opened =
                    |opening: &Opening| (opening.api, opening.which, opening.start) == (api, which, start);
                if let Some(index) = open.iter().position(opened) {
                    let opening = open.remove(index);
                    insights.push(end_of(counts, &opening, Closing { end, closed_at, peak }, model));
                }
            }
        }
    }
    insights
}

/// The Start of an episode.
#[must_use]
pub fn start_of(counts: &Counts, opening: &Opening, model: &ModelId) -> Insight {
    event_of(counts, opening, None, model)
}

/// The End of an episode.
#[must_use]
pub fn end_of(counts: &Counts, opening: &Opening, closing: Closing, model: &ModelId) -> Insight {
    event_of(counts, opening, Some(closing), model)
}

fn event_of(counts: &Counts, opening: &Opening, closing: Option<Closing>, model: &ModelId) -> Insight {
    let Opening { start, detected_at, ref evidence, .. } = *opening;
    let names = counts.names();
    let (state, event_time, until, emitted_at) = match closing {
        None => (State::Start, start, detected_at, detected_at),
        Some(Closing { end, closed_at, .. }) => (State::End, end, end, closed_at),
    };
    let (key, series) = series_of(counts, opening);
    let series = series.known_at(emitted_at);
    let minutes = until.since(start).max(1);
    let baseline_minutes = MINUTES_PER_WEEK + start.of_day();
    let insight = series.tally(start, start.plus(minutes));
    let baseline = series.tally(baseline_from(start), start);
    let baseline_average = baseline.average(baseline_minutes);

    let length = i32::try_from(evidence.window_minutes).unwrap_or(MINUTES_PER_WEEK);
    let window = series.tally(detected_at.plus(-length), detected_at);
    let (window, baseline) =
        (Side { tally: &window, minutes: length }, Side { tally: &baseline, minutes: baseline_minutes });
    let usual = series.usual(detected_at, length);
    let opened = explanation::opening(&key, Seen { evidence, usual, window, baseline }, names);
    let text = match closing {
        None => opened,
        Some(Closing { ref peak, .. }) => {
            let lasted = Lasted { calls: insight.calls(), minutes, usual: baseline_average, evidence, peak };
            explanation::closing(&key, &lasted, &opened)
        }
    };
    let shared_id = shared_id(&key, start);
    Insight {
        state,
        shared_id,
        event_id: Uuid::new_v5(&shared_id, state.name().as_bytes()),
        start,
        event_time,
        statistics: Statistics {
            baseline_average,
            insight_average: insight.average(minutes),
            insight_duration: minutes,
            baseline_duration: baseline_minutes,
        },
        attributions: attributions(&key, Side { tally: &insight, minutes }, baseline, names),
        explanation: explanation::explain(
            &key,
            Found {
                detected_at,
                evidence,
                peak: closing.map(|closing| closing.peak),
                usual,
                contributors: contributors(window, baseline, evidence.direction, names),
            },
            model,
            text,
        ),
        emitted_at,
        series: key,
    }
}

/// The id of an episode: the same for the same series and start, whatever the model, the run or the machine.
pub(crate) fn shared_id(series: &SeriesKey, start: Minute) -> Uuid {
    let api = &series.api;
    // As a JSON array, since a separator could stand in a name.
    let name = serde_json::to_vec(&(
        (&*api.account, &*api.region, &*api.event_source, &*api.event_name, api.category.name()),
        (series.kind.insight_type(), series.kind.error_code(), start.to_string()),
    ));
    Uuid::new_v5(&ID_SPACE, &name.expect("texts can be written as JSON"))
}

/// The id of a sum's episode, from the one that an API's would have.
pub(crate) fn of_sum(shared_id: Uuid, kind: RollUp) -> Uuid {
    Uuid::new_v5(&shared_id, kind.name().as_bytes())
}

/// The days whose calls the Start and the End of an episode tell of, some of them twice: from the baseline's first to
/// `until`, and those with the same minutes as the window in which it was noticed, which can begin on the day before.
pub(crate) fn days_told_of(
    (start, until): (Minute, Minute),
    detected_at: Minute,
) -> impl Iterator<Item = Day> {
    let from = baseline_from(start).day();
    let lasted = (from.epoch()..=until.day().epoch()).map(Day::from_epoch);
    let before = (1..=USUAL_DAYS).chain((1..=USUAL_WEEKS).map(|weeks| 7 * weeks));
    let usual = before.flat_map(move |days| [days, days + 1].map(|days| detected_at.day().plus(-days)));
    lasted.chain(usual)
}

/// Where the baseline of an episode that starts at `start` begins.
pub(crate) const fn baseline_from(start: Minute) -> Minute {
    start.day().plus(-BASELINE_DAYS).start()
}

pub(crate) fn series_of<'a>(counts: &'a Counts, opening: &Opening) -> (SeriesKey, SeriesCalls<'a>) {
    let kind = match opening.which {
        Which::Calls => Kind::CallRate,
        Which::Errors(code) => Kind::ErrorRate { error_code: counts.names().texts()[code as usize].clone() },
    };
    let calls = SeriesCalls::new(counts, opening.api, &kind);
    (SeriesKey { api: counts.names().api_of(opening.api), kind }, calls)
}

/// The calls of one series among the counts.
#[derive(Debug, Clone, Copy)]
pub struct SeriesCalls<'a> {
    counts: &'a Counts,
    api: ApiId,
    which: Counted,
    /// Late calls that came with this delivery or before it are among them.
    by: Minute,
}

/// Which cells of an API belong to a series.
#[derive(Debug, Clone, Copy)]
enum Counted {
    All,
    Writes,
    Failed(TextId),
    None,
}

impl<'a> SeriesCalls<'a> {
    /// Those of the series `kind` of `api`; `counts` has to be settled.
    #[must_use]
    pub fn new(counts: &'a Counts, api: ApiId, kind: &Kind) -> Self {
        let names = counts.names();
        let which = match (kind, names.apis()[api.index()].category) {
            (Kind::ErrorRate { error_code }, _) => {
                names.find_text(error_code).map_or(Counted::None, Counted::Failed)
            }
            (Kind::CallRate, Category::Data) => Counted::All,
            (Kind::CallRate, Category::Management) => Counted::Writes,
        };
        Self { counts, api, which, by: Minute::from_epoch(i32::MAX) }
    }

    /// The same as far as they were known when `minute` was judged: what came later must not change what was told.
    #[must_use]
    pub fn known_at(self, minute: Minute) -> Self {
        let settle = self.counts.settling().map_or(0, |settling| settling.settle);
        Self { by: minute.plus(settle), ..self }
    }

    /// Texts of the cells.
    #[must_use]
    pub const fn names(&self) -> &'a Names {
        self.counts.names()
    }

    /// The cells from `from` up to but without `to`.
    pub fn cells(&self, from: Minute, to: Minute) -> impl Iterator<Item = Cell> + use<'a> {
        let Self { counts, api, which, by } = *self;
        let late = counts.late_cells(api, (from, to), by);
        counts.cells(api, from, to).chain(late).filter(move |cell| match which {
            Counted::All => true,
            Counted::Writes => cell.call.access() == Access::Write,
            Counted::Failed(error) => cell.error == error,
            Counted::None => false,
        })
    }

    /// What is usual in the `length` minutes before `end`: the median of the same minutes of the days, and of the
    /// weeks, before, as far as they were watched.
    #[must_use]
    pub fn usual(&self, end: Minute, length: i32) -> Usual {
        let first = self.counts.first();
        let median = |times: i32, step: i32| {
            let windows = (1..=times).map(|time| end.plus(-time * step));
            let watched = windows.filter(|end| first.is_some_and(|first| end.plus(-length) >= first));
            let mut totals: Vec<u64> = watched.map(|end| self.calls(end.plus(-length), end)).collect();
            totals.sort_unstable();
            let middle = totals.len() / 2;
            match totals.len() {
                0 => None,
                odd if odd % 2 == 1 => Some(totals[middle] as f64),
                _ => Some(f64::midpoint(totals[middle - 1] as f64, totals[middle] as f64)),
            }
        };
        Usual {
            time_of_day: median(USUAL_DAYS, MINUTES_PER_DAY),
            time_of_week: median(USUAL_WEEKS, MINUTES_PER_WEEK),
        }
    }

    /// Number of its calls from `from` up to but without `to`.
    #[must_use]
    pub fn calls(&self, from: Minute, to: Minute) -> u64 {
        self.cells(from, to).map(|cell| u64::from(cell.calls)).sum()
    }

    /// Its calls from `from` up to but without `to`.
    #[must_use]
    pub fn tally(&self, from: Minute, to: Minute) -> Tally {
        let mut tally = Tally::default();
        self.cells(from, to).for_each(|cell| tally.add(&cell));
        tally
    }
}

impl Insight {
    /// In AWS's form.
    #[must_use]
    pub fn record(&self) -> wire::Record<'_> {
        let SeriesKey { api, kind } = &self.series;
        let average = |average| wire::Average { average };
        wire::Record {
            event_version: wire::EVENT_VERSION,
            event_time: self.event_time,
            aws_region: &api.region,
            event_id: self.event_id,
            event_type: wire::EVENT_TYPE,
            recipient_account_id: &api.account,
            shared_event_id: self.shared_id,
            insight_details: wire::Details {
                state: self.state,
                event_source: &api.event_source,
                event_name: &api.event_name,
                insight_type: kind.insight_type(),
                error_code: kind.error_code(),
                source_event_category: api.category,
                insight_context: wire::Context {
                    statistics: wire::Statistics {
                        baseline: average(self.statistics.baseline_average),
                        insight: average(self.statistics.insight_average),
                        insight_duration: self.statistics.insight_duration,
                        baseline_duration: self.statistics.baseline_duration,
                    },
                    attributions: &self.attributions,
                },
            },
            event_category: wire::EVENT_CATEGORY,
        }
    }

    /// Whether it stands in the Insight tree, whose readers alert on everything they find there.
    #[must_use]
    pub const fn is_in_tree(&self) -> bool {
        self.explanation.muted_by.is_none() && self.explanation.roll_up.is_none()
    }

    /// Whether anybody should hear of it: no rule mutes it, and no other insight tells it already.
    #[must_use]
    pub const fn alerts(&self) -> bool {
        self.explanation.alerts()
    }

    /// Makes it an insight of a sum: its ids are those of no API's insight, whatever the sum is named.
    pub(crate) fn roll_up(&mut self, kind: RollUp) {
        self.explanation.roll_up = Some(kind);
        self.shared_id = of_sum(self.shared_id, kind);
        self.event_id = Uuid::new_v5(&self.shared_id, self.state.name().as_bytes());
    }

    /// What outputs are sorted by: when it was written, then the series, its start, and Start before End.
    #[must_use]
    pub fn order(&self) -> (Minute, &SeriesKey, Minute, State) {
        (self.emitted_at, &self.series, self.start, self.state)
    }
}

#[cfg(test)]
pub(crate) mod tests;
