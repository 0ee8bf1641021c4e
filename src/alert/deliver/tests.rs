//! Made-up messages and servers in, what is sent and noted out.
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Requests, channel};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::alert::{found, trial};
use crate::config::Config;
use crate::severity::Severity;

fn now() -> DateTime<Utc> {
    "2026-02-03T10:00:00Z".parse().expect("a time")
}

#[test]
fn an_event_is_delivered_when_all_its_requests_are() {
    let again = || Verdict::Again("x".to_owned());
    let rejected = || Verdict::Rejected("x".to_owned());
    let mut verdicts = vec![None; 4];
    join(&mut verdicts, &[0, 1, 2], Reply::All(Verdict::Delivered));
    join(&mut verdicts, &[1, 2], Reply::Each(vec![again(), rejected()]));
    join(&mut verdicts, &[2, 9], Reply::All(Verdict::Delivered));
    assert_eq!(verdicts, [Some(Verdict::Delivered), Some(again()), Some(rejected()), None]);
    let mut short = vec![None; 2];
    join(&mut short, &[0, 1], Reply::Each(vec![Verdict::Delivered]));
    assert!(matches!(&short[..], [Some(Verdict::Delivered), Some(Verdict::Again(_))]));
}

/// A webhook at `url`.
fn receiver(url: &str) -> Receiver {
    let text = format!(
        "[[feed]]\nname = \"f\"\ntype = \"webhook\"\nurl = \"{url}\"\nallow_private = true\ntimeout = 60"
    );
    let feed = Config::load(&text, "f.toml").expect("a sound configuration").feeds.remove(0);
    let http = Http::new(&feed, None).expect("a client");
    Receiver { feed, secrets: Secrets::default(), http, time: WHOLE }
}

/// A message of 120 insights, which are three documents.
fn message() -> (Message, Notice) {
    let mut known = Vec::new();
    for number in 0..120_u128 {
        let mut insight = trial::insight("f", now());
        insight.shared_id = uuid::Uuid::from_u128(number + 1);
        insight.event_id = uuid::Uuid::from_u128(number + 1001);
        insight.explanation.severity = Severity::High;
        known.push(found(&insight).event);
    }
    let ids: Vec<String> = known.iter().map(|event| event.record.event_id.clone()).collect();
    let notice = Notice::of("f", "incident", known, &ids).expect("events");
    let message = Message {
        key: notice.key.to_string(),
        incident: "incident".to_owned(),
        events: ids.clone(),
        members: ids,
        elsewhere: BTreeSet::new(),
        held_back: 0,
        planned: now(),
    };
    (message, notice)
}

/// A server that answers the n-th request (from 1) as `plan` says, `None`: never; its address, and the heads of requests.
fn server(plan: impl Fn(usize) -> Option<&'static str> + Send + 'static) -> (String, Requests<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (heads, seen) = channel();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            if heads.send(head(&mut stream)).is_err() {
                return;
            }
            match plan(number + 1) {
                Some(answer) => {
                    let text = format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
                    stream.write_all(text.as_bytes()).expect("answered");
                }
                None => silent.push(stream),
            }
        }
    });
    (url, seen)
}

/// Reads a request; its head, in small letters.
fn head(stream: &mut TcpStream) -> String {
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    loop {
        let read = stream.read(&mut part).expect("a request");
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = value(head, "content-length").parse().expect("a length");
        if body.len() >= length || read == 0 {
            return head.to_owned();
        }
    }
}

fn value<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
}

const TAKEN: &str = "200 OK\r\n";
const DOWN: &str = "503 Service Unavailable\r\nRetry-After: 1800\r\n";

/// How many events are noted as delivered by each note, and until when the feed rests.
fn noted(mut notes: UnboundedReceiver<Note>) -> (Vec<usize>, Option<DateTime<Utc>>) {
    let (mut delivered, mut rest) = (Vec::new(), None);
    while let Ok(note) = notes.try_recv() {
        match note {
            Note::Events(_, outcomes) => {
                assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Delivered));
                delivered.push(outcomes.len());
            }
            Note::Rest(_, until) => rest = Some(until),
        }
    }
    (delivered, rest)
}

#[tokio::test]
async fn each_request_is_noted_by_itself_and_a_failure_says_why() {
    let (url, seen) = server(|number| Some(if number == 1 { TAKEN } else { DOWN }));
    let (notes, kept) = unbounded_channel();
    let stop = AtomicBool::new(false);
    // The run began an hour before anything was sent.
    let clock = Clock { base: now(), begun: Instant::now() };
    let clock = Clock { base: clock.base + TimeDelta::hours(1), ..clock };
    let problem = receiver(&url).tell([message(), message()].into_iter(), clock, &notes, &stop).await;
    assert_eq!(problem.as_deref(), Some("status 503"), "and not that the third document was not sent");
    let (delivered, rest) = noted(kept);
    assert_eq!(delivered, [50]);
    let least = now() + TimeDelta::hours(1) + TimeDelta::minutes(30);
    assert!(rest.is_some_and(|rest| rest >= least), "{rest:?}");
    let heads: Vec<String> = seen.try_iter().collect();
    assert_eq!(heads.len(), 2);
}

#[tokio::test]
async fn a_server_that_names_a_time_is_left_alone_whatever_it_said_before() {
    for (first, then, requests, least) in [
        ("429 Too Many Requests\r\nRetry-After: 1\r\n", "429 Too Many Requests\r\nRetry-After: 1\r\n", 4, 1),
        ("503 Service Unavailable\r\n", "429 Too Many Requests\r\nRetry-After: 3600\r\n", 4, 3600),
        ("401 Unauthorized\r\nRetry-After: 7\r\n", TAKEN, 1, 7),
    ] {
        let (url, seen) = server(move |number| Some(if number < 4 { first } else { then }));
        let (notes, kept) = unbounded_channel();
        let stop = AtomicBool::new(false);
        let messages = [message(), message()].into_iter();
        let problem = receiver(&url).tell(messages, Clock::new(now()), &notes, &stop).await;
        assert!(problem.is_some() && seen.try_iter().count() == requests, "{first}: {problem:?}");
        let rest = noted(kept).1.unwrap_or_else(|| panic!("{first}: no rest"));
        assert!(rest >= now() + TimeDelta::seconds(least), "{first}: {rest}");
    }
}

#[tokio::test]
async fn a_slow_receiver_costs_a_round_no_more_than_its_time() {
    let (url, seen) = server(|_| {
        std::thread::sleep(Duration::from_millis(500));
        Some(TAKEN)
    });
    let (notes, kept) = unbounded_channel();
    let stop = AtomicBool::new(false);
    let receiver = Receiver { time: Duration::from_millis(700), ..receiver(&url) };
    let messages = [message(), message()].into_iter();
    let problem = receiver.tell(messages, Clock::new(now()), &notes, &stop).await;
    assert_eq!((problem.as_deref(), seen.try_iter().count()), (Some(NO_TIME), 2));
    assert_eq!(noted(kept).0, [50, 50], "what is left is told by the next round");
}

#[tokio::test]
async fn nobody_waits_for_a_body_that_nobody_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            head(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").expect("answered");
            open.push(stream);
        }
    });
    let (notes, kept) = unbounded_channel();
    let (stop, begun) = (AtomicBool::new(false), Instant::now());
    let problem = receiver(&url).tell([message()].into_iter(), Clock::new(now()), &notes, &stop).await;
    assert_eq!((problem, noted(kept).0), (None, vec![50, 50, 20]));
    assert!(begun.elapsed() < Duration::from_secs(30), "the timeout is a minute");
}

#[tokio::test]
async fn nobody_hears_of_an_end_before_the_beginning() {
    let (url, seen) = server(|number| Some(if number == 1 { "404 Not Found\r\n" } else { TAKEN }));
    let (notes, kept) = unbounded_channel();
    let stop = AtomicBool::new(false);
    let mut other = message();
    other.0.incident = "other".to_owned();
    let messages = [message(), message(), other].into_iter();
    let problem = receiver(&url).tell(messages, Clock::new(now()), &notes, &stop).await;
    assert_eq!(problem.as_deref(), Some("status 404"));
    assert_eq!(noted(kept).0, [50, 50, 20], "the other incident's");
    assert_eq!(seen.try_iter().count(), 4);
}

#[tokio::test]
async fn what_is_sent_says_when_it_is_sent() {
    let (url, seen) = server(|_| Some(TAKEN));
    let (notes, _kept) = unbounded_channel();
    let begun = Instant::now().checked_sub(Duration::from_secs(5)).expect("the machine runs for longer");
    let clock = Clock { base: now(), begun };
    let stop = AtomicBool::new(false);
    assert_eq!(receiver(&url).tell([message()].into_iter(), clock, &notes, &stop).await, None);
    let heads: Vec<String> = seen.try_iter().collect();
    assert_eq!(heads.len(), 3);
    for head in heads {
        let sent: i64 = value(&head, "x-trailpulse-timestamp").parse().expect("seconds");
        assert!(sent >= now().timestamp() + 5, "{sent}");
    }
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_noted() {
    let (url, seen) = server(|_| Some(TAKEN));
    let (notes, kept) = unbounded_channel();
    drop(kept);
    let stop = AtomicBool::new(false);
    receiver(&url).tell([message(), message()].into_iter(), Clock::new(now()), &notes, &stop).await;
    assert_eq!(seen.try_iter().count(), 0);
    // One that goes away meanwhile: it ends with the request that is under way.
    let (notes, kept) = unbounded_channel();
    let kept = Mutex::new(Some(kept));
    let (url, seen) = server(move |_| {
        drop(kept.lock().expect("no panic").take());
        Some(TAKEN)
    });
    let told =
        receiver(&url).tell([message(), message()].into_iter(), Clock::new(now()), &notes, &stop).await;
    assert_eq!((told.as_deref(), seen.try_iter().count()), (Some(UNNOTED), 1));
}

#[tokio::test]
async fn a_stop_ends_a_message_of_many_requests() {
    for is_answered in [true, false] {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let (url, seen) = server(move |_| {
            asked.store(true, Ordering::SeqCst);
            is_answered.then_some(TAKEN)
        });
        let (notes, kept) = unbounded_channel();
        let problem =
            receiver(&url).tell([message(), message()].into_iter(), Clock::new(now()), &notes, &stop).await;
        assert_eq!((problem.as_deref(), seen.try_iter().count()), (Some(STOPPED), 1));
        let want: &[usize] = if is_answered { &[50] } else { &[] };
        assert_eq!(noted(kept).0, want, "what was answered is noted");
    }
}
