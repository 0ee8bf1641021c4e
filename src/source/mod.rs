//! Where log files come from and how they are read: SOURCE arguments in, counted batches and their coverage out.
pub mod before;
mod bucket;
mod claim;
pub mod coverage;
pub mod files;
pub mod inflate;
mod libdeflate;
pub mod may_pass;
pub mod parse;
pub mod read;
#[cfg(test)]
mod tests;
pub mod walk;
