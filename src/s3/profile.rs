//! The shared AWS configuration (`~/.aws/config`, `~/.aws/credentials`) -> a profile: its region, and where its
//! credentials come from.
use std::io::Read as _;
use std::path::PathBuf;

use configparser::ini::Ini;
use object_store::aws::AwsCredential;

/// More than any such file needs.
const LARGEST_FILE: u64 = 4 << 20;
/// The profile where none is named.
const DEFAULT: &str = "default";

/// What the files say under one name.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// Such as `eu-west-1`.
    pub(super) region: Option<String>,
    /// Where its credentials come from.
    pub(super) origin: Origin,
}

/// Where credentials come from.
#[derive(Debug, Default)]
pub(super) enum Origin {
    /// The files do not say.
    #[default]
    Unknown,
    /// They stand there.
    Keys(AwsCredential),
    /// A command prints them.
    Command(Vec<String>),
}

/// Texts of the two files.
struct Shared {
    config: Ini,
    credentials: Ini,
}

impl Profile {
    /// The profile that the environment names, or else `wanted`, or else the one that is called `default`.
    ///
    /// # Errors
    /// When one was named, and is not there.
    pub(super) fn find(wanted: Option<&str>) -> Result<Self, String> {
        let named = variable("AWS_PROFILE").or_else(|| wanted.map(str::to_owned));
        let files = [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
        let [config, credentials] = files.map(|(variable_of, name)| {
            let own = || Some(std::env::home_dir()?.join(".aws").join(name));
            variable(variable_of).map(PathBuf::from).or_else(own)
        });
        let shared = Shared { config: read(config)?, credentials: read(credentials)? };
        match (shared.profile(named.as_deref().unwrap_or(DEFAULT)), named) {
            (Some(profile), _) => Ok(profile),
            (None, None) => Ok(Self::default()),
            (None, Some(name)) => Err(format!("there is no profile {name} in the shared AWS configuration")),
        }
    }
}

impl Shared {
    fn profile(&self, name: &str) -> Option<Profile> {
        let in_config = if name == DEFAULT { name.to_owned() } else { format!("profile {name}") };
        let has = |file: &Ini, section: &str| file.sections().iter().any(|known| known == section);
        if !has(&self.config, &in_config) && !has(&self.credentials, name) {
            return None;
        }
        let value = |key: &str| {
            let found = self.credentials.get(name, key).or_else(|| self.config.get(&in_config, key));
            found.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        Some(Profile { region: value("region"), origin: origin(name, value) })
    }
}

fn origin(name: &str, value: impl Fn(&str) -> Option<String>) -> Origin {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let is_role = ["role_arn", "sso_session", "sso_start_url"].into_iter().any(|key| value(key).is_some());
    if is_role {
        // Only AWS's own program knows where it keeps the token of its login, and how to renew it.
        let export = ["aws", "configure", "export-credentials", "--format", "process", "--profile", name];
        return Origin::Command(words(&export));
    }
    if let (Some(key_id), Some(secret_key)) = (value("aws_access_key_id"), value("aws_secret_access_key")) {
        return Origin::Keys(AwsCredential { key_id, secret_key, token: value("aws_session_token") });
    }
    match value("credential_process") {
        Some(command) if cfg!(windows) => Origin::Command(words(&["cmd", "/C", &command])),
        Some(command) => Origin::Command(words(&["sh", "-c", &command])),
        None => Origin::Unknown,
    }
}

/// A file that is not there is as an empty one.
fn read(path: Option<PathBuf>) -> Result<Ini, String> {
    let mut ini = Ini::new_cs();
    // A key can hold what begins a comment elsewhere.
    ini.set_inline_comment_symbols(Some(&[]));
    let Some(path) = path else { return Ok(ini) };
    let Ok(file) = std::fs::File::open(&path) else { return Ok(ini) };
    let mut text = Vec::new();
    let cannot = |why: String| format!("cannot read {}: {why}", path.display());
    file.take(LARGEST_FILE).read_to_end(&mut text).map_err(|error| cannot(error.to_string()))?;
    ini.read(String::from_utf8_lossy(&text).into_owned()).map_err(cannot)?;
    Ok(ini)
}

/// A variable of the environment; `None` where it is empty, too.
#[expect(clippy::disallowed_methods, reason = "where AWS's tools look for these settings, and nowhere else")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_made_of_both_files() {
        let ini = |text: &str| {
            let mut ini = Ini::new_cs();
            ini.set_inline_comment_symbols(Some(&[]));
            ini.read(text.to_owned()).expect("an INI file");
            ini
        };
        let shared = Shared {
            config: ini("[default]\nregion = eu-west-1\ns3 =\n    addressing_style = path\n# a comment\n\
                         [profile sso]\nsso_session = corp\nregion=us-east-2\n\
                         [profile made]\ncredential_process = /opt/get \"a b\"\n\
                         [sso-session corp]\nsso_start_url = https://x\n"),
            credentials: ini("[default]\naws_access_key_id = AKIA1\naws_secret_access_key = a/b+c=#;x\n\
                              [keys]\naws_access_key_id=AKIA2\naws_secret_access_key=s\naws_session_token=t==\n"),
        };
        for (name, want) in [
            ("default", Some("eu-west-1 AKIA1:a/b+c=#;x:")),
            ("sso", Some("us-east-2 aws configure export-credentials --format process --profile sso")),
            ("made", Some("- sh -c /opt/get \"a b\"")),
            ("keys", Some("- AKIA2:s:t==")),
            ("corp", None),
        ] {
            let got = shared.profile(name).map(|Profile { region, origin }| {
                let origin = match origin {
                    Origin::Unknown => "nothing".to_owned(),
                    Origin::Command(words) => words.join(" "),
                    Origin::Keys(AwsCredential { key_id, secret_key, token }) => {
                        format!("{key_id}:{secret_key}:{}", token.unwrap_or_default())
                    }
                };
                format!("{} {origin}", region.as_deref().unwrap_or("-"))
            });
            assert_eq!(got.as_deref(), want, "{name}");
        }
    }
}
