//! A run that is killed, or cannot write -> the state of the run before, from which the next run does all again.
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::command::{Ended, Scenario, tells_of_the_run, tree};

const NIGHT: [&str; 9] = ["-q", "scan", "logs", "--state", "state", "--out", "out", "--jobs", "1"];

/// A scenario with a night behind it, and new logs that bring insights.
fn scenario() -> Scenario {
    let scenario = Scenario::new();
    let options = ["--days", "10", "--accounts", "1", "--seed", "4", "--records", "1"];
    scenario.done(&[&["generate", "--out", "all"], options.as_slice()].concat());
    // The last incidents come with the second night.
    let all = tree(&scenario.path("all")).into_iter().filter(|(name, _)| name.contains("_CloudTrail_"));
    let (new, old): (Vec<_>, Vec<_>) =
        all.partition(|(name, _)| ["/2026/01/14/", "/2026/01/15/"].iter().any(|day| name.contains(day)));
    // By then the account has joined its organization.
    for (name, bytes) in &old {
        let names: Vec<&str> = name.split('/').filter(|name| !name.starts_with("o-")).collect();
        scenario.write(&format!("logs/{}", names.join("/")), bytes);
    }
    scenario.done(&NIGHT);
    for (name, bytes) in &new {
        scenario.write(&format!("logs/{name}"), bytes);
    }
    for kept in ["state", "out"] {
        copy(&scenario.path(kept), &scenario.path(&format!("{kept}.before")));
    }
    scenario
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    for (name, bytes) in tree(from) {
        let to = to.join(name);
        std::fs::create_dir_all(to.parent().expect("has a parent")).expect("writable");
        std::fs::write(to, bytes).expect("writable");
    }
}

/// Puts everything back as it was before the second night.
fn before(scenario: &Scenario) {
    for kept in ["state", "out"] {
        copy(&scenario.path(&format!("{kept}.before")), &scenario.path(kept));
    }
}

/// What matters of a state, and what was published but for what tells of the last run only.
fn outcome(scenario: &Scenario) -> (String, Vec<(String, Vec<u8>)>) {
    let state = scenario.done(&["state", "state", "--format", "json"]).stdout;
    let published = tree(&scenario.path("out")).into_iter().filter(|(name, _)| !tells_of_the_run(name));
    (state, published.collect())
}

/// Kills a run before every step in turn, each time from where `before` goes back to, and runs again: at once, or where a first
/// run was killed that had something to keep, after the next was killed at its first steps too. Gives the steps.
fn killed_at_every_step(scenario: &Scenario, night: &[&str], before: impl Fn()) -> Vec<String> {
    let kill_at = |step: usize| {
        let mut command = scenario.command(night);
        Ended::new(command.env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output().expect("starts"))
    };
    before();
    scenario.done(night);
    let want = outcome(scenario);
    let mut steps = Vec::new();
    for step in 1.. {
        before();
        let ended = kill_at(step);
        if ended.status == 0 {
            break;
        }
        let what = ended.stderr.lines().last().unwrap_or_default().to_owned();
        assert!(what.starts_with(&format!("killed at step {step}: ")), "{what}");
        if what.ends_with("create the checkpoint") {
            for again in 1..=8 {
                before();
                kill_at(step);
                kill_at(again);
                scenario.done(night);
                assert!(outcome(scenario) == want, "{what}, then at step {again}");
            }
            before();
            kill_at(step);
        }
        scenario.done(night);
        assert!(outcome(scenario) == want, "{what}");
        steps.push(what);
    }
    steps
}

/// That each of these was among the steps.
fn assert_among(steps: &[String], named: &[&str]) {
    for step in named {
        assert!(steps.iter().any(|known| known.contains(step)), "{step} is not among {steps:#?}");
    }
}

/// The state's files, but for the lock.
fn kept(scenario: &Scenario) -> Vec<(String, Vec<u8>)> {
    tree(&scenario.path("state")).into_iter().filter(|(name, _)| name != "lock").collect()
}

#[test]
fn a_run_that_is_killed_before_any_step_is_made_up_for_by_the_next() {
    let scenario = scenario();
    let steps = killed_at_every_step(&scenario, &NIGHT, || before(&scenario));
    let published = outcome(&scenario).1.len();
    assert!(published > tree(&scenario.path("out.before")).len() + 2, "the night has insights");
    let named = [
        "stage an output",
        "sync an output",
        "rename an output",
        "remove the summary",
        "write a file of the state",
        "sync a file of the state",
        "rename a file of the state",
        "create the checkpoint",
        "remove a file that is no longer needed",
    ];
    assert_among(&steps, &named);
}

#[test]
fn a_first_run_that_is_killed_before_any_step_is_made_up_for_by_the_next() {
    let scenario = Scenario::new();
    let options = ["--days", "2", "--accounts", "1", "--seed", "4", "--records", "1"];
    scenario.done(&[&["generate", "--out", "logs"], options.as_slice()].concat());
    // With somebody to tell, there is a ledger in the state before there is a checkpoint.
    scenario
        .write("trailpulse.toml", "[[feed]]\nname = \"lines\"\ntype = \"jsonl\"\npath = \"alerts.jsonl\"\n");
    let from_nothing = || {
        for made in ["state", "out"] {
            let _ = std::fs::remove_dir_all(scenario.path(made));
        }
    };
    let steps = killed_at_every_step(&scenario, &NIGHT, from_nothing);
    let named = [
        "make a folder to write in",
        "create the mark of a first run",
        "sync the mark of a first run",
        "rename a file of the state",
        "create the ledger",
        "create the checkpoint",
        "remove the mark of a first run",
        "remove the folder to write in",
    ];
    assert_among(&steps, &named);
    // Whatever was killed before, without its checkpoint the state is damaged, not new.
    assert!(!kept(&scenario).iter().any(|(name, _)| name.starts_with('.')), "{:?}", kept(&scenario).len());
    for (name, _) in kept(&scenario).iter().filter(|(name, _)| name.starts_with("checkpoint-")) {
        std::fs::remove_file(scenario.path("state").join(name)).expect("is there");
    }
    let refused = scenario.run(&NIGHT);
    assert!(
        refused.status == 2 && refused.stderr.contains("its checkpoint is missing"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_first_run_that_fails_leaves_a_folder_that_the_next_takes() {
    let scenario = Scenario::new();
    let options = ["--days", "2", "--accounts", "1", "--seed", "4", "--records", "1"];
    scenario.done(&[&["generate", "--out", "logs"], options.as_slice()].concat());
    // Nothing can be written to DEST when all is read: a folder stands where a file should be.
    let feed = "[[feed]]\nname = \"lines\"\ntype = \"jsonl\"\npath = \"alerts.jsonl\"\n";
    scenario.write("trailpulse.toml", feed);
    scenario.write("out/summary.json/a.file", "in the way");
    let failed = scenario.run(&NIGHT);
    assert_eq!(failed.status, 2, "{}", failed.stderr);
    assert!(!scenario.path("state").exists(), "{:?}", tree(&scenario.path("state")));
    // No file may grow beyond so many blocks of 512 bytes: the ledger fits, but not all of the state.
    std::fs::remove_dir_all(scenario.path("out")).expect("its own folder");
    let program = env!("CARGO_BIN_EXE_trailpulse");
    let script = format!("trap '' XFSZ; ulimit -f 4; exec {program} {} --no-report", NIGHT.join(" "));
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &script]).current_dir(scenario.path("."));
    let failed = Ended::new(shell.output().expect("bash starts"));
    assert!(failed.status == 2 && failed.stderr.contains("as the state"), "{}", failed.stderr);
    let left: Vec<String> = tree(&scenario.path("state")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["ledger-00000001.json"]);
    scenario.done(&NIGHT);
}

#[test]
fn what_a_killed_run_has_published_is_not_told_again_by_one_that_has_more_logs() {
    let scenario = scenario();
    // What came since has not been delivered yet.
    let is_late = |name: &str| {
        name.contains("/2026/01/15/") || name.contains("_20260114T1") || name.contains("_20260114T2")
    };
    let logs = tree(&scenario.path("logs"));
    let late: Vec<_> = logs.into_iter().filter(|(name, _)| is_late(name)).collect();
    for (name, _) in &late {
        std::fs::remove_file(scenario.path("logs").join(name)).expect("is there");
    }
    let is_killed = (1..1_000_u32).any(|step| {
        before(&scenario);
        let mut command = scenario.command(&NIGHT);
        let ended =
            Ended::new(command.env("TRAILPULSE_TEST_KILL_AT", step.to_string()).output().expect("starts"));
        assert_ne!(ended.status, 0, "there is such a step");
        ended.stderr.contains("create the checkpoint")
    });
    assert!(is_killed);
    for (name, bytes) in &late {
        scenario.write(&format!("logs/{name}"), bytes);
    }
    scenario.done(&NIGHT);
    let mut names: Vec<String> = tree(&scenario.path("out"))
        .into_iter()
        .filter_map(|(name, _)| {
            Some(name.rsplit('/').next()?.to_owned()).filter(|name| name.ends_with("json.gz"))
        })
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "no file of the tree stands in two places");
    assert!(all > 10, "{all}");
}

#[test]
fn a_run_that_is_killed_at_any_moment_is_made_up_for_by_the_next() {
    let scenario = scenario();
    let started = std::time::Instant::now();
    scenario.done(&NIGHT);
    let took = started.elapsed().as_micros() as u64;
    let want = outcome(&scenario);
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for _ in 0..100 {
        before(&scenario);
        let mut run =
            scenario.command(&NIGHT).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(Duration::from_micros(random.random_range(0..took)));
        // It may be over already.
        let _ = run.kill();
        run.wait().expect("ends");
        scenario.done(&NIGHT);
        assert!(outcome(&scenario) == want);
    }
}

#[test]
fn where_nothing_can_be_written_nothing_is_changed() {
    let scenario = scenario();
    let state = kept(&scenario);
    // A file stands where a folder should be.
    for (option, value) in [("--out", "logs.txt/out"), ("--state", "logs.txt/state")] {
        scenario.write("logs.txt", "no folder");
        let others = if option == "--out" { ["--state", "state"] } else { ["--out", "out"] };
        let ended = scenario.run(&[["scan", "logs", option, value].as_slice(), &others].concat());
        assert_eq!(ended.status, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("logs.txt"), "{}", ended.stderr);
    }
    assert!(kept(&scenario) == state);
    // Before anything is read: here, that would wait for ever.
    #[cfg(unix)]
    {
        let made = std::process::Command::new("mkfifo").arg(scenario.path("pipe.json")).status();
        assert!(made.is_ok_and(|made| made.success()), "mkfifo makes a pipe");
        for options in
            [["--out", "logs.txt/out", "--state", "state"], ["--out", "out", "--state", "logs.txt/state"]]
        {
            let ended = scenario.run(&[["scan", "pipe.json"].as_slice(), &options].concat());
            assert_eq!(ended.status, 2, "{}", ended.stderr);
        }
    }
    assert!(kept(&scenario) == state);
    // The disk is full: no file may grow beyond so many blocks of 512 bytes.
    for blocks in [0, 1, 8, 40] {
        before(&scenario);
        let program = env!("CARGO_BIN_EXE_trailpulse");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} {}", NIGHT.join(" "));
        let mut shell = std::process::Command::new("bash");
        shell.args(["-c", &script]).current_dir(scenario.path("."));
        let ended = Ended::new(shell.output().expect("bash starts"));
        if ended.status == 0 {
            continue;
        }
        assert_eq!(ended.status, 2, "{blocks} blocks: {}", ended.stderr);
        assert!(ended.stderr.contains("cannot "), "{}", ended.stderr);
        let checkpoint = |files: Vec<(String, Vec<u8>)>| {
            files.into_iter().filter(|(name, _)| name.starts_with("checkpoint-")).collect::<Vec<_>>()
        };
        assert!(checkpoint(kept(&scenario)) == checkpoint(state.clone()), "{blocks} blocks");
        scenario.done(&["state", "state"]);
    }
    scenario.done(&NIGHT);
}

/// Runs a script with a file system of its own in memory on the folder `small`, of so many pages of 4 KiB. `None`, with a word
/// about it, where nobody but root may have one.
#[cfg(target_os = "linux")]
fn on_a_small_disk(scenario: &Scenario, pages: usize, script: &str) -> Option<Ended> {
    std::fs::create_dir_all(scenario.path("small")).expect("writable");
    let mount = format!("mount -t tmpfs -o size={}k none small", 4 * pages);
    let in_own = |script: &str| {
        let mut unshare = std::process::Command::new("unshare");
        unshare
            .args(["--user", "--map-root-user", "--mount", "bash", "-ec", script])
            .current_dir(scenario.path("."));
        unshare.output()
    };
    if !in_own(&mount).is_ok_and(|output| output.status.success()) {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: no file system of its own can be had here\n",
        );
        return None;
    }
    Some(Ended::new(in_own(&format!("{mount}; {script}")).expect("it has started before")))
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_leaves_the_state_as_it_was_and_is_made_up_for() {
    let scenario = scenario();
    scenario.done(&NIGHT);
    let want = outcome(&scenario);
    let newest = |state: &str| {
        let names = tree(&scenario.path(state)).into_iter().map(|(name, _)| name);
        names.filter(|name| name.starts_with("checkpoint-")).max().expect("a checkpoint")
    };
    let (mut full, mut done) = (0, 0);
    for small in ["state", "out"] {
        // What the first night left, and so many pages more: so that the first, the last or nothing does not fit.
        for spare in [0, 1, 2, 4, 16, 4_096] {
            before(&scenario);
            let night =
                NIGHT.map(
                    |argument| if argument == small { format!("small/{small}") } else { argument.to_owned() },
                );
            let night = format!("{} {}", env!("CARGO_BIN_EXE_trailpulse"), night.join(" "));
            let keep = |name: &str| {
                format!("rm -rf {name}; cp -r $([ {small} = state ] && echo small/)state {name}")
            };
            let script = format!(
                "cp -r {small}.before small/{small}
                 used=$(df --output=used small | tail -1)
                 mount -o remount,size=$((used + 4 * {spare}))k small
                 status=0; {night} || status=$?
                 {}
                 mount -o remount,size=64m small
                 {night} || exit 99
                 rm -rf {small}; cp -r small/{small} {small}
                 exit $status",
                keep("state.after")
            );
            let Some(ended) = on_a_small_disk(&scenario, 4_096, &script) else { return };
            let what = format!("{small} with {spare} pages ended with {}: {}", ended.status, ended.stderr);
            if ended.status == 0 {
                done += 1;
            } else {
                full += 1;
                assert!(ended.status == 2 && ended.stderr.contains("No space left on device"), "{what}");
                assert_eq!(newest("state.after"), newest("state.before"), "{what}");
            }
            assert!(outcome(&scenario) == want, "{what}");
        }
    }
    assert!(full >= 4 && done >= 2, "{full} were full, {done} were not");
}
