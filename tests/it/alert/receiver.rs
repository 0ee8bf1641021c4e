//! A server that takes what feeds post -> every request, and an answer as the real one would give it.
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::s3::proxy::{end_of_head, read_message};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// By name in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Status and body of the answer to a request, which is the so-manieth, from 0 on.
type Answering = dyn Fn(&Request, usize) -> (u16, String) + Send + Sync;

pub(crate) struct Receiver {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    pub(crate) fn answering(
        answer: impl Fn(&Request, usize) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let taken = Arc::<Mutex<Vec<Request>>>::default();
        let (own, answer) = (Arc::clone(&taken), Arc::<Answering>::from(Box::new(answer) as Box<Answering>));
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (taken, answer) = (Arc::clone(&own), Arc::clone(&answer));
                std::thread::spawn(move || drop(serve(connection, &taken, &*answer)));
            }
        });
        Self { port, taken }
    }

    /// All requests, in the order in which they came.
    pub(crate) fn taken(&self) -> Vec<Request> {
        self.taken.lock().expect("nobody panics").clone()
    }
}

fn serve(mut client: TcpStream, taken: &Mutex<Vec<Request>>, answer: &Answering) -> io::Result<()> {
    let bytes = read_message(&mut client)?;
    let head = end_of_head(&bytes).unwrap_or(bytes.len());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let headers = text(&bytes[..head]);
    let headers = headers.lines().skip(1).filter_map(|line| line.split_once(": "));
    let request = Request {
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: text(&bytes[head..]),
    };
    let (status, body) = {
        let mut taken = taken.lock().expect("nobody panics");
        let answered = answer(&request, taken.len());
        taken.push(request);
        answered
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} Taken\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    client.write_all(answer.as_bytes())
}

/// Asks a server of this machine; its answer as JSON.
pub(crate) fn ask(port: u16, method: &str, path: &str, body: &str) -> Value {
    let mut server = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let length = body.len();
    // The old version of the protocol knows no chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    server.write_all(head.as_bytes()).and_then(|()| server.write_all(body.as_bytes())).expect("it reads");
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).expect("it answers");
    let head = end_of_head(&answer).expect("a head");
    let status = String::from_utf8_lossy(&answer[..head]).into_owned();
    assert!(
        status.contains(" 200 "),
        "{method} {path}: {status}{}",
        String::from_utf8_lossy(&answer[head..])
    );
    serde_json::from_slice(&answer[head..]).unwrap_or_default()
}
