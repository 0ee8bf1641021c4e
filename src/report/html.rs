//! A report -> one page that opens anywhere, all in one file. Pure.
//!
//! The template, the styles and the script are in `page/`. A strict Content-Security-Policy allows the one style and the one
//! script by their digests, and nothing else: no network, no other script, no attribute that runs or styles. The report's
//! data stand in a block that nothing runs; the script puts them into the page as text.
mod overview;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Report;
use super::graph::deflated;
use super::model::{Attribution, Graph, Importance, Incident, Insight, Queries, Record, Series, Span, Why};
use crate::cloudtrail::insight::Attribute;
use crate::time::{Minute, text};
use overview::Overview;

/// How the page looks: uPlot's, ours, and that of paper.
static STYLES: LazyLock<String> = LazyLock::new(|| {
    let ours = concat!(include_str!("page/look.css"), include_str!("page/print.css"));
    format!("{}{}", include_str!("page/vendor/uPlot.min.css"), lean(ours))
});

/// What the page does: uPlot with its licence, and ours in an order in which it can run: one script, in which every file sees
/// the others.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let licence = include_str!("page/vendor/LICENSE");
    let library = include_str!("page/vendor/uPlot.iife.min.js");
    format!(
        "/*! uPlot 1.6.32\n{licence}*/\n{library}\n(() => {{\n\"use strict\";\n{}}})();\n",
        lean(&OURS.concat())
    )
});

/// The files of our script.
const OURS: [&str; 17] = [
    include_str!("page/script/dom.js"),
    include_str!("page/script/words.js"),
    include_str!("page/script/data.js"),
    include_str!("page/script/state.js"),
    include_str!("page/script/files.js"),
    include_str!("page/script/theme.js"),
    include_str!("page/script/samples.js"),
    include_str!("page/script/chart.js"),
    include_str!("page/script/picture.js"),
    include_str!("page/script/graph.js"),
    include_str!("page/script/timeline.js"),
    include_str!("page/script/list.js"),
    include_str!("page/script/filters.js"),
    include_str!("page/script/insight.js"),
    include_str!("page/script/keys.js"),
    include_str!("page/script/print.js"),
    include_str!("page/script/main.js"),
];

/// Insights whose details are packed together: few enough to inflate at once, enough to be small.
const DETAILS_PER_BLOCK: usize = 16;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    report: &'a Report,
    overview: Overview<'a>,
    policy: String,
    styles: &'a str,
    script: &'a str,
    data: String,
}

/// The page.
#[must_use]
pub fn html(report: &Report) -> Vec<u8> {
    let page = Page {
        report,
        overview: Overview::of(report),
        policy: format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
            digest(&SCRIPT),
            digest(&STYLES)
        ),
        styles: &STYLES,
        script: &SCRIPT,
        data: data(report),
    };
    page.render().expect("memory can be written to").into_bytes()
}

/// A script or a style without indents, empty lines, and lines that are a comment: what every page carries is kept small.
fn lean(text: &str) -> String {
    let comment = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !comment(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// As a Content-Security-Policy names a script or a style.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// What the page's script reads: the report without what its overview says already.
#[derive(Serialize)]
struct Data<'a> {
    span: Option<Span>,
    timeline: Option<Span>,
    incidents: Vec<Group<'a>>,
    insights: Vec<Row<'a>>,
    /// Callers that insights are found by, each once, and of each insight its identities and its agents, as places of them.
    callers: Vec<&'a str>,
    called_by: Vec<[Vec<usize>; 2]>,
    details_per_block: usize,
    /// Each the packed [`Details`] of so many insights, in their order.
    details: Vec<String>,
    graphs: Vec<Calls<'a>>,
}

#[derive(Serialize)]
struct Group<'a> {
    id: &'a str,
    sentence: &'a str,
    insights: &'a [usize],
    leading: usize,
}

/// What the list shows of an insight, and is sorted and searched by.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    series: &'a Series,
    #[serde(rename = "type")]
    kind: &'a str,
    direction: &'a str,
    severity: &'a str,
    principal: Option<&'a str>,
    #[serde(with = "text")]
    from: Minute,
    #[serde(with = "text::optional")]
    until: Option<Minute>,
    #[serde(with = "text")]
    known_until: Minute,
    #[serde(with = "text::optional")]
    detected_at: Option<Minute>,
    baseline_average: Option<f64>,
    insight_average: Option<f64>,
    duration: Option<i32>,
    rate_change: Option<f64>,
    incident: usize,
    importance: Importance,
    muted_by: Option<&'a str>,
    muted_because: Option<&'a str>,
    told_by: &'a [String],
    earlier: bool,
    graph: Option<usize>,
}

/// What is shown of one insight only.
#[derive(Serialize)]
struct Details<'a> {
    why: Option<&'a Why>,
    attributions: &'a [Attribution],
    records: &'a [Record],
    queries: &'a Queries,
}

#[derive(Serialize)]
struct Calls<'a> {
    #[serde(with = "text")]
    from: Minute,
    #[serde(with = "text")]
    to: Minute,
    data: &'a str,
}

impl<'a> From<&'a Incident> for Group<'a> {
    fn from(incident: &'a Incident) -> Self {
        let Incident { id, sentence, insights, leading, .. } = incident;
        Self { id, sentence, insights, leading: *leading }
    }
}

impl<'a> From<&'a Insight> for Row<'a> {
    fn from(insight: &'a Insight) -> Self {
        Self {
            id: &insight.id,
            name: &insight.name,
            series: &insight.series,
            kind: &insight.kind,
            direction: &insight.direction,
            severity: &insight.severity,
            principal: insight.principal.as_deref(),
            from: insight.from,
            until: insight.until,
            known_until: insight.known_until,
            detected_at: insight.detected_at,
            baseline_average: insight.baseline_average,
            insight_average: insight.insight_average,
            duration: insight.duration,
            rate_change: insight.rate_change,
            incident: insight.incident,
            importance: insight.importance,
            muted_by: insight.muted_by.as_deref(),
            muted_because: insight.muted_because.as_deref(),
            told_by: &insight.told_by,
            earlier: insight.earlier,
            graph: insight.graph,
        }
    }
}

impl<'a> From<&'a Insight> for Details<'a> {
    fn from(insight: &'a Insight) -> Self {
        let Insight { why, attributions, records, queries, .. } = insight;
        Self { why: why.as_ref(), attributions, records, queries }
    }
}

impl<'a> From<&'a Graph> for Calls<'a> {
    fn from(graph: &'a Graph) -> Self {
        Self { from: graph.from, to: graph.to, data: &graph.data }
    }
}

/// The data as JSON that no parser of HTML can mistake for the end of its block.
fn data(report: &Report) -> String {
    let block = |insights: &[Insight]| {
        let details: Vec<Details<'_>> = insights.iter().map(Details::from).collect();
        deflated(json(&details).as_bytes())
    };
    let (callers, called_by) = callers(report);
    let data = Data {
        span: report.span,
        timeline: report.timeline,
        incidents: report.incidents.iter().map(Group::from).collect(),
        insights: report.insights.iter().map(Row::from).collect(),
        callers,
        called_by,
        details_per_block: DETAILS_PER_BLOCK,
        details: report.insights.chunks(DETAILS_PER_BLOCK).map(block).collect(),
        graphs: report.graphs.iter().map(Calls::from).collect(),
    };
    json(&data).replace('<', "\\u003c")
}

/// Who called while it was unusual; of a fall, also who did before.
fn callers(report: &Report) -> (Vec<&str>, Vec<[Vec<usize>; 2]>) {
    let mut places = BTreeMap::new();
    let mut texts = Vec::new();
    let called_by = report.insights.iter().map(|insight| {
        [Attribute::UserIdentityArn, Attribute::UserAgent].map(|attribute| {
            let of = insight.attributions.iter().filter(|it| it.attribute == attribute.name());
            let rows = of.flat_map(|it| &it.rows);
            let rows = rows.filter(|row| row.insight.is_some() || insight.direction == "down");
            let place = |text| {
                *places.entry(text).or_insert_with(|| {
                    texts.push(text);
                    texts.len() - 1
                })
            };
            rows.map(|row| row.value.as_str()).map(place).collect()
        })
    });
    let called_by = called_by.collect();
    (texts, called_by)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inlined_cannot_end_its_element() {
        for (text, end) in [(&SCRIPT, "</script"), (&SCRIPT, "<!--"), (&STYLES, "</style")] {
            assert!(!text.to_lowercase().contains(end), "{end}");
        }
        // Line breaks of other systems would be changed by the browser, and then the digest would not fit.
        assert!(!SCRIPT.contains('\r') && !STYLES.contains('\r'));
    }

    #[test]
    fn the_library_is_as_its_package_has_it() {
        let told = include_str!("page/vendor/README.md");
        for file in [
            include_str!("page/vendor/uPlot.iife.min.js"),
            include_str!("page/vendor/uPlot.min.css"),
            include_str!("page/vendor/LICENSE"),
        ] {
            let digest = crate::words::hex(&Sha256::digest(file));
            assert!(told.contains(&digest), "{digest} is not in vendor/README.md");
        }
    }

    #[test]
    fn nothing_inlined_asks_a_network_or_makes_elements_of_text() {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "fetch(",
            "XMLHttp",
        ] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
        for word in ["url(", "@import"] {
            assert!(!STYLES.contains(word), "{word}");
        }
    }

    #[test]
    fn every_part_of_the_script_says_first_what_goes_in_and_comes_out_and_can_be_made_lean() {
        for part in OURS {
            let first = part.lines().next().unwrap_or_default();
            assert!(first.starts_with("// ") && first.contains(" in") && first.contains(" out"), "{first}");
            for line in part.lines() {
                // Within such a text, indents would matter.
                assert_eq!(line.matches('`').count() % 2, 0, "a text over several lines: {line}");
            }
        }
        assert_eq!(lean("  a {\n\n  /* why */\n    // why\n b }"), "a {\nb }\n");
    }

    #[test]
    fn the_page_without_data_is_small() {
        let page = html(&super::super::report(super::super::Made::default()));
        assert!(page.len() < 145_000, "{} bytes", page.len());
        let text = String::from_utf8(page).expect("UTF-8");
        assert!(text.contains("Content-Security-Policy") && text.contains("Permission is hereby granted"));
    }
}
