//! Lines of `insights.jsonl`, or records of AWS's own Insight files -> findings: each insight once, with its Start, its End,
//! and why it was flagged. Pure.
//!
//! Reports and alerts are made of these, whether the insights come from the run itself, from an earlier one, or from AWS.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::attribution::Contributing;
use crate::cloudtrail::insight::{Attribute, State};
use crate::cloudtrail::published::Published;
use crate::detect::Direction;
use crate::explanation::Explanation;
use crate::insight::Insight;
use crate::series::SeriesKey;
use crate::severity::{Danger, Severity, danger};
use crate::time::Minute;
use crate::words::without_session;

/// A Start or an End.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its parts.
    pub record: Published,
    /// The record as it was published, as JSON without line breaks.
    pub json: String,
    /// Why it was flagged; `None` for AWS's own, which do not say.
    pub explanation: Option<Explanation>,
}

impl Event {
    /// From a line of `insights.jsonl`.
    ///
    /// # Errors
    /// When it is not one, with the place and what was expected there.
    pub fn of_line(line: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Read<'a> {
            #[serde(borrow)]
            record: &'a RawValue,
            explanation: Explanation,
        }
        let Read { record, explanation } = serde_json::from_slice(line)?;
        Ok(Self { explanation: Some(explanation), ..Self::of_record(record.get())? })
    }

    /// From an Insights record, such as AWS writes.
    ///
    /// # Errors
    /// When it is not one, with the place and what was expected there.
    pub fn of_record(json: &str) -> Result<Self, serde_json::Error> {
        let record = serde_json::from_str(json)?;
        // Whatever line breaks it has stand between its parts: within a text, JSON allows none.
        let json = if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], "") } else { json.to_owned() };
        Ok(Self { record, json, explanation: None })
    }

    /// Which half it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.record.insight_details.state
    }

    /// Whether anybody should hear of it: no rule mutes it, and no other insight tells it already.
    #[must_use]
    pub fn alerts(&self) -> bool {
        self.explanation.as_ref().is_none_or(Explanation::alerts)
    }

    /// How soon to look. AWS's own have no probability: there the call alone decides.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.explanation.as_ref().map_or_else(
            || match danger(&self.record.series()) {
                Danger::None => Severity::Low,
                Danger::Notable => Severity::Medium,
                Danger::Grave => Severity::High,
            },
            |explanation| explanation.severity,
        )
    }

    /// Whether there were more calls than usual, or fewer.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.explanation.as_ref().map_or_else(
            || {
                let statistics = &self.record.insight_details.insight_context.statistics;
                let rose = statistics.now().unwrap_or_default() >= statistics.usual().unwrap_or_default();
                if rose { Direction::Up } else { Direction::Down }
            },
            |explanation| explanation.direction,
        )
    }

    /// Who did most of it, without the name of a session: an ARN where the logs have one. `None` where nobody is named.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        if let Some(explanation) = &self.explanation {
            let mut identities =
                explanation.contributors.iter().filter(|one| one.attribute == Contributing::Identity);
            return identities.next().map(|identity| identity.value.as_str());
        }
        let attribution = self.record.attribution(Attribute::UserIdentityArn)?;
        let side = match self.direction() {
            Direction::Up => &attribution.insight,
            Direction::Down => &attribution.baseline,
        };
        side.first().map(|share| without_session(&share.value))
    }
}

impl From<&Insight> for Event {
    /// What a reader of `insights.jsonl` will see of it.
    fn from(insight: &Insight) -> Self {
        let json =
            serde_json::to_string(&insight.record()).expect("texts and numbers can be written as JSON");
        let record = serde_json::from_str(&json).expect("a record can be read as it was written");
        Self { record, json, explanation: Some(insight.explanation.clone()) }
    }
}

/// An insight, with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// `None` where only the End was kept, or is not muted.
    pub start: Option<Event>,
    /// `None` while it is open.
    pub end: Option<Event>,
    /// Up to where it was judged, of one that is open: so far it goes at least. `None` where nobody says.
    pub open_until: Option<Minute>,
}

impl Finding {
    /// The last that is known of it: its End, or else its Start.
    ///
    /// # Panics
    /// When it has neither; [`findings`] makes no such.
    #[must_use]
    pub fn latest(&self) -> &Event {
        self.end.as_ref().or(self.start.as_ref()).expect("a finding has a Start or an End")
    }

    /// The id that its Start and its End share.
    #[must_use]
    pub fn shared_id(&self) -> &str {
        &self.latest().record.shared_event_id
    }

    /// The series that it tells of.
    #[must_use]
    pub fn series(&self) -> SeriesKey {
        self.latest().record.series()
    }

    /// First unusual minute.
    #[must_use]
    pub fn from(&self) -> Minute {
        match (&self.start, &self.end) {
            (Some(start), _) => start.record.event_time,
            (None, Some(end)) => {
                let minutes = end.record.insight_details.insight_context.statistics.insight_duration;
                end.record.event_time.plus(-minutes.unwrap_or(1))
            }
            (None, None) => Minute::default(),
        }
    }

    /// First usual minute after it; `None` while it is open.
    #[must_use]
    pub fn until(&self) -> Option<Minute> {
        self.end.as_ref().map(|end| end.record.event_time)
    }

    /// End of the last minute that is known to be unusual: where it ended, or else up to where it was judged, or was noticed.
    #[must_use]
    pub fn known_until(&self) -> Minute {
        let noticed = || match self.latest() {
            Event { explanation: Some(explanation), .. } => explanation.detected_at,
            Event { record, .. } => {
                let minutes = record.insight_details.insight_context.statistics.insight_duration;
                record.event_time.plus(minutes.unwrap_or(1))
            }
        };
        self.until().unwrap_or_else(|| self.open_until.map_or_else(noticed, |until| until.max(noticed())))
    }

    /// End of the minute in which it was noticed; `None` of AWS's own.
    #[must_use]
    pub fn detected_at(&self) -> Option<Minute> {
        self.latest().explanation.as_ref().map(|why| why.detected_at)
    }

    /// The minute in which it was noticed; of AWS's own, in which it began.
    #[must_use]
    pub fn noticed(&self) -> Minute {
        self.detected_at().map_or_else(|| self.from(), |at| at.plus(-1))
    }

    /// Whether anybody should hear of it, as [`Event::alerts`].
    #[must_use]
    pub fn alerts(&self) -> bool {
        self.latest().alerts()
    }
}

/// Pairs Starts with Ends by their shared id; of several that tell the same, the last counts. In order of start, then of the
/// series, then of the id.
#[must_use]
pub fn findings(events: Vec<Event>) -> Vec<Finding> {
    let mut by_id = BTreeMap::<String, Finding>::new();
    for event in events {
        let id = event.record.shared_event_id.clone();
        let finding = by_id.entry(id).or_insert(Finding { start: None, end: None, open_until: None });
        match event.state() {
            State::Start => finding.start = Some(event),
            State::End => finding.end = Some(event),
        }
    }
    let mut findings: Vec<Finding> = by_id.into_values().collect();
    findings.sort_by_cached_key(|finding| (finding.from(), finding.series(), finding.shared_id().to_owned()));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Line;
    use crate::insight::tests::{PEAK, at, call, counts, model, opening};
    use crate::insight::{Closing, end_of, start_of};

    fn pair() -> [Insight; 2] {
        let counts = counts(
            crate::aggregate::Attribution::Kept,
            &[(call("2026-01-31T23:58:00Z", "ec2.amazonaws.com", "RunInstances"), 12)],
        );
        let opening = opening(&counts, None, "2026-01-31T23:58:00Z", "2026-02-01T00:00:00Z");
        let peak = crate::detect::Peak { at: at("2026-02-01T00:00:00Z"), ..PEAK };
        let closing =
            Closing { end: at("2026-01-31T23:59:00Z"), closed_at: at("2026-02-01T00:15:00Z"), peak };
        [start_of(&counts, &opening, &model()), end_of(&counts, &opening, closing, &model())]
    }

    #[test]
    fn a_line_that_is_read_again_is_what_was_written() {
        for insight in pair() {
            let line = serde_json::to_vec(&Line::of(&insight)).expect("JSON");
            let read = Event::of_line(&line).expect("a line");
            // What is not in outputs cannot come back.
            let written = Event::from(&insight);
            let bounds = crate::detect::Bounds::default();
            let explanation = written.explanation.map(|explanation| Explanation { bounds, ..explanation });
            assert_eq!(read, Event { explanation, ..written });
            assert_eq!(read.record.series(), insight.series);
            assert!(String::from_utf8(line).expect("UTF-8").contains(&read.json), "{}", read.json);
        }
    }

    #[test]
    fn halves_are_paired_in_any_order() {
        let [start, end] = pair();
        let [start, end] = [Event::from(&start), Event::from(&end)];
        let want = vec![Finding { start: Some(start.clone()), end: Some(end.clone()), open_until: None }];
        assert_eq!(findings(vec![start.clone(), end.clone()]), want);
        assert_eq!(findings(vec![end.clone(), start]), want);
        let alone = findings(vec![end]);
        assert_eq!(alone[0].from(), want[0].from(), "an End tells when it began");
        assert_eq!(alone[0].until(), want[0].until());
    }

    #[test]
    fn records_of_aws_are_read_in_every_version() {
        let record = r#"{"eventVersion":"1.07","eventTime":"2019-10-17T10:05:00Z","awsRegion":"us-east-1",
            "eventID":"EXAMPLE8-9621-4d00-b913-beca2EXAMPLE","eventType":"AwsCloudTrailInsight",
            "recipientAccountId":"123456789012","sharedEventID":"EXAMPLE2-1729-42f1-b735-5d8c0EXAMPLE",
            "insightDetails":{"state":"Start","eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey",
            "insightType":"ApiCallRateInsight","insightContext":{"statistics":{"baseline":{"average":1.5},
            "insight":{"average":50}}}},"eventCategory":"Insight"}"#;
        let event = Event::of_record(record).expect("a record");
        assert!(!event.json.contains('\n'));
        assert_eq!(
            (event.severity(), event.direction(), event.principal()),
            (Severity::High, Direction::Up, None)
        );
        let finding = &findings(vec![event])[0];
        assert_eq!((finding.from(), finding.until()), (at("2019-10-17T10:05:00Z"), None));
        assert_eq!(finding.known_until(), at("2019-10-17T10:06:00Z"));
        assert!(Event::of_record("{}").is_err() && Event::of_line(b"{}").is_err());
    }
}
