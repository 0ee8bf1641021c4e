//! `insights.jsonl` of earlier runs -> which insights of a new judgement of the same days were told already.
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

use crate::cloudtrail::insight::State;
use crate::cloudtrail::published::Published;
use crate::finding::Event;
use crate::insight::Insight;
use crate::time::Minute;

/// What was told of one series: from its account and region to its error code.
type Key = [String; 5];

/// The end of what has not ended.
const NEVER: Minute = Minute::from_epoch(i32::MAX);

/// What earlier runs have published.
#[derive(Debug, Default)]
pub struct Told {
    events: BTreeSet<(String, State)>,
    /// Of each insight by its shared id, its minutes; without an end, up to the last there is.
    spans: BTreeMap<String, (Minute, Minute)>,
    /// The shared ids of each series.
    of_series: BTreeMap<Key, BTreeSet<String>>,
}

impl Told {
    /// From the lines of `insights.jsonl`; those that are none of ours are passed over.
    #[must_use]
    pub fn of(lines: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Line {
            record: Published,
        }
        let mut told = Self::default();
        for line in lines.split(|byte| *byte == b'\n') {
            let Ok(Line { record }) = serde_json::from_slice::<Line>(line) else { continue };
            let details = record.insight_details;
            told.events.insert((record.shared_event_id.clone(), details.state));
            let error_code = details.error_code.unwrap_or_default();
            let key = [
                record.recipient_account_id,
                record.aws_region,
                details.event_source,
                details.event_name,
                error_code,
            ];
            let at = record.event_time;
            told.of_series.entry(key).or_default().insert(record.shared_event_id.clone());
            let span = told.spans.entry(record.shared_event_id).or_insert((at, NEVER));
            match details.state {
                State::Start => span.0 = at,
                State::End => span.1 = at,
            }
        }
        told
    }

    /// Whether an event was published.
    #[must_use]
    pub fn has(&self, event: &Event) -> bool {
        self.events.contains(&(event.record.shared_event_id.clone(), event.state()))
    }

    /// Whether readers know that an insight has ended.
    #[must_use]
    pub fn has_ended(&self, shared_id: Uuid) -> bool {
        self.events.contains(&(shared_id.to_string(), State::End))
    }

    /// Leaves what readers have not heard of: no event twice, no End of what never began for them, and no insight of minutes of a
    /// series that another was told of, unless it is still open, since its End will come.
    pub fn leave_out(&self, insights: &mut Vec<Insight>) {
        let starts = insights.iter().filter(|insight| insight.state == State::Start);
        let starts: BTreeSet<Uuid> = starts.map(|insight| insight.shared_id).collect();
        let mut spans = BTreeMap::<Uuid, (Minute, Option<Minute>)>::new();
        for insight in insights.iter() {
            let span = spans.entry(insight.shared_id).or_insert((insight.start, None));
            if insight.state == State::End {
                span.1 = Some(insight.event_time);
            }
        }
        insights.retain(|insight| {
            let id = insight.shared_id.to_string();
            if self.spans.contains_key(&id) {
                return !self.events.contains(&(id, insight.state));
            }
            if !starts.contains(&insight.shared_id) {
                return false;
            }
            let (start, Some(end)) = spans[&insight.shared_id] else { return true };
            let told = self.of_series.get(&key_of(insight)).into_iter().flatten();
            !told.filter_map(|id| self.spans.get(id)).any(|(from, to)| *from < end && start < *to)
        });
    }
}

fn key_of(insight: &Insight) -> Key {
    let api = &insight.series.api;
    let error_code = insight.series.kind.error_code().unwrap_or_default();
    [&*api.account, &*api.region, &*api.event_source, &*api.event_name, error_code].map(str::to_owned)
}
