//! Cells -> rows of the counts table in one canonical order, and rows -> batches. The hand-over format's vocabulary.
use std::borrow::Cow;
use std::path::PathBuf;

use crate::aggregate::{Attribution, Batch, Cell, Counts};
use crate::classify::Observation;
use crate::names::{Access, Names, TextId};
use crate::series::Category;
use crate::time::{Day, Minute};

/// Names of the columns, in order; the last two only with attributions.
pub const COLUMNS: [&str; 11] = [
    "minute",
    "account",
    "region",
    "event_source",
    "event_name",
    "category",
    "read_only",
    "error_code",
    "calls",
    "user_identity_arn",
    "user_agent",
];

/// How many of [`COLUMNS`] every table has.
pub const REQUIRED: usize = 9;

/// Why a counts table cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file system said no.
    #[error("cannot {action} counts table {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not a table of this format.
    #[error("{path} is not a counts table: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Which rows of a table count.
pub type Wanted<'a> = &'a dyn Fn(&Observation<'_>) -> bool;

/// What a table held.
#[derive(Debug)]
pub struct TableRead {
    /// Its rows that are wanted.
    pub batch: Batch,
    /// Sum of `calls` over all good rows.
    pub calls: u64,
    /// How many of these calls are not wanted.
    pub unwanted: u64,
    /// Rows that cannot be counted: the first one's number (1 is the first row of data) and reason, by reason.
    pub bad_rows: Vec<BadRows>,
}

/// Rows of a table that were skipped for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRows {
    /// Number of the first such row, 1-based.
    pub first: u64,
    /// How many there are.
    pub rows: u64,
    /// What is wrong with them.
    pub why: &'static str,
}

/// One row, as both formats hold it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// UTC minute.
    pub minute: Option<Minute>,
    /// The texts in the order of [`COLUMNS`]: account, region, source, name, category, error, identity, agent.
    pub texts: [&'a str; 8],
    /// Whether the calls only read.
    pub read_only: Option<bool>,
    /// How many calls.
    pub calls: Option<i64>,
}

impl TableRead {
    /// Nothing read yet.
    #[must_use]
    pub fn new(attribution: Attribution) -> Self {
        Self { batch: Batch::new(attribution), calls: 0, unwanted: 0, bad_rows: Vec::new() }
    }

    /// Counts a row, or notes why not.
    pub fn row(&mut self, number: u64, row: &Row<'_>, is_wanted: Wanted<'_>) {
        match observation(row) {
            // Nothing was called; the row must not make a series.
            Ok((_, 0)) => {}
            Ok((observation, calls)) => {
                self.calls += u64::from(calls);
                if is_wanted(&observation) {
                    self.batch.count(&observation, calls);
                } else {
                    self.unwanted += u64::from(calls);
                }
            }
            Err(why) => self.bad_row(number, why),
        }
    }

    /// Notes a row that cannot be counted.
    pub fn bad_row(&mut self, number: u64, why: &'static str) {
        match self.bad_rows.iter_mut().find(|bad| bad.why == why) {
            Some(bad) => bad.rows += 1,
            None => self.bad_rows.push(BadRows { first: number, rows: 1, why }),
        }
    }
}

fn observation<'a>(row: &Row<'a>) -> Result<(Observation<'a>, u32), &'static str> {
    let [account, region, event_source, event_name, category, error, identity, agent] = row.texts;
    if [account, region, event_source, event_name].contains(&"") {
        return Err("account, region, event_source or event_name is empty");
    }
    let category = match category {
        "Management" => Category::Management,
        "Data" => Category::Data,
        _ => return Err("category is neither Management nor Data"),
    };
    let calls = row.calls.ok_or("calls is not a whole number")?;
    let observation = Observation {
        minute: row.minute.ok_or("minute is not a time between 2013 and 2099")?,
        account: Cow::Borrowed(account),
        region: Cow::Borrowed(region),
        event_source: Cow::Borrowed(event_source),
        event_name: Cow::Borrowed(event_name),
        category,
        read_only: row.read_only.ok_or("read_only is neither true nor false")?,
        error_code: (!error.is_empty()).then_some(Cow::Borrowed(error)),
        identity: Cow::Borrowed(identity),
        user_agent: Cow::Borrowed(agent),
        event_id: None,
    };
    match u32::try_from(calls) {
        Ok(calls) => Ok((observation, calls)),
        Err(_) => Err("calls is negative or above 4,294,967,295"),
    }
}

/// Calls `each` with all cells ordered by minute, then by the texts of the columns; needs settled counts.
///
/// # Errors
/// Whatever `each` returns; the first one ends the walk.
pub fn in_order<E>(counts: &Counts, each: impl FnMut(&Cell) -> Result<(), E>) -> Result<(), E> {
    in_order_of(counts.names(), counts.days(), each)
}

/// The same of some days.
///
/// # Errors
/// As [`in_order`].
pub fn in_order_of<E>(
    names: &Names,
    days: impl Iterator<Item = (Day, impl Iterator<Item = Cell>)>,
    mut each: impl FnMut(&Cell) -> Result<(), E>,
) -> Result<(), E> {
    let texts = text_ranks(names);
    let apis = api_ranks(names, &texts);
    let mut day = Vec::new();
    for (_, cells) in days {
        day.clear();
        day.extend(cells.map(|cell| (row_order(&cell, &apis, &texts), cell)));
        day.sort_unstable_by_key(|(order, _)| *order);
        day.iter().try_for_each(|(_, cell)| each(cell))?;
    }
    Ok(())
}

/// Minute, API and access in one number, then ranks in the order of the columns.
type RowOrder = (u64, [u32; 3]);

fn row_order(cell: &Cell, apis: &[u32], texts: &[u32]) -> RowOrder {
    let rank = |text: TextId| texts[text.index()];
    let rest = [rank(cell.error), rank(cell.identity), rank(cell.agent)];
    let access = u64::from(cell.call.access() == Access::Read);
    let call = u64::from(apis[cell.call.api().index()]) << 1 | access;
    (u64::from(cell.minute.epoch().cast_unsigned()) << 32 | call, rest)
}

/// The place of each API among all, in the order of the columns.
fn api_ranks(names: &Names, texts: &[u32]) -> Vec<u32> {
    let rank = |text: TextId| texts[text.index()];
    ranks(names.apis(), |api| {
        let words = [api.account, api.region, api.event_source, api.event_name];
        (words.map(rank), api.category)
    })
}

/// The place of each text among all texts in byte order.
fn text_ranks(names: &Names) -> Vec<u32> {
    ranks(names.texts(), |text| &**text)
}

fn ranks<'a, T, K: Ord>(values: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by_key(|&index| key(&values[index]));
    let mut ranks = vec![0_u32; values.len()];
    for (rank, index) in (0..).zip(order) {
        ranks[index] = rank;
    }
    ranks
}
