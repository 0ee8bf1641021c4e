//! A report -> one page that opens anywhere, all in one file. Pure.
use askama::Template;

use super::Report;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
}

/// The page.
#[must_use]
pub fn html(report: &Report) -> Vec<u8> {
    Page { report }.render().expect("memory can be written to").into_bytes()
}
