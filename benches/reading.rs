//! A seeded log tree -> how long each stage of a scan takes on it: inflate, parse, aggregate, detect, and a whole run.
//!
//! `cargo bench` measures; `cargo test --benches` runs each once on a small tree.
#![expect(clippy::disallowed_methods, reason = "benches read files themselves")]
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use trailpulse::aggregate::{Attribution, Batch, Counts, HandOver};
use trailpulse::classify::{Observation, Unusable};
use trailpulse::cloudtrail::record::Record;
use trailpulse::config::Models;
use trailpulse::generate;
use trailpulse::model::Model;
use trailpulse::names::ApiId;
use trailpulse::pipeline::count::Reading;
use trailpulse::pipeline::judge::{Judging, Past, Watched, end, judge};
use trailpulse::pipeline::{Cancel, Progress, scan};
use trailpulse::s3::Buckets;
use trailpulse::series::Category;
use trailpulse::source::inflate::Buffers;
use trailpulse::source::parse::{Memory, Sink, careful, fast, strict};
use trailpulse::source::read::{MAX_INFLATED, Options, Scratch, TimeRange, read_file};
use trailpulse::source::walk::{LogFile, Place, walk};
use trailpulse::time::{MINUTES_PER_DAY, Minute};

/// Takes records and drops them.
struct Drain;

impl Sink for Drain {
    fn record(&mut self, record: Record<'_>) -> Result<(), Unusable> {
        black_box(record);
        Ok(())
    }

    fn clear(&mut self) {}

    fn stopped(&self) -> bool {
        false
    }
}

/// A generated tree: its files as they lie, and inflated.
struct Tree {
    logs: Vec<LogFile>,
    packed: Vec<Vec<u8>>,
    texts: Vec<Vec<u8>>,
    folder: tempfile::TempDir,
}

/// `cargo bench` asks for a measurement; everything else only tries.
fn is_measured() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

fn tree() -> Tree {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (days, records) = if is_measured() { (7, 100_000) } else { (1, 2_000) };
    let out = folder.path().to_owned();
    generate::write(
        &generate::Options { out: out.clone(), days, seed: 1, accounts: 4, records, wait: 60 },
        &|| false,
    )
    .expect("a tree is generated");
    // The labels lie beside the logs.
    let found = walk(&[out]).expect("the tree has logs");
    let logs: Vec<LogFile> = found.logs.iter().filter(|file| file.delivered.is_some()).collect();
    let path = |file: &LogFile| match &file.place {
        Place::Path(path) => path.clone(),
        Place::Stdin | Place::Object(_) => unreachable!("the tree is on disk"),
    };
    let packed: Vec<Vec<u8>> = logs.iter().map(|file| fs::read(path(file)).expect("readable")).collect();
    let mut buffers = Buffers::default();
    let inflate = |packed: &Vec<u8>| buffers.read(&packed[..], MAX_INFLATED, &|| false).bytes.to_vec();
    let texts = packed.iter().map(inflate).collect();
    Tree { logs, packed, texts, folder }
}

fn stages(criterion: &mut Criterion) {
    let tree = tree();
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(tree.texts.iter().map(|text| text.len() as u64).sum()));
    group.bench_function("inflate", |bench| {
        let mut buffers = Buffers::default();
        bench.iter(|| {
            for packed in &tree.packed {
                black_box(buffers.read(&packed[..], MAX_INFLATED, &|| false).bytes.len());
            }
        });
    });
    group.bench_function("parse, fast", |bench| {
        let mut memory = Memory::default();
        bench.iter(|| {
            let read =
                |text: &Vec<u8>| fast(text, &mut memory, &mut Drain).expect("generated logs are sound");
            tree.texts.iter().for_each(read);
        });
    });
    group.bench_function("parse, strict", |bench| {
        bench.iter(|| {
            tree.texts.iter().for_each(|text| strict(text, &mut Drain).expect("generated logs are sound"));
        });
    });
    group.bench_function("parse, careful", |bench| {
        bench.iter(|| tree.texts.iter().for_each(|text| drop(careful(text, &mut Drain))));
    });
    let read: Vec<_> = read_all(&tree.logs).collect();
    group.bench_function("aggregate", |bench| {
        bench.iter(|| aggregate(read.iter().map(|(delivered, calls)| (*delivered, Cow::Borrowed(calls)))));
    });
    group.bench_function("read and count", |bench| bench.iter(|| counts(&tree.logs)));
    let model = Model::builtin("default").expect("a built-in model");
    group.bench_function("whole scan", |bench| bench.iter(|| whole_scan(&tree, &model)));
    group.finish();
}

/// What judging costs: by the recorded minute, where there are calls, and by the quiet day of a series, where there are
/// none. The time of an element is what is asked for.
fn detect(criterion: &mut Criterion) {
    let tree = tree();
    let model = Model::builtin("default").expect("a built-in model");
    let mut group = criterion.benchmark_group("detect");
    group.sample_size(10);
    let busy = counts(&tree.logs);
    let minutes: BTreeSet<(ApiId, Minute)> =
        busy.days().flat_map(|(_, cells)| cells).map(|cell| (cell.call.api(), cell.minute)).collect();
    group.throughput(Throughput::Elements(minutes.len() as u64));
    group.bench_function("recorded minutes", |bench| bench.iter(|| judged(&busy, &model)));
    // Ten minutes with calls on the first day and one on the last; as many series on two days cost the same without the
    // quiet days, and are to be taken off.
    let series = if is_measured() { 2_000 } else { 20 };
    for days in [2, 365] {
        let quiet = quiet(series, days);
        group.throughput(Throughput::Elements(u64::from(series) * u64::from(days)));
        group.bench_function(
            format!("series-days of {days} days, quiet but for the first and last"),
            |bench| {
                bench.iter(|| judged(&quiet, &model));
            },
        );
    }
    group.finish();
}

/// Judges all, and gives how many episodes began or ended.
fn judged(counts: &Counts, model: &Model) -> usize {
    let models = Models::from(model.clone()).assign(counts.names());
    let judging = Judging {
        models: &models,
        watched: Watched::Each,
        until: end(counts),
        go_on: false,
        jobs: NonZeroUsize::MIN,
    };
    let judged = judge(counts, &judging, &mut Past::default(), &Cancel::default()).expect("not cancelled");
    judged.iter().map(|judged| judged.events.len()).sum()
}

/// Series that have calls on the first and the last of `days` only.
fn quiet(series: u32, days: u16) -> Counts {
    let mut batch = Batch::new(Attribution::Dropped);
    let first = Minute::parse("2026-01-05T00:00:00Z").expect("a time");
    for number in 0..series {
        let name = format!("Call{number}");
        let last = i32::from(days) * MINUTES_PER_DAY - 10;
        for minute in (0..100).step_by(10).chain([last]) {
            let observation = Observation {
                minute: first.plus(minute),
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                event_source: "ec2.amazonaws.com".into(),
                event_name: name.as_str().into(),
                category: Category::Management,
                read_only: false,
                error_code: None,
                identity: "".into(),
                user_agent: "".into(),
                event_id: None,
            };
            batch.count(&observation, 1);
        }
    }
    let mut counts = Counts::default();
    counts.add(0, &batch.hand_over());
    counts.settle();
    counts
}

/// Shows nothing.
struct Silent;

impl Progress for Silent {
    fn begin(&self, _: u64) {}
    fn advance(&self) {}
    fn finish(&self) {}
}

/// Everything but writing the results, on one thread.
fn whole_scan(tree: &Tree, model: &Model) -> u64 {
    let reading = Reading {
        sources: vec![tree.folder.path().to_owned()],
        range: TimeRange::default(),
        attribution: Attribution::Kept,
        jobs: NonZeroUsize::MIN,
        buckets: Buckets::default(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let scanned = runtime.block_on(async {
        scan::scan(reading, model.clone().into(), None, &Cancel::default(), Arc::new(Silent)).await
    });
    scanned.expect("the tree is sound").summary.insights
}

/// Everything up to the counts, on one thread.
fn counts(logs: &[LogFile]) -> Counts {
    aggregate(read_all(logs).map(|(delivered, calls)| (delivered, Cow::Owned(calls))))
}

/// When each was delivered, and its calls.
fn read_all(logs: &[LogFile]) -> impl Iterator<Item = (Option<Minute>, HandOver)> {
    let options = Options { range: TimeRange::default(), max_inflated: MAX_INFLATED, tell_raw: false };
    let mut scratch = Scratch::new(Attribution::Kept);
    logs.iter().map(move |file| (file.delivered, read_file(file, &options, &mut scratch, &|| false).calls))
}

fn aggregate<'c>(read: impl Iterator<Item = (Option<Minute>, Cow<'c, HandOver>)>) -> Counts {
    let mut counts = Counts::default();
    for (delivered, calls) in read {
        if let Some(delivered) = delivered {
            counts.close_before(delivered);
        }
        counts.add(0, &calls);
    }
    counts.settle();
    counts
}

criterion_group!(benches, stages, detect);
criterion_main!(benches);
