//! Tables of sound and hostile texts -> the records that must come out of them, and what must be said of the rest.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::classify::{KeyHints, Verdict, classify};

/// Keeps what it is given: each record in words.
#[derive(Default)]
struct Kept {
    records: Vec<String>,
    names: Vec<String>,
}

impl Sink for Kept {
    fn record(&mut self, record: Record<'_>) -> Result<(), Unusable> {
        if let Verdict::Unusable(unusable) = classify(record.clone(), &KeyHints::default()) {
            return Err(unusable);
        }
        self.names.push(record.event_name.as_deref().unwrap_or("?").to_owned());
        self.records.push(format!("{record:?}"));
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn stopped(&self) -> bool {
        false
    }
}

/// A sound record with this name.
fn record(name: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"Root"}},"eventTime":"2026-01-02T03:04:05Z","eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","requestParameters":{{"a":[{{"eventName":"{{\"x\":1}}]"}}]}},"recipientAccountId":"123456789012"}}"#
    )
}

/// What both paths find in sound text, or only the careful one in damaged text: names, then flaws.
fn found(text: &[u8]) -> (String, Vec<String>) {
    let mut kept = Kept::default();
    let findings = parse(text, Seal::None, &mut Memory::default(), &mut kept);
    (kept.names.join(" "), findings.flaws.iter().map(ToString::to_string).collect())
}

/// Checks which of the records A, B, C… come out and what is said of the rest. `(A)` stands for record A in the text.
fn check(case: &str, text: impl AsRef<[u8]>, names: &str, flaws: &[&str]) {
    let (got_names, got_flaws) = found(&with_records(text.as_ref()));
    assert_eq!(
        (got_names.as_str(), got_flaws),
        (names, flaws.iter().map(ToString::to_string).collect()),
        "{case}"
    );
}

fn with_records(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let [first, others @ ..] = rest {
        if let [b'(', letter @ b'A'..=b'Z', b')', after @ ..] = rest {
            out.extend(record(&char::from(*letter).to_string()).bytes());
            rest = after;
        } else {
            out.push(*first);
            rest = others;
        }
    }
    out
}

/// Text that the strict path must understand by itself.
fn check_sound(case: &str, text: &str, names: &str) {
    let text = with_records(text.as_bytes());
    let (mut fast, mut slow) = (Kept::default(), Kept::default());
    assert_eq!(strict(&text, &mut fast), Ok(()), "{case}");
    assert_eq!(fast.names.join(" "), names, "{case}");
    let findings = careful(&text, &mut slow);
    assert!(findings.is_log, "{case}");
    assert_eq!(findings.flaws.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0], "{case}");
    assert_eq!(fast.records, slow.records, "{case}");
    check_fast(&text);
}

/// If the fast path accepts a text that the strict path accepts, both read the same; gives whether it does.
fn check_fast(text: &[u8]) -> bool {
    let mut memory = Memory::default();
    let mut jump = || read_by(|text, kept| fast(text, &mut memory, kept).is_ok(), text);
    let jumped = jump();
    assert_eq!(jumped, jump(), "with the keys known: {}", String::from_utf8_lossy(text));
    if let (Some(jumped), Some(read)) = (&jumped, read_by(|text, kept| strict(text, kept).is_ok(), text)) {
        assert_eq!(*jumped, read, "{}", String::from_utf8_lossy(text));
    }
    jumped.is_some()
}

/// A record as text in JSON.
fn quoted(name: &str) -> String {
    serde_json::to_string(&record(name)).expect("text can be quoted")
}

#[test]
fn the_fast_path_reads_what_aws_writes_and_leaves_the_rest() {
    let check = |case: &str, text: &str, accepts: bool| {
        assert_eq!(check_fast(&with_records(text.as_bytes())), accepts, "{case}");
    };
    let with = |field: &str| format!("{{\"Records\":[{{{field},{}]}}", record("A").trim_start_matches('{'));
    check("log file", r#"{"Records":[(A),(B)]}"#, true);
    check("no records", r#"{"Records":[]}"#, true);
    check("spaces", r#" { "Records" : [ (A) , (B) ] } "#, true);
    check("a line break at the end", "{\"Records\":[(A)]}\n", true);
    check("escapes in a value", &with(r#""userAgent":"a\"b\\\u00e9""#), true);
    check("escapes in a value that is skipped", &with(r#""x":"\\\"}]""#), true);
    check("a later key wins", &with(r#""eventName":"X","userIdentity":{"type":"a","type":"b"}"#), true);
    check("null", &with(r#""userAgent":null,"readOnly":null,"userIdentity":null,"addendum":null"#), true);
    check("empty identity", &with(r#""userIdentity":{},"responseElements":{"a":null}"#), true);
    check("addendum", &with(r#""addendum":{"reason":"UPDATED_DATA"}"#), true);
    check("numbers", &with(r#""x":-1.5e3,"y":[1,2],"readOnly":true"#), true);
    check("not ASCII", &with(r#""userAgent":"żółć 🦀""#), true);
    check("escape in a key", &with(r#""event\u004eame":"B""#), false);
    check("escape in a key of the identity", &with(r#""userIdentity":{"\u0061rn":"B"}"#), false);
    check("bad escape in a value", &with(r#""userAgent":"\q""#), false);
    check("half a pair", &with(r#""userAgent":"\ud800""#), false);
    check("wrong type", &with(r#""eventName":7"#), false);
    check("wrong type", &with(r#""readOnly":"false""#), false);
    check("wrong type", &with(r#""userIdentity":"Root""#), false);
    check("wrong type", &with(r#""addendum":"x""#), false);
    check("not a number", &with(r#""x":01"#), false);
    check("not a literal", &with(r#""x":nul"#), false);
    check("line break", "{\"Records\":[\n(A)]}", false);
    check("tab in a text", &with("\"x\":\"\t\""), false);
    check("no comma", r#"{"Records":[(A)(B)]}"#, false);
    check("trailing comma", r#"{"Records":[(A),]}"#, false);
    check("something after it", r#"{"Records":[(A)]}x"#, false);
    check("other keys", r#"{"Records":[(A)],"x":1}"#, false);
    check("other containers", "[(A)]", false);
    check("ends early", r#"{"Records":[(A),{"x":{"#, false);
    check("record is not an object", r#"{"Records":[null]}"#, false);
    check("unusable record", r#"{"Records":[{}]}"#, false);
    // What is skipped is only delimited, but may hold no record.
    check("a record's time", &with(r#""x":[{"eventTime":"2026-01-02T03:04:05Z"}]"#), false);
    let swallowed = "{\"Records\":[(A),(B),(C)]}".replace("(A)", &record("A").replace("}]\"}]}", "}]\"}]"));
    check(
        "a bracket less in one, one more in the next",
        &swallowed.replace("(C)", &record("C").replace("}]}", "}]}}")),
        false,
    );
    let spliced =
        record("A").replace("{\\\"x\\\":1}]\"", "x") + "," + &record("B").replace("\"{\\\"x", "\"x");
    check("a quote less in both", &format!("{{\"Records\":[{spliced}]}}"), false);
    check("nothing", "", false);
}

/// What a path makes of a file's bytes; `None` where it leaves them to the next one.
fn read_by(path: impl FnOnce(&[u8], &mut Kept) -> bool, text: &[u8]) -> Option<Vec<String>> {
    let mut kept = Kept::default();
    path(text, &mut kept).then_some(kept.records)
}

#[test]
fn every_fixture_takes_all_paths() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let (mut by_fast, mut by_strict) = (0, 0);
    let mut buffers = crate::source::inflate::Buffers::default();
    let mut memory = Memory::default();
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("fixtures are readable"));
    for file in files.filter(|file| file.file_type().is_file()) {
        let packed = std::fs::File::open(file.path()).expect("fixtures are readable");
        let text = buffers.read(packed, 1 << 24, &|| false).bytes;
        let fast = read_by(|text, kept| fast(text, &mut memory, kept).is_ok(), text);
        let strict = read_by(|text, kept| strict(text, kept).is_ok(), text);
        let careful = read_by(|text, kept| careful(text, kept).flaws.is_empty(), text);
        if let (Some(fast), Some(strict)) = (&fast, &strict) {
            assert_eq!(fast, strict, "{}", file.path().display());
        }
        if strict.is_some() {
            assert_eq!(strict, careful, "{}", file.path().display());
        }
        by_fast += usize::from(fast.is_some());
        by_strict += usize::from(strict.is_some());
    }
    // Fixtures that no path accepts would prove nothing.
    assert!(
        by_fast >= 10 && by_strict > by_fast,
        "{by_fast} by the fast path, {by_strict} by the strict one"
    );
}

#[test]
fn containers() {
    let (a, b) = (quoted("A"), quoted("B"));
    check_sound("log file", r#"{"Records":[(A),(B)]}"#, "A B");
    check_sound("pretty", "{\n  \"Records\": [\n    (A),\n    (B)\n  ]\n}\n", "A B");
    check_sound("a record a line in an array", "{\"Records\":[\n(A),\n(B)\n]}", "A B");
    check_sound("Records is not the first key", r#"{"x":{"Records":[1]},"Records":[(A)],"y":1}"#, "A");
    check_sound("byte order mark", "\u{FEFF}{\"Records\":[(A)]}", "A");
    check_sound("no records", r#"{"Records":[]}"#, "");
    check_sound("bare array", "[(A),(B)]", "A B");
    check_sound("array of log files", r#"[{"Records":[(A)]},{"Records":[(B)]}]"#, "A B");
    check_sound("bare record", "(A)", "A");
    check_sound("a record a line", "(A)\n(B)\n\n(C)\n", "A B C");
    check_sound("CRLF", "(A)\r\n(B)\r\n", "A B");
    check_sound("a log file a line", "{\"Records\":[(A)]}\n{\"Records\":[(B)]}\n", "A B");
    check_sound("joined log files", r#"{"Records":[(A)]}{"Records":[(B)]}{"Records":[]}"#, "A B");
    check_sound(
        "LookupEvents",
        &format!(
            r#"{{"Events":[{{"EventId":"1","ReadOnly":"true","CloudTrailEvent":{a}}},{{"CloudTrailEvent":{b}}}],"NextToken":"x"}}"#
        ),
        "A B",
    );
    check_sound("LookupEvents, records bare", r#"{"NextToken":"x","Events":[(A)]}"#, "A");
    check_sound(
        "one event of LookupEvents a line",
        &format!("{{\"CloudTrailEvent\":{a}}}\n{{\"CloudTrailEvent\":{b}}}"),
        "A B",
    );
    check_sound(
        "CloudWatch Logs",
        &format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logEvents":[{{"id":"1","timestamp":1,"message":{a}}}]}}"#
        ),
        "A",
    );
    check_sound(
        "CloudWatch Logs check",
        r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"CWL CONTROL MESSAGE"}]}"#,
        "",
    );
    check_sound(
        "EventBridge",
        r#"{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":(A)}"#,
        "A",
    );
    check_sound(
        "EventBridge, a line each",
        "{\"detail\":(A),\"detail-type\":\"x\"}\n{\"detail-type\":\"x\",\"detail\":(B)}",
        "A B",
    );
}

#[test]
fn containers_in_a_form_that_only_the_careful_path_knows() {
    let a = quoted("A");
    check("joined without Records", "(A)(B)", "A B", &[]);
    check("joined, pretty", "{\n\"Records\":[\n(A)\n]\n}\n{\n\"Records\":[(B)]}", "A B", &[]);
    check(
        "byte order mark in each of joined files",
        "\u{FEFF}{\"Records\":[(A)]}\u{FEFF}{\"Records\":[(B)]}",
        "A B",
        &[],
    );
    check(
        "a compact file, then a pretty one",
        "{\"Records\":[(A)]}\n{\n\"Records\":[\n(B)\n]\n}\n",
        "A B",
        &[],
    );
    check(
        "messageType last",
        format!(r#"{{"logEvents":[{{"message":{a}}}],"messageType":"DATA_MESSAGE"}}"#),
        "A",
        &[],
    );
    check("Records twice", r#"{"Records":[(A)],"Records":[(B)]}"#, "A B", &[]);
    check("escaped key", r#"{"Rec\u006frds":[(A)]}"#, "A", &[]);
}

#[test]
fn not_logs() {
    check(
        "foreign object",
        r#"{"name":"x","version":1}"#,
        "",
        &["JSON, but no CloudTrail records (line 1 column 1)"],
    );
    check(
        "foreign array",
        r#"[1,"x",{"a":1}]"#,
        "",
        &["JSON, but no CloudTrail records (first at line 1 column 2)"],
    );
    check(
        "Records is no array",
        r#"{"Records":5}"#,
        "",
        &["JSON, but no CloudTrail records (line 1 column 1)"],
    );
    check(
        "detail without detail-type",
        r#"{"detail":(A)}"#,
        "",
        &["JSON, but no CloudTrail records (line 1 column 1)"],
    );
    check(
        "another service's event",
        r#"{"detail-type":"EC2 State","detail":{"state":"stopped"}}"#,
        "",
        &["JSON, but no CloudTrail records (line 1 column 37)"],
    );
    check("text", "hello\nworld\n", "", &["not JSON (first at line 1 column 1)"]);
    check("UTF-16", b"\xFF\xFE{\0", "", &["UTF-16, not UTF-8 (line 1 column 1)"]);
    check("nothing", "", "", &[]);
    check("empty array", "[]", "", &[]);
    check("white space", " \r\n\t", "", &[]);
}

#[test]
fn one_bad_record_loses_one_record() {
    let with = |bad: &str| format!("{{\"Records\":[(A),\n{bad},\n(B)]}}");
    // The oddity stands where a sound record has its version, from column 2 on.
    let odd = |odd: &str| with(&record("X").replace(r#""eventVersion":"1.08""#, odd));
    let flaw = |case: &str, text: String, flaw: &str| check(case, text, "A B", &[flaw]);
    flaw("null", with("null"), "invalid type: null, expected a record to be an object (line 2 column 4)");
    flaw("number", with("5"), "invalid type: number, expected a record to be an object (line 2 column 1)");
    flaw(
        "text",
        with(r#""text""#),
        "invalid type: string, expected a record to be an object (line 2 column 6)",
    );
    flaw(
        "array",
        with("[(C)]"),
        "invalid type: sequence, expected a record to be an object (line 2 column 1)",
    );
    flaw("empty", with("{}"), "eventTime is missing (line 2 column 1)");
    flaw("not even a literal", with("tru"), "expected value (line 2 column 1)");
    flaw(
        "readOnly is text",
        odd(r#""readOnly":"false""#),
        "invalid type: string, expected readOnly to be true or false (line 2 column 19)",
    );
    flaw(
        "name is a number",
        odd(r#""eventName":7"#),
        "invalid type: number, expected eventName to be a string (line 2 column 14)",
    );
    flaw("name is a huge number", odd(r#""eventName":1e999"#), "number out of range (line 2 column 18)");
    flaw(
        "name is null",
        with(&record("X").replace(r#""X""#, "null")),
        "eventName is missing (line 2 column 1)",
    );
    flaw(
        "identity is text",
        odd(r#""userIdentity":"Root""#),
        "invalid type: string, expected userIdentity to be an object (line 2 column 22)",
    );
    flaw(
        "a day in 1970",
        with(&record("X").replace("2026", "1970")),
        "eventTime \"1970-01-02T03:04:05Z\" is not a time between 2013 and 2099 (line 2 column 1)",
    );
    flaw("trailing comma", odd(r#""x":{"a":1,}"#), "trailing comma (line 2 column 12)");
    flaw("no value", odd(r#""x":"#), "expected value (line 2 column 6)");
    flaw("no colon", odd(r#""x" 1"#), "expected `:` (line 2 column 6)");
    flaw("no comma", odd(r#""x":1 "y":2"#), "expected `,` or `}` (line 2 column 8)");
    flaw("text not closed", odd(r#""x":"1"#), "expected `,` or `}` (line 2 column 10)");
    flaw("object not closed", odd(r#""x":{"a":1"#), "key must be a string (line 3 column 1)");
    flaw("array not closed", odd(r#""x":[1"#), "expected `,` or `]` (line 2 column 23)");
    let too_many = with("(X)}");
    check("bracket too many", too_many, "A X B", &["expected `,` or `]` (line 2 column 255)"]);
    flaw(
        "raw control character",
        odd("\"x\":\"\u{1}\""),
        "control character (\\u0000-\\u001F) found while parsing a string (line 2 column 6)",
    );
    flaw("bad escape", odd(r#""x":"\q""#), "invalid escape (line 2 column 8)");
}

#[test]
fn damage_around_records() {
    let log = |text: &str, names: &str, flaws: &[&str]| check(text, text, names, flaws);
    log(
        r#"{"Records":[(A),(B),]}"#,
        "A B",
        &["trailing comma; the records around it count (line 1 column 522)"],
    );
    log(
        r#"{"Records":[(A),,(B)]}"#,
        "A B",
        &["comma without a record before it; the records around it count (line 1 column 268)"],
    );
    log(
        r#"{"Records":[(A)(B)]}"#,
        "A B",
        &["missing comma; the records around it count (line 1 column 267)"],
    );
    log("{\"Records\":[(A)]}\0\0\0", "A", &["NUL bytes outside of the JSON (line 1 column 269)"]);
    log("{\"Records\":[(A)]}\nend of file", "A", &["not JSON (line 2 column 1)"]);
    log("{\"Records\":[(A)]}]", "A", &["not JSON (line 1 column 269)"]);
    log(
        "{\"Records\":[(A)],,\"x\":1}\n{\"Records\":[(B)]}",
        "A B",
        &["key must be a string (line 1 column 269)", "not JSON (line 1 column 269)"],
    );
    log(
        "{\"Records\":[(A)] \"x\":{}}{\"Records\":[(B)]}",
        "A B",
        &["expected `,` or `}` (line 1 column 269)"],
    );
    log("{\"Records\":[(A)", "A", &["JSON ends early (line 1 column 267)"]);
    log("{\"Records\":[(A),", "A", &["JSON ends early (line 1 column 268)"]);
    log("{\"Records\":[(A),\n{\"eventVersion\":\"1", "A", &["JSON ends early (line 2 column 19)"]);
    log("{\"Records\":", "", &["JSON ends early (line 1 column 12)"]);
    log(
        "{\"Records\":[(A),{\"eventVersion\":\"1\"{\"Records\":[(B)]}",
        "A B",
        &["expected `,` or `}` (line 1 column 287)"],
    );
}

#[test]
fn one_bad_line_loses_one_line() {
    let flaw = |bad: &str, flaw: &str| {
        check(bad, format!("(A)\n{bad}\n(B)\n(C)\n"), "A B C", &[flaw]);
        check(
            bad,
            format!("{bad}\n(A)\n(B)"),
            "A B",
            &[&flaw.replace("line 2", "line 1").replace("line 3", "line 2")],
        );
    };
    flaw("{\"eventVersion\":\"1.0", "JSON ends early (line 2 column 21)");
    flaw("{\"eventVersion\":", "JSON ends early (line 2 column 17)");
    flaw("{\"eventVersion\":{", "JSON ends early (line 2 column 18)");
    flaw("{\"eventVersion\":[1,", "JSON ends early (line 2 column 20)");
    flaw("{", "key must be a string (line 3 column 1)");
    flaw("}", "not JSON (line 2 column 1)");
    flaw("oops", "not JSON (line 2 column 1)");
    flaw("{\"eventVersion\":}", "expected value (line 2 column 17)");
    flaw("{\"eventName\":5}", "invalid type: number, expected eventName to be a string (line 2 column 14)");
    flaw("{\"x\":1}", "JSON, but no CloudTrail records (line 2 column 1)");
}

#[test]
fn one_bad_line_of_log_files_loses_one_line() {
    let log = |bad: &str, flaw: &str| {
        let lines = format!("{{\"Records\":[(A)]}}\n{bad}\n{{\"Records\":[(B)]}}\n");
        check(bad, lines, "A B", &[flaw]);
    };
    log("{\"Records\":[{", "JSON ends early (line 2 column 14)");
    log("{\"Records\":[{\"x\":1,\"y\":\"", "JSON ends early (line 2 column 25)");
    log("{\"Rec", "JSON ends early (line 2 column 6)");
    log("\"Records\":[]}", "not JSON (line 2 column 1)");
}

#[test]
fn text_that_is_not_quite_text() {
    let odd = |case: &str, inside: &[u8], flaws: &[&str]| {
        let text = [
            b"{\"Records\":[(A),\n{\"userAgent\":\"".as_slice(),
            inside,
            b"\",",
            &record("B").as_bytes()[1..],
            b"]}",
        ]
        .concat();
        check(case, text, "A B", flaws);
    };
    odd("invalid UTF-8", b"a\xFFb", &["invalid UTF-8, replaced (line 2 column 16)"]);
    odd("UTF-8 of a surrogate", b"\xED\xA0\x80", &["invalid UTF-8, replaced (line 2 column 15)"]);
    odd(
        "half a pair",
        br"x\uD83D\\uD83D",
        &["half a surrogate pair, replaced; the record counts (line 2 column 1)"],
    );
    odd(
        "the other half",
        br"\uDE00x",
        &["half a surrogate pair, replaced; the record counts (line 2 column 1)"],
    );
    odd("a pair", br"\uD83D\uDE00", &[]);
    let in_keys = b"{\"x\xFF\":1,\"Records\":[{\"\xFF\":1,\"userIdentity\":{\"\xFF\":1}},(A)]}";
    let flaws = ["invalid UTF-8, replaced (line 1 column 4)", "eventTime is missing (line 1 column 20)"];
    check("invalid UTF-8 in keys", in_keys, "A", &flaws);
}

#[test]
fn time_is_linear_whatever_the_text() {
    let check_quick = |unit: &str, size: usize| {
        let text = unit.repeat(size / unit.len());
        let (_, flaws) = found(text.as_bytes());
        assert!(flaws.len() < 20, "{unit:?}: {} flaws", flaws.len());
    };
    for unit in ["[", "{\"a\":", "\"", "{\"eventVersion\":", "{\"Records\":["] {
        check_quick(unit, 20 << 20);
    }
    #[rustfmt::skip]
    let units = [
        "{", "]", "}", ",", "\0", "\n", "a", "\\", "[{", "{]", "{}", "{},", "[]", "{}\n", "{\n", "[\n", "\"\n", "[1,\n", "{       ",
        "{\"a\":\n", "{\"a\":[\n", "{\"a\":[\n{\"eventVersion\":1}\n,\n", "{\"Records\":[\n", "{\"Records\":[]}", "{\"Records\":[]",
        "{\"Records\":[{\"eventVersion\":", "{\"eventVersion\":\n", "{\"eventVersion\"", "{\"eventVersion\":1},",
        "{\"eventVersion\":1}\n,", "{\"eventVersion\":\"\\uD800\"}\n", "{\"detail\":{},\"detail\":", "[{\"logEvents\":[", "\u{FEFF}",
    ];
    for unit in units {
        check_quick(unit, 2 << 20);
        check_quick(&format!("{unit} "), 2 << 20);
    }
}

#[test]
fn a_million_empty_records_are_one_row() {
    let text = format!("{{\"Records\":[{}(A)]}}", "{},".repeat(1_000_000));
    let mut kept = Kept::default();
    let findings = parse(&with_records(text.as_bytes()), Seal::None, &mut Memory::default(), &mut kept);
    let rows: Vec<_> = findings.flaws.iter().map(|flaw| (flaw.to_string(), flaw.records)).collect();
    assert_eq!(rows, [("eventTime is missing (first at line 1 column 13)".to_owned(), 1_000_000)]);
    assert_eq!(kept.names, ["A"]);
}

/// A value for a key of a record or container: mostly of the type that belongs there.
fn value_of(key: &str, records: &[Value], other: &Value) -> Value {
    let quoted = |record: &Value| Value::String(record.to_string());
    match key {
        "Records" => json!(records),
        "Events" => records.iter().map(|record| json!({"CloudTrailEvent": quoted(record)})).collect(),
        "logEvents" => records.iter().map(|record| json!({"message": quoted(record)})).collect(),
        "detail" => records.first().unwrap_or(other).clone(),
        "messageType" => json!("DATA_MESSAGE"),
        _ => other.clone(),
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}|[\"\\\\{}\\[\\],:\n\u{0}é😀]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{1,3}|eventName|Records", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A record with whatever around its fields, and some of them replaced.
fn any_record() -> impl Strategy<Value = Value> {
    let texts = [
        "eventSource",
        "eventName",
        "awsRegion",
        "eventID",
        "eventType",
        "recipientAccountId",
        "errorCode",
        "userAgent",
    ];
    let text = "[A-Za-z\"\\\\é😀\n]{1,5}".prop_map(Value::from);
    (
        prop::collection::vec(text, texts.len()),
        prop::collection::vec((prop::sample::select(&KEYS[..]), any_json()), 0..3),
        any_json(),
        0..40,
    )
        .prop_map(move |(values, odd, other, dice)| {
            let mut record = Map::new();
            record.insert("eventTime".to_owned(), json!("2026-01-02T03:04:05Z"));
            record.extend(texts.iter().map(ToString::to_string).zip(values));
            record.insert("requestParameters".to_owned(), other);
            if dice == 0 {
                record.extend(odd.into_iter().map(|(key, value)| (key.to_owned(), value)));
            }
            Value::Object(record)
        })
}

const KEYS: [&str; 18] = [
    "eventTime",
    "eventName",
    "readOnly",
    "managementEvent",
    "userIdentity",
    "responseElements",
    "addendum",
    "eventID",
    "Records",
    "Events",
    "logEvents",
    "detail",
    "detail-type",
    "messageType",
    "message",
    "CloudTrailEvent",
    "eventCategory",
    "x",
];

/// A file: documents of any kind, some with keys that do not belong together.
fn any_file() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let containers = [
        ["Records"].as_slice(), &["Records"], &["Records"], &["Events"], &["Events"], &["x", "Records"], &["messageType", "logEvents"],
        &["messageType", "logEvents"], &["detail", "detail-type"], &["detail", "detail-type"],
        &["logEvents", "messageType"], &["Records", "Events"], &["detail"], &["x"], &[],
    ];
    let document = (
        prop::collection::vec(any_record(), 0..4),
        prop::sample::select(containers.to_vec()),
        any_json(),
        0..8,
    )
        .prop_map(|(records, keys, other, form)| {
            let object: Map<_, _> =
                keys.iter().map(|key| ((*key).to_owned(), value_of(key, &records, &other))).collect();
            match (form, object.is_empty()) {
                (0 | 1, _) => json!(records),
                (_, true) => records.first().cloned().unwrap_or(other),
                _ => Value::Object(object),
            }
        });
    (prop::collection::vec(document, 1..3), 0..3).prop_map(|(documents, form)| {
        let text = |value: &Value| match form {
            0 => serde_json::to_string_pretty(value).expect("a value is text"),
            _ => value.to_string(),
        };
        documents.iter().map(text).collect::<Vec<_>>().join(if form == 1 { "" } else { "\n" })
    })
}

/// Changes of a text such as a broken writer makes: at a place, so many bytes are replaced.
fn edits() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    let piece = prop_oneof![
        Just(String::new()),
        "[\\\\\"{}\\[\\],: 0-9a-z]{1,2}",
        Just("},{".to_owned()),
        Just("\"eventName\":\"Z\",".to_owned()),
    ];
    prop::collection::vec((any::<usize>(), 0..4_usize, piece), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn nothing_that_the_careful_path_finds_is_lost_on_the_fast_one(edits in edits(), blanks in any::<bool>()) {
        let records: Vec<String> = ["A", "B", "C", "D", "E"].into_iter().map(record).collect();
        let mut text = format!("{{\"Records\":[{}]}}", records.join(","));
        if blanks {
            text = text.replace(',', ", ");
        }
        for (place, length, piece) in edits {
            let start = place % text.len();
            text.replace_range(start..(start + length).min(text.len()), &piece);
        }
        let jumped = read_by(|text, kept| fast(text, &mut Memory::default(), kept).is_ok(), text.as_bytes());
        if let Some(mut jumped) = jumped {
            let mut found = Kept::default();
            careful(text.as_bytes(), &mut found);
            for record in found.records {
                let known = jumped.iter().position(|other| *other == record);
                prop_assert!(known.is_some(), "{record} of {text}");
                known.map(|known| jumped.swap_remove(known));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn both_paths_read_the_same(file in any_file(), cut in any::<prop::sample::Index>(), byte: u8, dice in 0..8) {
        let mut file = file.into_bytes();
        let at = cut.index(file.len());
        if dice == 0 {
            file[at] = byte;
        }
        let (mut fast, mut slow) = (Kept::default(), Kept::default());
        check_fast(&file);
        let is_sound = strict(&file, &mut fast).is_ok();
        let findings = careful(&file, &mut slow);
        if is_sound {
            prop_assert_eq!(fast.records, slow.records);
            prop_assert!(findings.is_log);
            prop_assert_eq!(findings.flaws.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
        }
    }

    #[test]
    fn the_fast_path_reads_what_the_strict_path_reads(
        records in prop::collection::vec(any_record(), 0..4),
        damage in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\\{}[],: 1nt\x00\xFF".to_vec()),
    ) {
        let mut text = json!({"Records": records}).to_string().into_bytes();
        let (mut jumped, mut read) = (Kept::default(), Kept::default());
        let accepted = fast(&text, &mut Memory::default(), &mut jumped).is_ok();
        prop_assert_eq!(accepted, strict(&text, &mut read).is_ok());
        if accepted {
            prop_assert_eq!(jumped.records, read.records);
        }
        let at = damage.index(text.len());
        text[at] = byte;
        check_fast(&text);
    }

    #[test]
    fn a_cut_loses_only_what_it_cuts(names in "[A-Z]{1,6}", form in 0..6, cut in any::<prop::sample::Index>()) {
        let records: Vec<String> = names.chars().map(|name| record(&name.to_string())).collect();
        let (open, between, close) = match form {
            0 => ("{\"Records\":[", ",", "]}"),
            1 => ("{\n  \"Records\": [\n    ", ",\n    ", "\n  ]\n}\n"),
            2 => ("[", ",", "]"),
            3 => ("", "\n", "\n"),
            4 => ("{\"Records\":[", "]}\n{\"Records\":[", "]}\n"),
            _ => ("{\"Records\":[", "]}{\"Records\":[", "]}"),
        };
        let text = format!("{open}{}{close}", records.join(between));
        let cut = cut.index(text.len());
        let ends = (1..=records.len()).map(|n| open.len() + records[..n].join(between).len());
        let whole: Vec<char> = names.chars().zip(ends).filter(|(_, end)| *end <= cut).map(|(name, _)| name).collect();
        let (got, flaws) = found(&text.as_bytes()[..cut]);
        prop_assert_eq!(got.replace(' ', ""), whole.iter().collect::<String>());
        let mut values = serde_json::Deserializer::from_slice(&text.as_bytes()[..cut]).into_iter::<Value>();
        let is_sound = values.all(|value| value.is_ok());
        prop_assert_eq!(flaws.is_empty(), is_sound, "{:?}", flaws);
        prop_assert!(flaws.len() <= 1, "{:?}", flaws);
    }

    #[test]
    fn nothing_breaks_the_reader(bytes: Vec<u8>, text in "[\\[\\]{}\",:\\\\ \n\u{0}a1]{0,60}", both: bool) {
        let text = if both { [text.as_bytes(), &bytes].concat() } else { text.into_bytes() };
        found(&text);
    }
}
