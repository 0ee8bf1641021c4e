//! A finding -> what a report says of it. Pure.
use super::model::{Attribution, Insight, JudgedBy, Queries, Record, Row, Series, Why};
use super::order::importance;
use super::queries::queries;
use crate::attribution::rounded;
use crate::cloudtrail::insight::{Attribute, NO_ERROR};
use crate::cloudtrail::published::{PublishedAttribution, PublishedShare, PublishedStatistics};
use crate::explanation::Explanation;
use crate::finding::{Event, Finding};
use crate::incident::what;
use crate::roll_up::RollUp;
use crate::series::SeriesKey;
use crate::words::{chance, short_service};

/// What stands for AWS's `null` of calls without an error.
const WITHOUT_ERROR: &str = "no error";

/// What is said of `finding`. Its places among incidents and graphs are not known here.
#[must_use]
pub fn insight(finding: &Finding) -> Insight {
    let latest = finding.latest();
    let details = &latest.record.insight_details;
    let statistics = &details.insight_context.statistics;
    let PublishedStatistics { insight_duration, baseline_duration, .. } = *statistics;
    let (usual, now) = (statistics.usual(), statistics.now());
    let both = usual.zip(now);
    let why = latest.explanation.as_ref();
    let series = names(&finding.series(), why.and_then(|why| why.roll_up));
    let minutes = (finding.from(), finding.known_until());
    Insight {
        id: finding.shared_id().to_owned(),
        name: what(&finding.series()),
        kind: finding.series().kind.insight_type().to_owned(),
        direction: latest.direction().name().to_owned(),
        severity: latest.severity().name().to_owned(),
        principal: latest.principal().map(str::to_owned),
        from: finding.from(),
        until: finding.until(),
        known_until: finding.known_until(),
        detected_at: finding.detected_at(),
        baseline_average: usual,
        insight_average: now,
        duration: insight_duration,
        baseline_duration,
        rate_change: both
            .filter(|(usual, _)| *usual > 0.0)
            .map(|(usual, now)| rounded::<4>(100.0 * now / usual)),
        why: why.map(self::why),
        attributions: details
            .insight_context
            .attributions
            .iter()
            .map(|it| attribution(it, both.map_or(0.0, |(usual, now)| now - usual)))
            .collect(),
        incident: 0,
        importance: importance(finding),
        muted_by: why.and_then(|why| why.muted_by.as_deref()).map(str::to_owned),
        muted_because: why.and_then(|why| why.muted_because.as_deref()).map(str::to_owned),
        told_by: why.iter().flat_map(|why| &why.told_by).map(ToString::to_string).collect(),
        earlier: false,
        going_on: false,
        records: [&finding.start, &finding.end].into_iter().flatten().map(record).collect(),
        queries: if series.account.is_empty() { Queries::default() } else { queries(&series, minutes) },
        graph: None,
        series,
    }
}

/// The names of a series.
#[must_use]
pub fn names(key: &SeriesKey, roll_up: Option<RollUp>) -> Series {
    Series {
        account: key.api.account.to_string(),
        region: key.api.region.to_string(),
        source: key.api.event_source.to_string(),
        service: short_service(&key.api.event_source).to_owned(),
        name: key.api.event_name.to_string(),
        category: key.api.category.name().to_owned(),
        error_code: key.kind.error_code().map(str::to_owned),
        roll_up: roll_up.map(|kind| kind.name().to_owned()),
    }
}

fn record(event: &Event) -> Record {
    Record {
        state: event.state().name().to_owned(),
        id: event.record.event_id.clone(),
        json: event.json.clone(),
    }
}

fn why(why: &Explanation) -> Why {
    Why {
        text: why.text.clone(),
        rule: why.rule.name().to_owned(),
        window_minutes: why.window_minutes,
        observed: why.observed,
        expected: why.expected,
        deviation: why.deviation,
        bound: why.bound,
        log10_probability: why.log10_probability,
        chance: chance(why.least_log10()),
        largest_before: why.largest_before,
        usual_time_of_day: why.usual_time_of_day,
        usual_time_of_week: why.usual_time_of_week,
        series_age_days: why.series_age_days,
        peak: why.peak.clone(),
        contributors: why.contributors.clone(),
        accounts: why.accounts,
        model: JudgedBy {
            name: why.model.to_string(),
            digest: why.model_digest.to_string(),
            sensitivity: why.sensitivity,
        },
    }
}

fn attribution(published: &PublishedAttribution, added_in_all: f64) -> Attribution {
    let title = match published.attribute.as_str() {
        name if name == Attribute::UserIdentityArn.name() => "Identities",
        name if name == Attribute::UserAgent.name() => "User agents",
        name if name == Attribute::ErrorCode.name() => "Error codes",
        name if name == Attribute::ResourceArn.name() => "Resources",
        name => name,
    };
    let is_error = published.attribute == Attribute::ErrorCode.name();
    let mut rows = Vec::<Row>::new();
    let mut side = |shares: &[PublishedShare], set: fn(&mut Row, f64)| {
        for PublishedShare { value, average } in shares {
            let value = if is_error && value == NO_ERROR { WITHOUT_ERROR } else { value };
            let place = rows.iter().position(|row| row.value == value).unwrap_or_else(|| {
                rows.push(Row { value: value.to_owned(), insight: None, baseline: None, added: None });
                rows.len() - 1
            });
            set(&mut rows[place], *average);
        }
    };
    side(&published.insight, |row, average| row.insight = Some(average));
    side(&published.baseline, |row, average| row.baseline = Some(average));
    for row in &mut rows {
        let added = row.insight.unwrap_or_default() - row.baseline.unwrap_or_default();
        // Without the sign of a zero.
        row.added = (added_in_all != 0.0).then(|| rounded::<2>(100.0 * added / added_in_all) + 0.0);
    }
    // Stable: of equals, AWS's order stays.
    rows.sort_by(|one, other| other.added.unwrap_or_default().total_cmp(&one.added.unwrap_or_default()));
    Attribution { attribute: published.attribute.clone(), title: title.to_owned(), rows }
}
