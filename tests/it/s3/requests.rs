//! An organization's nightly run -> how many requests it costs.
use crate::s3::server::Served;

#[test]
fn a_night_without_news_costs_a_request_for_each_account_and_region() {
    const REGIONS: [&str; 17] = [
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
        "us-east-1", "us-east-2", "us-west-1", "us-west-2",
    ];
    const ACCOUNTS: usize = 100;
    let Some(served) = Served::new() else { return };
    for account in 0..ACCOUNTS {
        let account = format!("{:012}", 100_000_000_000_usize + account);
        for region in REGIONS {
            let name = format!("{account}_CloudTrail_{region}_20260131T1200Z_AAAAAAAAAAAAAAAA.json");
            let key = format!("AWSLogs/o-exampleorg/{account}/CloudTrail/{region}/2026/01/31/{name}");
            served.put(&format!("logs/{key}"), br#"{"Records":[]}"#);
        }
    }
    let night = ["-q", "scan", "s3://logs", "--state", "state", "--out", "out"];
    served.proxy.plan(|_, _| crate::s3::proxy::Fault::None);
    served.ends(0, &night);
    let lists = |seen: &[String]| seen.iter().filter(|what| what.contains("list-type=2")).count();
    let first = served.proxy.seen();
    assert_eq!(first.len() - lists(&first), ACCOUNTS * REGIONS.len(), "each log is read once");
    served.proxy.plan(|_, _| crate::s3::proxy::Fault::None);
    served.ends(0, &night);
    let second = served.proxy.seen();
    assert_eq!(lists(&second), second.len(), "nothing is read");
    // The bucket, AWSLogs, the organization; each account and its CloudTrail; each region.
    assert_eq!(second.len(), 3 + 2 * ACCOUNTS + ACCOUNTS * REGIONS.len());
    let resumed = second.iter().filter(|what| what.contains("start-after=")).count();
    assert_eq!(resumed, ACCOUNTS * REGIONS.len());
}
