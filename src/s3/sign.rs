//! A request to another service of AWS and the credentials that buckets are reached with -> the headers that sign it.
use std::sync::Arc;

use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::HttpRequest;

use super::client::Buckets;
use super::error::{Cause, S3Error};
use super::{Bucket, Location};

/// Signs requests; its credentials are renewed as those for buckets are.
#[derive(Debug, Clone)]
pub struct Signer {
    bucket: Arc<Bucket>,
    credentials: AwsCredentialProvider,
    region: String,
}

impl Buckets {
    /// What signs with the credentials of these buckets.
    ///
    /// # Errors
    /// When the settings make no sense, or name a profile that is not there.
    pub fn signer(&self) -> Result<Signer, S3Error> {
        // Nothing is ever asked of it: it stands for the settings.
        let bucket = self.get("signer")?;
        let credentials = Arc::clone(bucket.store.credentials());
        let region = bucket.region.clone();
        Ok(Signer { bucket, credentials, region })
    }
}

impl Signer {
    /// The region of the settings or the environment.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The headers that sign a `POST` to a service in a region, beside those that it has.
    ///
    /// # Errors
    /// When there are no credentials, or the request is none.
    pub async fn sign(
        &self,
        (service, region): (&'static str, &str),
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Vec<(String, String)>, S3Error> {
        let failed = |why: String| S3Error {
            doing: "cannot sign a request for",
            location: Location { bucket: service.to_owned(), key: String::new() },
            cause: Cause::NoCredentials(why),
        };
        let credential = self.credentials.get_credential().await.map_err(|error| {
            self.bucket.error("cannot sign a request with the credentials of", "", Cause::of(&error, service))
        })?;
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = "POST".parse().expect("a method");
        *request.uri_mut() = url.parse().map_err(|_| failed("it has no URL".to_owned()))?;
        for (name, value) in headers {
            let name: &str = name;
            let value = value.parse().map_err(|_| failed(format!("its header {name} is none")))?;
            request
                .headers_mut()
                .insert(known(name).ok_or_else(|| failed(format!("{name} is no header")))?, value);
        }
        AwsAuthorizer::new(&credential, service, region).authorize(&mut request, None);
        let signing = ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let header =
            |name: &str| Some((name.to_owned(), request.headers().get(name)?.to_str().ok()?.to_owned()));
        Ok(signing.into_iter().filter_map(header).collect())
    }
}

/// Headers that are signed beside the client's own.
fn known(name: &str) -> Option<&'static str> {
    ["content-type", "x-amz-target"].into_iter().find(|known| *known == name)
}
