//! `trailpulse state`: STATE -> what it holds, and whether it is whole.
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::output;
use crate::alert::ledger_of;
use crate::config::{Config, Format};
use crate::detect::Which;
use crate::exit::Exit;
use crate::s3::Buckets;
use crate::state::{Learned, State};
use crate::time::Minute;
use crate::words::{counted, printable};

/// Arguments of `state`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, or `s3://BUCKET/PREFIX`, that scan --state keeps.
    #[arg(value_name = "DIR")]
    state: PathBuf,
    /// Form of the results on standard output.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Reads and checks all of the state, and prints what is in it.
pub(super) fn run(args: &Args, config: &Config) -> anyhow::Result<Exit> {
    let state = State::read_only(&args.state, &Buckets::new(config.s3.clone()))?;
    let bytes = state.verify()?;
    let learned = state.learned()?;
    let events = state.events()?.len();
    let mut files = 0;
    for part in state.read_parts() {
        files += state.read_part(part)?.count();
    }
    let mut shown = json(&state, &learned, (bytes, events, files));
    let (known, pending) = ledger_of(&state)?.numbers();
    shown["alerts"] = json!({ "events": known, "pending": pending });
    output::write(|out| match args.format {
        Format::Text => text(out, &shown),
        Format::Json => {
            serde_json::to_writer(&mut *out, &shown)?;
            writeln!(out)
        }
    })?;
    Ok(Exit::Done)
}

fn json(state: &State, learned: &[Learned], (bytes, events, files): (u64, usize, usize)) -> Value {
    let checkpoint = state.checkpoint();
    let time = |minute: Option<Minute>| minute.map(|minute| minute.to_string());
    let open = learned.iter().flat_map(|learned| {
        learned.open.iter().map(|open| {
            let roll_up = learned.roll_up.map(crate::roll_up::RollUp::name);
            let code = match open.which {
                Which::Calls => None,
                Which::Errors(code) => learned.codes.get(code as usize),
            };
            json!({
                "series": learned.api.to_string(), "error_code": code, "roll_up": roll_up,
                "start": open.start.to_string(),
            })
        })
    });
    json!({
        "format": checkpoint.format,
        "digest": state.digest(),
        "bytes": bytes,
        "model": checkpoint.model,
        "newest_delivery": time(checkpoint.newest_delivery),
        "judged_until": time(checkpoint.judged_until),
        "days": checkpoint.days.keys().collect::<Vec<_>>(),
        "accounts": checkpoint.accounts.len(),
        "apis": learned.iter().filter(|learned| learned.roll_up.is_none()).count(),
        "sums": learned.iter().filter(|learned| learned.roll_up.is_some()).count(),
        "open": open.collect::<Vec<_>>(),
        "files_read": files,
        "events_remembered": events,
    })
}

fn text(out: &mut dyn Write, shown: &Value) -> io::Result<()> {
    let text = |key: &str| shown[key].as_str().unwrap_or("nothing yet").to_owned();
    let number = |key: &str| shown[key].as_u64().unwrap_or_default();
    let days: Vec<&str> = shown["days"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let kept = match (days.first(), days.last()) {
        (Some(first), Some(last)) => format!("{}, {first} to {last}", counted(days.len() as u64, "day")),
        _ => "none".to_owned(),
    };
    writeln!(out, "Format {}, {} bytes, nothing damaged", number("format"), number("bytes"))?;
    writeln!(out, "Digest {}", text("digest"))?;
    writeln!(out, "Model {}", printable(shown["model"]["name"].as_str().unwrap_or_default()))?;
    writeln!(out, "Newest delivery {}, judged until {}", text("newest_delivery"), text("judged_until"))?;
    writeln!(out, "History: {kept}")?;
    let sums = match number("sums") {
        0 => String::new(),
        sums => format!(" and {}", counted(sums, "sum")),
    };
    let (apis, accounts) = (counted(number("apis"), "API"), counted(number("accounts"), "account"));
    writeln!(out, "Learned: {apis}{sums} in {accounts}")?;
    writeln!(
        out,
        "Read: {}; {} remembered",
        counted(number("files_read"), "file"),
        counted(number("events_remembered"), "event id")
    )?;
    let of_alerts = |key: &str| shown["alerts"][key].as_u64().unwrap_or_default();
    if of_alerts("events") > 0 {
        let (events, pending) =
            (counted(of_alerts("events"), "event"), counted(of_alerts("pending"), "event"));
        writeln!(out, "Alerts: {events} known, {pending} still to be told to a feed")?;
    }
    let open = shown["open"].as_array().map_or(&[][..], Vec::as_slice);
    writeln!(out, "Open: {}", counted(open.len() as u64, "insight"))?;
    for insight in open {
        let of = |key: &str| printable(insight[key].as_str().unwrap_or_default()).to_string();
        let code =
            if insight["error_code"].is_null() { String::new() } else { format!(" [{}]", of("error_code")) };
        writeln!(out, "  since {}  {}{code}", of("start"), of("series"))?;
    }
    Ok(())
}
