//! Alertmanager: posted, read back, silenced by label, ended.
use serde_json::{Value, json};

use super::receiver::ask;
use super::world::{Alertmanager, text};
use crate::command::Scenario;
use crate::s3::server::{delivered, logs};

/// A first incident is open at this time of delivery.
const AMID: &str = "20260113T0310";

fn deliver(scenario: &Scenario, until: &str) {
    for (name, bytes) in logs().iter().filter(|(name, _)| delivered(name) < until) {
        scenario.write(&format!("logs/{name}"), bytes);
    }
}

#[test]
fn alerts_are_read_back_silenced_by_label_and_ended() {
    let scenario = Scenario::new();
    let Some(alertmanager) = Alertmanager::new(&scenario) else { return };
    let port = alertmanager.port;
    scenario.write(
        "trailpulse.toml",
        format!(
            "[scan]\nsettle = 75\nout = \"out\"\nstate = \"state\"\n[[feed]]\nname = \"am\"\ntype = \"alertmanager\"\n\
             url = \"http://127.0.0.1:{port}\"\nallow_private = true\nttl = 600\ngenerator_url = \"https://reports.example/\"\n\
             labels = {{ \"team-name\" = \"cloud\" }}\n"
        ),
    );
    deliver(&scenario, AMID);
    scenario.done(&["-q", "scan", "logs", "--alert-since", "2026-01-01"]);
    let alerts = alertmanager.alerts();
    let of = |alerts: &[Value], region: &str| -> Value {
        let of = |alert: &&Value| {
            alert["labels"]["event_name"] == "RunInstances"
                && alert["labels"]["region"] == region
                && alert["labels"]["error_code"].is_null()
        };
        alerts.iter().find(of).cloned().unwrap_or_default()
    };
    let alert = of(&alerts, "eu-west-1");
    assert_eq!(alert["status"]["state"], "active", "{alerts:?}");
    assert_eq!(alert["generatorURL"], "https://reports.example/");
    let labels = &alert["labels"];
    assert_eq!(
        (&labels["alertname"], &labels["severity"], &labels["team_name"]),
        (&json!("TrailpulseInsight"), &json!("critical"), &json!("cloud"))
    );
    assert!(text(&alert["annotations"]["window"]).contains("2026-01-13 01:10"), "{alert}");
    assert!(text(&alert["startsAt"]).starts_with("2026-01-13T01:10:00"), "the true start, however long ago");

    // Silenced by a label that its insight has, it stays so when it is told again.
    let silence = json!({
        "matchers": [{"name": "region", "value": "eu-west-1", "isRegex": false, "isEqual": true}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z", "createdBy": "test", "comment": "known",
    });
    ask(port, "POST", "/api/v2/silences", &silence.to_string());
    scenario.done(&["-q", "alert", "--replay", "--again", "--from", "2026-01-01", "--to", "2026-02-01"]);
    let again = alertmanager.alerts();
    assert_eq!(again.len(), alerts.len(), "the same alerts, not new ones");
    let alert = of(&again, "eu-west-1");
    assert_eq!(alert["status"]["state"], "suppressed", "{alert}");
    assert_eq!(of(&again, "us-east-1")["status"]["state"], "active");

    // Their ends end them, though those have another severity, and are told by another run.
    deliver(&scenario, "20260113T0540");
    scenario.done(&["-q", "scan", "logs", "--alert-since", "2026-01-01"]);
    let left = alertmanager.alerts();
    assert_eq!((of(&left, "eu-west-1"), of(&left, "us-east-1")), (Value::Null, Value::Null), "{left:?}");
    // What nobody had been told of before it was over fires.
    deliver(&scenario, "20260113T2000");
    scenario.done(&["-q", "scan", "logs", "--alert-since", "2026-01-01"]);
    let alerts = alertmanager.alerts();
    let late =
        alerts.iter().find(|alert| alert["labels"]["event_name"] == "DeleteParameter").expect("it fires");
    assert_eq!(late["status"]["state"], "suppressed", "the silence is of its region: {late}");
    assert!(text(&late["annotations"]["ended_at"]).starts_with("2026-01-13T11:09"), "{late}");
}
