//! A notice -> what it tells of each insight: for receivers that keep an alert for each, and close it. Pure.
use crate::alert::notice::Notice;
use crate::alert::route::matches;
use crate::cloudtrail::insight::State;
use crate::config::Feed;
use crate::finding::{Event, Finding};
use crate::incident::Incident;
use crate::words::clock;

/// What becomes of the alert of an insight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    /// It is opened: nobody was told of it in an earlier run, even if it is over by now.
    Open,
    /// It is closed: it was opened by an earlier run.
    Closed,
}

/// What a notice tells of one insight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// All that is known of it.
    pub(super) finding: &'a Finding,
    /// Place of its Start in the notice's events, if that is new.
    pub(super) start: Option<usize>,
    /// Place of its End, if that is new.
    pub(super) end: Option<usize>,
}

impl<'a> Told<'a> {
    /// The places of its events.
    pub(super) fn events(&self) -> Vec<usize> {
        self.start.into_iter().chain(self.end).collect()
    }

    /// Whether its alert is opened, or closed. An insight that is over before anybody was told, as most are that a nightly run
    /// finds, is opened: closed at once, nobody would look at it.
    pub(super) fn becomes(&self, notice: &Notice) -> Becomes {
        let opened = notice.opened.iter().any(|id| id == self.finding.shared_id());
        if opened && self.start.is_none() && self.end.is_some() { Becomes::Closed } else { Becomes::Open }
    }

    /// Whether it is over, and another has begun that a receiver which knows no ids takes for the same alert.
    pub(super) fn is_outlived(&self, notice: &Notice) -> bool {
        notice.outlived.iter().any(|id| id == self.finding.shared_id())
    }

    /// The first event of it that the feed is told. What identifies an alert is taken from it, so that its End closes what its
    /// Start had opened: only the Start is known at both times. A Start that is not for the feed opens nothing there.
    pub(super) fn first(&self, feed: &Feed) -> &'a Event {
        let start = self.finding.start.as_ref().filter(|start| start.alerts() && matches(feed, start));
        start.unwrap_or_else(|| self.finding.latest())
    }

    /// Why it was flagged, in a sentence; where nobody says, what happened.
    pub(super) fn why(&self) -> String {
        match &self.finding.latest().explanation {
            Some(explanation) => explanation.text.clone(),
            None => self.sentence(),
        }
    }

    /// What happened, in a sentence.
    pub(super) fn sentence(&self) -> String {
        Incident::of(std::slice::from_ref(self.finding)).map(|incident| incident.sentence).unwrap_or_default()
    }

    /// From when until when it was unusual, for a person.
    pub(super) fn window(&self) -> String {
        window(self.finding)
    }
}

/// From when until when a finding was unusual, for a person.
pub(super) fn window(finding: &Finding) -> String {
    let until = finding.until().map_or_else(|| "still open".to_owned(), clock);
    format!("{} to {until} (UTC)", clock(finding.from())).replace("to still open", "on, still open")
}

/// The insights of a notice's events, in the order of their first one.
pub(super) fn insights(notice: &Notice) -> Vec<Told<'_>> {
    let mut insights = Vec::<Told<'_>>::new();
    for (index, event) in notice.events.iter().enumerate() {
        let id = &event.record.shared_event_id;
        let known = insights.iter().position(|told| told.finding.shared_id() == id);
        let place = known.or_else(|| {
            let finding = notice.members.iter().find(|member| member.shared_id() == id)?;
            insights.push(Told { finding, start: None, end: None });
            Some(insights.len() - 1)
        });
        let Some(told) = place.and_then(|place| insights.get_mut(place)) else { continue };
        match event.state() {
            State::Start => told.start = Some(index),
            State::End => told.end = Some(index),
        }
    }
    insights
}
