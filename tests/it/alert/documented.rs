//! docs/alerting.md in, examples that are none out.
use trailpulse::config::Config;

use crate::command::repository;

/// The blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository("docs/alerting.md")).expect("it is there");
    let opening = format!("```{language}\n");
    text.split(&opening)
        .skip(1)
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_example_of_a_configuration_is_one() {
    let mut kinds = Vec::new();
    for block in blocks("toml") {
        let config =
            Config::load(&block, "docs/alerting.md").unwrap_or_else(|error| panic!("{error}\n{block}"));
        kinds.extend(config.feeds.iter().map(|feed| feed.kind.name()));
    }
    for kind in ["jsonl", "webhook", "alertmanager", "eventbridge", "sns", "slack", "pagerduty", "ocsf"] {
        assert!(kinds.contains(&kind), "no example of {kind}");
    }
}

#[test]
fn every_example_of_json_is_some() {
    let blocks = blocks("json");
    assert!(blocks.len() > 3);
    for block in blocks {
        serde_json::from_str::<serde_json::Value>(&block).unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}
