//! Any bytes -> all records that can be read into a sink, and a row for each kind of damage.
//!
//! Documents are walked key by key and records one by one, so that a broken one loses nobody else. Sound values are
//! delimited by `serde_json`; after damage, [`text::recover`] finds where to go on. Time is linear in the input: what
//! failed attempts may cost in total is limited.
use serde::de::DeserializeSeed;

use super::flaws::{Flaws, Reason};
use super::kind::kind;
use super::text::{self, Broken, Resume};
use super::{Findings, Sink, without_bom};
use crate::cloudtrail::decode::{CONTROL_MESSAGE, Container, DATA_MESSAGE, Entry, EntryObject, Key};
use crate::cloudtrail::record::Record;

/// How many times the size of the text failed attempts may read, before the rest is given up.
const EFFORT: usize = 16;
/// How many lines are looked at to tell a broken line from a document over several lines.
const LINES_AHEAD: usize = 8;

/// Reads whatever can be read.
pub fn careful(bytes: &[u8], sink: &mut impl Sink) -> Findings {
    let text = without_bom(bytes);
    let mut reader = Careful {
        text,
        flaws: Flaws::new(text),
        sink,
        is_log: false,
        effort: text.len().saturating_mul(EFFORT).saturating_add(1 << 20),
        line: Line::default(),
    };
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        reader.flaws.add(Reason::Utf16, 0, 0);
    } else {
        reader.documents();
    }
    Findings { is_log: reader.is_log, flaws: reader.flaws.into_rows() }
}

struct Careful<'t, 's, S> {
    text: &'t [u8],
    flaws: Flaws<'t>,
    sink: &'s mut S,
    is_log: bool,
    /// Bytes that failed attempts may still read.
    effort: usize,
    line: Line,
}

/// A line that was looked at, and what follows it.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    end: usize,
    ahead: Option<Ahead>,
}

/// What stands in lines of their own soon after a line.
#[derive(Debug, Clone, Copy, Default)]
struct Ahead {
    record: bool,
    container: bool,
    nothing: bool,
}

/// Why an object or array could not be read to its end.
enum Stop {
    /// This is wrong with it.
    Broken(Broken),
    /// What is wrong was told; go on there.
    Told(usize),
}

/// What the keys of an object have shown so far.
#[derive(Default)]
struct Seen {
    is_record: bool,
    has_container: bool,
    message_type: Option<String>,
    has_detail_type: bool,
    /// Values that can only be understood once all keys are known.
    later: Vec<(Container, usize)>,
}

/// What stands in an array.
#[derive(Clone, Copy)]
enum Elements {
    /// Objects of any known kind.
    Documents,
    /// Records, as objects or as text under a key.
    Records(Option<Container>),
}

impl Seen {
    /// Remembers a value for when all keys are known; of a key that comes again, the last one counts.
    fn later(&mut self, key: Container, at: usize) {
        match self.later.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = at,
            None => self.later.push((key, at)),
        }
    }
}

impl<S: Sink> Careful<'_, '_, S> {
    fn documents(&mut self) {
        if let Err(error) = std::str::from_utf8(self.text)
            && error.error_len().is_some()
        {
            self.flaws.add(Reason::InvalidUtf8, error.valid_up_to(), 0);
        }
        let mut at = 0;
        while !self.sink.stopped() {
            at = text::skip_space(self.text, at);
            let Some(byte) = self.text.get(at) else { return };
            at = match byte {
                b'{' | b'[' => {
                    let end = self.bound(at);
                    self.document(at, end)
                }
                0 => {
                    self.flaws.add(Reason::Nuls, at, 0);
                    at + self.text[at..].iter().take_while(|byte| **byte == 0).count()
                }
                _ => {
                    self.flaws.add(Reason::NotJson, at, 0);
                    text::next_start(self.text, at)
                }
            };
        }
    }

    /// Up to where the document that begins at `at` may reach: in a file with one document a line a broken one ends
    /// with its line, whatever brackets it leaves open.
    fn bound(&mut self, at: usize) -> usize {
        if at >= self.line.end {
            let end = self.text[at..].iter().position(|byte| *byte == b'\n');
            self.line = Line { end: end.map_or(self.text.len(), |end| at + end), ahead: None };
        }
        let end = self.line.end;
        if end == self.text.len() || self.effort == 0 {
            return self.text.len();
        }
        if let Ok(end) = text::value_end(&self.text[..end], at) {
            return end;
        }
        match text::value_end(self.text, at) {
            Ok(end) => return end,
            Err(broken) => self.charge(broken.at - at),
        }
        let line = self.text[at..end].trim_ascii_end();
        let opens = line == b"{" || line.starts_with(b"[") || kind(line).has_container;
        let ahead = self.ahead();
        if ahead.nothing || ahead.container || (ahead.record && !opens) { end } else { self.text.len() }
    }

    /// What the lines after the current one hold.
    fn ahead(&mut self) -> Ahead {
        if let Some(ahead) = self.line.ahead {
            return ahead;
        }
        let mut ahead = Ahead { nothing: true, ..Ahead::default() };
        let lines = self.text[self.line.end..].split(|byte| *byte == b'\n');
        for line in lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).take(LINES_AHEAD) {
            ahead.nothing = false;
            let is_whole =
                line.starts_with(b"{") && text::value_end(line, 0).is_ok_and(|end| end == line.len());
            if is_whole {
                let kind = kind(line);
                ahead.container |= kind.has_container;
                ahead.record |= kind.is_record;
            }
        }
        self.line.ahead = Some(ahead);
        ahead
    }

    /// Reads the document between `at` and `end`, and gives where to go on.
    fn document(&mut self, at: usize, end: usize) -> usize {
        if self.text[at] == b'{' {
            return self.object(at, end);
        }
        match self.elements(at, end, Elements::Documents) {
            Ok(after) | Err(Stop::Told(after)) => after,
            Err(Stop::Broken(broken)) => {
                self.tell(broken, 0);
                end
            }
        }
    }

    /// Reads an object of any known kind, and gives where to go on.
    fn object(&mut self, start: usize, end: usize) -> usize {
        let mut seen = Seen::default();
        match self.members(start, end, &mut seen) {
            Ok(after) => {
                self.finish(start, after, &seen);
                after
            }
            Err(Stop::Told(after)) => after,
            Err(Stop::Broken(broken)) => self.broken_object(start, end, broken, &seen),
        }
    }

    /// Tells what is wrong with the object at `start`, and gives where to go on.
    fn broken_object(&mut self, start: usize, end: usize, broken: Broken, seen: &Seen) -> usize {
        // What is wrong with a container is wrong between or after its records.
        let (from, records) = if seen.has_container { (broken.at, 0) } else { (start, 1) };
        self.is_log |= seen.is_record;
        let resume = self.resume(from, end);
        self.tell(Broken { is_eof: broken.is_eof && resume == Resume::Lost, ..broken }, records);
        match resume {
            Resume::After(after) => {
                let closes = seen.has_container && self.text.get(after) == Some(&b'}');
                (after + usize::from(closes)).max(start + 1)
            }
            Resume::Record(next) | Resume::Container(next) => next,
            Resume::Lost => end,
        }
    }

    /// Walks the keys of the object at `start`, and gives where it ends.
    fn members(&mut self, start: usize, end: usize, seen: &mut Seen) -> Result<usize, Stop> {
        let mut at = text::skip_space(self.text, start + 1);
        if self.byte(at, end)? == b'}' {
            return Ok(at + 1);
        }
        loop {
            if self.byte(at, end)? != b'"' {
                return Err(self.unexpected(at, "key must be a string"));
            }
            let key_end = self.skip(at, end)?;
            let key = serde_json::from_slice(&self.text[at..key_end]).unwrap_or(Key::Other);
            at = text::skip_space(self.text, key_end);
            if self.byte(at, end)? != b':' {
                return Err(self.unexpected(at, "expected `:`"));
            }
            at = text::skip_space(self.text, at + 1);
            at = self.member(key, at, end, seen)?;
            at = text::skip_space(self.text, at);
            match self.byte(at, end)? {
                b'}' => return Ok(at + 1),
                b',' => at = text::skip_space(self.text, at + 1),
                _ => return Err(self.unexpected(at, "expected `,` or `}`")),
            }
        }
    }

    /// Reads the value at `at`, and gives where it ends.
    fn member(&mut self, key: Key, at: usize, end: usize, seen: &mut Seen) -> Result<usize, Stop> {
        let first = self.byte(at, end)?;
        match (key, first) {
            (Key::Container(key @ (Container::Records | Container::Events)), b'[') => {
                (seen.has_container, self.is_log) = (true, true);
                return self.elements(at, end, Elements::Records(key.wrapper()));
            }
            (Key::Container(key @ Container::LogEvents), b'[')
                if seen.message_type.as_deref() == Some(DATA_MESSAGE) =>
            {
                (seen.has_container, self.is_log) = (true, true);
                return self.elements(at, end, Elements::Records(key.wrapper()));
            }
            (Key::Container(key @ Container::LogEvents), b'[')
            | (Key::Container(key @ Container::Detail), b'{')
            | (Key::Container(key @ Container::CloudTrailEvent), b'"') => seen.later(key, at),
            (Key::Field(field), _) => seen.is_record |= field.marks_record(),
            _ => {}
        }
        let after = self.skip(at, end)?;
        match key {
            Key::Container(Container::MessageType) => {
                seen.message_type = serde_json::from_slice(&self.text[at..after]).ok();
            }
            Key::Container(Container::DetailType) => seen.has_detail_type = true,
            _ => {}
        }
        Ok(after)
    }

    /// Reads what could only be understood after all keys of the object between `start` and `end` were seen.
    fn finish(&mut self, start: usize, end: usize, seen: &Seen) {
        let mut is_known = seen.has_container;
        for &(key, at) in &seen.later {
            let message_type = seen.message_type.as_deref();
            match key {
                Container::LogEvents if message_type == Some(DATA_MESSAGE) => {
                    // The object is sound as a whole, so its arrays are.
                    let _ = self.elements(at, end, Elements::Records(key.wrapper()));
                }
                Container::LogEvents if message_type == Some(CONTROL_MESSAGE) => {}
                Container::Detail if seen.has_detail_type => self.envelope(at, end),
                Container::CloudTrailEvent => self.record(start, end, Some(key)),
                _ => continue,
            }
            is_known = true;
        }
        self.is_log |= is_known || seen.is_record;
        if is_known && !seen.is_record {
            return;
        }
        if seen.is_record {
            self.record(start, end, None);
        } else {
            self.flaws.add(Reason::Foreign, start, 1);
        }
    }

    /// Reads the event in an EventBridge envelope; buses carry those of other services too.
    fn envelope(&mut self, at: usize, end: usize) {
        let Ok(end) = text::value_end(&self.text[..end], at) else { return };
        if kind(&self.text[at..end]).is_record {
            self.record(at, end, None);
        } else {
            self.flaws.add(Reason::Foreign, at, 1);
        }
    }

    /// Reads the array at `start`, and gives where it ends.
    fn elements(&mut self, start: usize, end: usize, what: Elements) -> Result<usize, Stop> {
        let mut at = start + 1;
        let mut after_comma = None;
        let mut after_element = false;
        loop {
            if self.sink.stopped() {
                return Err(Stop::Told(end));
            }
            at = text::skip_space(self.text, at);
            match self.byte(at, end)? {
                b']' => {
                    if let Some(comma) = after_comma {
                        self.flaws.add(Reason::Comma("trailing comma"), comma, 0);
                    }
                    return Ok(at + 1);
                }
                b',' => {
                    if !after_element {
                        self.flaws.add(Reason::Comma("comma without a record before it"), at, 0);
                    }
                    (after_comma, after_element) = (Some(at), false);
                    at += 1;
                    continue;
                }
                b'}' | b':' => {
                    self.tell(self.broken(at, "expected `,` or `]`"), 0);
                    at += 1;
                    continue;
                }
                b'{' if after_element => self.flaws.add(Reason::Comma("missing comma"), at, 0),
                _ => {}
            }
            (at, after_element) = self.element(at, end, what)?;
            after_comma = None;
        }
    }

    /// Reads one element; gives where to go on, and whether a comma is due there.
    fn element(&mut self, at: usize, end: usize, what: Elements) -> Result<(usize, bool), Stop> {
        let broken = match text::value_end(&self.text[..end], at) {
            Ok(after) => {
                match what {
                    Elements::Records(wrapper) => self.record(at, after, wrapper),
                    Elements::Documents if self.text[at] == b'{' => drop(self.object(at, after)),
                    Elements::Documents => self.flaws.add(Reason::Foreign, at, 1),
                }
                return Ok((after, true));
            }
            Err(broken) => broken,
        };
        self.charge(broken.at - at);
        let resume = self.resume(at, end);
        self.tell(Broken { is_eof: broken.is_eof && resume == Resume::Lost, ..broken }, 1);
        match resume {
            Resume::After(after) => Ok((after.max(at + 1), true)),
            Resume::Record(next) => Ok((next, false)),
            Resume::Container(next) => Err(Stop::Told(next)),
            Resume::Lost => Err(Stop::Told(end)),
        }
    }

    /// Decodes the record between `at` and `end`, or the one that is text under the key `wrapper`.
    fn record(&mut self, at: usize, end: usize, wrapper: Option<Container>) {
        let json = String::from_utf8_lossy(&self.text[at..end]);
        let outcome = self.decode(&json, at, wrapper, |careful, entry| match entry.wrapped {
            Some(inner) => {
                let outcome =
                    careful.decode(&inner, at, None, |careful, entry| careful.give(entry.record, at));
                if let Err(error) = outcome {
                    careful.flaws.add(Reason::Wrapped(text::words(&error)), at, 1);
                }
            }
            None => careful.give(entry.record, at),
        });
        if let Err(error) = outcome {
            let inside = text::offset(json.as_bytes(), error.line(), error.column());
            self.flaws.add(Reason::Json(text::words(&error)), (at + inside).min(end), 1);
        }
    }

    /// Decodes `json`, mends it where half characters are all that is wrong with it, and hands it on.
    fn decode(
        &mut self,
        json: &str,
        at: usize,
        wrapper: Option<Container>,
        then: impl Fn(&mut Self, Entry<'_>),
    ) -> Result<(), serde_json::Error> {
        let decoded = |json| {
            let mut json = serde_json::Deserializer::from_str(json);
            let entry = EntryObject { wrapper }.deserialize(&mut json)?;
            json.end().map(|()| entry)
        };
        let error = match decoded(json) {
            Ok(entry) => {
                then(self, entry);
                return Ok(());
            }
            Err(error) => error,
        };
        let mended = if error.is_data() { None } else { text::mend_surrogates(json) };
        let mended = mended.ok_or(error)?;
        let entry = decoded(&mended)?;
        self.flaws.add(Reason::LoneSurrogate, at, 0);
        then(self, entry);
        Ok(())
    }

    fn give(&mut self, record: Record<'_>, at: usize) {
        if let Err(unusable) = self.sink.record(record) {
            self.flaws.add(Reason::Unusable(unusable), at, 1);
        }
    }

    fn tell(&mut self, broken: Broken, records: u64) {
        let reason = if broken.is_eof { Reason::Truncated } else { Reason::Json(broken.words) };
        self.flaws.add(reason, broken.at, records);
    }

    fn charge(&mut self, bytes: usize) {
        self.effort = self.effort.saturating_sub(bytes);
    }

    /// Where to go on after the broken value at `at`; nowhere once too much was tried.
    fn resume(&mut self, at: usize, end: usize) -> Resume {
        if self.effort == 0 {
            self.flaws.add(Reason::GivenUp, at, 0);
            return Resume::Lost;
        }
        text::recover(&self.text[..end], at)
    }

    fn skip(&mut self, at: usize, end: usize) -> Result<usize, Stop> {
        text::value_end(&self.text[..end], at).map_err(|broken| {
            self.charge(broken.at - at);
            Stop::Broken(broken)
        })
    }

    fn byte(&self, at: usize, end: usize) -> Result<u8, Stop> {
        match self.text[..end].get(at) {
            Some(byte) => Ok(*byte),
            None => Err(Stop::Broken(Broken { words: String::new(), at: end, is_eof: true })),
        }
    }

    fn broken(&self, at: usize, words: &str) -> Broken {
        let before = self.text[..at].iter().rposition(|byte| !byte.is_ascii_whitespace());
        match before.filter(|&before| self.text[before] == b',' && matches!(self.text[at], b'}' | b']')) {
            Some(comma) => Broken { words: "trailing comma".to_owned(), at: comma, is_eof: false },
            None => Broken { words: words.to_owned(), at, is_eof: false },
        }
    }

    fn unexpected(&self, at: usize, words: &str) -> Stop {
        Stop::Broken(self.broken(at, words))
    }
}
