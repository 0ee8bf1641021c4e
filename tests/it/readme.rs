//! README.md -> what it shows is what the program prints.
use crate::command::{Scenario, repository};

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let readme = std::fs::read_to_string(repository("README.md")).expect("readable");
    let (_, shown) = readme.split_once("```text\n").expect("a block of output");
    let (shown, _) = shown.split_once("```").expect("the block ends");
    let printed = Scenario::new().done(&["demo"]).stdout;
    let mut rest = printed.lines();
    // In this order; "…" stands for lines that were cut out.
    for line in shown.lines().filter(|line| !matches!(*line, "…" | "")) {
        assert!(rest.any(|other| other.trim_end() == line), "not printed, or not there: {line}\n{printed}");
    }
}
