//! Texts of `[[feed]]` in, feeds or all that is wrong with them out.
use super::super::Config;
use super::*;

fn feeds(text: &str) -> Vec<Feed> {
    Config::load(text, "f.toml").expect("a sound configuration").feeds
}

#[track_caller]
fn check_wrong(text: &str, wants: &[&str]) {
    let error = Config::load(text, "f.toml").expect_err(text);
    let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), wants.len(), "{problems:#?}");
    for (problem, want) in problems.iter().zip(wants) {
        assert!(problem.contains(want), "{problem:?} does not say {want:?}");
    }
}

#[test]
fn a_feed_says_where_and_what() {
    let feeds = feeds(
        r#"
        [[feed]]
        name = "siem"
        type = "jsonl"
        path = "-"

        [[feed]]
        name = "on-call"
        type = "pagerduty"
        routing_key_env = "PD_KEY"
        group = "none"
        at_most = 20
        give_up_after = "12h"
        timeout = 3
        allow_private = true
        resolved = false
        match = { severity = "high", account = "1111*", principal = ["role/admin*"], direction = "up" }
        "#,
    );
    let [siem, on_call] = &feeds[..] else { panic!("two feeds") };
    assert_eq!((&*siem.name, siem.kind.name()), ("siem", "jsonl"));
    assert_eq!(siem.matching, Matching::default());
    assert_eq!(
        (siem.group, siem.at_most, siem.give_up_after, siem.timeout),
        (Group::Incident, None, 4320, 10)
    );
    assert_eq!((siem.private, siem.ends), (Private::Refused, Ends::Told));
    assert_eq!(on_call.kind.secrets(), [&SecretRef::Env("PD_KEY".to_owned())]);
    assert_eq!((on_call.group, on_call.at_most, on_call.give_up_after), (Group::Insight, Some(20), 720));
    assert_eq!((on_call.timeout, on_call.private, on_call.ends), (3, Private::Allowed, Ends::Untold));
    assert_eq!(on_call.matching.severity, Some(Severity::High));
    assert!(on_call.matching.series.account.as_ref().is_some_and(|account| account.matches("111122223333")));
}

#[test]
fn every_type_is_read_and_names_its_secrets() {
    let cases = [
        ("type = \"jsonl\"\npath = \"x\"", 0),
        ("type = \"ocsf\"\npath = \"x\"", 0),
        ("type = \"webhook\"\nurl = \"https://a/b\"\nsecret_env = \"A\"\ntoken_file = \"b\"", 2),
        ("type = \"webhook\"\nurl_env = \"U\"\nsecret_env = \"A\"", 2),
        ("type = \"alertmanager\"\nurl = \"http://a:9093\"\nttl = 60\nlabels = { team = \"x\" }", 0),
        ("type = \"eventbridge\"\nbus = \"b\"\nsource = \"acme.trailpulse\"\nregion = \"eu-west-1\"", 0),
        ("type = \"sns\"\ntopic = \"arn:aws:sns:eu-west-1:111122223333:alerts\"", 0),
        ("type = \"slack\"\nurl_file = \"/run/secrets/slack\"", 1),
        ("type = \"pagerduty\"\nrouting_key_file = \"k\"", 1),
    ];
    for (text, secrets) in cases {
        let feeds = feeds(&format!("[[feed]]\nname = \"f\"\n{text}"));
        assert!(text.contains(&format!("\"{}\"", feeds[0].kind.name())), "{text}");
        assert_eq!(feeds[0].kind.secrets().len(), secrets, "{text}");
    }
}

#[test]
fn a_bus_is_where_its_arn_says() {
    let arn = "bus = \"arn:aws:events:eu-central-1:111122223333:event-bus/security\"";
    for (keys, want) in [
        ("", None),
        ("bus = \"security\"", None),
        (arn, Some("eu-central-1")),
        ("bus = \"security\"\nregion = \"eu-west-1\"", Some("eu-west-1")),
    ] {
        let feeds = feeds(&format!("[[feed]]\nname = \"f\"\ntype = \"eventbridge\"\n{keys}"));
        let FeedKind::EventBridge(settings) = &feeds[0].kind else { panic!("{keys}") };
        assert_eq!(settings.region(), want, "{keys}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    check_wrong("[[feed]]", &["feed[1] needs a name", "feed[1] needs a type"]);
    check_wrong(
        "[[feed]]\nname = \"a b\"\ntype = \"mail\"",
        &["feed[1].name must be", "feed[1].type must be"],
    );
    check_wrong(
        "[[feed]]\nname = \"a\"\ntype = \"slack\"\nurl = \"https://x\"",
        &["needs url_env", "unknown key url"],
    );
    check_wrong(
        "[[feed]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"https://u:p@x\"\nmatch = { severity = \"huge\", colour = 1 }",
        &["feed[1].url must be", "feed[1].match.severity must be", "unknown key colour"],
    );
    check_wrong(
        "[[feed]]\nname = \"a\"\ntype = \"jsonl\"\npath = \"x\"\ngive_up_after = \"soon\"\nat_most = 0\nsecret = \"s\"",
        &["feed[1].give_up_after must be", "feed[1].at_most must be", "unknown key secret"],
    );
    let one = "[[feed]]\nname = \"a\"\ntype = \"jsonl\"\npath = \"x\"\n";
    check_wrong(&format!("{one}{one}"), &["several feeds have the name a"]);
    let both = "[[feed]]\nname = \"a\"\ntype = \"slack\"\nurl_env = \"A\"\nurl_file = \"b\"";
    check_wrong(both, &["in the environment and in a file"]);
    let bus = "[[feed]]\nname = \"a\"\ntype = \"eventbridge\"\nregion = \"eu-west-1\"\nbus = \"arn:aws:events:eu-central-1:111122223333:event-bus/security\"";
    check_wrong(bus, &["a region that is not that of its bus"]);
    let aws = "[[feed]]\nname = \"a\"\ntype = \"eventbridge\"\nsource = \"aws.cloudtrail\"";
    check_wrong(aws, &["feed[1].source must be"]);
}

#[test]
fn what_is_or_may_be_a_secret_is_not_shown() {
    for keys in [
        "type = \"webhook\"\nurl = \"https://alice:hunter2@soar.example.org/x\"",
        "type = \"webhook\"\nurl = [\"hunter2\"]",
        "type = \"webhook\"\nurl_env = \"https://soar.example.org/hunter2\"",
        "type = \"alertmanager\"\nurl = \"http://a\"\ntoken_env = \"hunter2!\"",
        "type = \"alertmanager\"\nurl = \"http://a\"\ngenerator_url = \"hunter2\"",
        "type = \"eventbridge\"\nendpoint = \"hunter2\"",
        "type = \"slack\"\nurl = \"https://hooks.slack.example/hunter2\"",
        "type = \"slack\"\nurl_file = \"https://hooks.slack.example/hunter2\"",
        "type = \"pagerduty\"\nrouting_key_env = \"0hunter2\"",
        "type = \"pagerduty\"\nrouting_key = \"hunter2\"",
        "type = \"webhook\"\nurl = \"https://a/hunter2",
    ] {
        let error = Config::load(&format!("[[feed]]\nname = \"a\"\n{keys}"), "f.toml").expect_err(keys);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let endpoint = Config::load("[s3]\nendpoint = \"hunter2\"", "f.toml").expect_err("no URL");
    assert!(!endpoint.to_string().contains("hunter2"), "{endpoint}");
    let spaces = "[[feed]]\nname = \"a\"\ntype = \"slack\"\nurl_env = \"A B\"";
    check_wrong(spaces, &["feed[1].url_env must be the name of a variable"]);
}

#[test]
fn spans_are_read() {
    let cases = [
        ("90m", Some(90)),
        ("12h", Some(720)),
        ("3d", Some(4320)),
        ("0m", None),
        ("367d", None),
        ("3", None),
        ("d", None),
        ("-3d", None),
        ("99999999999d", None),
        ("3 d", None),
        ("3é", None),
    ];
    for (text, want) in cases {
        assert_eq!(span(text), want, "{text}");
    }
}
