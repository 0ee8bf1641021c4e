//! A report -> the same without account ids: each has a mask of its own, wherever it stands. Pure.
use std::collections::BTreeMap;

use serde_json::Value;

use super::Report;

/// Digits of an account id.
const DIGITS: usize = 12;
/// A UUID before its last part.
const PARTS: &[u8] = b"hhhhhhhh-hhhh-hhhh-hhhh-";
/// Keys whose texts are no texts: digits in them are no account.
const CODED: &str = "data";
/// Keys whose texts are JSON, in which only texts may change.
const JSON: &str = "json";

/// Masks every account id as `XXXXXXXX0001` and so on, in the order in which they come in the report. An account id is a run
/// of twelve digits with no letter or digit on either side, and then that run wherever it stands, also within a longer name.
/// The last part of a whole UUID, such as an event's id, is none.
#[must_use]
pub fn redacted(report: &Report) -> Report {
    let mut value = serde_json::to_value(report).expect("texts and numbers can be written as JSON");
    let mut masks = BTreeMap::new();
    each(&mut value, "", &mut |_, text| learn(text, &mut masks));
    each(&mut value, "", &mut |key, text| {
        *text = if key == JSON { within_texts(text, &masks) } else { masked(text, &masks) };
    });
    serde_json::from_value(value).expect("a report stays a report when its texts change")
}

/// Calls `change` with every text, and the key that it stands under.
fn each(value: &mut Value, key: &str, change: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) if key != CODED => change(key, text),
        Value::Array(values) => values.iter_mut().for_each(|value| each(value, key, change)),
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| each(value, key, change)),
        _ => {}
    }
}

/// Runs of exactly twelve digits: where they begin.
fn runs(text: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len())
        .filter(move |&at| (at == 0 || !digit(at - 1)) && (at..at + DIGITS).all(digit) && !digit(at + DIGITS))
}

fn learn(text: &str, masks: &mut BTreeMap<String, String>) {
    let bytes = text.as_bytes();
    let is_word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    for at in runs(text) {
        let alone = !is_word(at.checked_sub(1)) && !is_word(Some(at + DIGITS));
        if alone && !ends_an_id(text, at) {
            let number = masks.len() + 1;
            let account = text.get(at..at + DIGITS).unwrap_or_default().to_owned();
            masks.entry(account).or_insert_with(|| format!("XXXXXXXX{number:04}"));
        }
    }
}

/// Whether the rest of a UUID stands before it: names may hold a year and a hyphen before an account.
fn ends_an_id(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let Some(before) = at.checked_sub(PARTS.len()).and_then(|from| bytes.get(from..at)) else { return false };
    let alone = !at.checked_sub(PARTS.len() + 1).is_some_and(|before| bytes[before].is_ascii_hexdigit());
    alone
        && before.iter().zip(PARTS).all(|(byte, part)| match part {
            b'-' => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn masked(text: &str, masks: &BTreeMap<String, String>) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for at in runs(text).filter(|at| !ends_an_id(text, *at)) {
        if let Some(mask) = text.get(at..at + DIGITS).and_then(|account| masks.get(account)) {
            masked.push_str(text.get(done..at).unwrap_or_default());
            masked.push_str(mask);
            done = at + DIGITS;
        }
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    masked
}

/// The same within the texts of JSON only: a number stays one.
fn within_texts(json: &str, masks: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    let mut inside = false;
    while !rest.is_empty() {
        // A text ends at the first quotation mark that no backslash takes.
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = inside && byte == b'\\' && !escaped;
            ends
        });
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        out.push_str(&if inside { masked(part, masks) } else { part.to_owned() });
        rest = after.strip_prefix('"').map_or("", |rest| {
            out.push('"');
            rest
        });
        inside = !inside;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_are_masked_wherever_they_stand() {
        let mut masks = BTreeMap::new();
        learn("arn:aws:iam::111122223333:role/x", &mut masks);
        learn("account 444455556666, then 111122223333; not 1234567890123 or 12345678901", &mut masks);
        let check = |text: &str, want: &str| assert_eq!(masked(text, &masks), want, "{text}");
        check(
            "arn:aws:iam::111122223333:role/deploy-444455556666",
            "arn:aws:iam::XXXXXXXX0001:role/deploy-XXXXXXXX0002",
        );
        check("bucket111122223333x", "bucketXXXXXXXX0001x");
        check("9111122223333", "9111122223333");
        check("6995fa99-c435-5a12-87d1-111122223333", "6995fa99-c435-5a12-87d1-111122223333");
        check("role/logs-2024-111122223333", "role/logs-2024-XXXXXXXX0001");
        check("06995fa99-c435-5a12-87d1-111122223333", "06995fa99-c435-5a12-87d1-XXXXXXXX0001");
        check("c435-5a12-87d1-111122223333", "c435-5a12-87d1-XXXXXXXX0001");
        check("ü111122223333", "üXXXXXXXX0001");
        let json = r#"{"a":"x\"111122223333\\","b":111122223333,"c":"444455556666"}"#;
        let want = r#"{"a":"x\"XXXXXXXX0001\\","b":111122223333,"c":"XXXXXXXX0002"}"#;
        assert_eq!(within_texts(json, &masks), want);
    }

    #[test]
    fn an_event_id_is_no_account() {
        let mut masks = BTreeMap::new();
        learn("6995fa99-c435-5a12-87d1-111122223333", &mut masks);
        assert!(masks.is_empty());
        learn("role/logs-2024-111122223333", &mut masks);
        assert_eq!(masks.keys().collect::<Vec<_>>(), ["111122223333"]);
    }
}
