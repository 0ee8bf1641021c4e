//! Buckets in odd shapes, and SOURCEs that change between nights -> all is read that can be, and what cannot is named.
use std::sync::Arc;

use serde_json::Value;

use crate::command::Scenario;
use crate::s3::shelf::{Shelf, call, log};

const ACCOUNT: &str = "111122223333";

/// A shelf, and nights on it.
struct Nights {
    shelf: Arc<Shelf>,
    scenario: Scenario,
}

impl Nights {
    fn new() -> Self {
        let scenario = Scenario::new();
        scenario.write("trailpulse.toml", "[s3]\nretries = 1\n");
        Self { shelf: Shelf::serve(), scenario }
    }

    /// A log with one call, delivered at noon of a day of January and made ten minutes before.
    fn deliver(&self, root: &str, region: &str, day: usize) {
        // Events of different regions and trails are different ones.
        let id =
            root.bytes().chain(region.bytes()).fold(day, |id, byte| id * 31 % 1_000_003 + usize::from(byte));
        let bytes = call(ACCOUNT, region, &format!("2026-01-{day:02}T11:50:00Z"), id);
        self.shelf.put(&log(root, ACCOUNT, region, &format!("2026/01/{day:02}")), &bytes);
    }

    /// Scans with the state, expects that status, and gives the summary.
    fn night(&self, sources: &[&str], status: i32) -> Value {
        let arguments = [&["-q", "scan"], sources, &["--state", "state", "--out", "out"]].concat();
        let ended = self.shelf.run(&self.scenario, &arguments);
        assert_eq!(ended.status, status, "{sources:?}: {}{}", ended.stdout, ended.stderr);
        let bytes = std::fs::read(self.scenario.path("out/summary.json")).expect("a summary");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// How many calls a night counts.
    fn counted(&self, sources: &[&str]) -> u64 {
        self.night(sources, 0)["counted"].as_u64().expect("a number")
    }
}

/// What the rows of the summary name.
fn skipped(summary: &Value) -> Vec<&str> {
    let rows = summary["skipped"].as_array().expect("rows");
    rows.iter().map(|row| row["what"].as_str().expect("a name")).collect()
}

#[test]
fn keys_that_cannot_be_asked_for_are_rows_and_the_rest_is_read() {
    let nights = Nights::new();
    let region = format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1");
    for day in [8, 9] {
        nights.deliver("AWSLogs", "eu-west-1", day);
        nights.deliver("AWSLogs", "us-east-1", day);
    }
    let name = "111122223333_CloudTrail_eu-west-1_20260109T1205Z_BBBBBBBBBBBBBBBB.json";
    let odd = [
        format!("{region}/2026/01/09//{name}"),
        format!("{region}/2026/01/09/../{name}"),
        format!("{region}/2026/01/09/\u{1}{name}"),
        format!("AWSLogs//{name}"),
        format!("/{name}"),
        "/notes.txt".to_owned(),
        format!("{region}/2026/01/09//notes.txt"),
    ];
    for key in &odd {
        nights.shelf.put(key, b"{}");
    }
    // Of folders with such names, the folder; what is no log by its name is left out as everywhere.
    let want = [
        "/".to_owned(),
        "AWSLogs//".to_owned(),
        format!("{region}/2026/01/09/../{name}"),
        format!("{region}/2026/01/09//{name}"),
        format!("{region}/2026/01/09/\\u{{1}}{name}"),
    ];
    for counted in [4, 0] {
        let summary = nights.night(&["s3://trail"], 3);
        assert_eq!(skipped(&summary), want);
        assert!(
            summary["skipped"][2]["why"].as_str().is_some_and(|why| why.contains("copy it to another key"))
        );
        assert_eq!(summary["counted"], counted);
    }
    // The same where everything below a prefix is listed.
    let ended =
        nights.shelf.run(&nights.scenario, &["scan", &format!("s3://trail/{region}"), "--out", "all"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let all = std::fs::read(nights.scenario.path("all/summary.json")).expect("a summary");
    let all: Value = serde_json::from_slice(&all).expect("JSON");
    assert_eq!(
        skipped(&all),
        want[2..].iter().map(|key| key.replace(&format!("{region}/"), "")).collect::<Vec<_>>()
    );
}

#[test]
fn a_bucket_from_which_all_that_was_read_has_gone_has_nothing_new() {
    let nights = Nights::new();
    let source = format!("s3://trail/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1");
    nights.deliver("AWSLogs", "eu-west-1", 9);
    assert_eq!(nights.counted(&[&source]), 1);
    nights.shelf.clear();
    assert_eq!(nights.counted(&[&source]), 0);
    // Where nothing was ever read, a wrong name must not look like a quiet night.
    let arguments = ["scan", "s3://trail/wrong", "--state", "state", "--out", "out"];
    let ended = nights.shelf.run(&nights.scenario, &arguments);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("no CloudTrail log file in s3://trail/wrong"), "{}", ended.stderr);
}

#[test]
fn a_source_that_becomes_wider_is_read_whole() {
    let nights = Nights::new();
    for day in 3..=9 {
        nights.deliver("AWSLogs", "eu-west-1", day);
    }
    let region = format!("s3://trail/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1");
    assert_eq!(nights.counted(&[&format!("{region}/2026/01/09")]), 1);
    assert_eq!(nights.counted(&["s3://trail/AWSLogs"]), 6, "what is older, too");
    // From here on it goes on from the newest key, also where the SOURCE becomes narrower.
    for source in ["s3://trail/AWSLogs", region.as_str()] {
        nights.shelf.forget();
        assert_eq!(nights.counted(&[source]), 0);
        let asked = nights.shelf.seen();
        assert!(asked.last().is_some_and(|target| target.contains("start-after=")), "{asked:?}");
    }
    // A second trail of the same account and region.
    for day in 3..=9 {
        let bytes = call(ACCOUNT, "eu-west-1", &format!("2026-01-{day:02}T11:40:00Z"), 100 + day);
        let key = log("second/AWSLogs", ACCOUNT, "eu-west-1", &format!("2026/01/{day:02}"));
        nights.shelf.put(&key.replace("AAAA", "CCCC"), &bytes);
    }
    assert_eq!(nights.counted(&["s3://trail"]), 7);
    // The one, then both: what the first brought meanwhile.
    nights.deliver("AWSLogs", "eu-west-1", 10);
    nights.deliver("second/AWSLogs", "eu-west-1", 16);
    assert_eq!(nights.counted(&["s3://trail/second"]), 1);
    assert_eq!(nights.counted(&["s3://trail"]), 1);
}

#[test]
fn a_source_that_was_not_listed_to_its_end_is_listed_again() {
    let nights = Nights::new();
    for day in 3..=9 {
        nights.deliver("AWSLogs", "eu-west-1", day);
        nights.deliver("AWSLogs", "us-east-1", day);
    }
    assert_eq!(
        nights.counted(&[&format!("s3://trail/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/01/09")]),
        1
    );
    nights.shelf.fail(&[("CloudTrail%2Feu-west-1%2F", 503)]);
    assert_eq!(nights.night(&["s3://trail"], 3)["counted"], 7);
    nights.shelf.fail(&[]);
    assert_eq!(nights.counted(&["s3://trail"]), 6);
}

#[test]
fn an_object_that_was_missed_is_looked_for_until_it_is_read() {
    let nights = Nights::new();
    for day in 3..=9 {
        nights.deliver("AWSLogs", "eu-west-1", day);
        nights.deliver("AWSLogs", "us-east-1", day);
    }
    assert_eq!(nights.counted(&["s3://trail"]), 14);
    // Another program's copy brings it late.
    let missed = log("AWSLogs", ACCOUNT, "eu-west-1", "2026/01/04").replace("AAAA", "LATE");
    nights.shelf.put(&missed, &call(ACCOUNT, "eu-west-1", "2026-01-04T11:50:00Z", 99));
    nights.shelf.fail(&[(missed.as_str(), 503)]);
    assert_eq!(skipped(&nights.night(&["s3://trail", "--relist"], 3)), [missed.as_str()]);
    // A night that does not even see it, since its region cannot be listed; and one that looks elsewhere.
    nights.shelf.fail(&[("CloudTrail%2Feu-west-1%2F", 503)]);
    assert_eq!(
        skipped(&nights.night(&["s3://trail"], 3)),
        [format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1")]
    );
    nights.shelf.fail(&[]);
    nights.shelf.forget();
    assert_eq!(nights.counted(&["s3://trail"]), 1, "long before the newest key");
    let asked = nights.shelf.seen();
    let after = asked.iter().find(|target| target.contains("eu-west-1") && target.contains("start-after="));
    assert!(after.is_some_and(|target| target.contains("2026%2F01%2F04")), "{asked:?}");
    // Once it is read, nobody goes back there.
    nights.shelf.forget();
    assert_eq!(nights.counted(&["s3://trail"]), 0);
    assert!(!nights.shelf.seen().iter().any(|target| target.contains("2026%2F01%2F04")));
}

#[test]
fn an_old_object_is_given_up_by_the_second_run_that_misses_it() {
    let missed = log("AWSLogs", ACCOUNT, "eu-west-1", "2026/01/05");
    let why = |summary: &Value| summary["skipped"][0]["why"].as_str().expect("a row").to_owned();
    for heals in [true, false] {
        let nights = Nights::new();
        (3..=9).for_each(|day| nights.deliver("AWSLogs", "eu-west-1", day));
        nights.shelf.fail(&[(missed.as_str(), 503)]);
        let first = nights.night(&["s3://trail"], 3);
        assert!(why(&first).contains("left for the next run"), "{first}");
        assert_eq!((&first["counted"], &first["left_files"]), (&2.into(), &4.into()));
        if heals {
            nights.shelf.fail(&[]);
            let next = nights.night(&["s3://trail"], 0);
            assert_eq!((&next["counted"], &next["late"]), (&5.into(), &Value::Null));
        } else {
            let next = nights.night(&["s3://trail"], 3);
            assert!(why(&next).contains("too old to be waited for"), "{next}");
            assert_eq!((&next["counted"], &next["left_files"]), (&4.into(), &Value::Null));
        }
    }
}

#[test]
fn a_name_far_in_the_future_hides_nothing() {
    let nights = Nights::new();
    nights.deliver("AWSLogs", "eu-west-1", 9);
    let bytes = call(ACCOUNT, "eu-west-1", "2026-01-09T11:51:00Z", 99);
    nights.shelf.put(&log("AWSLogs", ACCOUNT, "eu-west-1", "2027/06/01"), &bytes);
    assert_eq!(nights.counted(&["s3://trail"]), 2);
    for day in [10, 11] {
        nights.deliver("AWSLogs", "eu-west-1", day);
        assert_eq!(nights.counted(&["s3://trail"]), 1, "{day}");
    }
}

#[test]
fn of_several_sources_one_may_be_out_for_a_night() {
    let nights = Nights::new();
    for day in 3..=9 {
        nights.deliver("one", "eu-west-1", day);
        nights.deliver("two", "us-east-1", day);
    }
    let both = ["s3://trail/one", "s3://trail/two"];
    nights.shelf.fail(&[("prefix=two", 503)]);
    let summary = nights.night(&both, 3);
    // As long as nothing was judged, nothing is: what the other has would come late.
    assert_eq!((skipped(&summary), &summary["counted"]), (vec!["two"], &0.into()));
    assert_eq!(summary["left_files"], 7);
    assert_eq!(summary["skipped"][0]["why"], "cannot list: the server answered 503");
    nights.shelf.fail(&[]);
    let summary = nights.night(&both, 0);
    assert_eq!((&summary["counted"], &summary["late"]), (&14.into(), &Value::Null));
    // What nobody mends by waiting is said before anything is done; and so is that nothing works.
    nights.deliver("one", "eu-west-1", 10);
    let published = std::fs::read(nights.scenario.path("out/summary.json")).expect("a summary");
    for (fails, sources, why) in [
        ([("prefix=two", 403), ("none", 0)], both, "cannot list s3://trail/two: access denied"),
        ([("prefix=two", 503), ("prefix=one", 503)], both, "the server answered 503"),
        ([("none", 0), ("none", 0)], ["s3://trail/one", "s3://trail/one/x.json"], "there is no such object"),
    ] {
        nights.shelf.fail(&fails);
        let arguments = ["scan", sources[0], sources[1], "--state", "state", "--out", "out"];
        let ended = nights.shelf.run(&nights.scenario, &arguments);
        assert_eq!(ended.status, 2, "{why}: {}", ended.stdout);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        assert!(std::fs::read(nights.scenario.path("out/summary.json")).expect("there") == published);
    }
    nights.shelf.fail(&[]);
    assert_eq!(nights.counted(&both), 1);
}

#[test]
fn an_object_without_awss_name_is_fetched_once_for_each_version_of_it() {
    let nights = Nights::new();
    let day = |day: usize| call(ACCOUNT, "eu-west-1", &format!("2026-01-{day:02}T11:50:00Z"), day);
    let fetched = || {
        let seen = nights.shelf.seen();
        nights.shelf.forget();
        seen.into_iter().filter(|target| target.starts_with("/trail/mine/")).collect::<Vec<_>>()
    };
    let source = ["s3://trail"];
    nights.shelf.put("mine/a.json", &day(8));
    assert_eq!((nights.counted(&source), fetched().len()), (1, 1));
    nights.deliver("AWSLogs", "eu-west-1", 9);
    assert_eq!((nights.counted(&source), fetched()), (1, vec![]), "nothing but the new log is read");
    // A copy of it, and one of a log that AWS named: read, counted by nobody, and known from then on.
    nights.shelf.put("mine/copy.json", &day(8));
    let named = nights.shelf.get(&format!("/trail/{}", log("AWSLogs", ACCOUNT, "eu-west-1", "2026/01/09")));
    nights.shelf.put("mine/named.json", &named.expect("was delivered"));
    assert_eq!((nights.counted(&source), fetched().len()), (0, 2));
    assert_eq!((nights.counted(&source), fetched()), (0, vec![]));
    // Of the same length, with another call.
    nights.shelf.put("mine/a.json", &day(7));
    assert_eq!(
        (nights.counted(&source), fetched(), fetched()),
        (1, vec!["/trail/mine/a.json".to_owned()], vec![])
    );
}

#[test]
fn of_two_trails_of_an_account_the_one_that_was_out_is_read_from_where_it_was() {
    // Days up to which the logs have come on each night of an outage: of one night, of three, and of one after a week.
    for outage in [&[7][..], &[8, 10, 12], &[14]] {
        let nights = Nights::new();
        let deliver = |root: &str, days: std::ops::RangeInclusive<usize>| {
            for day in days {
                let (name, id) = if root == "one" { ("AAAA", day) } else { ("BBBB", 100 + day) };
                let key = log(root, ACCOUNT, "eu-west-1", &format!("2026/01/{day:02}")).replace("AAAA", name);
                let time = format!("2026-01-{day:02}T11:50:00Z");
                nights.shelf.put(&key, &call(ACCOUNT, "eu-west-1", &time, id));
            }
        };
        let both = ["s3://trail/one", "s3://trail/two"];
        deliver("one", 3..=6);
        deliver("two", 3..=6);
        let mut counted = nights.counted(&both);
        let mut from = 7;
        for last in outage {
            deliver("one", from..=*last);
            deliver("two", from..=*last);
            from = last + 1;
            nights.shelf.fail(&[("prefix=two", 503)]);
            let summary = nights.night(&both, 3);
            assert_eq!(skipped(&summary), ["two"]);
            let why = "cannot list: the server answered 503; what came since the last run waits for it";
            assert_eq!(summary["skipped"][0]["why"], why);
            counted += summary["counted"].as_u64().expect("a number");
            // Two days of delivery wait for what may be there.
            assert!(summary["left_files"].as_u64() > Some(0), "{summary}");
            let until = summary["went_on"]["judged_until"].as_str().expect("a time").to_owned();
            let latest = format!("2026-01-{:02}T12:00:00Z", (last - 2).max(6));
            assert!(until <= latest, "{until} {latest}");
        }
        nights.shelf.fail(&[]);
        nights.shelf.forget();
        counted += nights.counted(&both);
        let last = outage.last().expect("a night");
        assert_eq!(counted as usize, 2 * (last - 2), "{outage:?}");
        let asked = nights.shelf.seen();
        let lists = asked.iter().filter(|target| target.contains("list-type=2"));
        assert!(
            lists.clone().any(|target| target.contains("start-after=two")),
            "not from its beginning: {asked:?}"
        );
        assert_eq!(nights.night(&[both.as_slice(), &["--relist"]].concat(), 0)["counted"], 0);
        // Then it goes on as ever.
        nights.shelf.forget();
        assert_eq!(nights.counted(&both), 0);
        let after = format!("2026%2F01%2F{:02}", last - 2);
        let resumed = nights.shelf.seen().into_iter().filter(|target| target.contains(&after)).count();
        assert_eq!(resumed, 2, "{:?}", nights.shelf.seen());
    }
}

#[test]
fn only_what_can_have_calls_of_a_time_is_read() {
    let nights = Nights::new();
    let key = |day: &str| log("AWSLogs", ACCOUNT, "eu-west-1", day);
    for (id, day) in ["2025/12/31", "2026/01/08", "2026/01/09", "2026/02/08", "2026/02/20"].iter().enumerate()
    {
        let bytes = call(ACCOUNT, "eu-west-1", &format!("{}T11:50:00Z", day.replace('/', "-")), id);
        nights.shelf.put(&key(day), &bytes);
        nights.scenario.write(&format!("logs/{}", key(day)), &bytes);
    }
    let times = ["--from", "2026-01-09T10:00", "--to", "2026-01-10"];
    let read = |arguments: &[&str]| {
        nights.shelf.forget();
        let ended = nights.shelf.run(&nights.scenario, arguments);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let seen = nights.shelf.seen().into_iter().filter(|target| target.starts_with("/trail/AWSLogs"));
        let days = seen.filter_map(|target| Some(target.split("eu-west-1/").nth(1)?.get(..10)?.to_owned()));
        let mut days: Vec<String> = days.collect();
        days.sort();
        (days, ended.stdout)
    };
    let of = |source: &str| read(&[["-q", "counts", source, "--out", "-"].as_slice(), &times].concat());
    let (days, table) = of("s3://trail");
    // What AWS has tried to deliver for a month may hold some yet.
    assert_eq!(days, ["2026/01/09", "2026/02/08"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert_eq!(of("logs").1, table);
    // A scan learns from all that came before.
    let scan = ["-q", "scan", "s3://trail", times[2], times[3], "--out", "out"];
    assert_eq!(read(&scan).0, ["2025/12/31", "2026/01/08", "2026/01/09", "2026/02/08"]);
    // Where nothing can be, nothing is wrong.
    let none = ["-q", "counts", "s3://trail", "--from", "2026-03-01", "--out", "-"];
    assert_eq!(read(&none).0, Vec::<String>::new());
}
