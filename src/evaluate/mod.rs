//! Labels and alarms -> how good the alarms are: precision, recall, false alarms, delay; by family and by kind.
//!
//! The rules, per alarm and per anomaly:
//!
//! - Only alarms after the warm-up count. An alarm answers a label of its API when it was detected between the label's
//!   start and its end plus a grace as long as the label, but 30 to 120 minutes; or when it began within the label and
//!   was detected at most 240 minutes after its end.
//! - An anomaly is found by an alarm of the right type on one of its labels; the delay runs from its first minute to
//!   the first such alarm. Further alarms are repetitions, unless the anomaly shows in several series.
//! - An alarm of another type, or on a label of something that need not be found, is neither right nor wrong.
//! - Every other alarm is a false one. Their rate is given by 1,000 series-days, since how rare anomalies are in a
//!   set of labels says nothing about life.
mod alarm;
mod figures;
mod labels;
mod score;
mod text;
mod truth;

use std::path::PathBuf;

pub use alarm::{Alarm, Type, alarms, read_alarms, read_series};
pub use figures::{Family, Figures, Kind, Rows};
pub use labels::read_truth;
pub use score::{FalseAlarm, Hit, Outcome, Score, score};
pub use text::write;
pub use truth::{Anomaly, Place, Truth};

/// Why something cannot be compared with its labels.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A file that cannot be opened.
    #[error("cannot read {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("cannot use {} as {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        source: serde_json::Error,
    },
}
