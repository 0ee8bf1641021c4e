//! Command line -> one command's run -> exit status. One subcommand a file.
mod alert;
mod alerting;
mod check;
mod config_arg;
mod counts;
mod demo;
mod evaluate;
mod explain;
mod follow;
mod generate;
mod logging;
mod model_arg;
mod output;
mod pending;
mod places;
mod progress;
mod reading;
mod report;
mod scan;
mod state;
mod state_arg;
mod time_arg;

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{ConfigError, Format};
use crate::exit::Exit;
use crate::pipeline::Cancel;
use crate::pipeline::interrupt::watching_for_interrupts;
use crate::roll_up::RollUp;

/// Finds unusual API activity in CloudTrail logs and writes it as CloudTrail Insights events.
#[derive(Debug, Parser)]
#[command(name = "trailpulse", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Form of the log on standard error.
    #[arg(long, global = true, value_enum, default_value = "text", env = "TRAILPULSE_LOG_FORMAT")]
    log_format: logging::LogFormat,
    /// Say more on standard error (-vv: everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// No progress bar, and only errors on standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Configuration of scan, alert, explain, counts, state and check; trailpulse.toml where not given, if it is there.
    #[arg(long, global = true, value_name = "FILE", env = "TRAILPULSE_CONFIG")]
    config: Option<PathBuf>,
    /// When to use colours on standard output.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    color: output::Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read logs, detect, and write Insights events, their explanations and a summary.
    Scan(scan::Args),
    /// Read logs and write the per-minute counts as a table.
    Counts(counts::Args),
    /// Show how a series stood in a minute, flagged or not: what was seen, what is usual, how far every line is.
    Explain(explain::Args),
    /// Make the report of earlier results again: of any time, in any form, and of AWS's own Insight files too.
    Report(report::Args),
    /// Show the main job: generate an organization's logs with planted incidents, scan them, and compare.
    Demo(demo::Args),
    /// Write a realistic organization's CloudTrail log tree, with planted incidents and the labels that tell them.
    Generate(generate::GenerateArgs),
    /// Compare insights with labels: precision, recall, false alarms and delay, by kind and by family.
    Evaluate(evaluate::Args),
    /// Show what a state holds, and check that nothing of it is damaged.
    State(state::Args),
    /// Try a feed, or send again what was found, as the configuration's feeds would be told.
    Alert(alert::Args),
    /// Check the configuration: say what it means, or everything that is wrong with it.
    Check(check::Args),
    /// Write a shell's completion script to standard output.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual page to standard output.
    Man,
}

impl ValueEnum for RollUp {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Organization => "Each API over all accounts and regions",
            Self::Account => "Each API over all regions of an account",
            Self::Principal => "Each caller over all APIs, accounts and regions",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("For people"),
            Self::Json => PossibleValue::new("json").help("For programs"),
        })
    }
}

/// Runs the command that the process was started with; prints what goes wrong.
pub async fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Failed } else { Exit::Done };
        }
    };
    logging::start(cli.log_format, cli.verbose, cli.quiet);
    let cancel = Cancel::default();
    let outcome = watching_for_interrupts(run(cli, cancel.clone()), &cancel).await;
    outcome.unwrap_or_else(|error| report(&error))
}

async fn run(cli: Cli, cancel: Cancel) -> anyhow::Result<Exit> {
    let terminal = output::Terminal::new(cli.color, cli.quiet);
    let config = cli.config.as_deref();
    match cli.command {
        Command::Scan(args) => {
            // Much is held while it waits for feeds.
            Box::pin(follow::run(args, (config, config_arg::load(config)?), &terminal, &cancel)).await
        }
        Command::Counts(args) => counts::run(args, &config_arg::load(config)?, &terminal, &cancel).await,
        Command::Demo(args) => Box::pin(demo::run(args, &terminal, &cancel)).await,
        Command::Evaluate(args) => evaluate::run(args, &terminal, &cancel).await,
        // Interrupted, it leaves an unfinished tree that is known as such, and replaced by the next run.
        Command::Generate(args) => generate::run(&args, &cancel),
        Command::Explain(args) => explain::run(args, config_arg::load(config)?, &terminal, &cancel).await,
        Command::Report(args) => report::run(args, config_arg::load(config)?, &cancel).await,
        Command::State(args) => state::run(&args, &config_arg::load(config)?),
        Command::Alert(args) => Box::pin(alert::run(args, config_arg::load(config)?, &cancel)).await,
        Command::Check(args) => check::run(&args, config),
        Command::Completions { shell } => output::write(|out| {
            // Into memory first: the generator panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "trailpulse", &mut script);
            out.write_all(&script)
        }),
        Command::Man => output::write(|out| clap_mangen::Man::new(Cli::command()).render(out)),
    }
}

/// Tells an error and its causes on one line, of a configuration each of its problems, in the form of the log; and gives the
/// exit status.
pub fn report(error: &anyhow::Error) -> Exit {
    let lines = match error.downcast_ref::<ConfigError>() {
        Some(ConfigError { file, problems, .. }) => {
            problems.iter().map(|problem| format!("{file}: {problem}")).collect()
        }
        None => vec![format!("{error:#}")],
    };
    for line in lines {
        logging::failure(&crate::words::printable(line.trim_end()));
    }
    Exit::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
