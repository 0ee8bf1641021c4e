//! Findings, what was covered and the calls of their series -> a report, and its formats. Pure.
//!
//! [`Report`] is what all formats are made of; [`graph`] says how the calls are packed.
pub mod csv;
pub mod graph;
pub mod html;
pub mod insight;
pub mod json;
pub mod kept;
pub mod markdown;
pub mod model;
pub mod order;
pub mod queries;
pub mod redact;
pub mod text;
pub mod spans;
pub mod totals;
mod verdict;
mod words;

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::incident::{self, incidents};
use crate::time::Minute;
use crate::words::counted;
pub use model::Report;
use model::{Covered, Graph, Incident, Insight, JudgedBy, Series, Skipped, Span};
use verdict::Reach;
pub use verdict::much_is_late;

/// Version of the model: it grows when something of it means something else.
pub const FORMAT: u32 = 1;

/// What a report is made of.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// All that there is to tell, in order of start as [`crate::finding::findings`] gives them.
    pub findings: Vec<Finding>,
    /// The time that it is about; of all findings where `None`.
    pub span: Option<Span>,
    /// The times in which insights would be known, in any order; `None` where nobody can say.
    pub judged: Option<Vec<Span>>,
    /// What was covered.
    pub coverage: Option<Covered>,
    /// The time that `coverage` is about, where that is not `span`.
    pub coverage_of: Option<Span>,
    /// What could not be read of results.
    pub unread: Vec<Skipped>,
    /// Calls of the findings' series; others are left out. Of several of one series, the last that an insight is on is its.
    pub graphs: Vec<Graph>,
    /// Which model judged, where there may be no finding that says.
    pub model: Option<JudgedBy>,
}

/// Makes a report.
#[must_use]
pub fn report(made: Made) -> Report {
    let Made { findings, span, judged, graphs, model, .. } = made;
    let Made { coverage, coverage_of, unread, .. } = made;
    let mut insights: Vec<Insight> = findings.iter().map(insight::insight).collect();
    let all = all_of(&findings);
    let span = span.or(all);
    let previous = span.map(|span| Span { from: span.from.plus(-span.to.since(span.from)), to: span.from });
    let judged = judged.map(spans::joined);
    let reach = |span| Reach::of(span, judged.as_deref(), coverage.as_ref());
    let previous = previous.filter(|previous| reach(Some(*previous)) == Reach::Whole);
    if let Some(span) = span {
        for insight in &mut insights {
            insight.earlier = insight.known_until <= span.from && insight.noticed() < span.from;
            insight.going_on = !insight.earlier && !span.holds(insight);
        }
    }
    let incidents = in_order(incidents(&findings), &mut insights);
    let graphs = shown(graphs, &mut insights);
    let reach = reach(span);
    let totals = span.map(|span| totals::totals(&insights, span, previous)).unwrap_or_default();
    let totals = if reach == Reach::Whole { totals } else { totals.of_a_part() };
    let found = verdict::number(&totals, &reach);
    let accounts = totals.by_account.iter().filter(|it| it.now > 0).count() as u64;
    Report {
        format: FORMAT,
        title: if accounts > 0 { format!("{found} in {}", counted(accounts, "account")) } else { found },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        models: models(model, &insights),
        span,
        previous,
        timeline: span.map(|span| {
            let all = all.unwrap_or(span);
            Span { from: span.from.min(all.from), to: span.to.max(all.to) }
        }),
        judged,
        notices: coverage.as_ref().and_then(verdict::late).into_iter().collect(),
        coverage,
        coverage_of,
        unread,
        totals,
        order: order::ORDER.to_owned(),
        incidents,
        insights,
        graphs,
    }
}

impl Report {
    /// The incidents of its own time, and behind them those that are there for comparison only.
    #[must_use]
    pub fn now_and_earlier(&self) -> (&[Incident], &[Incident]) {
        self.incidents.split_at(self.incidents.partition_point(|it| !it.earlier))
    }
}

impl Insight {
    /// The minute in which it was noticed; of AWS's own, in which it began.
    #[must_use]
    pub fn noticed(&self) -> Minute {
        self.detected_at.map_or(self.from, |at| at.plus(-1))
    }
}

fn all_of(findings: &[Finding]) -> Option<Span> {
    let from = findings.iter().map(Finding::from).min()?;
    Some(Span { from, to: findings.iter().map(Finding::known_until).max()? })
}

/// The incidents, the most important first; tells the insights where theirs is.
fn in_order(incidents: Vec<incident::Incident>, insights: &mut [Insight]) -> Vec<Incident> {
    let mut incidents: Vec<_> = incidents
        .into_iter()
        .map(|it| {
            let silent = it.findings.iter().all(|index| insights[*index].is_silent());
            let telling = || it.findings.iter().map(|index| &insights[*index]);
            // What nobody needs to hear of makes nothing more important.
            let heard = telling().filter(|it| silent || !it.is_silent());
            let most = heard.map(|it| it.importance);
            let importance = most.max_by(|one, other| one.score.total_cmp(&other.score)).unwrap_or_default();
            let severity = it.severity;
            let incident = Incident {
                id: it.id.to_string(),
                severity: severity.name().to_owned(),
                sentence: it.sentence,
                principal: it.principal,
                from: it.from,
                until: it.until,
                importance,
                silent,
                earlier: telling().all(|it| it.earlier),
                going_on: telling().any(|it| it.going_on) && telling().all(|it| it.earlier || it.going_on),
                insights: it.findings,
                leading: it.leading,
            };
            (severity, incident)
        })
        .collect();
    incidents.sort_by(|(severity, one), (other_severity, other)| {
        ((one.earlier, one.silent).cmp(&(other.earlier, other.silent)))
            .then(other_severity.cmp(severity))
            .then(other.importance.score.total_cmp(&one.importance.score))
            .then((one.from, &one.id).cmp(&(other.from, &other.id)))
    });
    for (place, (_, incident)) in incidents.iter().enumerate() {
        for index in &incident.insights {
            insights[*index].incident = place;
        }
    }
    incidents.into_iter().map(|(_, incident)| incident).collect()
}

/// The graphs of `insights`, in the order of those; tells these where theirs is.
fn shown(graphs: Vec<Graph>, insights: &mut [Insight]) -> Vec<Graph> {
    let mut of_series = BTreeMap::<Series, Vec<Graph>>::new();
    for graph in graphs {
        of_series.entry(graph.series.clone()).or_default().push(graph);
    }
    let mut places = BTreeMap::<(Series, usize), usize>::new();
    let mut shown = Vec::new();
    for insight in insights {
        let Some(graphs) = of_series.get(&insight.series) else { continue };
        // Of several of one series, the last that it is on.
        let is_on = |graph: &Graph| graph.from <= insight.from && insight.from < graph.to;
        let Some(nth) = graphs.iter().rposition(is_on) else { continue };
        let place = places.entry((insight.series.clone(), nth)).or_insert_with(|| {
            shown.push(graphs[nth].clone());
            shown.len() - 1
        });
        insight.graph = Some(*place);
    }
    shown
}

fn models(model: Option<JudgedBy>, insights: &[Insight]) -> Vec<JudgedBy> {
    let mut models = Vec::new();
    let said = insights.iter().filter_map(|insight| Some(insight.why.as_ref()?.model.clone()));
    for model in model.into_iter().chain(said) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One page with graphs.
    Html,
    /// For a ticket or a wiki.
    Markdown,
    /// A row an insight.
    Csv,
    /// The model itself.
    Json,
    /// For a terminal or a mail.
    Text,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Html, Self::Markdown, Self::Csv, Self::Json, Self::Text];

    /// As the command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    /// A report in this form.
    #[must_use]
    pub fn of(self, report: &Report) -> Vec<u8> {
        match self {
            Self::Html => html::html(report),
            Self::Markdown => markdown::markdown(report),
            Self::Csv => csv::csv(report),
            Self::Json => json::json(report),
            Self::Text => text::text(report),
        }
    }
}
