//! Reports of times of which not all was judged, or in which something older went on: never that all is well there.
use serde_json::{Value, json};

use crate::command::{Scenario, repository, text};
use crate::table::{RUN, Series, Table, at};

/// What every all-clear says.
const WELL: [&str; 2] = ["kept to its rhythm", "Nothing unusual was found"];
/// A second series.
const TAG: Series<'_> = Series { name: "CreateTags", caller: "arn:aws:iam::111122223333:user/Alice", ..RUN };

/// A report of `scenario` as its model and as its text, which the page, Markdown and the text say alike.
fn report(scenario: &Scenario, arguments: &[&str]) -> (Value, String) {
    let form = |form: &str| {
        let ended = scenario.run(&[&["report", "--output", "-", "--format", form], arguments].concat());
        assert_eq!(ended.status, 0, "{arguments:?} {}", ended.stderr);
        ended.stdout
    };
    let said = form("text");
    for other in [form("markdown"), form("html")] {
        for well in WELL {
            assert_eq!(other.contains(well), said.contains(well), "{arguments:?}\n{said}");
        }
    }
    (serde_json::from_str(&form("json")).expect("JSON"), said)
}

fn is_well(said: &str) -> bool {
    WELL.iter().any(|well| said.contains(well))
}

/// Calls every five minutes of some minutes.
fn steady(table: &mut Table, series: Series<'_>, minutes: std::ops::Range<i64>) {
    for minute in minutes.step_by(5) {
        table.put(series, minute, 2);
    }
}

/// A run over calls of one night, with a state.
fn night(scenario: &Scenario, name: &str, table: &Table, more: &[&str]) -> String {
    scenario.write(name, table.text());
    scenario.done(&[&["scan", name, "--state", "state", "--out", "out", "--final"], more].concat()).stdout
}

#[test]
fn what_a_scan_was_told_to_leave_out_is_not_called_quiet() {
    let scenario = Scenario::new();
    let source = repository("fixtures/report/night.csv.gz");
    scenario.done(&["scan", text(&source), "--from", "2026-01-19", "--out", "out"]);
    let (model, said) = report(&scenario, &["out"]);
    assert_eq!(model["coverage"]["reported_from"], "2026-01-19T00:00:00Z");
    assert_eq!(model["judged"][0]["from"], "2026-01-19T00:00:00Z");
    assert_eq!(model["span"]["from"], "2026-01-19T00:00:00Z");
    assert!(said.contains("insights before 2026-01-19 00:00 were left out"), "{said}");
    let (model, said) = report(&scenario, &["out", "--from", "2026-01-17", "--to", "2026-01-19"]);
    assert_eq!(model["totals"]["insights"], json!({"now": null, "before": null}));
    assert!(said.contains("Not judged in this time") && !is_well(&said), "{said}");
    // What was noticed before may have gone on.
    scenario.done(&["scan", text(&source), "--from", "2026-01-20T23:30", "--out", "late"]);
    let (_, said) = report(&scenario, &["late"]);
    assert!(!is_well(&said), "{said}");
    scenario.done(&["scan", text(&source), "--from", "2027-01-01", "--out", "none"]);
    let (model, said) = report(&scenario, &["none"]);
    assert_eq!(model["judged"], json!([]));
    assert!(!is_well(&said), "{said}");
}

#[test]
fn nights_that_only_learned_are_not_called_quiet_for_ever() {
    let scenario = Scenario::new();
    for day in 0..11_i64 {
        let mut table = Table::new();
        steady(&mut table, RUN, day * 1440..(day + 1) * 1440);
        night(&scenario, "night.csv", &table, &[]);
        let (model, said) = report(&scenario, &["out"]);
        let judged = model["judged"].as_array().expect("known");
        if day < 7 {
            assert!(judged.is_empty() && said.contains("Nothing could be judged yet"), "{day}: {said}");
            assert_eq!(model["totals"]["insights"]["now"], Value::Null);
            assert!(!is_well(&said), "{day}: {said}");
        } else if day > 8 {
            // The night before was judged, so this one can be compared.
            assert_eq!(model["totals"]["insights"], json!({"now": 0, "before": 0}), "{day}: {said}");
            assert_eq!(judged.as_slice(), [json!({"from": at(7 * 1440), "to": model["span"]["to"]})]);
            assert!(is_well(&said), "{day}: {said}");
        }
    }
    for (from, to) in [("2020-01-01", "2020-01-02"), ("2027-01-01", "2027-01-02"), (&at(1440), &at(2880))] {
        let (model, said) = report(&scenario, &["out", "--from", from, "--to", to]);
        assert_eq!(model["totals"]["insights"], json!({"now": null, "before": null}));
        assert!(said.contains("Not judged in this time") && !is_well(&said), "{said}");
    }
    let (_, said) = report(&scenario, &["out", "--from", &at(6 * 1440), "--to", &at(9 * 1440)]);
    assert!(
        said.contains("Judged only from") && said.contains("the rest of this time was not judged"),
        "{said}"
    );
}

#[test]
fn what_goes_on_from_before_is_told_in_every_time_that_it_goes_on_in() {
    let scenario = Scenario::new();
    // Calls stop in the first of four runs, and come again in the third.
    let stops = 14 * 1440 + 600;
    let runs = [0, stops + 240, stops + 600, stops + 1200, stops + 1440];
    let again = stops + 660;
    let mut nights = Vec::new();
    for run in runs.windows(2) {
        let mut table = Table::new();
        steady(&mut table, RUN, run[0]..run[1].min(stops));
        steady(&mut table, RUN, run[0].max(again)..run[1]);
        steady(&mut table, TAG, run[0]..run[1]);
        night(&scenario, "night.csv", &table, &[]);
        nights.push(report(&scenario, &["out"]));
    }
    let [opens, goes_on, ends, after] = &nights[..] else { panic!("four nights") };
    assert_eq!(opens.0["totals"]["insights"]["now"], 1, "{}", opens.1);
    let id = &opens.0["insights"][0]["id"];
    assert_eq!(opens.0["insights"][0]["known_until"], opens.0["span"]["to"], "it goes as far as was judged");
    for ((model, said), ended) in [(goes_on, 0), (ends, 1)] {
        assert!(!is_well(said), "{said}");
        assert!(said.contains("No new insights, but 1 went on"), "{said}");
        let totals = &model["totals"];
        assert_eq!((&totals["insights"]["now"], &totals["from_before"]), (&json!(0), &json!(1)));
        assert_eq!((&totals["ended"], &totals["open"]), (&json!(ended), &json!(1 - ended)));
        let insight = &model["insights"][0];
        assert_eq!(
            (&insight["id"], &insight["earlier"], &insight["going_on"]),
            (id, &json!(false), &json!(true))
        );
        assert_eq!(
            (&model["incidents"][0]["earlier"], &model["incidents"][0]["going_on"]),
            (&json!(false), &json!(true))
        );
        assert!(said.contains("WHAT MATTERS FIRST") && !said.contains("EARLIER"), "{said}");
    }
    assert!(is_well(&after.1) && after.1.contains("EARLIER, BEFORE"), "{}", after.1);
    // Any time within, and the time before it was noticed.
    let during = |from: i64, to: i64| report(&scenario, &["out", "--from", &at(from), "--to", &at(to)]);
    let (model, said) = during(stops + 300, stops + 360);
    assert!(model["totals"]["from_before"] == 1 && !is_well(&said), "{said}");
    let (model, said) = during(stops - 60, stops + 40);
    assert!(model["totals"]["noticed_later"] == 1 && !is_well(&said), "{said}");
    assert!(is_well(&during(13 * 1440, 14 * 1440).1));
    assert!(is_well(&during(stops + 1260, stops + 1320).1));
    // Results that begin while it is open do not know of it.
    let scenario = Scenario::new();
    let mut table = Table::new();
    steady(&mut table, RUN, 0..stops);
    steady(&mut table, TAG, 0..stops + 240);
    night(&scenario, "night.csv", &table, &[]);
    let mut table = Table::new();
    steady(&mut table, TAG, stops + 240..stops + 600);
    scenario.write("night.csv", table.text());
    scenario.done(&["scan", "night.csv", "--state", "state", "--out", "other", "--final"]);
    let (model, said) = report(&scenario, &["other"]);
    assert_eq!(model["coverage"]["open_elsewhere"], 1, "{said}");
    assert!(!is_well(&said), "{said}");
}

#[test]
fn what_is_open_is_told_although_runs_between_made_no_report() {
    let stops = 14 * 1440 + 600;
    let runs = [0, stops + 240, stops + 600, stops + 1200];
    for is_removed in [false, true] {
        let scenario = Scenario::new();
        for (number, run) in runs.windows(2).enumerate() {
            let mut table = Table::new();
            steady(&mut table, RUN, run[0]..run[1].min(stops));
            steady(&mut table, TAG, run[0]..run[1]);
            if is_removed && number == 2 {
                std::fs::remove_dir_all(scenario.path("out/report")).expect("removed");
            }
            let more: &[&str] = if number == 1 { &["--no-report"] } else { &[] };
            night(&scenario, "night.csv", &table, more);
        }
        let page = std::fs::read_to_string(scenario.path("out/report/index.html")).expect("a page");
        assert!(page.contains("No new insights, but 1 went on") && !is_well(&page), "removed: {is_removed}");
        let (model, said) = report(&scenario, &["out"]);
        assert!(said.contains("No new insights, but 1 went on") && !is_well(&said), "{said}");
        assert_eq!((&model["totals"]["from_before"], &model["totals"]["open"]), (&json!(1), &json!(1)));
        assert_eq!(model["coverage"]["open_elsewhere"], 0, "it is in the report: {said}");
        assert_eq!(model["insights"][0]["known_until"], model["span"]["to"]);
    }
}

#[test]
fn where_accounts_were_judged_at_different_times_none_counts_for_the_other() {
    let scenario = Scenario::new();
    let other = Series { account: "444455556666", caller: "arn:aws:iam::444455556666:user/Bob", ..RUN };
    for (name, series, days) in [("one", RUN, 0..10), ("two", other, 2..12), ("three", other, 20..30)] {
        let mut table = Table::new();
        steady(&mut table, series, days.start * 1440..days.end * 1440);
        let calls = format!("{name}.csv");
        scenario.write(&calls, table.text());
        scenario.done(&["scan", &calls, "--out", name]);
    }
    let during = |results: &[&str], from: i64, to: i64| {
        report(&scenario, &[results, &["--from", &at(from * 1440), "--to", &at(to * 1440)]].concat())
    };
    assert_eq!(during(&["three"], 28, 29).0["totals"]["insights"]["now"], 0);
    let (model, said) = during(&["one", "three"], 28, 29);
    assert_eq!((&model["totals"]["insights"]["now"], &model["judged"]), (&Value::Null, &json!([])), "{said}");
    assert!(said.contains("Not judged in all accounts") && !said.contains("which was judged"), "{said}");
    // One from the 7th day to the 10th, the other from the 9th to the 12th.
    let (model, said) = during(&["one", "two"], 7, 10);
    assert_eq!(model["totals"]["insights"]["now"], Value::Null, "{said}");
    assert!(said.contains("Judged only from 2026-01-14 00:00"), "{said}");
    let (model, said) = during(&["one", "two"], 11, 12);
    assert!(
        model["totals"]["insights"]["now"].is_null() && said.contains("Not judged in this time"),
        "{said}"
    );
}

#[test]
fn between_two_results_nothing_was_judged() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    steady(&mut table, RUN, 0..10 * 1440);
    scenario.write("one.csv", table.text());
    let mut table = Table::new();
    steady(&mut table, RUN, 100 * 1440..110 * 1440);
    scenario.write("other.csv", table.text());
    scenario.done(&["scan", "one.csv", "--out", "one"]);
    scenario.done(&["scan", "other.csv", "--out", "other"]);
    let during = |from: i64, to: i64| {
        report(&scenario, &["one", "other", "--from", &at(from * 1440), "--to", &at(to * 1440)])
    };
    let (model, said) = during(50, 54);
    assert_eq!(model["totals"]["insights"], json!({"now": null, "before": null}));
    assert!(said.contains("Not judged in this time") && !is_well(&said), "{said}");
    assert!(said.contains(", and "), "both are told: {said}");
    let (model, said) = during(8, 109);
    assert_eq!(model["totals"]["insights"]["now"], Value::Null);
    assert!(said.contains("Judged only from"), "{said}");
    // Within one of them it was.
    assert_eq!(during(8, 9).0["totals"]["insights"], json!({"now": 0, "before": 0}));
    // Lines alone do not say what was judged.
    std::fs::copy(repository("fixtures/report/hostile.jsonl"), scenario.path("lines.jsonl")).expect("copied");
    let (model, said) = report(&scenario, &["lines.jsonl", "--from", "2020-01-01", "--to", "2020-01-02"]);
    assert!(model["judged"].is_null() && said.contains("nobody can say whether it was judged"), "{said}");
}

#[test]
fn what_is_muted_is_not_called_nothing_and_leads_nothing() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    steady(&mut table, RUN, 0..12 * 1440);
    steady(&mut table, Series { caller: RUN.caller, ..TAG }, 0..12 * 1440);
    table.burst(RUN, 11 * 1440 + 603, 20, 400);
    scenario.write("calls.csv", table.text());
    scenario.write(
        "trailpulse.toml",
        "[[mute]]\nid = \"planned\"\nreason = \"planned\"\nname = \"RunInstances\"\n",
    );
    scenario.done(&["scan", "calls.csv", "--out", "out"]);
    let (model, said) = report(&scenario, &["out"]);
    assert_eq!((&model["totals"]["muted"], &model["totals"]["insights"]["now"]), (&json!(1), &json!(0)));
    assert!(said.contains("Nothing unusual but what is muted") && !is_well(&said), "{said}");
    table.burst(Series { caller: RUN.caller, ..TAG }, 11 * 1440 + 605, 20, 40);
    scenario.write("calls.csv", table.text());
    scenario.done(&["scan", "calls.csv", "--out", "out"]);
    let (model, said) = report(&scenario, &["out"]);
    let incident = &model["incidents"][0];
    assert_eq!(incident["insights"].as_array().map(Vec::len), Some(2), "{said}");
    let leading = &model["insights"][incident["leading"].as_u64().expect("a place") as usize];
    assert_eq!((&leading["name"], &leading["muted_by"]), (&json!("ec2 CreateTags"), &Value::Null));
    assert_eq!(incident["importance"], leading["importance"]);
    assert_eq!(incident["severity"], leading["severity"]);
    let sentence = incident["sentence"].as_str().expect("a text");
    assert!(sentence.contains("CreateTags") && !sentence.contains("RunInstances"), "{sentence}");
}

#[test]
fn what_is_muted_hides_no_doubt() {
    let scenario = Scenario::new();
    let stops = 14 * 1440 + 600;
    let mut table = Table::new();
    steady(&mut table, RUN, 0..stops);
    steady(&mut table, TAG, 0..stops + 240);
    night(&scenario, "night.csv", &table, &[]);
    scenario.write(
        "trailpulse.toml",
        "[[mute]]\nid = \"planned\"\nreason = \"planned\"\nname = \"CreateTags\"\n",
    );
    let mut table = Table::new();
    steady(&mut table, TAG, stops + 240..stops + 600);
    table.burst(TAG, stops + 300, 20, 400);
    scenario.write("night.csv", table.text());
    scenario.done(&["scan", "night.csv", "--state", "state", "--out", "other", "--final"]);
    let (model, said) = report(&scenario, &["other"]);
    assert_eq!((&model["totals"]["muted"], &model["coverage"]["open_elsewhere"]), (&json!(1), &json!(1)));
    assert!(said.contains("No new insights") && !said.contains("but what is muted"), "{said}");
    assert!(said.contains("1 insight of earlier runs, not in these results, still open; 1 muted"), "{said}");
    assert!(!is_well(&said), "{said}");
}

#[test]
fn a_state_adds_graphs_and_takes_none_away() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    for series in [RUN, TAG] {
        steady(&mut table, series, 0..50 * 1440);
    }
    table.burst(RUN, 13 * 1440 + 1360, 20, 40);
    table.burst(TAG, 15 * 1440 + 700, 20, 40);
    night(&scenario, "long.csv", &table, &[]);
    let graphs = |arguments: &[&str]| {
        let (model, _) = report(&scenario, arguments);
        let from = |insight: &Value| {
            model["graphs"][insight["graph"].as_u64()? as usize]["from"].as_str().map(str::to_owned)
        };
        model["insights"].as_array().expect("a list").iter().map(from).collect::<Vec<_>>()
    };
    let kept = graphs(&["out"]);
    assert_eq!(kept, [Some(at(0)), Some(at(0))]);
    assert_eq!(graphs(&["out", "--state", "state"]), kept);
}

#[test]
fn a_sum_over_accounts_is_of_no_account_and_its_query_finds_the_principal() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    let accounts: Vec<String> = (0..45).map(|number| format!("{}", 100_000_000_000_u64 + number)).collect();
    for (number, account) in accounts.iter().enumerate() {
        let minute = i64::try_from(number).expect("small");
        let caller = |name: &str| format!("arn:aws:sts::{account}:assumed-role/{name}/s");
        let (audit, intruder) = (caller("audit"), caller("intruder"));
        let of = Series { account, name: "ListRoles", source: "iam.amazonaws.com", caller: &audit, ..RUN };
        for minute in (minute % 60..12 * 1440).step_by(60) {
            table.read(of, minute, 1);
        }
        table.read(Series { caller: &intruder, ..of }, 10 * 1440 + 600 + minute % 25, 1);
    }
    scenario.write("calls.csv", table.text());
    scenario.done(&["scan", "calls.csv", "--roll-up", "principal", "--out", "out"]);
    let (model, said) = report(&scenario, &["out"]);
    let insights = model["insights"].as_array().expect("a list");
    let sum = insights.iter().find(|it| it["series"]["name"] == "accounts").expect("the sum");
    assert_eq!(sum["name"], "new accounts");
    let sql = sum["queries"]["athena"].as_str().expect("a query");
    assert!(sql.contains(r"useridentity.arn LIKE 'arn:%:assumed-role/intruder/%' ESCAPE '\'"), "{sql}");
    assert!(!sql.contains("readonly"), "{sql}");
    let incident = &model["incidents"][sum["incident"].as_u64().expect("a place") as usize];
    let sentence = incident["sentence"].as_str().expect("a text");
    assert!(
        sentence.starts_with("role/intruder began to call in ") && sentence.contains(" accounts "),
        "{sentence}"
    );
    let of_accounts = model["totals"]["by_account"].as_array().expect("a list");
    assert!(of_accounts.iter().all(|it| it["name"] != "role/intruder"), "{said}");
}

#[test]
fn records_of_aws_without_numbers_are_told_without() {
    let scenario = Scenario::new();
    let record = r#"{"eventVersion":"1.07","eventTime":"2020-09-07T12:00:00Z","awsRegion":"us-east-1","eventID":"one",
        "eventType":"AwsCloudTrailInsight","recipientAccountId":"111122223333","sharedEventID":"of-aws","insightDetails":{
        "state":"End","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","insightType":"ApiCallRateInsight"},
        "eventCategory":"Insight"}"#;
    scenario.write("CloudTrail-Insight.json", format!(r#"{{"Records":[{record}]}}"#));
    let (model, said) = report(&scenario, &["CloudTrail-Insight.json"]);
    let insight = &model["insights"][0];
    assert_eq!((&insight["insight_average"], &insight["baseline_average"]), (&Value::Null, &Value::Null));
    assert!(!said.contains(" 0 times a minute") && said.contains("how many is not told"), "{said}");
}
