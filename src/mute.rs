//! An insight, its calls and the user's rules -> the rule that mutes it, if any. Pure.
//!
//! A rule that names callers mutes an insight only where those callers account for it. For a rise: without their calls,
//! no window of any length reaches its line. For a fall: they made nearly all calls of the week
//! before. So nobody hides behind a muted caller by letting it make one call, or by calling while it calls.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::aggregate::Cell;
use crate::attribution::Contributing;
use crate::cloudtrail::insight::State;
use crate::config::{AnyOf, Mute, When};
use crate::detect::{Direction, WINDOW_MINUTES};
use crate::finding::Event;
use crate::insight::{Insight, SeriesCalls, baseline_from};
use crate::names::{Names, TextId};
use crate::time::Minute;
use crate::words::{short_identity, without_session};

/// Share of the calls of the week before that the callers of a rule must have made for it to mute a fall: nearly all, since
/// what is missing has no caller; not all, since somebody always tries something by hand.
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
        && rule.holds(insight.start)
        && accounted_for(rule, insight, calls)
}

/// Whether a rule mutes an event that was published before the rule was written. The calls are not at hand any more, so it
/// does where the event itself shows that the rule's callers account for it: the first that it names is one of them, and what
/// the others called in the window does not reach its line. The rule has to hold from its first minute to its last.
#[must_use]
pub fn mutes_event(rule: &Mute, event: &Event) -> bool {
    let Some(why) = &event.explanation else { return false };
    let details = &event.record.insight_details;
    let (first, last) = match event.state() {
        State::Start => (event.record.event_time, why.detected_at.plus(-1)),
        State::End => {
            let minutes = details.insight_context.statistics.insight_duration.unwrap_or(1);
            (event.record.event_time.plus(-minutes), event.record.event_time.plus(-1))
        }
    };
    let by = |attribute: Contributing, patterns: &Option<AnyOf>| {
        let Some(patterns) = patterns else { return true };
        let Some(one) = why.contributors.iter().find(|one| one.attribute == attribute) else { return false };
        let is_named = patterns.matches(&one.value) || patterns.matches(&short_identity(&one.value));
        #[expect(clippy::cast_precision_loss, reason = "calls of half an hour")]
        let others = why.observed - one.calls as f64;
        is_named
            && match why.direction {
                Direction::Up => others < why.bound,
                Direction::Down => one.usual >= SHARE_OF_FALL * why.expected,
            }
    };
    rule.series.matches(&event.record.series(), why.direction)
        && rule.holds(first)
        && rule.holds(last.max(first))
        && by(Contributing::Identity, &rule.principal)
        && by(Contributing::UserAgent, &rule.user_agent)
}

/// Whether the callers that the rule names account for the insight, in the minutes in which it holds; a rule that names
/// neither callers nor times is about all calls.
fn accounted_for(rule: &Mute, insight: &Insight, calls: &SeriesCalls<'_>) -> bool {
    if insight.explanation.direction == Direction::Down && !holds_to_the_end(rule, insight) {
        return false;
    }
    if rule.principal.is_none()
        && rule.user_agent.is_none()
        && rule.when == When::Always
        && rule.expires.is_none()
    {
        return true;
    }
    let mut callers = Callers::new(rule, calls.names());
    match insight.explanation.direction {
        Direction::Up => others_are_usual(insight, calls, &mut callers),
        Direction::Down => {
            let (mut of_rule, mut of_all) = (0.0, 0.0);
            for cell in calls.cells(baseline_from(insight.start), insight.start) {
                of_all += f64::from(cell.calls);
                of_rule += if callers.are_named(&cell) { f64::from(cell.calls) } else { 0.0 };
            }
            of_rule > 0.0 && of_rule >= SHARE_OF_FALL * of_all
        }
    }
}

/// Whether a fall that began while the rule held ended in such a time too, give or take the minutes that it takes to see.
fn holds_to_the_end(rule: &Mute, insight: &Insight) -> bool {
    let window = i32::try_from(insight.explanation.window_minutes).unwrap_or(i32::MAX);
    insight.state == State::Start || rule.holds(insight.event_time.plus(-1 - window).max(insight.start))
}

/// Whether callers whom the rule does not name stay below the line in windows of every length, and those whom it names
/// did call.
fn others_are_usual(insight: &Insight, calls: &SeriesCalls<'_>, callers: &mut Callers<'_>) -> bool {
    let (from, until) = judged_minutes(insight);
    let window = i32::try_from(insight.explanation.window_minutes).unwrap_or(i32::MAX);
    let crossing = insight.explanation.detected_at.plus(-window);
    // The window that crossed the line can begin before the first unusual minute, and before the rule holds.
    let rule_holds = |minute: Minute| minute < insight.start || callers.rule.holds(minute);
    let mut others = BTreeMap::<Minute, f64>::new();
    let mut meant = false;
    for cell in calls.cells(from, until) {
        if rule_holds(cell.minute) && callers.are_named(&cell) {
            meant |= cell.minute >= crossing;
        } else {
            *others.entry(cell.minute).or_default() += f64::from(cell.calls);
        }
    }
    meant && stays_below(&others, insight)
}

/// The minutes by which it is decided whether some of the calls account for an insight: from the beginning of the longest
/// window that ended when it was noticed to its end; of a Start, to when it was noticed.
pub(crate) fn judged_minutes(insight: &Insight) -> (Minute, Minute) {
    let why = &insight.explanation;
    let longest = WINDOW_MINUTES.into_iter().max().unwrap_or_default();
    let until = match insight.state {
        State::Start => why.detected_at,
        State::End => why.detected_at.max(insight.event_time),
    };
    (why.detected_at.plus(-longest), until)
}

/// Whether `calls` alone would not have crossed a line of an insight's in a window of any length. A burst crosses that of a
/// short window; what somebody else does more slowly at the same time must not hide behind it.
pub(crate) fn stays_below(calls: &BTreeMap<Minute, f64>, insight: &Insight) -> bool {
    let why = &insight.explanation;
    WINDOW_MINUTES.into_iter().zip(why.bounds).all(|(length, bound)| {
        let crossed = i32::try_from(why.window_minutes) == Ok(length);
        let bound = bound.into_iter().chain(crossed.then_some(why.bound)).reduce(f64::min);
        let from = why.detected_at.plus(-length);
        bound.is_none_or(|bound| largest_total(calls.range(from..), length) < bound)
    })
}

/// The largest total of any `length` minutes.
fn largest_total<'a>(calls: impl Iterator<Item = (&'a Minute, &'a f64)> + Clone, length: i32) -> f64 {
    let (mut most, mut total, mut first) = (0.0_f64, 0.0, calls.clone().peekable());
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

    fn are_named(&mut self, cell: &Cell) -> bool {
        let Self { rule, names, principals, agents } = self;
        let matches = |pattern: &Option<AnyOf>, known: &mut BTreeMap<TextId, bool>, id: TextId| {
            let Some(pattern) = pattern else { return true };
            *known.entry(id).or_insert_with(|| {
                let text = names.text_of(id);
                pattern.matches(text)
                    || pattern.matches(without_session(text))
                    || pattern.matches(&short_identity(text))
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
        let bounds = [Some(50.0), Some(50.0), Some(100.0), None];
        let evidence = crate::detect::Evidence { bound: 50.0, bounds, direction, ..EVIDENCE };
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
        // Never too many in five minutes, but in half an hour: nobody hides behind a short window that he does not fill.
        let slowly: Vec<(i32, &str, u32)> = (0..20).map(|minute| (minute, EVE, 6)).collect();
        check(rule, &[&[(0, BACKUP, 80)], &slowly[..]].concat(), Direction::Up, [true, false]);
        let before: Vec<(i32, &str, u32)> = (0..24).map(|minute| (minute - 20, EVE, 5)).collect();
        check(rule, &[&[(0, BACKUP, 80)], &before[..]].concat(), Direction::Up, [false, false]);
        let week = [(-3000, BACKUP, 90), (-2000, EVE, 10)];
        check(rule, &week, Direction::Down, [true, true]);
        check("principal = \"user/eve\"", &week, Direction::Down, [false, false]);
        let week = [(-3000, BACKUP, 89), (-2000, EVE, 11)];
        check(rule, &week, Direction::Down, [false, false]);
    }

    #[test]
    fn a_time_mutes_what_happens_in_it() {
        let until = |to: &str| format!("name = \"*\"\nfrom = 2026-02-03\nto = \"2026-02-03T{to}\"");
        let again: &Calls<'_> = &[(0, EVE, 80), (12, EVE, 60)];
        check(&until("10:13"), again, Direction::Up, [true, true]);
        check(&until("10:12"), again, Direction::Up, [true, false]);
        check("name = \"*\"\nexpires = 2026-02-03T10:12:00Z", again, Direction::Up, [true, false]);
        check("name = \"*\"\nfrom = \"09:00\"\nto = \"10:12\"", again, Direction::Up, [true, false]);
        check("name = \"*\"\nfrom = \"10:01\"\nto = \"11:00\"", again, Direction::Up, [false, false]);
        // What little comes after it was muted is no second burst.
        check(&until("10:12"), &[(0, EVE, 80), (12, EVE, 49)], Direction::Up, [true, true]);
        // A fall ends at 10:20, and is seen in five minutes: it may last to the end of the time, not beyond.
        let week = [(-3000, BACKUP, 95)];
        check(&until("10:15"), &week, Direction::Down, [true, true]);
        check(&until("10:14"), &week, Direction::Down, [true, false]);
    }
}
