//! An organization's nightly run -> how many requests it costs. Answered from memory: real servers look through everything
//! for each listing.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::command::{Ended, Scenario};

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

/// Objects of one bucket, and the requests for them.
#[derive(Default)]
struct Shelf {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    seen: Mutex<Vec<String>>,
}

impl Shelf {
    /// Listens, and gives the port.
    fn serve(self: &Arc<Self>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let own = Arc::clone(self);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let shelf = Arc::clone(&own);
                std::thread::spawn(move || shelf.answer(connection));
            }
        });
        port
    }

    /// Answers one request after the other.
    fn answer(&self, mut client: TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            while !bytes.ends_with(b"\r\n\r\n") {
                let mut buffer = [0; 4096];
                let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
                bytes.extend(&buffer[..read]);
            }
            let head = String::from_utf8(std::mem::take(&mut bytes)).ok()?;
            let target = head.split(' ').nth(1)?.to_owned();
            self.seen.lock().expect("nobody panics").push(target.clone());
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let body = if query.contains("list-type=2") { self.list(query) } else { self.get(path) };
            let modified = "Last-Modified: Sat, 31 Jan 2026 12:00:00 GMT\r\nETag: \"e\"";
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\n{modified}\r\nContent-Length: {length}\r\n\r\n");
            // At once: what comes in two packets waits for the first to be acknowledged.
            client.write_all(&[head.as_bytes(), &body].concat()).ok()?;
        }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let key = path.trim_start_matches("/trail/");
        self.objects.lock().expect("nobody panics").get(key).cloned().unwrap_or_default()
    }

    fn list(&self, query: &str) -> Vec<u8> {
        let value = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default();
            value.replace("%2F", "/")
        };
        let (prefix, after, delimiter) = (value("prefix="), value("start-after="), value("delimiter="));
        let (mut listed, mut folders) = (String::new(), std::collections::BTreeSet::new());
        let objects = self.objects.lock().expect("nobody panics");
        let from = prefix.clone().max(after);
        for (key, bytes) in objects.range(from..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let folder = key
                .strip_prefix(&prefix)
                .and_then(|below| below.split_once('/'))
                .filter(|_| !delimiter.is_empty());
            if let Some((folder, _)) = folder {
                folders.insert(folder.to_owned());
                continue;
            }
            let size = bytes.len();
            write!(
                listed,
                "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>2026-01-31T12:00:00Z</LastModified></Contents>"
            )
            .expect("a text can be written to");
        }
        for folder in folders {
            write!(listed, "<CommonPrefixes><Prefix>{prefix}{folder}/</Prefix></CommonPrefixes>")
                .expect("a text can be written to");
        }
        format!("<ListBucketResult>{listed}</ListBucketResult>").into_bytes()
    }
}

#[test]
fn a_night_without_news_costs_a_request_for_each_account_and_region() {
    let shelf = Arc::new(Shelf::default());
    let log = |account: &str, region: &str, day: &str| {
        let name =
            format!("{account}_CloudTrail_{region}_{}T1200Z_AAAAAAAAAAAAAAAA.json", day.replace('/', ""));
        format!("AWSLogs/o-exampleorg/{account}/CloudTrail/{region}/{day}/{name}")
    };
    let accounts: Vec<String> =
        (0..ACCOUNTS).map(|account| format!("{:012}", 100_000_000_000_usize + account)).collect();
    for account in &accounts {
        for region in REGIONS {
            for day in ["2026/01/01", "2026/01/31"] {
                let body = br#"{"Records":[]}"#.to_vec();
                shelf.objects.lock().expect("nobody panics").insert(log(account, region, day), body);
            }
        }
        let digest =
            format!("AWSLogs/o-exampleorg/{account}/CloudTrail-Digest/us-east-1/2026/01/31/x.json.gz");
        shelf.objects.lock().expect("nobody panics").insert(digest, Vec::new());
    }
    let scenario = Scenario::new();
    let endpoint = format!("http://127.0.0.1:{}", shelf.serve());
    let night = |more: &[&str]| {
        shelf.seen.lock().expect("nobody panics").clear();
        let common = ["-q", "scan", "s3://trail", "--state", "state", "--out", "out"];
        let mut command = scenario.command(&[common.as_slice(), more].concat());
        command.env("AWS_ENDPOINT_URL", &endpoint).env("AWS_SKIP_SIGNATURE", "true");
        let ended = Ended::new(command.output().expect("trailpulse starts"));
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let seen = shelf.seen.lock().expect("nobody panics").clone();
        let (lists, gets): (Vec<String>, Vec<String>) =
            seen.into_iter().partition(|target| target.contains("list-type=2"));
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
    let put = |region: &str, day: &str| {
        let body = br#"{"Records":[]}"#.to_vec();
        shelf.objects.lock().expect("nobody panics").insert(log(&accounts[7], region, day), body);
    };
    put("eu-west-1", "2026/02/01");
    put("eu-west-1", "2026/01/20");
    let (lists, gets) = night(&[]);
    assert_eq!((lists.len(), gets.len()), (bound, 1), "{gets:?}");
    let (lists, gets) = night(&["--relist"]);
    assert_eq!((lists.len(), gets.len()), (bound, 1), "{gets:?}");
    assert!(gets[0].contains("/2026/01/20/"));
}
