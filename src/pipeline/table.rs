//! A counts table, and what earlier runs have counted -> the rows that no run has counted, as if they had been read from logs.
use std::borrow::Cow;

use hashbrown::HashMap;
use tracing::warn;

use super::count::Reading;
use super::night::kept;
use crate::classify::{Exclusion, Observation};
use crate::series::Category;
use crate::source::coverage::{Coverage, Skipped};
use crate::source::read::{FileRead, raw_of};
use crate::source::walk::Table;
use crate::state::State;
use crate::store::{csv_table, parquet_table};
use crate::time::Minute;

/// Account, region, source, name and category.
type Key<'a> = ([Cow<'a, str>; 4], Category);

/// What earlier runs have counted. A row has no id: it is known by its API and its minute.
#[derive(Debug)]
pub(super) struct CountedBefore {
    /// The minutes with calls of each API, in order.
    minutes: HashMap<Key<'static>, Vec<Minute>>,
    /// Since when accounts have been watched.
    watched: HashMap<String, Minute>,
    /// What was counted before this minute is not kept.
    kept_from: Minute,
}

impl CountedBefore {
    /// What `state` keeps; `None` where there is no table to compare it with, or no run went before.
    ///
    /// # Errors
    /// When the state is damaged.
    pub(super) fn of(state: Option<&State>, tables: &[Table]) -> anyhow::Result<Option<Self>> {
        let Some(state) = state.filter(|state| !state.is_new() && !tables.is_empty()) else {
            return Ok(None);
        };
        let counts = kept(state)?;
        let names = counts.names();
        let mut minutes: Vec<Vec<Minute>> = vec![Vec::new(); names.apis().len()];
        for cell in counts.days().flat_map(|(_, cells)| cells) {
            let minutes = &mut minutes[cell.call.api().index()];
            if minutes.last() != Some(&cell.minute) {
                minutes.push(cell.minute);
            }
        }
        let keyed = names.apis().iter().zip(minutes).map(|(api, mut minutes)| {
            // Reads and writes of a day come one after the other.
            minutes.sort_unstable();
            let texts = [api.account, api.region, api.event_source, api.event_name];
            ((texts.map(|text| Cow::Owned(names.text_of(text).to_string())), api.category), minutes)
        });
        let watched = state.checkpoint().accounts.iter();
        Ok(Some(Self {
            minutes: keyed.collect(),
            watched: watched
                .filter_map(|(name, account)| Some((name.clone(), account.watched_since?)))
                .collect(),
            kept_from: counts.days().next().map(|(day, _)| day.start()).unwrap_or_default(),
        }))
    }

    /// Whether a row was counted before. Of what is no longer kept, all is taken for counted since the account was first seen.
    fn has(&self, row: &Observation<'_>) -> bool {
        let Observation { minute, category, account, region, event_source, event_name, .. } = row;
        if *minute < self.kept_from {
            return self.watched.get(account.as_ref()).is_some_and(|since| since <= minute);
        }
        let texts = [account, region, event_source, event_name].map(|text| Cow::Borrowed(text.as_ref()));
        // With keys that live as long as the row does.
        let minutes: &HashMap<Key<'_>, Vec<Minute>> = &self.minutes;
        minutes.get(&(texts, *category)).is_some_and(|minutes| minutes.binary_search(minute).is_ok())
    }
}

/// A counts table without what was counted `before`, as if its calls had been read from logs.
pub(super) fn read_table(
    Table { path, name }: &Table,
    reading: &Reading,
    before: Option<&CountedBefore>,
    tell_raw: bool,
) -> anyhow::Result<FileRead> {
    let is_parquet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    let read = if is_parquet { parquet_table::read } else { csv_table::read };
    let mut table = read(path, reading.attribution, &|row| match before {
        // A state goes with no range.
        Some(before) => !before.has(row),
        None => reading.range.contains(row.minute),
    })?;
    let size = path.metadata().map_or(0, |metadata| metadata.len());
    let mut coverage = Coverage { files: 1, bytes: size, records: table.calls, ..Coverage::default() };
    if table.unwanted > 0 {
        let reason = before.map_or(Exclusion::OutsideTimeRange, |_| Exclusion::CountedBefore);
        coverage.excluded.insert(reason, table.unwanted);
        if before.is_some() && table.unwanted == table.calls {
            warn!(
                "Nothing of {name} counts: earlier runs have counted calls of the same APIs in the same minutes."
            );
        }
    }
    coverage.skipped = table
        .bad_rows
        .iter()
        .map(|bad| Skipped {
            what: name.clone(),
            why: format!("row {}: {}", bad.first, bad.why),
            records: bad.rows,
        })
        .collect();
    let raw = tell_raw.then(|| raw_of(path)).transpose()?;
    let calls = table.batch.hand_over();
    coverage.minutes = calls.span();
    Ok(FileRead { calls, coverage, raw })
}
