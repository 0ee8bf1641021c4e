//! One record and what its file's key says -> an observation to count, or the reason why it counts nowhere. Pure.
use std::borrow::Cow;
use std::fmt;

use crate::cloudtrail::record::{Identity, Record, field};
use crate::series::Category;
use crate::time::Minute;

/// One API call, ready to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation<'a> {
    /// When it was made (UTC), whenever it was delivered.
    pub minute: Minute,
    /// The account that received it.
    pub account: Cow<'a, str>,
    /// Its region.
    pub region: Cow<'a, str>,
    /// Service.
    pub event_source: Cow<'a, str>,
    /// API.
    pub event_name: Cow<'a, str>,
    /// Management or data.
    pub category: Category,
    /// Whether it only read.
    pub read_only: bool,
    /// Why it failed; `None` where it succeeded.
    pub error_code: Option<Cow<'a, str>>,
    /// Who called: the ARN, else the invoking service, else the identity type, else empty.
    pub identity: Cow<'a, str>,
    /// What they called with; empty where the record says nothing.
    pub user_agent: Cow<'a, str>,
    /// The event's id; a record without one counts for itself.
    pub event_id: Option<Cow<'a, str>>,
}

/// Why a readable record counts nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exclusion {
    /// An AWS service's own event: nobody requested it.
    ServiceEvent,
    /// An Insights event, AWS's or ours.
    Insight,
    /// A network activity event of a VPC endpoint.
    NetworkActivity,
    /// An aggregated event: a summary of others.
    Aggregated,
    /// A second record (updated data) of an event that was delivered before.
    Update,
    /// Outside `--from` and `--to`.
    OutsideTimeRange,
    /// Of a counts table: of a minute that an earlier run with the same state has counted.
    CountedBefore,
}

impl Exclusion {
    /// The reason as it stands in `summary.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceEvent => "service_event",
            Self::Insight => "insight",
            Self::NetworkActivity => "network_activity",
            Self::Aggregated => "aggregated",
            Self::Update => "updated_data",
            Self::OutsideTimeRange => "outside_time_range",
            Self::CountedBefore => "counted_before",
        }
    }
}

/// Why a record cannot be counted although it is a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// A field without which a call cannot be counted is missing, null or empty.
    Missing(&'static str),
    /// The event time is not a time between 2013 and 2099.
    BadTime(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(out, "{field} is missing"),
            Self::BadTime(text) => {
                write!(out, "{} {text:?} is not a time between 2013 and 2099", field::EVENT_TIME)
            }
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It counts.
    Counted(Observation<'a>),
    /// It is fine, but counts nowhere.
    Excluded(Exclusion),
    /// It is broken.
    Unusable(Unusable),
}

/// What the file's key says of all its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyHints {
    /// Account in the key.
    pub account: Option<String>,
}

/// Decides what a record is. `hints` fill in what old records do not say.
#[must_use]
pub fn classify<'a>(record: Record<'a>, hints: &'a KeyHints) -> Verdict<'a> {
    match observation(record, hints) {
        Ok(observation) => Verdict::Counted(observation),
        Err(Not::Excluded(reason)) => Verdict::Excluded(reason),
        Err(Not::Unusable(reason)) => Verdict::Unusable(reason),
    }
}

enum Not {
    Excluded(Exclusion),
    Unusable(Unusable),
}

fn observation<'a>(record: Record<'a>, hints: &'a KeyHints) -> Result<Observation<'a>, Not> {
    if let Some(reason) = exclusion(&record) {
        return Err(Not::Excluded(reason));
    }
    let missing = |field| Not::Unusable(Unusable::Missing(field));
    let event_time = present(record.event_time).ok_or_else(|| missing(field::EVENT_TIME))?;
    let minute = Minute::parse(&event_time)
        .ok_or_else(|| Not::Unusable(Unusable::BadTime(event_time.chars().take(40).collect())))?;
    let event_source = present(record.event_source).ok_or_else(|| missing(field::EVENT_SOURCE))?;
    let event_name = present(record.event_name).ok_or_else(|| missing(field::EVENT_NAME))?;
    let region = present(record.region).ok_or_else(|| missing(field::AWS_REGION))?;
    let Identity { kind, arn, account, invoked_by } = record.identity;
    let account = present(record.recipient_account)
        .or_else(|| hints.account.as_deref().map(Cow::Borrowed))
        .or_else(|| present(account))
        .ok_or_else(|| missing(field::RECIPIENT_ACCOUNT_ID))?;
    let identity = present(arn).or_else(|| present(invoked_by)).or_else(|| present(kind));
    Ok(Observation {
        minute,
        account,
        region,
        category: category(
            record.event_category.as_deref(),
            record.management_event,
            &event_source,
            &event_name,
        ),
        read_only: record.read_only.unwrap_or_else(|| !record.has_response && is_read_verb(&event_name)),
        event_source,
        event_name,
        error_code: present(record.error_code),
        identity: identity.unwrap_or_default(),
        user_agent: record.user_agent.unwrap_or_default(),
        event_id: present(record.event_id),
    })
}

fn present(field: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    field.filter(|text| !text.is_empty())
}

fn exclusion(record: &Record<'_>) -> Option<Exclusion> {
    let event_type = record.event_type.as_deref().unwrap_or_default();
    let event_category = record.event_category.as_deref().unwrap_or_default();
    match (event_type, event_category) {
        ("AwsCloudTrailInsight", _) | (_, "Insight") => Some(Exclusion::Insight),
        ("AwsVpceEvent" | "AwsVpceEvents", _) | (_, "NetworkActivity") => Some(Exclusion::NetworkActivity),
        ("AwsAggregatedEvent", _) | (_, "Aggregated") => Some(Exclusion::Aggregated),
        ("AwsServiceEvent", _) => Some(Exclusion::ServiceEvent),
        _ => record.is_update.then_some(Exclusion::Update),
    }
}

/// The category as the record says it; older records only name the call.
fn category(named: Option<&str>, management_event: Option<bool>, source: &str, name: &str) -> Category {
    match (named, management_event) {
        (Some("Data"), _) => Category::Data,
        (Some("Management"), _) | (_, Some(true)) => Category::Management,
        (_, Some(false)) => Category::Data,
        (_, None) if is_data_call(source, name) => Category::Data,
        (_, None) => Category::Management,
    }
}

/// Verbs of calls that change nothing, as AWS names its APIs.
const READ_VERBS: [&str; 21] = [
    "Get",
    "List",
    "Describe",
    "Head",
    "Lookup",
    "BatchGet",
    "BatchDescribe",
    "BatchCheck",
    "Search",
    "Query",
    "Scan",
    "Select",
    "Check",
    "Test",
    "Verify",
    "Validate",
    "Simulate",
    "Estimate",
    "Preview",
    "Discover",
    "View",
];

fn is_read_verb(event_name: &str) -> bool {
    READ_VERBS.iter().any(|verb| {
        // "Getaway" is not a Get: the next character starts a new word.
        event_name
            .strip_prefix(verb)
            .is_some_and(|rest| rest.chars().next().is_none_or(|next| !next.is_ascii_lowercase()))
    })
}

/// Data-plane calls by service, for records older than `managementEvent` (eventVersion 1.06).
/// Source: AWS CloudTrail user guide, "Logging data events".
fn is_data_call(source: &str, name: &str) -> bool {
    match source {
        "s3.amazonaws.com" | "s3-outposts.amazonaws.com" | "s3express.amazonaws.com" => {
            matches!(
                name,
                "CreateMultipartUpload"
                    | "UploadPart"
                    | "UploadPartCopy"
                    | "ListParts"
                    | "CopyObject"
                    | "ListObjects"
                    | "ListObjectsV2"
                    | "ListObjectVersions"
                    | "HeadBucket"
                    | "HeadObject"
                    | "PutObject"
                    | "GetObject"
                    | "DeleteObject"
                    | "DeleteObjects"
                    | "RestoreObject"
                    | "SelectObjectContent"
                    | "GetObjectAcl"
                    | "GetObjectAttributes"
                    | "GetObjectLegalHold"
                    | "GetObjectRetention"
                    | "GetObjectTagging"
                    | "GetObjectTorrent"
                    | "PutObjectAcl"
                    | "PutObjectLegalHold"
                    | "PutObjectRetention"
                    | "PutObjectTagging"
                    | "DeleteObjectTagging"
            ) || name.ends_with("MultipartUpload")
        }
        "lambda.amazonaws.com" => matches!(name, "Invoke" | "InvokeAsync" | "InvokeExecution"),
        "dynamodb.amazonaws.com" => {
            name.ends_with("Item")
                || name.ends_with("Items")
                || matches!(name, "Query" | "Scan" | "GetRecords")
        }
        "sns.amazonaws.com" => matches!(name, "Publish" | "PublishBatch"),
        "sqs.amazonaws.com" => name.ends_with("Message") || name.ends_with("MessageBatch"),
        "kinesis.amazonaws.com" => {
            matches!(name, "PutRecord" | "PutRecords" | "GetRecords" | "GetShardIterator")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: impl FnOnce(&mut Record<'static>)) -> Record<'static> {
        let mut record = Record {
            event_time: Some("2026-01-02T03:04:05Z".into()),
            event_source: Some("ec2.amazonaws.com".into()),
            event_name: Some("RunInstances".into()),
            region: Some("eu-west-1".into()),
            recipient_account: Some("111122223333".into()),
            ..Record::default()
        };
        fields(&mut record);
        record
    }

    fn verdict(fields: impl FnOnce(&mut Record<'static>)) -> String {
        let hints = KeyHints { account: Some("444455556666".to_owned()) };
        match classify(record(fields), &hints) {
            Verdict::Counted(seen) => format!(
                "{} {} {}",
                seen.account,
                if seen.read_only { "read" } else { "write" },
                seen.category
            ),
            Verdict::Excluded(reason) => reason.name().to_owned(),
            Verdict::Unusable(reason) => reason.to_string(),
        }
    }

    /// Checks what becomes of a sound record with these fields changed.
    fn check(case: &str, want: &str, fields: impl FnOnce(&mut Record<'static>)) {
        assert_eq!(verdict(fields), want, "{case}");
    }

    #[test]
    fn write_or_read() {
        let write = "111122223333 write Management";
        let read = "111122223333 read Management";
        check("readOnly says write", write, |record| {
            (record.read_only, record.event_name) = (Some(false), Some("GetX".into()));
        });
        check("readOnly says read", read, |record| {
            (record.read_only, record.has_response) = (Some(true), true);
        });
        check("a response means write", write, |record| {
            (record.has_response, record.event_name) = (true, Some("TestFailover".into()));
        });
        check("the verb says read", read, |record| record.event_name = Some("ListBuckets".into()));
        check("no verb that reads", write, |_| {});
    }

    #[test]
    fn read_verbs() {
        let reads = "BatchCheckLayerAvailability BatchDescribeMergeConflicts BatchGetImage CheckDomainAvailability \
                     DescribeInstances DiscoverInstances EstimateTemplateCost Get GetObject GetCallerIdentity \
                     HeadBucket ListTagsForResource LookupEvents PreviewAgents QueryObjects ScanSbom SearchResources \
                     SelectResourceConfig SimulatePrincipalPolicy TestEventPattern ValidateTemplate VerifyTrust \
                     ViewBilling List2";
        let writes = "AssumeRole CheckoutLicense ConsoleLogin CreateTags Getaway GenerateDataKey Listen Tester \
                      PutObject RunInstances Selection Headless UpdateItem getObject X";
        for (names, want) in [(reads, true), (writes, false)] {
            for name in names.split_whitespace() {
                assert_eq!(is_read_verb(name), want, "{name}");
            }
        }
    }

    #[test]
    fn management_or_data() {
        let is = |category, management_event, source: &str, name: &str| {
            self::category(category, management_event, source, name)
        };
        let s3 = "s3.amazonaws.com";
        for (category, management_event, source, name, want) in [
            (Some("Data"), Some(true), "x", "X", Category::Data),
            (Some("Management"), Some(false), s3, "GetObject", Category::Management),
            (None, Some(true), s3, "GetObject", Category::Management),
            (None, Some(false), "x", "X", Category::Data),
            (None, None, s3, "GetObject", Category::Data),
            (None, None, s3, "PutObjectAcl", Category::Data),
            (None, None, s3, "AbortMultipartUpload", Category::Data),
            (None, None, s3, "GetBucketAcl", Category::Management),
            (None, None, s3, "ListBuckets", Category::Management),
            (None, None, "lambda.amazonaws.com", "Invoke", Category::Data),
            (None, None, "lambda.amazonaws.com", "CreateFunction20150331", Category::Management),
            (None, None, "dynamodb.amazonaws.com", "BatchGetItem", Category::Data),
            (None, None, "dynamodb.amazonaws.com", "TransactWriteItems", Category::Data),
            (None, None, "dynamodb.amazonaws.com", "DescribeTable", Category::Management),
            (None, None, "sqs.amazonaws.com", "SendMessage", Category::Data),
            (None, None, "x", "GetObject", Category::Management),
            (Some("Odd"), None, "x", "X", Category::Management),
        ] {
            assert_eq!(is(category, management_event, source, name), want, "{category:?} {source} {name}");
        }
    }

    #[test]
    fn accounts() {
        let identity =
            |account: &'static str| Identity { account: Some(account.into()), ..Identity::default() };
        check("the record's own", "111122223333 write Management", |record| record.identity = identity("7"));
        check("the key's", "444455556666 write Management", |record| {
            (record.recipient_account, record.identity) = (None, identity("7"));
        });
        let bare =
            record(|record| (record.recipient_account, record.identity) = (Some("".into()), identity("7")));
        let hints = KeyHints::default();
        let Verdict::Counted(seen) = classify(bare.clone(), &hints) else { panic!("it counts") };
        assert_eq!(seen.account, "7");
        let none = Verdict::Unusable(Unusable::Missing("recipientAccountId"));
        assert_eq!(classify(Record { identity: Identity::default(), ..bare }, &hints), none);
    }

    #[test]
    fn exclusions() {
        let event_type = |text: &'static str| verdict(|record| record.event_type = Some(text.into()));
        let category = |text: &'static str| verdict(|record| record.event_category = Some(text.into()));
        assert_eq!(event_type("AwsServiceEvent"), "service_event");
        assert_eq!(event_type("AwsCloudTrailInsight"), "insight");
        assert_eq!(category("Insight"), "insight");
        assert_eq!(event_type("AwsVpceEvent"), "network_activity");
        assert_eq!(event_type("AwsVpceEvents"), "network_activity");
        assert_eq!(category("NetworkActivity"), "network_activity");
        assert_eq!(event_type("AwsAggregatedEvent"), "aggregated");
        assert_eq!(category("Aggregated"), "aggregated");
        check("update", "updated_data", |record| record.is_update = true);
        for counted in ["AwsApiCall", "AwsConsoleAction", "AwsConsoleSignIn", "SomethingNew"] {
            assert_eq!(event_type(counted), "111122223333 write Management", "{counted}");
        }
        check("an Insight needs no fields of a call", "insight", |record| {
            *record = Record { event_category: Some("Insight".into()), ..Record::default() };
        });
    }

    #[test]
    fn unusable_records() {
        check("no time", "eventTime is missing", |record| record.event_time = None);
        check("no source", "eventSource is missing", |record| record.event_source = Some("".into()));
        check("no name", "eventName is missing", |record| record.event_name = None);
        check("no region", "awsRegion is missing", |record| record.region = None);
        let why = "eventTime \"\\u{1b}[2J\" is not a time between 2013 and 2099";
        check("a hostile time", why, |record| record.event_time = Some("\u{1B}[2J".into()));
        let long = verdict(|record| record.event_time = Some("x".repeat(1 << 20).into()));
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn who_and_with_what() {
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        let full = Identity { kind: text("Root"), arn: text("arn:x"), account: None, invoked_by: text("s3") };
        let identity = |identity: Identity<'static>| {
            let hints = KeyHints::default();
            match classify(record(|record| record.identity = identity), &hints) {
                Verdict::Counted(seen) => seen.identity.into_owned(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(identity(full.clone()), "arn:x");
        assert_eq!(identity(Identity { arn: None, ..full.clone() }), "s3");
        assert_eq!(identity(Identity { arn: text(""), invoked_by: None, ..full }), "Root");
        assert_eq!(identity(Identity::default()), "");
    }
}
