//! Texts that strangers chose -> texts that a receiver takes: safe to show, and no longer than it allows. Pure.
use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::finding::Event;
use crate::words::printable;

/// Ends a text that goes on.
const CUT: char = '…';
/// Texts of records are never cut to less: no id is as long.
const SHORTEST: usize = 128;

/// `text` in `most` units of UTF-16 at most, which is how the strictest of receivers count; what is longer ends in `…`.
/// Characters that no screen should be given are replaced.
pub(super) fn cut(text: &str, most: usize) -> String {
    cut_escaped(text, most, |_| None)
}

/// [`cut`], where what `escape` gives stands for a character, and counts as long as it is.
pub(super) fn cut_escaped(text: &str, most: usize, escape: fn(char) -> Option<&'static str>) -> String {
    let mut cut = String::new();
    // How much of it there is, and where it is cut if it should turn out too long: before the last unit.
    let (mut units, mut end) = (0, 0);
    for char in printable(text).chars() {
        let escaped = escape(char);
        units += escaped.map_or(char.len_utf16(), str::len);
        if units > most {
            cut.truncate(end);
            cut.push(CUT);
            return cut;
        }
        match escaped {
            Some(escaped) => cut.push_str(escaped),
            None => cut.push(char),
        }
        if units < most {
            end = cut.len();
        }
    }
    cut
}

/// The record of an event, for a document that holds it.
pub(super) fn record(event: &Event) -> &RawValue {
    serde_json::from_str(&event.json).expect("a record is JSON")
}

/// A JSON document in `most` bytes at most, wherever that can be reached: its longest texts are cut, and end in `…` and the
/// number of characters that are missing. Ids are shorter than anything that is cut.
pub(super) fn within(json: &str, most: usize) -> Cow<'_, str> {
    if json.len() <= most {
        return Cow::Borrowed(json);
    }
    let document: Value = serde_json::from_str(json).expect("it is JSON");
    let mut longest = 8 * 1024;
    loop {
        let mut shortened = document.clone();
        shorten(&mut shortened, longest);
        let shortened = shortened.to_string();
        if shortened.len() <= most || longest == SHORTEST {
            return Cow::Owned(shortened);
        }
        longest = (longest / 2).max(SHORTEST);
    }
}

/// Cuts all texts of `value`, keys aside, to `longest` characters.
fn shorten(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) => {
            let missing = text.chars().count().saturating_sub(longest);
            if let Some((end, _)) = text.char_indices().nth(longest).filter(|_| missing > 0) {
                text.truncate(end);
                text.push_str(&format!("{CUT} ({missing} more characters)"));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shorten(value, longest)),
        Value::Object(values) => values.values_mut().for_each(|value| shorten(value, longest)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_cut() {
        for (text, most, want) in [
            ("RunInstances", 12, "RunInstances"),
            ("RunInstances", 11, "RunInstanc…"),
            ("a\nb\u{202e}", 9, "a\u{FFFD}b\u{FFFD}"),
            ("𝒳𝒳", 4, "𝒳𝒳"),
            ("𝒳𝒳", 3, "𝒳…"),
            ("ab", 1, "…"),
            ("", 1, ""),
        ] {
            assert_eq!(cut(text, most), want, "{text} {most}");
        }
        let amp = |char| (char == '&').then_some("&amp;");
        for (most, want) in [(9, "x&amp;yz"), (8, "x&amp;yz"), (7, "x&amp;…"), (6, "x…")] {
            assert_eq!(cut_escaped("x&yz", most, amp), want, "{most}");
        }
    }

    #[test]
    fn long_texts_of_a_document_are_cut_first() {
        let id = "fccb064f-dd07-4822-97c0-11115d8b91d4";
        let json = serde_json::json!({"id": id, "agents": ["a".repeat(9000), "b".repeat(200)]}).to_string();
        assert_eq!(within(&json, json.len()), json);
        let cut = within(&json, 5000);
        assert!(cut.len() <= 5000 && cut.contains(id) && cut.contains(&"b".repeat(200)), "{cut}");
        assert!(cut.contains("… (4904 more characters)"), "{cut}");
        assert!(within(&json, 1).len() < 600, "as short as may be");
    }

    proptest! {
        #[test]
        fn every_limit_holds(text in any::<String>(), most in 1_usize..40) {
            let cut = cut(&text, most);
            prop_assert!(cut.encode_utf16().count() <= most);
            prop_assert_eq!(printable(&cut), &*cut);
        }

        #[test]
        fn documents_stay_documents(texts in prop::collection::vec(any::<String>(), 0..8), most in 1_usize..4000) {
            let json = serde_json::to_string(&texts).expect("JSON");
            let cut: Vec<String> = serde_json::from_str(&within(&json, most)).expect("JSON");
            prop_assert_eq!(cut.len(), texts.len());
        }
    }
}
