//! A notice -> an OCSF Detection Finding an event, one a line, as data lakes and SIEMs read them. Pure.
use serde_json::{Value as Json, json};

use crate::alert::notice::{Notice, Purpose};
use crate::alert::outgoing::{Lines, Outgoing};
use crate::cloudtrail::insight::State;
use crate::cloudtrail::published::PublishedShare;
use crate::config::Ocsf;
use crate::detect::Direction;
use crate::finding::{Event, Finding};
use crate::severity::Severity;
use crate::time::Minute;

/// Version of the schema that the lines keep to.
const SCHEMA: &str = "1.8.0";
/// The class: Detection Finding, of the category Findings.
const CLASS: u32 = 2004;
const CATEGORY: u32 = 2;
/// `log10` of the probability from which the confidence is medium, and from which it is high; as for the severity.
const CONFIDENCE: [f64; 2] = [-10.0, -30.0];

pub(super) fn outgoing(settings: &Ocsf, notice: &Notice) -> Vec<Outgoing> {
    let lines = notice.events.iter().map(|event| finding(notice, event).to_string());
    vec![Outgoing::Lines(Lines { path: settings.path.clone(), lines: lines.collect() })]
}

fn finding(notice: &Notice, event: &Event) -> Json {
    let (activity, activity_name, status) = match event.state() {
        State::Start => (1, "Create", json!({"status_id": 1, "status": "New"})),
        // That it is back to usual does not say that anybody has looked at it.
        State::End => (3, "Close", json!({"status_id": 99, "status": "Ended"})),
    };
    let known = notice.members.iter().find(|member| member.shared_id() == event.record.shared_event_id);
    let message = event.explanation.as_ref().map_or(&*notice.sentence, |why| &*why.text);
    let (severity_id, severity) = severity(event.severity());
    let mut finding = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {activity_name}"),
        "time": millis(event.record.event_time),
        "timezone_offset": 0,
        "severity_id": severity_id,
        "severity": severity,
        "is_alert": event.state() == State::Start,
        "message": message,
        "metadata": metadata(notice, event),
        "cloud": {
            "provider": "AWS",
            "region": event.record.aws_region,
            "account": {"uid": event.record.recipient_account_id, "type_id": 10, "type": "AWS Account"},
        },
        "finding_info": finding_info(notice, event, known),
        "anomaly_analyses": [analysis(event)],
        "evidences": [evidence(event)],
        "resources": [{
            "name": event.record.series().to_string(),
            "type": "AWS API",
            "region": event.record.aws_region,
        }],
        "raw_data": event.json,
        "unmapped": {"explanation": event.explanation, "incident": notice.incident},
    });
    let all = finding.as_object_mut().expect("it is an object");
    all.extend(status.as_object().cloned().unwrap_or_default());
    if let Some(explanation) = &event.explanation {
        let log10 =
            explanation.peak.as_ref().map_or(explanation.log10_probability, |peak| peak.log10_probability);
        let confidence = CONFIDENCE.into_iter().filter(|bound| log10 <= *bound).count();
        all.insert("confidence_id".to_owned(), json!(confidence + 1));
        all.insert("confidence".to_owned(), json!(["Low", "Medium", "High"][confidence]));
    }
    if notice.held_back > 0 {
        all["unmapped"]["held_back"] = json!(notice.held_back);
    }
    finding
}

fn metadata(notice: &Notice, event: &Event) -> Json {
    let mut metadata = json!({
        "version": SCHEMA,
        "profiles": ["cloud"],
        "product": {"name": "trailpulse", "vendor_name": "trailpulse", "version": env!("CARGO_PKG_VERSION")},
        "uid": event.record.event_id,
        "correlation_uid": notice.incident,
        "event_code": event.record.series().kind.insight_type(),
        "log_name": "CloudTrail",
        "log_provider": "AWS",
        "original_time": event.record.event_time.to_string(),
    });
    if notice.purpose == Purpose::Test {
        metadata["labels"] = json!(["test"]);
    }
    metadata
}

fn finding_info(notice: &Notice, event: &Event, known: Option<&Finding>) -> Json {
    let explanation = event.explanation.as_ref();
    let mut info = json!({
        "uid": event.record.shared_event_id,
        "title": notice.sentence,
        "types": [event.record.series().kind.insight_type()],
        "data_sources": ["CloudTrail"],
        "analytic": {
            "name": explanation.map_or("AWS CloudTrail Insights", |why| &why.model),
            "type_id": 3,
            "type": "Statistical",
        },
    });
    if let Some(explanation) = explanation {
        info["desc"] = json!(explanation.text);
        info["created_time"] = json!(millis(explanation.detected_at));
        info["analytic"]["uid"] = json!(&*explanation.model_digest);
    }
    if let Some(known) = known {
        info["first_seen_time"] = json!(millis(known.from()));
        info["last_seen_time"] = json!(millis(known.known_until()));
    }
    info
}

/// The baseline against the insight: of its calls, and of those who made them.
fn analysis(event: &Event) -> Json {
    let context = &event.record.insight_details.insight_context;
    let statistics = &context.statistics;
    let pattern = match event.direction() {
        Direction::Up => "SURGE",
        Direction::Down => "DROP",
    };
    let side = |parameter: &str, pattern: &str, observations: Vec<Json>| {
        json!({
            "observation_parameter": parameter,
            "observation_type": "Frequency Analysis",
            "observed_pattern": pattern,
            "observations": observations,
        })
    };
    let average = |average: f64, minutes: Option<i32>| {
        let mut observation = json!({"value": average.to_string()});
        if let Some(minutes) = minutes {
            observation["count"] = json!(calls(average, Some(minutes)));
            observation["timespan"] = json!({"duration_mins": minutes, "type_id": 3});
        }
        vec![observation]
    };
    let shares = |shares: &[PublishedShare], minutes: Option<i32>| -> Vec<Json> {
        shares
            .iter()
            .map(|share| json!({"value": share.value, "count": calls(share.average, minutes)}))
            .collect()
    };
    let (now, before) = (statistics.insight_duration, statistics.baseline_duration);
    let per_minute = "calls per minute";
    let mut anomalies = vec![side(per_minute, pattern, average(statistics.now().unwrap_or_default(), now))];
    let mut baselines =
        vec![side(per_minute, "USUAL", average(statistics.usual().unwrap_or_default(), before))];
    for attribution in &context.attributions {
        let name = &attribution.attribute;
        for (sides, of, minutes, pattern) in [
            (&mut anomalies, &attribution.insight, now, pattern),
            (&mut baselines, &attribution.baseline, before, "USUAL"),
        ] {
            if !of.is_empty() {
                sides.push(side(name, pattern, shares(of, minutes)));
            }
        }
    }
    json!({
        "analysis_targets": [{"name": event.record.series().to_string(), "type": "AWS API"}],
        "anomalies": anomalies,
        "baselines": baselines,
    })
}

/// Calls in all, of calls a minute.
fn calls(average: f64, minutes: Option<i32>) -> i64 {
    (average * f64::from(minutes.unwrap_or(1))).round() as i64
}

fn evidence(event: &Event) -> Json {
    let api = event.record.series().api;
    let mut evidence =
        json!({"api": {"operation": &*api.event_name, "service": {"name": &*api.event_source}}});
    if let Some(principal) = event.principal() {
        evidence["actor"] = json!({"user": {"uid": principal}});
    }
    evidence
}

const fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn millis(minute: Minute) -> i64 {
    i64::from(minute.epoch()) * 60_000
}
