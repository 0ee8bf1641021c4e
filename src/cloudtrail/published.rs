//! The JSON of an Insights record, AWS's own or ours -> its parts. Pure.
//!
//! AWS's records have had attributions since 2020 and the category since 2024; what is missing is left out or empty here.
use serde::Deserialize;
use serde_json::value::RawValue;

use super::insight::{Attribute, State, from_text};
use crate::series::{Api, Category, Kind, SeriesKey};
use crate::time::Minute;

/// A file of published records; each as it stands there, since one that is damaged does not damage the others.
#[derive(Debug, Deserialize)]
pub struct PublishedFile<'a> {
    /// The only key.
    #[serde(borrow, rename = "Records")]
    pub records: Vec<&'a RawValue>,
}

/// A published record that is read again. Keys that are not listed are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Start: the first unusual minute. End: the first usual one after it.
    #[serde(deserialize_with = "from_text")]
    pub event_time: Minute,
    /// Region of the calls.
    pub aws_region: String,
    /// Different for Start and End.
    #[serde(rename = "eventID")]
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
    /// Calls a minute in the week before.
    pub baseline: PublishedAverage,
    /// Calls a minute while it was unusual.
    pub insight: PublishedAverage,
    /// Minutes that `insight` is an average of; not in records of 2019.
    pub insight_duration: Option<i32>,
    /// Minutes that `baseline` is an average of.
    pub baseline_duration: Option<i32>,
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
