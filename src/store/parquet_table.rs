//! Counts -> Parquet, minutes as UTC timestamps, calls as 64-bit signed; and Parquet -> counts. Uses polars.
use std::fs::File;
use std::io::{Cursor, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use polars::io::mmap::MmapBytesReader;
use polars::prelude::*;

use super::no_panic::no_panic;
use super::table::{COLUMNS, REQUIRED, Row, TableError, TableRead, Wanted, in_order_of};
use crate::aggregate::{Attribution, Cell, Counts};
use crate::names::{Access, Names, TextId};
use crate::series::Category;
use crate::time::{Day, Minute};

/// Rows of one row group, and of one slice that is read at a time: bounds memory on both ways.
const ROWS_AT_ONCE: usize = 1 << 14;

const MICROSECONDS: i64 = 60_000_000;

/// Writes all counts as Parquet, Zstandard compressed; with more than one of `jobs`, one thread orders the rows and another
/// packs them. The bytes are the same.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(
    counts: &Counts,
    attribution: Attribution,
    jobs: NonZeroUsize,
    out: impl Write + Send,
) -> PolarsResult<()> {
    write_days(counts, counts.days(), attribution, jobs, out)
}

/// The calls of one day, with identities and agents, as Parquet.
#[must_use]
pub fn of_day(counts: &Counts, day: Day) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_days(
        counts,
        [(day, counts.of_day(day))].into_iter(),
        Attribution::Kept,
        NonZeroUsize::MIN,
        &mut bytes,
    )
    .expect("memory can be written to");
    bytes
}

fn write_days(
    counts: &Counts,
    days: impl Iterator<Item = (Day, impl Iterator<Item = Cell>)>,
    attribution: Attribution,
    jobs: NonZeroUsize,
    out: impl Write + Send,
) -> PolarsResult<()> {
    let columns = match attribution {
        Attribution::Kept => COLUMNS.len(),
        Attribution::Dropped => REQUIRED,
    };
    let schema = frame(&[], &Words::new(counts.names()), columns)?.schema().clone();
    let mut parquet = ParquetWriter::new(out)
        .with_compression(ParquetCompression::Zstd(None))
        .set_parallel(false)
        .batched(&schema)?;
    if jobs == NonZeroUsize::MIN {
        frames(counts, days, columns, |frame| parquet.write_batch(&frame))?;
    } else {
        std::thread::scope(|scope| {
            // Without room in it: no more than two frames are in memory.
            let (give, take) = sync_channel::<DataFrame>(0);
            let parquet = &mut parquet;
            let packs = scope.spawn(move || take.iter().try_for_each(|frame| parquet.write_batch(&frame)));
            let gone = |_| PolarsError::ComputeError("the packing thread has stopped".into());
            let given = frames(counts, days, columns, |frame| give.send(frame).map_err(gone));
            drop(give);
            // If it has stopped, its own error says why.
            packs.join().expect("the packing thread does not panic").and(given)
        })?;
    }
    parquet.finish()?;
    Ok(())
}

/// Gives all rows in order, some at a time.
fn frames(
    counts: &Counts,
    days: impl Iterator<Item = (Day, impl Iterator<Item = Cell>)>,
    columns: usize,
    mut each: impl FnMut(DataFrame) -> PolarsResult<()>,
) -> PolarsResult<()> {
    let words = Words::new(counts.names());
    let mut cells = Vec::with_capacity(ROWS_AT_ONCE);
    in_order_of(counts.names(), days, |cell| {
        cells.push(*cell);
        if cells.len() == ROWS_AT_ONCE {
            each(frame(&cells, &words, columns)?)?;
            cells.clear();
        }
        PolarsResult::Ok(())
    })?;
    if cells.is_empty() { Ok(()) } else { each(frame(&cells, &words, columns)?) }
}

/// The words of all columns, of which each column is a choice: so that no text is copied.
struct Words<'n> {
    names: &'n Names,
    texts: StringChunked,
    categories: StringChunked,
}

impl<'n> Words<'n> {
    fn new(names: &'n Names) -> Self {
        let texts = names.texts().iter().map(|text| &**text);
        Self {
            names,
            texts: StringChunked::from_iter_values(PlSmallStr::EMPTY, texts),
            categories: StringChunked::from_iter_values(
                PlSmallStr::EMPTY,
                CATEGORIES.iter().map(|category| category.name()),
            ),
        }
    }
}

const CATEGORIES: [Category; 2] = [Category::Management, Category::Data];

fn frame(cells: &[Cell], words: &Words<'_>, columns: usize) -> PolarsResult<DataFrame> {
    let choice = |name: &str, words: &StringChunked, of: &dyn Fn(&Cell) -> usize| {
        let places = cells.iter().map(|cell| of(cell) as IdxSize);
        let mut column = words.take(&IdxCa::from_iter_values(PlSmallStr::EMPTY, places))?;
        column.rename(name.into());
        PolarsResult::Ok(column.into_column())
    };
    let text =
        |name: &str, of: &dyn Fn(&Cell) -> TextId| choice(name, &words.texts, &|cell| of(cell).index());
    let api = |cell: &Cell| words.names.apis()[cell.call.api().index()];
    let category = |cell: &Cell| usize::from(api(cell).category == Category::Data);
    let minutes: Vec<i64> = cells.iter().map(|cell| i64::from(cell.minute.epoch()) * MICROSECONDS).collect();
    let minutes = Column::new(COLUMNS[0].into(), minutes)
        .cast(&DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)))?;
    let read_only: Vec<bool> = cells.iter().map(|cell| cell.call.access() == Access::Read).collect();
    let calls: Vec<i64> = cells.iter().map(|cell| i64::from(cell.calls)).collect();
    let mut all = vec![
        minutes,
        text(COLUMNS[1], &|cell| api(cell).account)?,
        text(COLUMNS[2], &|cell| api(cell).region)?,
        text(COLUMNS[3], &|cell| api(cell).event_source)?,
        text(COLUMNS[4], &|cell| api(cell).event_name)?,
        choice(COLUMNS[5], &words.categories, &category)?,
        Column::new(COLUMNS[6].into(), read_only),
        text(COLUMNS[7], &|cell| cell.error)?,
        Column::new(COLUMNS[8].into(), calls),
    ];
    if columns > REQUIRED {
        all.push(text(COLUMNS[9], &|cell| cell.identity)?);
        all.push(text(COLUMNS[10], &|cell| cell.agent)?);
    }
    DataFrame::new(cells.len(), all)
}

/// Reads a Parquet counts table; columns in any order, unknown ones ignored. `minute` may be a timestamp of any
/// unit (taken as UTC where it has no zone), an RFC 3339 text, or whole minutes since 1970; `calls` any integer.
///
/// # Errors
/// When the file cannot be read, or is not such a table.
pub fn read(path: &Path, attribution: Attribution, is_wanted: Wanted<'_>) -> Result<TableRead, TableError> {
    let mut file =
        File::open(path).map_err(|source| TableError::Io { action: "read", path: path.into(), source })?;
    // polars panics on some damaged files.
    match no_panic(|| read_file(&mut file, TableRead::new(attribution), is_wanted)) {
        Ok(Ok(table)) => Ok(table),
        Ok(Err(why)) | Err(why) => Err(TableError::Format { path: path.into(), why }),
    }
}

/// What [`of_day`] wrote.
///
/// # Errors
/// Says why they are not such a table.
pub fn from_bytes(bytes: Vec<u8>, attribution: Attribution) -> Result<TableRead, String> {
    let mut bytes = Cursor::new(bytes);
    no_panic(|| read_file(&mut bytes, TableRead::new(attribution), &|_| true)).and_then(|read| read)
}

fn read_file<F: MmapBytesReader>(
    file: &mut F,
    mut table: TableRead,
    is_wanted: Wanted<'_>,
) -> Result<TableRead, String> {
    let wrong = |error: PolarsError| one_line(&error);
    let columns = present_columns(file)?;
    let rows = ParquetReader::new(&mut *file).num_rows().map_err(wrong)?;
    for start in (0..rows).step_by(ROWS_AT_ONCE) {
        let slice = ParquetReader::new(&mut *file)
            .with_columns(Some(columns.clone()))
            .with_slice(Some((start, ROWS_AT_ONCE)))
            .read_parallel(ParallelStrategy::None)
            .finish()
            .map_err(wrong)?;
        read_slice(&slice, start as u64, &mut table, is_wanted).map_err(wrong)?;
    }
    Ok(table)
}

fn one_line(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn present_columns<F: MmapBytesReader>(file: &mut F) -> Result<Vec<String>, String> {
    let schema = ParquetReader::new(file).schema().map_err(|error| one_line(&error))?;
    let has = |column: &&&str| schema.contains(column);
    let missing: Vec<&str> = COLUMNS.iter().take(REQUIRED).filter(|column| !has(column)).copied().collect();
    if !missing.is_empty() {
        return Err(format!("column {} is missing", missing.join(", ")));
    }
    Ok(COLUMNS.iter().filter(has).map(|&column| column.to_owned()).collect())
}

fn read_slice(
    slice: &DataFrame,
    start: u64,
    table: &mut TableRead,
    is_wanted: Wanted<'_>,
) -> PolarsResult<()> {
    let minutes = minutes(slice.column(COLUMNS[0])?)?;
    let calls = slice.column(COLUMNS[8])?.cast(&DataType::Int64)?;
    let calls = calls.i64()?;
    let read_only = slice.column(COLUMNS[6])?.bool()?;
    let mut texts = Vec::with_capacity(8);
    for column in [1, 2, 3, 4, 5, 7, 9, 10] {
        let column =
            slice.column(COLUMNS[column]).ok().map(|column| column.cast(&DataType::String)).transpose()?;
        texts.push(column);
    }
    let texts = texts
        .iter()
        .map(|column| column.as_ref().map(Column::str).transpose())
        .collect::<PolarsResult<Vec<_>>>()?;
    for (number, row) in (0..slice.height()).enumerate() {
        let text = |column: usize| texts[column].and_then(|values| values.get(row)).unwrap_or_default();
        let row = Row {
            minute: minutes[row],
            texts: [text(0), text(1), text(2), text(3), text(4), text(5), text(6), text(7)],
            read_only: read_only.get(row),
            calls: calls.get(row),
        };
        table.row(start + number as u64 + 1, &row, is_wanted);
    }
    Ok(())
}

fn minutes(column: &Column) -> PolarsResult<Vec<Option<Minute>>> {
    let per_minute = match column.dtype() {
        DataType::String => {
            return Ok(column.str()?.iter().map(|text| text.and_then(Minute::parse)).collect());
        }
        DataType::Datetime(TimeUnit::Nanoseconds, _) => MICROSECONDS * 1000,
        DataType::Datetime(TimeUnit::Microseconds, _) => MICROSECONDS,
        DataType::Datetime(TimeUnit::Milliseconds, _) => MICROSECONDS / 1000,
        _ => 1,
    };
    let column = column.cast(&DataType::Int64)?;
    let epoch = |value: i64| i32::try_from(value.div_euclid(per_minute)).ok().and_then(Minute::checked);
    Ok(column.i64()?.iter().map(|value| value.and_then(epoch)).collect())
}
