//! Counts of APIs -> counts of sums over accounts, regions or APIs, and what each sum is made of. Pure.
//!
//! So that what is usual in each of forty accounts, and unusual in all of them together, is seen. Names over which a sum
//! goes are `*`; a principal stands in the place of the account.
mod duplicate;
mod reach;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

pub use duplicate::{Told, told};
pub use reach::ACCOUNTS;
use reach::Reached;

use crate::aggregate::{Attribution, Batch, Cell, Counts, OPEN_AFTER_END, Settling};
use crate::attribution::{Contributing, Contributor, leading, ranked};
use crate::classify::Observation;
use crate::detect::Direction;
use crate::insight::{Insight, SeriesCalls, baseline_from};
use crate::names::{Access, ApiId, Names, TextId};
use crate::series::{Api, SeriesKey};
use crate::time::{MINUTES_PER_WEEK, Minute};
use crate::words::{counted, short_identity};

/// What stands for all accounts, regions, sources or names.
pub const ALL: &str = "*";

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RollUp {
    /// Each API over all accounts and regions.
    Organization,
    /// Each API over all regions of an account.
    Account,
    /// Writes and data events of an identity over all APIs, accounts and regions; and the accounts in which it calls for the
    /// first time that day, reads included. Sessions, and the same role or user name in other accounts, are one identity.
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

    /// What it sums, in words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Organization => "an API over all accounts and regions",
            Self::Account => "an API over all regions of the account",
            Self::Principal => {
                "a principal over all accounts and regions: * is its writes and data events, accounts those it reaches"
            }
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
    let mut reached = Reached::default();
    let mut add = |batch: &mut Batch, cell: &Cell| {
        let api = cell.call.api();
        let caller = if kind == RollUp::Principal { cell.identity } else { TextId::EMPTY };
        let sum = known.entry((api, caller)).or_insert_with(|| {
            let sum = sum(names.api_of(api), kind, names.text_of(caller))?;
            members.entry(sum.clone()).or_default().insert(api);
            if kind == RollUp::Principal {
                members.entry(reach::sum_of(&sum.account)).or_default().insert(api);
            }
            Some(sum)
        });
        if let Some(sum) = sum {
            batch.count(&observation(names, cell, sum), cell.calls);
        }
        sum.as_ref().map(|sum| Arc::clone(&sum.account))
    };
    for (arrived, cell) in counts.late_arrivals() {
        add(&mut batch, &cell);
        sums.add_late(0, &batch.hand_over(), arrived);
    }
    for (day, cells) in counts.days() {
        for cell in cells {
            let principal = add(&mut batch, &cell);
            if let Some(principal) = principal.filter(|_| kind == RollUp::Principal) {
                reached.note(names, &cell, &principal);
            }
        }
        reached.count(&mut batch);
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
        let window = (why.detected_at.plus(-length), why.detected_at);
        let baseline = (baseline_from(insight.start), insight.start);
        let contributors =
            self.contributors(&insight.series, (window, baseline), why.direction, insight.emitted_at);
        let of_accounts = contributors.iter().filter(|it| it.attribute == Contributing::Account);
        let accounts = of_accounts.filter(|it| it.calls > 0).count() as u64;
        let mut contributors = leading(contributors, &insight.series, why.direction);
        insight.explanation.contributors.append(&mut contributors);
        if self.is_reach(&insight.series) {
            insight.explanation.accounts = Some(accounts);
        } else if self.kind != RollUp::Account {
            insight.explanation.accounts = Some(accounts);
            insight.explanation.text =
                format!("in {}: {}", counted(accounts, "account"), insight.explanation.text);
        }
    }

    /// Every part of the sum with calls in a window or in the time before that it is compared with, as
    /// [`contributors`](crate::attribution::contributors) has callers.
    #[must_use]
    pub fn contributors(
        &self,
        series: &SeriesKey,
        (window, baseline): (Span, Span),
        direction: Direction,
        known_at: Minute,
    ) -> Vec<Contributor> {
        let share = f64::from(window.1.since(window.0)) / f64::from(baseline.1.since(baseline.0).max(1));
        let (window, baseline) =
            (self.parts(series, window, known_at), self.parts(series, baseline, known_at));
        let mut contributors = Vec::new();
        for &part in self.kind.parts() {
            let of = |calls: &Parts| {
                calls
                    .iter()
                    .filter(|((of, _), _)| *of == part)
                    .map(|((_, name), calls)| (name.clone(), *calls))
                    .collect::<BTreeMap<_, _>>()
            };
            contributors.append(&mut ranked(part, (&of(&window), &of(&baseline)), share, direction));
        }
        contributors
    }

    /// Calls of a sum's series by each of its parts.
    fn parts(&self, series: &SeriesKey, span: Span, known_at: Minute) -> Parts {
        let names = self.of.names();
        let mut parts = Parts::new();
        for &member in self.members.get(&series.api).into_iter().flatten() {
            let cells = self.cells_of(series, member, span, known_at);
            let calls: u64 = cells.map(|cell| u64::from(cell.calls)).sum();
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

    /// Whether the sum counts accounts instead of calls.
    fn is_reach(&self, series: &SeriesKey) -> bool {
        self.kind == RollUp::Principal && &*series.api.event_name == ACCOUNTS
    }

    /// The cells of a member that count for a sum's series; of accounts that were reached all by which they were.
    fn cells_of(
        &self,
        series: &SeriesKey,
        member: ApiId,
        (from, to): Span,
        known_at: Minute,
    ) -> impl Iterator<Item = Cell> {
        let names = self.of.names();
        let of_member: Box<dyn Iterator<Item = Cell>> = if self.is_reach(series) {
            Box::new(self.of.cells(member, from, to))
        } else {
            Box::new(SeriesCalls::new(self.of, member, &series.kind).known_at(known_at).cells(from, to))
        };
        let mut ours = BTreeMap::<TextId, bool>::new();
        let principal = (self.kind == RollUp::Principal).then(|| Arc::clone(&series.api.account));
        of_member.filter(move |cell| {
            principal.as_ref().is_none_or(|principal| {
                *ours
                    .entry(cell.identity)
                    .or_insert_with(|| short_identity(names.text_of(cell.identity)) == **principal)
            })
        })
    }
}

/// From a minute up to but without another.
type Span = (Minute, Minute);

/// Calls by part.
type Parts = BTreeMap<(Contributing, String), u64>;
