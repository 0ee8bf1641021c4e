//! `report`, and the report of `scan`: what is in it, in every form, whatever strangers wrote.
use std::collections::BTreeSet;

use serde_json::Value;
use trailpulse::report::graph::{Kind, Track, unpack};

use crate::command::{Scenario, python, repository, text, tree};
use crate::table::{RUN, Series, Table, at};

/// The forms, but for the page.
const TEXTS: [&str; 4] = ["markdown", "csv", "json", "text"];

/// The model of a report.
fn model(scenario: &Scenario, arguments: &[&str]) -> Value {
    let ended = scenario.done(&[&["report", "--format", "json"], arguments].concat());
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// A scenario with `DEST` of a scan of a fixture.
fn scanned(fixture: &str) -> Scenario {
    let scenario = Scenario::new();
    scenario.done(&["-q", "scan", text(&repository(fixture)), "--out", "out"]);
    scenario
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().expect("a list")
}

#[test]
fn the_sample_is_what_the_program_makes() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    for form in TEXTS {
        let made = scenario.done(&["report", "out", "--format", form]).stdout;
        let path = repository(&format!("reports/sample/report.{form}"));
        let want = std::fs::read_to_string(&path).expect("a sample");
        assert!(made == want, "{} is not what is made now: reports/sample/make", path.display());
    }
}

#[test]
fn the_report_of_a_scan_can_be_made_again() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    scenario.done(&["report", "--out", "out", "--output", "again.html"]);
    let read = |name: &str| std::fs::read(scenario.path(name)).expect("a page");
    assert!(read("again.html") == read("out/report/index.html"));
    let said = scenario.done(&["report", "--out", "out"]).stdout;
    assert_eq!(said, "Written to ./trailpulse-report.html\n");
    assert!(read("trailpulse-report.html") == read("again.html"));
}

#[test]
fn incidents_come_in_order_and_graphs_show_what_was_called() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    let model = model(&scenario, &["out"]);
    let sentences: Vec<&str> =
        list(&model, "incidents").iter().map(|it| it["sentence"].as_str().expect("a text")).collect();
    assert_eq!(sentences.len(), 4, "{sentences:#?}");
    assert!(
        sentences[0].starts_with("role/deployer in account 111122223333 called ec2 RunInstances 19.3 times")
    );
    assert!(sentences[1].starts_with("user/operator in account 222233334444 called iam CreateAccessKey"));
    for insight in list(&model, "insights") {
        let graph = &model["graphs"][insight["graph"].as_u64().expect("a graph") as usize];
        assert_eq!(graph["series"], insight["series"]);
        let tracks = unpack(graph["data"].as_str().expect("a text")).expect("tracks");
        let finest = tracks.iter().rfind(|it| it.kind == Kind::Calls).expect("calls");
        assert_eq!(finest.step, 1);
        let start = |key: &str| {
            trailpulse::time::Minute::parse(insight[key].as_str().expect("a time")).expect("a time")
        };
        let first = trailpulse::time::Minute::parse(graph["from"].as_str().expect("a time")).expect("a time");
        let from = start("from").since(first.plus(i32::try_from(finest.start).expect("small")));
        // A fall is open, and has no calls.
        if insight["direction"] == "up" {
            let minutes = insight["duration"].as_u64().expect("a number") as usize;
            let calls: f64 = finest
                .values
                .iter()
                .skip(usize::try_from(from).expect("a start"))
                .take(minutes)
                .flatten()
                .sum();
            let want = insight["insight_average"].as_f64().expect("a number") * minutes as f64;
            assert!((calls - want).abs() < 1e-3, "{calls} {want} {insight:#}");
        }
        let window =
            u32::try_from(insight["why"]["window_minutes"].as_u64().expect("a number")).expect("small");
        let line = if insight["direction"] == "up" { Kind::Line } else { Kind::Floor };
        let noticed = u32::try_from(start("detected_at").since(first) - 1).expect("within the graph");
        let covers = |it: &&Track| {
            let end = it.start + it.step * u32::try_from(it.values.len()).expect("small");
            (it.start..end).contains(&noticed)
        };
        // Whatever is usual and the line itself are known where it was crossed, and the line is exact.
        let there = |kind, window| {
            let of = tracks.iter().filter(|it| (it.kind, it.window) == (kind, window)).rfind(covers);
            of.and_then(|it| it.values[((noticed - it.start) / it.step) as usize])
        };
        assert_eq!(there(line, window), insight["why"]["bound"].as_f64(), "{insight:#}");
        for (kind, window) in [(Kind::Expected, 0), (Kind::Upper, 1), (Kind::Upper, 30), (Kind::Upper, 120)] {
            assert!(there(kind, window).is_some(), "{kind:?} {window} {insight:#}");
        }
        assert!(tracks.iter().any(|it| it.kind == Kind::Expected && it.values.len() > 500));
    }
}

#[test]
fn a_time_can_be_asked_for_and_is_compared_with_the_time_before() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    let days = |from, to| [["--from", from, "--to", to].as_slice(), &["out"]].concat();
    let model = model(&scenario, &days("2026-01-18", "2026-01-20"));
    assert_eq!(model["span"]["from"], "2026-01-18T00:00:00Z");
    assert_eq!(model["previous"]["from"], "2026-01-16T00:00:00Z");
    assert_eq!(
        model["totals"]["insights"],
        serde_json::json!({"now": 2, "before": 2}),
        "{:#}",
        model["totals"]
    );
    assert_eq!(list(&model, "insights").iter().filter(|it| it["earlier"] == true).count(), 2);
    // What was not judged cannot be compared.
    let model = self::model(&scenario, &days("2026-01-13", "2026-01-20"));
    assert_eq!(model["previous"], Value::Null);
    assert_eq!(model["totals"]["insights"]["before"], Value::Null);
    assert_eq!(scenario.run(&["report", "out", "--from", "2026-01-20", "--to", "2026-01-18"]).status, 2);
}

#[test]
fn a_time_that_was_not_judged_is_not_called_quiet() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    let said =
        |arguments: &[&str]| scenario.done(&[&["report", "out", "--format", "text"], arguments].concat());
    for (from, to, head) in [
        ("2027-01-01", "2027-01-02", "Not judged in this time"),
        ("2020-01-01", "2020-01-02", "Not judged in this time"),
    ] {
        let model = model(&scenario, &["out", "--from", from, "--to", to]);
        assert_eq!(model["totals"]["insights"], serde_json::json!({"now": null, "before": null}));
        assert_eq!(model["title"], head);
        assert_eq!(model["previous"], Value::Null);
        let text = said(&["--from", from, "--to", to]).stdout;
        assert!(text.contains(&format!("\n{head}: What was judged is 2026-01-")), "{text}");
        assert!(
            text.contains("COVERED BY THE LAST RUN, 2026-01-") && !text.contains("kept to its"),
            "{text}"
        );
    }
    let ended = scenario.run(&["report", "out", "--from", "2027-01-01"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("what there is goes from 2026-01-"), "{}", ended.stderr);
}

#[test]
fn what_one_folder_keeps_does_not_hide_what_is_in_another() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    // One of AWS's, of a month before: what is kept of the scan does not go as far.
    let record = r#"{"eventVersion":"1.09","eventTime":"2025-12-03T12:00:00Z","awsRegion":"eu-west-1","eventID":"one",
        "eventType":"AwsCloudTrailInsight","recipientAccountId":"111122223333","sharedEventID":"of-aws","insightDetails":{
        "state":"Start","eventSource":"ec2.amazonaws.com","eventName":"StopInstances","insightType":"ApiCallRateInsight",
        "insightContext":{"statistics":{"baseline":{"average":0.4},"insight":{"average":260},"insightDuration":5,
        "baselineDuration":10080},"attributions":[]}},"eventCategory":"Insight"}"#;
    scenario.write("aws/CloudTrail-Insight/one.json", format!(r#"{{"Records":[{record}]}}"#));
    let current = |paths: &[&str]| {
        let model = model(&scenario, paths);
        list(&model, "insights").iter().filter(|it| it["earlier"] == false).count()
    };
    let one = current(&["out"]);
    assert!(one > 0);
    assert_eq!(current(&["out", "aws"]), one + 1);
    assert_eq!(current(&["aws", "out"]), one + 1);
    // A folder that only the environment names is not mixed in.
    let mut command = scenario.command(&["report", "aws", "--format", "csv"]);
    let output = command.env("TRAILPULSE_OUT", "out").output().expect("trailpulse starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
}

#[test]
fn hostile_texts_stay_texts_in_every_form() {
    for fixture in ["fixtures/report/hostile.csv.gz", "fixtures/report/hostile.jsonl"] {
        let scenario = Scenario::new();
        let fixture = repository(fixture);
        let from = if fixture.extension().is_some_and(|end| end == "jsonl") {
            text(&fixture)
        } else {
            scenario.done(&["-q", "scan", text(&fixture), "--out", "out"]);
            "out"
        };
        let form = |form: &str| scenario.done(&["report", from, "--format", form]).stdout;
        let treacherous = |char: char| {
            (char.is_control() && char != '\n') || "\u{202e}\u{2066}\u{2028}\u{feff}\u{200b}".contains(char)
        };
        for name in TEXTS {
            let made = form(name);
            assert!(!made.contains(treacherous), "{name} moves cursors");
            assert!(made.contains("alert(1)"), "{name} has the fixture's texts");
        }
        assert_cells_are_texts(&form("csv"));
        let markdown = form("markdown");
        assert_markdown_is_whole(&markdown);
        let path = scenario.write("report.md", markdown);
        if let Some(ended) = python("markdown_check.py", Some("cmarkgfm"), &[text(&path)]) {
            assert_eq!(ended.status, 0, "{}", ended.stderr);
        }
        let json = form("json");
        assert!(!json.contains('<') && !json.contains('&'), "JSON could end a script");
        let model: Value = serde_json::from_str(&json).expect("JSON");
        assert!(list(&model, "insights").len() >= 20);
        assert_queries_are_quoted(&model);
    }
}

/// No cell begins a formula, and every row has all cells.
fn assert_cells_are_texts(sheet: &str) {
    let mut rows = csv::Reader::from_reader(sheet.as_bytes());
    let mut evil = 0;
    for row in rows.records() {
        for cell in &row.expect("a row with as many cells as the first") {
            let first = cell.trim_start().chars().next();
            assert!(!first.is_some_and(|first| "=+-@|%".contains(first)), "{cell}");
            evil += usize::from(cell.starts_with("'="));
        }
    }
    assert!(evil > 0, "the fixture has formulas");
}

/// Outside of code, nothing of the logs is markup: every line begins as one of ours does, every table's rows have its cells.
fn assert_markdown_is_whole(markdown: &str) {
    let mut cells = None;
    for line in markdown.lines() {
        if line.starts_with('|') {
            let number = line.matches('|').count();
            assert_eq!(*cells.get_or_insert(number), number, "{line}");
        } else {
            cells = None;
            assert!(!line.starts_with([' ', '\t', '>', '*', '+', '`', '<', '=']), "{line}");
        }
        let outside: String = line.split('`').step_by(2).collect();
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        for markup in ["<", "](", "![", "://", "www.", "@"] {
            assert!(!outside.contains(markup), "{markup} in {line}");
        }
    }
}

/// A shell and SQL see one word where there is one.
fn assert_queries_are_quoted(model: &Value) {
    let mut asked = 0;
    for insight in list(model, "insights") {
        let queries = &insight["queries"];
        if let Some(command) = queries["lookup_events"].as_str() {
            let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}\n{command}");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert!(output.status.success() && output.stderr.is_empty(), "{command}");
            let words: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
            assert_eq!(words.len(), 11, "{command}");
            let name = insight["series"]["name"].as_str().expect("a text");
            let word = String::from_utf8(words[5].to_vec()).expect("UTF-8");
            let meant = if word.starts_with('[') {
                let json: Value = serde_json::from_str(&word).expect("JSON");
                json[0]["AttributeValue"].as_str().expect("a text").to_owned()
            } else {
                word.strip_prefix("AttributeKey=EventName,AttributeValue=").expect("a name").to_owned()
            };
            assert_eq!(meant, name);
            asked += 1;
        }
        let sql = queries["athena"].as_str().expect("a query");
        assert!(sql.is_ascii(), "{sql}");
        // Doubled quotation marks open and close again: outside of texts, nothing of the names is left.
        let outside: String = sql.split('\'').step_by(2).collect();
        for evil in ["DROP", "script", "alert", "AAAA", "--", ";"] {
            assert!(!outside.contains(evil), "{outside}");
        }
    }
    assert!(asked > 0);
}

#[test]
fn account_ids_can_be_masked_in_every_form() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    for form in TEXTS.into_iter().chain(["html"]) {
        let make = |more: &[&str]| {
            let ended =
                scenario.done(&[&["report", "out", "--format", form, "--output", "-"], more].concat());
            ended.stdout
        };
        let masked = make(&["--redact"]);
        for account in ["111122223333", "222233334444"] {
            assert!(!masked.contains(account), "{form} names {account}");
            assert!(form == "html" || make(&[]).contains(account), "{form} names it otherwise");
        }
        assert!(form == "html" || masked.contains("XXXXXXXX0001"), "{form}");
    }
    let model = model(&scenario, &["out", "--redact"]);
    let accounts: BTreeSet<&str> =
        list(&model, "insights").iter().map(|it| it["series"]["account"].as_str().expect("a text")).collect();
    assert_eq!(accounts, ["XXXXXXXX0001", "XXXXXXXX0002"].into());
    let record = list(&list(&model, "insights")[0], "records")[0]["json"].as_str().expect("a text");
    let record: Value = serde_json::from_str(record).expect("a masked record is JSON");
    assert_eq!(record["recipientAccountId"], list(&model, "insights")[0]["series"]["account"]);
}

#[test]
fn insights_that_aws_wrote_are_reported_too() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    // The tree alone has records in AWS's form, without explanations; as in a copy of a bucket, below a prefix.
    for (name, bytes) in tree(&scenario.path("out/AWSLogs")) {
        scenario.write(&format!("copy/some/prefix/AWSLogs/{name}"), bytes);
    }
    let ours = model(&scenario, &["out"]);
    let aws = model(&scenario, &["copy"]);
    assert_eq!(list(&aws, "insights").len(), list(&ours, "insights").len());
    for (one, other) in list(&aws, "insights").iter().zip(list(&ours, "insights")) {
        for key in ["id", "from", "until", "insight_average", "attributions", "records", "direction"] {
            assert_eq!(one[key], other[key], "{key}");
        }
        assert_eq!((&one["why"], &one["graph"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(aws["coverage"], Value::Null);
}

#[test]
fn what_cannot_be_read_is_named() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    std::fs::create_dir(scenario.path("empty")).expect("writable");
    let check = |arguments: &[&str], status: i32, said: &str| {
        let ended = scenario.run(&[&["report", "--format", "json"], arguments].concat());
        assert_eq!(ended.status, status, "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments:?} {}", ended.stderr);
        ended.stdout
    };
    check(&["nowhere"], 2, "cannot read nowhere");
    check(&["empty"], 2, "there is neither an insights.jsonl nor a CloudTrail-Insight file in empty");
    check(&[], 2, "cannot read ./trailpulse-out");
    check(&["--state", "nowhere"], 2, "nowhere");
    let lines = std::fs::read_to_string(scenario.path("out/insights.jsonl")).expect("lines");
    let damaged: Vec<String> = lines
        .lines()
        .enumerate()
        .map(|(n, line)| if n == 2 { "{".to_owned() } else { line.to_owned() })
        .collect();
    scenario.write("out/insights.jsonl", damaged.join("\n"));
    let told = check(&["out"], 3, "insights.jsonl, line 3");
    let model: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(list(&model, "unread")[0]["what"], "insights.jsonl, line 3");
    assert!(
        list(&model["coverage"], "skipped").is_empty() && model["coverage"]["records"].as_u64() > Some(0)
    );
    scenario.write("out/report/report.json.gz", "no gzip");
    let told = check(&["out"], 3, "report/report.json.gz: it cannot be inflated");
    let model: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(model["coverage"], Value::Null, "nobody knows");
}

#[test]
fn a_scan_may_leave_the_report_out() {
    let scenario = scanned("fixtures/report/night.csv.gz");
    let table = repository("fixtures/report/night.csv.gz");
    assert!(scenario.path("out/report/index.html").exists());
    let said = scenario.done(&["scan", text(&table), "--out", "out", "--no-report"]).stdout;
    assert!(!scenario.path("out/report").exists(), "the earlier one would be stale");
    assert!(!said.contains("Report:"));
    scenario.write("trailpulse.toml", "[scan]\nreport = false\n");
    scenario.done(&["scan", text(&table), "--out", "out"]);
    assert!(!scenario.path("out/report").exists());
    let said = scenario.done(&["scan", text(&table), "--out", "out", "--no-report=false"]).stdout;
    assert!(
        said.contains("\nReport: out/report/index.html\n") && scenario.path("out/report/index.html").exists()
    );
}

#[test]
fn a_report_of_somebody_else_ends_a_scan_before_anything_is_read() {
    let scenario = Scenario::new();
    let table = repository("fixtures/report/night.csv.gz");
    scenario.write("out/report/index.html", "theirs");
    let ended = scenario.run(&["-q", "scan", text(&table), "--out", "out"]);
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("out/report/index.html was not written by trailpulse"), "{}", ended.stderr);
    assert_eq!(tree(&scenario.path("out")).len(), 1);
    scenario.done(&["-q", "scan", text(&table), "--out", "out", "--no-report"]);
    assert_eq!(std::fs::read_to_string(scenario.path("out/report/index.html")).expect("theirs"), "theirs");
    // Ours makes room for ours, with a state and without.
    let scenario = scanned("fixtures/report/night.csv.gz");
    scenario.done(&["-q", "scan", text(&table), "--out", "out"]);
    scenario.done(&["-q", "scan", text(&table), "--out", "out", "--state", "state"]);
}

#[test]
fn a_night_is_reported_with_the_weeks_before_it() {
    let scenario = Scenario::new();
    let mut table = Table::new();
    let night = |table: &Table, days: i64| {
        let name = format!("day-{days}.csv");
        scenario.write(&name, table.text());
        scenario.done(&["-q", "scan", &name, "--state", "state", "--out", "out", "--final"]);
        model(&scenario, &["out"])
    };
    let steady = |table: &mut Table, days: std::ops::Range<i64>| {
        for minute in (days.start * 1440..days.end * 1440).step_by(10) {
            table.put(RUN, minute, 1);
        }
    };
    steady(&mut table, 0..9);
    let first = night(&table, 9);
    assert_eq!(first["totals"]["insights"], serde_json::json!({"now": 0, "before": null}));
    let mut table = Table::new();
    steady(&mut table, 9..10);
    table.burst(RUN, 9 * 1440 + 603, 20, 40);
    let second = night(&table, 10);
    assert_eq!(
        second["totals"]["insights"],
        serde_json::json!({"now": 1, "before": 0}),
        "{:#}",
        second["totals"]
    );
    assert_eq!(second["insights"][0]["graph"], 0);
    assert_eq!(second["span"]["from"], at(9 * 1440 - 10 + 1));
    let mut table = Table::new();
    steady(&mut table, 10..11);
    let third = night(&table, 11);
    assert_eq!(
        third["totals"]["insights"],
        serde_json::json!({"now": 0, "before": 1}),
        "{:#}",
        third["totals"]
    );
    assert_eq!(
        (&third["insights"][0]["earlier"], &third["incidents"][0]["earlier"]),
        (&true.into(), &true.into())
    );
    assert_eq!(third["graphs"], second["graphs"], "what was drawn is kept");
    // What was before is there for comparison, last, under a heading of its own.
    let said = scenario.done(&["report", "out", "--format", "text"]).stdout;
    let nothing = said.find("Nothing unusual was found").expect("said");
    assert!(
        nothing < said.find("EARLIER, BEFORE").expect("a heading") && !said.contains("MATTERS"),
        "{said}"
    );
    let said = scenario.done(&["report", "out", "--format", "markdown"]).stdout;
    assert!(said.contains("Nothing unusual was found") && said.contains("## Earlier"), "{said}");
    // The state alone, and the state beside what was published.
    let judged = model(&scenario, &["--state", "state"]);
    assert_eq!(judged["insights"][0]["id"], third["insights"][0]["id"]);
    std::fs::remove_file(scenario.path("out/report/report.json.gz")).expect("there");
    let without = model(&scenario, &["out"]);
    assert_eq!(without["insights"][0]["graph"], Value::Null);
    let with = model(&scenario, &["out", "--state", "state"]);
    assert_eq!(with["graphs"], judged["graphs"]);
}

/// Many APIs, some of them busy, each with two bursts in its last weeks of which half fails: four insights each.
fn many(series: usize) -> Table {
    let mut table = Table::new();
    let names: Vec<[String; 3]> = (0..series)
        .map(|number| {
            let account = format!("{}", 300_000_000_000 + number / 50);
            let caller = format!("arn:aws:sts::{account}:assumed-role/application-{number}/i-{number:017x}");
            [account, caller, format!("UpdateSomethingOfKind{number}")]
        })
        .collect();
    for (number, [account, caller, name]) in names.iter().enumerate() {
        let one = Series { account, caller, name, source: "dynamodb.amazonaws.com", ..RUN };
        let number = i64::try_from(number).expect("small");
        let step = if number % 20 == 0 { 7 } else { 173 };
        for minute in (number % step..35 * 1440).step_by(usize::try_from(step).expect("small")) {
            table.put(one, minute, 1 + u32::try_from((minute * 7919 + number) % 3).expect("small"));
        }
        // Half of each burst fails: that is an insight of its own.
        for start in [20 * 1440 + number * 13, 28 * 1440 + number * 11] {
            for (minute, agent) in (start..start + 15)
                .zip(["aws-cli/2.22.35", "Boto3/1.35.81", "terraform/1.9.8"].iter().cycle())
            {
                let calls = 30 + u32::try_from(minute % 17).expect("small");
                table.put(Series { agent, ..one }, minute, calls);
                table.put(Series { agent, error: "ThrottlingException", ..one }, minute, calls);
            }
        }
    }
    table
}

#[test]
fn a_thousand_insights_fit_into_six_megabytes_and_twenty_into_600_kilobytes() {
    for (series, least, most) in [(5, 20, 600_000), (256, 1000, 6_000_000)] {
        let scenario = Scenario::new();
        scenario.write("counts.csv", many(series).text());
        scenario.done(&["-q", "scan", "counts.csv", "--out", "out"]);
        let model = model(&scenario, &["out"]);
        let insights = list(&model, "insights");
        assert!(insights.len() >= least, "{} insights", insights.len());
        assert!(insights.iter().all(|it| it["graph"].is_u64()));
        let page = std::fs::metadata(scenario.path("out/report/index.html")).expect("a page").len();
        assert!(page <= most, "{} insights make {page} bytes", insights.len());
        crate::page::check("large", &scenario.path("out/report/index.html"));
        // What the page holds of them: its own scripts and styles have 200 kB at most.
        let json =
            trailpulse::report::graph::deflated(serde_json::to_string(&model).expect("JSON").as_bytes());
        assert!(
            json.len() as u64 + 200_000 <= most,
            "{} insights make {} bytes of data",
            insights.len(),
            json.len()
        );
    }
}
