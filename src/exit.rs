//! How a run ended -> the process's exit status: the public list.
use std::process::ExitCode;

/// Exit status of `trailpulse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: done, and insights were found; only with `--fail-on-insight`.
    InsightsFound,
    /// 2: failed, interrupted or wrongly used; nothing was published.
    Failed,
    /// 3: done, but incomplete: something was unreadable, and the summary names it; or what was published could not be
    /// printed as well.
    Incomplete,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::InsightsFound => 1,
            Self::Failed => 2,
            Self::Incomplete => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
