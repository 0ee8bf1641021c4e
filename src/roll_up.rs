//! Counts of APIs -> counts of sums over accounts, regions or APIs, and what each sum is made of. Pure.
//!
//! So that what is usual in each of forty accounts, and unusual in all of them together, is seen. Names over which a sum
//! goes are `*`; a principal stands in the place of the account.
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::aggregate::{Attribution, Batch, Cell, Counts, OPEN_AFTER_END, Settling};
use crate::attribution::{Contributing, leading, ranked};
use crate::classify::Observation;
use crate::insight::{Insight, SeriesCalls, baseline_from};
use crate::names::{Access, ApiId, Names, TextId};
use crate::series::Api;
use crate::time::{MINUTES_PER_WEEK, Minute};
use crate::words::{counted, short_identity};

/// What stands for all accounts, regions, sources or names.
const ALL: &str = "*";

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RollUp {
    /// Each API over all accounts and regions.
    Organization,
    /// Each API over all regions of an account.
    Account,
    /// All calls of an identity over all APIs, accounts and regions; sessions, and the same role or user name in other
    /// accounts, count as one identity.
    Principal,
}

impl RollUp {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Organization, Self::Account, Self::Principal];

    /// As it is written in outputs and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Account => "account",
            Self::Principal => "principal",
        }
    }

    /// What tells the parts of a sum apart.
    const fn parts(self) -> &'static [Contributing] {
        match self {
            Self::Organization => &[Contributing::Account],
            Self::Account => &[Contributing::Region],
            Self::Principal => &[Contributing::Account, Contributing::Api],
        }
    }
}

/// Sums, and what they are sums of.
#[derive(Debug)]
pub struct RolledUp<'a> {
    kind: RollUp,
    /// The sums, as if each were an API; settled.
    pub counts: Counts,
    of: &'a Counts,
    /// The APIs of each sum.
    members: BTreeMap<Api, BTreeSet<ApiId>>,
}

/// Sums `counts`, which have to be settled.
#[must_use]
pub fn roll_up(counts: &Counts, kind: RollUp) -> RolledUp<'_> {
    let names = counts.names();
    let mut sums = Counts::default();
    if let Some(settling) = counts.settling() {
        sums = sums.resume(Settling { newest: None, judged_until: None, ..settling }, []);
    }
    // What an API, called by an identity, counts for: found once.
    let mut known = HashMap::<(ApiId, TextId), Option<Api>>::new();
    let mut members = BTreeMap::<Api, BTreeSet<ApiId>>::new();
    let mut batch = Batch::new(Attribution::Kept);
    let mut add = |batch: &mut Batch, cell: &Cell| {
        let api = cell.call.api();
        let caller = if kind == RollUp::Principal { cell.identity } else { TextId::EMPTY };
        let sum = known.entry((api, caller)).or_insert_with(|| {
            let sum = sum(names.api_of(api), kind, names.text_of(caller))?;
            members.entry(sum.clone()).or_default().insert(api);
            Some(sum)
        });
        if let Some(sum) = sum {
            batch.count(&observation(names, cell, sum), cell.calls);
        }
    };
    for (arrived, cell) in counts.late_arrivals() {
        add(&mut batch, &cell);
        sums.add_late(0, &batch.hand_over(), arrived);
    }
    for (day, cells) in counts.days() {
        cells.for_each(|cell| add(&mut batch, &cell));
        sums.restore(0, &batch.hand_over());
        // Nothing more comes for this day: its cells can be packed.
        sums.close_before(day.plus(1).start().plus(OPEN_AFTER_END));
    }
    sums.settle();
    RolledUp { kind, counts: sums, of: counts, members }
}

/// The sum that an API counts for; `None` where nobody knows who called, and that is what is summed by.
fn sum(api: Api, kind: RollUp, identity: &str) -> Option<Api> {
    let region = ALL.into();
    match kind {
        RollUp::Organization => Some(Api { account: ALL.into(), region, ..api }),
        RollUp::Account => Some(Api { region, ..api }),
        RollUp::Principal if identity.is_empty() => None,
        RollUp::Principal => Some(Api {
            account: short_identity(identity).into(),
            region,
            event_source: ALL.into(),
            event_name: ALL.into(),
            category: api.category,
        }),
    }
}

fn observation<'a>(names: &'a Names, cell: &Cell, sum: &'a Api) -> Observation<'a> {
    let text = |id| Cow::Borrowed(&**names.text_of(id));
    Observation {
        minute: cell.minute,
        account: Cow::Borrowed(&sum.account),
        region: Cow::Borrowed(&sum.region),
        event_source: Cow::Borrowed(&sum.event_source),
        event_name: Cow::Borrowed(&sum.event_name),
        category: sum.category,
        read_only: cell.call.access() == Access::Read,
        error_code: (cell.error != TextId::EMPTY).then(|| text(cell.error)),
        identity: text(cell.identity),
        user_agent: text(cell.agent),
        event_id: None,
    }
}

impl RolledUp<'_> {
    /// What is summed.
    #[must_use]
    pub const fn kind(&self) -> RollUp {
        self.kind
    }

    /// Makes an insight of these sums tell that it is one, how many accounts it goes over, and which parts of the sum
    /// are above their usual number.
    pub fn tell(&self, insight: &mut Insight) {
        insight.roll_up(self.kind);
        let why = &insight.explanation;
        let length = i32::try_from(why.window_minutes).unwrap_or(MINUTES_PER_WEEK);
        let window = self.parts(insight, (why.detected_at.plus(-length), why.detected_at));
        let baseline = self.parts(insight, (baseline_from(insight.start), insight.start));
        let share = f64::from(length) / f64::from(insight.start.since(baseline_from(insight.start)));
        let mut contributors = Vec::new();
        for &part in self.kind.parts() {
            let of = |calls: &Parts| {
                calls
                    .iter()
                    .filter(|((of, _), _)| *of == part)
                    .map(|((_, name), calls)| (name.clone(), *calls))
                    .collect::<BTreeMap<_, _>>()
            };
            contributors.append(&mut ranked(part, (&of(&window), &of(&baseline)), share, why.direction));
        }
        let accounts = window.keys().filter(|(part, _)| *part == Contributing::Account).count() as u64;
        let mut contributors = leading(contributors, &insight.series, why.direction);
        insight.explanation.contributors.append(&mut contributors);
        if self.kind != RollUp::Account {
            insight.explanation.accounts = Some(accounts);
            insight.explanation.text =
                format!("in {}: {}", counted(accounts, "account"), insight.explanation.text);
        }
    }

    /// Calls of the insight's series by each part of the sum.
    fn parts(&self, insight: &Insight, (from, to): (Minute, Minute)) -> Parts {
        let names = self.of.names();
        let mut ours = BTreeMap::<TextId, bool>::new();
        let mut parts = Parts::new();
        for &member in self.members.get(&insight.series.api).into_iter().flatten() {
            let mut calls = 0;
            let calls_of =
                SeriesCalls::new(self.of, member, &insight.series.kind).known_at(insight.emitted_at);
            for cell in calls_of.cells(from, to) {
                let ours = self.kind != RollUp::Principal
                    || *ours.entry(cell.identity).or_insert_with(|| {
                        short_identity(names.text_of(cell.identity)) == *insight.series.api.account
                    });
                calls += if ours { u64::from(cell.calls) } else { 0 };
            }
            if calls == 0 {
                continue;
            }
            let api = names.api_of(member);
            for &part in self.kind.parts() {
                let name = match part {
                    Contributing::Account => api.account.to_string(),
                    Contributing::Region => api.region.to_string(),
                    Contributing::Api => format!("{}/{}", api.event_source, api.event_name),
                    Contributing::Identity | Contributing::UserAgent | Contributing::ErrorCode => continue,
                };
                *parts.entry((part, name)).or_default() += calls;
            }
        }
        parts
    }
}

/// Calls by part.
type Parts = BTreeMap<(Contributing, String), u64>;
