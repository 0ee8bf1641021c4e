//! Insights -> how many, of each kind, now and before. Pure.
use std::collections::BTreeMap;

use super::model::{Compared, Insight, Series, Span, Total, Totals};
use crate::roll_up::{ALL, RollUp};
use crate::severity::Severity;

/// The two types of insights.
const TYPES: [&str; 2] = ["ApiCallRateInsight", "ApiErrorRateInsight"];

/// Counts those that were noticed within `span`, and where it is known, `previous`.
#[must_use]
pub fn totals(insights: &[Insight], span: Span, previous: Option<Span>) -> Totals {
    let now: Vec<&Insight> = insights.iter().filter(|it| span.holds(it)).collect();
    let heard =
        |insights: &[&Insight]| -> u64 { insights.iter().filter(|it| !it.is_silent()).count() as u64 };
    let before: Option<Vec<&Insight>> =
        previous.map(|previous| insights.iter().filter(|it| previous.holds(it)).collect());
    let by = |name: fn(&Insight) -> Option<&str>, all: &[&str]| {
        let mut totals = BTreeMap::<&str, (u64, Option<u64>)>::new();
        let none = (0, before.as_ref().map(|_| 0));
        totals.extend(all.iter().map(|name| (*name, none)));
        for name in now.iter().filter(|it| !it.is_silent()).filter_map(|it| name(it)) {
            totals.entry(name).or_insert(none).0 += 1;
        }
        for name in before.iter().flatten().filter(|it| !it.is_silent()).filter_map(|it| name(it)) {
            let (_, before) = totals.entry(name).or_insert(none);
            *before = before.map(|before| before + 1);
        }
        totals
            .into_iter()
            .map(|(name, (now, before))| Total { name: name.to_owned(), now, before })
            .collect::<Vec<Total>>()
    };
    let most_first = |mut totals: Vec<Total>| {
        totals.sort_by_key(|total| std::cmp::Reverse((total.now, total.before)));
        totals
    };
    let severities: Vec<&str> = Severity::ALL.iter().rev().map(|severity| severity.name()).collect();
    let place = |total: &Total| severities.iter().position(|name| *name == total.name);
    let mut by_severity = by(|it| Some(&it.severity), &severities);
    by_severity.sort_by_key(place);
    let number = |is: &dyn Fn(&Insight) -> bool| {
        insights.iter().filter(|it| (it.going_on || span.holds(it)) && is(it)).count() as u64
    };
    let from_before = |it: &Insight| it.going_on && it.noticed() < span.from;
    Totals {
        insights: Compared { now: Some(heard(&now)), before: before.as_deref().map(heard) },
        from_before: number(&|it| !it.is_silent() && from_before(it)),
        noticed_later: number(&|it| !it.is_silent() && it.going_on && !from_before(it)),
        ended: number(&|it| {
            !it.is_silent() && from_before(it) && it.until.is_some_and(|until| until <= span.to)
        }),
        open: number(&|it| !it.is_silent() && it.until.is_none()),
        muted: number(&|it| it.muted_by.is_some()),
        told_twice: number(&|it| it.muted_by.is_none() && it.is_silent()),
        by_severity,
        by_type: by(|it| Some(&it.kind), &TYPES),
        by_account: most_first(by(|it| it.series.one_account(), &[])),
        by_service: most_first(by(|it| Some(&it.series.service), &[])),
    }
}

impl Totals {
    /// The same of a time of which not all was judged: there, none found is not none.
    #[must_use]
    pub(super) fn of_a_part(self) -> Self {
        if self.insights.now.is_some_and(|now| now > 0) {
            return self;
        }
        Self {
            insights: Compared { now: None, ..self.insights },
            by_severity: Vec::new(),
            by_type: Vec::new(),
            by_account: Vec::new(),
            by_service: Vec::new(),
            ..self
        }
    }
}

impl Series {
    /// The account that its calls are of; `None` of sums that go over accounts.
    #[must_use]
    pub fn one_account(&self) -> Option<&str> {
        let is_of_all = self.account == ALL || self.roll_up.as_deref() == Some(RollUp::Principal.name());
        (!is_of_all).then_some(&self.account)
    }
}

impl Insight {
    /// Whether nobody needs to hear of it: a rule mutes it, or others tell it already.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.muted_by.is_some() || !self.told_by.is_empty()
    }
}

impl Span {
    /// Whether an insight was noticed in it; AWS's own, whether it began in it.
    #[must_use]
    pub fn holds(&self, insight: &Insight) -> bool {
        let at = insight.noticed();
        self.from <= at && at < self.to
    }
}
