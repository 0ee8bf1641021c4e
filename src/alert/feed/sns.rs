//! A notice -> `Publish` of Amazon SNS, one an event: the record is the message, attributes are what filters match. Pure.
use std::fmt::Write as _;

use super::Context;
use super::eventbridge::{address, refused};
use super::text::{cut, within};
use crate::alert::notice::{Notice, Purpose, key};
use crate::alert::outgoing::{Answer, Outgoing, Post, Reading, Reply, Signing, Value, Verdict};
use crate::cloudtrail::insight::{EVENT_NAME, EVENT_SOURCE};
use crate::config::Sns;
use crate::finding::Event;
use crate::words::short_service;

/// Bytes of a message with its attributes, less than AWS's 256 KiB.
const MOST_BYTES: usize = 240 * 1024;
/// AWS's limit of a subject: ASCII, no line breaks.
const LONGEST_SUBJECT: usize = 100;
/// Longest value of an attribute; ours.
const LONGEST_ATTRIBUTE: usize = 256;
/// AWS's limit of the ids of a FIFO topic's messages.
const LONGEST_ID: usize = 128;
/// Version of SNS's interface.
const VERSION: &str = "2010-03-31";

pub(super) fn outgoing(settings: &Sns, context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    // The configuration takes nothing but ARNs.
    let region =
        settings.topic.split(':').nth(3).filter(|region| !region.is_empty()).unwrap_or(context.region);
    let url = address(settings.endpoint.as_deref(), "sns", region);
    let post = |(index, event): (usize, &Event)| {
        Outgoing::Post(Post {
            url: url.clone(),
            headers: vec![("content-type", Value::Plain("application/x-www-form-urlencoded".to_owned()))],
            body: form(&parameters(settings, notice, event)).into_bytes(),
            signing: Some(Signing { service: "sns", region: region.to_owned() }),
            events: vec![index],
            read: Reading::Whole(read),
        })
    };
    notice.events.iter().enumerate().map(post).collect()
}

fn parameters(settings: &Sns, notice: &Notice, event: &Event) -> Vec<(String, String)> {
    let message = within(&event.json, MOST_BYTES);
    let mut parameters = vec![
        ("Action".to_owned(), "Publish".to_owned()),
        ("Version".to_owned(), VERSION.to_owned()),
        ("TopicArn".to_owned(), settings.topic.clone()),
        ("Subject".to_owned(), subject(notice, event)),
        ("Message".to_owned(), message.clone().into_owned()),
    ];
    let mut attributes = attributes(notice, event);
    if message.len() != event.json.len() {
        attributes.push(("truncated", "String", "true".to_owned()));
    }
    for (index, (name, kind, value)) in attributes.into_iter().enumerate() {
        let entry = format!("MessageAttributes.entry.{}", index + 1);
        parameters.push((format!("{entry}.Name"), name.to_owned()));
        parameters.push((format!("{entry}.Value.DataType"), kind.to_owned()));
        parameters.push((format!("{entry}.Value.StringValue"), value));
    }
    if settings.topic.strip_suffix(".fifo").is_some() {
        // What belongs to an incident stays in order; an event that is sent again is dropped.
        parameters.push(("MessageGroupId".to_owned(), fifo_id(notice, &notice.incident)));
        parameters.push(("MessageDeduplicationId".to_owned(), fifo_id(notice, &event.record.event_id)));
    }
    parameters
}

/// What a filter policy can match: ten at most where a queue takes messages raw. None may be empty.
fn attributes(notice: &Notice, event: &Event) -> Vec<(&'static str, &'static str, String)> {
    let series = event.record.series();
    let mut attributes: Vec<(&str, &str, String)> = [
        ("severity", event.severity().name()),
        ("state", event.state().name()),
        ("insightType", series.kind.insight_type()),
        ("account", &series.api.account),
        ("region", &series.api.region),
        (EVENT_SOURCE, &series.api.event_source),
        (EVENT_NAME, &series.api.event_name),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name, "String", cut(value, LONGEST_ATTRIBUTE)))
    .collect();
    if notice.held_back > 0 {
        attributes.push(("heldBack", "Number", notice.held_back.to_string()));
    }
    if notice.purpose == Purpose::Test {
        attributes.push(("test", "String", "true".to_owned()));
    }
    attributes
}

/// The subject of an e-mail: it has to begin with a letter, a digit or a sign, and to be ASCII.
fn subject(notice: &Notice, event: &Event) -> String {
    let series = event.record.series();
    let test = if notice.purpose == Purpose::Test { "TEST: " } else { "" };
    let subject = format!(
        "{test}{} insight {}: {} {} in {}/{}",
        event.severity(),
        event.state().name().to_ascii_lowercase(),
        short_service(&series.api.event_source),
        series.api.event_name,
        series.api.account,
        series.api.region,
    );
    let mut ascii: String =
        subject.chars().map(|char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' }).collect();
    if ascii.len() > LONGEST_SUBJECT {
        ascii.truncate(LONGEST_SUBJECT - 3);
        ascii.push_str("...");
    }
    ascii
}

/// An id as a FIFO topic takes it: letters, digits and punctuation. The digest of one that is not.
fn fifo_id(notice: &Notice, id: &str) -> String {
    let is_sound = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_sound { id.to_owned() } else { key(&notice.feed, &[id]).to_string() }
}

/// Names and values as forms send them.
fn form(parameters: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 5 / 4);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// What SNS has taken has an id; a 200 without one comes from somebody else.
fn read(answer: &Answer<'_>) -> Reply {
    if answer.status != 200 {
        return refused(answer);
    }
    let is_taken = String::from_utf8_lossy(answer.body).contains("<MessageId>");
    let other = || Verdict::Again("the answer is none of SNS's".to_owned());
    Reply::All(if is_taken { Verdict::Delivered } else { other() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sns_can_say_that_it_has_a_message() {
        let taken =
            "<PublishResponse><PublishResult><MessageId>94f2</MessageId></PublishResult></PublishResponse>";
        for (status, body, want) in [
            (200, taken, "Delivered"),
            (200, "<html>Welcome</html>", "Again"),
            (200, "", "Again"),
            (400, "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>", "Rejected"),
        ] {
            let Reply::All(verdict) = read(&Answer { status, body: body.as_bytes() }) else { panic!("all") };
            assert!(format!("{verdict:?}").starts_with(want), "{status} {body}: {verdict:?}");
        }
    }
}
