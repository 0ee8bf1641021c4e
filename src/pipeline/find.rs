//! Counts, and what was known before -> the insights of all series and sums, and what is known now.
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use hashbrown::HashMap;

use super::graphs::Flagged;
use super::judge::{self, Judged, Judging, Past, Watched, judge};
use super::night::{Night, Recall};
use super::scan::{Drawing, Looking};
use super::{Cancel, Interrupted, graphs};
use crate::aggregate::Counts;
use crate::config::Assigned;
use crate::detect::{ApiDetector, Event, Peak, Which};
use crate::explanation::ModelId;
use crate::insight::{Closing, Insight, Opening, SeriesCalls, days_told_of, end_of, insights};
use crate::mute::mute;
use crate::names::ApiId;
use crate::report::model::Graph;
use crate::roll_up::{RollUp, Told, roll_up, told};
use crate::state::{Learned, Open, renumber};
use crate::time::{Day, Minute};

/// How far, and by how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Minutes before this one are judged.
    pub(super) until: Minute,
    /// Threads.
    pub(super) jobs: NonZeroUsize,
}

impl Extent {
    /// All of `counts`.
    pub(super) fn whole(counts: &Counts, jobs: NonZeroUsize) -> Self {
        Self { until: judge::end(counts), jobs }
    }
}

/// The insights of all counts, and of the sums that were asked for, in the order of writing. A `night` knows what went
/// before, and is told what is known now.
///
/// # Errors
/// When `cancel` was called, or the night's state is damaged.
pub(super) fn find(
    counts: &mut Counts,
    looking: &Looking,
    extent: Extent,
    mut night: Option<&mut Night>,
    cancel: &Cancel,
) -> anyhow::Result<Found> {
    let mut drawn = Vec::new();
    let mut known = night.as_deref_mut().map_or_else(Known::default, |night| night.known(counts));
    let models = looking.models.assign(counts.names());
    let judged = judge_all(counts, &models, (Watched::Each, extent), &mut known, cancel)?;
    if let Some(night) = night.as_deref_mut() {
        night.watched = known.past.watched.iter().map(|(account, since)| (*account, *since)).collect();
        if let Some(first) = known.past.watched.values().min() {
            counts.set_first(*first);
        }
        night.recall(
            counts,
            &needed(&judged, &known),
            if looking.roll_ups.is_empty() { Recall::Wanted } else { Recall::All },
        )?;
    }
    let open = known.past_open();
    let mut found =
        tell(counts, &models, judged, &mut known, night.as_deref_mut().map(|night| (night, None)));
    end_unknown(counts, &models, extent.until, &known, &mut found);
    for insight in &mut found {
        mute_by(counts, looking, insight);
    }
    if looking.drawing == Drawing::Graphs && !found.is_empty() {
        if let Some(night) = night.as_deref_mut() {
            night.recall(counts, &BTreeSet::new(), Recall::All)?;
        }
        let watched = (&known.past.watched, Watched::Each);
        let judged = graphs::Judged { counts, models: &models, watched, extent };
        let flagged = Flagged::found(&found, extent.until);
        drawn.extend(graphs::graphs(&judged, &flagged, cancel)?);
    }
    let told = if looking.roll_ups.is_empty() { Vec::new() } else { told(counts, &open, &found) };
    for &kind in &looking.roll_ups {
        let told = (kind, told.as_slice());
        found.append(&mut find_sums(
            counts,
            looking,
            (extent, told),
            night.as_deref_mut(),
            (&mut drawn, cancel),
        )?);
    }
    let mut found: Vec<Insight> = found.into_iter().map(|(_, insight)| insight).collect();
    found.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(Found { insights: found, graphs: drawn })
}

/// The insights of the sums of one kind; their graphs, where they are wanted, are added to `drawn`. `told` has the insights of
/// what is summed.
fn find_sums(
    counts: &Counts,
    looking: &Looking,
    (extent, (kind, told)): (Extent, (RollUp, &[Told])),
    mut night: Option<&mut Night>,
    (drawn, cancel): (&mut Vec<Graph>, &Cancel),
) -> anyhow::Result<Vec<(ApiId, Insight)>> {
    let mut rolled_up = roll_up(counts, kind);
    let watched = if kind == RollUp::Principal { Watched::Together } else { Watched::Each };
    let sums = &mut rolled_up.counts;
    let mut known = night.as_deref_mut().map_or_else(Known::default, |night| night.known_sums(kind, sums));
    let known_until = night.as_deref().and_then(Night::judged_before);
    let models = looking.models.assign(sums.names());
    let judged = judge_all(sums, &models, (watched, extent), &mut known, cancel)?;
    if let Some(first) = known.past.watched.values().min().filter(|_| night.is_some()) {
        sums.set_first(*first);
    }
    let going_on = night.map(|night| (night, Some(kind)));
    let mut of_sums = tell(sums, &models, judged, &mut known, going_on);
    end_unknown(sums, &models, extent.until, &known, &mut of_sums);
    if let Some(until) = known_until {
        // Sums that were not asked for before: what came before is only learned from.
        of_sums.retain(|(_, insight)| insight.emitted_at > until);
    }
    for (_, insight) in &mut of_sums {
        rolled_up.tell(insight);
        rolled_up.note_duplicate(insight, told);
    }
    for insight in &mut of_sums {
        mute_by(&rolled_up.counts, looking, insight);
    }
    if looking.drawing == Drawing::Graphs {
        let watched = (&known.past.watched, watched);
        let judged = graphs::Judged { counts: &rolled_up.counts, models: &models, watched, extent };
        let flagged = Flagged::found(&of_sums, extent.until);
        drawn.extend(graphs::graphs(&judged, &flagged, cancel)?);
    }
    Ok(of_sums)
}

/// What was found.
pub(super) struct Found {
    /// In the order of writing.
    pub(super) insights: Vec<Insight>,
    /// Of their series, where they are wanted.
    pub(super) graphs: Vec<Graph>,
}

/// What was known before.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) past: Past,
    /// Episodes that are open.
    pub(super) open: HashMap<ApiId, Vec<Opening>>,
    /// Those that were open for readers before all was judged again, and how far each went.
    unended: Vec<(Opening, Peak)>,
}

impl Known {
    /// The episodes that were open before.
    fn past_open(&self) -> Vec<Opening> {
        let mut open: Vec<Opening> = self.open.values().flatten().copied().collect();
        open.sort_unstable_by_key(|open| (open.api, open.which, open.start));
        open
    }

    /// Forgets what was learned, so that all is judged again, but for what was open.
    pub(super) fn begin_anew(&mut self) {
        let learned = std::mem::take(&mut self.past).detectors;
        let open = self.past_open().into_iter().map(|opening| {
            let Opening { api, which, start, detected_at, ref evidence } = opening;
            let peak = learned.get(&api).and_then(|detector| detector.peak_of(which, start));
            (opening, peak.unwrap_or_else(|| Peak::of(evidence, detected_at)))
        });
        self.unended = open.collect();
        self.open.clear();
    }

    /// Takes in what was learned, whose names are interned in `counts`.
    pub(super) fn learn(&mut self, counts: &mut Counts, learned: Vec<Learned>) {
        for Learned { api, codes, mut detector, mut open, .. } in learned {
            let api = counts.api_id(&api);
            let codes: Vec<u32> = codes.iter().map(|code| counts.text_id(code).number()).collect();
            renumber(&mut detector, &mut open, |code| codes[code as usize]);
            self.past.detectors.insert(api, detector);
            let opening = |Open { which, start, detected_at, evidence }| Opening {
                api,
                which,
                start,
                detected_at,
                evidence,
            };
            self.open.insert(api, open.into_iter().map(opening).collect());
        }
    }
}

fn judge_all(
    counts: &Counts,
    models: &Assigned,
    (watched, Extent { until, jobs }): (Watched, Extent),
    known: &mut Known,
    cancel: &Cancel,
) -> Result<Vec<Judged>, Interrupted> {
    let go_on = counts.settling().is_some();
    judge(counts, &Judging { models, watched, until, go_on, jobs }, &mut known.past, cancel)
}

/// The days whose calls the insights of what was judged tell of.
fn needed(judged: &[Judged], known: &Known) -> BTreeSet<Day> {
    let mut needed = BTreeSet::new();
    for Judged { api, events, .. } in judged {
        for event in events {
            match *event {
                Event::Opened { start, detected_at, .. } => {
                    needed.extend(days_told_of((start, detected_at), detected_at));
                }
                Event::Closed { which, start, closed_at, .. } => {
                    let opened = known.open.get(api).into_iter().flatten();
                    let opened = opened.filter(|open| (open.which, open.start) == (which, start));
                    needed.extend(opened.flat_map(|open| days_told_of((start, closed_at), open.detected_at)));
                }
            }
        }
    }
    needed
}

/// The insights of what was judged, each with its API; the night keeps what was learned.
fn tell(
    counts: &Counts,
    models: &Assigned,
    judged: Vec<Judged>,
    known: &mut Known,
    mut night: Option<(&mut Night, Option<RollUp>)>,
) -> Vec<(ApiId, Insight)> {
    let mut found = Vec::new();
    for Judged { api, events, detector } in judged {
        let id = ModelId::of(models.of(api));
        let mut open = known.open.remove(&api).unwrap_or_default();
        let insights = insights(counts, api, &events, &mut open, &id);
        found.extend(insights.into_iter().map(|insight| (api, insight)));
        if let (Some((night, kind)), Some(detector)) = (&mut night, detector) {
            night.learned.push(learned(counts, *kind, api, detector, open));
        }
    }
    found
}

/// Ends, at `until`, what was open for readers and was not found again when all was judged anew: no later run knows of it.
fn end_unknown(
    counts: &Counts,
    models: &Assigned,
    until: Minute,
    known: &Known,
    found: &mut Vec<(ApiId, Insight)>,
) {
    for (opening, peak) in &known.unended {
        let closing = Closing { end: until, closed_at: until, peak: *peak };
        let end = end_of(counts, opening, closing, &ModelId::of(models.of(opening.api)));
        if found.iter().all(|(_, known)| known.shared_id != end.shared_id) {
            found.push((opening.api, end));
        }
    }
}

/// What was learned of one API, without ids.
fn learned(
    counts: &Counts,
    roll_up: Option<RollUp>,
    api: ApiId,
    mut detector: ApiDetector,
    open: Vec<Opening>,
) -> Learned {
    let texts = counts.names().texts();
    let mut open: Vec<Open> = open
        .into_iter()
        .map(|Opening { which, start, detected_at, evidence, .. }| Open {
            which,
            start,
            detected_at,
            evidence,
        })
        .collect();
    let opened = open.iter().filter_map(|open| match open.which {
        Which::Errors(code) => Some(code),
        Which::Calls => None,
    });
    let mut codes: Vec<u32> = detector.codes().chain(opened).collect();
    codes.sort_by(|one, other| texts[*one as usize].cmp(&texts[*other as usize]));
    codes.dedup();
    let place = |code: u32| codes.iter().position(|known| *known == code).unwrap_or_default() as u32;
    renumber(&mut detector, &mut open, place);
    open.sort_by_key(|open| (open.start, open.which));
    let codes = codes.iter().map(|code| texts[*code as usize].to_string()).collect();
    Learned { roll_up, api: counts.names().api_of(api), codes, detector, open }
}

fn mute_by(counts: &Counts, looking: &Looking, (api, insight): &mut (ApiId, Insight)) {
    let calls = SeriesCalls::new(counts, *api, &insight.series.kind).known_at(insight.emitted_at);
    mute(insight, &calls, &looking.mutes);
}
