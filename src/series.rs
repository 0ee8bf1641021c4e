//! What is counted: the names of an API call -> the key of a time series. Pure.
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// CloudTrail's two categories of API calls that can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// Control plane: what is created, changed, described.
    Management,
    /// Data plane: objects, items, invocations.
    Data,
}

impl Category {
    /// As CloudTrail writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Management => "Management",
            Self::Data => "Data",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// One API of one account and region: the unit that has a rhythm of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Api {
    /// 12 digits.
    pub account: Arc<str>,
    /// Such as `eu-west-1`.
    pub region: Arc<str>,
    /// Such as `ec2.amazonaws.com`.
    pub event_source: Arc<str>,
    /// Such as `RunInstances`.
    pub event_name: Arc<str>,
    /// Management or data.
    pub category: Category,
}

impl fmt::Display for Api {
    /// `ACCOUNT/REGION/SOURCE/NAME`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}/{}", self.account, self.region, self.event_source, self.event_name)
    }
}

/// Which of an API's calls a series counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Write calls of the management plane, all calls of the data plane; failed ones included.
    CallRate,
    /// Calls, read or write, that failed with this code.
    ErrorRate {
        /// `errorCode` of the records.
        error_code: Arc<str>,
    },
}

impl Kind {
    /// AWS's name of the insight type.
    #[must_use]
    pub const fn insight_type(&self) -> &'static str {
        match self {
            Self::CallRate => "ApiCallRateInsight",
            Self::ErrorRate { .. } => "ApiErrorRateInsight",
        }
    }

    /// The error code of an error-rate series.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        match self {
            Self::CallRate => None,
            Self::ErrorRate { error_code } => Some(error_code),
        }
    }
}

/// One time series: an API, and which of its calls are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Whose calls.
    pub api: Api,
    /// Which of them.
    pub kind: Kind,
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::CallRate => write!(out, "{}", self.api),
            Kind::ErrorRate { error_code } => write!(out, "{} [{error_code}]", self.api),
        }
    }
}
