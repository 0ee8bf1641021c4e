//! The integration tests, one binary: each binary that links polars costs about a gigabyte of disk.
#![expect(clippy::disallowed_methods, reason = "tests read what they wrote, and their own settings")]
mod alert;
mod architecture;
mod command;
mod config;
mod counts;
mod crash;
mod determinism;
mod evaluate;
mod explain;
mod interrupt;
mod log;
mod metrics;
mod packaging;
mod page;
mod readme;
mod report;
mod report_time;
mod rollup;
mod s3;
mod scan;
mod state;
mod table;
mod told;
mod usage;
