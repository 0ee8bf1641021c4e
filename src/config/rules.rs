//! `[[mute]]`, `[[expected]]` and `[[override]]` -> rules about series, callers and times. Pure.
use std::fmt;
use std::sync::Arc;

use super::fields::Fields;
use super::pattern::{AnyOf, Pattern};
use super::when::{Held, Weekly, When, instant, of_day, weekday};
use crate::detect::Direction;
use crate::model::{Model, SENSITIVITIES};
use crate::series::{Api, Kind, SeriesKey};
use crate::time::{MINUTES_PER_DAY, Minute};

/// Insights that are recorded, but alert nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// What the insight says it was muted by: `id`, or the rule's place, such as `mute[2]`.
    pub id: Arc<str>,
    /// Why somebody wrote it.
    pub reason: Arc<str>,
    /// It does not hold for insights that start at this minute or later.
    pub expires: Option<Minute>,
    /// When the insight starts.
    pub when: When,
    /// Which series.
    pub series: SeriesPattern,
    /// Who called: the identity as the record has it, or in short (`role/ci-deployer`).
    pub principal: Option<AnyOf>,
    /// With what.
    pub user_agent: Option<AnyOf>,
}

impl Mute {
    /// Whether it holds in this minute: not before or after its time, and not once it has expired.
    #[must_use]
    pub fn holds(&self, minute: Minute) -> bool {
        self.when.holds(minute) && self.expires.is_none_or(|expires| minute < expires)
    }
}

/// Which series, and which way they go. What is left out matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeriesPattern {
    /// Account.
    pub account: Option<AnyOf>,
    /// Region.
    pub region: Option<AnyOf>,
    /// Service, such as `ec2.amazonaws.com`.
    pub source: Option<AnyOf>,
    /// API.
    pub name: Option<AnyOf>,
    /// Error code; a call rate has none, and is not matched by any.
    pub error_code: Option<AnyOf>,
    /// `ApiCallRateInsight` or `ApiErrorRateInsight`.
    pub insight_type: Option<AnyOf>,
    /// Up or down.
    pub direction: Option<Direction>,
}

impl SeriesPattern {
    /// Whether an API is meant.
    #[must_use]
    pub fn matches_api(&self, api: &Api) -> bool {
        let parts = [
            (&self.account, &api.account),
            (&self.region, &api.region),
            (&self.source, &api.event_source),
            (&self.name, &api.event_name),
        ];
        parts.into_iter().all(|(pattern, text)| pattern.as_ref().is_none_or(|pattern| pattern.matches(text)))
    }

    /// Whether a series that goes this way is meant.
    #[must_use]
    pub fn matches(&self, series: &SeriesKey, direction: Direction) -> bool {
        let SeriesKey { api, kind } = series;
        let code = match (&self.error_code, kind) {
            (None, _) => true,
            (Some(_), Kind::CallRate) => false,
            (Some(pattern), Kind::ErrorRate { error_code }) => pattern.matches(error_code),
        };
        code && self.matches_api(api)
            && self.insight_type.as_ref().is_none_or(|pattern| pattern.matches(kind.insight_type()))
            && self.direction.is_none_or(|wanted| wanted == direction)
    }
}

/// Detection parameters for some APIs.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Which; only account, region, source and name.
    pub series: SeriesPattern,
    /// Instead of that of the run.
    pub sensitivity: Option<f64>,
    /// What differs from the run's model, table by table.
    pub parameters: toml::Table,
}

/// The types of insights.
const TYPES: [&str; 2] = ["ApiCallRateInsight", "ApiErrorRateInsight"];

/// Reads a `[[mute]]`.
pub(super) fn mute(fields: Fields<'_>) -> Option<Mute> {
    let reason = fields.text("reason");
    if reason.is_none() {
        fields.problem("needs a reason: why is it muted, and who said so");
    }
    let rule = rule(&fields, reason.as_deref());
    if let Some(Mute { series, principal: None, user_agent: None, .. }) = &rule
        && *series == SeriesPattern::default()
    {
        fields.problem("would mute everything: name an account, a region, a source, a name, an error_code, a principal, a user_agent, a type or a direction");
    }
    fields.finish();
    rule
}

/// Reads an `[[expected]]`.
pub(super) fn expected(fields: Fields<'_>) -> Option<Mute> {
    let reason = fields.text("reason").unwrap_or_else(|| "expected".to_owned());
    let rule = rule(&fields, Some(&reason));
    if rule.as_ref().is_some_and(|rule| rule.when == When::Always) {
        fields.problem("needs a time: from and to, as times or as times of day, or days");
    }
    fields.finish();
    rule
}

fn rule(fields: &Fields<'_>, reason: Option<&str>) -> Option<Mute> {
    let rule = Mute {
        id: fields.text("id").unwrap_or_else(|| fields.path().to_owned()).into(),
        reason: reason.unwrap_or_default().into(),
        expires: fields.parsed("expires", TIME, instant),
        when: when(fields),
        series: series(fields),
        principal: patterns(fields, "principal"),
        user_agent: patterns(fields, "user_agent"),
    };
    reason.is_some().then_some(rule)
}

/// Reads which series are meant.
pub(super) fn series(fields: &Fields<'_>) -> SeriesPattern {
    SeriesPattern {
        error_code: patterns(fields, "error_code"),
        insight_type: fields
            .several("type", "ApiCallRateInsight or ApiErrorRateInsight", |text| {
                let pattern = Pattern::new(text);
                TYPES.iter().any(|name| pattern.matches(name)).then_some(pattern)
            })
            .map(AnyOf),
        direction: fields.parsed("direction", "\"up\" or \"down\"", |text| match text {
            "up" => Some(Direction::Up),
            "down" => Some(Direction::Down),
            _ => None,
        }),
        ..api(fields)
    }
}

/// Reads an `[[override]]`.
pub(super) fn an_override(fields: Fields<'_>) -> Override {
    let series = api(&fields);
    let sensitivity = fields.number("sensitivity", SENSITIVITIES);
    let parameters = fields.table("parameters").map(|table| table.numbers()).unwrap_or_default();
    if series == SeriesPattern::default() {
        fields.problem("would hold for everything: name an account, a region, a source or a name");
    }
    if sensitivity.is_none() && parameters.is_empty() {
        fields.problem("changes nothing: give a sensitivity, or parameters of a model");
    }
    let default = Model::builtin("default").expect("the default model is built in");
    if let Err(error) = default.with(parameters.clone()) {
        fields.problem(&format!("has parameters that no model can have: {error}"));
    }
    fields.finish();
    Override { series, sensitivity, parameters }
}

fn api(fields: &Fields<'_>) -> SeriesPattern {
    SeriesPattern {
        account: patterns(fields, "account"),
        region: patterns(fields, "region"),
        source: fields.several("source", SOURCE, source).map(AnyOf),
        name: patterns(fields, "name"),
        ..SeriesPattern::default()
    }
}

/// Patterns of texts.
pub(super) fn patterns(fields: &Fields<'_>, key: &'static str) -> Option<AnyOf> {
    let pattern = |text: &str| (!text.is_empty()).then(|| Pattern::new(text));
    fields.several(key, "a text in quotation marks", pattern).map(AnyOf)
}

const SOURCE: &str = "a source as the logs have it, such as ec2.amazonaws.com or ec2.*";

/// A source has a dot; a name without one, such as `ec2`, would silently match nothing.
fn source(text: &str) -> Option<Pattern> {
    (text.contains('.') || text.contains('*')).then(|| Pattern::new(text))
}

const TIME: &str = "a time such as 2026-01-31, 2026-01-31T18:00 (UTC) or 2026-01-31T18:00:00Z";
const TIME_OR_OF_DAY: &str = "a time such as 2026-01-31T18:00 (UTC), or a time of day such as 18:00 (UTC)";

/// What `from` and `to` can be.
#[derive(Clone, Copy)]
enum Edge {
    At(Minute),
    OfDay(i32),
}

fn when(fields: &Fields<'_>) -> When {
    let edge = |text: &str| of_day(text).map(Edge::OfDay).or_else(|| instant(text).map(Edge::At));
    let from = fields.parsed("from", TIME_OR_OF_DAY, edge);
    let to = fields.parsed("to", TIME_OR_OF_DAY, edge);
    let days = fields.several("days", "days of the week such as \"mon\"", weekday);
    let held = days.as_ref().map_or([Held::Yes; 7], |days| {
        std::array::from_fn(|day| if days.contains(&day) { Held::Yes } else { Held::No })
    });
    let weekly = |from, to| When::Weekly(Weekly { days: held, from, to });
    match (from, to, &days) {
        (None, None, None) => When::Always,
        (None, None, Some(_)) => weekly(0, MINUTES_PER_DAY),
        (Some(Edge::OfDay(from)), Some(Edge::OfDay(to)), _) if from != to => weekly(from, to),
        (Some(Edge::OfDay(_)) | None, Some(Edge::OfDay(_)) | None, _) => {
            fields.problem("needs two different times of day, from and to");
            When::Always
        }
        (Some(Edge::OfDay(_)), _, _) | (_, Some(Edge::OfDay(_)), _) => {
            fields.problem("has a time and a time of day for from and to: both must be of one kind");
            When::Always
        }
        (_, _, Some(_)) => {
            fields.problem("has days beside a from and to that name days already");
            When::Always
        }
        (from, to, None) => between(fields, from, to),
    }
}

fn between(fields: &Fields<'_>, from: Option<Edge>, to: Option<Edge>) -> When {
    let at = |edge| match edge {
        Some(Edge::At(minute)) => Some(minute),
        Some(Edge::OfDay(_)) | None => None,
    };
    let (from, to) = (at(from), at(to));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        fields.problem("ends before it begins: to must be later than from");
    }
    When::Between(from, to)
}

impl fmt::Display for SeriesPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = self.direction.map(|direction| direction.name().to_owned());
        let shown = |pattern: &Option<AnyOf>| pattern.as_ref().map(ToString::to_string);
        let parts = [
            ("account", shown(&self.account)),
            ("region", shown(&self.region)),
            ("source", shown(&self.source)),
            ("name", shown(&self.name)),
            ("error_code", shown(&self.error_code)),
            ("type", shown(&self.insight_type)),
            ("direction", direction),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter_map(|(key, pattern)| Some(format!("{key} {}", pattern?))).collect();
        out.write_str(if parts.is_empty() { "all series".into() } else { parts.join(", ") }.as_str())
    }
}

impl fmt::Display for Mute {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(out)?;
        for (key, pattern) in [("principal", &self.principal), ("user_agent", &self.user_agent)] {
            if let Some(pattern) = pattern {
                write!(out, ", {key} {pattern}")?;
            }
        }
        if self.when != When::Always {
            write!(out, "; {}", self.when)?;
        }
        if let Some(expires) = self.expires {
            write!(out, "; until {expires}")?;
        }
        write!(out, "; because: {}", self.reason)
    }
}

impl fmt::Display for Override {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.series)?;
        if let Some(sensitivity) = self.sensitivity {
            write!(out, " sensitivity {sensitivity}")?;
        }
        for (table, keys) in &self.parameters {
            for (key, value) in keys.as_table().into_iter().flatten() {
                write!(out, " {table}.{key} {value}")?;
            }
        }
        Ok(())
    }
}
