//! Buckets as SOURCE and DEST, on servers that speak S3, with and without faults.
mod faults;
mod listing;
mod moto;
mod proxy;
mod refused;
mod requests;
mod same;
mod server;
pub(crate) mod shelf;
mod state;
