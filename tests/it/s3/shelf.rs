//! A bucket `trail` in memory, with any keys: what a server over a folder cannot hold. It gives no signatures and takes no writes.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::command::{Ended, Scenario};

/// Objects of one bucket, the requests for them, and what fails.
#[derive(Default)]
pub(crate) struct Shelf {
    port: u16,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    seen: Mutex<Vec<String>>,
    /// Requests that hold one of these texts are answered with that status.
    fails: Mutex<Vec<(String, u16)>>,
}

/// The key of a log that was delivered at noon of a day, `2026/01/31`.
pub(crate) fn log(root: &str, account: &str, region: &str, day: &str) -> String {
    let name = format!("{account}_CloudTrail_{region}_{}T1200Z_AAAAAAAAAAAAAAAA.json", day.replace('/', ""));
    format!("{root}/{account}/CloudTrail/{region}/{day}/{name}")
}

/// A log with one call, made at a time.
pub(crate) fn call(account: &str, region: &str, time: &str, id: usize) -> Vec<u8> {
    let record = format!(
        r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"ssm.amazonaws.com","eventName":"PutParameter",
        "awsRegion":"{region}","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
        "recipientAccountId":"{account}","eventCategory":"Management","userIdentity":{{"type":"Root"}},
        "eventID":"00000000-0000-4000-8000-{id:012}"}}"#
    );
    format!(r#"{{"Records":[{record}]}}"#).into_bytes()
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().expect("nobody panics")
}

impl Shelf {
    /// An empty one that listens.
    pub(crate) fn serve() -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shelf = Arc::new(Self { port, ..Self::default() });
        let own = Arc::clone(&shelf);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let shelf = Arc::clone(&own);
                std::thread::spawn(move || shelf.answer(connection));
            }
        });
        shelf
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        locked(&self.objects).insert(key.to_owned(), bytes.to_vec());
    }

    pub(crate) fn clear(&self) {
        locked(&self.objects).clear();
    }

    /// From now on, requests whose target holds this text are answered with that status; no others.
    pub(crate) fn fail(&self, fails: &[(&str, u16)]) {
        *locked(&self.fails) = fails.iter().map(|(text, status)| ((*text).to_owned(), *status)).collect();
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        locked(&self.seen).clone()
    }

    pub(crate) fn forget(&self) {
        locked(&self.seen).clear();
    }

    /// Where an object is.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("http://127.0.0.1:{}/trail/{key}", self.port)
    }

    /// Runs `trailpulse` with its address.
    pub(crate) fn run(&self, scenario: &Scenario, arguments: &[&str]) -> Ended {
        let mut command = scenario.command(arguments);
        command
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_SKIP_SIGNATURE", "true");
        Ended::new(command.output().expect("trailpulse starts"))
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
            let (target, is_head) = (head.split(' ').nth(1)?.to_owned(), head.starts_with("HEAD "));
            locked(&self.seen).push(target.clone());
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let fault =
                locked(&self.fails).iter().find(|(text, _)| target.contains(text)).map(|(_, status)| *status);
            let (status, body) = match fault {
                Some(status) => (status, Vec::new()),
                None if query.contains("list-type=2") => (200, self.list(query)),
                None => self.get(path).map_or((404, Vec::new()), |body| (200, body)),
            };
            let modified = format!("Last-Modified: Sat, 31 Jan 2026 12:00:00 GMT\r\nETag: {}", tag(&body));
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Shelf\r\n{modified}\r\nContent-Length: {length}\r\n\r\n");
            let body = if is_head { Vec::new() } else { body };
            // At once: what comes in two packets waits for the first to be acknowledged.
            client.write_all(&[head.as_bytes(), &body].concat()).ok()?;
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        locked(&self.objects).get(&decoded(path.strip_prefix("/trail/")?)).cloned()
    }

    fn list(&self, query: &str) -> Vec<u8> {
        let value = |name: &str| {
            decoded(query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default())
        };
        let (prefix, after, delimiter) = (value("prefix="), value("start-after="), value("delimiter="));
        let (mut listed, mut folders) = (String::new(), BTreeSet::new());
        let objects = locked(&self.objects);
        let from = prefix.clone().max(after);
        for (key, bytes) in objects.range(from..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let below = key.strip_prefix(&prefix).and_then(|below| below.split_once('/'));
            if let Some((folder, _)) = below.filter(|_| !delimiter.is_empty()) {
                folders.insert(folder.to_owned());
                continue;
            }
            let (key, size, tag) = (escaped(key), bytes.len(), tag(bytes));
            let modified = "2026-01-31T12:00:00Z";
            write!(
                listed,
                "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{tag}</ETag><LastModified>{modified}</LastModified></Contents>"
            )
            .expect("a text can be written to");
        }
        for folder in folders {
            let folder = escaped(&format!("{prefix}{folder}/"));
            write!(listed, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>")
                .expect("a text can be written to");
        }
        format!("<ListBucketResult>{listed}</ListBucketResult>").into_bytes()
    }
}

/// Another for other bytes.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Of what stands in a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(match byte {
            b'%' => digit().zip(digit()).map_or(b'%', |(high, low)| (high * 16 + low) as u8),
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}

/// As S3 writes keys in XML.
fn escaped(text: &str) -> String {
    let escape = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        letter if letter.is_ascii_control() => format!("&#{};", u32::from(letter)),
        letter => letter.to_string(),
    };
    text.chars().map(escape).collect()
}
