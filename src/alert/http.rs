//! A request -> what the server said to it, within its time and up to a size; the one file that speaks HTTP.
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, Response, Url, header, redirect};
use tokio::time::{Instant, timeout_at};

use super::address::{PublicOnly, check_host, refusal};
use super::deliver::Clock;
use super::outgoing::{Post, Reading, Value};
use crate::config::{Feed, Private};
use crate::s3::Signer;

/// Bytes of an answer that are looked at.
const LONGEST_ANSWER: usize = 64 * 1024;
/// For a connection, however long the whole may take.
const CONNECT: Duration = Duration::from_secs(5);

/// What calls a feed's server.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    timeout: Duration,
    private: Private,
    signer: Option<Signer>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Sent {
    /// The server said something.
    Answer {
        /// HTTP status.
        status: u16,
        /// As much of the body as is needed and came in time, up to a cap.
        body: Vec<u8>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer; why. It may pass.
    Failed(String),
    /// It was not sent, and would not be the next time in this run; why.
    Refused(String),
}

impl Http {
    pub(super) fn new(feed: &Feed, signer: Option<Signer>) -> Result<Self, String> {
        let timeout = Duration::from_secs(feed.timeout.into());
        let mut client = Client::builder()
            .user_agent(concat!("trailpulse/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT.min(timeout))
            // Between two runs, or two rounds, a connection may have died without a word.
            .pool_idle_timeout(Duration::from_secs(20))
            .no_proxy();
        if feed.private == Private::Refused {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let client = client.build().map_err(|error| told(&error))?;
        Ok(Self { client, timeout, private: feed.private, signer })
    }

    /// Region of AWS, of the settings or the environment; any where nothing is signed.
    pub(super) fn region(&self) -> &str {
        self.signer.as_ref().map_or("us-east-1", Signer::region)
    }

    /// Whether the address makes sense, and may be called as far as it tells. Its path is never shown.
    pub(super) fn check(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|error| format!("its URL is none: {error}"))?;
        if !["https", "http"].contains(&url.scheme()) {
            return Err("its URL must begin with https:// or http://".to_owned());
        }
        if self.private == Private::Refused {
            check_host(url.host_str().unwrap_or_default()).map_err(|error| error.to_string())?;
        }
        Ok(url)
    }

    pub(super) async fn post(&self, post: &Post, clock: Clock) -> Sent {
        let url = match self.check(post.url.reveal()) {
            Ok(url) => url,
            Err(why) => return Sent::Refused(why),
        };
        let deadline = Instant::now() + self.timeout;
        let mut request = self.client.post(url.clone()).body(post.body.clone());
        for (name, value) in &post.headers {
            request = match value {
                Value::Plain(value) => request.header(*name, value),
                Value::Secret(value) => request.header(*name, value.reveal()),
            };
        }
        match timeout_at(deadline, self.signing(post, &url)).await {
            Ok(Ok(headers)) => {
                for (name, value) in headers {
                    request = request.header(name, value);
                }
            }
            Ok(Err(why)) => return Sent::Failed(why),
            Err(_) => return Sent::Failed("no credentials came in time".to_owned()),
        }
        match timeout_at(deadline, request.send()).await {
            Err(_) => Sent::Failed(format!("no answer within {} s", self.timeout.as_secs())),
            Ok(Err(error)) => match refusal(&error) {
                Some(refusal) => Sent::Refused(refusal.to_string()),
                None if error.is_builder() => Sent::Refused(told(&error)),
                None => Sent::Failed(told(&error)),
            },
            Ok(Ok(response)) => answer(response, post.read, (deadline, clock.now())).await,
        }
    }

    async fn signing(&self, post: &Post, url: &Url) -> Result<Vec<(String, String)>, String> {
        let Some(signing) = &post.signing else { return Ok(Vec::new()) };
        let signer = self.signer.as_ref().ok_or("nothing is there to sign it with")?;
        let headers: Vec<(&str, &str)> = post
            .headers
            .iter()
            .filter_map(|(name, value)| match value {
                Value::Plain(value) if ["content-type", "x-amz-target"].contains(name) => {
                    Some((*name, &**value))
                }
                Value::Plain(_) | Value::Secret(_) => None,
            })
            .collect();
        let scope = (signing.service, &*signing.region);
        let signed = signer.sign(scope, url.as_str(), &headers, post.body.clone()).await;
        signed.map_err(|error| error.to_string())
    }
}

/// Reads what is needed of an answer. What comes too slowly or is too long is cut off: who has sent a status has read the request.
async fn answer(mut response: Response, read: Reading, (deadline, now): (Instant, DateTime<Utc>)) -> Sent {
    let status = response.status().as_u16();
    let retry_after = retry_after(&response, now);
    let mut body = Vec::new();
    if !read.needs_body() {
        return Sent::Answer { status, body, retry_after };
    }
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
        let fits = chunk.len().min(LONGEST_ANSWER - body.len());
        body.extend_from_slice(&chunk[..fits]);
        if body.len() >= LONGEST_ANSWER {
            break;
        }
    }
    Sent::Answer { status, body, retry_after }
}

/// How long the server wants to be left alone: so many seconds, or until a time by its own clock.
fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name| response.headers().get(name)?.to_str().ok();
    let now = text(header::DATE).and_then(time).unwrap_or(now);
    wait(text(header::RETRY_AFTER)?, now)
}

fn wait(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some((time(text)? - now).to_std().unwrap_or_default()),
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc())
}

/// An error and its causes, without the address, which can be a secret.
fn told(error: &reqwest::Error) -> String {
    let what = match error {
        error if error.is_connect() => "cannot connect",
        error if error.is_timeout() => "no answer in time",
        error if error.is_builder() => "the request cannot be made",
        _ => "the connection broke off",
    };
    let mut text = what.to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Only the last says what it was.
        if error.source().is_none() {
            text = format!("{text}: {error}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_asks_for_is_understood() {
        let now = time("Tue, 03 Feb 2026 10:00:00 GMT").expect("a time");
        for (text, want) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Tue, 03 Feb 2026 10:01:30 GMT", Some(90)),
            ("Tue, 03 Feb 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            assert_eq!(wait(text, now).map(|wait| wait.as_secs()), want, "{text}");
        }
    }
}
