//! Requests to a server -> the same requests, counted, and answered badly where a plan says so.
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered.
    None,
    /// It is not passed on; the answer is this status.
    Status(u16),
    /// It is passed on, and the connection is closed.
    Reset,
    /// Half of the answer's body comes.
    Truncate,
    /// Nothing comes for so long, then the answer.
    Delay(Duration),
    /// It is not passed on, and the connection is closed.
    Refuse,
    /// It is not passed on; the answer is 429, and a wish to be left alone for so many seconds.
    Busy(u32),
    /// It is not passed on; an answer comes byte by byte, and never to its end.
    Drip,
}

/// What becomes of a request, such as `GET /bucket/key`, that comes for the so-manieth time, from 1 on.
pub(crate) type Plan = Box<dyn Fn(&str, usize) -> Fault + Send>;

/// A proxy before one server.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    to: u16,
    plan: Mutex<Plan>,
    seen: Mutex<Vec<String>>,
    passed: Mutex<Vec<(String, Vec<u8>)>>,
    times: Mutex<BTreeMap<String, usize>>,
    /// Hours by which the server's clock is told wrong.
    skew: Mutex<i64>,
}

impl Proxy {
    /// Before the server on port `to` of this machine.
    pub(crate) fn before(to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            to,
            plan: Mutex::new(Box::new(|_, _| Fault::None)),
            seen: Mutex::default(),
            passed: Mutex::default(),
            times: Mutex::default(),
            skew: Mutex::default(),
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
    pub(crate) fn plan(&self, plan: impl Fn(&str, usize) -> Fault + Send + 'static) {
        *self.shared.plan.lock().expect("nobody panics") = Box::new(plan);
        self.shared.times.lock().expect("nobody panics").clear();
        self.shared.seen.lock().expect("nobody panics").clear();
    }

    /// From now on, the server's clock seems to be so many hours wrong: what it says of now, and of when objects were written.
    pub(crate) fn skew(&self, hours: i64) {
        *self.shared.skew.lock().expect("nobody panics") = hours;
    }

    /// All requests since the last plan.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().expect("nobody panics").clone()
    }

    /// Bodies of all requests that were passed on, whatever the plans.
    pub(crate) fn passed(&self) -> Vec<(String, Vec<u8>)> {
        self.shared.passed.lock().expect("nobody panics").clone()
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let request = read_message(&mut client)?;
        let head = String::from_utf8_lossy(&request);
        let line = head.lines().next().unwrap_or_default();
        let what = line.rsplit_once(' ').map_or(line, |(what, _)| what).to_owned();
        self.seen.lock().expect("nobody panics").push(what.clone());
        let time = {
            let mut times = self.times.lock().expect("nobody panics");
            let time = times.entry(what.clone()).or_default();
            *time += 1;
            *time
        };
        let fault = (self.plan.lock().expect("nobody panics"))(&what, time);
        if let Some(answer) = fault.instead() {
            return client.write_all(answer.as_bytes());
        }
        match fault {
            Fault::Refuse => return client.shutdown(Shutdown::Both),
            Fault::Drip => return drip(&mut client),
            _ => {}
        }
        let body = request[end_of_head(&request).unwrap_or_default()..].to_vec();
        self.passed.lock().expect("nobody panics").push((what, body));
        let answer = skewed(self.ask(&request)?, *self.skew.lock().expect("nobody panics"));
        match fault {
            Fault::Reset => client.shutdown(Shutdown::Both),
            Fault::Truncate => {
                let body = end_of_head(&answer).unwrap_or(answer.len());
                client.write_all(&answer[..body + (answer.len() - body) / 2])
            }
            Fault::Delay(pause) => {
                std::thread::sleep(pause);
                client.write_all(&answer)
            }
            _ => client.write_all(&answer),
        }
    }

    /// The server's answer.
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(("127.0.0.1", self.to))?;
        let head = end_of_head(request).unwrap_or(request.len());
        server.write_all(&request[..head - 2])?;
        server.write_all(b"Connection: close\r\n\r\n")?;
        server.write_all(&request[head..])?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// An answer by a clock that is so many hours wrong.
fn skewed(answer: Vec<u8>, hours: i64) -> Vec<u8> {
    let head = end_of_head(&answer).filter(|_| hours != 0);
    let Some((head, body)) = head.and_then(|head| answer.split_at_checked(head)) else { return answer };
    let lines = String::from_utf8_lossy(head);
    let lines = lines.lines().map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let is_time = ["date", "last-modified"].iter().any(|known| name.eq_ignore_ascii_case(known));
        let Some(time) = chrono::DateTime::parse_from_rfc2822(value).ok().filter(|_| is_time) else {
            return format!("{line}\r\n");
        };
        let time = (time + chrono::TimeDelta::hours(hours)).format("%a, %d %b %Y %H:%M:%S GMT");
        format!("{name}: {time}\r\n")
    });
    [lines.collect::<String>().as_bytes(), body].concat()
}

impl Fault {
    /// The answer of which the server knows nothing.
    fn instead(self) -> Option<String> {
        let (status, headers) = match self {
            Self::Status(status) => (status, String::new()),
            Self::Busy(seconds) => (429, format!("Retry-After: {seconds}\r\n")),
            _ => return None,
        };
        let body = "<Error><Code>SlowDown</Code><Message>as planned</Message></Error>";
        let length = body.len();
        Some(format!(
            "HTTP/1.1 {status} Planned\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }
}

/// Until the client has had enough.
fn drip(client: &mut TcpStream) -> io::Result<()> {
    loop {
        client.write_all(b"H")?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A request with its body.
pub(crate) fn read_message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65536]);
    loop {
        let read = from.read(&mut buffer)?;
        bytes.extend(&buffer[..read]);
        if let Some(head) = end_of_head(&bytes)
            && bytes.len() >= head + content_length(&bytes[..head])
        {
            return Ok(bytes);
        }
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

pub(crate) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}
