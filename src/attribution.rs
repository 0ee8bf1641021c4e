//! Cells of a series -> who called most, with what, and with which error. Pure; merges in any order.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::aggregate::Cell;
use crate::cloudtrail::insight::{Attribute, Attribution, NO_ERROR, Share};
use crate::detect::Direction;
use crate::names::{Names, TextId};
use crate::series::{Category, Kind, SeriesKey};
use crate::words::{short_identity, without_session};

/// Values that AWS lists on each side of an attribution.
const LISTED: usize = 5;

/// Contributors of each kind that an explanation lists.
const LEADING: usize = 3;

/// Calls of a series over some minutes, in all and by what is attributed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    calls: u64,
    identities: BTreeMap<TextId, u64>,
    agents: BTreeMap<TextId, u64>,
    errors: BTreeMap<TextId, u64>,
}

impl Tally {
    /// Counts the calls of a cell.
    pub fn add(&mut self, cell: &Cell) {
        let calls = u64::from(cell.calls);
        self.calls += calls;
        for (values, value) in [
            (&mut self.identities, cell.identity),
            (&mut self.agents, cell.agent),
            (&mut self.errors, cell.error),
        ] {
            *values.entry(value).or_default() += calls;
        }
    }

    /// Calls in all.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// Calls a minute over `minutes`, as AWS rounds it.
    #[must_use]
    pub fn average(&self, minutes: i32) -> f64 {
        average(self.calls, minutes)
    }

    /// Who called most, in short, and how often: sessions of one role count together. `None` where nobody is named.
    #[must_use]
    pub fn leader(&self, names: &Names) -> Option<(String, u64)> {
        let mut callers = BTreeMap::<_, u64>::new();
        for (&identity, &calls) in self.identities.iter().filter(|(id, _)| **id != TextId::EMPTY) {
            *callers.entry(short_identity(names.text_of(identity))).or_default() += calls;
        }
        // Of equals the first by name: `max_by_key` would take the last.
        let (caller, calls) = callers.into_iter().rev().max_by_key(|&(_, calls)| calls)?;
        Some((caller.into_owned(), calls))
    }

    /// Calls of an identity, in short as [`Tally::leader`] names it.
    #[must_use]
    pub fn calls_of(&self, caller: &str, names: &Names) -> u64 {
        let theirs = self.identities.iter().filter(|(id, _)| short_identity(names.text_of(**id)) == caller);
        theirs.map(|(_, calls)| calls).sum()
    }

    /// Values of an attribute with most calls, and their calls a minute; ties by value.
    fn top(&self, attribute: Attribute, minutes: i32, names: &Names) -> Vec<Share> {
        let (values, unnamed) = match attribute {
            // A record that does not say who called, or with what, is left out: the empty text is no value.
            Attribute::UserIdentityArn => (&self.identities, None),
            Attribute::UserAgent => (&self.agents, None),
            Attribute::ErrorCode => (&self.errors, Some(NO_ERROR)),
            // Resources are not counted.
            Attribute::ResourceArn => return Vec::new(),
        };
        let mut ranked: Vec<(u64, Arc<str>)> = values
            .iter()
            .filter_map(|(&id, &calls)| match (id == TextId::EMPTY, unnamed) {
                (true, unnamed) => Some((calls, unnamed?.into())),
                (false, _) => Some((calls, Arc::clone(names.text_of(id)))),
            })
            .collect();
        ranked.sort_unstable_by(|(calls, value), (other_calls, other)| {
            other_calls.cmp(calls).then_with(|| value.cmp(other))
        });
        ranked.truncate(LISTED);
        ranked.into_iter().map(|(calls, value)| Share { value, average: average(calls, minutes) }).collect()
    }
}

/// One caller, agent or error, in a window and in the week before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contributor {
    /// What it is.
    pub attribute: Contributing,
    /// As the records have it; an identity without its session.
    pub value: String,
    /// Its calls in the window.
    pub calls: u64,
    /// Its calls in as many minutes of the week before, on average.
    pub usual: f64,
}

/// What can have more, or less, calls than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contributing {
    /// Who called.
    Identity,
    /// With what.
    UserAgent,
    /// With which error; calls without one are left out.
    ErrorCode,
    /// In which account; only of sums over accounts.
    Account,
    /// In which region; only of sums over regions.
    Region,
    /// Which API, as `SOURCE/NAME`; only of sums over APIs.
    Api,
}

impl Contributor {
    /// Calls above the usual number.
    fn excess(&self) -> f64 {
        self.calls as f64 - self.usual
    }
}

/// Every caller, agent and error of a window, and of the week before it: within each kind, those with the largest
/// excess over the usual number first; for a fall, those that miss most.
#[must_use]
pub fn contributors(
    window: Side<'_>,
    baseline: Side<'_>,
    direction: Direction,
    names: &Names,
) -> Vec<Contributor> {
    let share = f64::from(window.minutes) / f64::from(baseline.minutes);
    let mut all = Vec::new();
    let values = [
        (Contributing::Identity, &window.tally.identities, &baseline.tally.identities),
        (Contributing::UserAgent, &window.tally.agents, &baseline.tally.agents),
        (Contributing::ErrorCode, &window.tally.errors, &baseline.tally.errors),
    ];
    for (attribute, now, before) in values {
        let named = |values: &BTreeMap<TextId, u64>| {
            let mut named = BTreeMap::new();
            for (&id, calls) in values.iter().filter(|(id, _)| **id != TextId::EMPTY) {
                *named.entry(value_of(attribute, names.text_of(id)).to_owned()).or_default() += calls;
            }
            named
        };
        all.append(&mut ranked(attribute, (&named(now), &named(before)), share, direction));
    }
    all
}

/// Values of one kind by their calls now and before, of which `share` is usual now: those with the largest excess
/// first; for a fall, those that miss most.
pub(crate) fn ranked(
    attribute: Contributing,
    (now, before): (&BTreeMap<String, u64>, &BTreeMap<String, u64>),
    share: f64,
    direction: Direction,
) -> Vec<Contributor> {
    let values: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let calls = |side: &BTreeMap<String, u64>, value| side.get(value).copied().unwrap_or_default();
    let mut ranked: Vec<Contributor> = values
        .into_iter()
        .map(|value| {
            let (calls, usual) = (calls(now, value), calls(before, value) as f64 * share);
            Contributor { attribute, value: value.clone(), calls, usual }
        })
        .collect();
    // Stable, so that of equals the first by name comes first.
    ranked.sort_by(|one, other| match direction {
        Direction::Up => other.excess().total_cmp(&one.excess()),
        Direction::Down => one.excess().total_cmp(&other.excess()),
    });
    ranked
}

/// Those of [`contributors`] that an insight lists: of each kind the first three that have more calls than usual; for
/// a fall, less.
#[must_use]
pub fn leading(contributors: Vec<Contributor>, series: &SeriesKey, direction: Direction) -> Vec<Contributor> {
    let mut listed = BTreeMap::<Contributing, usize>::new();
    let by_error = matches!(series.kind, Kind::CallRate);
    contributors
        .into_iter()
        .filter(|it| by_error || it.attribute != Contributing::ErrorCode)
        .filter(|it| match direction {
            Direction::Up => it.excess() > 0.0,
            Direction::Down => it.excess() < 0.0,
        })
        .filter(|it| {
            let number = listed.entry(it.attribute).or_default();
            *number += 1;
            *number <= LEADING
        })
        .map(|it| Contributor { usual: rounded::<4>(it.usual), ..it })
        .collect()
}

fn value_of(attribute: Contributing, text: &str) -> &str {
    if attribute == Contributing::Identity { without_session(text) } else { text }
}

/// The calls of one side of an insight and the minutes in which they were made.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The calls.
    pub tally: &'a Tally,
    /// All its minutes, empty ones included.
    pub minutes: i32,
}

/// The attributions of an insight, in AWS's order.
///
/// `resourceArn` has empty sides, since resources are not counted; identities and agents have, where the counts come from a
/// table without them.
#[must_use]
pub fn attributions(
    series: &SeriesKey,
    insight: Side<'_>,
    baseline: Side<'_>,
    names: &Names,
) -> Vec<Attribution> {
    let top = |side: Side<'_>, attribute| side.tally.top(attribute, side.minutes, names);
    let by_error = match series.kind {
        Kind::CallRate => Some(Attribute::ErrorCode),
        Kind::ErrorRate { .. } => None,
    };
    let by_resource = match series.api.category {
        Category::Management => None,
        Category::Data => Some(Attribute::ResourceArn),
    };
    [Some(Attribute::UserIdentityArn), Some(Attribute::UserAgent), by_error, by_resource]
        .into_iter()
        .flatten()
        .map(|attribute| Attribution {
            attribute,
            insight: top(insight, attribute),
            baseline: top(baseline, attribute),
        })
        .collect()
}

/// Calls a minute, rounded to ten decimals as in AWS's records.
#[must_use]
pub fn average(calls: u64, minutes: i32) -> f64 {
    rounded::<10>(calls as f64 / f64::from(minutes))
}

/// A number with six significant digits: of what is expected, tiny as it can be, too many decimals matter for four.
#[must_use]
pub fn significant(number: f64) -> f64 {
    format!("{number:.5e}").parse().expect("a printed number can be read")
}

/// A number with so many decimals: the double that prints as them.
#[must_use]
pub fn rounded<const DECIMALS: usize>(number: f64) -> f64 {
    // Through text, since multiplying and dividing by powers of ten would round twice.
    format!("{number:.DECIMALS$}").parse().expect("a printed number can be read")
}
