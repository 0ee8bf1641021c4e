//! Minutes <-> RFC 3339 texts, for use with serde's `with`.
use serde::{Deserialize, Deserializer, Serializer};

use crate::cloudtrail::insight::from_text;
use crate::time::Minute;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
pub(super) fn serialize<S: Serializer>(minute: &Minute, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(minute)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minute, D::Error> {
    from_text(deserializer)
}

/// The same for what may be missing.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, Minute, Serializer};

    #[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(in super::super) fn serialize<S: Serializer>(
        minute: &Option<Minute>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match minute {
            Some(minute) => serializer.collect_str(minute),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Minute>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] Minute);
        Ok(Option::<Time>::deserialize(deserializer)?.map(|Time(minute)| minute))
    }
}
