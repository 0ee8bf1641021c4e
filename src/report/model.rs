//! What a report says, in the order in which it says it. Only types; every format is made of these, and format `json` prints
//! them.
//!
//! Times are RFC 3339 in UTC, whole minutes; numbers of calls are a minute where nothing else is said. Texts are as the logs
//! have them, hostile ones included, but for `title`, `sentence`, `name` and `order`, which are safe to print on a terminal:
//! **every format has to escape all of them**.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attribution::Contributor;
use crate::explanation::Farthest;
use crate::time::{Minute, text};

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`super::FORMAT`].
    pub format: u32,
    /// Such as `26 insights in 4 accounts`.
    pub title: String,
    /// Version of the program.
    pub version: String,
    /// What judged, each once; none where all insights are AWS's.
    pub models: Vec<JudgedBy>,
    /// The time that the report is about: `totals` count the insights that were noticed in it. Those that were noticed before
    /// or after it but were going on in it are counted apart.
    pub span: Option<Span>,
    /// As much time before it; `None` where it was not judged, so that nothing can be compared.
    pub previous: Option<Span>,
    /// From the first to the last minute of `span` and of all insights: what a timeline shows. Insights before `span` are there
    /// for comparison only.
    pub timeline: Option<Span>,
    /// The times that were judged, in order; what is between them was not. `None` where nobody can say.
    pub judged: Option<Vec<Span>>,
    /// What was covered; `None` where that is not known.
    pub coverage: Option<Covered>,
    /// The time that `coverage` is about, where that is not `span`: that of the last run.
    pub coverage_of: Option<Span>,
    /// What could not be read of the results that the report is made of.
    pub unread: Vec<Skipped>,
    /// What makes all of it less certain, a sentence each; safe to print.
    pub notices: Vec<String>,
    /// How many insights.
    pub totals: Totals,
    /// How the order of `incidents` is made, in words.
    pub order: String,
    /// Insights that belong together, the most important first; those of before the span last.
    pub incidents: Vec<Incident>,
    /// Every insight once, in order of start.
    pub insights: Vec<Insight>,
    /// Calls of the series of `insights`; see [`super::graph`] for what is in them.
    pub graphs: Vec<Graph>,
}

/// Which parameters the detector ran with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedBy {
    /// Such as `default`.
    pub name: String,
    /// Digest of all parameters.
    pub digest: String,
    /// How easily something is unusual; 1 is the model as it is written.
    pub sensitivity: f64,
}

/// From one minute up to but without another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first minute.
    #[serde(with = "text")]
    pub from: Minute,
    /// The minute after the last.
    #[serde(with = "text")]
    pub to: Minute,
}

/// What was read and judged. Every record is in exactly one of `counted`, `duplicates`, `excluded` and `skipped`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Covered {
    /// Accounts with calls, sorted.
    pub accounts: Vec<String>,
    /// Regions with calls, sorted.
    pub regions: Vec<String>,
    /// Log files that were read; this and the numbers below are `None` where a state was judged again, which does not know.
    pub files: Option<u64>,
    /// Readable records.
    pub records: Option<u64>,
    /// Records that were counted.
    pub counted: Option<u64>,
    /// Of those, the ones that came too late to be judged.
    pub late: Option<u64>,
    /// Records of events that were counted before.
    pub duplicates: Option<u64>,
    /// Records that count nowhere, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// Files that are no logs, by kind.
    pub excluded_files: BTreeMap<String, u64>,
    /// Series with calls.
    pub series: u64,
    /// First and last minute with calls.
    pub calls: Option<Span>,
    /// From when on each account was judged.
    pub judged_from: Vec<JudgedFrom>,
    /// Insights that were noticed before this were left out, as somebody asked for.
    #[serde(with = "text::optional")]
    pub reported_from: Option<Minute>,
    /// Insights of earlier runs that have not ended, but are none of this report's.
    pub open_elsewhere: u64,
    /// Accounts with too little history for anything to be judged.
    pub warming_up: Vec<WarmingUp>,
    /// What could not be read, in whole or in part.
    pub skipped: Vec<Skipped>,
    /// What was left aside although nothing is wrong with it.
    pub ignored: Vec<Ignored>,
}

/// An account, and from when on it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedFrom {
    /// Which one.
    pub account: String,
    /// Before, there was too little history.
    #[serde(with = "text")]
    pub from: Minute,
}

/// An account that has not been watched for long enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WarmingUp {
    /// Which one.
    pub account: String,
    /// Days that it has been watched.
    pub days: f64,
    /// Days that the model wants.
    pub needed: f64,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which file.
    pub what: String,
    /// Why.
    pub why: String,
    /// Records that were lost, as far as that is known.
    pub records: u64,
}

/// Something that was left aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// Which file.
    pub what: String,
    /// Why.
    pub why: String,
}

/// How many insights were noticed within the span, and in as much time before. What is muted, or told by another insight
/// already, is counted apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All of them.
    pub insights: Compared,
    /// Those that were noticed before the span, but were going on in it.
    pub from_before: u64,
    /// Those that were noticed only after the span, but were going on in it already.
    pub noticed_later: u64,
    /// Of `from_before`, those that ended within the span.
    pub ended: u64,
    /// Of all these, those that have not ended.
    pub open: u64,
    /// Those that a rule of the user's mutes, going on or new; in none of the other numbers.
    pub muted: u64,
    /// Those of sums that only say what other insights say already; in none of the other numbers.
    pub told_twice: u64,
    /// By severity, the most urgent first; all four, but none where `insights.now` is not known. So are the others.
    pub by_severity: Vec<Total>,
    /// By type; both.
    pub by_type: Vec<Total>,
    /// By account, the most insights first; without sums that go over accounts.
    pub by_account: Vec<Total>,
    /// By service, such as `ec2`, the most insights first.
    pub by_service: Vec<Total>,
}

/// A number, now and before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Within the span; `None` where that was not all judged, or nobody can say whether it was, and none was found.
    pub now: Option<u64>,
    /// In as much time before; `None` where that was not judged.
    pub before: Option<u64>,
}

/// The insights of one account, or some such.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Of what.
    pub name: String,
    /// Within the span.
    pub now: u64,
    /// In as much time before; `None` where that was not judged.
    pub before: Option<u64>,
}

/// Insights that belong together: same principal, or same API in the same account, at most an hour apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Stays the same whatever joins later.
    pub id: String,
    /// `critical`, `high`, `medium` or `low`: that of the leading insight.
    pub severity: String,
    /// What happened, in a sentence.
    pub sentence: String,
    /// Who did most of it, without the name of a session; `None` where nobody is named.
    pub principal: Option<String>,
    /// First unusual minute.
    #[serde(with = "text")]
    pub from: Minute,
    /// First usual minute after all of it; `None` while any of it is open.
    #[serde(with = "text::optional")]
    pub until: Option<Minute>,
    /// Places in `Report::insights`, in order of start.
    pub insights: Vec<usize>,
    /// The one of them that says most.
    pub leading: usize,
    /// What its place is made of.
    pub importance: Importance,
    /// Whether nobody needs to hear of it: all its insights are muted, or told twice. Such come behind the others.
    pub silent: bool,
    /// Whether all its insights were over before the span of the report. Such come last.
    pub earlier: bool,
    /// Whether none of its insights was noticed in the span of the report, although one was going on in it.
    pub going_on: bool,
}

/// How much it matters, in points. See [`super::order`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The sum of the others: 0 to 8.
    pub score: f64,
    /// What the call can do in the wrong hands: 0, 2 or 4.
    pub dangerous: f64,
    /// How unlikely it was at its peak: 0 to 2.
    pub unlikely: f64,
    /// How large, against what is usual: 0 to 2.
    pub large: f64,
}

/// One insight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insight {
    /// The shared id of its Start and End.
    pub id: String,
    /// `ec2 RunInstances [Client.VcpuLimitExceeded]`.
    pub name: String,
    /// Whose calls.
    pub series: Series,
    /// `ApiCallRateInsight` or `ApiErrorRateInsight`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `up` or `down`.
    pub direction: String,
    /// `critical`, `high`, `medium` or `low`.
    pub severity: String,
    /// Who did most of it, without the name of a session; `None` where nobody is named.
    pub principal: Option<String>,
    /// First unusual minute.
    #[serde(with = "text")]
    pub from: Minute,
    /// First usual minute after it; `None` while it is open.
    #[serde(with = "text::optional")]
    pub until: Option<Minute>,
    /// `until`, or while it is open, up to where it was judged: so far it goes at least.
    #[serde(with = "text")]
    pub known_until: Minute,
    /// End of the minute in which it was noticed; `None` of AWS's own.
    #[serde(with = "text::optional")]
    pub detected_at: Option<Minute>,
    /// Calls a minute in the week before; `None` where AWS's record does not say.
    pub baseline_average: Option<f64>,
    /// Calls a minute while it was unusual.
    pub insight_average: Option<f64>,
    /// Minutes of `insight_average`; `None` in AWS's oldest records.
    pub duration: Option<i32>,
    /// Minutes of `baseline_average`; `None` in AWS's oldest records.
    pub baseline_duration: Option<i32>,
    /// `insight_average` in percent of `baseline_average`, as AWS's console has it; `None` where that is 0, or not known.
    pub rate_change: Option<f64>,
    /// Why it was flagged; `None` of AWS's own, which do not say.
    pub why: Option<Why>,
    /// Who, with what, and with which errors: identities, agents, error codes, resources.
    pub attributions: Vec<Attribution>,
    /// Its place in `Report::incidents`.
    pub incident: usize,
    /// How much it matters.
    pub importance: Importance,
    /// The user's rule that mutes it.
    pub muted_by: Option<String>,
    /// Why that rule was written.
    pub muted_because: Option<String>,
    /// Ids of the insights that tell all of it already.
    pub told_by: Vec<String>,
    /// Whether it was over before the span of the report.
    pub earlier: bool,
    /// Whether it was going on in the span of the report, but was noticed before it, or only after it.
    pub going_on: bool,
    /// Its Start and its End, as they were published.
    pub records: Vec<Record>,
    /// How to fetch the calls.
    pub queries: Queries,
    /// Its place in `Report::graphs`; `None` where its calls are not known.
    pub graph: Option<usize>,
}

/// A series by its names. Of a sum, `*` stands for what it goes over, and a principal in the place of the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// 12 digits.
    pub account: String,
    /// Such as `eu-west-1`.
    pub region: String,
    /// Such as `ec2.amazonaws.com`.
    pub source: String,
    /// The same in short, such as `ec2`.
    pub service: String,
    /// Such as `RunInstances`.
    pub name: String,
    /// `Management` or `Data`.
    pub category: String,
    /// Of failures, which code.
    pub error_code: Option<String>,
    /// What it is a sum of: `account`, `organization` or `principal`.
    pub roll_up: Option<String>,
}

/// Why an insight was flagged: the numbers of the window that crossed the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// In words.
    pub text: String,
    /// Which line: `contextual`, `record`, `first_seen` or `drop`.
    pub rule: String,
    /// Length of the window, minutes; it ended at `detected_at`.
    pub window_minutes: u32,
    /// Calls in it.
    pub observed: f64,
    /// Calls that are expected in it at most, of a fall at least.
    pub expected: f64,
    /// Standard deviation of the calls in it.
    pub deviation: f64,
    /// The total that had to be reached; of a fall, undercut.
    pub bound: f64,
    /// log10 of the probability of a total as extreme.
    pub log10_probability: f64,
    /// The same in words, such as `1 in 10^98`, but at the peak where that is known; `None` where it is likely.
    pub chance: Option<String>,
    /// Largest total of such a window before.
    pub largest_before: Option<f64>,
    /// Median of the same minutes of the seven days before.
    pub usual_time_of_day: Option<f64>,
    /// Median of the same minutes of the four weeks before.
    pub usual_time_of_week: Option<f64>,
    /// Age of the series, days.
    pub series_age_days: f64,
    /// How far it went, once it has ended.
    pub peak: Option<Farthest>,
    /// Who contributed most.
    pub contributors: Vec<Contributor>,
    /// Accounts with calls in the window; only of sums over accounts.
    pub accounts: Option<u64>,
    /// Which model judged, and how easily.
    pub model: JudgedBy,
}

/// One attribute, insight beside baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// As AWS names it, such as `userIdentityArn`.
    pub attribute: String,
    /// The same for a person, such as `Identities`.
    pub title: String,
    /// Its values, those that added most first.
    pub rows: Vec<Row>,
}

/// One value of an attribute. AWS lists five of each side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// As the logs have it; `no error` for AWS's `null`.
    pub value: String,
    /// Its calls a minute while it was unusual; `None` where it is not listed there.
    pub insight: Option<f64>,
    /// Its calls a minute in the week before; `None` where it is not listed there.
    pub baseline: Option<f64>,
    /// Its share of what was added to the baseline (of a fall: of what was missing), percent; what is not listed counts as none.
    /// `None` where nothing was.
    pub added: Option<f64>,
}

/// A Start or an End.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `Start` or `End`.
    pub state: String,
    /// Its `eventID`.
    pub id: String,
    /// The record as it was published, JSON in one line.
    pub json: String,
}

/// How to fetch the calls, from a minute before the start to a minute after the end, as AWS's console does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queries {
    /// For a shell; of data events and of sums over APIs there is none, since `LookupEvents` does not know them.
    pub lookup_events: Option<String>,
    /// For Athena, on the table `cloudtrail_logs` of AWS's documentation.
    pub athena: String,
}

/// Calls of one series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// Which one.
    pub series: Series,
    /// Its first minute.
    #[serde(with = "text")]
    pub from: Minute,
    /// The minute after its last.
    #[serde(with = "text")]
    pub to: Minute,
    /// Tracks: see [`super::graph`].
    pub data: String,
}
