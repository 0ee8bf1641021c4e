//! Small questions about JSON text: where a value ends, what is wrong with it, where to go on after damage. Pure.
//!
//! Nothing here recurses, and each question costs time linear in the bytes it looks at.
use serde::de::IgnoredAny;

use crate::cloudtrail::decode::FIRST_KEYS;

/// Why a value is broken, and where.
#[derive(Debug)]
pub(super) struct Broken {
    /// In words that do not repeat the input.
    pub(super) words: String,
    /// Offset in the whole text.
    pub(super) at: usize,
    /// Whether the text only ended too early.
    pub(super) is_eof: bool,
}

/// Where to go on after damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// After the broken value: its brackets balance.
    After(usize),
    /// At the beginning of another record.
    Record(usize),
    /// At the beginning of another container.
    Container(usize),
    /// Nowhere.
    Lost,
}

/// The offset of the next byte that is neither white space nor part of a byte order mark.
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    loop {
        match text.get(at) {
            Some(b' ' | b'\n' | b'\r' | b'\t') => at += 1,
            Some(0xEF) if text[at..].starts_with(b"\xEF\xBB\xBF") => at += 3,
            _ => return at,
        }
    }
}

/// Where the value that begins at `at` ends; `text` is cut off where it must have ended.
pub(super) fn value_end(text: &[u8], at: usize) -> Result<usize, Broken> {
    let rest = &text[at..];
    if matches!(rest.first(), Some(b'{' | b'[' | b'"')) {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        return match values.next() {
            Some(Ok(IgnoredAny)) => Ok(at + values.byte_offset()),
            Some(Err(error)) => Err(explain(text, at, &error)),
            None => Err(Broken { words: "expected value".to_owned(), at, is_eof: true }),
        };
    }
    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t');
    let token = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    match serde_json::from_slice::<IgnoredAny>(token) {
        Ok(IgnoredAny) => Ok(at + token.len()),
        Err(error) => {
            let is_eof = at + token.len() == text.len();
            let words = if is_eof { words(&error) } else { "expected value".to_owned() };
            Err(Broken { words, at, is_eof })
        }
    }
}

/// What `error`, met in the value that begins at `start`, means.
pub(super) fn explain(text: &[u8], start: usize, error: &serde_json::Error) -> Broken {
    if error.is_eof() {
        return Broken { words: words(error), at: text.len(), is_eof: true };
    }
    let at = start + offset(&text[start..], error.line(), error.column());
    let before = text[..at].iter().rposition(|byte| !byte.is_ascii_whitespace());
    let closes = matches!(text.get(at), Some(b'}' | b']'));
    if let Some(comma) = before.filter(|&before| closes && text[before] == b',') {
        return Broken { words: "trailing comma".to_owned(), at: comma, is_eof: false };
    }
    Broken { words: words(error), at, is_eof: false }
}

/// The error without its place.
pub(super) fn words(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "a bracket or quote is not closed".to_owned();
    }
    let mut words = error.to_string();
    words.truncate(words.rfind(" at line ").unwrap_or(words.len()));
    words
}

/// The offset of a line and column as `serde_json` counts them.
pub(super) fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let newlines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = if line <= 1 { 0 } else { newlines.take(line - 1).last().unwrap_or(0) };
    (start + column.saturating_sub(1)).min(text.len())
}

/// Looks for the end of the broken value that begins at `at`, or for the next record or container inside it: a string
/// that was never closed, or a bracket too many, must not swallow the records that follow.
pub(super) fn recover(text: &[u8], at: usize) -> Resume {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut here = at;
    while let Some(&byte) = text.get(here) {
        if byte == b'{' && here > at {
            match begins(text, here) {
                Some(0) => return Resume::Record(here),
                Some(_) => return Resume::Container(here),
                None => {}
            }
        }
        match (in_string, byte) {
            // A raw line break cannot be inside a string: the string is what is broken.
            (true, b'"' | b'\n') => in_string = false,
            (true, b'\\') => here += 1,
            (false, b'"') => in_string = true,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']' | b',') if depth == 0 => return Resume::After(here),
            (false, b'}' | b']') if depth > 1 => depth -= 1,
            // Where quotes are what is broken, brackets seem to balance in odd places.
            (false, b'}' | b']') if can_follow(text, here + 1) => return Resume::After(here + 1),
            _ => {}
        }
        here += 1;
    }
    Resume::Lost
}

/// Whether what stands at `at` can follow a record or container.
fn can_follow(text: &[u8], at: usize) -> bool {
    let mut here = at;
    let mut next = || {
        let found = skip_space(text, here);
        here = found + 1;
        text.get(found)
    };
    match next() {
        None | Some(b'{') => true,
        Some(b',') => next() == Some(&b'{'),
        Some(b']') => match next() {
            None | Some(b',' | b'{') => true,
            Some(b'}') => next() != Some(&b'}'),
            Some(_) => false,
        },
        Some(_) => false,
    }
}

/// Which of [`FIRST_KEYS`] follows the bracket at `at`.
fn begins(text: &[u8], at: usize) -> Option<usize> {
    let key = &text[skip_space(text, at + 1)..];
    FIRST_KEYS.iter().position(|first| key.starts_with(first))
}

/// Where to go on after text that is no JSON: the next line, record or container.
pub(super) fn next_start(text: &[u8], at: usize) -> usize {
    (at + 1..text.len())
        .find(|&here| text[here - 1] == b'\n' || (text[here] == b'{' && begins(text, here).is_some()))
        .unwrap_or(text.len())
}

/// Replaces escapes that are half a surrogate pair by U+FFFD; `None` where there are none.
pub(super) fn mend_surrogates(json: &str) -> Option<String> {
    const REPLACEMENT: &str = "\\uFFFD";
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    let mut found = false;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let whole = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                found = true;
                mended.push_str(REPLACEMENT);
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // Two characters are copied, so that an escaped backslash does not begin another escape.
            _ => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, others) = escape.split_at(whole);
        mended.push_str(escape);
        rest = others;
    }
    mended.push_str(rest);
    found.then_some(mended)
}

/// The UTF-16 unit of an escape such as `\uD83D`.
fn unit(escape: &str) -> Option<u16> {
    u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()
}
