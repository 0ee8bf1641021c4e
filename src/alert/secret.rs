//! Variables and files that a configuration names -> secrets that no log and no error shows.
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::config::{FeedKind, SecretRef};

/// No key and no address is longer, bytes.
const LONGEST: u64 = 64 * 1024;

/// A text that is shown as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the request that needs it, and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// Why a secret cannot be had. Names the place, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No such variable.
    #[error("the environment has no variable {}, which should hold a secret of the feed", name(.0))]
    Unset(String),
    /// Not readable.
    #[error("cannot read {}, which should hold a secret of the feed", path_name(.path))]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Nothing in it, or something that no key is.
    #[error("{0} holds no secret: it is empty, or is not one line of text")]
    Unsound(String),
}

/// The longest word that is shown of a name that leads nowhere.
const LONGEST_WORD: usize = 16;

/// What is shown in the place of a key.
const HIDDEN: &str = "*** (it may be the secret itself)";

/// The path of a file that is not there, where it leads to a folder: keys have slashes and dots, too.
fn path_name(text: &str) -> &str {
    let path = Path::new(text);
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // A key can begin with a slash; files hardly lie in the root.
        Some(folder) if folder.parent().is_none() => name(text),
        Some(folder) if path.is_absolute() || folder.is_dir() => text,
        Some(_) => HIDDEN,
        None => name(text),
    }
}

/// The name of a variable or a file that is not there, unless it looks like a key that stands in the wrong place.
fn name(text: &str) -> &str {
    let mut words = text.split(|character: char| !character.is_ascii_alphanumeric());
    if words.all(|word| word.len() <= LONGEST_WORD) { text } else { HIDDEN }
}

/// The secrets of a feed, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<SecretRef, Secret>);

impl Secrets {
    /// Reads all that `kind` needs.
    ///
    /// # Errors
    /// With the first that is not there.
    pub fn read(kind: &FeedKind) -> Result<Self, SecretError> {
        kind.secrets()
            .into_iter()
            .map(|place| Ok((place.clone(), read(place)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Secrets that are known already.
    #[must_use]
    pub const fn of(secrets: BTreeMap<SecretRef, Secret>) -> Self {
        Self(secrets)
    }

    /// `text` without any of them, as they are and as they stand in JSON.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        self.0.values().fold(text.to_owned(), |text, secret| {
            let json = serde_json::Value::from(secret.reveal()).to_string();
            let escaped = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json);
            text.replace(escaped, "***").replace(secret.reveal(), "***")
        })
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, place: &SecretRef) -> &Secret {
        self.0.get(place).expect("every secret of a feed is read before it is told anything")
    }
}

fn read(place: &SecretRef) -> Result<Secret, SecretError> {
    let (name, text) = match place {
        SecretRef::Env(name) => {
            #[expect(clippy::disallowed_methods, reason = "the configuration names the variable")]
            let text = std::env::var(name).map_err(|_| SecretError::Unset(name.clone()))?;
            (name.clone(), text)
        }
        SecretRef::File(path) => {
            let name = path.display().to_string();
            let mut bytes = Vec::new();
            let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
            read.map_err(|source| SecretError::Unreadable { path: name.clone(), source })?;
            let text = String::from_utf8(bytes).map_err(|_| SecretError::Unsound(name.clone()))?;
            (name, text)
        }
    };
    let text = text.trim();
    // What has a line break in it would end a header early.
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(SecretError::Unsound(name));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        for (bytes, want) in [
            (&b"hunter2\n"[..], Some("hunter2")),
            (b"  hunter2\r\n", Some("hunter2")),
            (b"", None),
            (b"\n", None),
            (b"a\nb", None),
            (b"\xff", None),
        ] {
            std::fs::write(&path, bytes).expect("written");
            let got = read(&SecretRef::File(path.clone()));
            assert_eq!(got.as_ref().ok().map(Secret::reveal), want, "{bytes:?}");
            assert!(!format!("{got:?}").contains("hunter2"));
        }
        let missing = read(&SecretRef::Env("TRAILPULSE_TEST_NO_SUCH_VARIABLE".to_owned()));
        assert!(missing.is_err_and(|error| error.to_string().contains("TRAILPULSE_TEST_NO_SUCH_VARIABLE")));
    }

    #[test]
    fn a_key_in_the_place_of_a_name_is_not_shown() {
        for (name, is_shown) in [
            ("PD_KEY", true),
            ("pd_key", true),
            ("R0123456789abcdef0123456789abcde", false),
            ("sk_live_0123456789abcdef0123", false),
        ] {
            let missing =
                [SecretRef::Env(name.to_owned()), SecretRef::File(name.into())].map(|place| read(&place));
            for missing in missing {
                let why = missing.expect_err("it is not there").to_string();
                assert_eq!(why.contains(name), is_shown, "{why}");
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (long, absent) = ("R0123456789abcdef0123456789abcde", "no-such-folder");
        let paths = [
            (format!("/run/secrets/{long}"), true),
            (folder.path().join(long).display().to_string(), true),
            (format!("src/{long}.key"), true),
            (format!("./{long}"), true),
            ("pd.key".to_owned(), true),
            (format!("{absent}/{long}"), false),
            // A token, keys in base64, and an address without its scheme.
            (format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{long}"), false),
            ("q7Zk2vXcR9/LmPw8sTbNy4HdGjKfAeUoIqWzXcVbNmE=".to_owned(), false),
            ("/q7Zk2vXcR9LmPw8sTbNy4HdGjKfAeUoIqWzXcVbNmE=".to_owned(), false),
            ("q7Zk2vXc/9LmPw8s/bNy4HdG=".to_owned(), false),
            (format!("hooks.slack.com/services/T0000/B0000/{long}"), false),
            ("hooks.slack.com/services/T0000/B0000/XXXX".to_owned(), false),
        ];
        for (path, is_shown) in paths {
            let why = read(&SecretRef::File(path.clone().into())).expect_err("it is not there").to_string();
            assert_eq!(why.contains(&path), is_shown, "{why}");
        }
    }

    #[test]
    fn secrets_are_hidden_as_they_are_and_as_json_has_them() {
        let of = |secret: &str| {
            Secrets::of(BTreeMap::from([(SecretRef::Env("X".to_owned()), Secret::new(secret))]))
        };
        for secret in ["hunter2", "hun\"ter2", "\"hunter2\\", "hunter2\\\""] {
            let json = serde_json::json!({"key": secret, "text": "plain"}).to_string();
            let hidden = of(secret).hide(&format!("{json} {secret}"));
            assert_eq!(hidden, r#"{"key":"***","text":"plain"} ***"#, "{secret}");
        }
    }
}
