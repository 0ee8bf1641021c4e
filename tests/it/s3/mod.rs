//! Buckets as SOURCE and DEST, on servers that speak S3, with and without faults.
mod faults;
mod listing;
pub(crate) mod moto;
pub(crate) mod proxy;
mod refused;
mod requests;
mod same;
pub(crate) mod server;
mod shelf;
mod state;
