//! The HTTP client below the S3 client -> the same, but pages of a listing come without the keys that the S3 client refuses,
//! which would cost the whole page, and each answer's date can be asked for.
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

/// Goes with a request, and brings something back that the S3 client does not tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Note<T>(Arc<Mutex<T>>);

/// Goes with a listing: keys and folders that were taken out of its pages.
pub(super) type Refused = Note<Vec<String>>;
/// Goes with any request: when it was answered, by the server's clock.
pub(super) type Answered = Note<Option<DateTime<Utc>>>;

impl<T: Default> Note<T> {
    fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What was brought back so far.
    pub(super) fn take(&self) -> T {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes clients that look at what comes in.
#[derive(Debug, Default)]
pub(super) struct Wire(ReqwestConnector);

impl HttpConnector for Wire {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Watched(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Watched(HttpClient);

#[async_trait]
impl HttpService for Watched {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answered = request.extensions().get::<Answered>().cloned();
        let refused = request.extensions().get::<Refused>().cloned();
        let response = self.0.execute(request).await?;
        if let Some(answered) = answered {
            let date = response.headers().get("date").and_then(|date| date.to_str().ok()).and_then(time_of);
            answered.change(|known| *known = date);
        }
        let Some(refused) = refused.filter(|_| response.status().is_success()) else { return Ok(response) };
        let (parts, body) = response.into_parts();
        let page = body.bytes().await?;
        let (page, keys) =
            without_refused(page).map_err(|error| HttpError::new(HttpErrorKind::Decode, error))?;
        refused.change(|known| known.extend(keys));
        Ok(HttpResponse::from_parts(parts, page.into()))
    }
}

/// A date as it stands in a header.
fn time_of(date: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(date).ok().map(Into::into)
}

/// What the S3 client reads of a page.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    common_prefixes: Vec<Folder>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_continuation_token: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    size: u64,
    last_modified: String,
    #[serde(rename = "ETag", skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Folder {
    prefix: String,
}

/// The page as it is, or without what the S3 client would refuse; and what that was.
fn without_refused(page: Bytes) -> Result<(Bytes, Vec<String>), quick_xml::DeError> {
    let mut read: Page = quick_xml::de::from_reader(&*page)?;
    let mut refused = Vec::new();
    let mut keep = |key: &mut String| {
        let is_taken = is_taken(key);
        if !is_taken {
            refused.push(std::mem::take(key));
        }
        is_taken
    };
    read.contents.retain_mut(|content| keep(&mut content.key));
    read.common_prefixes.retain_mut(|folder| keep(&mut folder.prefix));
    if refused.is_empty() {
        return Ok((page, refused));
    }
    let page =
        quick_xml::se::to_string(&read).map_err(|error| quick_xml::DeError::Custom(error.to_string()))?;
    Ok((page.into(), refused))
}

/// Whether the S3 client can ask for a key, and for no other by its name.
fn is_taken(key: &str) -> bool {
    let bare = key.strip_suffix('/').unwrap_or(key);
    // A folder without a name would be taken for the one that holds it.
    !bare.is_empty() && Path::parse(key).is_ok_and(|path| path.as_ref() == bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_client_refuses_is_taken_out_of_a_page() {
        let object = |key: &str| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-31T00:00:00.000Z</LastModified>\
                 <ETag>&quot;0a&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        };
        let page = |inside: &str| {
            format!(
                "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <Name>b</Name>{inside}<NextContinuationToken>a&amp;b==</NextContinuationToken></ListBucketResult>"
            )
        };
        let folder = |name: &str| format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>");
        let cut = |inside: &str| without_refused(page(inside).into()).expect("a page");
        let good = [object("a/b&amp;c&lt;.gz"), folder("a/"), object("a b/"), object("é/…/x")].concat();
        assert_eq!(cut(&good), (page(&good).into(), Vec::new()), "it stays as it is");
        for bad in ["a//b", "/a", "/", "//", "a/../b", "..", "a/./b", "a/b\u{7f}", "a//"] {
            for one in [object(bad), folder(bad)] {
                let (page, refused) = cut(&[&one, good.as_str()].concat());
                assert_eq!(refused, [bad]);
                let left: Page = quick_xml::de::from_reader(&*page).expect("a page");
                let keys: Vec<&str> = left.contents.iter().map(|content| content.key.as_str()).collect();
                assert_eq!(keys, ["a/b&c<.gz", "a b/", "é/…/x"], "{bad}");
                let first = &left.contents[0];
                let of_first = (first.size, first.last_modified.as_str(), first.e_tag.as_deref());
                assert_eq!(of_first, (7, "2026-01-31T00:00:00.000Z", Some("\"0a\"")));
                assert_eq!(left.common_prefixes[0].prefix, "a/");
                assert_eq!(left.next_continuation_token.as_deref(), Some("a&b=="));
            }
        }
        // As S3 writes what XML cannot hold as it is.
        assert_eq!(cut(&object("a&#10;b&#x1;")).1, ["a\nb\u{1}"]);
        assert!(without_refused("<ListBucketResult><Contents>".into()).is_err(), "it broke off");
        assert!(without_refused(page("").into()).is_ok_and(|(_, refused)| refused.is_empty()));
    }

    #[test]
    fn a_header_tells_the_time() {
        let want = DateTime::parse_from_rfc3339("2026-11-26T21:12:19Z").ok().map(Into::into);
        assert_eq!(time_of("Thu, 26 Nov 2026 21:12:19 GMT"), want);
        assert_eq!(time_of("yesterday"), None);
    }
}
