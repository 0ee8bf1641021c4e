//! Files that are right, and what they mean; files that are wrong, and everything that is said about them.
use proptest::prelude::*;

use super::*;
use crate::series::Category;

/// What is wrong with `text`, a problem a line.
fn problems(text: &str) -> Vec<String> {
    match Config::load(text, "trailpulse.toml") {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

fn check(text: &str, want: &[&str]) {
    let problems = problems(text);
    assert_eq!(problems.len(), want.len(), "{text}\n{problems:#?}");
    for (problem, part) in problems.iter().zip(want) {
        assert!(problem.starts_with(part), "{text}\n{problem}\nshould start with {part}");
    }
}

#[test]
fn every_problem_is_told_with_its_line_and_key() {
    check("", &[]);
    check(
        "[scna]\nout = \"x\"\n",
        &["line 1: unknown key scna in the file, which may have expected, feed, mute, override, s3, scan"],
    );
    check(
        "[scan]\nout = 3\nmodle = \"x\"\njobs = 0\nsensitivity = 99\nformat = \"xml\"\nfrom = \"soon\"\n",
        &[
            "line 2: scan.out must be a text, got 3",
            "line 3: unknown key modle in [scan], which may have ",
            "line 4: scan.jobs must be a whole number from 1 to 256, got 0",
            "line 5: scan.sensitivity must be a number from 0.1 to 10, got 99",
            "line 6: scan.format must be \"text\" or \"json\", got \"xml\"",
            "line 7: scan.from must be a time such as",
        ],
    );
    check(
        "[[mute]]\naccount = 111122223333\nregoin = \"x\"\n\n[[mute]]\nreason = \"r\"\n[mute.when]\n",
        &[
            "line 1: mute[1] needs a reason",
            "line 2: mute[1].account must be a text in quotation marks, got 111122223333",
            "line 3: unknown key regoin in [mute[1]], which may have account, ",
            "line 5: mute[2] would mute everything",
            "line 7: unknown key when in [mute[2]]",
        ],
    );
    check(
        "[[mute]]\nreason = \"r\"\nname = [\"a\", 3]\ntype = \"Calls\"\ndirection = \"sideways\"\nexpires = \"never\"",
        &[
            "line 1: mute[1] would mute everything",
            "line 3: mute[1].name must be a text in quotation marks or a list of texts",
            "line 4: mute[1].type must be ApiCallRateInsight or ApiErrorRateInsight, got \"Calls\"",
            "line 5: mute[1].direction must be \"up\" or \"down\", got \"sideways\"",
            "line 6: mute[1].expires must be a time",
        ],
    );
    check(
        "mute = 3\nexpected = [1]\nscan = []",
        &["line 1: mute must be tables", "line 2: expected must be tables", "line 3: scan must be a table"],
    );
    check(
        "a = = 1\n[scan]\njobs = -1\nb = \"",
        &[
            "line 1: ",
            "line 1: ",
            "line 1: unknown key a",
            "line 3: scan.jobs",
            "line 4: ",
            "line 4: unknown key b",
        ],
    );
}

#[test]
fn times_must_make_sense() {
    let expected = |times: &str, want: &[&str]| check(&format!("[[expected]]\n{times}"), want);
    expected("from = 2026-01-01\nto = 2026-01-02", &[]);
    expected("from = \"2026-01-01T18:00\"", &[]);
    expected("days = \"sat\"\nfrom = 22:00:00\nto = \"02:00\"", &[]);
    expected("days = [\"sat\", \"Sunday\"]", &[]);
    expected("name = \"x\"", &["line 1: expected[1] needs a time"]);
    expected("from = 2026-01-02\nto = 2026-01-02", &["line 1: expected[1] ends before it begins"]);
    expected(
        "from = \"02:00\"\nto = \"02:00\"",
        &["line 1: expected[1] needs two different times of day", "line 1: expected[1] needs a time"],
    );
    expected(
        "from = \"02:00\"",
        &["line 1: expected[1] needs two different times of day", "line 1: expected[1] needs a time"],
    );
    expected(
        "from = \"02:00\"\nto = 2026-01-02",
        &["line 1: expected[1] has a time and a time of day", "line 1: expected[1] needs a time"],
    );
    expected(
        "days = \"mon\"\nto = 2026-01-02",
        &["line 1: expected[1] has days beside", "line 1: expected[1] needs a time"],
    );
    expected(
        "days = [\"someday\"]\n",
        &["line 1: expected[1] needs a time", "line 2: expected[1].days must be days of the week"],
    );
    expected(
        "days = []\n",
        &["line 1: expected[1] needs a time", "line 2: expected[1].days must be days of the week"],
    );
}

#[test]
fn overrides_are_checked_as_models_are() {
    let an_override = |keys: &str, want: &[&str]| check(&format!("[[override]]\n{keys}"), want);
    an_override("source = \"s3*\"\nsensitivity = 0.5", &[]);
    an_override("source = \"s3*\"\nparameters = { contextual = { z = 8 } }", &[]);
    an_override("sensitivity = 2", &["line 1: override[1] would hold for everything"]);
    an_override("source = \"s3*\"", &["line 1: override[1] changes nothing"]);
    an_override(
        "source = \"s3*\"\n[override.parameters]\ncontextual.z = 1",
        &[
            "line 1: override[1] has parameters that no model can have: cannot use model default: contextual.z must be between 2 and 100, got 1",
        ],
    );
    an_override(
        "source = \"s3*\"\n[override.parameters]\ncontextual.zz = 8",
        &["line 1: override[1] has parameters that no model can have"],
    );
    an_override(
        "source = \"s3*\"\n[override.parameters]\ncontextual.z = \"x\"",
        &["line 4: override[1].parameters.contextual.z must be a number"],
    );
    an_override(
        "error_code = \"x\"\nname = \"x\"\nsensitivity = 1",
        &["line 2: unknown key error_code in [override[1]]"],
    );
}

#[test]
fn a_source_is_one_of_the_logs() {
    let with = |source: &str| format!("[[mute]]\nreason = \"r\"\nsource = {source}\n");
    for source in ["\"ec2.amazonaws.com\"", "\"ec2*\"", "\"*\"", "[\"ec2.amazonaws.com\", \"s3.*\"]"] {
        check(&with(source), &[]);
    }
    let asked = "mute[1].source must be a source as the logs have it, such as ec2.amazonaws.com or ec2.*";
    // Without its patterns the rule would mute everything: that is told as well.
    let wrong =
        [String::from("line 1: mute[1] would mute everything"), format!("line 3: {asked}, got \"ec2\"")];
    for source in ["\"ec2\"", "[\"s3.*\", \"ec2\"]"] {
        check(&with(source), &[&wrong[0], &wrong[1]]);
    }
    check(
        "[[override]]\nsource = \"ec2\"\nname = \"x\"\nsensitivity = 2",
        &["line 2: override[1].source must be a source as the logs have it"],
    );
}

/// Which rules nothing matches, among two APIs of one account and a few texts.
fn check_unmatched(rules: &str, sums: bool, want: &[&str]) {
    let base = crate::insight::tests::call("2026-01-31T10:00:00Z", "ec2.amazonaws.com", "RunInstances");
    let denied = crate::classify::Observation { error_code: Some("AccessDenied".into()), ..base.clone() };
    let counts =
        crate::insight::tests::counts(crate::aggregate::Attribution::Kept, &[(base, 1), (denied, 1)]);
    let config = Config::load(rules, "trailpulse.toml").expect("valid");
    let span = counts.span().expect("calls");
    let told = unmatched((&config.overrides, &config.mutes), counts.names(), span, sums);
    let told: Vec<String> = told.iter().map(|it| format!("{}: {}", it.rule, it.why)).collect();
    assert_eq!(told, want, "{rules}");
}

#[test]
fn rules_that_match_nothing_are_named() {
    let mute = |keys: &str| format!("[[mute]]\nid = \"it\"\nreason = \"r\"\n{keys}");
    let check = |keys: &str, want: &[&str]| check_unmatched(&mute(keys), false, want);
    check("account = \"111122223333\"\nname = \"Run*\"", &[]);
    check("name = \"RunInstance\"", &["it: no name matches RunInstance; nearest is RunInstances"]);
    check("error_code = \"AccessDenied*\"\nprincipal = \"user/Alice\"\nuser_agent = \"aws-cli/*\"", &[]);
    check("error_code = \"Throttl*\"", &["it: no error_code matches Throttl*"]);
    check("principal = \"role/Alice\"", &["it: no principal matches role/Alice"]);
    check("user_agent = \"terraform*\"", &["it: no user_agent matches terraform*"]);
    // Expired, over, or still to come.
    check("name = \"x\"\nexpires = 2026-01-31", &[]);
    check("name = \"x\"\nto = 2026-01-31T10:00:00Z", &[]);
    check("name = \"x\"\nfrom = 2026-02-01", &[]);
    check("name = \"x\"\nexpires = 2026-02-01", &["it: no name matches x; nearest is RunInstances"]);
    // Of a sum, a principal stands in the place of the account.
    let of_a_sum = mute("account = \"user/Alice\"");
    check_unmatched(&of_a_sum, true, &[]);
    check_unmatched(&of_a_sum, false, &["it: no account matches user/Alice; nearest is 111122223333"]);
    check_unmatched(
        "[[override]]\nregion = \"eu-*\"\nsensitivity = 2",
        false,
        &["override[1]: no region matches eu-*; nearest is us-east-1"],
    );
}

#[test]
fn rules_have_different_ids() {
    let mute = |id: &str| format!("[[mute]]\n{id}\nreason = \"r\"\nname = \"x\"\n");
    check(&(mute("") + &mute("")), &[]);
    check(&(mute("id = \"a\"") + &mute("id = \"a\"")), &["line 1: several rules have the id a"]);
}

#[test]
fn the_later_of_two_overrides_goes_over_the_earlier() {
    let config = Config::load(
        r#"
        [[override]]
        source = "s3.*"
        sensitivity = 0.5
        parameters.contextual = { z = 8, ratio = 3 }
        [[override]]
        name = "PutObject"
        parameters.contextual.z = 9
        "#,
        "trailpulse.toml",
    )
    .expect("a configuration");
    let default = Model::builtin("default").expect("built in");
    let untouched = default.parameters().contextual.clone();
    let models = Models::new(default, config.overrides);
    let of = |source: &str, name: &str| {
        let api = Api {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            event_source: source.into(),
            event_name: name.into(),
            category: Category::Data,
        };
        let model = models.of(&api);
        let contextual = &model.parameters().contextual;
        (contextual.z, contextual.ratio, model.sensitivity())
    };
    assert_eq!(of("ec2.amazonaws.com", "RunInstances"), (untouched.z, untouched.ratio, 1.0));
    assert_eq!(of("s3.amazonaws.com", "GetObject"), (8.0, 3.0, 0.5));
    assert_eq!(of("s3.amazonaws.com", "PutObject"), (9.0, 3.0, 0.5));
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_a_list_of_problems(
        text in r#"(\[{0,2}(scan|mute|expected|override)?\]{0,2}\n|(from|to|days|name|reason|parameters|sensitivity) ?= ?("[a-z0-9:*-]{0,12}"|[-0-9.:]{1,10}|\[.{0,6}\])?\n){0,12}|.{0,80}"#
    ) {
        if let Err(error) = Config::load(&text, "f") {
            prop_assert!(!error.problems.is_empty());
            let lines = text.lines().count().max(1) + 1;
            prop_assert!(error.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
            prop_assert!(error.problems.iter().all(|problem| !problem.text.ends_with('.')));
        }
    }
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let text = include_str!("../../docs/configuration.md");
    let example =
        text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let config = Config::load(example, "trailpulse.toml").expect("valid");
    let ids: Vec<&str> = config.mutes.iter().map(|mute| &*mute.id).collect();
    assert_eq!((ids, config.overrides.len()), (vec!["backup", "expected[1]"], 1));
    let scan = config.scan;
    assert!(scan.out.is_some() && scan.jobs.is_some() && scan.roll_up.len() == 1 && scan.state.is_some());
}
