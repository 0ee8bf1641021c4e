//! The text of an object -> whether its keys are those of a record or of a container, as far as it is sound. Pure.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::cloudtrail::decode::{Container, Key};

/// What an object's keys say it is, as far as it is sound.
pub(super) fn kind(json: &[u8]) -> Kind {
    let mut kind = Kind::default();
    // An error only ends the look: what was seen until then counts.
    let _ = KindOf(&mut kind).deserialize(&mut serde_json::Deserializer::from_slice(json));
    kind
}

/// What [`kind`] sees.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kind {
    pub(super) is_record: bool,
    pub(super) has_container: bool,
}

struct KindOf<'k>(&'k mut Kind);

impl<'de> DeserializeSeed<'de> for KindOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for KindOf<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Field(field) => self.0.is_record |= field.marks_record(),
                Key::Container(Container::Message | Container::MessageType) | Key::Other => {}
                Key::Container(_) => self.0.has_container = true,
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
