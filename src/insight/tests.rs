//! Worked examples of AWS's own records, rebuilt from counts; ties, ids and a naive recount as properties.
use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::aggregate::{Attribution as Columns, Batch};
use crate::classify::Observation;
use crate::detect::{Direction, Peak, Rule};
use crate::severity::Severity;

pub(crate) fn at(text: &str) -> Minute {
    Minute::parse(text).expect("a time")
}

pub(crate) fn model() -> ModelId {
    ModelId { name: "default".into(), digest: "0123abcd".into(), sensitivity: 1.0 }
}

/// A successful write call of the management plane.
pub(crate) fn call<'a>(minute: &str, source: &'a str, name: &'a str) -> Observation<'a> {
    Observation {
        minute: at(minute),
        account: "111122223333".into(),
        region: "us-east-1".into(),
        event_source: source.into(),
        event_name: name.into(),
        category: Category::Management,
        read_only: false,
        error_code: None,
        identity: "arn:aws:iam::111122223333:user/Alice".into(),
        user_agent: "aws-cli/2".into(),
        event_id: None,
    }
}

pub(crate) fn counts(columns: Columns, calls: &[(Observation<'_>, u32)]) -> Counts {
    let mut batch = Batch::new(columns);
    for (observation, calls) in calls {
        batch.count(observation, *calls);
    }
    let mut counts = Counts::default();
    counts.add(0, &batch.hand_over());
    counts.settle();
    counts
}

pub(crate) const EVIDENCE: Evidence = Evidence {
    rule: Rule::Contextual,
    direction: Direction::Up,
    window_minutes: 5,
    observed: 3.0,
    expected: 0.125,
    deviation: 0.5,
    bound: 2.5,
    bounds: [None, Some(2.5), None, None],
    log10_probability: -12.25,
    largest_before: Some(1.0),
    series_age_days: 28.0,
};

/// Less than what it opened with: nothing to tell of.
pub(crate) const PEAK: Peak = Peak {
    at: Minute::from_epoch(0),
    window_minutes: 1,
    observed: 1.0,
    expected: 0.125,
    log10_probability: -1.0,
    times: 1.0,
};

/// The episode of the only API of `counts`, of its call rate or of its failures with `code`.
pub(crate) fn opening(counts: &Counts, code: Option<&str>, start: &str, detected_at: &str) -> Opening {
    let which = code.map_or(Which::Calls, |code| {
        Which::Errors(counts.names().find_text(code).expect("a counted code").number())
    });
    let api = counts.names().api_ids().next().expect("an API");
    Opening { api, which, start: at(start), detected_at: at(detected_at), evidence: EVIDENCE }
}

fn details(insight: &Insight) -> Value {
    serde_json::to_value(insight.record()).expect("JSON")["insightDetails"].take()
}

fn one(value: &str, average: f64) -> Value {
    json!({"value": value, "average": average})
}

/// AWS CloudTrail user guide, 2020: three calls in five minutes, one in the 11336 before.
#[test]
fn aws_call_rate_start() {
    let source = "autoscaling.amazonaws.com";
    let role = |role| format!("arn:aws:sts::012345678901:assumed-role/CodeDeployRole{role}");
    let made = |minute, number| Observation {
        identity: role(number).into(),
        user_agent: "codedeploy.amazonaws.com".into(),
        ..call(minute, source, "CompleteLifecycleAction")
    };
    let read = Observation { read_only: true, ..made("2020-07-21T20:57:00Z", 9) };
    let counts = counts(
        Columns::Kept,
        &[
            (made("2020-07-13T23:59:00Z", 1), 7), // before the baseline
            (made("2020-07-14T00:00:00Z", 1), 1),
            (made("2020-07-21T20:56:00Z", 3), 1),
            (made("2020-07-21T20:58:00Z", 2), 1),
            (made("2020-07-21T21:00:00Z", 1), 1),
            (made("2020-07-21T21:01:00Z", 1), 7), // after the detection
            (read, 7),
        ],
    );
    let start =
        start_of(&counts, &opening(&counts, None, "2020-07-21T20:56:00Z", "2020-07-21T21:01:00Z"), &model());
    let before = 0.000_088_214_5;
    assert_eq!(
        details(&start),
        json!({
            "state": "Start", "eventSource": source, "eventName": "CompleteLifecycleAction",
            "insightType": "ApiCallRateInsight", "sourceEventCategory": "Management",
            "insightContext": {
                "statistics": {
                    "baseline": {"average": before}, "insight": {"average": 0.6},
                    "insightDuration": 5, "baselineDuration": 11336
                },
                "attributions": [
                    {"attribute": "userIdentityArn",
                     "insight": [one(&role(1), 0.2), one(&role(2), 0.2), one(&role(3), 0.2)],
                     "baseline": [one(&role(1), before)]},
                    {"attribute": "userAgent",
                     "insight": [one("codedeploy.amazonaws.com", 0.6)],
                     "baseline": [one("codedeploy.amazonaws.com", before)]},
                    {"attribute": "errorCode", "insight": [one("null", 0.6)], "baseline": [one("null", before)]}
                ]
            }
        })
    );
}

/// A customer's record of 2022 (SEKOIA-IO/intake-formats): four failures in three minutes, 23 in the 10542 before.
#[test]
fn aws_error_rate_end() {
    let agent =
        |kernel| format!("[S3Console/0.4, aws-internal/3 Linux/5.4.{kernel} cfg/retry-mode/standard]");
    let config = "arn:aws:sts::1111111111:assumed-role/AWSServiceRoleForConfig/AWSConfig-Describe";
    let root = "arn:aws:iam::1111111111:root";
    let made = |minute, identity, agent: String| Observation {
        identity: Cow::Borrowed(identity),
        user_agent: agent.into(),
        error_code: Some("NoSuchBucketPolicy".into()),
        read_only: true,
        ..call(minute, "s3.amazonaws.com", "GetBucketPolicy")
    };
    let fine = Observation { error_code: None, ..made("2022-09-05T07:43:00Z", root, agent(204)) };
    let write = Observation { read_only: false, ..made("2022-09-05T07:44:00Z", root, agent(207)) };
    let counts = counts(
        Columns::Kept,
        &[
            (made("2022-08-29T00:00:00Z", root, agent(204)), 11),
            (made("2022-09-01T12:00:00Z", root, agent(207)), 10),
            (made("2022-09-05T07:40:00Z", root, "AWS Internal".into()), 1),
            (made("2022-09-05T07:41:00Z", config, "AWS Internal".into()), 1),
            (made("2022-09-05T07:42:00Z", root, agent(204)), 2),
            (made("2022-09-05T07:44:00Z", root, agent(207)), 1),
            (write, 1), // errors of writes count as well
            (fine, 100),
        ],
    );
    let opening =
        opening(&counts, Some("NoSuchBucketPolicy"), "2022-09-05T07:42:00Z", "2022-09-05T07:43:00Z");
    let closing =
        Closing { end: at("2022-09-05T07:45:00Z"), closed_at: at("2022-09-05T08:00:00Z"), peak: PEAK };
    let end = end_of(&counts, &opening, closing, &model());
    assert_eq!(
        details(&end),
        json!({
            "state": "End", "eventSource": "s3.amazonaws.com", "eventName": "GetBucketPolicy",
            "insightType": "ApiErrorRateInsight", "errorCode": "NoSuchBucketPolicy",
            "sourceEventCategory": "Management",
            "insightContext": {
                "statistics": {
                    "baseline": {"average": 0.002_181_749_2}, "insight": {"average": 1.333_333_333_3},
                    "insightDuration": 3, "baselineDuration": 10542
                },
                "attributions": [
                    {"attribute": "userIdentityArn", "insight": [one(root, 1.333_333_333_3)],
                     "baseline": [one(root, 0.002_086_890_5), one(config, 9.485_87e-5)]},
                    {"attribute": "userAgent",
                     "insight": [one(&agent(204), 0.666_666_666_7), one(&agent(207), 0.666_666_666_7)],
                     "baseline": [one(&agent(204), 0.001_043_445_3), one(&agent(207), 0.000_948_586_6),
                                  one("AWS Internal", 0.000_189_717_3)]}
                ]
            }
        })
    );
    assert_eq!((end.event_time, end.emitted_at), (closing.end, closing.closed_at));
}

/// AWS CloudTrail user guide, 2024: six failures in one minute, noticed after five: 1.2 at the Start, 6 at the End.
#[test]
fn an_end_may_lie_before_the_detection() {
    let failed = |calls| {
        let made = call("2024-12-11T16:52:00Z", "cloudtrail.amazonaws.com", "DescribeQuery");
        (Observation { error_code: Some("QueryIdNotFoundException".into()), ..made }, calls)
    };
    let counts = counts(Columns::Kept, &[failed(6)]);
    let opening =
        opening(&counts, Some("QueryIdNotFoundException"), "2024-12-11T16:52:00Z", "2024-12-11T16:57:00Z");
    let closing =
        Closing { end: at("2024-12-11T16:53:00Z"), closed_at: at("2024-12-11T17:10:00Z"), peak: PEAK };
    let numbers = |insight: Insight| {
        let Statistics { baseline_average, insight_average, insight_duration, baseline_duration } =
            insight.statistics;
        (baseline_average, insight_average, insight_duration, baseline_duration)
    };
    assert_eq!(numbers(start_of(&counts, &opening, &model())), (0.0, 1.2, 5, 11092));
    assert_eq!(numbers(end_of(&counts, &opening, closing, &model())), (0.0, 6.0, 1, 11092));
}

fn insight_sides(insight: &Insight) -> Vec<(String, Vec<String>)> {
    let name = |attribution: &Attribution| serde_json::to_value(attribution.attribute).expect("JSON");
    let values = |attribution: &Attribution| {
        attribution.insight.iter().map(|share| format!("{} {}", share.value, share.average)).collect()
    };
    let sides = insight.attributions.iter();
    sides.map(|sides| (name(sides).as_str().expect("a name").to_owned(), values(sides))).collect()
}

fn check_attributions(columns: Columns, calls: &[(Observation<'_>, u32)], want: &[(&str, &[&str])]) {
    let counts = counts(columns, calls);
    let start =
        start_of(&counts, &opening(&counts, None, "2026-01-31T10:00:00Z", "2026-01-31T10:10:00Z"), &model());
    let got = insight_sides(&start);
    let got: Vec<(&str, Vec<&str>)> =
        got.iter().map(|(name, values)| (&**name, values.iter().map(String::as_str).collect())).collect();
    let want: Vec<(&str, Vec<&str>)> = want.iter().map(|(name, values)| (*name, values.to_vec())).collect();
    assert_eq!(got, want);
}

#[test]
fn attributions_list_five_by_calls_then_by_value() {
    let by = |identity, agent, calls| {
        let made = call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances");
        (Observation { identity: Cow::Borrowed(identity), user_agent: Cow::Borrowed(agent), ..made }, calls)
    };
    let calls =
        [by("f", "x", 3), by("b", "", 3), by("e", "", 3), by("a", "x", 1), by("c", "", 3), by("d", "", 4)];
    check_attributions(
        Columns::Kept,
        &calls,
        &[
            ("userIdentityArn", &["d 0.4", "b 0.3", "c 0.3", "e 0.3", "f 0.3"]),
            ("userAgent", &["x 0.4"]), // records without an agent name none
            ("errorCode", &["null 1.7"]),
        ],
    );
    let nobody: &[(&str, &[&str])] =
        &[("userIdentityArn", &[]), ("userAgent", &[]), ("errorCode", &["null 1.7"])];
    check_attributions(Columns::Dropped, &calls, nobody);
}

#[test]
fn data_events_count_reads_and_end_with_resources() {
    let get = |read_only, error_code: Option<&'static str>| {
        let made = call("2026-01-31T10:00:00Z", "s3.amazonaws.com", "GetObject");
        let error_code = error_code.map(Cow::Borrowed);
        (Observation { category: Category::Data, read_only, error_code, ..made }, 10)
    };
    check_attributions(
        Columns::Kept,
        &[get(true, None), get(true, Some("AccessDenied")), get(false, None)],
        &[
            ("userIdentityArn", &["arn:aws:iam::111122223333:user/Alice 3"]),
            ("userAgent", &["aws-cli/2 3"]),
            ("errorCode", &["null 2", "AccessDenied 1"]),
            ("resourceArn", &[]),
        ],
    );
}

#[test]
fn events_pair_up_and_what_is_open_stays_open() {
    let counts =
        counts(Columns::Kept, &[(call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances"), 1)]);
    let api = counts.names().api_ids().next().expect("an API");
    let minute = |minute| at("2026-01-31T10:00:00Z").plus(minute);
    let opened = |start| Event::Opened {
        which: Which::Calls,
        start: minute(start),
        detected_at: minute(start + 2),
        evidence: EVIDENCE,
    };
    let closed = |start| Event::Closed {
        which: Which::Calls,
        start: minute(start),
        end: minute(start + 5),
        closed_at: minute(start + 20),
        peak: PEAK,
    };
    let states = |insights: &[Insight]| {
        insights.iter().map(|insight| (insight.state, insight.start.since(minute(0)))).collect::<Vec<_>>()
    };
    let mut open = Vec::new();
    let stray = closed(-90);
    let night = insights(&counts, api, &[stray, opened(0), closed(0), opened(60)], &mut open, &model());
    assert_eq!(states(&night), [(State::Start, 0), (State::End, 0), (State::Start, 60)]);
    assert_eq!(open.iter().map(|opening| opening.start).collect::<Vec<_>>(), [minute(60)]);

    let next = insights(&counts, api, &[closed(60)], &mut open, &model());
    assert_eq!((states(&next), open.len()), (vec![(State::End, 60)], 0));
    assert_eq!(next[0].shared_id, night[2].shared_id);
    assert_ne!(next[0].event_id, night[2].event_id);
}

#[test]
fn ids_never_change() {
    let counts =
        counts(Columns::Dropped, &[(call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances"), 1)]);
    let opening = opening(&counts, None, "2026-01-31T10:00:00Z", "2026-01-31T10:01:00Z");
    let start = start_of(&counts, &opening, &model());
    assert_eq!(start.shared_id.to_string(), "6c37522a-9f25-5f2d-8d19-4d7a96cdb113");
    assert_eq!(start.event_id.to_string(), "05487ac1-9a61-53b5-b41e-253a883b56b2");
    assert_eq!(start.shared_id.get_version_num(), 5);
}

fn check_text(code: Option<&'static str>, evidence: Evidence, want: &str) {
    let by = |minute, identity, calls| {
        let made = call(minute, "ec2.amazonaws.com", "RunInstances");
        let identity = Cow::Borrowed(identity);
        (Observation { identity, error_code: code.map(Cow::Borrowed), ..made }, calls)
    };
    let counts = counts(
        Columns::Kept,
        &[
            by("2026-01-30T10:00:00Z", "arn:aws:sts::1:assumed-role/backup/s", 99),
            by("2026-01-31T09:57:00Z", "arn:aws:sts::1:assumed-role/ci-deployer/b", 100),
            by("2026-01-31T09:58:00Z", "arn:aws:sts::1:assumed-role/ci-deployer/a", 140),
            by("2026-01-31T09:59:00Z", "arn:aws:iam::1:user/\u{1b}[31m\u{202e}eve", 20),
        ],
    );
    let opening =
        Opening { evidence, ..opening(&counts, code, "2026-01-31T09:57:00Z", "2026-01-31T10:00:00Z") };
    assert_eq!(start_of(&counts, &opening, &model()).explanation.text, want);
}

#[test]
fn texts_say_what_was_seen_and_who() {
    let burst = Evidence {
        observed: 260.0,
        expected: 2.1,
        bound: 14.0,
        log10_probability: -98.4,
        largest_before: Some(9.0),
        ..EVIDENCE
    };
    check_text(
        None,
        burst,
        "RunInstances was called 260 times in 5 min (chance 1 in 10^98); at most 2.1 are expected at this time, the line \
         is 14; the most in 5 min before was 9; the series is 28 d old; \
         mostly role/ci-deployer (240 of 260, usually 0)",
    );
    check_text(
        Some("Client.\u{7}Oops"),
        Evidence {
            rule: Rule::Record,
            log10_probability: -4.0,
            largest_before: None,
            series_age_days: 0.5,
            ..burst
        },
        "RunInstances failed 260 times with Client.\u{FFFD}Oops in 5 min (chance 1 in 10,000); 2.1 are expected of its \
         calls in these minutes, the line is 14; the series is 12 h \
         old; mostly role/ci-deployer (240 of 260, usually 0)",
    );
    check_text(
        None,
        Evidence {
            rule: Rule::FirstSeen,
            expected: 0.0,
            log10_probability: 0.0,
            window_minutes: 1,
            observed: 20.0,
            ..burst
        },
        "RunInstances was called 20 times in 1 min; at most 0 are expected at this time, the line is 14; the most in \
         1 min before was 9; the series is 28 d old; mostly user/\u{FFFD}[31m\u{FFFD}eve (20 of 20, usually 0)",
    );
    check_text(
        None,
        Evidence {
            rule: Rule::Drop,
            direction: Direction::Down,
            observed: 0.0,
            expected: 600.0,
            bound: 150.0,
            window_minutes: 30,
            log10_probability: f64::NEG_INFINITY,
            ..burst
        },
        "RunInstances was called not once in 30 min (chance 1 in 10^9999); at least 600 are expected at this time, the \
         line is 150; the most in 30 min before was 9; the series is \
         28 d old; most is missing from role/backup (0, usually 0.28)",
    );
}

#[test]
fn explanations_have_their_fields_in_order_and_finite_numbers() {
    let counts =
        counts(Columns::Kept, &[(call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances"), 3)]);
    let opening = opening(&counts, None, "2026-01-31T10:00:00Z", "2026-01-31T10:01:00Z");
    let evidence = Evidence { log10_probability: f64::NEG_INFINITY, largest_before: None, ..EVIDENCE };
    let start = start_of(&counts, &Opening { evidence, ..opening }, &model());
    let text = start.explanation.text.clone();
    assert_eq!(
        serde_json::to_string(&start.explanation).expect("JSON"),
        format!(
            r#"{{"detected_at":"2026-01-31T10:01:00Z","direction":"up","window_minutes":5,"observed":3.0,"expected":0.125,"deviation":0.5,"bound":2.5,"log10_probability":-9999.0,"largest_before":null,"series_age_days":28.0,"usual_time_of_day":null,"usual_time_of_week":null,"contributors":[{{"attribute":"identity","value":"arn:aws:iam::111122223333:user/Alice","calls":3,"usual":0.0}},{{"attribute":"user_agent","value":"aws-cli/2","calls":3,"usual":0.0}}],"severity":"critical","rule":"contextual","text":"{text}","model":"default","model_digest":"0123abcd","sensitivity":1.0}}"#
        )
    );
    let peak = Peak {
        at: at("2026-01-31T10:02:00Z"),
        window_minutes: 30,
        observed: 64.0,
        expected: 1.0,
        log10_probability: -70.25,
        times: 64.0,
    };
    let closing = Closing { end: at("2026-01-31T10:03:00Z"), closed_at: at("2026-01-31T10:18:00Z"), peak };
    let end = end_of(&counts, &opening, closing, &model()).explanation;
    let opened = start_of(&counts, &opening, &model()).explanation;
    assert_eq!(
        end.text,
        format!(
            "back to usual after 3 min: RunInstances was called 3 times, 1 a minute against 0 in the week before; \
             at its peak 64 in the 30 min up to 2026-01-31 10:02 (chance 1 in 10^70), where at most 1 is expected at that \
             time; it had begun with: {}",
            opened.text
        )
    );
    assert_eq!(
        serde_json::to_string(&end.peak).expect("JSON"),
        r#"{"at":"2026-01-31T10:02:00Z","window_minutes":30,"observed":64.0,"expected":1.0,"log10_probability":-70.25}"#
    );
    assert_eq!((opened.severity, end.severity), (Severity::High, Severity::Critical));
    assert_eq!(
        Explanation { text: opened.text.clone(), peak: None, severity: opened.severity, ..end },
        opened
    );
}

#[test]
fn what_is_usual_is_told_for_the_day_and_the_week() {
    let made = |day: i32, calls| {
        let base = call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances");
        (Observation { minute: base.minute.plus(day * MINUTES_PER_DAY), ..base }, calls)
    };
    // A window of five minutes up to 10:01.
    let check = |made: &[(Observation<'_>, u32)], want: (Option<f64>, Option<f64>)| {
        let counts = counts(Columns::Kept, made);
        let opening = opening(&counts, None, "2026-01-31T10:00:00Z", "2026-01-31T10:01:00Z");
        let why = start_of(&counts, &opening, &model()).explanation;
        assert_eq!((why.usual_time_of_day, why.usual_time_of_week), want, "{made:?}");
        let told = why.text.split("; ").find(|part| part.starts_with("the same")).map(str::to_owned);
        let words = match want {
            (Some(day), Some(week)) => Some(format!("{day} on the days before, {week} in the weeks before")),
            (Some(day), None) => Some(format!("{day} on the days before")),
            _ => None,
        };
        assert_eq!(told, words.map(|words| format!("the same 5 min usually had {words}")));
    };
    check(&[made(0, 9)], (None, None));
    // Two days were watched whole, on the first of which nothing was called in these minutes.
    check(&[made(-3, 1), made(-1, 7), made(0, 9)], (Some(3.5), None));
    check(&[made(-30, 1), made(-7, 8), made(-14, 2), made(-21, 4), made(0, 9)], (Some(0.0), Some(3.0)));
}

#[test]
fn contributors_are_those_above_their_usual_number() {
    let role = |role: &str, session: &str| format!("arn:aws:sts::111122223333:assumed-role/{role}/{session}");
    let base = call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances");
    let by = |minute: i32, identity: String, error: Option<&'static str>, calls| {
        let error_code = error.map(Cow::Borrowed);
        let minute = base.minute.plus(minute);
        (Observation { minute, identity: identity.into(), error_code, ..base.clone() }, calls)
    };
    let counts = counts(
        Columns::Kept,
        &[
            by(-1000, role("app", "a"), None, 2136), // one in five minutes
            by(-1000, role("gone", "a"), Some("Old"), 2136 * 4),
            by(0, role("app", "b"), Some("Denied"), 1),
            by(0, role("new", "x"), Some("Denied"), 4),
            by(0, role("new", "y"), None, 5),
        ],
    );
    let opening = opening(&counts, None, "2026-01-31T10:00:00Z", "2026-01-31T10:01:00Z");
    let told = |evidence: Evidence| -> Vec<String> {
        let why = start_of(&counts, &Opening { evidence, ..opening }, &model()).explanation;
        let rows = why.contributors.iter();
        rows.map(|it| format!("{:?} {} {} {}", it.attribute, it.value, it.calls, it.usual)).collect()
    };
    let arn = |name: &str| format!("arn:aws:sts::111122223333:assumed-role/{name}");
    assert_eq!(
        told(EVIDENCE),
        [
            format!("Identity {} 9 0", arn("new")),
            "UserAgent aws-cli/2 10 5".into(),
            "ErrorCode Denied 5 0".into()
        ]
    );
    let fall = Evidence { direction: Direction::Down, rule: Rule::Drop, ..EVIDENCE };
    assert_eq!(told(fall), [format!("Identity {} 0 4", arn("gone")), "ErrorCode Old 0 4".into()]);
}

/// Calls of one API around an episode: minute from ten days before its start, who, with which error, read or write.
type Made = (i32, u8, Option<u8>, bool);

fn observations<'a>(start: Minute, made: &[Made], errors: &'a [String]) -> Vec<(Observation<'a>, u32)> {
    let observation = |&(minute, who, error, read_only): &Made| Observation {
        minute: start.plus(minute),
        identity: format!("user{who}").into(),
        error_code: error.map(|error| Cow::Borrowed(&*errors[usize::from(error)])),
        read_only,
        ..call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances")
    };
    made.iter().map(|made| (observation(made), 1)).collect()
}

proptest! {
    #[test]
    fn numbers_are_those_of_a_naive_count(
        start in 29_000_000_i32..29_010_000,
        minutes in 1_i32..200,
        made in prop::collection::vec((-12_000_i32..400, 0_u8..8, prop::option::of(0_u8..3), any::<bool>()), 1..300),
        code in prop::option::of(0_u8..3),
    ) {
        let start = Minute::from_epoch(start);
        let errors: Vec<String> = (0..3).map(|error| format!("Error{error}")).collect();
        let counts = counts(Columns::Kept, &observations(start, &made, &errors));
        let named = code.map(|code| &*errors[usize::from(code)]);
        prop_assume!(named.is_none_or(|code| counts.names().find_text(code).is_some()));
        let opening = Opening { start, detected_at: start.plus(minutes), ..opening(&counts, named, "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z") };
        let insight = start_of(&counts, &opening, &model());

        let before = 7 * 1440 + start.epoch() % 1440;
        let mine = |made: &&Made| code.map_or(!made.3, |code| made.2 == Some(code));
        let number = |from: i32, to: i32, who: Option<&str>| {
            let by = |made: &&Made| who.is_none_or(|who| who == format!("user{}", made.1));
            made.iter().filter(mine).filter(by).filter(|made| (from..to).contains(&made.0)).count() as f64
        };
        let near = |average: f64, calls: f64, minutes: i32| (average - calls / f64::from(minutes)).abs() <= 5.1e-11;
        prop_assert!(near(insight.statistics.baseline_average, number(-before, 0, None), before));
        prop_assert!(near(insight.statistics.insight_average, number(0, minutes, None), minutes));
        prop_assert_eq!((insight.statistics.insight_duration, insight.statistics.baseline_duration), (minutes, before));
        let who = &insight.attributions[0];
        for (side, from, to, minutes) in [(&who.insight, 0, minutes, minutes), (&who.baseline, -before, 0, before)] {
            for share in side {
                prop_assert!(near(share.average, number(from, to, Some(&share.value)), minutes), "{share:?}");
            }
            let falling = side.is_sorted_by(|one, other| (other.average, &one.value) < (one.average, &other.value));
            prop_assert!(falling, "{side:?}");
            let callers: std::collections::BTreeSet<u8> = made.iter().filter(mine).filter(|made| (from..to).contains(&made.0)).map(|made| made.1).collect();
            prop_assert_eq!(side.len(), callers.len().min(5));
        }
    }
}
