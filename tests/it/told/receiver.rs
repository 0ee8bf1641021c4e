//! Requests of a webhook -> what a receiver has counted; answers, good or bad, as a plan says.
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// It is taken.
    Taken,
    /// The status, and headers.
    Status(u16, &'static str),
    /// The connection is closed without a word.
    Reset,
    /// A byte of an answer now and then, which never ends.
    Drip,
    /// It is taken; the answer has a body without end.
    Endless,
}

/// Of the so-manieth request, from 1 on.
type Plan = Box<dyn Fn(usize) -> Reply + Send>;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its head.
    pub(super) head: String,
    /// Its body.
    pub(super) body: Value,
}

/// A server that counts.
pub(super) struct Receiver {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    plan: Mutex<Plan>,
    times: Mutex<usize>,
    seen: Mutex<Vec<Told>>,
    taken: Mutex<Vec<Told>>,
}

impl Receiver {
    /// One that takes everything.
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            plan: Mutex::new(Box::new(|_| Reply::Taken)),
            times: Mutex::default(),
            seen: Mutex::default(),
            taken: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&own);
                // A client that goes away is no failure of the test.
                std::thread::spawn(move || drop(shared.serve(connection)));
            }
        });
        Self { port, shared }
    }

    /// From now on, requests are answered as `plan` says; counting begins anew.
    pub(super) fn plan(&self, plan: impl Fn(usize) -> Reply + Send + 'static) {
        *self.shared.plan.lock().expect("nobody panics") = Box::new(plan);
        *self.shared.times.lock().expect("nobody panics") = 0;
        self.shared.seen.lock().expect("nobody panics").clear();
    }

    /// Forgets what it was told.
    pub(super) fn forget(&self) {
        self.shared.taken.lock().expect("nobody panics").clear();
        self.shared.seen.lock().expect("nobody panics").clear();
    }

    /// All requests since the last plan.
    pub(super) fn seen(&self) -> Vec<Told> {
        self.shared.seen.lock().expect("nobody panics").clone()
    }

    /// All that was taken, ever.
    pub(super) fn taken(&self) -> Vec<Told> {
        self.shared.taken.lock().expect("nobody panics").clone()
    }

    /// How often each event was taken, by the key of its message and its id.
    pub(super) fn counts(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for told in self.taken() {
            for event in told.body["events"].as_array().expect("events") {
                let id = event["record"]["eventID"].as_str().expect("an id").to_owned();
                *counts.entry((told.key(), id)).or_default() += 1;
            }
        }
        counts
    }
}

impl Told {
    /// Its idempotency key, which stands in its head and in its body.
    pub(super) fn key(&self) -> String {
        let key = self.body["key"].as_str().expect("a key").to_owned();
        assert!(self.head.contains(&format!("idempotency-key: {key}")), "{}", self.head);
        key
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        while let Some((head, body)) = read_message(&mut client)? {
            let told = Told { head, body: serde_json::from_slice(&body).expect("JSON") };
            self.seen.lock().expect("nobody panics").push(told.clone());
            let time = {
                let mut times = self.times.lock().expect("nobody panics");
                *times += 1;
                *times
            };
            let reply = (self.plan.lock().expect("nobody panics"))(time);
            if matches!(reply, Reply::Taken | Reply::Endless) {
                self.taken.lock().expect("nobody panics").push(told);
            }
            match reply {
                Reply::Taken => client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?,
                Reply::Status(status, headers) => {
                    let head = format!("HTTP/1.1 {status} Planned\r\n{headers}Content-Length: 0\r\n\r\n");
                    client.write_all(head.as_bytes())?;
                }
                Reply::Reset => return Ok(()),
                Reply::Drip => {
                    for byte in
                        b"HTTP/1.1 200 OK\r\nX-Slow: ".iter().chain(std::iter::repeat_n(&b'x', 10_000))
                    {
                        client.write_all(&[*byte])?;
                        std::thread::sleep(Duration::from_millis(200));
                    }
                }
                Reply::Endless => {
                    client.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
                    loop {
                        client.write_all(chunk.as_bytes())?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A request's head and body; `None` where the client has no more.
fn read_message(from: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65536]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + length {
                return Ok(Some((head, bytes[end..end + length].to_vec())));
            }
        }
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend(&buffer[..read]);
    }
}
