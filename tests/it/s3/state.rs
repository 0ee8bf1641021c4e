//! A state in a bucket: held by one run at a time, refused where it is not one, whole whatever is killed.
use std::time::{Duration, SystemTime};

use crate::command::{Ended, tells_of_the_run};
use crate::s3::proxy::Fault;
use crate::s3::server::{Served, delivered, logs};

const NIGHT: [&str; 9] =
    ["-q", "scan", "logs", "--state", "s3://states/s", "--out", "s3://results", "--jobs", "2"];

/// Makes the lock look as if its holder had not renewed it for this long.
fn age_lock(served: &Served, minutes: u64) {
    let lock = served.scenario.path("s3/states/s/lock");
    if let Ok(file) = std::fs::File::options().write(true).open(lock) {
        file.set_modified(SystemTime::now() - Duration::from_secs(60 * minutes)).expect("its own file");
    }
}

/// The first nights, done; the last one's logs are delivered.
fn before_the_last_night() -> Option<Served> {
    let served = Served::new()?;
    let logs = logs();
    let old = logs.partition_point(|(name, _)| delivered(name) < "20260114T0000");
    assert!(old < logs.len());
    for (name, bytes) in &logs[..old] {
        served.scenario.write(&format!("logs/{name}"), bytes);
    }
    served.ends(0, &NIGHT);
    for (name, bytes) in &logs[old..] {
        served.scenario.write(&format!("logs/{name}"), bytes);
    }
    Some(served)
}

#[test]
fn one_run_at_a_time_has_it() {
    let Some(served) = before_the_last_night() else { return };
    assert!(!served.scenario.path("s3/states/s/lock").exists(), "a run that ends gives it back");
    served.put("states/s/lock", b"process 4711 on elsewhere since noon\n");
    let refused = served.ends(2, &NIGHT).stderr;
    assert!(
        refused.contains("the state s3://states/s is in use by process 4711 on elsewhere since noon"),
        "{refused}"
    );
    assert_eq!(served.objects("states/s/lock").len(), 1, "it is still theirs");
    // Reading needs no lock.
    served.ends(0, &["state", "s3://states/s"]);
    // One that has not been renewed is nobody's.
    age_lock(&served, 11);
    served.ends(0, &NIGHT);
    assert!(!served.scenario.path("s3/states/s/lock").exists());
    // By the server's clock, not by this machine's: it is 12 hours slow, then fast.
    for (minutes, status) in [(11, 0), (9, 2)] {
        for hours in [-12, 12] {
            served.put("states/s/lock", b"process 4711 on elsewhere since noon\n");
            age_lock(&served, minutes);
            served.proxy.skew(hours);
            served.ends(status, &NIGHT);
        }
    }
    served.proxy.skew(0);
    std::fs::remove_file(served.scenario.path("s3/states/s/lock")).expect("nobody took it");
    // Somebody else's checkpoint has come meanwhile.
    served.proxy.plan(|what, _| {
        let is_commit = what.starts_with("PUT") && what.contains("/checkpoint-");
        if is_commit { Fault::Status(412) } else { Fault::None }
    });
    let refused = served.ends(2, &NIGHT).stderr;
    assert!(refused.contains("the state s3://states/s is in use by another run"), "{refused}");
}

#[test]
fn a_first_run_that_has_lost_its_lease_leaves_the_others_state_alone() {
    let Some(served) = Served::new() else { return };
    let logs = logs();
    for (name, bytes) in &logs[..logs.len() / 4] {
        served.scenario.write(&format!("logs/{name}"), bytes);
    }
    let theirs = [
        ("lock", "process 4711 on elsewhere since noon\n"),
        ("learned.0123456789abcdef.bin", "theirs"),
        ("days/2026-01-05.0123456789abcdef.parquet", "theirs"),
    ];
    let folder = served.scenario.path("s3/states/s");
    // While this one is about to end, another has taken over, and is about to end too.
    served.proxy.plan(move |what, _| {
        if !what.starts_with("PUT") || !what.contains("/checkpoint-") {
            return Fault::None;
        }
        for (name, text) in theirs {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("has a parent")).expect("writable");
            std::fs::write(path, text).expect("writable");
        }
        Fault::Status(412)
    });
    served.ends(2, &NIGHT);
    for (name, text) in theirs {
        let there = std::fs::read(served.scenario.path("s3/states/s").join(name));
        assert!(there.is_ok_and(|bytes| bytes == text.as_bytes()), "{name} was touched");
    }
    // Where nobody has, it takes away what it has written.
    std::fs::remove_dir_all(served.scenario.path("s3/states/s")).expect("its own folder");
    served.proxy.plan(|what, _| {
        if what.starts_with("PUT") && what.contains("/checkpoint-") {
            Fault::Status(403)
        } else {
            Fault::None
        }
    });
    served.ends(2, &NIGHT);
    assert_eq!(served.objects("states"), Vec::new());
    let asked = served.proxy.seen().iter().filter(|what| what.as_str() == "GET /states/s/lock").count();
    assert_eq!(asked, 1, "whose it is");
}

#[test]
fn what_is_no_state_is_refused_and_left_alone() {
    let Some(served) = before_the_last_night() else { return };
    let of = |state: &str| ["scan", "logs", "--out", "out", "--state", state].map(str::to_owned);
    let refused = |state: &str, why: &str| {
        let before = served.objects("states");
        let arguments = of(state);
        let ended = served.ends(2, &arguments.each_ref().map(String::as_str));
        assert!(ended.stderr.contains(why), "{state}: {}", ended.stderr);
        assert!(served.objects("states") == before, "{state} was changed");
    };
    served.put("states/other/notes.txt", b"notes");
    refused("s3://states/other", "s3://states/other is not empty and holds no state");
    let (name, bytes) = served
        .objects("states/s")
        .into_iter()
        .find(|(name, _)| name.starts_with("checkpoint-"))
        .expect("one");
    std::fs::remove_file(served.scenario.path("s3/states/s").join(&name)).expect("is there");
    refused("s3://states/s", "its checkpoint is missing");
    // Nor is it a new state where a later run was killed.
    served.put("states/s/lock", b"process 1 on a host that is gone");
    refused("s3://states/s", "its checkpoint is missing");
    std::fs::remove_file(served.scenario.path("s3/states/s/lock")).expect("is there");
    served.put(&format!("states/s/{name}"), &bytes[..bytes.len() / 2]);
    refused("s3://states/s", "not a checkpoint");
    served.put(&format!("states/s/{name}"), &bytes);
    let (name, _) =
        served.objects("states/s").into_iter().find(|(name, _)| name.starts_with("learned.")).expect("one");
    served.put(&format!("states/s/{name}"), b"something else");
    refused("s3://states/s", "its bytes are not those that were written");
    let ended = served.ends(2, &["state", "s3://states/nothing"]);
    assert!(ended.stderr.contains("there is no state in s3://states/nothing"), "{}", ended.stderr);
}

#[test]
fn a_run_that_is_killed_between_any_two_writes_is_made_up_for_by_the_next() {
    let Some(served) = before_the_last_night() else { return };
    let steps = killed_at_every_third_step(&served);
    for step in ["write an object", "write a file of the state", "no longer needed"] {
        assert!(steps.iter().any(|known| known.contains(step)), "{step} is not among {steps:#?}");
    }
}

#[test]
fn a_first_run_that_is_killed_between_any_two_writes_is_made_up_for_by_the_next() {
    let Some(served) = Served::new() else { return };
    // With somebody to tell, there is a ledger in the state before there is a checkpoint.
    let config = std::fs::read_to_string(served.scenario.path("trailpulse.toml")).expect("a configuration");
    let feed = "[[feed]]\nname = \"lines\"\ntype = \"jsonl\"\npath = \"alerts.jsonl\"\n";
    served.scenario.write("trailpulse.toml", config + feed);
    let logs = logs();
    for (name, bytes) in &logs[..logs.len() / 4] {
        served.scenario.write(&format!("logs/{name}"), bytes);
    }
    let steps = killed_at_every_third_step(&served);
    assert!(steps.iter().any(|known| known.contains("write a file of the state")), "{steps:#?}");
    // With all written but the checkpoint, or nothing but that it is a first run.
    let clear = || {
        for bucket in ["results", "states"] {
            let folder = served.scenario.path("s3").join(bucket);
            std::fs::remove_dir_all(&folder).expect("its own folder");
            std::fs::create_dir_all(&folder).expect("writable");
        }
    };
    let mut named = vec!["create the checkpoint", "remove the mark of a first run", "create the ledger"];
    let mut step = 0;
    while !named.is_empty() {
        step += 1;
        clear();
        let mut command = served.command(&NIGHT);
        let killed = command.env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output().expect("it starts");
        let killed = Ended::new(killed).stderr;
        assert!(killed.contains("killed at step"), "{named:?} are no steps: {killed}");
        let left = named.len();
        named.retain(|name| !killed.contains(name));
        if named.len() < left {
            served.ends(0, &NIGHT);
            served.ends(0, &["state", "s3://states/s"]);
            assert!(!served.objects("states/s").iter().any(|(name, _)| name.starts_with('.')), "{killed}");
        }
    }
}

/// Kills a run before every third step in turn, each time from what is in the buckets now, and runs again. Gives those steps.
fn killed_at_every_third_step(served: &Served) -> Vec<String> {
    let buckets = ["results", "states"].map(|bucket| (bucket, served.objects(bucket)));
    let outcome = || {
        let mut files = [served.objects("results"), served.objects("states/s")].concat();
        // Their numbers tell how often something was written.
        let is_numbered = |name: &str| name.starts_with("checkpoint-") || name.starts_with("ledger-");
        files.retain(|(name, _)| !tells_of_the_run(name) && !is_numbered(name));
        files
    };
    served.ends(0, &NIGHT);
    let want = outcome();
    let mut steps = Vec::new();
    let mut step = 1;
    loop {
        for (bucket, objects) in &buckets {
            let folder = served.scenario.path("s3").join(bucket);
            std::fs::remove_dir_all(&folder).expect("its own folder");
            std::fs::create_dir_all(&folder).expect("writable");
            for (name, bytes) in objects {
                served.put(&format!("{bucket}/{name}"), bytes);
            }
        }
        let mut command = served.command(&NIGHT);
        let ended =
            Ended::new(command.env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output().expect("it starts"));
        if ended.status == 0 {
            break;
        }
        steps.push(ended.stderr.lines().last().unwrap_or_default().to_owned());
        // At once: its process has died on this machine.
        served.ends(0, &NIGHT);
        assert!(outcome() == want, "{steps:?}");
        // Those near both ends of each stage, and some between.
        step += if step < 3 { 1 } else { 3 };
    }
    steps
}
