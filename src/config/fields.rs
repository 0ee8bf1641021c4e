//! A parsed TOML table -> its values, one key at a time; what is wrong is noted with its line, and reading goes on. Pure.
use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::words::printable;

/// Something wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong: a fragment that names the key.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, printable(&self.text))
    }
}

/// The text of a file, and everything that is wrong with it.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// Notes a problem at a byte of the text.
    pub(super) fn problem(&self, at: usize, text: String) {
        self.problems.borrow_mut().push(Problem { line: self.line(at), text });
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.split(|byte| *byte == b'\n').count()
    }

    /// All problems, in order of lines.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

/// A table, its place, and which of its keys were asked for.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    reader: &'r Reader<'r>,
    entries: &'r DeTable<'r>,
    /// Such as `mute[2]`; empty for the whole file.
    path: String,
    at: usize,
    asked: RefCell<Vec<&'static str>>,
}

/// A value with the byte where it stands.
type Value<'r> = &'r Spanned<DeValue<'r>>;

impl<'r> Fields<'r> {
    pub(super) fn new(reader: &'r Reader<'r>, entries: &'r DeTable<'r>, (path, at): (String, usize)) -> Self {
        Self { reader, entries, path, at, asked: RefCell::default() }
    }

    /// The table's name.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Notes a problem of the table as a whole.
    pub(super) fn problem(&self, text: &str) {
        self.reader.problem(self.at, format!("{} {text}", self.path));
    }

    /// Notes that the value of `key` is not what was expected.
    pub(super) fn wrong(&self, key: &'static str, expected: &str) {
        let Some(value) = self.value(key) else { return };
        let shown = match value.get_ref() {
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            DeValue::Array(_) => "a list".into(),
            DeValue::Table(_) => "a table".into(),
        };
        self.reader
            .problem(value.span().start, format!("{} must be {expected}, got {shown}", self.named(key)));
    }

    fn named(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn value(&self, key: &'static str) -> Option<Value<'r>> {
        self.asked.borrow_mut().push(key);
        self.entries.get(key)
    }

    /// Whether `key` has a value, sound or not.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// The line of the value of `key`; that of the table where there is none.
    pub(super) fn line(&self, key: &'static str) -> usize {
        self.reader.line(self.value(key).map_or(self.at, |value| value.span().start))
    }

    /// A text, or a time without quotation marks, as `parse` understands it.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.parsed_or(key, parse, |_| self.wrong(key, expected))
    }

    /// The same, of a value that holds a secret, or may be one by mistake: it is shown nowhere.
    pub(super) fn parsed_unshown<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.parsed_or(key, parse, |value| {
            self.reader.problem(value.span().start, format!("{} must be {expected}", self.named(key)));
        })
    }

    fn parsed_or<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        otherwise: impl Fn(Value<'r>),
    ) -> Option<T> {
        let value = self.value(key)?;
        let parsed = text(value).and_then(|text| parse(&text));
        if parsed.is_none() {
            otherwise(value);
        }
        parsed
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.parsed(key, "a text", |text| (!text.trim().is_empty()).then(|| text.to_owned()))
    }

    /// A text or a list of texts, each as `parse` understands it.
    pub(super) fn several<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let parsed = match self.value(key)?.get_ref() {
            DeValue::String(text) => parse(text).map(|one| vec![one]),
            DeValue::Array(values) if !values.is_empty() => {
                values.iter().map(|value| parse(value.get_ref().as_str()?)).collect()
            }
            _ => None,
        };
        if parsed.is_none() {
            self.wrong_list(key, expected, &parse);
        }
        parsed
    }

    /// Of a list, the value that is wrong is named.
    fn wrong_list<T>(&self, key: &'static str, expected: &str, parse: &impl Fn(&str) -> Option<T>) {
        let Some(DeValue::Array(values)) = self.value(key).map(Spanned::get_ref) else {
            return self.wrong(key, expected);
        };
        let bad =
            values.iter().find(|value| value.get_ref().as_str().is_none_or(|text| parse(text).is_none()));
        match bad.map(|value| (value.span().start, value.get_ref().as_str())) {
            Some((at, Some(text))) => {
                self.reader.problem(at, format!("{} must be {expected}, got {text:?}", self.named(key)));
            }
            Some((at, None)) => {
                self.reader.problem(at, format!("{} must be {expected} or a list of texts", self.named(key)));
            }
            None => self.wrong(key, &format!("{expected} or a list that is not empty")),
        }
    }

    /// A number within `range`.
    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = number(self.value(key)?.get_ref()).filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(key, &format!("a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// A whole number within `range`.
    pub(super) fn whole(&self, key: &'static str, range: RangeInclusive<u16>) -> Option<u16> {
        let number = match self.value(key)?.get_ref() {
            DeValue::Integer(digits) => u16::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(key, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let flag = self.value(key)?.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, "true or false");
        }
        flag
    }

    /// The table under `key`.
    pub(super) fn table(&self, key: &'static str) -> Option<Fields<'r>> {
        let value = self.value(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(key, &format!("a table, [{}]", self.named(key)));
        }
        Some(Fields::new(self.reader, table?, (self.named(key), value.span().start)))
    }

    /// The tables under `key`, each written as `[[key]]`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Fields<'r>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let tables: Option<Vec<_>> = value.get_ref().as_array().and_then(|values| {
            let table = |(index, value): (usize, Value<'r>)| {
                let place = (format!("{}[{}]", self.named(key), index + 1), value.span().start);
                Some(Fields::new(self.reader, value.get_ref().as_table()?, place))
            };
            values.iter().enumerate().map(table).collect()
        });
        if tables.is_none() {
            self.wrong(key, &format!("tables, each under its own [[{}]]", self.named(key)));
        }
        tables.unwrap_or_default()
    }

    /// The keys and texts of the table under `key`, in order of keys.
    pub(super) fn texts(&self, key: &'static str) -> Vec<(String, String)> {
        let Some(table) = self.table(key) else { return Vec::new() };
        let mut texts = Vec::new();
        for (key, value) in table.entries {
            if let Some(text) = value.get_ref().as_str() {
                texts.push((key.get_ref().to_string(), text.to_owned()));
            } else {
                let problem = format!("{} must be a text", table.named(key.get_ref()));
                self.reader.problem(value.span().start, problem);
            }
        }
        texts.sort();
        texts
    }

    /// All tables and numbers below the table, as a model file has them.
    pub(super) fn numbers(&self) -> toml::Table {
        let mut numbers = toml::Table::new();
        for (key, value) in self.entries {
            let below = match value.get_ref() {
                DeValue::Table(entries) => {
                    let place = (self.named(key.get_ref()), value.span().start);
                    Some(toml::Value::Table(Self::new(self.reader, entries, place).numbers()))
                }
                DeValue::Integer(digits) => {
                    i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(toml::Value::Integer)
                }
                other => number(other).map(toml::Value::Float),
            };
            match below {
                Some(below) => drop(numbers.insert(key.get_ref().to_string(), below)),
                None => self
                    .reader
                    .problem(value.span().start, format!("{} must be a number", self.named(key.get_ref()))),
            }
        }
        numbers
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.into_inner();
        let mut known: Vec<&str> = asked.clone();
        known.sort_unstable();
        known.dedup();
        for key in self.entries.keys().filter(|key| !asked.contains(&key.get_ref().as_ref())) {
            let place = if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", self.path) };
            self.reader.problem(
                key.span().start,
                format!("unknown key {} in {place}, which may have {}", key.get_ref(), known.join(", ")),
            );
        }
    }
}

/// A text, or a time without quotation marks.
fn text(value: Value<'_>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        _ => None,
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|whole| whole as f64)
        }
        DeValue::Float(digits) => digits.as_str().parse().ok(),
        _ => None,
    }
}
