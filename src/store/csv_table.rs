//! Counts -> CSV with a header, minutes in RFC 3339; and CSV, plain or gzipped, -> counts.
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, WriterBuilder};
use flate2::bufread::MultiGzDecoder;

use super::table::{COLUMNS, REQUIRED, Row, TableError, TableRead, Wanted, in_order};
use crate::aggregate::{Attribution, Counts};
use crate::names::Access;
use crate::time::Minute;

/// Writes all counts as CSV.
///
/// Texts stand as the logs have them: this is a hand-over format between programs, not a sheet for a person, so
/// nothing is done about cells that a spreadsheet would take for a formula.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(counts: &Counts, attribution: Attribution, out: impl Write) -> std::io::Result<()> {
    let columns = match attribution {
        Attribution::Kept => COLUMNS.len(),
        Attribution::Dropped => REQUIRED,
    };
    let mut csv = WriterBuilder::new().from_writer(out);
    csv.write_record(&COLUMNS[..columns]).map_err(io_error)?;
    let names = counts.names();
    in_order(counts, |cell| {
        let api = &names.apis()[cell.call.api().index()];
        let text = |id| names.text_of(id).as_ref();
        let read_only = if cell.call.access() == Access::Read { "true" } else { "false" };
        let (minute, calls) = (cell.minute.to_string(), cell.calls.to_string());
        let row = [
            minute.as_str(),
            text(api.account),
            text(api.region),
            text(api.event_source),
            text(api.event_name),
            api.category.name(),
            read_only,
            text(cell.error),
            calls.as_str(),
            text(cell.identity),
            text(cell.agent),
        ];
        csv.write_record(&row[..columns]).map_err(io_error)
    })?;
    csv.flush()
}

/// The error below, with its kind: a closed pipe has to be known as such.
fn io_error(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// Reads a CSV counts table, gzipped or not; columns in any order, unknown ones ignored.
///
/// # Errors
/// When the file cannot be read, or is not such a table.
pub fn read(path: &Path, attribution: Attribution, is_wanted: Wanted<'_>) -> Result<TableRead, TableError> {
    let io = |source| TableError::Io { action: "read", path: path.into(), source };
    let mut file = BufReader::with_capacity(1 << 16, std::fs::File::open(path).map_err(io)?);
    let gzipped = file.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let table = TableRead::new(attribution);
    if gzipped {
        read_from(MultiGzDecoder::new(file), path, table, is_wanted)
    } else {
        read_from(file, path, table, is_wanted)
    }
}

fn read_from(
    input: impl Read,
    path: &Path,
    mut table: TableRead,
    is_wanted: Wanted<'_>,
) -> Result<TableRead, TableError> {
    let wrong = |why: String| TableError::Format { path: path.into(), why };
    let mut csv = ReaderBuilder::new().from_reader(input);
    let header = csv.byte_headers().map_err(|error| wrong(error.to_string()))?;
    let places = places(header).map_err(wrong)?;
    let mut record = ByteRecord::new();
    let mut number = 0;
    loop {
        number += 1;
        match csv.read_byte_record(&mut record) {
            Ok(true) => match row(&record, &places) {
                Some(row) => table.row(number, &row, is_wanted),
                None => table.bad_row(number, "a text is not UTF-8"),
            },
            Ok(false) => return Ok(table),
            Err(error) => return Err(wrong(error.to_string())),
        }
    }
}

/// Where each of [`COLUMNS`] stands; `None` for an absent optional one.
type Places = [Option<usize>; 11];

fn places(header: &ByteRecord) -> Result<Places, String> {
    let places = COLUMNS.map(|column| header.iter().position(|name| name == column.as_bytes()));
    let missing: Vec<&str> = COLUMNS
        .iter()
        .zip(places)
        .take(REQUIRED)
        .filter(|(_, place)| place.is_none())
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() { Ok(places) } else { Err(format!("column {} is missing", missing.join(", "))) }
}

/// RFC 3339, or as SQL engines write it: a blank for the `T`, a zone of hours only, or none, which is UTC.
fn minute(text: &str) -> Option<Minute> {
    Minute::parse(text).or_else(|| {
        let (date, time) = text.split_once([' ', 'T'])?;
        let time = time.trim_end_matches(" UTC");
        let zone = time.find(['+', '-', 'Z']).and_then(|at| time.get(at..)).unwrap_or_default();
        let rest = match zone.len() {
            0 => "Z",
            3 => ":00",
            _ => "",
        };
        Minute::parse(&format!("{date}T{time}{rest}"))
    })
}

fn row<'a>(record: &'a ByteRecord, places: &Places) -> Option<Row<'a>> {
    let mut cells = [""; COLUMNS.len()];
    for (cell, place) in cells.iter_mut().zip(places) {
        *cell = std::str::from_utf8(place.and_then(|place| record.get(place)).unwrap_or_default()).ok()?;
    }
    Some(Row {
        minute: minute(cells[0]),
        texts: [1, 2, 3, 4, 5, 7, 9, 10].map(|column| cells[column]),
        read_only: match cells[6] {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        },
        calls: cells[8].parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_as_other_engines_write_them() {
        let want = Minute::parse("2026-03-01T10:05:00Z");
        for text in [
            "2026-03-01T10:05:00Z",
            "2026-03-01 10:05:00",
            "2026-03-01 10:05:00+00",
            "2026-03-01 10:05:00+00:00",
            "2026-03-01 12:05:00+02",
            "2026-03-01 10:05:00.000 UTC",
            "2026-03-01T10:05:00",
        ] {
            assert_eq!(minute(text), want, "{text}");
        }
        for text in ["", "2026-03-01", "10:05", "2026-03-01 10:05:00 CET", "2026-03-01 25:05:00+00"] {
            assert_eq!(minute(text), None, "{text}");
        }
    }
}
