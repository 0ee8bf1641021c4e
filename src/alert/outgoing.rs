//! What a feed sends for a message, and how it reads the answer: types between payloads and delivery. Pure.
use std::fmt;

use crate::alert::secret::Secret;

/// One thing to send.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// A request to a server.
    Post(Post),
    /// Lines to add to a file.
    Lines(Lines),
}

/// A `POST`.
#[derive(Clone)]
pub struct Post {
    /// Where to. Shown without its path, which can hold a secret.
    pub url: Secret,
    /// Names and values; `User-Agent` and `Content-Length` come of themselves.
    pub headers: Vec<(&'static str, Value)>,
    /// Its body; at most what the receiver takes.
    pub body: Vec<u8>,
    /// Signed for this AWS service.
    pub signing: Option<Signing>,
    /// Places in the notice's `events` that it tells, in the order of [`Reply::Each`]. An event that several requests tell is
    /// delivered when all of them are.
    pub events: Vec<usize>,
    /// What an answer means.
    pub read: Reading,
}

impl fmt::Debug for Post {
    /// Without the body, which can hold a key.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("Post");
        shown.field("headers", &self.headers).field("bytes", &self.body.len()).field("events", &self.events);
        shown.finish_non_exhaustive()
    }
}

/// Value of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Anybody may see it.
    Plain(String),
    /// Shown as `***`.
    Secret(Secret),
}

/// Lines of a feed that is a file. All of them are added at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// The file; `-` is standard output.
    pub path: String,
    /// One for each of the notice's `events`, in their order; none has a line break in it.
    pub lines: Vec<String>,
}

/// What a request to AWS is signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// Such as `events`.
    pub service: &'static str,
    /// Such as `eu-west-1`.
    pub region: String,
}

/// What of an answer says what it means.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// Its status alone: nobody waits for a body.
    Status,
    /// All of it.
    Whole(fn(&Answer<'_>) -> Reply),
}

impl Reading {
    /// Whether the body is needed.
    #[must_use]
    pub const fn needs_body(self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// What an answer means.
    #[must_use]
    pub fn reply(self, answer: &Answer<'_>) -> Reply {
        match self {
            Self::Status => by_status(answer),
            Self::Whole(read) => read(answer),
        }
    }
}

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The body, up to a cap; empty where it is not needed.
    pub body: &'a [u8],
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The same for all events of the request.
    All(Verdict),
    /// One for each of the request's `events`, in their order; any that are missing are tried again.
    Each(Vec<Verdict>),
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// It will never take it; why.
    Rejected(String),
    /// It may take it later; why not now.
    Again(String),
}

/// What the status alone says: 2xx has arrived. What is wrong with the message itself stays wrong; all else may pass by a later
/// run: a server recovers, a key that has expired is renewed, an address is put right.
#[must_use]
pub fn by_status(answer: &Answer<'_>) -> Reply {
    Reply::All(match answer.status {
        200..=299 => Verdict::Delivered,
        // Followed, it would give what is told to somebody that the configuration does not name.
        status @ 300..=399 => Verdict::Again(format!("status {status}: redirects are not followed")),
        status @ (400 | 413 | 415 | 422) => Verdict::Rejected(format!("status {status}")),
        status => Verdict::Again(format!("status {status}")),
    })
}
