//! How improbable, how large, and which call -> how urgent. Pure.
use std::fmt;

use crate::detect::{Direction, Evidence};
use crate::series::{Kind, SeriesKey};

/// How soon a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// When there is time.
    Low,
    /// Today.
    Medium,
    /// Soon.
    High,
    /// Now: a grave call, far beyond anything seen.
    Critical,
}

impl Severity {
    /// From the least to the most urgent.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As it stands in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What an API can do in the wrong hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Daily work.
    None,
    /// Worth a look: uses credentials, costs money, or looks around where few do.
    Notable,
    /// Blinds, destroys, opens to the world, or gives lasting access.
    Grave,
}

/// Points for each of three questions, none to two, and their sum:
///
/// | | 0 | 1 | 2 |
/// |---|---|---|---|
/// | how improbable (log10 of the probability) | above -10 | to -30 | -30 and below |
/// | how large (total against the larger of expected and largest before; for a fall the inverse, against expected) | below 3 | from 3 | from 10 |
/// | how dangerous ([`danger`]) | none | notable | grave |
///
/// Two or three points are medium, more are high; five or six are critical if the call is grave. Start and End of an
/// insight have the same severity, since it rests on what was known when it opened.
#[must_use]
pub fn severity(series: &SeriesKey, evidence: &Evidence) -> Severity {
    let danger = danger(series);
    let improbable = points(-evidence.log10_probability, 10.0, 30.0);
    let large = points(factor(evidence), 3.0, 10.0);
    match (improbable + large + danger as u8, danger) {
        (0 | 1, _) => Severity::Low,
        (2 | 3, _) => Severity::Medium,
        (5.., Danger::Grave) => Severity::Critical,
        _ => Severity::High,
    }
}

/// How many times the usual a rise is, or the usual is a fall. Less than one call counts as one.
fn factor(evidence: &Evidence) -> f64 {
    let usual = evidence.expected.max(1.0);
    match evidence.direction {
        Direction::Up => evidence.observed / usual.max(evidence.largest_before.unwrap_or_default()),
        Direction::Down => usual / evidence.observed.max(1.0),
    }
}

fn points(number: f64, one: f64, two: f64) -> u8 {
    u8::from(number >= one) + u8::from(number >= two)
}

/// The danger of a series: that of its API; of failures, at least notable where access was denied, and none where
/// AWS only asked to slow down.
#[must_use]
pub fn danger(series: &SeriesKey) -> Danger {
    let of_call = CALLS
        .iter()
        .find(|(service, name, _)| {
            *name == &*series.api.event_name
                && series.api.event_source.strip_suffix(".amazonaws.com") == Some(service)
        })
        .map_or(Danger::None, |&(_, _, danger)| danger);
    match &series.kind {
        Kind::ErrorRate { error_code } if contains(error_code, &THROTTLED) => Danger::None,
        Kind::ErrorRate { error_code } if contains(error_code, &DENIED) => of_call.max(Danger::Notable),
        Kind::CallRate | Kind::ErrorRate { .. } => of_call,
    }
}

fn contains(error_code: &str, words: &[&str]) -> bool {
    words.iter().any(|word| error_code.contains(word))
}

/// Parts of error codes that mean: you may not.
const DENIED: [&str; 7] = [
    "AccessDenied",
    "Unauthorized",
    "NotAuthorized",
    "Forbidden",
    "AuthFailure",
    "InvalidClientTokenId",
    "Failed authentication",
];

/// Parts of error codes that mean: not so fast.
const THROTTLED: [&str; 5] =
    ["Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown", "ProvisionedThroughputExceeded"];

use Danger::{Grave, Notable};

/// Calls that attackers, or accidents, make much of: service, API, danger. What is not here is daily work.
///
/// Sources: MITRE ATT&CK for cloud (TA0003 persistence, TA0005 defence evasion, TA0006 credential access, TA0007
/// discovery, TA0010 exfiltration, TA0040 impact) and the calls that its AWS procedure examples name.
const CALLS: &[(&str, &str, Danger)] = &[
    // Blinds the watchers.
    ("cloudtrail", "StopLogging", Grave),
    ("cloudtrail", "DeleteTrail", Grave),
    ("cloudtrail", "UpdateTrail", Grave),
    ("cloudtrail", "PutEventSelectors", Grave),
    ("cloudtrail", "DeleteEventDataStore", Grave),
    ("config", "StopConfigurationRecorder", Grave),
    ("config", "DeleteConfigurationRecorder", Grave),
    ("config", "DeleteDeliveryChannel", Grave),
    ("config", "DeleteConfigRule", Notable),
    ("guardduty", "DeleteDetector", Grave),
    ("guardduty", "UpdateDetector", Grave),
    ("guardduty", "CreateIPSet", Notable),
    ("guardduty", "DisassociateFromMasterAccount", Grave),
    ("guardduty", "DisassociateFromAdministratorAccount", Grave),
    ("securityhub", "DisableSecurityHub", Grave),
    ("securityhub", "BatchDisableStandards", Notable),
    ("access-analyzer", "DeleteAnalyzer", Grave),
    ("ec2", "DeleteFlowLogs", Grave),
    ("logs", "DeleteLogGroup", Grave),
    ("logs", "DeleteLogStream", Grave),
    ("logs", "PutRetentionPolicy", Notable),
    ("monitoring", "DeleteAlarms", Grave),
    ("monitoring", "DisableAlarmActions", Grave),
    ("events", "DisableRule", Notable),
    ("events", "DeleteRule", Notable),
    ("wafv2", "DeleteWebACL", Grave),
    ("organizations", "LeaveOrganization", Grave),
    ("organizations", "DetachPolicy", Grave),
    // Gives lasting access, or more of it.
    ("iam", "CreateUser", Grave),
    ("iam", "CreateAccessKey", Grave),
    ("iam", "CreateLoginProfile", Grave),
    ("iam", "UpdateLoginProfile", Grave),
    ("iam", "CreateRole", Notable),
    ("iam", "AttachUserPolicy", Grave),
    ("iam", "AttachRolePolicy", Grave),
    ("iam", "AttachGroupPolicy", Grave),
    ("iam", "PutUserPolicy", Grave),
    ("iam", "PutRolePolicy", Grave),
    ("iam", "PutGroupPolicy", Grave),
    ("iam", "AddUserToGroup", Grave),
    ("iam", "CreatePolicyVersion", Grave),
    ("iam", "SetDefaultPolicyVersion", Grave),
    ("iam", "UpdateAssumeRolePolicy", Grave),
    ("iam", "CreateSAMLProvider", Grave),
    ("iam", "CreateOpenIDConnectProvider", Grave),
    ("iam", "DeactivateMFADevice", Grave),
    ("iam", "DeleteVirtualMFADevice", Grave),
    ("iam", "DeleteUserPermissionsBoundary", Grave),
    ("iam", "DeleteRolePermissionsBoundary", Grave),
    ("iam", "UpdateAccessKey", Notable),
    ("sts", "GetFederationToken", Notable),
    ("sts", "AssumeRoleWithSAML", Notable),
    ("ec2", "CreateKeyPair", Notable),
    ("ec2", "ImportKeyPair", Notable),
    ("lambda", "AddPermission20150331v2", Notable),
    ("lambda", "UpdateFunctionCode20150331v2", Notable),
    ("ssm", "SendCommand", Notable),
    ("ssm", "StartSession", Notable),
    // Takes credentials and secrets.
    ("secretsmanager", "GetSecretValue", Notable),
    ("secretsmanager", "BatchGetSecretValue", Notable),
    ("ec2", "GetPasswordData", Grave),
    ("signin", "ConsoleLogin", Notable),
    ("iam", "ListAccessKeys", Notable),
    ("iam", "GetAccountAuthorizationDetails", Notable),
    ("iam", "GenerateCredentialReport", Notable),
    // Opens to the world, or carries out.
    ("s3", "PutBucketPolicy", Grave),
    ("s3", "DeleteBucketPolicy", Grave),
    ("s3", "PutBucketAcl", Grave),
    ("s3", "PutBucketPublicAccessBlock", Grave),
    ("s3", "DeleteBucketPublicAccessBlock", Grave),
    ("s3", "PutBucketReplication", Grave),
    ("s3", "GetObject", Notable),
    ("ec2", "AuthorizeSecurityGroupIngress", Grave),
    ("ec2", "ModifySnapshotAttribute", Grave),
    ("ec2", "ModifyImageAttribute", Grave),
    ("ec2", "CreateSnapshot", Notable),
    ("rds", "ModifyDBSnapshotAttribute", Grave),
    ("rds", "ModifyDBClusterSnapshotAttribute", Grave),
    ("kms", "PutKeyPolicy", Grave),
    // Destroys, holds to ransom, or spends.
    ("kms", "ScheduleKeyDeletion", Grave),
    ("kms", "DisableKey", Grave),
    ("s3", "DeleteBucket", Grave),
    ("s3", "DeleteObject", Notable),
    ("s3", "DeleteObjects", Notable),
    ("s3", "PutBucketVersioning", Grave),
    ("s3", "PutBucketLifecycle", Grave),
    ("dynamodb", "DeleteTable", Grave),
    ("rds", "DeleteDBInstance", Grave),
    ("rds", "DeleteDBCluster", Grave),
    ("rds", "DeleteDBSnapshot", Grave),
    ("backup", "DeleteRecoveryPoint", Grave),
    ("backup", "DeleteBackupVault", Grave),
    ("ec2", "DeleteSnapshot", Grave),
    ("ec2", "TerminateInstances", Grave),
    ("ec2", "RunInstances", Grave),
    ("ses", "SendEmail", Notable),
    ("ssm", "DeleteParameter", Notable),
    ("bedrock", "InvokeModel", Notable),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Rule;
    use crate::series::{Api, Category};

    fn series(source: &str, name: &str, error_code: Option<&str>) -> SeriesKey {
        SeriesKey {
            api: Api {
                account: "111122223333".into(),
                region: "us-east-1".into(),
                event_source: format!("{source}.amazonaws.com").into(),
                event_name: name.into(),
                category: Category::Management,
            },
            kind: error_code
                .map_or(Kind::CallRate, |error_code| Kind::ErrorRate { error_code: error_code.into() }),
        }
    }

    const BURST: Evidence = Evidence {
        rule: Rule::Contextual,
        direction: Direction::Up,
        window_minutes: 5,
        observed: 260.0,
        expected: 2.1,
        bound: 14.0,
        log10_probability: -98.0,
        largest_before: Some(9.0),
        series_age_days: 28.0,
    };

    fn check(series: &SeriesKey, evidence: Evidence, want: Severity) {
        assert_eq!(severity(series, &evidence), want, "{series} {evidence:?}");
    }

    #[test]
    fn severities() {
        let grave = series("ec2", "RunInstances", None);
        let plain = series("ssm", "UpdateInstanceInformation", None);
        let fall = Evidence {
            direction: Direction::Down,
            rule: Rule::Drop,
            observed: 0.0,
            expected: 600.0,
            ..BURST
        };
        check(&grave, BURST, Severity::Critical);
        check(&plain, BURST, Severity::High);
        check(&plain, fall, Severity::High);
        check(&grave, Evidence { log10_probability: -7.0, ..BURST }, Severity::High);
        check(
            &grave,
            Evidence { log10_probability: -12.0, largest_before: Some(100.0), ..BURST },
            Severity::Medium,
        );
        check(&plain, Evidence { largest_before: Some(100.0), ..BURST }, Severity::Medium);
        check(
            &plain,
            Evidence { log10_probability: -7.0, largest_before: None, expected: 80.0, ..BURST },
            Severity::Low,
        );
        check(&plain, Evidence { log10_probability: -7.0, expected: 200.0, ..BURST }, Severity::Low);
        check(
            &plain,
            Evidence { expected: 30.0, observed: 10.0, log10_probability: -10.0, ..fall },
            Severity::Medium,
        );
    }

    #[test]
    fn dangers() {
        let dangers = [
            ("iam", "CreateAccessKey", None, Grave),
            ("iam", "CreateAccessKey", Some("AccessDenied"), Grave),
            ("iam", "CreateAccessKey", Some("ThrottlingException"), Danger::None),
            ("ec2", "DescribeInstances", Some("Client.UnauthorizedOperation"), Notable),
            ("ec2", "DescribeInstances", Some("InvalidParameter"), Danger::None),
            ("ecs", "RunInstances", None, Danger::None),
        ];
        for (source, name, error_code, want) in dangers {
            let series = series(source, name, error_code);
            assert_eq!(danger(&series), want, "{series}");
        }
    }

    #[test]
    fn every_call_is_listed_once() {
        let mut calls: Vec<_> = CALLS.iter().map(|(service, name, _)| (service, name)).collect();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), CALLS.len());
    }
}
