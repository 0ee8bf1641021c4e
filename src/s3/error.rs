//! What the S3 client says went wrong -> what it was, in words that can stand in a summary, and what to do about it.
use std::error::Error;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};

use super::Location;

/// A request that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing} {location}: {cause}")]
pub struct S3Error {
    /// What was tried, such as `cannot list`.
    pub doing: &'static str,
    /// Of what.
    pub location: Location,
    /// Why not.
    pub cause: Cause,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The credentials are known, but may not do that; the permission that is missing.
    Denied(&'static str),
    /// The server does not accept the credentials; its code.
    Rejected(String),
    /// There are no credentials, or they cannot be had.
    NoCredentials(String),
    /// There is no such bucket.
    NoBucket,
    /// There is no such object.
    NoObject,
    /// The bucket lies in another region.
    ElsewhereRegion,
    /// An object is there that must not be, or is not as it was.
    Changed,
    /// No connection.
    Unreachable,
    /// No answer, or not all of it, in time.
    Slow,
    /// The answer broke off, or is none of S3.
    Broken,
    /// The server said no: status, and its code where it gave one.
    Status(u16, String),
    /// It was not asked for: none of many before it could be had.
    GivenUp,
    /// Larger than any log.
    TooLarge,
    /// Anything else.
    Other(String),
}

impl Cause {
    /// Whether trying later may help where nobody does anything about it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable | Self::Slow | Self::Broken | Self::GivenUp | Self::NoCredentials(_) => true,
            // Credentials that expired meanwhile have been renewed then.
            Self::Rejected(code) => matches!(code.as_str(), "ExpiredToken" | "TokenRefreshRequired"),
            Self::Status(status, _) => *status >= 500 || *status == 429,
            _ => false,
        }
    }

    /// The same for a row of the summary: nothing that depends on this machine or moment.
    #[must_use]
    pub fn row(&self) -> String {
        match self {
            Self::NoCredentials(_) => "no credentials".to_owned(),
            Self::Other(_) => "the request failed; the log says why".to_owned(),
            cause => cause.to_string(),
        }
    }

    /// Whether the client gives up at the first such answer, although the next may be whole.
    pub(super) const fn is_cut_off(&self) -> bool {
        matches!(self, Self::Broken)
    }

    /// Of an error of the client; `permission` is what the request needs.
    pub(super) fn of(error: &object_store::Error, permission: &'static str) -> Self {
        let text = chain(error);
        // The machine was asked for a role's credentials, and has none to give.
        if text.contains("169.254.") {
            return Self::NoCredentials(text);
        }
        let code = code(&text);
        match (status(&text), code.as_str()) {
            (_, "NoSuchBucket") => Self::NoBucket,
            (
                _,
                "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException",
            ) => Self::ElsewhereRegion,
            (
                _,
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "InvalidToken"
                | "TokenRefreshRequired"
                | "RequestTimeTooSkewed",
            ) => Self::Rejected(code),
            (Some(404), _) => Self::NoObject,
            (Some(401 | 403), _) => Self::Denied(permission),
            (Some(409 | 412), _) => Self::Changed,
            (Some(status), _) => Self::Status(status, code),
            (None, _) if text.contains("Received redirect") => Self::ElsewhereRegion,
            (None, _) => Self::of_transport(error, text),
        }
    }

    /// Of an error without an answer.
    fn of_transport(error: &object_store::Error, text: String) -> Self {
        let mut source: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = source {
            if let Some(http) = error.downcast_ref::<HttpError>() {
                return match http.kind() {
                    HttpErrorKind::Timeout => Self::Slow,
                    HttpErrorKind::Connect => Self::Unreachable,
                    _ => Self::Broken,
                };
            }
            source = error.source();
        }
        if text.contains("redential") {
            return Self::NoCredentials(text);
        }
        if text.contains("invalid list response") || text.contains("DeError") {
            return Self::Broken;
        }
        Self::Other(text)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(permission) => write!(out, "access denied: allow {permission} there"),
            Self::Rejected(code) if code.is_empty() => out.write_str("the credentials are not accepted"),
            Self::Rejected(code) => write!(out, "the credentials are not accepted ({code})"),
            Self::NoCredentials(why) => write!(
                out,
                "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a \
                 role; for a public bucket s3.anonymous = true ({why})"
            ),
            Self::NoBucket => out.write_str("there is no such bucket"),
            Self::NoObject => out.write_str("there is no such object"),
            Self::ElsewhereRegion => {
                out.write_str("the bucket lies in another region: set AWS_REGION, or s3.region")
            }
            Self::Changed => out.write_str("somebody else has written it meanwhile"),
            Self::Unreachable => out.write_str("cannot connect"),
            Self::Slow => out.write_str("no whole answer in time"),
            Self::Broken => out.write_str("the answer broke off"),
            Self::Status(status, code) if code.is_empty() => write!(out, "the server answered {status}"),
            Self::Status(status, code) => write!(out, "the server answered {status} {code}"),
            Self::GivenUp => out.write_str("not tried: nothing before it could be read any more"),
            Self::TooLarge => out.write_str("larger than 1 GiB: copy it to a disk, and read it there"),
            Self::Other(why) => out.write_str(why),
        }
    }
}

/// The error and all its causes, each that says something new.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

/// The status of the answer. The client keeps the type that has it to itself.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// What stands in `<Code>` of the answer, if it is a word.
fn code(text: &str) -> String {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let is_word = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    code.map(|(code, _)| code).filter(is_word).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_is_told_in_words() {
        let answer = |status: &str, code: &str| {
            format!(
                "Error performing GET http://h/b in 3ms - Server returned non-2xx status code: {status}: <Error><Code>{code}</Code></Error>"
            )
        };
        for (text, want, passes) in [
            (answer("403 Forbidden", "AccessDenied"), "access denied: allow s3:GetObject there", false),
            (answer("403 Forbidden", ""), "access denied: allow s3:GetObject there", false),
            (
                answer("403 Forbidden", "SignatureDoesNotMatch"),
                "the credentials are not accepted (SignatureDoesNotMatch)",
                false,
            ),
            (
                answer("400 Bad Request", "ExpiredToken"),
                "the credentials are not accepted (ExpiredToken)",
                true,
            ),
            (answer("404 Not Found", "NoSuchBucket"), "there is no such bucket", false),
            (answer("404 Not Found", "NoSuchKey"), "there is no such object", false),
            (
                answer("301 Moved", "PermanentRedirect"),
                "the bucket lies in another region: set AWS_REGION, or s3.region",
                false,
            ),
            (answer("503 Slow Down", "SlowDown"), "the server answered 503 SlowDown", true),
            (answer("503 Slow Down", "\u{1b}[31m"), "the server answered 503", true),
            (answer("400 Bad Request", "X"), "the server answered 400 X", false),
            (answer("412 Precondition Failed", "X"), "somebody else has written it meanwhile", false),
        ] {
            let error = object_store::Error::Generic { store: "S3", source: text.clone().into() };
            let cause = Cause::of(&error, "s3:GetObject");
            assert_eq!((cause.to_string().as_str(), cause.may_pass()), (want, passes), "{text}");
        }
        // The machine has no role: that is nothing that the bucket says.
        let text =
            answer("404 Not Found", "").replace("http://h/b", "http://169.254.169.254/latest/meta-data");
        let error = object_store::Error::Generic { store: "S3", source: text.into() };
        assert!(matches!(Cause::of(&error, "s3:GetObject"), Cause::NoCredentials(_)));
        for (kind, want) in [
            (HttpErrorKind::Timeout, Cause::Slow),
            (HttpErrorKind::Connect, Cause::Unreachable),
            (HttpErrorKind::Decode, Cause::Broken),
        ] {
            let http = HttpError::new(kind, std::io::Error::other("x"));
            let error = object_store::Error::Generic { store: "S3", source: Box::new(http) };
            assert_eq!(Cause::of(&error, ""), want);
        }
    }
}
