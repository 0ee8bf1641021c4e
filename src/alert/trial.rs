//! The name of a feed and a time -> a notice that is clearly a test. Pure.
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::notice::{Notice, Purpose};
use crate::cloudtrail::insight::State;
use crate::detect::{Bounds, Direction, Rule};
use crate::explanation::Explanation;
use crate::finding::Event;
use crate::insight::{Insight, Statistics};
use crate::series::{Api, Category, Kind, SeriesKey};
use crate::severity::Severity;
use crate::time::Minute;

/// Ids of tests are derived below this one, which no insight's are.
const ID_SPACE: Uuid = Uuid::from_u128(0x93d1_5f2e_0a67_4c18_a4f9_6e0b_d372_85c4);
/// What a person reads.
const TEXT: &str = "TEST of a feed of trailpulse: nothing happened, and nothing needs to be done";
/// No account has this number.
const ACCOUNT: &str = "000000000000";

/// No earlier time is one of an insight: 2020-01-01.
const EARLIEST: i64 = 1_577_836_800;

/// A message of one made-up insight, which began a minute before `now`: its Start.
#[must_use]
pub fn notice(feed: &str, now: DateTime<Utc>) -> Notice {
    let event = Event::from(&insight(feed, now));
    let (shared, ids) = (event.record.shared_event_id.clone(), [event.record.event_id.clone()]);
    let notice = Notice::of(feed, &shared, vec![event], &ids).expect("it has an event");
    Notice { purpose: Purpose::Test, sentence: TEXT.to_owned(), ..notice }
}

/// What it tells.
pub(super) fn insight(feed: &str, now: DateTime<Utc>) -> Insight {
    let minute = Minute::from_epoch(i32::try_from(now.timestamp().max(EARLIEST) / 60).unwrap_or_default());
    let id = |what: &str| Uuid::new_v5(&ID_SPACE, format!("{feed} {minute} {what}").as_bytes());
    Insight {
        state: State::Start,
        series: SeriesKey {
            api: Api {
                account: ACCOUNT.into(),
                region: "us-east-1".into(),
                event_source: "trailpulse.test".into(),
                event_name: "TestAlert".into(),
                category: Category::Management,
            },
            kind: Kind::CallRate,
        },
        shared_id: id("shared"),
        event_id: id("start"),
        start: minute.plus(-1),
        event_time: minute.plus(-1),
        statistics: Statistics {
            baseline_average: 0.0,
            insight_average: 1.0,
            insight_duration: 1,
            baseline_duration: 10_080,
        },
        attributions: Vec::new(),
        explanation: explanation(minute),
        emitted_at: minute,
    }
}

fn explanation(detected_at: Minute) -> Explanation {
    Explanation {
        detected_at,
        direction: Direction::Up,
        window_minutes: 1,
        observed: 1.0,
        expected: 0.0,
        deviation: 0.0,
        bound: 1.0,
        bounds: Bounds::default(),
        log10_probability: 0.0,
        largest_before: None,
        series_age_days: 0.0,
        usual_time_of_day: None,
        usual_time_of_week: None,
        contributors: Vec::new(),
        peak: None,
        severity: Severity::Low,
        rule: Rule::FirstSeen,
        text: TEXT.to_owned(),
        model: "test".into(),
        model_digest: "test".into(),
        sensitivity: 1.0,
        roll_up: None,
        accounts: None,
        told_by: Vec::new(),
        muted_by: None,
        muted_because: None,
    }
}
