//! The same logs in a folder and in a bucket -> the same bytes, in a folder and in a bucket.
use crate::command::tells_of_the_run;
use crate::s3::server::{Served, delivered, logs};

#[test]
fn a_scan_and_counts_of_a_bucket_are_those_of_its_copy() {
    let Some(served) = Served::new() else { return };
    served.deliver_all();
    // What lies beside logs, and what is damaged.
    let beside: [(&str, &[u8]); 6] = [
        ("beside/notes.txt", b"no log"),
        ("beside/labels.json", b"{\"labels\":[]}"),
        ("beside/unnamed", b"{\"Records\":[]}"),
        ("beside/empty.json", b""),
        ("beside/table.csv", b"a,b\n"),
        (
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/06/111122223333_CloudTrail_eu-west-1_20260106T0000Z_AAAAAAAAAAAAAAAA.json.gz",
            b"broken",
        ),
    ];
    for (name, bytes) in beside {
        served.scenario.write(&format!("logs/{name}"), bytes);
        served.put(&format!("logs/{name}"), bytes);
    }
    let local = served.ends(3, &["scan", "logs", "--out", "local"]);
    let remote = served.ends(3, &["scan", "s3://logs", "--out", "remote", "--jobs", "3"]);
    assert!(served.files("local").len() > 10, "{}", local.stdout);
    assert!(served.files("remote") == served.files("local"), "{}\n{}", local.stdout, remote.stdout);
    // A bucket as DEST, twice: the second replaces the first.
    for run in 1..=2 {
        served.ends(3, &["scan", "s3://logs/", "--out", "s3://results/o/"]);
        assert!(served.objects("results/o") == served.files("local"), "run {run}");
    }
    // Insights that a run no longer finds make room, others' objects stay.
    served.put(
        "results/o/AWSLogs/111122223333/CloudTrail-Insight/eu-west-1/2026/01/06/somebody_0000.json.gz",
        b"else",
    );
    served.ends(3, &["scan", "s3://logs", "--out", "s3://results/o", "--model", "quiet"]);
    served.ends(3, &["scan", "logs", "--out", "local", "--model", "quiet"]);
    let left: Vec<_> =
        served.objects("results/o").into_iter().filter(|(name, _)| !name.contains("somebody")).collect();
    assert!(left == served.files("local"));
    assert_eq!(served.objects("results/o").len(), left.len() + 1);
    // A part of the bucket, one object, and two SOURCEs.
    let (name, _) = logs().iter().find(|(name, _)| name.contains("_CloudTrail_")).expect("a log");
    let day = name.rsplit_once('/').expect("a folder").0;
    let sources: [&[&str]; 3] = [&[day], &[name], &[day, name, "beside"]];
    for sources in sources {
        let of = |root: &str| sources.iter().map(|source| format!("{root}{source}")).collect::<Vec<_>>();
        let (folder, bucket) = (of("logs/"), of("s3://logs/"));
        let run = |sources: &[String], out: &str| {
            let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
            served.run(&[&["counts", "--attributions", "--out", out], sources.as_slice()].concat())
        };
        let (local, remote) = (run(&folder, "local.csv"), run(&bucket, "remote.csv"));
        let bytes = |file: &str| std::fs::read(served.scenario.path(file)).expect("written");
        assert!(bytes("local.csv").len() > 100);
        assert!(bytes("local.csv") == bytes("remote.csv"), "{sources:?}");
        assert_eq!(local.stderr.replace("local.csv", ""), remote.stderr.replace("remote.csv", ""));
        assert_eq!((local.status, remote.status), if sources.len() > 1 { (3, 3) } else { (0, 0) });
    }
}

#[test]
fn nights_on_a_bucket_are_those_on_a_folder() {
    let Some(served) = Served::new() else { return };
    let logs = logs();
    let mut delivered_before = 0;
    for night in ["20260110T0000", "20260113T0600", "20260113T1200", "20270101T0000"] {
        let end = logs.partition_point(|(name, _)| delivered(name) < night);
        for (name, bytes) in &logs[delivered_before..end] {
            served.scenario.write(&format!("logs/{name}"), bytes);
            served.put(&format!("logs/{name}"), bytes);
        }
        assert!(end > delivered_before, "{night} brings logs");
        delivered_before = end;
        served.ends(0, &["-q", "scan", "logs", "--state", "local-state", "--out", "local"]);
        served.ends(0, &["-q", "scan", "s3://logs", "--state", "s3://states/a/b", "--out", "s3://results"]);
        let state = |state: &str| served.ends(0, &["state", state, "--format", "json"]).stdout;
        assert_eq!(state("local-state"), state("s3://states/a/b"), "{night}");
        let published = |mut files: Vec<(String, Vec<u8>)>| {
            // It says how much was looked through.
            files.retain(|(name, _)| !tells_of_the_run(name) && name != ".trailpulse-probe");
            files
        };
        assert!(published(served.objects("results")) == published(served.files("local")), "{night}");
    }
    assert!(served.files("local").len() > 10);
    // The state's files are the same, too, but for who holds it; the checkpoint says where it has looked.
    let kept = |mut files: Vec<(String, Vec<u8>)>| {
        files.retain(|(name, _)| name != "lock");
        for (name, bytes) in &mut files {
            if name.starts_with("checkpoint-") {
                let mut checkpoint: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
                let fields = checkpoint.as_object_mut().expect("an object");
                fields.retain(|name, _| name != "listed" && name != "sha256");
                *bytes = checkpoint.to_string().into_bytes();
            }
        }
        files
    };
    assert!(kept(served.objects("states/a/b")) == kept(served.files("local-state")));
    let series = "111122223333/eu-west-1/ec2/RunInstances";
    let explained = |state| served.run(&["explain", "--state", state, series]);
    assert_eq!(explained("local-state").stderr, explained("s3://states/a/b").stderr);
}
