//! Counts in, files that hold them out, and back. The one place that names polars.
pub mod csv_table;
mod no_panic;
pub mod parquet_table;
pub mod table;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fs::File;
    use std::num::NonZeroUsize;
    use std::path::Path;

    use proptest::prelude::*;

    use super::table::{TableError, TableRead, in_order};
    use super::{csv_table, parquet_table};
    use crate::aggregate::{Attribution, Batch, Counts};
    use crate::classify::Observation;
    use crate::series::Category;
    use crate::time::Minute;

    fn all(_: &Observation<'_>) -> bool {
        true
    }

    /// All rows of `counts` in words, in the table's order.
    fn rows(counts: &Counts) -> Vec<String> {
        let mut rows = Vec::new();
        let names = counts.names();
        let result = in_order(counts, |cell| {
            let text = |id| names.text_of(id);
            let api = names.api_of(cell.call.api());
            rows.push(format!(
                "{} {api} {} {:?} {:?} {:?} {:?} {}",
                cell.minute,
                api.category,
                cell.call.access(),
                text(cell.error),
                text(cell.identity),
                text(cell.agent),
                cell.calls
            ));
            Ok::<(), ()>(())
        });
        assert_eq!(result, Ok(()));
        rows
    }

    fn counts(batch: &mut Batch) -> Counts {
        let mut counts = Counts::default();
        counts.add(0, &batch.hand_over());
        counts.settle();
        counts
    }

    fn observation(minute: i32, texts: &[String; 6], category: Category, read_only: bool) -> Observation<'_> {
        let text = |n: usize| Cow::Borrowed(texts[n].as_str());
        Observation {
            minute: Minute::parse("2026-01-01T00:00:00Z").expect("a valid time").plus(minute),
            account: text(0),
            region: Cow::Borrowed("eu-west-1"),
            event_source: text(1),
            event_name: text(2),
            category,
            read_only,
            error_code: Some(text(3)).filter(|code| !code.is_empty()),
            identity: text(4),
            user_agent: text(5),
            event_id: None,
        }
    }

    /// Writes `counts` in both formats and reads them back.
    fn round_trips(counts: &Counts, attribution: Attribution) -> [TableRead; 2] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (csv, parquet) = (folder.path().join("c.csv"), folder.path().join("c.parquet"));
        csv_table::write(counts, attribution, File::create(&csv).expect("writable")).expect("writes");
        let write = |jobs: usize| {
            let jobs = NonZeroUsize::new(jobs).expect("not zero");
            let file = File::create(&parquet).expect("writable");
            parquet_table::write(counts, attribution, jobs, file).expect("writes");
            std::fs::read(&parquet).expect("readable")
        };
        assert!(write(1) == write(2));
        [
            csv_table::read(&csv, Attribution::Kept, &all).expect("reads"),
            parquet_table::read(&parquet, Attribution::Kept, &all).expect("reads"),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_back(
            rows_in in prop::collection::vec(
                (
                    0..20_000_i32,
                    (prop::array::uniform2("[a-c]"), "\\PC{1,3}", prop::array::uniform3("(|\\PC{0,2}|=1+1|a,\"b\n)")),
                    any::<(bool, bool)>(),
                    1..9_u32,
                ),
                0..50,
            ),
        ) {
            let mut batch = Batch::new(Attribution::Kept);
            for (minute, ([account, source], name, [error, identity, agent]), (data, read_only), calls) in rows_in {
                let texts = [account, source, name, error, identity, agent];
                let category = if data { Category::Data } else { Category::Management };
                batch.count(&observation(minute, &texts, category, read_only), calls);
            }
            let written = counts(&mut batch);
            for mut read in round_trips(&written, Attribution::Kept) {
                prop_assert_eq!(&read.bad_rows, &[]);
                prop_assert_eq!(read.calls, written.counted());
                prop_assert_eq!(rows(&counts(&mut read.batch)), rows(&written));
            }
        }
    }

    #[test]
    fn without_attributions_only_they_are_lost() {
        let mut batch = Batch::new(Attribution::Kept);
        for agent in ["cli", "console"] {
            let texts = ["1", "s", "n", "", "me", agent].map(str::to_owned);
            batch.count(&observation(3, &texts, Category::Data, false), 2);
        }
        for mut read in round_trips(&counts(&mut batch), Attribution::Dropped) {
            let rows = rows(&counts(&mut read.batch));
            assert_eq!(rows, [r#"2026-01-01T00:03:00Z 1/eu-west-1/s/n Data Write "" "" "" 4"#]);
        }
    }

    #[test]
    fn bad_tables_are_refused_and_bad_rows_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.csv");
        let read = |text: &str| -> Result<TableRead, TableError> {
            std::fs::write(&path, text).expect("writable");
            csv_table::read(&path, Attribution::Kept, &all)
        };
        let header = "minute,account,region,event_source,event_name,category,read_only,error_code,calls\n";
        let table = read(&format!(
            "{header}2026-01-01T00:00:00Z,1,r,s,n,Management,false,,3\n\
             never,1,r,s,n,Management,false,,3\n\
             2026-01-01T00:00:00Z,1,r,s,n,Management,maybe,,3\n\
             never,1,r,s,n,Management,false,,3\n\
             2026-01-01T00:00:00Z,1,r,s,n,Management,false,,-3\n"
        ))
        .expect("a table");
        let bad: Vec<(u64, u64, &str)> =
            table.bad_rows.iter().map(|bad| (bad.first, bad.rows, bad.why)).collect();
        assert_eq!(table.calls, 3);
        assert_eq!(
            bad,
            [
                (2, 2, "minute is not a time between 2013 and 2099"),
                (3, 1, "read_only is neither true nor false"),
                (5, 1, "calls is negative or above 4,294,967,295"),
            ]
        );
        let why = |result: Result<TableRead, TableError>| result.err().map(|error| error.to_string());
        let missing = why(read("minute,account\n")).expect("an error");
        assert!(missing.ends_with(
            "is not a counts table: column region, event_source, event_name, category, read_only, error_code, calls is missing"
        ));
        let garbage = folder.path().join("c.parquet");
        for text in
            ["", "PAR1", "PAR1PAR1", "PAR1\u{0}\u{0}\u{0}\u{10}PAR1", &"PAR1 and no more of it".repeat(50)]
        {
            std::fs::write(&garbage, text).expect("writable");
            assert!(parquet_table::read(&garbage, Attribution::Kept, &all).is_err(), "{text:?}");
        }
        assert!(
            why(csv_table::read(Path::new("no/such.csv"), Attribution::Kept, &all))
                .is_some_and(|why| why == "cannot read counts table no/such.csv")
        );
    }

    #[test]
    fn a_truncated_parquet_file_is_an_error() {
        let mut batch = Batch::new(Attribution::Kept);
        for minute in 0..300 {
            let name = format!("n{}", minute % 7);
            let texts = ["1", "s", &name, "", "me", "cli"].map(str::to_owned);
            batch.count(&observation(minute, &texts, Category::Data, false), 2);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.parquet");
        let file = File::create(&path).expect("writable");
        parquet_table::write(&counts(&mut batch), Attribution::Kept, NonZeroUsize::MIN, file)
            .expect("writes");
        let good = std::fs::read(&path).expect("readable");
        for at in (0..good.len()).step_by(3) {
            std::fs::write(&path, &good[..at]).expect("writable");
            assert!(parquet_table::read(&path, Attribution::Kept, &all).is_err(), "cut at {at}");
        }
    }
}
