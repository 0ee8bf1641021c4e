//! Where a profile's credentials come from -> credentials that hold, fetched again before they expire.
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::profile::{Origin, Profile};

/// Credentials are renewed so long before they expire.
const BEFORE_EXPIRY: TimeDelta = TimeDelta::minutes(5);

/// Gives the credentials of a profile.
#[derive(Debug)]
pub(super) struct Credentials {
    /// What prints them; empty where they never change.
    command: Vec<String>,
    held: Mutex<Option<Held>>,
}

/// Credentials, and until when they hold.
#[derive(Debug, Clone)]
struct Held {
    credential: Arc<AwsCredential>,
    until: Option<DateTime<Utc>>,
}

/// What a `credential_process` prints, as AWS has fixed it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<DateTime<Utc>>,
}

impl Credentials {
    /// `None` where the profile has none.
    pub(super) fn of(profile: Profile) -> Option<Self> {
        let (command, held) = match profile.origin {
            Origin::Unknown => return None,
            Origin::Keys(credential) => {
                (Vec::new(), Some(Held { credential: Arc::new(credential), until: None }))
            }
            Origin::Command(command) => (command, None),
        };
        Some(Self { command, held: Mutex::new(held) })
    }
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.holds()) {
            return Ok(Arc::clone(&held.credential));
        }
        let command = self.command.clone();
        let fetched = tokio::task::spawn_blocking(move || run(&command)).await;
        let fetched = fetched.unwrap_or_else(|error| Err(error.to_string())).map_err(|why| {
            object_store::Error::Generic { store: "S3", source: format!("credentials: {why}").into() }
        })?;
        let credential = Arc::clone(&fetched.credential);
        *held = Some(fetched);
        Ok(credential)
    }
}

impl Held {
    fn holds(&self) -> bool {
        #[expect(
            clippy::disallowed_methods,
            reason = "credentials expire by the clock; no result depends on it"
        )]
        let now = DateTime::<Utc>::from(SystemTime::now());
        self.until.is_none_or(|until| now + BEFORE_EXPIRY < until)
    }
}

/// Runs a command and reads what it prints; what it says on standard error is the user's to read.
fn run(command: &[String]) -> Result<Held, String> {
    let Some((program, arguments)) = command.split_first() else { return Err("no command".to_owned()) };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{} failed ({})", command.join(" "), output.status));
    }
    let Printed { access_key_id: key_id, secret_access_key: secret_key, session_token: token, expiration } =
        serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("{} printed no credentials: {error}", command.join(" ")))?;
    Ok(Held { credential: Arc::new(AwsCredential { key_id, secret_key, token }), until: expiration })
}
