//! The fields of an explanation that are names or ids <-> their texts in `insights.jsonl`. Pure.
use serde::{Deserialize, Deserializer};

use crate::detect::{Direction, Rule};
use crate::roll_up::RollUp;
use crate::severity::Severity;

/// The one of `all` whose name is `text`.
fn named<T: Copy, E: serde::de::Error>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, E> {
    let names = || all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
    all.iter()
        .copied()
        .find(|one| name(*one) == text)
        .ok_or_else(|| E::custom(format!("{text:?} is none of {}", names())))
}

macro_rules! by_name {
    ($module:ident, $type:ty, $all:expr) => {
        pub(super) mod $module {
            use super::*;

            pub(in super::super) fn serialize<S: serde::Serializer>(
                value: &$type,
                out: S,
            ) -> Result<S::Ok, S::Error> {
                out.serialize_str(value.name())
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<$type, D::Error> {
                named(&$all, <$type>::name, &String::deserialize(from)?)
            }
        }
    };
}

by_name!(direction, Direction, [Direction::Up, Direction::Down]);
by_name!(rule, Rule, Rule::ALL);
by_name!(severity, Severity, Severity::ALL);

pub(super) mod roll_up {
    use super::{Deserialize, Deserializer, RollUp, named};

    #[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde passes references")]
    pub(in super::super) fn serialize<S: serde::Serializer>(
        value: &Option<RollUp>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&value.map(RollUp::name), out)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<RollUp>, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        name.map(|name| named(&RollUp::ALL, RollUp::name, &name)).transpose()
    }
}

pub(super) mod text {
    use std::sync::Arc;

    use super::{Deserialize, Deserializer};

    pub(in super::super) fn serialize<S: serde::Serializer>(
        value: &Arc<str>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_str(value)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        Ok(String::deserialize(from)?.into())
    }
}

pub(super) mod some_text {
    use std::sync::Arc;

    use super::{Deserialize, Deserializer};

    #[expect(clippy::ref_option, reason = "serde passes references")]
    pub(in super::super) fn serialize<S: serde::Serializer>(
        value: &Option<Arc<str>>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&value.as_deref(), out)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Into::into))
    }
}

pub(super) mod ids {
    use serde::de::Error as _;
    use uuid::Uuid;

    use super::{Deserialize, Deserializer};

    pub(in super::super) fn serialize<S: serde::Serializer>(ids: &[Uuid], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(ids.iter().map(Uuid::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Uuid>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| Uuid::parse_str(text).map_err(D::Error::custom)).collect()
    }
}
