//! Logs, a configuration with every feed, and its receivers, each behind a proxy -> what each receiver has taken.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::receiver::{Receiver, ask};
use super::rules;
use crate::command::{Ended, Scenario, repository};
use crate::s3::moto::Moto;
use crate::s3::proxy::Proxy;
use crate::s3::server::{ACCESS_KEY, SECRET_KEY, delivered, free_port, logs, wait_for};

pub(crate) const SECRET: &str = "of the webhook, and 32 characters long";
pub(crate) const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Alertmanager, until it is dropped.
pub(crate) struct Alertmanager {
    pub(crate) port: u16,
    server: Child,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Alertmanager {
    /// `None`, with a word about it, where it is not there.
    pub(crate) fn new(scenario: &Scenario) -> Option<Self> {
        let program = repository("target/tools/bin/prometheus-alertmanager");
        if !program.exists() {
            assert!(
                std::env::var("TRAILPULSE_TEST_PYTHON").is_err(),
                "run-tests unpacks {}",
                program.display()
            );
            let _ = writeln!(std::io::stderr(), "skipped: Alertmanager is not there; ./run-tests sets it up");
            return None;
        }
        let config =
            scenario.write("alertmanager.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
        let port = free_port();
        let server = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", scenario.path("alertmanager").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Alertmanager starts");
        wait_for(port);
        Some(Self { port, server })
    }

    /// All alerts that fire.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        let alerts = ask(self.port, "GET", "/api/v2/alerts", "");
        alerts.as_array().expect("alerts").clone()
    }
}

/// A place where alerts go, with the proxy before it.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) alertmanager: Alertmanager,
    pub(crate) moto: Moto,
    /// Names that AWS gave.
    pub(crate) aws: Value,
    pub(crate) webhook: Receiver,
    pub(crate) slack: Receiver,
    pub(crate) pagerduty: Receiver,
    /// By the name of the feed.
    pub(crate) proxies: BTreeMap<&'static str, Proxy>,
}

impl World {
    /// `None` where a receiver is not installed.
    pub(crate) fn new() -> Option<Self> {
        let scenario = Scenario::new();
        let alertmanager = Alertmanager::new(&scenario)?;
        let moto = Moto::new()?;
        let aws: Value = serde_json::from_str(&moto.asked("alert_aws.py", &["setup"])).expect("JSON");
        let webhook = Receiver::answering(|_, _| (200, String::new()));
        let slack = Receiver::answering(|request, _| rules::slack(&request.json()));
        let pagerduty = Receiver::answering(|request, _| rules::pagerduty(&request.json()));
        let of_moto = moto.endpoint.rsplit_once(':').expect("a port").1.parse().expect("a port");
        let ports = [
            ("webhook", webhook.port),
            ("slack", slack.port),
            ("pagerduty", pagerduty.port),
            ("alertmanager", alertmanager.port),
            ("eventbridge", of_moto),
            ("sns", of_moto),
        ];
        let proxies = ports.into_iter().map(|(name, port)| (name, Proxy::before(port))).collect();
        let world = Self { scenario, alertmanager, moto, aws, webhook, slack, pagerduty, proxies };
        world.configure();
        std::fs::create_dir(world.scenario.path("feeds")).expect("writable");
        Some(world)
    }

    fn configure(&self) {
        let url = |name: &str| format!("http://127.0.0.1:{}", self.proxies[name].port);
        let text = format!(
            "[scan]\nsettle = 75\nout = \"out\"\nstate = \"state\"\n\
             [[feed]]\nname = \"jsonl\"\ntype = \"jsonl\"\npath = \"feeds/alerts.jsonl\"\n\
             [[feed]]\nname = \"ocsf\"\ntype = \"ocsf\"\npath = \"feeds/alerts.ocsf.jsonl\"\n\
             [[feed]]\nname = \"webhook\"\ntype = \"webhook\"\nurl = \"{}/hook\"\nsecret_env = \"HOOK_SECRET\"\nallow_private = true\ntimeout = 2\n\
             [[feed]]\nname = \"slack\"\ntype = \"slack\"\nurl_env = \"SLACK_URL\"\nallow_private = true\ntimeout = 2\n\
             [[feed]]\nname = \"pagerduty\"\ntype = \"pagerduty\"\nurl = \"{}/v2/enqueue\"\nrouting_key_env = \"PD_KEY\"\nallow_private = true\n\
             [[feed]]\nname = \"alertmanager\"\ntype = \"alertmanager\"\nurl = \"{}\"\nlabels = {{ team = \"cloud\" }}\nallow_private = true\ntimeout = 2\n\
             [[feed]]\nname = \"eventbridge\"\ntype = \"eventbridge\"\nendpoint = \"{}\"\nbus = {}\nsource = \"acme.trailpulse\"\nregion = \"eu-west-1\"\nallow_private = true\ntimeout = 30\n\
             [[feed]]\nname = \"sns\"\ntype = \"sns\"\nendpoint = \"{}\"\ntopic = {}\nallow_private = true\ntimeout = 30\n",
            url("webhook"),
            url("pagerduty"),
            url("alertmanager"),
            url("eventbridge"),
            self.aws["bus"],
            url("sns"),
            self.aws["topic"],
        );
        self.scenario.write("trailpulse.toml", text);
    }

    /// A command with the secrets that the configuration names.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.scenario.command(arguments);
        command
            .env("HOME", self.scenario.path("home"))
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("HOOK_SECRET", SECRET)
            .env("PD_KEY", ROUTING_KEY)
            .env(
                "SLACK_URL",
                format!("http://127.0.0.1:{}/services/T0/B0/hunter2", self.proxies["slack"].port),
            );
        Ended::new(command.output().expect("trailpulse starts"))
    }

    /// Runs it and expects this exit status.
    pub(crate) fn ends(&self, status: i32, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.status, status, "{arguments:?}\n{}\n{}", ended.stdout, ended.stderr);
        for secret in [SECRET, ROUTING_KEY, "hunter2"] {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "a secret is shown");
        }
        ended
    }

    /// All logs that were delivered before `until`, such as `20260113T0237`.
    pub(crate) fn deliver_until(&self, until: &str) {
        for (name, bytes) in logs().iter().filter(|(name, _)| delivered(name) < until) {
            if !self.scenario.path(&format!("logs/{name}")).exists() {
                self.scenario.write(&format!("logs/{name}"), bytes);
            }
        }
    }

    /// What became of alerts in the last run, by feed.
    pub(crate) fn summary(&self) -> Value {
        let summary = std::fs::read(self.scenario.path("out/summary.json")).expect("a summary");
        serde_json::from_slice::<Value>(&summary).expect("JSON")["alerts"].clone()
    }

    /// Every event that was published and that alerts: its id, and the record.
    pub(crate) fn published(&self) -> BTreeMap<String, Value> {
        let lines = std::fs::read_to_string(self.scenario.path("out/insights.jsonl")).expect("insights");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let alerting = lines.filter(|line| {
            line["explanation"]["muted_by"].is_null() && line["explanation"]["told_by"].is_null()
        });
        alerting.map(|line| (text(&line["record"]["eventID"]), line["record"].clone())).collect()
    }

    /// What is in a queue of AWS, each message taken out.
    pub(crate) fn drained(&self, queue: &str) -> Vec<Value> {
        let taken = self.moto.asked("alert_aws.py", &["drain", self.aws[queue].as_str().expect("a queue")]);
        serde_json::from_str(&taken).expect("JSON")
    }

    /// Lines of a feed that is a file.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.scenario.path(&format!("feeds/{name}"))).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "whole lines only");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// A JSON text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

/// Each of `ids` is there once, and is one of `published`; all of them where they are to be `all`.
#[track_caller]
pub(crate) fn check_once(feed: &str, ids: &[String], published: &BTreeSet<String>) {
    let mut times = BTreeMap::<&String, usize>::new();
    for id in ids {
        *times.entry(id).or_default() += 1;
    }
    let wrong: Vec<_> =
        times.iter().filter(|(id, times)| **times != 1 || !published.contains(**id)).collect();
    assert!(wrong.is_empty(), "{feed}: not told once: {wrong:?}");
    let missing: Vec<_> = published.iter().filter(|id| !times.contains_key(id)).collect();
    assert!(missing.is_empty(), "{feed}: not told: {missing:?}");
}

/// Runs a check of `tests/payload_check.py` on a list.
pub(crate) fn python_check(arguments: &[&str], list: &[Value]) {
    let python = std::env::var("TRAILPULSE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .arg(repository("tests/payload_check.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let list = json!(list).to_string();
    child.stdin.take().expect("it is piped").write_all(list.as_bytes()).expect("it reads");
    let ended = Ended::new(child.wait_with_output().expect("it ends"));
    assert_eq!(ended.status, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
}
