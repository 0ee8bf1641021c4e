//! Counted minutes of one API -> episodes that open and close, each with its evidence. Pure, deterministic, one pass.
mod api;
mod errors;
mod lines;
pub mod look;
mod peak;
mod rate;
mod surprise;
#[cfg(test)]
mod tests;
mod watch;

use serde::{Deserialize, Serialize};

pub use api::ApiDetector;
pub use peak::{Peak, times};

use crate::time::Minute;

/// What one API did in one minute; minutes without calls are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiMinute<'a> {
    /// When.
    pub minute: Minute,
    /// Calls that count for the call rate: writes of the management plane, or all calls of the data plane.
    pub rate_calls: u32,
    /// All calls, reads included: what errors are a share of.
    pub calls: u32,
    /// Failed calls by error code, each code once, sorted by code.
    pub errors: &'a [(CodeId, u32)],
}

/// An error code as its owner numbers it; only compared, never interpreted.
pub type CodeId = u32;

/// Which series of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Which {
    /// The call rate.
    Calls,
    /// The failures with one code.
    Errors(CodeId),
}

/// Which way a series left its usual range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// More calls than usual.
    Up,
    /// Fewer calls than usual.
    Down,
}

impl Direction {
    /// As it stands in outputs and in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Which line an episode crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// Improbable for this time of day and week, and larger than the surprises that were accepted before.
    Contextual,
    /// Larger than any total of the remembered days by a margin.
    Record,
    /// A burst of an API that was never seen before.
    FirstSeen,
    /// Calls that are always there stayed away.
    Drop,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Contextual, Self::Record, Self::FirstSeen, Self::Drop];

    /// As it stands in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contextual => "contextual",
            Self::Record => "record",
            Self::FirstSeen => "first_seen",
            Self::Drop => "drop",
        }
    }

    /// Which way a series goes that crosses it.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Contextual | Self::Record | Self::FirstSeen => Direction::Up,
            Self::Drop => Direction::Down,
        }
    }
}

/// A total for each length of a window, by [`WINDOW_MINUTES`].
pub type Bounds = [Option<f64>; WINDOW_MINUTES.len()];

/// Lengths of the windows, minutes.
pub const WINDOW_MINUTES: [i32; 4] = crate::baseline::WINDOWS;

/// Why an episode opened: the numbers behind the verdict, all of them checkable by hand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The line that was crossed.
    pub rule: Rule,
    /// Up or down.
    pub direction: Direction,
    /// Length of the window that crossed it, minutes.
    pub window_minutes: u32,
    /// Calls in the window.
    pub observed: f64,
    /// Calls expected in the window at this time of day and week.
    pub expected: f64,
    /// Standard deviation of the calls in such a window: with `expected`, the negative binomial of the probability.
    pub deviation: f64,
    /// The total that had to be reached (or, for a drop, undercut).
    pub bound: f64,
    /// The total from which a window of each length would have crossed a line of a rise at that moment; `None` where no
    /// total would have.
    pub bounds: Bounds,
    /// log10 of the probability of a total at least (for a drop: at most) as extreme.
    pub log10_probability: f64,
    /// Largest total of such a window ever before, insights included; `None` where there is none yet.
    pub largest_before: Option<f64>,
    /// Age of the series when the episode was detected, days.
    pub series_age_days: f64,
}

/// What happened to an episode.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A series left its usual range.
    Opened {
        /// The series.
        which: Which,
        /// First unusual minute.
        start: Minute,
        /// End of the minute in which it was noticed.
        detected_at: Minute,
        /// Why.
        evidence: Evidence,
    },
    /// It came back.
    Closed {
        /// The series.
        which: Which,
        /// First unusual minute, as in `Opened`.
        start: Minute,
        /// First usual minute after it.
        end: Minute,
        /// End of the minute in which the return was certain.
        closed_at: Minute,
        /// How far it went.
        peak: Peak,
    },
}

impl Event {
    /// When it was certain, of which series, and an end before a start: the order in which events are told.
    const fn order(&self) -> (Minute, Which, u8) {
        match self {
            Self::Opened { which, detected_at, .. } => (*detected_at, *which, 1),
            Self::Closed { which, closed_at, .. } => (*closed_at, *which, 0),
        }
    }
}
