//! How improbable, how large, and which call -> how urgent. Pure.
use std::fmt;

use crate::detect::Peak;
use crate::roll_up::ALL;
use crate::series::{Kind, SeriesKey};

/// How soon a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// `-log10` of the probability from which it is worth a point, and from which two. Some 6,000 windows of a series are looked
/// at a day, so chance alone reaches 10 once in five years among a thousand series, and never reaches 30.
const IMPROBABLE: [f64; 2] = [10.0, 30.0];
/// Multiples of the usual that are worth a point, and two: what a busy hour can be, and what it cannot.
const LARGE: [f64; 2] = [3.0, 10.0];
/// Points from which a severity is medium, high, and critical.
const STEPS: [u8; 3] = [2, 4, 5];

/// Points for each of three questions, none to two, and their sum:
///
/// | | 0 | 1 | 2 |
/// |---|---|---|---|
/// | how improbable (log10 of the probability) | above -10 | to -30 | -30 and below |
/// | how large (total against the larger of expected and largest before; for a fall the inverse, against expected) | below 3 | from 3 | from 10 |
/// | how dangerous ([`danger`]) | none | notable | grave |
///
/// From two points on it is medium, from four high, from five critical; but daily work is medium at most, and what is only
/// notable high at most: how much of it there is says how sure one can be that it is unusual, not how much it matters.
///
/// The Start of an insight is rated by what was known when it opened, its End by how far it went: so an End is never less
/// severe than its Start, nor than that of a lower sensitivity, which had it open for less long.
#[must_use]
pub fn severity(series: &SeriesKey, peak: &Peak) -> Severity {
    let danger = danger(series);
    let points = points(-peak.log10_probability, IMPROBABLE) + points(peak.times, LARGE) + danger as u8;
    let most = match danger {
        Danger::None => Severity::Medium,
        Danger::Notable => Severity::High,
        Danger::Grave => Severity::Critical,
    };
    most.min(Severity::ALL[STEPS.iter().filter(|step| points >= **step).count()])
}

fn points(number: f64, [one, two]: [f64; 2]) -> u8 {
    u8::from(number >= one) + u8::from(number >= two)
}

/// The danger of a series: that of its API; of failures, at least notable where access was denied, and none where
/// AWS only asked to slow down.
#[must_use]
pub fn danger(series: &SeriesKey) -> Danger {
    // Somebody does more than usual of everything: worth a look, but nothing says that it is grave.
    let of_call = if &*series.api.event_source == ALL { Notable } else { of_call(series) };
    match &series.kind {
        Kind::ErrorRate { error_code } if contains(error_code, &THROTTLED) => Danger::None,
        Kind::ErrorRate { error_code } if contains(error_code, &DENIED) => of_call.max(Danger::Notable),
        Kind::CallRate | Kind::ErrorRate { .. } => of_call,
    }
}

fn of_call(series: &SeriesKey) -> Danger {
    CALLS
        .iter()
        .find(|(service, name, _)| {
            *name == &*series.api.event_name
                && series.api.event_source.strip_suffix(".amazonaws.com") == Some(service)
        })
        .map_or(Danger::None, |&(_, _, danger)| danger)
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
    use crate::series::{Api, Category};
    use crate::time::Minute;

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

    /// A series, the logarithm of the probability, a multiple of the usual.
    fn check(series: &SeriesKey, log10_probability: f64, times: f64, want: Severity) {
        let peak = Peak {
            at: Minute::from_epoch(28_985_760),
            window_minutes: 5,
            observed: 260.0,
            expected: 2.1,
            log10_probability,
            times,
        };
        assert_eq!(severity(series, &peak), want, "{series} {peak:?}");
    }

    #[test]
    fn severities() {
        let grave = series("ec2", "RunInstances", None);
        let notable = series("s3", "GetObject", None);
        let plain = series("ssm", "UpdateInstanceInformation", None);
        // Each bound from both sides.
        check(&plain, -9.9, 2.9, Severity::Low);
        check(&plain, -10.0, 2.9, Severity::Low);
        check(&plain, -9.9, 3.0, Severity::Low);
        check(&plain, -10.0, 3.0, Severity::Medium);
        check(&plain, -29.9, 9.9, Severity::Medium);
        check(&plain, -30.0, 9.9, Severity::Medium);
        check(&plain, -29.9, 10.0, Severity::Medium);
        check(&plain, -30.0, 10.0, Severity::Medium);
        check(&plain, -3000.0, 1000.0, Severity::Medium);
        check(&notable, -10.0, 9.9, Severity::Medium);
        check(&notable, -30.0, 9.9, Severity::High);
        check(&notable, -30.0, 10.0, Severity::High);
        check(&grave, -7.0, 2.0, Severity::Medium);
        check(&grave, -12.0, 2.6, Severity::Medium);
        check(&grave, -7.0, 28.0, Severity::High);
        check(&grave, -10.0, 10.0, Severity::Critical);
        check(&grave, -98.0, 28.0, Severity::Critical);
    }

    #[test]
    fn farther_is_never_less_severe() {
        for series in [series("ec2", "RunInstances", None), series("ssm", "UpdateInstanceInformation", None)]
        {
            let mut last = Severity::Low;
            for step in 0..50 {
                let peak = Peak {
                    at: Minute::from_epoch(0),
                    window_minutes: 1,
                    observed: 1.0,
                    expected: 1.0,
                    log10_probability: -f64::from(step),
                    times: f64::from(step) / 3.0,
                };
                assert!(severity(&series, &peak) >= last);
                last = severity(&series, &peak);
            }
        }
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
