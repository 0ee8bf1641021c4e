//! A report -> its model as JSON: for programs, and for the page. Pure.
use std::fmt::Write as _;

use super::Report;

/// One line; no text of it can end a script of a page.
#[must_use]
pub fn json(report: &Report) -> Vec<u8> {
    let json = serde_json::to_string(report).expect("texts and numbers can be written as JSON");
    // Within JSON, these characters stand in texts only.
    let mut safe = String::with_capacity(json.len());
    for char in json.chars() {
        match char {
            '<'
            | '>'
            | '&'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                write!(safe, "\\u{:04x}", u32::from(char)).expect("memory can be written to");
            }
            char => safe.push(char),
        }
    }
    safe.push('\n');
    safe.into_bytes()
}
