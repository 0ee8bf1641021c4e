//! The tables of a model file -> numbers within their allowed ranges. Pure.
//!
//! This list is the only one: loading, validation, the digest and the schema are all made from it. What each parameter
//! does, and its unit, stands here and in `models/default.toml`.
use serde::{Deserialize, Serialize};

/// One parameter as a number, with its place in the file and what it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Table of the model file.
    pub table: &'static str,
    /// Key within the table.
    pub key: &'static str,
    /// The value.
    pub value: f64,
    /// Smallest and largest allowed value.
    pub range: (f64, f64),
    /// Whether only whole numbers are allowed.
    pub whole: bool,
}

macro_rules! whole {
    (i32) => {
        true
    };
    (f64) => {
        false
    };
}

/// Declares one struct per table and `Parameters` with all of them.
macro_rules! tables {
    ($(
        $(#[$doc:meta])*
        $name:ident = $table:ident {
            $( $(#[$field_doc:meta])* $field:ident: $type:tt in $low:literal ..= $high:literal, )*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $( $(#[$field_doc])* pub $field: $type, )*
            }
        )*

        /// Every threshold of the detector.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Parameters {
            $( $(#[$doc])* pub $table: $name, )*
        }

        impl Parameters {
            /// All parameters in the order of the file.
            #[must_use]
            pub fn entries(&self) -> Vec<Entry> {
                vec![$($(
                    Entry {
                        table: stringify!($table),
                        key: stringify!($field),
                        value: f64::from(self.$table.$field),
                        range: ($low, $high),
                        whole: whole!($type),
                    },
                )*)*]
            }
        }
    };
}

tables! {
    /// How long things are watched and remembered.
    Memory = memory {
        /// Days an account must have been watched before anything is reported.
        warm_days: f64 in 0.0..=60.0,
        /// Days whose largest totals are remembered.
        days: i32 in 7.0..=60.0,
        /// An API that is silent for so many days is forgotten: its next call is its first.
        forget_days: i32 in 14.0..=400.0,
    }
    /// The expected rate: four forecasters, and how they are mixed.
    Expectation = expectation {
        /// Fast level: half hours it averages over.
        fast_slots: f64 in 1.0..=336.0,
        /// Slow level: half hours it averages over.
        slow_slots: f64 in 48.0..=3360.0,
        /// Time of day: days it averages over.
        day_days: f64 in 1.0..=60.0,
        /// Time of week: weight of the newest week.
        week_share: f64 in 0.02..=1.0,
        /// A half hour with so many calls starts the profiles of day and week; before, there are only the levels.
        profile_calls: f64 in 0.0..=1000.0,
        /// Keep per half hour of the sums that scale the profiles to the present level.
        gain_keep: f64 in 0.0..=0.9999,
        /// Calls added to both sums, so that few calls do not scale anything.
        gain_prior: f64 in 0.1..=10000.0,
        /// The profiles are scaled by at most this factor, and at least by its inverse.
        gain_limit: f64 in 1.0..=100.0,
        /// Keep per half hour of each forecaster's past loss.
        loss_keep: f64 in 0.5..=0.99999,
        /// Loss, in nats, that divides a forecaster's weight by e.
        loss_scale: f64 in 0.01..=1000.0,
        /// Half hours before and after the present one whose highest (for drops: lowest) forecast is used.
        reach_slots: i32 in 0.0..=6.0,
        /// Windows up to so many minutes are compared with the highest forecast for all their minutes.
        reach_minutes: f64 in 0.0..=120.0,
        /// A series has a rhythm where the profiles have more than this weight: its slow level no longer excuses bursts.
        rhythm_weight: f64 in 0.0..=1.0,
        /// Half hours above forecast + this many standard deviations + `outlier_calls` are learned as if they were at that limit.
        outlier_deviations: f64 in 0.5..=1000.0,
        /// See `outlier_deviations`, calls.
        outlier_calls: f64 in 0.0..=1.0e9,
        /// Age of the series from which outliers are limited, days.
        outlier_age_days: i32 in 0.0..=60.0,
    }
    /// Spread of the counts around their expectation M: variance = cluster x M + spread x M x M, per window length.
    Dispersion = dispersion {
        /// Cluster size that is assumed until it is known.
        cluster_prior: f64 in 1.01..=1000.0,
        /// Smallest cluster size.
        cluster_min: f64 in 1.001..=100.0,
        /// Spread that is assumed until it is known.
        spread_prior: f64 in 0.001..=100.0,
        /// Smallest spread.
        spread_min: f64 in 0.0001..=10.0,
        /// Weight of the assumed cluster size, calls.
        cluster_weight: f64 in 0.01..=1.0e6,
        /// Weight of the assumed spread, windows of average size squared.
        spread_weight: f64 in 0.01..=1.0e6,
        /// Windows of which fewer calls are expected count as if so many were, in that weight.
        spread_calls: f64 in 0.001..=1.0e6,
        /// Windows with at least this share of the average expectation tell of the spread, the others of the clusters.
        high_share: f64 in 0.01..=1.0,
        /// Totals within so many standard deviations of their expectation are usual: nothing is made of them.
        usual_deviations: f64 in 0.0..=100.0,
        /// Keep per day of what was seen.
        keep: f64 in 0.1..=0.9999,
        /// Ages in days at which most is forgotten, because the forecasters have just learned a day, and a week.
        relearn_day: i32 in 0.0..=60.0,
        /// See `relearn_day`.
        relearn_week: i32 in 0.0..=60.0,
        /// Keep at those ages.
        relearn_keep: f64 in 0.01..=1.0,
    }
    /// Line A, contextual: improbable for this time of day and week. Probabilities are measured as z = sqrt(-2 ln p).
    Contextual = contextual {
        /// Smallest z (6 is p = 1.5e-8).
        z: f64 in 2.0..=100.0,
        /// Smallest excess over the expectation, calls.
        excess: f64 in 0.0..=1.0e9,
        /// Smallest total, calls: smaller ones are not even remembered as surprises.
        total: f64 in 1.0..=1.0e9,
        /// Smallest ratio to the expectation.
        ratio: f64 in 1.0..=1000.0,
        /// Age of the series from which lines A and B are judged, and line C no longer, days.
        age_days: f64 in 0.0..=60.0,
    }
    /// Line B, record: above a predictive bound on the daily maxima.
    Record = record {
        /// Probability that the largest total of a usual day is above the bound, per day and window.
        alpha: f64 in 1.0e-12..=0.1,
        /// Weight of the assumed spread, days.
        prior_days: f64 in 1.0..=1000.0,
        /// Assumed standard deviation of the logarithm of the daily maxima.
        prior_spread: f64 in 0.001..=10.0,
        /// Assumed variance of the logarithm from counting alone, times the mean.
        prior_counting: f64 in 0.0..=10.0,
        /// Only days whose maximum is within this factor of the largest are days of its kind.
        kind_factor: f64 in 1.1..=1.0e6,
        /// Maxima below so many calls count as so many.
        floor: f64 in 1.0..=1.0e6,
        /// Smallest excess over the largest remembered maximum, calls.
        excess: f64 in 0.0..=1.0e9,
        /// Smallest z, as for the contextual line.
        z: f64 in 0.0..=100.0,
    }
    /// Surprises that were accepted: what happened before and was let pass does not open an episode by line A.
    Accepted = accepted {
        /// Totals of at least this z are remembered.
        z: f64 in 2.0..=100.0,
        /// Weight of the assumed spread in the bound on accepted totals, days.
        prior_days: f64 in 1.0..=1000.0,
        /// A surprise this many times as large (in z) as any accepted one is not accepted.
        factor: f64 in 1.0..=1000.0,
        /// A total this many times as large as any accepted one is not accepted; of a new API, as any one before.
        ratio: f64 in 1.0..=1.0e9,
        /// The second episode within the memory that is at least this share of an earlier one is accepted afterwards.
        strike_share: f64 in 0.01..=100.0,
        /// Accepted totals are dropped once the forecast explains them: weight that time of day and week must have.
        profile_weight: f64 in 0.0..=1.0,
        /// Age of the series in days from which the forecast is trusted with that.
        profile_days: f64 in 0.0..=60.0,
    }
    /// Line C, first seen: a burst of an API that was never seen before in an account that has been watched.
    FirstSeen = first_seen {
        /// Calls in 30 minutes.
        calls: f64 in 1.0..=1.0e9,
        /// Accounts that a principal calls in for the first time that day, in 30 minutes: `--roll-up principal`.
        accounts: f64 in 1.0..=1.0e9,
        /// Failed calls with one code in 30 minutes.
        failures: f64 in 1.0..=1.0e9,
        /// Minutes after which the new rate is what is usual.
        absorb_minutes: i32 in 30.0..=10080.0,
    }
    /// Line D, drop: calls that are always there stay away, for 30 or 120 minutes.
    Drop = drop {
        /// Smallest z of the lower tail.
        z: f64 in 2.0..=100.0,
        /// Added to z for windows of 30 minutes.
        short_z: f64 in 0.0..=100.0,
        /// Age of the series from which the line is judged, days.
        age_days: f64 in 0.0..=60.0,
        /// Smallest expectation, calls.
        expected: f64 in 2.0..=1.0e9,
        /// Largest share of the expectation that is left.
        share: f64 in 0.0..=0.95,
        /// The same for windows of 120 minutes of series without a rhythm.
        flat_share: f64 in 0.0..=0.95,
        /// Weight of the assumed spread in the bound on the daily largest z, days.
        prior_days: f64 in 1.0..=1000.0,
        /// Assumed standard deviation of the logarithm of the daily largest z.
        prior_spread: f64 in 0.001..=10.0,
        /// Smaller daily maxima of z count as this.
        floor: f64 in 1.0..=100.0,
        /// Only days whose largest z is within this factor of the largest are days of its kind.
        kind_factor: f64 in 1.1..=1.0e6,
        /// Share of the expectation, in 30 minutes, at which the calls are back.
        back_share: f64 in 0.01..=1.0,
        /// Minutes after which the low rate is what is usual.
        absorb_minutes: i32 in 120.0..=10080.0,
    }
    /// Error rates: what failed calls must be on top of lines A and B.
    Errors = errors {
        /// Failed calls that are assumed before anything is known.
        prior_errors: f64 in 0.0001..=1.0e6,
        /// Calls that are assumed before anything is known.
        prior_calls: f64 in 0.001..=1.0e6,
        /// Smallest excess over the expectation, failed calls (replaces `contextual.excess`).
        excess: f64 in 0.0..=1.0e9,
        /// Smallest excess of the share of failed calls over the usual share.
        share: f64 in 0.0..=1.0,
        /// Calls beyond this many times the usual number excuse no failures.
        calls_ratio: f64 in 0.1..=1.0e9,
    }
    /// When an episode ends.
    Episode = episode {
        /// Calm minutes that end it; as many as the window that noticed it, if these are more.
        calm_minutes: i32 in 1.0..=1440.0,
        /// Evidence, in nats, that the calm must give for the usual level against that of the episode.
        calm_evidence: f64 in 0.0..=100.0,
        /// A minute is calm while no window up to 30 minutes reaches this z.
        z: f64 in 0.5..=100.0,
        /// Minutes after which the new rate is what is usual.
        absorb_minutes: i32 in 30.0..=10080.0,
        /// Days after a change of level in which line A is less sensitive, and lines B and D are not judged.
        settle_days: f64 in 0.0..=60.0,
        /// Line A's z is multiplied by this in those days.
        settle_factor: f64 in 1.0..=100.0,
    }
}
