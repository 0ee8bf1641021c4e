//! What cannot be had from `insights.jsonl` -> `report/report.json.gz`, and back: with the two, a report can be made again.
//! Pure.
use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::GzBuilder;
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::FORMAT;
use super::model::{Covered, Graph, JudgedBy, Span};

/// Most bytes of one that is read: some hundred times what a thousand insights make.
const MOST: u64 = 1 << 30;

/// What is kept of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Version of the model.
    pub format: u32,
    /// What the report was about.
    pub span: Option<Span>,
    /// The times that were judged and told of in the same place, by this run or by those before it, in order.
    pub judged: Vec<Span>,
    /// What was covered.
    pub coverage: Covered,
    /// What judged.
    pub model: JudgedBy,
    /// Calls of the series with insights.
    pub graphs: Vec<Graph>,
}

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Damaged, or too large.
    #[error("it cannot be inflated: {0}")]
    Inflate(#[from] io::Error),
    /// Not what was written.
    #[error("it is not a report of trailpulse: {0}")]
    Json(#[from] serde_json::Error),
    /// Of a later version.
    #[error("it was written by a newer version of trailpulse (format {0}, this one knows up to {FORMAT})")]
    Newer(u32),
}

impl Kept {
    /// As a file.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("texts and numbers can be written as JSON");
        let mut encoder =
            GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(6));
        let written = encoder.write_all(&json).and_then(|()| encoder.finish());
        written.expect("memory can be written to")
    }

    /// From a file.
    ///
    /// # Errors
    /// When it is damaged, or of a later version.
    pub fn read(bytes: &[u8]) -> Result<Self, NotKept> {
        let mut json = Vec::new();
        MultiGzDecoder::new(bytes).take(MOST).read_to_end(&mut json)?;
        let kept: Self = serde_json::from_slice(&json)?;
        if kept.format > FORMAT { Err(NotKept::Newer(kept.format)) } else { Ok(kept) }
    }
}
