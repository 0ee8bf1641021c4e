//! The unusual windows of an open episode -> how far it went. Pure.
//!
//! What an episode is when it is noticed says little of what becomes of it: the sooner it is noticed, the less. So its end
//! is rated by all that came while it was open. Whoever has it open for longer, as a higher sensitivity has, sees the
//! same windows and more of them: no number here can be smaller then.
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Direction, Evidence};
use crate::time::Minute;

/// Fewer calls than this count as this where a total is told as a multiple: a tenth of a call says nothing.
const LEAST_USUAL: f64 = 1.0;

/// How far an episode went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// End of the most improbable window.
    #[serde(serialize_with = "as_epoch", deserialize_with = "from_epoch")]
    pub at: Minute,
    /// Its length, minutes.
    pub window_minutes: u32,
    /// Calls in it.
    pub observed: f64,
    /// Calls expected in it.
    pub expected: f64,
    /// log10 of the probability of a total as extreme.
    pub log10_probability: f64,
    /// How many times the usual a total was at most, of this window or another; see [`times`].
    pub times: f64,
}

impl Peak {
    /// That of an episode that opens now.
    pub(crate) fn of(evidence: &Evidence, at: Minute) -> Self {
        let Evidence { window_minutes, observed, expected, log10_probability, .. } = *evidence;
        Self {
            at,
            window_minutes,
            observed,
            expected,
            log10_probability,
            times: times(evidence.direction, observed, (expected, evidence.largest_before)),
        }
    }

    /// Takes note of another window.
    pub(crate) fn note(&mut self, other: &Self) {
        let times = self.times.max(other.times);
        if other.log10_probability < self.log10_probability {
            *self = *other;
        }
        self.times = times;
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn as_epoch<S: Serializer>(minute: &Minute, serializer: S) -> Result<S::Ok, S::Error> {
    minute.epoch().serialize(serializer)
}

fn from_epoch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minute, D::Error> {
    i32::deserialize(deserializer).map(Minute::from_epoch)
}

/// How many times the usual a rise is, or the usual is a fall: a rise against the larger of what is expected and the
/// largest total before, a fall against what is expected. Less than one call counts as one.
#[must_use]
pub fn times(direction: Direction, observed: f64, (expected, largest_before): (f64, Option<f64>)) -> f64 {
    let usual = expected.max(LEAST_USUAL);
    match direction {
        Direction::Up => observed / usual.max(largest_before.unwrap_or_default()),
        Direction::Down => usual / observed.max(LEAST_USUAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_of_the_usual() {
        let cases = [
            (Direction::Up, 260.0, (2.0, Some(26.0)), 10.0),
            (Direction::Up, 260.0, (130.0, Some(26.0)), 2.0),
            (Direction::Up, 20.0, (0.01, None), 20.0),
            (Direction::Down, 0.0, (600.0, Some(700.0)), 600.0),
            (Direction::Down, 60.0, (600.0, Some(700.0)), 10.0),
        ];
        for (direction, observed, usual, want) in cases {
            assert!((times(direction, observed, usual) - want).abs() < 1e-12, "{direction:?} {observed}");
        }
    }

    #[test]
    fn the_most_improbable_window_stays_and_so_does_the_largest_multiple() {
        let at = Minute::from_epoch(28_985_760);
        let window = |window_minutes, log10_probability, times| Peak {
            at,
            window_minutes,
            observed: 9.0,
            expected: 1.0,
            log10_probability,
            times,
        };
        let mut peak = window(5, -10.0, 3.0);
        peak.note(&window(1, -8.0, 9.0));
        assert_eq!(peak, window(5, -10.0, 9.0));
        peak.note(&window(30, -20.0, 2.0));
        assert_eq!(peak, window(30, -20.0, 9.0));
        peak.note(&window(120, -20.0, 2.0));
        assert_eq!(peak, window(30, -20.0, 9.0), "of equals the first");
    }
}
