//! An insight -> how much it matters, in points: what the order of a report is made of. Pure.
use super::model::Importance;
use crate::attribution::rounded;
use crate::detect::{Direction, times};
use crate::explanation::Explanation;
use crate::finding::Finding;
use crate::severity::{Danger, danger};

/// The order, in words.
pub const ORDER: &str = "by severity; within a severity by points: what the call can do in the wrong hands (daily work 0, \
    notable 2, grave 4), how unlikely it was at its peak (1 point for a chance of 1 in 10^50, 2 at most for 1 in 10^100), and \
    how large (1 point for 100 times the usual or the largest before, 2 at most for 10,000 times); then the earlier first. \
    What is muted, or only says what others say, comes behind; what was over before the report's time, last";

/// Powers of ten of the probability, and of the multiple of the usual, that are worth a point.
const UNLIKELY: f64 = 50.0;
const LARGE: f64 = 2.0;
/// Points at most of each of the two, and points of each step of danger.
const MOST: f64 = 2.0;
const DANGER: f64 = 2.0;

/// The points of an insight.
#[must_use]
pub fn importance(finding: &Finding) -> Importance {
    let latest = finding.latest();
    let dangerous = match danger(&finding.series()) {
        Danger::None => 0.0,
        Danger::Notable => DANGER,
        Danger::Grave => 2.0 * DANGER,
    };
    let (log10, multiple) = latest.explanation.as_ref().map_or_else(
        || {
            let statistics = &latest.record.insight_details.insight_context.statistics;
            (
                0.0,
                times(
                    latest.direction(),
                    statistics.now().unwrap_or_default(),
                    (statistics.usual().unwrap_or_default(), None),
                ),
            )
        },
        farthest,
    );
    let points = |number: f64, each: f64| rounded::<4>((number / each).clamp(0.0, MOST));
    let (unlikely, large) = (points(-log10, UNLIKELY), points(multiple.max(1.0).log10(), LARGE));
    Importance { score: rounded::<4>(dangerous + unlikely + large), dangerous, unlikely, large }
}

/// The probability and the multiple of the usual at the peak, or else when it was noticed.
fn farthest(why: &Explanation) -> (f64, f64) {
    let known = |length| Some(why.largest_before?).filter(|_| length == why.window_minutes);
    let Explanation { direction, window_minutes, observed, expected, .. } = *why;
    let noticed = times(direction, observed, (expected, known(window_minutes)));
    let Some(peak) = &why.peak else { return (why.least_log10(), noticed) };
    // The largest total before of a window of another length is not known here: the smaller multiple is not too much.
    let peaked = match direction {
        Direction::Up if peak.window_minutes != why.window_minutes => noticed,
        _ => times(direction, peak.observed, (peak.expected, known(peak.window_minutes))),
    };
    (why.least_log10(), noticed.max(peaked))
}
