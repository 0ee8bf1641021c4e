//! A notice -> one message of Slack, in blocks of plain text: nothing that a log says is a mention, a link or a format. Pure.
use serde_json::{Value as Json, json};

use super::Context;
use super::insight::{Told, insights};
use super::text::cut_escaped;
use crate::alert::notice::{Notice, Purpose, Status};
use crate::alert::outgoing::{Outgoing, Post, Reading, Value};
use crate::cloudtrail::insight::State;
use crate::config::Slack;
use crate::words::{clock, counted, short_identity};

/// Slack's limits, characters: of a header, a section, and a field of one.
const LONGEST_HEADER: usize = 150;
const LONGEST_SECTION: usize = 3000;
const LONGEST_FIELD: usize = 2000;
/// Characters of an insight in the list, and insights in it: all blocks together may have some 13,000 characters, though no
/// page of Slack's says so.
const LONGEST_MEMBER: usize = 480;
const MOST_MEMBERS: usize = 15;
/// Characters of other texts.
const LONGEST_SENTENCE: usize = 1500;
const LONGEST_NAME: usize = 300;

pub(super) fn outgoing(settings: &Slack, context: &Context<'_>, notice: &Notice) -> Vec<Outgoing> {
    let message = json!({
        "text": escaped(&format!("{}: {}", title(notice), notice.sentence), LONGEST_SENTENCE),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks(notice),
    });
    vec![Outgoing::Post(Post {
        url: context.secrets.get(&settings.url).clone(),
        headers: vec![("content-type", Value::Plain("application/json".to_owned()))],
        body: message.to_string().into_bytes(),
        signing: None,
        events: (0..notice.events.len()).collect(),
        read: Reading::Status,
    })]
}

fn blocks(notice: &Notice) -> Vec<Json> {
    let insights = insights(notice);
    let mut blocks = vec![
        json!({"type": "header", "text": plain(&title(notice), LONGEST_HEADER)}),
        json!({"type": "section", "text": plain(&notice.sentence, LONGEST_SENTENCE.min(LONGEST_SECTION))}),
        json!({"type": "section", "fields": fields(notice)}),
        json!({"type": "divider"}),
    ];
    let members = insights.iter().take(MOST_MEMBERS);
    blocks.extend(
        members.map(|told| json!({"type": "section", "text": plain(&member(notice, told), LONGEST_MEMBER)})),
    );
    let mut notes = Vec::new();
    if insights.len() > MOST_MEMBERS {
        notes.push(format!("and {}", counted((insights.len() - MOST_MEMBERS) as u64, "more insight")));
    }
    if notice.held_back > 0 {
        notes.push(format!("{} held back before this one", counted(notice.held_back, "message")));
    }
    notes.push(format!("incident {}", notice.incident));
    let context = plain(&notes.join(" · "), LONGEST_FIELD);
    blocks.push(json!({"type": "context", "elements": [context]}));
    blocks
}

/// Such as: "CRITICAL: unusual API activity (2 insights)".
fn title(notice: &Notice) -> String {
    let test = if notice.purpose == Purpose::Test { "TEST · " } else { "" };
    let over = match (notice.status, notice.has_start()) {
        (Status::Resolved, false) => ", back to usual",
        (Status::Resolved, true) => ", over by now",
        (Status::Firing, _) => "",
    };
    let of = counted(notice.members.len() as u64, "insight");
    format!("{test}{}: unusual API activity{over} ({of})", notice.severity.name().to_uppercase())
}

fn fields(notice: &Notice) -> Vec<Json> {
    let series = notice.leading().series();
    let until = notice.until.map_or_else(|| "still open".to_owned(), clock);
    let principal = notice.principal.as_deref().map(short_identity).unwrap_or_default();
    [
        ("Severity", notice.severity.name()),
        ("Account", &series.api.account),
        ("Region", &series.api.region),
        ("Principal", &principal),
        ("From (UTC)", &clock(notice.from)),
        ("Until (UTC)", &until),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| plain(&format!("{name}: {value}"), LONGEST_NAME.min(LONGEST_FIELD)))
    .collect()
}

/// The id first: what is cut off is at the end.
fn member(notice: &Notice, told: &Told<'_>) -> String {
    let states: Vec<&str> =
        told.events().into_iter().map(|index| notice.events[index].state().name()).collect();
    let what = if states == [State::End.name()] { told.sentence() } else { told.why() };
    let severity = told.finding.latest().severity();
    format!(
        "{} · {} · {severity} · {} · {what}",
        told.finding.shared_id(),
        states.join(" and "),
        told.window()
    )
}

/// A text that Slack shows as it is.
fn plain(text: &str, most: usize) -> Json {
    json!({"type": "plain_text", "emoji": false, "text": escaped(text, most)})
}

/// With the three characters escaped of which Slack makes mentions and links.
fn escaped(text: &str, most: usize) -> String {
    cut_escaped(text, most, |char| match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    })
}
