//! Rules, and the names in what was counted -> the rules that no name matches: likely a slip of the pen. Pure.
use serde::Serialize;

use super::pattern::AnyOf;
use super::rules::{Mute, Override, SeriesPattern};
use super::when::When;
use crate::names::Names;
use crate::roll_up::{ACCOUNTS, ALL};
use crate::series::Api;
use crate::time::Minute;
use crate::words::{near, short_identity, without_session};

/// A rule that matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// Its id, or its place in the file.
    pub rule: String,
    /// Which of its keys nothing matches.
    pub why: String,
}

/// The rules, of those that could hold between the first and the last minute, that match nothing of `names`: neither an
/// API nor, where `sums` are judged, what a sum can be named.
#[must_use]
pub fn unmatched(
    (overrides, mutes): (&[Override], &[Mute]),
    names: &Names,
    (first, last): (Minute, Minute),
    sums: bool,
) -> Vec<Unmatched> {
    let known = Known::new(names, sums);
    let overrides = overrides.iter().enumerate().filter_map(|(index, rule)| {
        Some(Unmatched { rule: format!("override[{}]", index + 1), why: known.why_no_api(&rule.series)? })
    });
    let mutes = mutes.iter().filter(|rule| can_hold(rule, first, last)).filter_map(|rule| {
        let why = known.why_no_api(&rule.series).or_else(|| known.why_no_text(rule))?;
        Some(Unmatched { rule: rule.id.to_string(), why })
    });
    overrides.chain(mutes).collect()
}

/// What has expired by then, or is planned for another time, need not match anything.
fn can_hold(rule: &Mute, first: Minute, last: Minute) -> bool {
    let in_time = match rule.when {
        When::Between(from, to) => from.is_none_or(|from| from <= last) && to.is_none_or(|to| to > first),
        When::Always | When::Weekly(_) => true,
    };
    in_time && rule.expires.is_none_or(|expires| expires > last)
}

/// A key of a rule, what it says, and where an API has it.
type Key<'a> = (&'static str, &'a Option<AnyOf>, fn(&Api) -> &str);

/// Everything that a pattern can match.
struct Known<'a> {
    apis: Vec<Api>,
    names: &'a Names,
    sums: bool,
}

impl<'a> Known<'a> {
    fn new(names: &'a Names, sums: bool) -> Self {
        Self { apis: names.api_ids().map(|id| names.api_of(id)).collect(), names, sums }
    }

    /// The first key of the rule that no API has, or all of them if each has one somewhere, but none together.
    fn why_no_api(&self, rule: &SeriesPattern) -> Option<String> {
        if self.apis.iter().any(|api| rule.matches_api(api)) {
            return None;
        }
        let keys: [Key<'_>; 4] = [
            ("account", &rule.account, |api| &api.account),
            ("region", &rule.region, |api| &api.region),
            ("source", &rule.source, |api| &api.event_source),
            ("name", &rule.name, |api| &api.event_name),
        ];
        for (key, pattern, of) in keys {
            let Some(pattern) = pattern else { continue };
            // In the place of an account a sum can have any principal; elsewhere a star.
            let of_a_sum = self.sums
                && (key == "account" || [ALL, ACCOUNTS].into_iter().any(|name| pattern.matches(name)));
            if of_a_sum {
                return None;
            }
            if !self.apis.iter().any(|api| pattern.matches(of(api))) {
                let meant = near(&pattern.to_string(), self.apis.iter().map(|api| of(api).to_owned()), 1);
                return Some(nothing(key, pattern, meant.first()));
            }
        }
        Some(format!("no API has {rule} together"))
    }

    /// The first key of the rule that no text matches.
    fn why_no_text(&self, rule: &Mute) -> Option<String> {
        let texts = || self.names.texts().iter().filter(|text| !text.is_empty());
        let keys = [
            ("error_code", &rule.series.error_code),
            ("principal", &rule.principal),
            ("user_agent", &rule.user_agent),
        ];
        keys.into_iter().find_map(|(key, pattern)| {
            let pattern = pattern.as_ref()?;
            let matches = |text: &str| {
                let known =
                    || pattern.matches(without_session(text)) || pattern.matches(&short_identity(text));
                pattern.matches(text) || (key == "principal" && known())
            };
            (!texts().any(|text| matches(text))).then(|| nothing(key, pattern, None))
        })
    }
}

fn nothing(key: &str, pattern: &AnyOf, meant: Option<&String>) -> String {
    let meant = meant.map(|meant| format!("; nearest is {meant}")).unwrap_or_default();
    format!("no {key} matches {pattern}{meant}")
}
