//! An organization's nightly run -> how many requests it costs. Answered from memory: real servers look through everything
//! for each listing.
use crate::command::Scenario;
use crate::s3::shelf::{Shelf, log};

const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
const ACCOUNTS: usize = 100;

#[test]
fn a_night_without_news_costs_a_request_for_each_account_and_region() {
    let shelf = Shelf::serve();
    let log = |account: &str, region: &str, day: &str| log("AWSLogs/o-exampleorg", account, region, day);
    let accounts: Vec<String> =
        (0..ACCOUNTS).map(|account| format!("{:012}", 100_000_000_000_usize + account)).collect();
    for account in &accounts {
        for region in REGIONS {
            for day in ["2026/01/01", "2026/01/31"] {
                shelf.put(&log(account, region, day), br#"{"Records":[]}"#);
            }
        }
        let digest =
            format!("AWSLogs/o-exampleorg/{account}/CloudTrail-Digest/us-east-1/2026/01/31/x.json.gz");
        shelf.put(&digest, b"");
    }
    let scenario = Scenario::new();
    let night = |more: &[&str]| {
        shelf.forget();
        let common = ["-q", "scan", "s3://trail", "--state", "state", "--out", "out"];
        let ended = shelf.run(&scenario, &[common.as_slice(), more].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let (lists, gets): (Vec<String>, Vec<String>) =
            shelf.seen().into_iter().partition(|target| target.contains("list-type=2"));
        (lists, gets)
    };
    // The bucket, AWSLogs, the organization; each account and its CloudTrail; each region.
    let bound = 3 + 2 * ACCOUNTS + ACCOUNTS * REGIONS.len();
    assert_eq!(bound, 1_903, "as the documentation says");
    let (_, gets) = night(&[]);
    assert_eq!(gets.len(), 2 * ACCOUNTS * REGIONS.len(), "each log is read once");
    let (lists, gets) = night(&[]);
    assert_eq!((lists.len(), gets.len()), (bound, 0));
    let resumed = lists.iter().filter(|target| target.contains("start-after=") && target.contains("01%2F29"));
    assert_eq!(resumed.count(), ACCOUNTS * REGIONS.len(), "{:?}", lists.last());
    // One new log, and a copy that comes late: the one is found, the other when it is looked for.
    let put = |region: &str, day: &str| shelf.put(&log(&accounts[7], region, day), br#"{"Records":[]}"#);
    put("eu-west-1", "2026/02/01");
    put("eu-west-1", "2026/01/20");
    let (lists, gets) = night(&[]);
    assert_eq!((lists.len(), gets.len()), (bound, 1), "{gets:?}");
    let (lists, gets) = night(&["--relist"]);
    assert_eq!((lists.len(), gets.len()), (bound, 1), "{gets:?}");
    assert!(gets[0].contains("/2026/01/20/"));
}
