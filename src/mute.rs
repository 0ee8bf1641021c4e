//! An insight, its calls and the user's rules -> the rule that mutes it, if any. Pure.
//!
//! A rule that names callers mutes an insight only where those callers account for it. For a rise: without their calls,
//! no window of the length that crossed the line reaches the line. For a fall: they made nearly all calls of the week
//! before. So nobody hides behind a muted caller by letting it make one call, or by calling while it calls.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::aggregate::Cell;
use crate::cloudtrail::insight::State;
use crate::config::{AnyOf, Mute};
use crate::detect::Direction;
use crate::insight::{Insight, SeriesCalls, baseline_from};
use crate::names::{Names, TextId};
use crate::time::Minute;
use crate::words::short_identity;

/// Share of the calls of the week before that the callers of a rule must have made for it to mute a fall.
pub(crate) const SHARE_OF_FALL: f64 = 0.9;

/// Notes in the explanation which of `rules`, the first that does, mutes the insight. `calls` are those of its series.
///
/// A Start is judged by the minutes up to its detection, an End by those of the whole episode: what a muted Start did
/// not show yet can unmute the End.
pub fn mute(insight: &mut Insight, calls: &SeriesCalls<'_>, rules: &[Mute]) {
    let rule = rules.iter().find(|rule| mutes(rule, insight, calls));
    let (by, because) = rule.map(|rule| (Arc::clone(&rule.id), Arc::clone(&rule.reason))).unzip();
    insight.explanation.muted_by = by;
    insight.explanation.muted_because = because;
}

fn mutes(rule: &Mute, insight: &Insight, calls: &SeriesCalls<'_>) -> bool {
    rule.series.matches(&insight.series, insight.explanation.direction)
        && rule.when.holds(insight.start)
        && rule.expires.is_none_or(|expires| insight.start < expires)
        && accounted_for(rule, insight, calls)
}

/// Whether the callers that the rule names account for the insight; a rule that names none is about all of them.
fn accounted_for(rule: &Mute, insight: &Insight, calls: &SeriesCalls<'_>) -> bool {
    if rule.principal.is_none() && rule.user_agent.is_none() {
        return true;
    }
    let mut callers = Callers::new(rule, calls.names());
    match insight.explanation.direction {
        Direction::Up => {
            most_of_others(insight, calls, &mut callers).is_some_and(|most| most < insight.explanation.bound)
        }
        Direction::Down => {
            let (mut of_rule, mut of_all) = (0.0, 0.0);
            for cell in calls.cells(baseline_from(insight.start), insight.start) {
                of_all += f64::from(cell.calls);
                of_rule += if callers.are_meant(&cell) { f64::from(cell.calls) } else { 0.0 };
            }
            of_rule > 0.0 && of_rule >= SHARE_OF_FALL * of_all
        }
    }
}

/// The largest total that callers whom the rule does not name reached in any window of the length that crossed the
/// line; `None` where those whom it names did not call at all.
fn most_of_others(insight: &Insight, calls: &SeriesCalls<'_>, callers: &mut Callers<'_>) -> Option<f64> {
    let why = &insight.explanation;
    let length = i32::try_from(why.window_minutes).unwrap_or(i32::MAX);
    let until = match insight.state {
        State::Start => why.detected_at,
        State::End => why.detected_at.max(insight.event_time),
    };
    let mut others = BTreeMap::<Minute, f64>::new();
    let mut meant = false;
    for cell in calls.cells(why.detected_at.plus(-length), until) {
        if callers.are_meant(&cell) {
            meant = true;
        } else {
            *others.entry(cell.minute).or_default() += f64::from(cell.calls);
        }
    }
    meant.then(|| largest_total(&others, length))
}

/// The largest total of any `length` minutes.
pub(crate) fn largest_total(calls: &BTreeMap<Minute, f64>, length: i32) -> f64 {
    let (mut most, mut total, mut first) = (0.0_f64, 0.0, calls.iter().peekable());
    for (last, number) in calls {
        total += number;
        while let Some((_, number)) = first.next_if(|(minute, _)| last.since(**minute) >= length) {
            total -= number;
        }
        most = most.max(total);
    }
    most
}

/// Who is meant by a rule; each text is matched once.
struct Callers<'a> {
    rule: &'a Mute,
    names: &'a Names,
    principals: BTreeMap<TextId, bool>,
    agents: BTreeMap<TextId, bool>,
}

impl<'a> Callers<'a> {
    fn new(rule: &'a Mute, names: &'a Names) -> Self {
        Self { rule, names, principals: BTreeMap::new(), agents: BTreeMap::new() }
    }

    fn are_meant(&mut self, cell: &Cell) -> bool {
        let Self { rule, names, principals, agents } = self;
        let matches = |pattern: &Option<AnyOf>, known: &mut BTreeMap<TextId, bool>, id: TextId| {
            let Some(pattern) = pattern else { return true };
            *known.entry(id).or_insert_with(|| {
                let text = names.text_of(id);
                pattern.matches(text) || pattern.matches(&short_identity(text))
            })
        };
        matches(&rule.principal, principals, cell.identity) && matches(&rule.user_agent, agents, cell.agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Attribution as Columns, Counts};
    use crate::classify::Observation;
    use crate::config::Config;
    use crate::insight::tests::{EVIDENCE, PEAK, at, call, counts, model, opening};
    use crate::insight::{Closing, Opening, end_of, start_of};

    /// Calls on a day: minute of the hour 10, caller, number.
    type Calls<'a> = [(i32, &'a str, u32)];

    const BACKUP: &str = "arn:aws:sts::111122223333:assumed-role/backup/i-0abc";
    const EVE: &str = "arn:aws:iam::111122223333:user/eve";

    /// The Start and the End of an episode from 10:00 to 10:20 that a five-minute window found at 10:05 above 50.
    fn insights(made: &Calls<'_>, direction: Direction) -> (Counts, [Insight; 2]) {
        let made: Vec<(Observation<'_>, u32)> = made
            .iter()
            .map(|&(minute, identity, calls)| {
                let base = call("2026-02-03T10:00:00Z", "s3.amazonaws.com", "CopyObject");
                let minute = base.minute.plus(minute);
                (
                    Observation { minute, identity: identity.into(), user_agent: "tool/1".into(), ..base },
                    calls,
                )
            })
            .collect();
        let counts = counts(Columns::Kept, &made);
        let evidence = crate::detect::Evidence { bound: 50.0, direction, ..EVIDENCE };
        let opening =
            Opening { evidence, ..opening(&counts, None, "2026-02-03T10:00:00Z", "2026-02-03T10:05:00Z") };
        let closing =
            Closing { end: at("2026-02-03T10:20:00Z"), closed_at: at("2026-02-03T10:40:00Z"), peak: PEAK };
        let both = [start_of(&counts, &opening, &model()), end_of(&counts, &opening, closing, &model())];
        (counts, both)
    }

    fn check(rule: &str, made: &Calls<'_>, direction: Direction, want: [bool; 2]) {
        let config =
            Config::load(&format!("[[mute]]\nid = \"it\"\nreason = \"known\"\n{rule}"), "trailpulse.toml");
        let rules = config.expect("a configuration").mutes;
        let (counts, mut both) = insights(made, direction);
        for insight in &mut both {
            let calls = SeriesCalls::new(
                &counts,
                counts.names().api_ids().next().expect("an API"),
                &insight.series.kind,
            );
            mute(insight, &calls, &rules);
        }
        let muted = both.map(|insight| insight.explanation.muted_by.as_deref() == Some("it"));
        assert_eq!(muted, want, "{rule} {made:?}");
    }

    #[test]
    fn a_rule_mutes_what_it_names() {
        let made: &Calls<'_> = &[(0, EVE, 80)];
        let cases = [
            ("account = \"111122223333\"", true),
            ("account = [\"9*\", \"1111*\"]", true),
            ("account = \"1111\"", false),
            ("region = \"us-*\"", true),
            ("region = \"eu-*\"", false),
            ("source = \"s3.amazonaws.com\"\nname = \"*Object\"", true),
            ("source = \"s3.amazonaws.com\"\nname = \"Get*\"", false),
            ("error_code = \"*\"", false),
            ("type = \"ApiCallRateInsight\"", true),
            ("type = \"ApiErrorRateInsight\"", false),
            ("name = \"*\"\ndirection = \"up\"", true),
            ("name = \"*\"\ndirection = \"down\"", false),
            ("name = \"*\"\nexpires = 2026-02-03T10:01:00Z", true),
            ("name = \"*\"\nexpires = 2026-02-03T10:00:00Z", false),
            ("name = \"*\"\nfrom = \"09:00\"\nto = \"11:00\"", true),
            ("name = \"*\"\nfrom = \"09:00\"\nto = \"10:00\"", false),
            ("name = \"*\"\ndays = [\"tue\"]", true),
            ("name = \"*\"\ndays = [\"mon\", \"Wednesday\"]", false),
            ("name = \"*\"\nfrom = 2026-02-03\nto = 2026-02-04", true),
            ("user_agent = \"tool/*\"", true),
            ("principal = \"user/eve\"", true),
            ("principal = \"user/eve\"\nuser_agent = \"other\"", false),
        ];
        for (rule, want) in cases {
            check(rule, made, Direction::Up, [want, want]);
        }
    }

    #[test]
    fn callers_must_account_for_it() {
        let rule = "principal = \"role/backup\"";
        check(rule, &[(0, BACKUP, 80)], Direction::Up, [true, true]);
        check(rule, &[(0, BACKUP, 80), (1, EVE, 49)], Direction::Up, [true, true]);
        check(rule, &[(0, BACKUP, 80), (1, EVE, 50)], Direction::Up, [false, false]);
        check(rule, &[(0, BACKUP, 1), (1, EVE, 80)], Direction::Up, [false, false]);
        check(rule, &[(0, EVE, 80)], Direction::Up, [false, false]);
        // Somebody else calls as much once the muted caller's episode is open.
        check(rule, &[(0, BACKUP, 80), (10, EVE, 30), (12, EVE, 30)], Direction::Up, [true, false]);
        // As much, but over so long that it would not have been unusual.
        check(rule, &[(0, BACKUP, 80), (8, EVE, 30), (14, EVE, 30)], Direction::Up, [true, true]);
        let week = [(-3000, BACKUP, 95), (-2000, EVE, 5)];
        check(rule, &week, Direction::Down, [true, true]);
        check("principal = \"user/eve\"", &week, Direction::Down, [false, false]);
    }
}
