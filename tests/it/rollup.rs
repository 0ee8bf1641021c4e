//! `--roll-up`: what is gentle in every account, region or API, and unusual in their sum; and nothing without it.
use serde_json::Value;

use crate::command::Scenario;
use crate::table::{RUN, Series, Table};

const NOON: i64 = 12 * 1440 + 720;
const EVE: &str = "arn:aws:iam::999900001111:user/eve";

fn accounts() -> Vec<String> {
    (0..40).map(|number| format!("{:012}", 100_000_000_000_u64 + number)).collect()
}

/// In each of forty accounts a key a day, made by hand; then one stolen identity makes five in each, within 20 minutes.
fn gentle_in_forty_accounts() -> Scenario {
    let scenario = Scenario::new();
    let mut table = Table::new();
    for (number, account) in (0..).zip(&accounts()) {
        let usual = Series { account, source: "iam.amazonaws.com", name: "CreateAccessKey", ..RUN };
        for day in 0..14 {
            table.put(usual, day * 1440 + (number * 37 + day * 11) % 1440, 1);
        }
        let stolen = Series { caller: EVE, agent: "python/3", ..usual };
        for call in 0..5 {
            table.put(stolen, NOON + 4 * call + number % 4, 1);
        }
    }
    scenario.write("counts.csv", table.text());
    scenario
}

fn scan(scenario: &Scenario, roll_up: &[&str]) -> (i32, Value) {
    scan_with(scenario, roll_up, &[])
}

fn scan_with(scenario: &Scenario, roll_up: &[&str], more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["scan", "counts.csv", "--out", "out", "--format", "json", "--fail-on-insight"];
    arguments.extend(more);
    arguments.extend(roll_up.iter().flat_map(|kind| ["--roll-up", kind]));
    let ended = scenario.run(&arguments);
    (ended.status, serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr)))
}

/// Of each line: state, account, region, source, name and what was rolled up.
fn lines(printed: &Value) -> Vec<String> {
    let lines = printed["insights"].as_array().expect("lines").iter();
    lines
        .map(|line| {
            let (record, why) = (&line["record"], &line["explanation"]);
            let details = &record["insightDetails"];
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let parts = [
                &details["state"],
                &record["recipientAccountId"],
                &record["awsRegion"],
                &details["eventSource"],
                &details["eventName"],
                &why["roll_up"],
            ];
            parts.map(text).join(" ")
        })
        .collect()
}

#[test]
fn a_key_used_gently_in_forty_accounts_is_seen() {
    let scenario = gentle_in_forty_accounts();
    let (status, printed) = scan(&scenario, &[]);
    assert_eq!((status, lines(&printed)), (0, Vec::new()), "each account is below every line");
    let (status, printed) = scan(&scenario, &["organization"]);
    let sum = "* * iam.amazonaws.com CreateAccessKey organization";
    assert_eq!((status, lines(&printed)), (1, vec![format!("Start {sum}"), format!("End {sum}")]));
    let why = &printed["insights"][0]["explanation"];
    assert_eq!(why["accounts"], 20, "{why:#}");
    let contributors = why["contributors"].as_array().expect("contributors");
    assert_eq!(contributors[0]["value"], EVE);
    assert_eq!(contributors.iter().filter(|it| it["attribute"] == "account").count(), 3, "{contributors:#?}");
    assert!(
        why["text"].as_str().expect("a text").contains(" accounts: CreateAccessKey was called"),
        "{why:#}"
    );
    assert!(!scenario.path("out/AWSLogs").exists(), "the tree is AWS's");
    let numbers =
        ["insights", "insights_rolled_up", "insight_records"].map(|key| printed["summary"][key].as_u64());
    assert_eq!(numbers, [Some(1), Some(1), Some(0)]);
    // The same identity over all accounts, and nothing that was not asked for.
    let (_, printed) = scan(&scenario, &["principal"]);
    assert_eq!(
        lines(&printed),
        [
            "Start user/eve * * accounts principal",
            "Start user/eve * * * principal",
            "End user/eve * * * principal",
            "End user/eve * * accounts principal"
        ]
    );
    assert!(printed["insights"][1]["explanation"]["accounts"].as_u64() >= Some(20));
    let (_, both) = scan(&scenario, &["principal", "organization", "organization"]);
    assert_eq!(both["summary"]["insights_rolled_up"], 3);
    let ids: std::collections::BTreeSet<_> = both["insights"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| line["record"]["eventID"].to_string())
        .collect();
    assert_eq!(ids.len(), 6);
}

/// A role looks at each of forty accounts every hour; one noon the key of a user with one account lists all of them, once
/// each, over an hour.
#[test]
fn who_only_reads_in_forty_accounts_is_seen_and_who_always_does_is_not() {
    // Whether or not anybody has seen the key before.
    reads_in_forty_accounts(true);
    reads_in_forty_accounts(false);
}

fn reads_in_forty_accounts(was_seen_before: bool) {
    let scenario = Scenario::new();
    let mut table = Table::new();
    for (number, account) in (0..).zip(&accounts()) {
        let watching = Series { account, source: "config.amazonaws.com", name: "DescribeRules", ..RUN };
        for hour in 0..14 * 24 {
            table.read(watching, hour * 60 + number % 7, 3);
        }
        table.put(RUN, number, 1);
        let listing = Series { caller: EVE, name: "ListBuckets", source: "s3.amazonaws.com", ..watching };
        table.read(listing, NOON + number / 2 * 3, 1);
    }
    for day in (0..14).filter(|_| was_seen_before) {
        let usual = Series { account: &accounts()[3], source: "s3.amazonaws.com", caller: EVE, ..RUN };
        table.read(Series { name: "ListObjects", ..usual }, day * 1440 + 500 + day * 7, 20);
    }
    scenario.write("counts.csv", table.text());
    let (status, printed) = scan(&scenario, &["organization", "account"]);
    assert_eq!((status, lines(&printed)), (0, Vec::new()), "reads are no call rate");
    let (status, printed) = scan(&scenario, &["principal"]);
    let sum = "user/eve * * accounts principal";
    assert_eq!((status, lines(&printed)), (1, vec![format!("Start {sum}"), format!("End {sum}")]));
    scenario.write("many.toml", "first_seen.accounts = 30");
    let found = |printed: &Value| !lines(printed).is_empty();
    let (_, of_many) = scan_with(&scenario, &["principal"], &["--model", "many.toml"]);
    assert_eq!(found(&of_many), was_seen_before, "a new one must reach more");
    let why = &printed["insights"][0]["explanation"];
    let text = why["text"].as_str().expect("a text");
    assert!(
        text.starts_with("user/eve called in ") && text.contains(" accounts for the first time that day"),
        "{text}"
    );
    assert!(why["accounts"].as_f64() >= why["observed"].as_f64(), "{why:#}");
    let of_accounts = why["contributors"].as_array().expect("contributors").iter();
    assert_eq!(of_accounts.filter(|it| it["attribute"] == "account").count(), 3, "{why:#}");
}

#[test]
fn a_sum_that_says_nothing_new_alerts_nobody() {
    let scenario = Scenario::new();
    let tables = |others: u32| {
        let mut table = Table::new();
        table.steady(RUN, 14, 1).burst(Series { caller: EVE, ..RUN }, NOON + 1, 5, 30);
        for region in ["us-west-2", "ap-south-1"] {
            let elsewhere = Series { region, ..RUN };
            table.steady(elsewhere, 14, 1);
            table.burst(Series { caller: EVE, ..elsewhere }, NOON + 1, 5, others);
        }
        scenario.write("counts.csv", table.text());
    };
    let all = ["organization", "account", "principal"];
    let numbers = |printed: &Value| {
        let of = |key: &str| printed["summary"][key].as_u64();
        (of("insights"), of("insights_rolled_up"), of("insights_told_twice"))
    };
    tables(1);
    let (status, printed) = scan(&scenario, &all);
    assert_eq!((status, numbers(&printed)), (1, (Some(1), Some(0), Some(3))), "{:#?}", lines(&printed));
    let found = printed["insights"].as_array().expect("lines");
    let of_api = found.iter().find(|line| line["explanation"]["roll_up"].is_null()).expect("one of the API");
    let of_api = &of_api["record"]["sharedEventID"];
    for line in found {
        if line["explanation"]["roll_up"].is_string() {
            assert_eq!(line["explanation"]["told_by"], Value::from(vec![of_api.clone()]), "{line:#}");
        } else {
            assert_eq!(line["explanation"]["told_by"], Value::Null);
        }
    }
    // What a rule mutes in the API must not come back through its sums.
    scenario.write("trailpulse.toml", "[[mute]]\nreason = \"r\"\nregion = \"eu-west-1\"\n");
    assert_eq!(scan(&scenario, &all).0, 0);
    scenario.write("trailpulse.toml", "");
    // What is gentle in two other regions, and too much in both together, is news of the sum.
    tables(2);
    let (_, printed) = scan(&scenario, &["account"]);
    assert_eq!(numbers(&printed), (Some(2), Some(1), Some(0)), "{:#?}", lines(&printed));
}

#[test]
fn what_was_not_asked_for_leaves_no_trace() {
    let scenario = gentle_in_forty_accounts();
    let (_, printed) = scan(&scenario, &[]);
    let printed = printed.to_string();
    assert!(!printed.contains("roll") && !printed.contains("\"accounts\""), "{printed}");
}

#[test]
fn an_account_is_the_sum_of_its_regions() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    let regions: Vec<String> = (0..12).map(|number| format!("xx-region-{number}")).collect();
    for region in &regions {
        let usual = Series { region, ..RUN };
        for day in 0..14 {
            table.put(usual, day * 1440 + 100, 1);
        }
        table.burst(Series { caller: EVE, ..usual }, NOON, 5, 1);
    }
    let other = Series { account: "444455556666", ..RUN };
    table.steady(other, 14, 1);
    scenario.write("counts.csv", table.text());
    assert_eq!(lines(&scan(&scenario, &[]).1), [""; 0]);
    let (_, printed) = scan(&scenario, &["account"]);
    let sum = "111122223333 * ec2.amazonaws.com RunInstances account";
    assert_eq!(lines(&printed), [format!("Start {sum}"), format!("End {sum}")]);
    let why = &printed["insights"][0]["explanation"];
    let contributors = why["contributors"].as_array().expect("contributors");
    assert_eq!(contributors.iter().filter(|it| it["attribute"] == "region").count(), 3);
    assert_eq!(why["accounts"], Value::Null);
}

#[test]
fn a_mute_knows_the_callers_of_a_sum() {
    let scenario = gentle_in_forty_accounts();
    let mute = |principal: &str| {
        scenario.write("trailpulse.toml", format!("[[mute]]\nreason = \"r\"\nprincipal = \"{principal}\"\n"));
        let (status, printed) = scan(&scenario, &["organization"]);
        (status, printed["summary"]["insights_muted"].as_u64())
    };
    assert_eq!(mute("user/eve"), (0, Some(1)));
    assert_eq!(mute("role/deployer"), (1, Some(0)));
}
