//! One JSON object of a log file -> the dozen fields that are counted, borrowed from the text. Pure.
use std::borrow::Cow;

/// What trailpulse reads of a CloudTrail record; `None` where the field is absent or null.
///
/// Source: AWS CloudTrail user guide, "CloudTrail record contents for management, data, and network activity events".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record<'a> {
    /// `eventTime`, RFC 3339.
    pub event_time: Option<Cow<'a, str>>,
    /// `eventSource`, such as `ec2.amazonaws.com`.
    pub event_source: Option<Cow<'a, str>>,
    /// `eventName`, such as `RunInstances`.
    pub event_name: Option<Cow<'a, str>>,
    /// `awsRegion`.
    pub region: Option<Cow<'a, str>>,
    /// `eventID`, a UUID since eventVersion 1.01.
    pub event_id: Option<Cow<'a, str>>,
    /// `eventType`, such as `AwsApiCall`, since eventVersion 1.02.
    pub event_type: Option<Cow<'a, str>>,
    /// `eventCategory`: Management, Data, `NetworkActivity` or Insight; since eventVersion 1.07.
    pub event_category: Option<Cow<'a, str>>,
    /// `managementEvent`, since eventVersion 1.06.
    pub management_event: Option<bool>,
    /// `readOnly`, dependable since eventVersion 1.06.
    pub read_only: Option<bool>,
    /// `recipientAccountId`, since eventVersion 1.02.
    pub recipient_account: Option<Cow<'a, str>>,
    /// `errorCode` of a failed call.
    pub error_code: Option<Cow<'a, str>>,
    /// `userAgent`, as the caller wrote it.
    pub user_agent: Option<Cow<'a, str>>,
    /// `userIdentity`.
    pub identity: Identity<'a>,
    /// Whether `responseElements` is there and not null: only writes have it.
    pub has_response: bool,
    /// Whether `addendum.reason` is `UPDATED_DATA`: a second record of an event that was delivered before.
    pub is_update: bool,
}

/// `userIdentity`: who called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity<'a> {
    /// `type`, such as `AssumedRole`.
    pub kind: Option<Cow<'a, str>>,
    /// `arn`.
    pub arn: Option<Cow<'a, str>>,
    /// `accountId` of the caller, which may differ from the account that received the call.
    pub account: Option<Cow<'a, str>>,
    /// `invokedBy`: the AWS service that made the call.
    pub invoked_by: Option<Cow<'a, str>>,
}

/// The JSON names of the fields that messages name.
pub mod field {
    /// When the call was made.
    pub const EVENT_TIME: &str = "eventTime";
    /// The service.
    pub const EVENT_SOURCE: &str = "eventSource";
    /// The API.
    pub const EVENT_NAME: &str = "eventName";
    /// The region.
    pub const AWS_REGION: &str = "awsRegion";
    /// The account that received the call.
    pub const RECIPIENT_ACCOUNT_ID: &str = "recipientAccountId";
}
