//! The text of one of AWS's log files -> its records into a sink, by jumping from quote to quote; unsure about
//! everything else.
//!
//! What is read is read as [`super::strict()`] reads it; a property test and a fuzz target hold the two together. What is
//! skipped is only delimited: its quotes and brackets are counted, and no record may be in there, as where one of them is
//! missing. Its commas, colons, numbers and escapes are not looked at, so damage to them is not seen, and this path is for
//! text that a checksum vouches for.
use std::borrow::Cow;

use memchr::memmem::Finder;
use serde::de::IgnoredAny;

use super::find::BLOCK;
use super::keys::{Keys, Number};
use super::masks::{self, Masks, Window};
use super::{Sink, Unsure};
use crate::cloudtrail::decode::{self, Container, EVENT_TIME_KEY, Field, IdentityKey, Key, Slot};
use crate::cloudtrail::record::{Identity, Record};

/// What is kept from file to file. It only saves time: what comes out does not depend on it.
#[derive(Debug)]
pub struct Memory {
    window: Window,
    record_keys: Keys<Key>,
    identity_keys: Keys<IdentityKey>,
    event_time: Finder<'static>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            window: masks::window(),
            record_keys: Keys::new(Key::Other),
            identity_keys: Keys::new(IdentityKey::Other),
            event_time: Finder::new(EVENT_TIME_KEY),
        }
    }
}

/// Gives all records to `sink`, or is unsure: then some may have gone there already, and are to be forgotten.
///
/// # Errors
/// Where the text is anything but `{"Records":[…]}` without line breaks, or a field that is read is odd.
pub fn fast(bytes: &[u8], memory: &mut Memory, sink: &mut impl Sink) -> Result<(), Unsure> {
    let text = simdutf8::basic::from_utf8(bytes.trim_ascii_end()).map_err(|_| Unsure)?;
    let Memory { window, record_keys, identity_keys, event_time } = memory;
    record_keys.make_room();
    identity_keys.make_room();
    let masks = Masks::new(text.as_bytes(), window);
    let mut scanner = Scanner { text, masks, at: 0, record_keys, identity_keys, times: 0 };
    scanner.document(sink)?;
    // Where brackets or quotes are missing, a container may seem to hold the next records; in others there is no such key.
    let swallowed = event_time.find_iter(text.as_bytes()).count() != scanner.times;
    // Strings must not hold any control characters.
    if swallowed || scanner.masks.met_controls() { Err(Unsure) } else { Ok(()) }
}

struct Scanner<'t, 'm> {
    text: &'t str,
    masks: Masks<'m>,
    /// What stands before it has been read.
    at: usize,
    record_keys: &'m mut Keys<Key>,
    identity_keys: &'m mut Keys<IdentityKey>,
    /// How many records' times were met.
    times: usize,
}

/// Whether a list goes on.
#[derive(PartialEq, Eq)]
enum Next {
    More,
    End,
}

/// Whether a string has escapes.
#[derive(PartialEq, Eq)]
enum Escapes {
    None,
    Some,
}

impl<'t> Scanner<'t, '_> {
    fn document(&mut self, sink: &mut impl Sink) -> Result<(), Unsure> {
        self.expect(b'{')?;
        if Key::of_bytes(self.key()?) != Key::Container(Container::Records) {
            return Err(Unsure);
        }
        self.expect(b'[')?;
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                let mut record = Record::default();
                self.record(&mut record)?;
                if sink.stopped() {
                    return Err(Unsure);
                }
                sink.record(record).map_err(|_| Unsure)?;
                if self.next(b']')? == Next::End {
                    break;
                }
            }
        }
        self.expect(b'}')?;
        if self.peek().is_none() { Ok(()) } else { Err(Unsure) }
    }

    fn record(&mut self, record: &mut Record<'t>) -> Result<(), Unsure> {
        self.members(Self::record_keys, Key::of_bytes, |scanner, key| match key {
            Key::Field(field) => {
                scanner.times += usize::from(field == Field::EventTime);
                match record.slot(field) {
                    Slot::Text(_, slot) => scanner.text().map(|text| *slot = text),
                    Slot::Truth(_, slot) => scanner.truth().map(|truth| *slot = truth),
                    Slot::Identity(slot) => scanner.identity(slot),
                    Slot::Presence(slot) => scanner.presence().map(|presence| *slot = presence),
                    Slot::Addendum(slot) => scanner.addendum().map(|is_update| *slot = is_update),
                    Slot::Nothing => scanner.skip(),
                }
            }
            Key::Container(_) | Key::Other => scanner.skip(),
        })
    }

    fn identity(&mut self, identity: &mut Identity<'t>) -> Result<(), Unsure> {
        *identity = Identity::default();
        if self.peek() == Some(b'{') {
            self.members(Self::identity_keys, IdentityKey::of_bytes, |scanner, key| {
                match identity.slot(key) {
                    Some((_, slot)) => scanner.text().map(|text| *slot = text),
                    None => scanner.skip(),
                }
            })
        } else {
            self.literal("null")
        }
    }

    const fn record_keys(&mut self) -> &mut Keys<Key> {
        self.record_keys
    }

    const fn identity_keys(&mut self) -> &mut Keys<IdentityKey> {
        self.identity_keys
    }

    /// Reads an object: calls `value` at each value with what its key means.
    #[inline]
    fn members<K: Copy>(
        &mut self,
        keys: impl Fn(&mut Self) -> &mut Keys<K>,
        meaning: impl Fn(&[u8]) -> K,
        mut value: impl FnMut(&mut Self, K) -> Result<(), Unsure>,
    ) -> Result<(), Unsure> {
        self.expect(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut last = Number::BEGINNING;
        loop {
            self.peek();
            let text = self.text.as_bytes();
            let rest = &text[self.at..];
            if let Some((number, length, key)) = keys(self).guess(last, rest) {
                self.at += length;
                last = number;
                value(self, key)?;
            } else {
                let start = self.at;
                let name = self.key()?;
                let key = meaning(name);
                // As it stands in the text, if nothing stands between it and its colon.
                let whole = &text[start..self.at];
                if whole.len() == name.len() + 3 {
                    last = keys(self).learn(last, whole, key);
                }
                value(self, key)?;
            }
            if self.next(b'}')? == Next::End {
                return Ok(());
            }
        }
    }

    /// Reads a key without escapes, and the colon.
    #[inline]
    fn key(&mut self) -> Result<&'t [u8], Unsure> {
        if self.peek() != Some(b'"') {
            return Err(Unsure);
        }
        let start = self.at + 1;
        if self.string()? == Escapes::Some {
            return Err(Unsure);
        }
        let key = self.text.as_bytes().get(start..self.at - 1).ok_or(Unsure)?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Reads a string or null.
    fn text(&mut self) -> Result<Option<Cow<'t, str>>, Unsure> {
        if self.peek() != Some(b'"') {
            return self.literal("null").map(|()| None);
        }
        let start = self.at;
        if self.string()? == Escapes::None {
            let text = self.text.get(start + 1..self.at - 1).ok_or(Unsure)?;
            return Ok(Some(Cow::Borrowed(text)));
        }
        let quoted = self.text.get(start..self.at).ok_or(Unsure)?;
        serde_json::from_str(quoted).map(|text| Some(Cow::Owned(text))).map_err(|_| Unsure)
    }

    /// Reads a boolean or null.
    fn truth(&mut self) -> Result<Option<bool>, Unsure> {
        match self.peek() {
            Some(b't') => self.literal("true").map(|()| Some(true)),
            Some(b'f') => self.literal("false").map(|()| Some(false)),
            _ => self.literal("null").map(|()| None),
        }
    }

    /// Skips a value; gives whether it is anything but null.
    fn presence(&mut self) -> Result<bool, Unsure> {
        let is_null = self.peek() == Some(b'n');
        self.skip()?;
        Ok(!is_null)
    }

    /// Reads `addendum`, which is rare.
    fn addendum(&mut self) -> Result<bool, Unsure> {
        self.peek();
        let start = self.at;
        self.skip()?;
        let addendum = self.text.get(start..self.at).ok_or(Unsure)?;
        decode::is_update(addendum).map_err(|_| Unsure)
    }

    /// Skips a value of any type.
    fn skip(&mut self) -> Result<(), Unsure> {
        match self.peek().ok_or(Unsure)? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.container(),
            b'n' => self.literal("null"),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            _ => self.number(),
        }
    }

    /// Skips the string that begins here; gives whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<Escapes, Unsure> {
        let start = self.at + 1;
        let mut block = start / BLOCK;
        let mut here = u64::MAX << (start % BLOCK);
        let mut backslashes = 0;
        loop {
            let mask = self.masks.of(block).ok_or(Unsure)?;
            let quotes = mask.quotes & here;
            if quotes != 0 {
                let end = block * BLOCK + quotes.trailing_zeros() as usize;
                backslashes |= mask.backslashes & here & (quotes ^ (quotes - 1));
                self.at = end + 1;
                return Ok(if backslashes == 0 { Escapes::None } else { Escapes::Some });
            }
            backslashes |= mask.backslashes & here;
            (block, here) = (block + 1, u64::MAX);
        }
    }

    /// Skips the object or array that begins here.
    fn container(&mut self) -> Result<(), Unsure> {
        let mut block = self.at / BLOCK;
        let mut here = u64::MAX << (self.at % BLOCK);
        let mut depth = 0_u32;
        loop {
            let mask = self.masks.of(block).ok_or(Unsure)?;
            let (opens, mut closes) = (mask.opens & here, mask.closes & here);
            let mut closed = 0;
            while closes != 0 {
                closed += 1;
                let lowest = closes & closes.wrapping_neg();
                if depth + (opens & (lowest - 1)).count_ones() == closed {
                    self.at = block * BLOCK + closes.trailing_zeros() as usize + 1;
                    return Ok(());
                }
                closes ^= lowest;
            }
            depth = depth + opens.count_ones() - closed;
            (block, here) = (block + 1, u64::MAX);
        }
    }

    /// Skips a number.
    #[cold]
    fn number(&mut self) -> Result<(), Unsure> {
        let rest = self.text.get(self.at..).ok_or(Unsure)?;
        let length = rest.find([',', '}', ']', ' ']).ok_or(Unsure)?;
        let number = rest.get(..length).ok_or(Unsure)?;
        let _: IgnoredAny = serde_json::from_str(number).map_err(|_| Unsure)?;
        self.at += length;
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Unsure> {
        let rest = self.text.as_bytes().get(self.at..).ok_or(Unsure)?;
        if !rest.starts_with(word.as_bytes()) {
            return Err(Unsure);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads a comma, or `end`.
    #[inline]
    fn next(&mut self, end: u8) -> Result<Next, Unsure> {
        let next = match self.peek() {
            Some(b',') => Next::More,
            Some(byte) if byte == end => Next::End,
            _ => return Err(Unsure),
        };
        self.at += 1;
        Ok(next)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Unsure> {
        if self.peek() != Some(byte) {
            return Err(Unsure);
        }
        self.at += 1;
        Ok(())
    }

    /// Skips spaces, and gives what follows them.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if byte != b' ' {
                return Some(byte);
            }
            self.at += 1;
        }
    }
}
