//! Logs that boto3 writes to moto -> insights there that boto3 reads.
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::command::{Ended, Scenario, python, repository, tells_of_the_run, text, tree};
use crate::s3::server::{ACCESS_KEY, SECRET_KEY, logs};

/// moto, until it is dropped.
pub(crate) struct Moto {
    pub(crate) endpoint: String,
    server: Child,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Moto {
    /// `None`, with a word about it, where moto is not installed.
    pub(crate) fn new() -> Option<Self> {
        // Whether it is there, without which nothing starts.
        python("moto_server.py", Some("moto.server, boto3"), &[])?;
        let python = std::env::var("TRAILPULSE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut server = Command::new(python)
            .arg(repository("tests/moto_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python starts");
        let mut port = String::new();
        let out = server.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut port).expect("moto says its port");
        Some(Self { endpoint: format!("http://127.0.0.1:{}", port.trim()), server })
    }

    fn boto3(&self, arguments: &[&str]) -> String {
        self.asked("boto3_bucket.py", arguments)
    }

    /// What a script prints that takes a command, the endpoint, and what else there is.
    pub(crate) fn asked(&self, script: &str, arguments: &[&str]) -> String {
        let arguments = [&[arguments[0], &self.endpoint], &arguments[1..]].concat();
        let ended = python(script, Some("boto3"), &arguments).expect("boto3 is there, as moto is");
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        ended.stdout
    }
}

#[test]
fn boto3_writes_the_logs_and_reads_the_insights() {
    let Some(moto) = Moto::new() else { return };
    let scenario = Scenario::new();
    // One region: moto takes its time.
    for (name, bytes) in logs().iter().filter(|(name, _)| name.contains("/us-east-1/")) {
        scenario.write(&format!("logs/{name}"), bytes);
    }
    scenario.write(
        "trailpulse.toml",
        "[scan]\nsettle = 75\n[s3]\nsse = \"aws:kms\"\nkms_key_id = \"alias/insights\"\nbucket_key = true\n\
         tags = { team = \"security\", \"cost center\" = \"4 + 7\" }\n",
    );
    moto.boto3(&["write", "trail", text(&scenario.path("logs"))]);
    let run = |arguments: &[&str]| {
        let mut command = scenario.command(arguments);
        command
            .env("AWS_ENDPOINT_URL", &moto.endpoint)
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        let ended = Ended::new(command.output().expect("trailpulse starts"));
        assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    };
    // Into the trail's own bucket, as Insights of AWS's are, and twice with a state: the second run adds nothing.
    for _ in 0..2 {
        run(&["scan", "s3://trail", "--state", "state", "--final", "--out", "s3://trail"]);
    }
    run(&["scan", "logs", "--state", "local-state", "--final", "--out", "local"]);
    let objects: Value = serde_json::from_str(&moto.boto3(&["read", "trail", ""])).expect("JSON");
    let objects = objects.as_object().expect("objects by key");
    let local = tree(&scenario.path("local"));
    assert!(local.len() > 5, "{} files", local.len());
    for (name, bytes) in &local {
        let object = &objects[name];
        // The summary is that of the second run.
        assert!(tells_of_the_run(name) || object["bytes"] == trailpulse::words::hex(bytes), "{name}");
        assert_eq!((&object["sse"], &object["bucket_key"]), (&"aws:kms".into(), &true.into()), "{name}");
        assert!(object["kms_key_id"].as_str().is_some_and(|id| id.contains("alias/insights")), "{object}");
        let tags = serde_json::json!({"team": "security", "cost center": "4 + 7"});
        assert_eq!(object["tags"], tags, "{name}");
        if name.contains("CloudTrail-Insight") {
            assert_eq!((&object["type"], &object["encoding"]), (&"application/json".into(), &"gzip".into()));
            let records = object["records"].as_array().expect("records");
            assert!(
                !records.is_empty()
                    && records.iter().all(|record| record["eventType"] == "AwsCloudTrailInsight")
            );
        }
    }
    let ours = objects.keys().filter(|key| !logs().iter().any(|(name, _)| name == *key)).count();
    assert_eq!(ours, local.len(), "nothing else was left behind");
}
