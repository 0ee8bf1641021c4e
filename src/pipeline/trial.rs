//! Sources, their labels and some models -> how well each model does.
use std::sync::Arc;

use anyhow::Context;

use super::count::{Counted, Reading, count, whole};
use super::find::{Extent, find};
use super::scan::{Drawing, Looking};
use super::{Cancel, Progress, judge};
use crate::evaluate::{Score, Truth, alarms, score};
use crate::model::Model;
use crate::source::coverage::Coverage;

/// Reads all sources once, and judges them with every model.
///
/// # Errors
/// As [`count`].
pub async fn trial(
    reading: Reading,
    truth: Truth,
    models: Arc<[Model]>,
    cancel: &Cancel,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<(Vec<Score>, Coverage)> {
    let jobs = reading.jobs;
    let Counted { mut counts, coverage, .. } = count(reading, cancel, progress).await?;
    let cancel = cancel.clone();
    let judge = move || -> anyhow::Result<(Vec<Score>, Coverage)> {
        let series = judge::series(&counts);
        let mut scores = Vec::new();
        for model in models.iter() {
            let extent = Extent::whole(&counts, jobs);
            let looking = Looking { drawing: Drawing::Nothing, ..Looking::from(model.clone()) };
            let found = find(&mut counts, &looking, extent, None, &cancel)?.insights;
            scores.push(score(&truth, &alarms(&found), Some(series)));
        }
        whole(&counts)?;
        Ok((scores, coverage))
    };
    tokio::task::spawn_blocking(judge).await.context("judging failed")?
}
