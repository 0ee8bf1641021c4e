//! The same input gives the same bytes: for any number of threads, any order of sources, and a second run into DEST.
use crate::command::{Scenario, organization, repository, tells_of_the_run, text, tree};

#[test]
fn threads_order_and_repetition_change_nothing() {
    let scenario = Scenario::new();
    let logs = organization();
    let accounts: Vec<String> = std::fs::read_dir(organization_folder(logs))
        .expect("readable")
        .map(|entry| entry.expect("readable").path().to_string_lossy().into_owned())
        .collect();
    assert!(accounts.len() > 1);
    scenario.done(&["scan", text(logs), "--out", "all"]);
    let want = tree(&scenario.path("all"));
    scenario.done(&["scan", text(logs), "--out", "all"]);
    assert!(tree(&scenario.path("all")) == want, "a second run into the same folder");
    scenario.done(&["scan", text(logs), "--out", "one", "--jobs", "1"]);
    assert!(tree(&scenario.path("one")) == want, "one thread");
    scenario.done(&["scan", text(logs), "--out", "seven", "--jobs", "7"]);
    assert!(tree(&scenario.path("seven")) == want, "seven threads");
    let mut insights = Vec::new();
    for (out, sources) in
        [("ascending", accounts.clone()), ("descending", accounts.into_iter().rev().collect())]
    {
        let mut arguments = vec!["scan", "--out", out];
        arguments.extend(sources.iter().map(String::as_str));
        // The same folder twice counts once.
        arguments.push(&sources[0]);
        scenario.done(&arguments);
        insights.push(tree(&scenario.path(out)));
    }
    assert!(insights[0] == insights[1], "order of sources");
    let is_insight = |file: &&(String, Vec<u8>)| !tells_of_the_run(&file.0);
    assert!(
        insights[0].iter().filter(is_insight).eq(want.iter().filter(is_insight)),
        "accounts one by one find the same insights"
    );
}

#[test]
fn where_the_logs_lie_changes_nothing() {
    let scenario = Scenario::new();
    let hostile = repository("fixtures/hostile");
    std::fs::create_dir_all(scenario.path("elsewhere/logs")).expect("writable");
    for file in std::fs::read_dir(&hostile).expect("readable") {
        let file = file.expect("readable");
        std::fs::copy(file.path(), scenario.path("elsewhere/logs").join(file.file_name())).expect("writable");
    }
    let sources = [text(&hostile), "elsewhere/logs", "./elsewhere/../elsewhere/logs/"];
    let trees = sources.map(|source| {
        assert_eq!(scenario.run(&["scan", source, "--out", "out"]).status, 3);
        tree(&scenario.path("out"))
    });
    assert!(trees[0] == trees[1] && trees[0] == trees[2]);
}

/// The folder that holds one folder for each account.
fn organization_folder(logs: &std::path::Path) -> std::path::PathBuf {
    let mut folders = std::fs::read_dir(logs.join("AWSLogs")).expect("readable");
    folders.next().expect("an organization").expect("readable").path()
}
