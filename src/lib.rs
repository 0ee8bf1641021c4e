//! trailpulse: CloudTrail log files in, CloudTrail Insights events out.
//!
//! The modules stand in the order in which the data flows; ARCHITECTURE.md draws the picture.
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read back what they wrote")
)]

// The vocabulary.
pub mod time;
pub mod series;
pub mod names;
pub mod words;

// AWS's wire formats, both ways.
pub mod cloudtrail;

// The core: pure, deterministic; values in, values out.
pub mod classify;
pub mod aggregate;
pub mod model;
pub mod baseline;
pub mod detect;
pub mod episode;
pub mod severity;
pub mod attribution;
pub mod explanation;
pub mod insight;
pub mod roll_up;
pub mod config;
pub mod mute;
pub mod finding;
pub mod incident;
pub mod report;

// The shell: what reads and writes.
pub mod s3;
pub mod source;
pub mod store;
pub mod state;
pub mod step;
pub mod folders;
pub mod emit;
pub mod summary;
pub mod metrics;
pub mod generate;
pub mod evaluate;
pub mod alert;
pub mod pipeline;
pub mod exit;
pub mod cli;
