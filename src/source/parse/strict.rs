//! Sound JSON -> its records into a sink, in one pass with borrowed fields; unsure about everything else.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Sink, without_bom};
use crate::cloudtrail::decode::{CONTROL_MESSAGE, Container, DATA_MESSAGE, Entry, EntryObject, Key, Text};
use crate::cloudtrail::record::Record;

/// The file is not plainly sound. Records may have gone to the sink already: they are to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsure;

/// Gives all records to `sink`, or is unsure.
///
/// # Errors
/// Where anything is damaged, unusable or unknown.
pub fn strict(bytes: &[u8], sink: &mut impl Sink) -> Result<(), Unsure> {
    let text = std::str::from_utf8(without_bom(bytes)).map_err(|_| Unsure)?;
    match text.split_once('\n') {
        Some((first, rest)) if is_whole_line(first) && !rest.trim_ascii_start().is_empty() => text
            .lines()
            .filter(|line| !line.trim_ascii().is_empty())
            .try_for_each(|line| document(line, sink).map_err(|_| Unsure)),
        _ => match document(text, sink) {
            Err(Not::TheEnd) => {
                sink.clear();
                concatenated(text, sink)
            }
            other => other.map_err(|_| Unsure),
        },
    }
}

/// Whether a line looks like a document of its own, so that others may follow on lines of their own.
fn is_whole_line(line: &str) -> bool {
    line.trim_ascii_end().ends_with(['}', ']'])
}

/// What keeps a text from being one sound document.
enum Not {
    Sound,
    TheEnd,
}

/// Reads one document and nothing after it.
fn document(text: &str, sink: &mut impl Sink) -> Result<(), Not> {
    let mut json = serde_json::Deserializer::from_str(text);
    Document { sink }.deserialize(&mut json).map_err(|_| Not::Sound)?;
    json.end().map_err(|_| Not::TheEnd)
}

/// Log files joined without anything between them, as by `zcat`.
fn concatenated(text: &str, sink: &mut impl Sink) -> Result<(), Unsure> {
    const SEAM: &str = "}{\"Records\"";
    let mut rest = text;
    loop {
        let end = rest.find(SEAM).map_or(rest.len(), |seam| seam + 1);
        let (first, others) = rest.split_at(end);
        document(first, sink).map_err(|_| Unsure)?;
        if others.is_empty() {
            return Ok(());
        }
        rest = others;
    }
}

fn give<E: Error>(sink: &mut impl Sink, record: Record<'_>) -> Result<(), E> {
    if sink.stopped() {
        return Err(E::custom("stopped"));
    }
    sink.record(record).map_err(E::custom)
}

/// A record that comes as JSON text inside JSON.
fn unwrapped<E: Error>(sink: &mut impl Sink, text: &str) -> Result<(), E> {
    let entry: Entry<'_> = serde_json::from_str(text).map_err(E::custom)?;
    give(sink, entry.record)
}

/// A whole document: an object of any known kind, or an array of such.
struct Document<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Document<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Document<'_, S> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut is_empty = true;
        while seq.next_element_seed(Object { sink: &mut *self.sink })?.is_some() {
            is_empty = false;
        }
        // An empty array may be anybody's.
        if is_empty { Err(A::Error::custom("nothing in it")) } else { Ok(()) }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object { sink: self.sink }.visit_map(map)
    }
}

/// An object of any known kind: a container of records, or a record.
struct Object<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Object<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Object<'_, S> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let sink = self.sink;
        let mut record = Record::default();
        let mut is_record = false;
        let mut containers = 0;
        let (mut message_type, mut detail_type) = (None, None);
        let mut has_detail = false;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Field(field) => {
                    is_record |= field.marks_record();
                    record.read(field, &mut map)?;
                }
                Key::Container(key @ (Container::Records | Container::Events)) => {
                    map.next_value_seed(Elements { sink, wrapper: key.wrapper() })?;
                    containers += 1;
                }
                Key::Container(Container::MessageType) => {
                    message_type = map.next_value_seed(Text("messageType"))?;
                }
                Key::Container(key @ Container::LogEvents) => {
                    match message_type.as_deref() {
                        Some(DATA_MESSAGE) => {
                            map.next_value_seed(Elements { sink, wrapper: key.wrapper() })?;
                        }
                        Some(CONTROL_MESSAGE) => drop(map.next_value::<IgnoredAny>()?),
                        _ => return Err(A::Error::custom("log events of an unknown type")),
                    }
                    containers += 1;
                }
                Key::Container(Container::DetailType) => {
                    detail_type = map.next_value_seed(Text("detail-type"))?;
                }
                Key::Container(Container::Detail) => {
                    let entry: Entry<'_> = map.next_value()?;
                    give(sink, entry.record)?;
                    has_detail = true;
                    containers += 1;
                }
                Key::Container(Container::CloudTrailEvent) => {
                    let text = map.next_value_seed(Text("CloudTrailEvent"))?;
                    unwrapped(sink, &text.unwrap_or_default())?;
                    containers += 1;
                }
                Key::Container(Container::Message) | Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match (containers, is_record) {
            (0, true) => give(sink, record),
            (1, false) if has_detail == detail_type.is_some() => Ok(()),
            _ => Err(A::Error::custom("neither one container nor one record")),
        }
    }
}

/// An array of records, bare or wrapped.
struct Elements<'s, S> {
    sink: &'s mut S,
    wrapper: Option<Container>,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Elements<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Elements<'_, S> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let wrapper = self.wrapper;
        while let Some(entry) = seq.next_element_seed(EntryObject { wrapper })? {
            match &entry.wrapped {
                Some(text) => unwrapped(self.sink, text)?,
                None => give(self.sink, entry.record)?,
            }
        }
        Ok(())
    }
}
