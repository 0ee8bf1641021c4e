//! JSON text -> a record, borrowed where the text allows. Strict about the fields that are read, indifferent to the rest. Pure.
//!
//! A repeated key counts with its last value, as in Spark and most JSON libraries. Nothing here recurses on the input:
//! what is not read is skipped by `serde_json` iteratively.
use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Unexpected, Visitor};

use super::record::{Identity, Record, field};

/// What an object that holds a record, or may hold one, says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry<'a> {
    /// Its own fields.
    pub record: Record<'a>,
    /// Whether any field was met that only CloudTrail's records have.
    pub is_record: bool,
    /// The text of the field that wraps a record, where one was asked for.
    pub wrapped: Option<Cow<'a, str>>,
}

/// A key of an object that may be a record or a container of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A field of a record.
    Field(Field),
    /// A key by which containers are told.
    Container(Container),
    /// Nothing that is read.
    Other,
}

/// The fields of a record that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of AWS's documents")]
pub enum Field {
    EventVersion,
    EventTime,
    EventSource,
    EventName,
    AwsRegion,
    EventId,
    EventType,
    EventCategory,
    ManagementEvent,
    ReadOnly,
    RecipientAccountId,
    ErrorCode,
    UserAgent,
    UserIdentity,
    ResponseElements,
    Addendum,
}

/// The keys by which containers of records are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A log file's array of records.
    Records,
    /// The array of `LookupEvents` output.
    Events,
    /// In an element of [`Container::Events`]: the record as JSON text.
    CloudTrailEvent,
    /// The array of a CloudWatch Logs subscription.
    LogEvents,
    /// In an element of [`Container::LogEvents`]: the record as JSON text.
    Message,
    /// What a CloudWatch Logs message is: [`DATA_MESSAGE`] or [`CONTROL_MESSAGE`].
    MessageType,
    /// The record in an EventBridge envelope.
    Detail,
    /// What an EventBridge envelope holds.
    DetailType,
}

/// The message type of a CloudWatch Logs subscription that carries records.
pub const DATA_MESSAGE: &str = "DATA_MESSAGE";
/// The message type by which CloudWatch Logs only checks that somebody listens.
pub const CONTROL_MESSAGE: &str = "CONTROL_MESSAGE";
/// How a record in one of AWS's own log files begins, by which the next one is found after a broken one.
pub const FIRST_KEYS: [&[u8]; 2] = [b"\"eventVersion\"", b"\"Records\""];
/// A key that every record has: what holds it may be a record.
pub const EVENT_TIME_KEY: &[u8] = b"\"eventTime\"";

impl Key {
    /// What the name of a key means.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::of_bytes(name.as_bytes())
    }

    /// What the name of a key means.
    #[must_use]
    #[inline]
    pub fn of_bytes(name: &[u8]) -> Self {
        // Lengths first: most keys are none of these, and their length says so at once.
        const EVENT_TIME: &[u8] = field::EVENT_TIME.as_bytes();
        const EVENT_NAME: &[u8] = field::EVENT_NAME.as_bytes();
        const AWS_REGION: &[u8] = field::AWS_REGION.as_bytes();
        const EVENT_SOURCE: &[u8] = field::EVENT_SOURCE.as_bytes();
        const RECIPIENT_ACCOUNT_ID: &[u8] = field::RECIPIENT_ACCOUNT_ID.as_bytes();
        let field = match name.len() {
            7 if name == b"eventID" => Field::EventId,
            8 => match name {
                b"readOnly" => Field::ReadOnly,
                b"addendum" => Field::Addendum,
                _ => return Self::Other,
            },
            9 => match name {
                EVENT_TIME => Field::EventTime,
                EVENT_NAME => Field::EventName,
                AWS_REGION => Field::AwsRegion,
                b"eventType" => Field::EventType,
                b"errorCode" => Field::ErrorCode,
                b"userAgent" => Field::UserAgent,
                _ => return Container::key(name),
            },
            11 if name == EVENT_SOURCE => Field::EventSource,
            12 => match name {
                b"eventVersion" => Field::EventVersion,
                b"userIdentity" => Field::UserIdentity,
                _ => return Self::Other,
            },
            13 if name == b"eventCategory" => Field::EventCategory,
            15 if name == b"managementEvent" => Field::ManagementEvent,
            16 if name == b"responseElements" => Field::ResponseElements,
            18 if name == RECIPIENT_ACCOUNT_ID => Field::RecipientAccountId,
            6 | 7 | 11 | 15 => return Container::key(name),
            _ => return Self::Other,
        };
        Self::Field(field)
    }
}

impl Container {
    fn key(name: &[u8]) -> Key {
        Self::of(name).map_or(Key::Other, Key::Container)
    }

    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"Records" => Self::Records,
            b"Events" => Self::Events,
            b"CloudTrailEvent" => Self::CloudTrailEvent,
            b"logEvents" => Self::LogEvents,
            b"message" => Self::Message,
            b"messageType" => Self::MessageType,
            b"detail" => Self::Detail,
            b"detail-type" => Self::DetailType,
            _ => return None,
        })
    }

    /// The key whose text wraps a record in the elements of this array.
    #[must_use]
    pub const fn wrapper(self) -> Option<Self> {
        match self {
            Self::Events => Some(Self::CloudTrailEvent),
            Self::LogEvents => Some(Self::Message),
            _ => None,
        }
    }
}

impl Field {
    /// Whether an object with this field can only be a record of CloudTrail.
    #[must_use]
    pub const fn marks_record(self) -> bool {
        matches!(self, Self::EventVersion | Self::EventTime | Self::EventSource | Self::EventName)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
                Ok(Key::of(name))
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// Where the value of a field goes, with the field's name for messages.
#[derive(Debug)]
pub enum Slot<'r, 'a> {
    /// A string or null.
    Text(&'static str, &'r mut Option<Cow<'a, str>>),
    /// A boolean or null.
    Truth(&'static str, &'r mut Option<bool>),
    /// `userIdentity`.
    Identity(&'r mut Identity<'a>),
    /// Anything: only whether it is not null is kept.
    Presence(&'r mut bool),
    /// `addendum`, of which only [`is_update`] is kept.
    Addendum(&'r mut bool),
    /// Nowhere.
    Nothing,
}

impl<'a> Record<'a> {
    /// Where the value of `field` goes.
    #[inline]
    pub const fn slot(&mut self, field: Field) -> Slot<'_, 'a> {
        match field {
            Field::EventVersion => Slot::Nothing,
            Field::EventTime => Slot::Text(field::EVENT_TIME, &mut self.event_time),
            Field::EventSource => Slot::Text(field::EVENT_SOURCE, &mut self.event_source),
            Field::EventName => Slot::Text(field::EVENT_NAME, &mut self.event_name),
            Field::AwsRegion => Slot::Text(field::AWS_REGION, &mut self.region),
            Field::EventId => Slot::Text("eventID", &mut self.event_id),
            Field::EventType => Slot::Text("eventType", &mut self.event_type),
            Field::EventCategory => Slot::Text("eventCategory", &mut self.event_category),
            Field::ManagementEvent => Slot::Truth("managementEvent", &mut self.management_event),
            Field::ReadOnly => Slot::Truth("readOnly", &mut self.read_only),
            Field::RecipientAccountId => Slot::Text(field::RECIPIENT_ACCOUNT_ID, &mut self.recipient_account),
            Field::ErrorCode => Slot::Text("errorCode", &mut self.error_code),
            Field::UserAgent => Slot::Text("userAgent", &mut self.user_agent),
            Field::UserIdentity => Slot::Identity(&mut self.identity),
            Field::ResponseElements => Slot::Presence(&mut self.has_response),
            Field::Addendum => Slot::Addendum(&mut self.is_update),
        }
    }

    /// Reads the value of `field`, whose key was just read.
    ///
    /// # Errors
    /// Where the value has the wrong type or is broken.
    pub fn read<A: MapAccess<'a>>(&mut self, field: Field, map: &mut A) -> Result<(), A::Error> {
        match self.slot(field) {
            Slot::Text(name, slot) => *slot = map.next_value_seed(Text(name))?,
            Slot::Truth(name, slot) => *slot = map.next_value_seed(Truth(name))?,
            Slot::Identity(slot) => *slot = map.next_value_seed(IdentityObject)?,
            Slot::Presence(slot) => *slot = map.next_value::<Option<IgnoredAny>>()?.is_some(),
            Slot::Addendum(slot) => *slot = map.next_value_seed(AddendumObject)?,
            Slot::Nothing => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'a> Identity<'a> {
    /// Where the value of `key` goes, with the key's name for messages; `None` where it is not read.
    #[inline]
    pub const fn slot(&mut self, key: IdentityKey) -> Option<(&'static str, &mut Option<Cow<'a, str>>)> {
        match key {
            IdentityKey::Type => Some(("userIdentity.type", &mut self.kind)),
            IdentityKey::Arn => Some(("userIdentity.arn", &mut self.arn)),
            IdentityKey::AccountId => Some(("userIdentity.accountId", &mut self.account)),
            IdentityKey::InvokedBy => Some(("userIdentity.invokedBy", &mut self.invoked_by)),
            IdentityKey::Other => None,
        }
    }
}

/// Whether the text of an `addendum` says that the event was delivered before.
///
/// # Errors
/// Where it is neither an object nor null, or broken.
pub fn is_update(addendum: &str) -> serde_json::Result<bool> {
    let mut json = serde_json::Deserializer::from_str(addendum);
    let is_update = de::DeserializeSeed::deserialize(AddendumObject, &mut json)?;
    json.end().map(|()| is_update)
}

/// `impl DeserializeSeed` for a visitor that looks at whatever value comes.
macro_rules! any_value {
    ($visitor:ident -> $value:ty) => {
        impl<'de> de::DeserializeSeed<'de> for $visitor {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

/// Refuses values without repeating them: they are an attacker's text, and reasons are counted by their wording.
macro_rules! refuse {
    ($($visit:ident($type:ty): $what:literal),*) => {
        $(fn $visit<E: de::Error>(self, _: $type) -> Result<Self::Value, E> {
            Err(E::invalid_type(Unexpected::Other($what), &self))
        })*
    };
}

macro_rules! refuse_numbers {
    () => {
        refuse!(visit_i64(i64): "number", visit_u64(u64): "number", visit_f64(f64): "number");
    };
}

/// A string or null.
#[derive(Debug, Clone, Copy)]
pub struct Text(pub &'static str);
any_value!(Text -> Option<Cow<'de, str>>);

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to be a string", self.0)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    refuse!(visit_bool(bool): "boolean");
    refuse_numbers!();
}

/// A boolean or null.
#[derive(Clone, Copy)]
struct Truth(&'static str);
any_value!(Truth -> Option<bool>);

impl Visitor<'_> for Truth {
    type Value = Option<bool>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to be true or false", self.0)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    refuse!(visit_str(&str): "string");
    refuse_numbers!();
}

/// `userIdentity`: an object or null.
#[derive(Clone, Copy)]
struct IdentityObject;
any_value!(IdentityObject -> Identity<'de>);

impl<'de> Visitor<'de> for IdentityObject {
    type Value = Identity<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("userIdentity to be an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut identity = Identity::default();
        while let Some(key) = map.next_key::<IdentityKey>()? {
            match identity.slot(key) {
                Some((name, slot)) => *slot = map.next_value_seed(Text(name))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(identity)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Identity::default())
    }

    refuse!(visit_bool(bool): "boolean", visit_str(&str): "string");
    refuse_numbers!();
}

/// A key of `userIdentity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of AWS's documents")]
pub enum IdentityKey {
    Type,
    Arn,
    AccountId,
    InvokedBy,
    /// Nothing that is read.
    #[serde(other)]
    Other,
}

impl IdentityKey {
    /// What the name of a key means.
    #[must_use]
    #[inline]
    pub fn of_bytes(name: &[u8]) -> Self {
        match name {
            b"type" => Self::Type,
            b"arn" => Self::Arn,
            b"accountId" => Self::AccountId,
            b"invokedBy" => Self::InvokedBy,
            _ => Self::Other,
        }
    }
}

/// `addendum`: an object or null; gives whether its reason is that the event was delivered before.
#[derive(Clone, Copy)]
struct AddendumObject;
any_value!(AddendumObject -> bool);

impl<'de> Visitor<'de> for AddendumObject {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("addendum to be an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut is_update = false;
        while let Some(key) = map.next_key::<AddendumKey>()? {
            match key {
                AddendumKey::Reason => {
                    let reason = map.next_value_seed(Text("addendum.reason"))?;
                    is_update = reason.as_deref() == Some("UPDATED_DATA");
                }
                AddendumKey::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(is_update)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(false)
    }

    refuse!(visit_bool(bool): "boolean", visit_str(&str): "string");
    refuse_numbers!();
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum AddendumKey {
    Reason,
    #[serde(other)]
    Other,
}

/// Reads one object; the text under the key `wrapper`, if asked for, is a record itself.
#[derive(Debug, Clone, Copy)]
pub struct EntryObject {
    /// [`Container::CloudTrailEvent`] or [`Container::Message`], where records come as text.
    pub wrapper: Option<Container>,
}
any_value!(EntryObject -> Entry<'de>);

impl<'de> Visitor<'de> for EntryObject {
    type Value = Entry<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a record to be an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entry = Entry::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Field(field) => {
                    entry.is_record |= field.marks_record();
                    entry.record.read(field, &mut map)?;
                }
                Key::Container(key) if self.wrapper == Some(key) => {
                    entry.wrapped = map.next_value_seed(Text("a record as text"))?;
                }
                Key::Container(_) | Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(entry)
    }

    refuse!(visit_bool(bool): "boolean", visit_str(&str): "string");
    refuse_numbers!();
}

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryObject { wrapper: None })
    }
}
