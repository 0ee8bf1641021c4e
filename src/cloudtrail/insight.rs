//! An insight's parts -> the JSON of AWS's Insights record, key by key in AWS's order. Pure.
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::series::Category;
use crate::time::Minute;

/// What AWS writes since 2024.
pub const EVENT_VERSION: &str = "1.09";
/// The type of every Insights record.
pub const EVENT_TYPE: &str = "AwsCloudTrailInsight";
/// The category of every Insights record.
pub const EVENT_CATEGORY: &str = "Insight";
/// What stands for "no error" among the error codes: a string, not JSON's null.
pub const NO_ERROR: &str = "null";

/// Names of a record's service and API, for those who filter by them.
pub const EVENT_SOURCE: &str = "eventSource";
/// See [`EVENT_SOURCE`].
pub const EVENT_NAME: &str = "eventName";

/// A file of Insights records.
#[derive(Debug, Serialize)]
pub struct File<'a> {
    /// The only key, and so the first one.
    #[serde(rename = "Records")]
    pub records: Vec<Record<'a>>,
}

/// One Insights record: exactly these nine keys, in this order. A tenth makes real consumers drop the record.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    /// [`EVENT_VERSION`].
    pub event_version: &'static str,
    /// Start: the first unusual minute. End: the first usual one after it. Never with a fraction of a second.
    #[serde(serialize_with = "as_text")]
    pub event_time: Minute,
    /// Region of the calls.
    pub aws_region: &'a str,
    /// Different for Start and End.
    #[serde(rename = "eventID", serialize_with = "as_text")]
    pub event_id: Uuid,
    /// [`EVENT_TYPE`].
    pub event_type: &'static str,
    /// Account of the calls, 12 digits as text.
    pub recipient_account_id: &'a str,
    /// Common to Start and End.
    #[serde(rename = "sharedEventID", serialize_with = "as_text")]
    pub shared_event_id: Uuid,
    /// All the rest.
    pub insight_details: Details<'a>,
    /// [`EVENT_CATEGORY`].
    pub event_category: &'static str,
}

/// Which half of an insight a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// The series left its usual range.
    Start,
    /// It came back.
    End,
}

impl State {
    /// As AWS writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::End => "End",
        }
    }
}

/// `insightDetails`, in AWS's order.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details<'a> {
    /// Start or End.
    pub state: State,
    /// Service, such as `ec2.amazonaws.com`.
    pub event_source: &'a str,
    /// API, such as `RunInstances`.
    pub event_name: &'a str,
    /// `ApiCallRateInsight` or `ApiErrorRateInsight`.
    pub insight_type: &'static str,
    /// Error rates only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'a str>,
    /// Management or Data.
    pub source_event_category: Category,
    /// The numbers.
    pub insight_context: Context<'a>,
}

/// `insightContext`.
#[derive(Debug, Clone, Serialize)]
pub struct Context<'a> {
    /// Averages and durations.
    pub statistics: Statistics,
    /// Who, with what, and with which error.
    pub attributions: &'a [Attribution],
}

/// `statistics`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Calls a minute in the week before.
    pub baseline: Average,
    /// Calls a minute while it was unusual.
    pub insight: Average,
    /// Minutes that `insight` is an average of.
    pub insight_duration: i32,
    /// Minutes that `baseline` is an average of.
    pub baseline_duration: i32,
}

/// `{"average": n}`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Average {
    /// Calls a minute.
    pub average: f64,
}

/// One of `attributions`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// What its values are.
    pub attribute: Attribute,
    /// Values with most calls while the series was unusual.
    pub insight: Vec<Share>,
    /// Values with most calls in the week before.
    pub baseline: Vec<Share>,
}

/// What an attribution is about, in the order in which AWS lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Attribute {
    /// Who called.
    UserIdentityArn,
    /// With what.
    UserAgent,
    /// With which error; call rates only.
    ErrorCode,
    /// On what; data events only.
    ResourceArn,
}

impl Attribute {
    /// As AWS writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserIdentityArn => "userIdentityArn",
            Self::UserAgent => "userAgent",
            Self::ErrorCode => "errorCode",
            Self::ResourceArn => "resourceArn",
        }
    }
}

/// A value and its calls a minute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// As the records have it.
    #[serde(serialize_with = "as_text")]
    pub value: Arc<str>,
    /// Calls a minute, over all minutes of its side.
    pub average: f64,
}

/// Serializes anything as the text that it displays.
pub(crate) fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A record as far as its id.
#[derive(Debug, Deserialize)]
pub struct EventId {
    /// Such as `6f3c2f0d-58a1-4e0b-9d53-b7f10c84e2a6`.
    #[serde(rename = "eventID")]
    pub event_id: String,
}
