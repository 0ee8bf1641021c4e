//! The files below packaging/ -> their own tools accept them, and their commands run.
use std::process::Command;

use crate::command::{Scenario, organization, python, repository, text};

/// A file below packaging/.
fn packaged(name: &str) -> String {
    std::fs::read_to_string(repository("packaging").join(name)).expect("readable")
}

/// Runs a command line of a package as its shell, or systemd, would, and gives what it said on standard error.
fn run(scenario: &Scenario, line: &str, source: &str, environment: &[(&str, &str)]) -> String {
    let line = line
        .replace("/usr/bin/trailpulse", env!("CARGO_BIN_EXE_trailpulse"))
        .replace("${SOURCE}", source)
        .replace("s3://YOUR-TRAIL-BUCKET/AWSLogs", source)
        .replace("${STATE_DIRECTORY}", text(&scenario.path("var")))
        .replace("${RUNTIME_DIRECTORY}", text(&scenario.path("run")))
        .replace("/var/lib/", &format!("{}/", text(&scenario.path("var"))))
        .replace("=/state/", &format!("={}/", text(&scenario.path("var"))));
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).env_clear().envs(environment.iter().copied()).current_dir(scenario.path(""));
    let ended = shell.output().expect("a shell starts");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{line}\n{said}");
    said
}

#[test]
fn the_commands_of_the_packages_run() {
    let service = packaged("systemd/trailpulse.service");
    let of_service = |key: &str| service.lines().find_map(|line| line.strip_prefix(key)).expect("is there");
    let cron = packaged("cron/trailpulse");
    let mut jobs = cron.lines().filter(|line| !line.starts_with('#'));
    let of_cron = jobs.find_map(|line| Some(line.split_once(" trailpulse ")?.1)).expect("is there");
    let job = packaged("kubernetes/cronjob.yaml");
    let of_job = job.split_once("args:\n").and_then(|(_, rest)| rest.split_once("env:")).expect("is there").0;
    let of_job: Vec<&str> = of_job.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    let of_job = format!("/usr/bin/trailpulse {}", of_job.join(" "));
    let source = text(organization());
    let json = [("TRAILPULSE_LOG_FORMAT", "json")];
    assert!(of_service("Environment=").ends_with("TRAILPULSE_LOG_FORMAT=json"));
    assert!(job.contains("name: TRAILPULSE_LOG_FORMAT\n                  value: json\n"));
    for (commands, environment, left) in [
        (vec![of_service("ExecStartPre="), of_service("ExecStart=")], &json[..], "run/trailpulse.prom"),
        (vec![of_cron], &[], "var/node-exporter/trailpulse.prom"),
        (vec![&of_job], &json, "var/insights/summary.json"),
    ] {
        let scenario = Scenario::new();
        scenario.write("var/empty", "");
        scenario.write("trailpulse.toml", packaged("systemd/trailpulse.toml"));
        let said: String = commands.iter().map(|line| run(&scenario, line, source, environment)).collect();
        let told = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
        let stages: Vec<String> = said.lines().map(|line| told(line)["span"]["stage"].to_string()).collect();
        let wanted = !environment.is_empty();
        assert_eq!(stages.contains(&"\"judge\"".to_owned()), wanted, "{commands:?} said\n{said}");
        assert!(scenario.path(left).exists(), "{left} of {commands:?}");
    }
}

#[test]
fn what_the_unit_leaves_can_be_read_by_those_it_is_for() {
    let service = packaged("systemd/trailpulse.service");
    let of_service = |key: &str| service.lines().find_map(|line| line.strip_prefix(key));
    // With a dynamic user, folders that stay lie below others that only root may enter.
    assert_eq!(of_service("DynamicUser="), None);
    let user = of_service("User=").expect("a user");
    assert_eq!(of_service("Group="), Some(user));
    assert_eq!(of_service("RuntimeDirectoryMode="), Some("0755"));
    let made = packaged("systemd/trailpulse.sysusers");
    assert!(made.lines().any(|line| line.starts_with(&format!("u {user} - "))), "{made}");
}

#[test]
fn systemd_accepts_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        assert!(std::env::var_os("TRAILPULSE_TEST_PYTHON").is_none(), "./run-tests sets up systemd-analyze");
        return;
    }
    let scenario = Scenario::new();
    let program = env!("CARGO_BIN_EXE_trailpulse");
    let unit = packaged("systemd/trailpulse.service").replace("/usr/bin/trailpulse", program);
    let service = scenario.write("trailpulse.service", unit);
    let [timer, minutely] = ["trailpulse.timer", "trailpulse-minutely.timer"]
        .map(|name| scenario.write(name, packaged(&format!("systemd/{name}"))));
    let verify = |service: &std::path::Path| {
        let arguments = ["verify", "--man=no", text(service), text(&timer), text(&minutely)];
        let ended = Command::new("systemd-analyze").args(arguments).output().expect("starts");
        (ended.status.success(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    assert_eq!(verify(&service), (true, String::new()));
    // It does find mistakes.
    let wrong = std::fs::read_to_string(&service).expect("readable").replace("Type=oneshot", "Type=nightly");
    std::fs::write(&service, wrong).expect("writable");
    assert!(verify(&service).1.contains("nightly"));
}

#[test]
fn policies_manifests_and_the_image_are_well_formed() {
    let checked = python("packaging_check.py", Some("parliament"), &[text(&repository("packaging"))]);
    if let Some(ended) = checked {
        assert_eq!((ended.status, ended.stdout.as_str()), (0, "\n"), "{}", ended.stderr);
    }
}
