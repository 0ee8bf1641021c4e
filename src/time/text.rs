//! Minutes <-> RFC 3339 texts, for use with serde's `with`: the one form that they have in every file. Pure.
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::Minute;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
pub(crate) fn serialize<S: Serializer>(minute: &Minute, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(minute)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minute, D::Error> {
    let text = String::deserialize(deserializer)?;
    Minute::parse(&text)
        .ok_or_else(|| D::Error::custom(format!("{} is not a time from 2013 to 2099", text.escape_debug())))
}

/// The same for what may be missing.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Minute, Serializer};

    #[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(crate) fn serialize<S: Serializer>(
        minute: &Option<Minute>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match minute {
            Some(minute) => serializer.collect_str(minute),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Minute>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] Minute);
        Ok(Option::<Time>::deserialize(deserializer)?.map(|Time(minute)| minute))
    }
}
