//! Numbers, identities and texts that strangers chose -> words that are safe to show to a person. Pure.
use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use crate::time::Minute;

/// Probabilities below ten to the minus this have left what a double can hold.
const LEAST_CHANCE: f64 = 9999.0;

/// What stands for a character that must not reach a screen.
const REPLACEMENT: char = '\u{FFFD}';

/// `text` without characters that move the cursor, start an escape sequence, turn the writing direction or hide:
/// each is replaced by `U+FFFD`. Who calls an API chooses its agent, error and role names, so every text of a
/// record goes through here before a person sees it.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_treacherous) {
        text.chars().map(|char| if is_treacherous(char) { REPLACEMENT } else { char }).collect()
    } else {
        Cow::Borrowed(text)
    }
}

fn is_treacherous(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' // invisible
            | '\u{200B}'..='\u{200F}' // zero width, direction marks
            | '\u{2028}'..='\u{202E}' // line and paragraph separators, bidi embeddings and overrides
            | '\u{2060}'..='\u{206F}' // word joiner, invisible operators, bidi isolates
            | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' // fillers, byte order mark
            | '\u{FE00}'..='\u{FE0F}' | '\u{FFF9}'..='\u{FFFB}' // variation selectors, annotations
            | '\u{E0000}'..='\u{E0FFF}' // tags
        )
}

/// [`printable`], and cut to `columns` of a terminal: what is longer ends in `…`.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> String {
    let text = printable(text);
    let mut fitted = String::new();
    let (mut width, mut marks) = (0, 0);
    // Where the text was cut last if it should turn out too long: before the last column.
    let mut cut = 0;
    for char in text.chars() {
        let columns_of_char = char.width().unwrap_or_default();
        // Marks have no width: a stack of more than two on a letter is an attack on the lines above.
        marks = if columns_of_char == 0 { marks + 1 } else { 0 };
        if marks > 2 {
            continue;
        }
        if width + columns_of_char > columns {
            fitted.truncate(cut);
            if columns > 0 {
                fitted.push('…');
            }
            return fitted;
        }
        width += columns_of_char;
        fitted.push(char);
        if width < columns {
            cut = fitted.len();
        }
    }
    fitted
}

/// Columns that a text takes on a terminal.
#[must_use]
pub fn columns_of(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// A number of calls as a person says it: `0`, `0.0018`, `2.1`, `1,440`.
#[must_use]
pub fn figure(number: f64) -> String {
    if number == 0.0 {
        "0".into()
    } else if number.abs() >= 99.95 {
        grouped(&format!("{number:.0}"))
    } else if number.abs() >= 0.995 {
        trimmed(&format!("{number:.1}"))
    } else if number.abs() >= 0.0095 {
        trimmed(&format!("{number:.2}"))
    } else if number.abs() >= 0.000_095 {
        trimmed(&format!("{number:.4}"))
    } else {
        "<0.0001".into()
    }
}

/// A whole number in groups of three digits: `1,440`.
#[must_use]
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Minutes as a person says them: `5 min`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn duration(minutes: i32) -> String {
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, rest) {
        (0, 0, rest) => format!("{rest} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, rest) => format!("{hours} h {rest} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// `2026-01-31 23:59`.
#[must_use]
pub fn clock(minute: Minute) -> String {
    format!("{} {:02}:{:02}", minute.day(), minute.of_day() / 60, minute.of_day() % 60)
}

/// `1 in 5,000`, `1 in 10^98`; `None` where it is likely.
#[must_use]
pub fn chance(log10_probability: f64) -> Option<String> {
    match -log10_probability {
        likely if likely.is_nan() || likely < 1.0 => None,
        log10 if log10 < 6.0 => Some(format!("1 in {}", figure(10_f64.powf(log10).round()))),
        log10 => Some(format!("1 in 10^{:.0}", log10.min(LEAST_CHANCE))),
    }
}

/// An identity without what a person does not read: `role/ci-deployer` for
/// `arn:aws:sts::111122223333:assumed-role/ci-deployer/i-0abc`.
#[must_use]
pub fn short_identity(identity: &str) -> Cow<'_, str> {
    let mut parts = identity.splitn(6, ':');
    let (Some("arn"), Some(resource)) = (parts.next(), parts.nth(4)) else {
        return Cow::Borrowed(identity);
    };
    let mut names = resource.split('/');
    match (names.next(), names.next()) {
        (Some("assumed-role"), Some(role)) => Cow::Owned(format!("role/{role}")),
        // Users and roles may have a path before their name.
        (Some(kind), Some(first)) => Cow::Owned(format!("{kind}/{}", names.next_back().unwrap_or(first))),
        _ => Cow::Borrowed(resource),
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// An identity without the name of its session, which the caller chooses:
/// `arn:aws:sts::111122223333:assumed-role/ci-deployer` for `arn:aws:sts::111122223333:assumed-role/ci-deployer/i-0abc`.
#[must_use]
pub fn without_session(identity: &str) -> &str {
    let mut colons = identity.match_indices(':').map(|(at, _)| at);
    let Some(resource) = colons.nth(4).filter(|_| identity.starts_with("arn:")) else { return identity };
    let role = identity.get(resource + 1..).and_then(|resource| resource.strip_prefix("assumed-role/"));
    match role.and_then(|role| role.find('/').map(|end| role.len() - end)) {
        Some(session) => identity.get(..identity.len() - session).unwrap_or(identity),
        None => identity,
    }
}

/// `ec2` for `ec2.amazonaws.com`.
#[must_use]
pub fn short_service(event_source: &str) -> &str {
    event_source.strip_suffix(".amazonaws.com").unwrap_or(event_source)
}

/// Bars of the height of each number, the largest is full; a dot for none.
#[must_use]
pub fn sparkline(numbers: &[u64]) -> String {
    let bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or_default().max(1);
    let bar = |number: &u64| match number {
        0 => '·',
        number => bars[(u128::from(*number) * 8).div_ceil(u128::from(most)).clamp(1, 8) as usize - 1],
    };
    numbers.iter().map(bar).collect()
}

/// Up to `number` of `names` that are most like `name`: those that need the fewest letters changed.
#[must_use]
pub fn near(name: &str, names: impl Iterator<Item = String>, number: usize) -> Vec<String> {
    let mut names: Vec<(usize, String)> = names.map(|other| (distance(name, &other), other)).collect();
    names.sort();
    names.dedup();
    names.into_iter().take(number).map(|(_, name)| name).collect()
}

/// Letters to insert, remove or replace in one text to make it the other (Levenshtein), of their first 200.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(200).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, char) in one.chars().take(200).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, known) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(char != *known);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn trimmed(number: &str) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<T: Copy + std::fmt::Debug>(say: impl Fn(T) -> String, cases: &[(T, &str)]) {
        for &(given, want) in cases {
            assert_eq!(say(given), want, "{given:?}");
        }
    }

    #[test]
    fn numbers() {
        let figures = [
            (0.0, "0"),
            (0.000_009, "<0.0001"),
            (0.000_098_222_2, "0.0001"),
            (0.002_181_749_2, "0.0022"),
            (0.000_21, "0.0002"),
            (0.0123, "0.01"),
            (0.25, "0.25"),
            (0.0999, "0.1"),
            (0.6, "0.6"),
            (1.333_333_333_3, "1.3"),
            (6.0, "6"),
            (99.96, "100"),
            (664.2, "664"),
            (-1440.0, "-1,440"),
            (1_234_567.8, "1,234,568"),
        ];
        check(figure, &figures);
        check(|number| counted(number, "file"), &[(0, "0 files"), (1, "1 file"), (1440, "1,440 files")]);
        let durations = [(1, "1 min"), (60, "1 h"), (125, "2 h 5 min"), (1440, "1 d"), (4560, "3 d 4 h")];
        check(duration, &durations);
    }

    #[test]
    fn identities() {
        let identities = [
            ("arn:aws:sts::111122223333:assumed-role/ci-deployer/i-0abc", "role/ci-deployer"),
            ("arn:aws-cn:iam::111122223333:user/division/Alice", "user/Alice"),
            ("arn:aws:iam::111122223333:role/deploy", "role/deploy"),
            ("arn:aws:iam::111122223333:root", "root"),
            ("arn:aws:sts::111122223333:federated-user/Bob", "federated-user/Bob"),
            ("autoscaling.amazonaws.com", "autoscaling.amazonaws.com"),
            ("arn:aws", "arn:aws"),
            ("arn:::::", ""),
            ("", ""),
        ];
        check(|identity| short_identity(identity).into_owned(), &identities);
    }

    #[test]
    fn sessions() {
        let identities = [
            ("arn:aws:sts::1:assumed-role/ci/i-0abc", "arn:aws:sts::1:assumed-role/ci"),
            ("arn:aws:sts::1:assumed-role/ci/a/b", "arn:aws:sts::1:assumed-role/ci"),
            ("arn:aws:sts::1:assumed-role/ci", "arn:aws:sts::1:assumed-role/ci"),
            ("arn:aws:iam::1:user/division/Alice", "arn:aws:iam::1:user/division/Alice"),
            ("assumed-role/ci/x", "assumed-role/ci/x"),
            ("arn:aws", "arn:aws"),
            ("", ""),
        ];
        check(|identity| without_session(identity).to_owned(), &identities);
    }

    #[test]
    fn hostile_texts() {
        let hostile = [
            ("\u{1b}[31mred\u{1b}[0m", "\u{FFFD}[31mred\u{FFFD}[0m"),
            ("a\nb\r\tc\u{7f}\u{9b}31m", "a\u{FFFD}b\u{FFFD}\u{FFFD}c\u{FFFD}\u{FFFD}31m"),
            ("user/\u{202e}nimda\u{2066}", "user/\u{FFFD}nimda\u{FFFD}"),
            ("ad\u{200b}min\u{feff}\u{e0041}", "ad\u{FFFD}min\u{FFFD}\u{FFFD}"),
            ("Zoë 日本", "Zoë 日本"),
        ];
        check(|text| printable(text).into_owned(), &hostile);
    }

    #[test]
    fn sparklines() {
        let cases: [(&[u64], &str); 4] =
            [(&[0, 1, 4, 8], "·▁▄█"), (&[0, 0], "··"), (&[], ""), (&[1, u64::MAX], "▁█")];
        for (numbers, want) in cases {
            assert_eq!(sparkline(numbers), want, "{numbers:?}");
        }
    }

    #[test]
    fn near_names() {
        let cases = [(("kitten", "sitting"), 3), (("", "abc"), 3), (("abc", "abc"), 0), (("abc", "acb"), 2)];
        for ((one, other), want) in cases {
            assert_eq!((distance(one, other), distance(other, one)), (want, want), "{one} {other}");
        }
        let names = ["RunInstances", "StopInstances", "RunTask"].map(str::to_owned);
        assert_eq!(near("RunInstance", names.into_iter(), 2), ["RunInstances", "StopInstances"]);
    }

    #[test]
    fn cut_texts() {
        let cut = [
            (("RunInstances", 12), "RunInstances"),
            (("RunInstances", 11), "RunInstanc…"),
            (("日本語", 6), "日本語"),
            (("日本語", 5), "日本…"),
            (("日本語", 4), "日…"),
            (("abc", 1), "…"),
            (("abc", 0), ""),
            (("e\u{301}\u{301}\u{301}\u{301}x", 2), "e\u{301}\u{301}x"),
        ];
        check(|(text, columns)| fitted(text, columns), &cut);
    }

    proptest! {
        #[test]
        fn nothing_passes_and_everything_fits(text in any::<String>(), columns in 0_usize..30) {
            let fitted = fitted(&text, columns);
            prop_assert!(columns_of(&fitted) <= columns);
            prop_assert!(!fitted.chars().any(is_treacherous));
            prop_assert!(columns_of(&printable(&text)) > columns || !fitted.ends_with('…') || text.ends_with('…'));
        }
    }
}
