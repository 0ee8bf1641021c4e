//! How one series stands at the end of a minute: what was seen, what is usual, and every line, crossed or not. Pure.
//!
//! `ApiDetector::look` makes it; each series has the part that knows its private state in a `look` of its own.
use serde::Serialize;

use super::{Direction, Rule};
use crate::time::Minute;

/// How a series stands at the end of a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The last minute of the windows.
    pub minute: Minute,
    /// Age of the series at the end of it, days.
    pub age_days: f64,
    /// Whether lines are judged.
    pub judged: Judged,
    /// First minute of the open episode, and the line that it crossed.
    pub open: Option<(Minute, Rule)>,
    /// What is usual.
    pub levels: Levels,
    /// One for each window length, shortest first.
    pub windows: Vec<WindowLook>,
}

/// Whether a series is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// It is.
    Yes,
    /// The account has not been watched for long enough.
    AccountTooYoung,
    /// The series is too young for lines on what is usual.
    SeriesTooYoung,
    /// Its episode is open: nothing opens another.
    EpisodeOpen,
}

/// What is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Levels {
    /// Of a call rate: the forecasters, calls a minute, each with its weight in the expectation, 0 to 1.
    Rate {
        /// The level of the last half day.
        recent: (f64, f64),
        /// The level of the last week.
        level: (f64, f64),
        /// This time of the day.
        time_of_day: (f64, f64),
        /// This time of the week.
        time_of_week: (f64, f64),
    },
    /// Of an error rate: the share of calls that usually fail.
    Share(f64),
}

/// One window that ends with the minute.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowLook {
    /// Its length, minutes.
    pub minutes: u32,
    /// Calls in it.
    pub observed: f64,
    /// The most calls that are expected in it: the highest of the forecasts for this time and near it.
    pub expected: f64,
    /// Standard deviation of the calls in it.
    pub deviation: f64,
    /// log10 of the probability of at least so many calls; 0 where they are not more than expected.
    pub log10_probability: f64,
    /// The other side; `None` where a fall is not judged.
    pub fall: Option<Fall>,
    /// Largest total of such a window ever, insights included, but for the last two to four hours.
    pub largest: Option<f64>,
    /// The lines that are drawn for such windows.
    pub lines: Vec<LineLook>,
}

/// What a window is judged by when calls stay away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fall {
    /// The fewest calls that are expected in it: the lowest of the forecasts for this time and near it.
    pub expected: f64,
    /// Standard deviation of the calls in it.
    pub deviation: f64,
    /// log10 of the probability of at most so many calls; 0 where they are not fewer than expected.
    pub log10_probability: f64,
}

impl WindowLook {
    /// The smaller of the two probabilities, and whether it is that of a fall.
    #[must_use]
    pub fn extreme(&self) -> (f64, Direction) {
        match self.fall {
            Some(fall) if fall.log10_probability < self.log10_probability => {
                (fall.log10_probability, Direction::Down)
            }
            _ => (self.log10_probability, Direction::Up),
        }
    }
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineLook {
    /// Which.
    pub rule: Rule,
    /// The total that has to be reached (of a drop: undercut); `None` where no total would do now.
    pub bound: Option<f64>,
    /// Whether it is.
    pub crossed: bool,
}
