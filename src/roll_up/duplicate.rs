//! An insight of a sum, and the insights of what it sums -> those of them that tell all of it already. Pure.
//!
//! A burst of one API is a burst of its account and of its caller too. Without the calls of those series that have an
//! insight of their own at that time, and of the same kind and direction, such a sum would not have crossed its line: it
//! says nothing new, and must not alert again.
use std::collections::BTreeMap;

use uuid::Uuid;

use super::{RolledUp, Span};
use crate::aggregate::Counts;
use crate::cloudtrail::insight::State;
use crate::detect::Direction;
use crate::insight::{Insight, Opening, baseline_from, series_of, shared_id};
use crate::mute::{SHARE_OF_FALL, judged_minutes, stays_below};
use crate::names::ApiId;
use crate::series::Kind;
use crate::time::{MINUTES_PER_WEEK, Minute};

/// An insight of what is summed: what is known of it when.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Whose calls.
    pub api: ApiId,
    /// Which of its series.
    pub kind: Kind,
    /// Up or down.
    pub direction: Direction,
    /// Of Start and End.
    pub shared_id: Uuid,
    /// First unusual minute.
    pub start: Minute,
    /// When its Start was told.
    pub told_at: Minute,
    /// Its first usual minute, and when that was told; `None` while it is open.
    pub ended: Option<(Minute, Minute)>,
}

impl Told {
    /// Whether it had been told by then, and is of the same kind and direction.
    fn is_like(&self, insight: &Insight) -> bool {
        self.told_at <= insight.emitted_at
            && self.kind == insight.series.kind
            && self.direction == insight.explanation.direction
    }
}

/// What was told of the counts: those of `open` began before, and `found` has Starts and Ends.
#[must_use]
pub fn told(counts: &Counts, open: &[Opening], found: &[(ApiId, Insight)]) -> Vec<Told> {
    let before = open.iter().map(|opening| {
        let (series, _) = series_of(counts, opening);
        Told {
            api: opening.api,
            shared_id: shared_id(&series, opening.start),
            kind: series.kind,
            direction: opening.evidence.direction,
            start: opening.start,
            told_at: opening.detected_at,
            ended: None,
        }
    });
    let starts = found.iter().filter(|(_, it)| it.state == State::Start).map(|(api, it)| Told {
        api: *api,
        kind: it.series.kind.clone(),
        direction: it.explanation.direction,
        shared_id: it.shared_id,
        start: it.start,
        told_at: it.emitted_at,
        ended: None,
    });
    let ends = found.iter().filter(|(_, it)| it.state == State::End);
    let ends: BTreeMap<Uuid, (Minute, Minute)> =
        ends.map(|(_, it)| (it.shared_id, (it.event_time, it.emitted_at))).collect();
    before.chain(starts).map(|told| Told { ended: ends.get(&told.shared_id).copied(), ..told }).collect()
}

impl RolledUp<'_> {
    /// Notes in the explanation which of `told`, the insights of the counts that were summed, tell all that the insight
    /// of a sum tells; none where it tells more. As with mutes, a Start is judged by the minutes up to its detection, and
    /// by what had been told when it was.
    pub fn note_duplicate(&self, insight: &mut Insight, told: &[Told]) {
        let span = judged_minutes(insight);
        let telling = self.telling(insight, told, span);
        let all_told = !telling.is_empty()
            && match insight.explanation.direction {
                Direction::Up => stays_below(&self.rest(insight, &telling, span), insight),
                Direction::Down => self.share_of_fall(insight, &telling) >= SHARE_OF_FALL,
            };
        if all_told {
            let mut told_by: Vec<Uuid> = telling.into_values().flatten().collect();
            told_by.sort_unstable();
            told_by.dedup();
            insight.explanation.told_by = told_by;
        }
    }

    /// The members with an insight of the same kind and direction in these minutes, and its id.
    fn telling(&self, insight: &Insight, told: &[Told], (from, to): Span) -> BTreeMap<ApiId, Vec<Uuid>> {
        let Some(members) = self.members.get(&insight.series.api).filter(|_| !self.is_reach(&insight.series))
        else {
            return BTreeMap::new();
        };
        let mut telling = BTreeMap::<ApiId, Vec<Uuid>>::new();
        for it in told.iter().filter(|it| members.contains(&it.api) && it.is_like(insight)) {
            let ended = it.ended.filter(|(_, known_at)| *known_at <= insight.emitted_at);
            if it.start < to && ended.is_none_or(|(end, _)| end > from) {
                telling.entry(it.api).or_default().push(it.shared_id);
            }
        }
        telling
    }

    /// The calls of the other members.
    fn rest(
        &self,
        insight: &Insight,
        telling: &BTreeMap<ApiId, Vec<Uuid>>,
        span: Span,
    ) -> BTreeMap<Minute, f64> {
        let mut rest = BTreeMap::new();
        for &member in self.members.get(&insight.series.api).into_iter().flatten() {
            if !telling.contains_key(&member) {
                self.cells_of(&insight.series, member, span, insight.emitted_at)
                    .for_each(|cell| *rest.entry(cell.minute).or_default() += f64::from(cell.calls));
            }
        }
        rest
    }

    /// Of the calls that are missing against the week before, the share that is missing from `telling`.
    fn share_of_fall(&self, insight: &Insight, telling: &BTreeMap<ApiId, Vec<Uuid>>) -> f64 {
        let length = i32::try_from(insight.explanation.window_minutes).unwrap_or(MINUTES_PER_WEEK);
        let before = (baseline_from(insight.start), insight.start);
        let share = f64::from(length) / f64::from(before.1.since(before.0).max(1));
        let detected_at = insight.explanation.detected_at;
        let missing = |member: ApiId| {
            let calls = |span: Span| -> f64 {
                let cells = self.cells_of(&insight.series, member, span, insight.emitted_at);
                cells.map(|cell| f64::from(cell.calls)).sum()
            };
            (calls(before) * share - calls((detected_at.plus(-length), detected_at))).max(0.0)
        };
        let members = self.members.get(&insight.series.api).into_iter().flatten();
        let all: f64 = members.map(|member| missing(*member)).sum();
        let told: f64 = telling.keys().map(|member| missing(*member)).sum();
        if all > 0.0 { told / all } else { 0.0 }
    }
}
