//! A call -> its CloudTrail record as compact JSON, with the keys in AWS's order. Pure.
use super::actors::Network;
use super::catalogue::Sort;
use super::organization::{Call, Flow, Organization, Session};
use super::random::mix;
use super::template::{Scene, time, uuid};

/// Salts of a call's derived values; those of the template fields are all below 100.
const SESSION: u64 = 100;
const EVENT: u64 = 101;
const REQUEST: u64 = 102;
const SHARED: u64 = 103;

/// Appends the record of a call.
pub(super) fn write(out: &mut Vec<u8>, organization: &Organization, call: &Call) {
    let flow = &organization.flows[call.flow];
    let session = session(organization, call);
    let parts = Parts { flow, session, scene: &session.scene(organization, flow, call), failed: call.failed };
    parts.who_and_what(out);
    parts.outcome(out);
    parts.classification(out);
    parts.connection(out);
    out.push(b'}');
}

/// A record in the making.
struct Parts<'a> {
    flow: &'a Flow,
    session: &'a Session,
    scene: &'a Scene<'a>,
    failed: bool,
}

impl Parts<'_> {
    fn who_and_what(&self, out: &mut Vec<u8>) {
        let Self { flow, session, scene, .. } = self;
        let api = flow.api;
        text(out, &["{\"eventVersion\":\"1.", minor(api.version), "\",\"userIdentity\":"]);
        if api.sort == Sort::ServiceEvent {
            text(out, &["{\"accountId\":\"", scene.account, "\",\"invokedBy\":\"", &session.arn, "\"}"]);
        } else {
            session.identity.fill(out, scene);
        }
        text(out, &[",\"eventTime\":\""]);
        time(out, scene.at);
        text(out, &["\",\"eventSource\":\"", api.service, ".amazonaws.com\",\"eventName\":\"", api.name]);
        text(out, &["\",\"awsRegion\":\"", scene.region, "\",\"sourceIPAddress\":\"", &session.address]);
        text(out, &["\",\"userAgent\":\"", &session.agent, "\""]);
    }

    fn outcome(&self, out: &mut Vec<u8>) {
        let Self { flow, scene, .. } = self;
        let failure = flow.failure.as_ref().filter(|_| self.failed);
        if let Some(failure) = failure {
            text(out, &[",\"errorCode\":\"", failure.code, "\""]);
            let message = failure.message.text(scene);
            if !message.is_empty() {
                text(out, &[",\"errorMessage\":\"", &message, "\""]);
            }
        }
        text(out, &[",\"requestParameters\":"]);
        flow.request.fill(out, scene);
        text(out, &[",\"responseElements\":"]);
        if failure.is_some() {
            text(out, &["null"]);
        } else {
            flow.response.fill(out, scene);
        }
        if !flow.api.extra.is_empty() {
            let event = flow.api.sort == Sort::ServiceEvent;
            text(out, &[if event { ",\"serviceEventDetails\":" } else { ",\"additionalEventData\":" }]);
            flow.extra.fill(out, scene);
        }
    }

    fn classification(&self, out: &mut Vec<u8>) {
        let Self { flow, scene, .. } = self;
        let api = flow.api;
        if api.sort != Sort::SignIn {
            self.id(out, "requestID", REQUEST);
        }
        self.id(out, "eventID", EVENT);
        if api.version >= 6 {
            text(out, &[",\"readOnly\":", if api.sort.read_only() { "true" } else { "false" }]);
        }
        if !api.resources.is_empty() {
            text(out, &[",\"resources\":"]);
            flow.resources.fill(out, scene);
        }
        text(out, &[",\"eventType\":\"", event_type(api.sort), "\""]);
        if api.version >= 6 {
            text(out, &[",\"managementEvent\":", if api.sort.is_data() { "false" } else { "true" }]);
        }
        text(out, &[",\"recipientAccountId\":\"", scene.account, "\""]);
    }

    fn connection(&self, out: &mut Vec<u8>) {
        let Self { flow, session, scene, .. } = self;
        let api = flow.api;
        if session.from == Network::Aws && api.service == "sts" {
            self.id(out, "sharedEventID", SHARED);
        }
        if session.from == Network::Vpc {
            text(out, &[",\"vpcEndpointId\":\"vpce-", &format!("{:017x}", scene.place >> 4), "\""]);
            if api.version >= 9 {
                text(out, &[",\"vpcEndpointAccountId\":\"", scene.account, "\""]);
            }
        }
        if api.version >= 7 {
            text(
                out,
                &[",\"eventCategory\":\"", if api.sort.is_data() { "Data" } else { "Management" }, "\""],
            );
        }
        if session.agent.starts_with("Mozilla") && api.sort != Sort::SignIn {
            text(out, &[",\"sessionCredentialFromConsole\":\"true\""]);
        } else if api.version >= 8 && session.from != Network::Aws {
            tls(out, api.service, scene.region);
        }
    }

    fn id(&self, out: &mut Vec<u8>, key: &str, salt: u64) {
        text(out, &[",\"", key, "\":\""]);
        uuid(out, mix(self.scene.key, salt));
        text(out, &["\""]);
    }
}

fn text(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Who makes a call.
pub(super) fn session<'a>(organization: &'a Organization, call: &Call) -> &'a Session {
    let sessions = &organization.flows[call.flow].sessions;
    &sessions[(mix(call.key, SESSION) % sessions.len() as u64) as usize]
}

fn tls(out: &mut Vec<u8>, service: &str, region: &str) {
    let host = match service {
        "iam" | "route53" | "organizations" => format!("{service}.amazonaws.com"),
        "signin" => format!("{region}.signin.aws.amazon.com"),
        service => format!("{service}.{region}.amazonaws.com"),
    };
    out.extend_from_slice(
        br#","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":""#,
    );
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(b"\"}");
}

const fn event_type(sort: Sort) -> &'static str {
    match sort {
        Sort::Read | Sort::Write | Sort::DataRead | Sort::DataWrite => "AwsApiCall",
        Sort::ServiceEvent => "AwsServiceEvent",
        Sort::SignIn => "AwsConsoleSignIn",
    }
}

/// `05` for version 1.05, `10` for 1.10.
const fn minor(version: u8) -> &'static str {
    match version {
        5 => "05",
        8 => "08",
        9 => "09",
        10 => "10",
        _ => "11",
    }
}
