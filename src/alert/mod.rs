//! Published insights -> messages to the feeds of the configuration, each told once.
//!
//! What is told, to whom and in which words is decided by pure functions ([`route`], [`notice`], [`feed`]); the ledger
//! remembers it, and [`deliver`] sends.
pub mod feed;
pub mod notice;
pub mod outgoing;
pub mod secret;
