//! Sources and a model -> insights and the summary of the run: the main job.
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Context;
use hashbrown::HashMap;

use super::count::{Beginning, Counted, Reading, count_on, whole};
use super::find::{Extent, Found, find};
use super::night::{GoingOn, HandOn, Night};
use super::read_files::ReadFiles;
use super::{Cancel, Progress, judge, note, stage};
use crate::aggregate::Counts;
use crate::attribution::rounded;
use crate::cloudtrail::organizations::Organizations;
use crate::config::{Models, Mute, Unmatched, unmatched};
use crate::explanation::ModelId;
use crate::insight::Insight;
use crate::metrics::Stages;
use crate::model::Model;
use crate::names::{ApiNames, TextId};
use crate::report::model::Graph;
use crate::roll_up::RollUp;
use crate::source;
use crate::summary::{Coverage, Ignored, Input, JudgedFrom, Minutes, Skipped, Summary, WarmingUp};
use crate::time::{MINUTES_PER_DAY, Minute};

/// What a scan found.
#[derive(Debug)]
pub struct Scanned {
    /// Starts and Ends, in the order of writing.
    pub insights: Vec<Insight>,
    /// The calls of their series, where they are wanted.
    pub graphs: Vec<Graph>,
    /// Accounts and regions with calls.
    pub named: Named,
    /// What was read, and what came of it.
    pub summary: Summary,
    /// In which organization each account was when.
    pub organizations: Organizations,
    /// How long each stage took.
    pub stages: Stages,
    /// What the next run needs, to be saved when all else is published; `None` where no run will go on.
    pub hand_on: Option<HandOn>,
}

/// Accounts and regions with calls, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Accounts.
    pub accounts: BTreeSet<String>,
    /// Regions.
    pub regions: BTreeSet<String>,
}

impl Named {
    pub(super) fn of(counts: &Counts) -> Self {
        let names = counts.names();
        let all = |text: fn(&ApiNames) -> TextId| {
            names.apis().iter().map(|api| names.text_of(text(api)).to_string()).collect()
        };
        Self { accounts: all(|api| api.account), regions: all(|api| api.region) }
    }
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
    /// Whether graphs are wanted.
    pub drawing: Drawing,
}

/// What is drawn of the series in which something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Their calls, and what was usual.
    Graphs,
    /// Nothing.
    Nothing,
}

impl From<Model> for Looking {
    fn from(model: Model) -> Self {
        Self {
            models: model.into(),
            mutes: Vec::new(),
            roll_ups: BTreeSet::new(),
            report_from: None,
            drawing: Drawing::Graphs,
        }
    }
}

/// Reads all sources, judges every minute of them, and explains what is unusual. Where there is a state to go on from, that
/// is every minute that has settled since; what the next run needs is in [`Scanned::hand_on`].
///
/// # Errors
/// As [`super::count::count`], or when the state is damaged.
pub async fn scan(
    reading: Reading,
    looking: Looking,
    going_on: Option<GoingOn>,
    cancel: &Cancel,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Scanned> {
    let cancel = cancel.clone();
    let work = move || scan_blocking(&reading, &looking, going_on, &cancel, progress.as_ref());
    tokio::task::spawn_blocking(work).await.context("scanning failed")?
}

fn scan_blocking(
    reading: &Reading,
    looking: &Looking,
    going_on: Option<GoingOn>,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> anyhow::Result<Scanned> {
    let mut stages = Stages::new();
    let (night, counted) = stage("read", &mut stages, || {
        let (night, beginning) = match going_on {
            Some(going_on) => {
                let (night, beginning) = Night::begin(going_on)?;
                (Some(night), beginning)
            }
            None => (None, Beginning::anew()),
        };
        anyhow::Ok((night, count_on(beginning, reading, cancel, progress)?))
    })?;
    let mut scanned =
        stage("judge", &mut stages, || judged_whole(reading.jobs, looking, night, counted, cancel))?;
    scanned.stages = stages;
    Ok(scanned)
}

/// Judges all that was read.
fn judged_whole(
    jobs: NonZeroUsize,
    looking: &Looking,
    mut night: Option<Night>,
    mut counted: Counted,
    cancel: &Cancel,
) -> anyhow::Result<Scanned> {
    if let Some(night) = &night {
        night.add_organizations(&mut counted.organizations);
    }
    let Counted { mut counts, coverage, organizations, read } = counted;
    let extent = match &night {
        Some(night) => {
            let waits = read.as_ref().is_some_and(ReadFiles::waits);
            Extent { until: night.until(&counts, waits), jobs }
        }
        None => Extent::whole(&counts, jobs),
    };
    let covered = covered(&counts, coverage);
    let Found { insights: mut found, graphs } = find(&mut counts, looking, extent, night.as_mut(), cancel)?;
    if let Some(night) = &mut night {
        night.leave_out_told(&mut found);
    }
    found.retain(|insight| looking.report_from.is_none_or(|from| insight.explanation.detected_at >= from));
    let base = looking.models.base();
    let spans = match &night {
        Some(night) => night.spans(extent.until),
        None => judge::spans(&counts, Minute::default()..extent.until),
    };
    let (judged_from, warming_up) = judged(&counts, spans, base);
    let went_on = night.as_ref().map(|night| night.went_on(extent.until));
    let reported_from = looking.report_from;
    let covered = Coverage { judged_from, warming_up, went_on, reported_from, ..covered };
    let summary = Summary::new(env!("CARGO_PKG_VERSION"), ModelId::of(base), covered, &found);
    let mut summary = if looking.roll_ups.is_empty() { summary } else { summary.with_roll_ups(&found) };
    if let Some(went_on) = &summary.coverage.went_on {
        summary.insights_open = went_on.open;
    }
    note("series", summary.coverage.series);
    note("insights", summary.insights);
    summary.rules_without_match = without_match(&counts, looking);
    let hand_on =
        night.map(|night| night.end(&mut counts, (&organizations, read), extent.until)).transpose()?;
    whole(&counts)?;
    let named = Named::of(&counts);
    Ok(Scanned { insights: found, graphs, named, summary, organizations, stages: Stages::new(), hand_on })
}

/// The rules that nothing in the logs matches.
fn without_match(counts: &Counts, looking: &Looking) -> Vec<Unmatched> {
    let Some(span) = counts.span() else { return Vec::new() };
    let rules = (looking.models.overrides(), &looking.mutes[..]);
    unmatched(rules, counts.names(), span, !looking.roll_ups.is_empty())
}

/// From when on each account was judged; and those accounts of which nothing was, since all their calls came before. In
/// order.
pub(super) fn judged(
    counts: &Counts,
    spans: HashMap<TextId, (Minute, Minute)>,
    model: &Model,
) -> (Vec<JudgedFrom>, Vec<WarmingUp>) {
    let (mut judged, mut warming_up) = (Vec::new(), Vec::new());
    for (account, (first, last)) in spans {
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
    let source::coverage::Coverage {
        files,
        known_files,
        known_folders,
        left_files,
        bytes,
        records,
        minutes,
        excluded,
        excluded_files,
        skipped,
        ignored,
    } = coverage;
    Coverage {
        input: Input { files, bytes, records },
        known_files,
        known_folders,
        left_files,
        late: counts.late(),
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
        minutes: minutes.map(|(from, to)| Minutes { from, to }),
        ..Coverage::default()
    }
}
