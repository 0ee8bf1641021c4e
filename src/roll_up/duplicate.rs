//! An insight of a sum, and the insights of what it sums -> those of them that tell all of it already. Pure.
//!
//! A burst of one API is a burst of its account and of its caller too. Without the calls of those series that have an
//! insight of their own at that time, and of the same kind and direction, such a sum would not have crossed its line: it
//! says nothing new, and must not alert again.
use std::collections::BTreeMap;

use uuid::Uuid;

use super::{RolledUp, Span};
use crate::cloudtrail::insight::State;
use crate::detect::Direction;
use crate::insight::{Insight, baseline_from};
use crate::mute::{SHARE_OF_FALL, judged_minutes, stays_below};
use crate::names::ApiId;
use crate::time::{MINUTES_PER_WEEK, Minute};

impl RolledUp<'_> {
    /// Notes in the explanation which of `found`, the insights of the counts that were summed, tell all that the insight
    /// of a sum tells; none where it tells more. As with mutes, a Start is judged by the minutes up to its detection.
    pub fn note_duplicate(&self, insight: &mut Insight, found: &[(ApiId, Insight)]) {
        let span = judged_minutes(insight);
        let telling = self.telling(insight, found, span);
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
    fn telling(
        &self,
        insight: &Insight,
        found: &[(ApiId, Insight)],
        (from, to): Span,
    ) -> BTreeMap<ApiId, Vec<Uuid>> {
        let Some(members) = self.members.get(&insight.series.api).filter(|_| !self.is_reach(&insight.series))
        else {
            return BTreeMap::new();
        };
        let same = |it: &Insight| {
            it.series.kind == insight.series.kind && it.explanation.direction == insight.explanation.direction
        };
        let ends: BTreeMap<Uuid, Minute> = found
            .iter()
            .filter(|(_, it)| it.state == State::End)
            .map(|(_, it)| (it.shared_id, it.event_time))
            .collect();
        let mut telling = BTreeMap::<ApiId, Vec<Uuid>>::new();
        for (api, it) in found.iter().filter(|(api, it)| members.contains(api) && same(it)) {
            if it.start < to && ends.get(&it.shared_id).is_none_or(|end| *end > from) {
                telling.entry(*api).or_default().push(it.shared_id);
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
                self.cells_of(&insight.series, member, span)
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
                self.cells_of(&insight.series, member, span).map(|cell| f64::from(cell.calls)).sum()
            };
            (calls(before) * share - calls((detected_at.plus(-length), detected_at))).max(0.0)
        };
        let members = self.members.get(&insight.series.api).into_iter().flatten();
        let all: f64 = members.map(|member| missing(*member)).sum();
        let told: f64 = telling.keys().map(|member| missing(*member)).sum();
        if all > 0.0 { told / all } else { 0.0 }
    }
}
