//! A notice -> `PutEvents` of Amazon EventBridge: events as CloudTrail's own Insights are, but for their source. Pure.
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Context;
use super::text::within;
use crate::alert::notice::{Notice, Purpose};
use crate::alert::outgoing::{Answer, Outgoing, Post, Reading, Reply, Signing, Value, Verdict, by_status};
use crate::alert::secret::Secret;
use crate::config::EventBridge;
use crate::finding::Event;

/// What CloudTrail's own Insights have, so that rules written for them fire.
const DETAIL_TYPE: &str = "AWS Insight via CloudTrail";
/// `source` where the configuration names none.
const SOURCE: &str = "trailpulse";
/// Entries in a call, and bytes of all of them as AWS counts: its limit was 256 KiB for years, and is no less anywhere.
const MOST_ENTRIES: usize = 10;
const MOST_BYTES: usize = 240 * 1024;
/// Bytes that AWS counts for the time of an entry.
const TIME_BYTES: usize = 14;
/// Longest ARN that is named as a resource.
const LONGEST_ARN: usize = 1024;
/// Codes by which AWS blames the message. All others blame who sends it, or pass: rights, keys and addresses are put right by
/// people, and what they could not deliver until then is still to be told. AWS answers 400 to those, too.
const BLAMES_MESSAGE: [&str; 7] = [
    "ValidationException",
    "ValidationError",
    "InvalidParameter",
    "ParameterValueInvalid",
    "MalformedDetail",
    "InvalidArgument",
    "SerializationException",
];
/// Longest code of an error that is repeated.
const LONGEST_CODE: usize = 64;

pub(super) fn outgoing(settings: &EventBridge, context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    let mut calls = Vec::<(Vec<Json>, Vec<usize>)>::new();
    let mut room = 0;
    for (index, event) in notice.events.iter().enumerate() {
        let (entry, bytes) = entry(settings, notice, event);
        let is_full = bytes > room || calls.last().is_none_or(|(entries, _)| entries.len() == MOST_ENTRIES);
        if is_full {
            calls.push((Vec::new(), Vec::new()));
            room = MOST_BYTES;
        }
        room = room.saturating_sub(bytes);
        let (entries, events) = calls.last_mut().expect("one was added");
        entries.push(entry);
        events.push(index);
    }
    let url = address(settings.endpoint.as_deref(), "events", context.region);
    let post = |(entries, events): (Vec<Json>, Vec<usize>)| {
        Outgoing::Post(Post {
            url: url.clone(),
            headers: vec![
                ("content-type", Value::Plain("application/x-amz-json-1.1".to_owned())),
                ("x-amz-target", Value::Plain("AWSEvents.PutEvents".to_owned())),
            ],
            body: json!({"Entries": entries}).to_string().into_bytes(),
            signing: Some(Signing { service: "events", region: context.region.to_owned() }),
            events,
            read: Reading::Whole(read),
        })
    };
    calls.into_iter().map(post).collect()
}

/// Address of a service of AWS in a region, or of a server that speaks the same.
pub(super) fn address(endpoint: Option<&str>, service: &str, region: &str) -> Secret {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    Secret::new(match endpoint {
        Some(url) => format!("{}/", url.trim_end_matches('/')),
        None => format!("https://{service}.{region}.amazonaws.com{suffix}/"),
    })
}

/// An entry, and its bytes as AWS counts them.
fn entry(settings: &EventBridge, notice: &Notice, event: &Event) -> (Json, usize) {
    let source = settings.source.as_deref().unwrap_or(SOURCE);
    let is_arn = |name: &&str| name.starts_with("arn:") && name.len() <= LONGEST_ARN;
    let mut resources: Vec<&str> = event.principal().filter(is_arn).into_iter().collect();
    if notice.purpose == Purpose::Test {
        resources.push("trailpulse:test");
    }
    let held_back = format!("trailpulse:held-back:{}", notice.held_back);
    if notice.held_back > 0 {
        resources.push(&held_back);
    }
    let others =
        TIME_BYTES + source.len() + DETAIL_TYPE.len() + resources.iter().map(|it| it.len()).sum::<usize>();
    let detail = within(&event.json, MOST_BYTES - others);
    let mut entry = json!({
        "Time": i64::from(event.record.event_time.epoch()) * 60,
        "Source": source,
        "DetailType": DETAIL_TYPE,
        "Detail": detail,
        "Resources": resources,
    });
    if let Some(bus) = &settings.bus {
        entry["EventBusName"] = json!(bus);
    }
    (entry, others + detail.len())
}

/// A success can hold failures: one answer for each entry.
fn read(answer: &Answer<'_>) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entries {
        entries: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry {
        event_id: Option<String>,
        error_code: Option<String>,
    }
    if answer.status != 200 {
        return refused(answer);
    }
    let verdict = |entry: Entry| match (entry.event_id, entry.error_code) {
        (Some(_), None) => Verdict::Delivered,
        (_, Some(code)) => failed(&code),
        (None, None) => Verdict::Again("an entry has neither an id nor an error".to_owned()),
    };
    match serde_json::from_slice::<Entries>(answer.body) {
        Ok(Entries { entries }) => Reply::Each(entries.into_iter().map(verdict).collect()),
        Err(_) => Reply::All(Verdict::Again("the answer is none of EventBridge's".to_owned())),
    }
}

/// What is wrong with the entry stays wrong.
fn failed(code: &str) -> Verdict {
    if BLAMES_MESSAGE.contains(&code) {
        return Verdict::Rejected(code.to_owned());
    }
    Verdict::Again(code.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_CODE).collect())
}

/// What AWS says with an error status, in JSON or XML.
pub(super) fn refused(answer: &Answer<'_>) -> Reply {
    let Some(code) = code(answer.body) else {
        return match by_status(answer) {
            // Who does not say what is wrong with the message may mean anything.
            Reply::All(Verdict::Delivered | Verdict::Rejected(_)) => {
                Reply::All(Verdict::Again(format!("status {}", answer.status)))
            }
            reply => reply,
        };
    };
    let why = format!("status {}: {code}", answer.status);
    let is_message = matches!(answer.status, 400 | 413) && BLAMES_MESSAGE.contains(&&*code);
    Reply::All(if is_message { Verdict::Rejected(why) } else { Verdict::Again(why) })
}

/// The error's code: `__type` of JSON, without what stands before a `#`; `Code` of XML. Letters and digits of it.
fn code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Error {
        #[serde(rename = "__type")]
        kind: String,
    }
    let text = String::from_utf8_lossy(body);
    let code = match serde_json::from_str::<Error>(&text) {
        Ok(error) => error.kind,
        Err(_) => text.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned(),
    };
    let name = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let code: String = name.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_CODE).collect();
    (!code.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_judged_alone() {
        let body = br#"{"FailedEntryCount":3,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure","ErrorMessage":"x"},
            {"ErrorCode":"MalformedDetail"},{},{"ErrorCode":"SerializationException"}]}"#;
        let Reply::Each(verdicts) = read(&Answer { status: 200, body }) else { panic!("each") };
        assert!(matches!(
            &verdicts[..],
            [
                Verdict::Delivered,
                Verdict::Again(_),
                Verdict::Rejected(_),
                Verdict::Again(_),
                Verdict::Rejected(_)
            ]
        ));
    }

    #[test]
    fn only_what_blames_the_message_is_rejected() {
        let json = |code: &str| format!("{{\"__type\":\"com.amazonaws.events#{code}\",\"message\":\"x\"}}");
        let xml = |code: &str| format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
        let long = "A".repeat(100);
        for (status, body, want) in [
            (400, json("AccessDeniedException"), Verdict::Again("status 400: AccessDeniedException".into())),
            (400, json("UnrecognizedClientException"), again("UnrecognizedClientException")),
            (400, json("InvalidSignatureException"), again("InvalidSignatureException")),
            (400, json("ThrottlingException"), again("ThrottlingException")),
            (400, json("ResourceNotFoundException"), again("ResourceNotFoundException")),
            (400, xml("KMSAccessDenied"), again("KMSAccessDenied")),
            (400, json(&long), again(&"A".repeat(64))),
            (400, json("A\\u001b[1mB:http://x"), again("A1mB")),
            (403, xml("ExpiredToken"), Verdict::Again("status 403: ExpiredToken".into())),
            (403, xml("ValidationError"), Verdict::Again("status 403: ValidationError".into())),
            (400, "<html>".to_owned(), Verdict::Again("status 400".into())),
            (413, String::new(), Verdict::Again("status 413".into())),
            (503, String::new(), Verdict::Again("status 503".into())),
            (400, json("ValidationException"), rejected("ValidationException")),
            (400, json("SerializationException"), rejected("SerializationException")),
            (400, xml("InvalidParameter"), rejected("InvalidParameter")),
            (400, json("InvalidArgument"), rejected("InvalidArgument")),
            (400, xml("ParameterValueInvalid"), rejected("ParameterValueInvalid")),
        ] {
            assert_eq!(
                refused(&Answer { status, body: body.as_bytes() }),
                Reply::All(want),
                "{status} {body}"
            );
        }
        let none = read(&Answer { status: 200, body: b"<html>" });
        assert!(matches!(none, Reply::All(Verdict::Again(_))), "{none:?}");
    }

    fn again(code: &str) -> Verdict {
        Verdict::Again(format!("status 400: {code}"))
    }

    fn rejected(code: &str) -> Verdict {
        Verdict::Rejected(format!("status 400: {code}"))
    }

    #[test]
    fn regions_of_china_have_a_domain_of_their_own() {
        let of = |endpoint, service, region| address(endpoint, service, region).reveal().to_owned();
        assert_eq!(of(None, "events", "eu-west-1"), "https://events.eu-west-1.amazonaws.com/");
        assert_eq!(of(None, "sns", "cn-north-1"), "https://sns.cn-north-1.amazonaws.com.cn/");
        assert_eq!(of(Some("http://moto:5000"), "sns", "cn-north-1"), "http://moto:5000/");
    }
}
