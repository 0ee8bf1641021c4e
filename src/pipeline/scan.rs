//! Sources and a model -> insights and the summary of the run: the main job.
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Context;

use super::count::{Counted, Reading, count, whole};
use super::judge::{self, Judging, Watched, judge};
use super::{Cancel, Interrupted, Progress, Stopwatch};
use crate::aggregate::Counts;
use crate::attribution::rounded;
use crate::config::{Models, Mute};
use crate::explanation::ModelId;
use crate::insight::{Insight, SeriesCalls, insights};
use crate::metrics::Stages;
use crate::model::Model;
use crate::mute::mute;
use crate::names::ApiId;
use crate::roll_up::{RollUp, roll_up};
use crate::source;
use crate::summary::{Coverage, Ignored, Input, JudgedFrom, Minutes, Skipped, Summary, WarmingUp};
use crate::time::{MINUTES_PER_DAY, Minute};

/// What a scan found.
#[derive(Debug)]
pub struct Scanned {
    /// Starts and Ends, in the order of writing.
    pub insights: Vec<Insight>,
    /// What was read, and what came of it.
    pub summary: Summary,
    /// The organization of each account whose logs lie below one.
    pub organizations: BTreeMap<String, String>,
    /// How long each stage took.
    pub stages: Stages,
}

/// How to look at what was read.
#[derive(Debug, Clone)]
pub struct Looking {
    /// Which model judges which API.
    pub models: Models,
    /// What is to be recorded, but to alert nobody.
    pub mutes: Vec<Mute>,
    /// Which sums are judged as well, each once.
    pub roll_ups: BTreeSet<RollUp>,
    /// Insights that were noticed before this minute are left out; what came before it is learned from all the same.
    pub report_from: Option<Minute>,
}

impl From<Model> for Looking {
    fn from(model: Model) -> Self {
        Self { models: model.into(), mutes: Vec::new(), roll_ups: BTreeSet::new(), report_from: None }
    }
}

/// Reads all sources, judges every minute of them, and explains what is unusual.
///
/// # Errors
/// As [`count`].
pub async fn scan(
    reading: Reading,
    looking: Looking,
    cancel: &Cancel,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Scanned> {
    let jobs = reading.jobs;
    let reading_took = Stopwatch::start();
    let counted = count(reading, cancel, progress).await?;
    let mut stages = Stages::from([("read", reading_took.seconds())]);
    let cancel = cancel.clone();
    let judge = move || -> anyhow::Result<Scanned> {
        let judging = Stopwatch::start();
        let Counted { counts, coverage, organizations } = counted;
        let mut found = find(&counts, &looking, jobs, &cancel)?;
        found
            .retain(|insight| looking.report_from.is_none_or(|from| insight.explanation.detected_at >= from));
        let base = looking.models.base();
        let (judged_from, warming_up) = judged(&counts, base);
        let covered = Coverage {
            judged_from,
            warming_up,
            reported_from: looking.report_from,
            ..covered(&counts, coverage)
        };
        let summary = Summary::new(env!("CARGO_PKG_VERSION"), ModelId::of(base), covered, &found);
        let summary = if looking.roll_ups.is_empty() { summary } else { summary.with_roll_ups(&found) };
        whole(&counts)?;
        stages.insert("judge", judging.seconds());
        Ok(Scanned { insights: found, summary, organizations, stages })
    };
    tokio::task::spawn_blocking(judge).await.context("judging failed")?
}

/// The insights of all counts, and of the sums that were asked for, in the order of writing.
///
/// # Errors
/// When `cancel` was called.
pub(super) fn find(
    counts: &Counts,
    looking: &Looking,
    jobs: NonZeroUsize,
    cancel: &Cancel,
) -> Result<Vec<Insight>, Interrupted> {
    let mut found = find_in(counts, looking, (Watched::Each, jobs), cancel)?;
    for insight in &mut found {
        mute_by(counts, looking, insight);
    }
    for &kind in &looking.roll_ups {
        let rolled_up = roll_up(counts, kind);
        let watched = if kind == RollUp::Principal { Watched::Together } else { Watched::Each };
        let mut sums = find_in(&rolled_up.counts, looking, (watched, jobs), cancel)?;
        for (_, insight) in &mut sums {
            rolled_up.tell(insight);
        }
        for insight in &mut sums {
            mute_by(&rolled_up.counts, looking, insight);
        }
        found.append(&mut sums);
    }
    let mut found: Vec<Insight> = found.into_iter().map(|(_, insight)| insight).collect();
    found.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(found)
}

/// The insights of `counts`, each with the API that it is about.
fn find_in(
    counts: &Counts,
    looking: &Looking,
    (watched, jobs): (Watched, NonZeroUsize),
    cancel: &Cancel,
) -> Result<Vec<(ApiId, Insight)>, Interrupted> {
    let models = looking.models.assign(counts.names());
    let mut found = Vec::new();
    for judged in judge(counts, &Judging { models: &models, watched, jobs }, cancel)? {
        let id = ModelId::of(models.of(judged.api));
        let insights = insights(counts, judged.api, &judged.events, &mut Vec::new(), &id);
        found.extend(insights.into_iter().map(|insight| (judged.api, insight)));
    }
    Ok(found)
}

fn mute_by(counts: &Counts, looking: &Looking, (api, insight): &mut (ApiId, Insight)) {
    mute(insight, &SeriesCalls::new(counts, *api, &insight.series.kind), &looking.mutes);
}

/// From when on each account was judged; and those accounts of which nothing was, since all their calls came before. In
/// order.
fn judged(counts: &Counts, model: &Model) -> (Vec<JudgedFrom>, Vec<WarmingUp>) {
    let (mut judged, mut warming_up) = (Vec::new(), Vec::new());
    for (account, (first, last)) in judge::spans(counts) {
        let account = counts.names().text_of(account).to_string();
        let from = first.plus(model.warm_minutes());
        if last >= from {
            judged.push(JudgedFrom { account, from });
        } else {
            let days = f64::from(last.plus(1).since(first)) / f64::from(MINUTES_PER_DAY);
            warming_up.push(WarmingUp {
                account,
                days: rounded::<2>(days),
                needed: model.parameters().memory.warm_days,
            });
        }
    }
    judged.sort_by(|one, other| one.account.cmp(&other.account));
    warming_up.sort_by(|one, other| one.account.cmp(&other.account));
    (judged, warming_up)
}

/// What was covered, as the summary tells it.
#[must_use]
pub fn covered(counts: &Counts, coverage: source::coverage::Coverage) -> Coverage {
    let source::coverage::Coverage { files, bytes, records, excluded, excluded_files, skipped, ignored } =
        coverage;
    Coverage {
        input: Input { files, bytes, records },
        counted: counts.counted(),
        duplicates: counts.duplicates(),
        excluded: excluded.into_iter().map(|(reason, records)| (reason.name().to_owned(), records)).collect(),
        excluded_files: excluded_files.into_iter().map(|(kind, files)| (kind.to_owned(), files)).collect(),
        skipped: skipped
            .into_iter()
            .map(|row| Skipped { what: row.what, why: row.why, records: row.records })
            .collect(),
        ignored: ignored.into_iter().map(|row| Ignored { what: row.what, why: row.why }).collect(),
        series: judge::series(counts),
        minutes: counts.span().map(|(from, to)| Minutes { from, to }),
        ..Coverage::default()
    }
}
