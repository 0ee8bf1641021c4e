//! A notice -> alerts of Prometheus' Alertmanager: labels identify, annotations explain. Pure.
use std::collections::BTreeMap;

use chrono::{SecondsFormat, TimeDelta};
use serde::Serialize;

use super::Context;
use super::insight::{Becomes, Told, insights};
use super::text::cut;
use crate::alert::notice::{Notice, Purpose};
use crate::alert::outgoing::{Outgoing, Post, Reading, Value};
use crate::alert::secret::Secret;
use crate::config::Alertmanager;
use crate::detect::Direction;
use crate::time::Minute;
use crate::words::figure;

/// Where alerts are posted, below the base.
const PATH: &str = "/api/v2/alerts";
/// Minutes for which an alert fires where nothing more is said: until the next night's run has told what it found.
const TTL: u16 = 24 * 60;
/// Longest value of a label.
const LONGEST_LABEL: usize = 256;
/// Longest annotation.
const LONGEST_ANNOTATION: usize = 4096;

/// An alert.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

pub(super) fn outgoing(settings: &Alertmanager, context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    let insights = insights(notice);
    let alerts: Vec<Alert> = insights.iter().map(|told| alert(settings, context, notice, told)).collect();
    let base = context.address(&settings.url);
    let base = base.reveal().trim_end_matches('/');
    let url = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
    let mut headers = vec![("content-type", Value::Plain("application/json".to_owned()))];
    if let Some(token) = &settings.token {
        headers.push(context.bearer(token));
    }
    vec![Outgoing::Post(Post {
        url: Secret::new(url),
        headers,
        body: serde_json::to_vec(&alerts).expect("texts can be written as JSON"),
        signing: None,
        events: insights.iter().flat_map(Told::events).collect(),
        read: Reading::Status,
    })]
}

fn alert(settings: &Alertmanager, context: &Context<'_>, notice: &Notice, told: &Told<'_>) -> Alert {
    let now = context.now;
    // An end in the past is answered with 200 and dropped, and so would be what a nightly run finds. Where it was is said in the
    // annotations. What ends the alert of an insight must not end that of a later one, which has the same labels.
    let ends_at = match told.becomes(notice) {
        Becomes::Closed if !told.is_outlived(notice) => now,
        Becomes::Open | Becomes::Closed => now + TimeDelta::minutes(settings.ttl.unwrap_or(TTL).into()),
    };
    Alert {
        labels: labels(settings, context, notice, told),
        annotations: annotations(notice, told),
        starts_at: told.finding.from().to_string(),
        ends_at: ends_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        generator_url: settings.generator_url.clone(),
    }
}

/// What identifies the alert: the same at the Start of an insight and at its End. No ids: each insight would be an alert that
/// no silence knows.
fn labels(
    settings: &Alertmanager,
    context: &Context<'_>,
    notice: &Notice,
    told: &Told<'_>,
) -> BTreeMap<String, String> {
    let first = told.first(context.feed);
    let series = told.finding.series();
    let test = notice.purpose == Purpose::Test;
    let own = [
        ("alertname", if test { "TrailpulseTest" } else { "TrailpulseInsight" }),
        ("severity", first.severity().name()),
        ("account", &series.api.account),
        ("region", &series.api.region),
        ("event_source", &series.api.event_source),
        ("event_name", &series.api.event_name),
        ("insight_type", series.kind.insight_type()),
        ("error_code", series.kind.error_code().unwrap_or_default()),
        ("direction", if first.direction() == Direction::Up { "up" } else { "down" }),
        ("principal", first.principal().unwrap_or_default()),
    ];
    let theirs = settings.labels.iter().map(|(name, value)| (label_name(name), &**value));
    // A label with an empty value is none.
    let all = theirs
        .chain(own.map(|(name, value)| (name.to_owned(), value)))
        .filter(|(_, value)| !value.is_empty());
    all.map(|(name, value)| (name, cut(value, LONGEST_LABEL))).collect()
}

/// A name that Alertmanager takes: of letters, digits and underscores.
fn label_name(name: &str) -> String {
    let name: String =
        name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        format!("_{name}")
    } else {
        name
    }
}

fn annotations(notice: &Notice, told: &Told<'_>) -> BTreeMap<&'static str, String> {
    let latest = told.finding.latest();
    let statistics = &latest.record.insight_details.insight_context.statistics;
    let mut annotations = BTreeMap::from([
        ("summary", told.sentence()),
        ("description", told.why()),
        ("window", told.window()),
        ("started_at", told.finding.from().to_string()),
        ("ended_at", told.finding.until().as_ref().map(Minute::to_string).unwrap_or_default()),
        ("calls_per_minute", figure(statistics.now().unwrap_or_default())),
        ("usual_calls_per_minute", figure(statistics.usual().unwrap_or_default())),
        ("latest_severity", latest.severity().name().to_owned()),
        ("insight_id", told.finding.shared_id().to_owned()),
        ("incident_id", notice.incident.clone()),
    ]);
    if told.is_outlived(notice) {
        annotations
            .insert("still_open", "another insight with the same labels began later, and goes on".to_owned());
    }
    if notice.members.len() > 1 {
        annotations.insert("incident", notice.sentence.clone());
    }
    if notice.held_back > 0 {
        annotations.insert("held_back", notice.held_back.to_string());
    }
    if notice.purpose == Purpose::Test {
        annotations.insert("test", "this is a test of the feed: nothing was found".to_owned());
    }
    annotations.retain(|_, text| !text.is_empty());
    annotations.into_iter().map(|(name, text)| (name, cut(&text, LONGEST_ANNOTATION))).collect()
}
