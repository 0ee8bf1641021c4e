//! AWS's wire formats, both ways: log records and object keys in, Insights records out. The one place that names AWS's JSON fields.
pub mod decode;
pub mod dated_folder;
pub mod insight;
pub mod object_key;
pub mod organizations;
pub mod published;
pub mod record;
