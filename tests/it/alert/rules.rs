//! A payload in, what its receiver's published rules say against it out. Each rule is a line of a table.
use serde_json::Value;

/// What a place of a payload has to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// A text with so many characters at most.
    Text(usize),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list with so many entries at most.
    List(usize),
    /// Anything, but something.
    There,
}

use Rule::{List, OneOf, Text, There};

/// PagerDuty, Events API v2: "Send an Alert Event", its table of parameters.
pub(crate) const PAGERDUTY: [(&str, Rule); 4] = [
    ("/routing_key", Text(32)),
    ("/event_action", OneOf(&["trigger", "acknowledge", "resolve"])),
    ("/dedup_key", Text(255)),
    ("/client", Text(255)),
];
/// The same, of what triggers.
pub(crate) const PAGERDUTY_TRIGGER: [(&str, Rule); 5] = [
    ("/payload/summary", Text(1024)),
    ("/payload/source", Text(1024)),
    ("/payload/severity", OneOf(&["critical", "error", "warning", "info"])),
    ("/payload/timestamp", Text(32)),
    ("/payload/custom_details", There),
];
/// Slack: "Incoming webhooks" and "Block Kit", of a message.
pub(crate) const SLACK: [(&str, Rule); 2] = [("/text", Text(40_000)), ("/blocks", List(50))];
/// The same, of each block by its type; `None` where a block need not have it.
pub(crate) const SLACK_BLOCKS: [(&str, &str, Rule); 5] = [
    ("header", "/text/text", Text(150)),
    ("header", "/text/type", OneOf(&["plain_text"])),
    ("section", "/text/text", Text(3000)),
    ("section", "/fields", List(10)),
    ("context", "/elements", List(10)),
];

/// What breaks the rules; nothing where all is well.
pub(crate) fn broken(payload: &Value, rules: &[(&str, Rule)]) -> Vec<String> {
    let breaks = |(place, rule): &(&str, Rule)| {
        let value = payload.pointer(place).unwrap_or(&Value::Null);
        let text = value.as_str().map(|text| text.chars().count());
        let holds = match rule {
            Text(most) => text.is_some_and(|length| (1..=*most).contains(&length)),
            OneOf(known) => value.as_str().is_some_and(|text| known.contains(&text)),
            List(most) => value.as_array().is_some_and(|list| (1..=*most).contains(&list.len())),
            There => !value.is_null(),
        };
        (!holds).then(|| format!("{place} must be {rule:?}: {value}"))
    };
    rules.iter().filter_map(breaks).collect()
}

/// As PagerDuty answers.
pub(crate) fn pagerduty(event: &Value) -> (u16, String) {
    let mut problems = broken(event, &PAGERDUTY[..3]);
    if event["event_action"] == "trigger" {
        problems.extend(broken(event, &PAGERDUTY[3..]));
        problems.extend(broken(event, &PAGERDUTY_TRIGGER));
    }
    if event["routing_key"].as_str().map(str::len) != Some(32) {
        problems.push("/routing_key has 32 characters".to_owned());
    }
    if problems.is_empty() {
        (202, r#"{"status":"success","message":"Event processed"}"#.to_owned())
    } else {
        (400, serde_json::json!({"status": "invalid event", "errors": problems}).to_string())
    }
}

/// As Slack answers.
pub(crate) fn slack(message: &Value) -> (u16, String) {
    let mut problems = broken(message, &SLACK);
    let mut characters = 0;
    for block in message["blocks"].as_array().into_iter().flatten() {
        for (_, place, rule) in SLACK_BLOCKS.iter().filter(|(of, ..)| block["type"] == *of) {
            let is_section = block["type"] == "section";
            // A section has a text or fields.
            if !is_section || block.pointer(place).is_some() {
                problems.extend(broken(block, &[(place, *rule)]));
            }
        }
        characters += block.to_string().chars().count();
    }
    if characters > 13_000 {
        problems.push(format!("blocks have {characters} characters"));
    }
    if problems.is_empty() {
        (200, "ok".to_owned())
    } else {
        (400, format!("invalid_blocks: {}", problems.join("; ")))
    }
}

#[test]
fn what_breaks_the_rules_is_refused() {
    let key = "0".repeat(32);
    let sound = serde_json::json!({"routing_key": key, "event_action": "resolve", "dedup_key": "x"});
    assert_eq!(pagerduty(&sound).0, 202);
    for (place, wrong) in
        [("routing_key", "short"), ("event_action", "close"), ("dedup_key", ""), ("event_action", "trigger")]
    {
        let mut event = sound.clone();
        event[place] = wrong.into();
        assert_eq!(pagerduty(&event).0, 400, "{place} {wrong}");
    }
    let header = |text: &str| serde_json::json!({"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": text}}]});
    assert_eq!(slack(&header("x")).0, 200);
    assert_eq!(slack(&header(&"x".repeat(151))).0, 400);
    assert_eq!(slack(&serde_json::json!({"text": "x", "blocks": []})).0, 400);
}
