//! `*` patterns and texts -> whether they match. Pure, linear but for the stars, case as in the logs.
use std::fmt;

/// A text in which `*` stands for any characters, none included. Nothing else is special.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// The pattern `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether all of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut in_pattern, mut in_text) = (0, 0);
        // Where the last star stood, and how much of the text it has taken: only that star ever needs to give way.
        let mut star = None;
        while in_text < text.len() {
            match pattern.get(in_pattern) {
                Some(b'*') => {
                    star = Some((in_pattern, in_text));
                    in_pattern += 1;
                }
                Some(byte) if *byte == text[in_text] => {
                    in_pattern += 1;
                    in_text += 1;
                }
                _ => {
                    let Some((at, taken)) = star else { return false };
                    star = Some((at, taken + 1));
                    (in_pattern, in_text) = (at + 1, taken + 1);
                }
            }
        }
        pattern[in_pattern..].iter().all(|byte| *byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Patterns of which any may match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnyOf(pub Vec<Pattern>);

impl AnyOf {
    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }
}

impl fmt::Display for AnyOf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str(" or ")?;
            }
            pattern.fmt(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_take_anything_and_nothing_else_does() {
        let cases = [
            ("ec2.amazonaws.com", "ec2.amazonaws.com", true),
            ("ec2.amazonaws.com", "ec2xamazonaws.com", false),
            ("Run*", "RunInstances", true),
            ("Run*", "run", false),
            ("*Object*", "GetObject", true),
            ("a*b*c", "aXbXbYc", true),
            ("a*b*c", "aXbXbY", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("**x", "x", true),
            ("?[a]", "?[a]", true),
            ("?", "x", false),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(Pattern::new(pattern).matches(text), want, "{pattern} {text}");
        }
    }

    /// What a star means, by trying everything.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            Some((byte, rest)) => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn the_same_as_trying_everything(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
