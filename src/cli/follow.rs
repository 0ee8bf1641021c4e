//! `trailpulse scan --follow`: the same scan again and again, on logs that grow -> insights soon after they happen.
use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use super::config_arg::Lasting;
use super::output::Terminal;
use super::scan;
use super::time_arg;
use crate::config::Config;
use crate::exit::Exit;
use crate::pipeline::follow::pause;
use crate::pipeline::{Cancel, Interrupted};

/// Whether to go on, and how often to look.
#[derive(Debug, clap::Args)]
pub(super) struct FollowArgs {
    /// With --state: scan again and again, until interrupted. A round that fails is reported, and the next one goes on. Where nothing
    /// new has come for ten minutes, minutes are judged by the clock.
    #[arg(long)]
    follow: bool,
    /// With --follow: pause between two rounds, such as 30s, 1m or 1h [default: 1m].
    #[arg(long, value_name = "SPAN", requires = "follow", value_parser = span)]
    every: Option<Duration>,
    /// With --follow: each line of standard input begins a round, and is the time that alerts take for now; for tests.
    #[arg(long, requires = "follow", hide = true)]
    rounds_from_stdin: bool,
}

/// How often to look where nobody says.
const EVERY: Duration = Duration::from_mins(1);

/// Scans once, or until interrupted.
///
/// # Errors
/// As a scan; of several, only where the arguments make no sense.
pub(super) async fn run(
    mut args: scan::Args,
    (file, config): (Option<&Path>, Config),
    terminal: &Terminal,
    cancel: &Cancel,
) -> anyhow::Result<Exit> {
    if !args.follow.follow {
        return Ok(scan::run(&args, &config, terminal, cancel).await?.0);
    }
    check_state(&args, &config)?;
    let mut lasting = Lasting::new(file, config);
    args.alerts.is_round = true;
    // What is wrong from the beginning is no matter of a round.
    let (mut worst, _) = scan::run(&args, &lasting.config, terminal, cancel).await?;
    args.alerts.quiet_since = Some(args.alerts.minute());
    loop {
        if cancel.begin_again().is_err() {
            return Ok(worst);
        }
        if args.follow.rounds_from_stdin {
            let Some(line) = line()? else { return Ok(worst) };
            args.alerts.now = Some(time_arg::parse(&line).map_err(anyhow::Error::msg)?);
        } else if pause(args.follow.every.unwrap_or(EVERY), cancel).await.is_err() {
            return Ok(worst);
        }
        if let Some(error) =
            lasting.again(|config| check_state(&args, config).and_then(|()| args.check(config)))
        {
            super::report(&error);
            super::report(&anyhow!("the configuration cannot be used: scans go on with the last that could"));
            worst = Exit::Incomplete;
        }
        match scan::run(&args, &lasting.config, terminal, cancel).await {
            Ok((exit, files)) => {
                worst = worse(worst, exit);
                if files > 0 {
                    args.alerts.quiet_since = Some(args.alerts.minute());
                }
            }
            Err(error) if error.is::<Interrupted>() => return Ok(worst),
            Err(error) => {
                super::report(&error);
                worst = Exit::Incomplete;
            }
        }
    }
}

fn check_state(args: &scan::Args, config: &Config) -> anyhow::Result<()> {
    if !args.has_state(config) {
        bail!("--follow needs --state DIR: a round goes on from where the last one ended");
    }
    Ok(())
}

/// What is incomplete goes over what was found.
const fn worse(one: Exit, other: Exit) -> Exit {
    if one.code() >= other.code() { one } else { other }
}

/// The next line of standard input, which a test writes.
fn line() -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).context("cannot read standard input")?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

fn span(text: &str) -> Result<Duration, String> {
    let at = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at).unwrap_or((text, ""));
    let unit = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let seconds = number.parse::<u64>().ok().zip(unit).map(|(number, unit)| number.saturating_mul(unit));
    let seconds = seconds.filter(|seconds| (1..=86_400).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a span from 1s to 24h, such as 30s or 5m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, want) in [
            ("30s", Some(30)),
            ("1m", Some(60)),
            ("2h", Some(7200)),
            ("0s", None),
            ("25h", None),
            ("1", None),
            ("m", None),
            ("", None),
            ("1é", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(span(text).ok().map(|span| span.as_secs()), want, "{text}");
        }
    }
}
