//! An episode's evidence and who called -> why it was flagged, in numbers and in a sentence. Pure.
mod names;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::attribution::{Contributor, Side, average, leading, rounded, significant};
use crate::cloudtrail::insight::as_text;
use crate::detect::{Bounds, Direction, Evidence, Peak, Rule};
use crate::model::Model;
use crate::names::Names;
use crate::roll_up::{ACCOUNTS, ALL, RollUp};
use crate::series::{Kind, SeriesKey};
use crate::severity::{Severity, severity};
use crate::time::{MINUTES_PER_DAY, Minute};
use crate::words::{chance, clock, duration, figure, fitted};

/// Probabilities below this are written as this: they have left what a double can hold.
pub const LOWEST_LOG10: f64 = -9999.0;

/// Columns of a name in a sentence; AWS's own names are shorter.
const NAME_COLUMNS: usize = 80;

/// Why an insight was published. Its fields are those of `insights.jsonl`; numbers have at most four decimals, those of the
/// law of the probability six significant digits. Start and End of an insight differ only in the text, and in the peak and the severity, which the End has of the whole episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// End of the minute at which a program watching live would have written the Start.
    #[serde(with = "crate::time::text")]
    pub detected_at: Minute,
    /// `up` or `down`.
    #[serde(with = "names::direction")]
    pub direction: Direction,
    /// Length of the window that crossed the line, minutes; it ended at `detected_at`.
    pub window_minutes: u32,
    /// Calls in the window.
    pub observed: f64,
    /// The most calls that are expected in it at this time of day and week; for a fall, the least.
    pub expected: f64,
    /// Standard deviation of the calls in such a window: that of the law of `log10_probability`, a negative binomial
    /// with `expected` as its mean.
    pub deviation: f64,
    /// The total that had to be reached; for a fall, undercut.
    pub bound: f64,
    /// The same for a window of each length; not in outputs.
    #[serde(skip)]
    pub bounds: Bounds,
    /// log10 of the probability of a total as extreme; never below -9999.
    pub log10_probability: f64,
    /// Largest total of such a window ever, insights included, but for the last two to four hours.
    pub largest_before: Option<f64>,
    /// Age of the series, days.
    pub series_age_days: f64,
    /// Median of the totals of the same minutes of the seven days before; `None` where none of them was watched.
    pub usual_time_of_day: Option<f64>,
    /// Median of the totals of the same minutes of the four weeks before.
    pub usual_time_of_week: Option<f64>,
    /// Who, with what and with which error had more calls in the window than usual (for a fall: less): of each kind
    /// up to three, those that contribute most first.
    pub contributors: Vec<Contributor>,
    /// How far it went, until it ended; absent at the Start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Farthest>,
    /// How soon to look: the Start by what was known then, the End by the peak.
    #[serde(with = "names::severity")]
    pub severity: Severity,
    /// Which line was crossed: `contextual`, `record`, `first_seen` or `drop`.
    #[serde(with = "names::rule")]
    pub rule: Rule,
    /// The same for a person, in one sentence; safe to print, where it was not read from a file.
    pub text: String,
    /// Name of the model.
    #[serde(with = "names::text")]
    pub model: Arc<str>,
    /// Digest of its parameters.
    #[serde(with = "names::text")]
    pub model_digest: Arc<str>,
    /// How easily something was unusual; 1 is the model as it is written.
    pub sensitivity: f64,
    /// What was summed; absent where the insight is of one API in one account and region.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "names::roll_up")]
    pub roll_up: Option<RollUp>,
    /// Accounts with calls in the window; only of sums over accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<u64>,
    /// Ids of the insights that tell all of it already, so that it alerts nobody; only of sums.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "names::ids")]
    pub told_by: Vec<Uuid>,
    /// The user's rule that mutes it, by its id; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "names::some_text")]
    pub muted_by: Option<Arc<str>>,
    /// Why that rule was written.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "names::some_text")]
    pub muted_because: Option<Arc<str>>,
}

impl Explanation {
    /// Whether anybody should hear of it: no rule mutes it, and no other insight tells it already.
    #[must_use]
    pub const fn alerts(&self) -> bool {
        self.muted_by.is_none() && self.told_by.is_empty()
    }

    /// log10 of the least probability that is known of it: at its peak, or when it was noticed.
    #[must_use]
    pub fn least_log10(&self) -> f64 {
        self.peak
            .as_ref()
            .map_or(self.log10_probability, |it| it.log10_probability.min(self.log10_probability))
    }
}

/// Which parameters the detector ran with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelId {
    /// Such as `default`.
    #[serde(serialize_with = "as_text")]
    pub name: Arc<str>,
    /// Digest of all parameters.
    #[serde(serialize_with = "as_text")]
    pub digest: Arc<str>,
    /// How easily something is unusual; 1 is the model as it is written.
    pub sensitivity: f64,
}

/// The most improbable window of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Farthest {
    /// End of the window.
    #[serde(with = "crate::time::text")]
    pub at: Minute,
    /// Its length, minutes.
    pub window_minutes: u32,
    /// Calls in it.
    pub observed: f64,
    /// Calls expected in it.
    pub expected: f64,
    /// log10 of the probability of a total as extreme; never below -9999.
    pub log10_probability: f64,
}

impl From<&Peak> for Farthest {
    fn from(peak: &Peak) -> Self {
        Self {
            at: peak.at,
            window_minutes: peak.window_minutes,
            observed: rounded::<4>(peak.observed),
            expected: significant(peak.expected),
            log10_probability: rounded::<4>(peak.log10_probability.max(LOWEST_LOG10)),
        }
    }
}

impl ModelId {
    /// Of this model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        Self { name: model.name().into(), digest: model.digest().into(), sensitivity: model.sensitivity() }
    }
}

/// What is known of an episode when it opens.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'a> {
    /// End of the minute in which it was noticed.
    pub detected_at: Minute,
    /// The verdict's numbers.
    pub evidence: &'a Evidence,
    /// How far it went, once it has ended.
    pub peak: Option<Peak>,
    /// What is usual in such a window.
    pub usual: Usual,
    /// Everybody who called in the window or in the week before.
    pub contributors: Vec<Contributor>,
}

/// What is usual in the minutes of a window, calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// At this time of the day; `None` where no day before was watched.
    pub time_of_day: Option<f64>,
    /// At this time of the week.
    pub time_of_week: Option<f64>,
}

/// Explains an episode when it opens. `text` is the sentence of [`opening`], or what [`closing`] makes of it.
#[must_use]
pub fn explain(series: &SeriesKey, found: Found<'_>, model: &ModelId, text: String) -> Explanation {
    let Found { detected_at, evidence, peak, usual, contributors } = found;
    let farthest = peak.unwrap_or_else(|| Peak::of(evidence, detected_at));
    Explanation {
        detected_at,
        direction: evidence.direction,
        window_minutes: evidence.window_minutes,
        observed: rounded::<4>(evidence.observed),
        expected: significant(evidence.expected),
        deviation: significant(evidence.deviation),
        bound: rounded::<4>(evidence.bound),
        bounds: evidence.bounds,
        log10_probability: rounded::<4>(evidence.log10_probability.max(LOWEST_LOG10)),
        largest_before: evidence.largest_before.map(rounded::<4>),
        series_age_days: rounded::<4>(evidence.series_age_days),
        usual_time_of_day: usual.time_of_day,
        usual_time_of_week: usual.time_of_week,
        contributors: leading(contributors, series, evidence.direction),
        peak: peak.as_ref().map(Farthest::from),
        severity: severity(series, &farthest),
        rule: evidence.rule,
        text,
        model: Arc::clone(&model.name),
        model_digest: Arc::clone(&model.digest),
        sensitivity: model.sensitivity,
        roll_up: None,
        accounts: None,
        told_by: Vec::new(),
        muted_by: None,
        muted_because: None,
    }
}

/// What was seen when an episode opened.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The verdict's numbers.
    pub evidence: &'a Evidence,
    /// What is usual in such a window.
    pub usual: Usual,
    /// Calls in the window that crossed the line.
    pub window: Side<'a>,
    /// Calls in the week before the episode.
    pub baseline: Side<'a>,
}

/// The sentence of a Start, such as: "`RunInstances` was called 260 times in 5 min (chance 1 in 10^98); at most 2.1 are
/// expected at this time, the line is 14; the same 5 min usually had 0 on the days before, 0 in the weeks before; the
/// most in 5 min before was 9; the series is 28 d old; mostly role/ci-deployer (240 of 260, usually 0.5)".
#[must_use]
pub fn opening(series: &SeriesKey, seen: Seen<'_>, names: &Names) -> String {
    let Evidence { rule, observed, expected, bound, log10_probability, .. } = *seen.evidence;
    let window = minutes_of(seen.evidence.window_minutes);
    let mut parts = vec![
        format!("{} in {window}{}", done(series, observed), in_brackets(log10_probability)),
        format!(
            "{}, the line is {}",
            expectation(series, (rule, expected), ["this time", "these minutes"]),
            figure(bound)
        ),
    ];
    let Usual { time_of_day, time_of_week } = seen.usual;
    let usually = [(time_of_day, "on the days before"), (time_of_week, "in the weeks before")];
    let usually: Vec<String> =
        usually.into_iter().filter_map(|(calls, of)| Some(format!("{} {of}", figure(calls?)))).collect();
    if !usually.is_empty() {
        parts.push(format!("the same {window} usually had {}", usually.join(", ")));
    }
    match (rule, seen.evidence.largest_before) {
        (Rule::FirstSeen, None) => parts.push("it was never seen before".into()),
        (_, Some(largest)) => parts.push(format!("the most in {window} before was {}", figure(largest))),
        (_, None) => {}
    }
    let age = (seen.evidence.series_age_days * f64::from(MINUTES_PER_DAY)).round() as i32;
    parts.push(format!("the series is {} old", duration(age)));
    parts.extend(who(series, &seen, names));
    parts.join("; ")
}

/// What was expected, as what it is: for a rise the most, for a fall the least, for failures their usual share.
fn expectation(series: &SeriesKey, (rule, expected): (Rule, f64), [time, minutes]: [&str; 2]) -> String {
    match (&series.kind, rule.direction()) {
        (Kind::ErrorRate { .. }, _) => format!("{} expected of its calls in {minutes}", are(expected)),
        (Kind::CallRate, Direction::Up) => format!("at most {} expected at {time}", are(expected)),
        (Kind::CallRate, Direction::Down) => format!("at least {} expected at {time}", are(expected)),
    }
}

/// Who called most; of a fall, who called most in the week before; and how much is usual for him.
fn who(series: &SeriesKey, seen: &Seen<'_>, names: &Names) -> Option<String> {
    // Who it is stands at the beginning already.
    if is_of_a_principal(series) {
        return None;
    }
    let Seen { window, baseline, .. } = seen;
    let usual = |calls: u64| calls as f64 * f64::from(window.minutes) / f64::from(baseline.minutes);
    match seen.evidence.direction {
        Direction::Up => {
            let (caller, calls) = window.tally.leader(names)?;
            let (all, usual) = (window.tally.calls() as f64, usual(baseline.tally.calls_of(&caller, names)));
            let caller = fitted(&caller, NAME_COLUMNS);
            Some(format!(
                "mostly {caller} ({} of {}, usually {})",
                figure(calls as f64),
                figure(all),
                figure(usual)
            ))
        }
        Direction::Down => {
            let (caller, before) = baseline.tally.leader(names)?;
            let (now, usual) = (window.tally.calls_of(&caller, names) as f64, usual(before));
            let caller = fitted(&caller, NAME_COLUMNS);
            Some(format!("most is missing from {caller} ({}, usually {})", figure(now), figure(usual)))
        }
    }
}

fn minutes_of(window: u32) -> String {
    duration(i32::try_from(window).unwrap_or(i32::MAX))
}

fn in_brackets(log10_probability: f64) -> String {
    chance(log10_probability).map(|chance| format!(" (chance {chance})")).unwrap_or_default()
}

/// What is known of an episode when it has ended.
#[derive(Debug, Clone, Copy)]
pub struct Lasted<'a> {
    /// Calls from its start to its end.
    pub calls: u64,
    /// Minutes between them.
    pub minutes: i32,
    /// Calls a minute in the week before.
    pub usual: f64,
    /// Why it opened.
    pub evidence: &'a Evidence,
    /// How far it went.
    pub peak: &'a Peak,
}

/// The sentence of an End: how the episode ended, how far it went if that is not how it began, and the sentence with which
/// it had begun.
#[must_use]
pub fn closing(series: &SeriesKey, lasted: &Lasted<'_>, opening: &str) -> String {
    let Lasted { calls, minutes, usual, evidence, peak } = *lasted;
    let farther = peak.log10_probability < evidence.log10_probability;
    let peak = farther.then(|| {
        format!(
            "; at its peak {} in the {} up to {}{}, where {}",
            figure(peak.observed),
            minutes_of(peak.window_minutes),
            clock(peak.at),
            in_brackets(peak.log10_probability),
            expectation(series, (evidence.rule, peak.expected), ["that time", "those minutes"]),
        )
    });
    format!(
        "back to usual after {}: {}, {} a minute against {} in the week before{}; it had begun with: {opening}",
        duration(minutes),
        done(series, calls as f64),
        figure(average(calls, minutes)),
        figure(usual),
        peak.unwrap_or_default(),
    )
}

/// `0.5 are`, `1 is`.
fn are(calls: f64) -> String {
    let calls = figure(calls);
    if calls == "1" { "1 is".to_owned() } else { format!("{calls} are") }
}

/// "… was called 3 times", "… failed once with …".
fn done(series: &SeriesKey, calls: f64) -> String {
    let times = times(calls);
    if is_of_a_principal(series) {
        let who = fitted(&series.api.account, NAME_COLUMNS);
        return match &series.kind {
            Kind::CallRate if &*series.api.event_name == ACCOUNTS => {
                format!("{who} called in {} for the first time that day", accounts(calls))
            }
            Kind::CallRate => format!("{who} called {times}"),
            Kind::ErrorRate { error_code } => {
                format!("{who} failed {times} with {}", fitted(error_code, NAME_COLUMNS))
            }
        };
    }
    let name = fitted(&series.api.event_name, NAME_COLUMNS);
    match &series.kind {
        Kind::CallRate => format!("{name} was called {times}"),
        Kind::ErrorRate { error_code } => {
            format!("{name} failed {times} with {}", fitted(error_code, NAME_COLUMNS))
        }
    }
}

/// Whether it is a sum over all APIs: a principal stands in the place of the account.
fn is_of_a_principal(series: &SeriesKey) -> bool {
    &*series.api.event_source == ALL
}

fn accounts(number: f64) -> String {
    let number = figure(number);
    if number == "1" { "1 account".to_owned() } else { format!("{number} accounts") }
}

fn times(calls: f64) -> String {
    match figure(calls).as_str() {
        "0" => "not once".into(),
        "1" => "once".into(),
        calls => format!("{calls} times"),
    }
}
