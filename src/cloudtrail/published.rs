//! The JSON of an Insights record, AWS's own or ours -> its parts. Pure.
//!
//! AWS's records have had attributions since 2020 and the category since 2024; what is missing is left out or empty here.
use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::insight::{Attribute, State};
use crate::series::{Api, Category, Kind, SeriesKey};
use crate::time::Minute;

/// The records of a file, each as it stands there, since one that is damaged does not damage the others: those below `Records`,
/// as AWS writes files; those of an answer of its API, which holds each as a text; a list of records, or a single one.
///
/// # Errors
/// When it is none of these.
pub fn records(bytes: &[u8]) -> Result<Vec<Cow<'_, str>>, NotRecords> {
    #[derive(Deserialize)]
    #[serde(expecting = "a record, or an object with records")]
    struct Keys<'a> {
        #[serde(borrow, rename = "Records")]
        records: Option<Vec<&'a RawValue>>,
        #[serde(borrow, rename = "Events")]
        events: Option<Vec<&'a RawValue>>,
        #[serde(borrow, rename = "insightDetails")]
        details: Option<&'a RawValue>,
    }
    if bytes.trim_ascii_start().starts_with(b"[") {
        let list: Vec<&RawValue> = serde_json::from_slice(bytes)?;
        return Ok(list.into_iter().map(held).collect());
    }
    let whole: &RawValue = serde_json::from_slice(bytes)?;
    match serde_json::from_str(whole.get())? {
        Keys { records: Some(list), .. } | Keys { events: Some(list), .. } => {
            Ok(list.into_iter().map(held).collect())
        }
        Keys { details: Some(_), .. } => Ok(vec![Cow::Borrowed(whole.get())]),
        Keys { .. } => Err(NotRecords::Other),
    }
}

/// A record, or that which is a text within what stands for it.
fn held(item: &RawValue) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Holds {
        #[serde(rename = "CloudTrailEvent", alias = "InsightsEvent")]
        record: String,
    }
    serde_json::from_str::<Holds>(item.get())
        .map_or(Cow::Borrowed(item.get()), |holds| Cow::Owned(holds.record))
}

/// Why a file has no records.
#[derive(Debug, thiserror::Error)]
pub enum NotRecords {
    /// Damaged.
    #[error("it is not JSON as CloudTrail writes it: {0}")]
    Json(#[from] serde_json::Error),
    /// Something else.
    #[error("it is neither an Insights record nor a list of such below Records or Events")]
    Other,
}

/// A published record that is read again. Keys that are not listed are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an Insights record")]
pub struct Published {
    /// Start: the first unusual minute. End: the first usual one after it.
    #[serde(deserialize_with = "crate::time::text::deserialize")]
    pub event_time: Minute,
    /// Region of the calls.
    pub aws_region: String,
    /// Different for Start and End; empty where somebody else left it out.
    #[serde(rename = "eventID", default)]
    pub event_id: String,
    /// Account of the calls.
    pub recipient_account_id: String,
    /// Common to Start and End.
    #[serde(rename = "sharedEventID")]
    pub shared_event_id: String,
    /// All the rest.
    pub insight_details: PublishedDetails,
}

/// `insightDetails` of a record that is read again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedDetails {
    /// Start or End.
    pub state: State,
    /// Service.
    pub event_source: String,
    /// API.
    pub event_name: String,
    /// Error rates only.
    pub error_code: Option<String>,
    /// Management or Data.
    #[serde(default = "management")]
    pub source_event_category: Category,
    /// The numbers.
    #[serde(default)]
    pub insight_context: PublishedContext,
}

const fn management() -> Category {
    Category::Management
}

/// `insightContext` of a record that is read again.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PublishedContext {
    /// Averages and durations.
    pub statistics: PublishedStatistics,
    /// Who, with what, and with which error.
    pub attributions: Vec<PublishedAttribution>,
}

/// `statistics` of a record that is read again.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PublishedStatistics {
    /// Calls a minute in the week before; some records have none.
    pub baseline: Option<PublishedAverage>,
    /// Calls a minute while it was unusual.
    pub insight: Option<PublishedAverage>,
    /// Minutes that `insight` is an average of; not in records of 2019.
    pub insight_duration: Option<i32>,
    /// Minutes that `baseline` is an average of.
    pub baseline_duration: Option<i32>,
}

impl PublishedStatistics {
    /// Calls a minute while it was unusual, where that is told.
    #[must_use]
    pub fn now(&self) -> Option<f64> {
        self.insight.map(|it| it.average)
    }

    /// Calls a minute in the week before, where that is told.
    #[must_use]
    pub fn usual(&self) -> Option<f64> {
        self.baseline.map(|it| it.average)
    }
}

/// `{"average": n}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct PublishedAverage {
    /// Calls a minute.
    pub average: f64,
}

/// One of `attributions`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedAttribution {
    /// What its values are, as AWS names it.
    pub attribute: String,
    /// Values with most calls while the series was unusual.
    #[serde(default)]
    pub insight: Vec<PublishedShare>,
    /// Values with most calls in the week before.
    #[serde(default)]
    pub baseline: Vec<PublishedShare>,
}

/// A value and its calls a minute.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedShare {
    /// As the records have it.
    pub value: String,
    /// Calls a minute, over all minutes of its side.
    pub average: f64,
}

impl Published {
    /// The series that it tells of.
    #[must_use]
    pub fn series(&self) -> SeriesKey {
        let details = &self.insight_details;
        SeriesKey {
            api: Api {
                account: self.recipient_account_id.as_str().into(),
                region: self.aws_region.as_str().into(),
                event_source: details.event_source.as_str().into(),
                event_name: details.event_name.as_str().into(),
                category: details.source_event_category,
            },
            kind: details
                .error_code
                .as_deref()
                .map_or(Kind::CallRate, |code| Kind::ErrorRate { error_code: code.into() }),
        }
    }

    /// Its values of one attribute; `None` where it does not list that.
    #[must_use]
    pub fn attribution(&self, attribute: Attribute) -> Option<&PublishedAttribution> {
        let all = &self.insight_details.insight_context.attributions;
        all.iter().find(|attribution| attribution.attribute == attribute.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_however_they_are_wrapped() {
        let record = r#"{"eventID":"one","insightDetails":{}}"#;
        let text = serde_json::to_string(record).expect("a text");
        for file in [
            record.to_owned(),
            format!(" [{record}]"),
            format!(r#"{{"Records":[{record}]}}"#),
            format!(r#"{{"Events":[{{"EventId":"one","CloudTrailEvent":{text}}}]}}"#),
            format!(r#"[{{"InsightsEvent":{text}}}]"#),
        ] {
            assert_eq!(records(file.as_bytes()).expect("records"), [record], "{file}");
        }
        for (file, why) in
            [("{}", "neither an Insights record"), ("5", "expected a record"), ("{", "not JSON")]
        {
            let said = records(file.as_bytes()).expect_err("none").to_string();
            assert!(said.contains(why), "{said}");
        }
    }
}
