//! Counts, and what was known before -> the insights of all series and sums, and what is known now.
use std::num::NonZeroUsize;

use hashbrown::HashMap;

use super::judge::{self, Judged, Judging, Past, Watched, judge};
use super::night::Night;
use super::scan::Looking;
use super::{Cancel, Interrupted};
use crate::aggregate::Counts;
use crate::detect::Which;
use crate::explanation::ModelId;
use crate::insight::{Insight, Opening, SeriesCalls, insights};
use crate::mute::mute;
use crate::names::ApiId;
use crate::roll_up::{RollUp, roll_up, told};
use crate::state::{Learned, Open, renumber};
use crate::time::Minute;

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
) -> anyhow::Result<Vec<Insight>> {
    let mut known = night.as_deref_mut().map_or_else(Known::default, |night| night.known(counts));
    let judged = judge_all(counts, looking, (Watched::Each, extent), &mut known, cancel)?;
    if let Some(night) = night.as_deref_mut() {
        night.watched = known.past.watched.iter().map(|(account, since)| (*account, *since)).collect();
        if let Some(first) = known.past.watched.values().min() {
            counts.set_first(*first);
        }
        night.recall(counts, needed(&judged, &known), !looking.roll_ups.is_empty())?;
    }
    let open = known.past_open();
    let mut found =
        tell(counts, looking, judged, &mut known, night.as_deref_mut().map(|night| (night, None)));
    for insight in &mut found {
        mute_by(counts, looking, insight);
    }
    let told = if looking.roll_ups.is_empty() { Vec::new() } else { told(counts, &open, &found) };
    for &kind in &looking.roll_ups {
        let mut rolled_up = roll_up(counts, kind);
        let watched = if kind == RollUp::Principal { Watched::Together } else { Watched::Each };
        let sums = &mut rolled_up.counts;
        let mut known =
            night.as_deref_mut().map_or_else(Known::default, |night| night.known_sums(kind, sums));
        let known_until = night.as_deref().and_then(Night::judged_before);
        let judged = judge_all(sums, looking, (watched, extent), &mut known, cancel)?;
        if let Some(first) = known.past.watched.values().min().filter(|_| night.is_some()) {
            sums.set_first(*first);
        }
        let going_on = night.as_deref_mut().map(|night| (night, Some(kind)));
        let mut of_sums = tell(sums, looking, judged, &mut known, going_on);
        if let Some(until) = known_until {
            // Sums that were not asked for before: what came before is only learned from.
            of_sums.retain(|(_, insight)| insight.emitted_at > until);
        }
        for (_, insight) in &mut of_sums {
            rolled_up.tell(insight);
            rolled_up.note_duplicate(insight, &told);
        }
        for insight in &mut of_sums {
            mute_by(&rolled_up.counts, looking, insight);
        }
        found.append(&mut of_sums);
    }
    let mut found: Vec<Insight> = found.into_iter().map(|(_, insight)| insight).collect();
    found.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(found)
}

/// What was known before.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) past: Past,
    /// Episodes that are open.
    pub(super) open: HashMap<ApiId, Vec<Opening>>,
}

impl Known {
    /// The episodes that were open before.
    fn past_open(&self) -> Vec<Opening> {
        let mut open: Vec<Opening> = self.open.values().flatten().copied().collect();
        open.sort_unstable_by_key(|open| (open.api, open.which, open.start));
        open
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
    looking: &Looking,
    (watched, Extent { until, jobs }): (Watched, Extent),
    known: &mut Known,
    cancel: &Cancel,
) -> Result<Vec<Judged>, Interrupted> {
    let models = looking.models.assign(counts.names());
    let go_on = counts.settling().is_some();
    judge(counts, &Judging { models: &models, watched, until, go_on, jobs }, &mut known.past, cancel)
}

/// The episodes of which something is to be told: first minute, and when it was noticed.
fn needed(judged: &[Judged], known: &Known) -> Vec<(Minute, Minute)> {
    use crate::detect::Event;
    let mut needed = Vec::new();
    for Judged { api, events, .. } in judged {
        for event in events {
            match event {
                Event::Opened { start, detected_at, .. } => needed.push((*start, *detected_at)),
                Event::Closed { .. } => {
                    let open = known.open.get(api).into_iter().flatten();
                    needed.extend(open.map(|open| (open.start, open.detected_at)));
                }
            }
        }
    }
    needed
}

/// The insights of what was judged, each with its API; the night keeps what was learned.
fn tell(
    counts: &Counts,
    looking: &Looking,
    judged: Vec<Judged>,
    known: &mut Known,
    mut night: Option<(&mut Night, Option<RollUp>)>,
) -> Vec<(ApiId, Insight)> {
    let models = looking.models.assign(counts.names());
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

/// What was learned of one API, without ids.
fn learned(
    counts: &Counts,
    roll_up: Option<RollUp>,
    api: ApiId,
    mut detector: crate::detect::ApiDetector,
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
