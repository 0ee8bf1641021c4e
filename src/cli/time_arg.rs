//! `--from` and `--to` -> UTC minutes.
use crate::time::Minute;

/// Reads `2026-01-31`, `2026-01-31T18:00` (both UTC) or an RFC 3339 time.
pub(super) fn parse(text: &str) -> Result<Minute, String> {
    crate::config::instant(text).ok_or_else(|| {
        "expected a time such as 2026-01-31, 2026-01-31T18:00 (UTC) or 2026-01-31T18:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn times() {
        let check = |text: &str, want: Option<&str>| {
            assert_eq!(super::parse(text).ok().map(|minute| minute.to_string()).as_deref(), want, "{text}");
        };
        check("2026-01-31", Some("2026-01-31T00:00:00Z"));
        check("2026-01-31T18:05", Some("2026-01-31T18:05:00Z"));
        check("2026-01-31T18:05:59Z", Some("2026-01-31T18:05:00Z"));
        check("2026-01-31T18:05:59+01:00", Some("2026-01-31T17:05:00Z"));
        check("2026-31-01", None);
        check("yesterday", None);
        check("", None);
    }
}
