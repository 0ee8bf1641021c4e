//! Results -> standard output, with or without colour; a closed pipe is no error.
use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;

use crate::exit::Exit;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What standard output and standard error can show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Whether results may be coloured.
    pub(super) colored: bool,
    /// Columns of standard output; a generous width where it is not a terminal.
    pub(super) width: usize,
    /// Whether standard error stays silent but for errors.
    pub(super) quiet: bool,
}

impl Terminal {
    pub(super) fn new(color: Color, quiet: bool) -> Self {
        let stdout = io::stdout();
        #[expect(
            clippy::disallowed_methods,
            reason = "NO_COLOR is a convention of the environment, see no-color.org"
        )]
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match color {
            Color::Auto => stdout.is_terminal() && !no_color,
            Color::Always => true,
            Color::Never => false,
        };
        let width = if stdout.is_terminal() {
            terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0))
        } else {
            160
        };
        Self { colored, width, quiet }
    }
}

/// Writes results to standard output; a reader that went away (`| head`) is no error.
pub(super) fn write(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<Exit> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match print(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        _ => Ok(Exit::Done),
    }
}

/// Writes to standard error what a person may read there while standard output belongs to a program.
pub(super) fn write_aside(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<Exit> {
    print(&mut io::stderr().lock())
        .map_err(|error| anyhow::Error::new(error).context("cannot write to standard error"))?;
    Ok(Exit::Done)
}
