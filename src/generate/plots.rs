//! The incidents that are planted, as a table: what attackers and accidents do. Data.
use super::actors::{
    Actor, BACKUP, CLEANUP, LEAKED_CI, SHOP_WEB, STOLEN_ADMIN, STOLEN_ETL, STOLEN_REPORTING, STUCK_DEPLOY,
    STUCK_ETL,
};
use super::workloads::{NO_VCPUS, UNAUTHORIZED};

/// One kind of incident.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    /// Its name in the labels.
    pub(super) kind: &'static str,
    /// What happens, in a sentence.
    pub(super) text: &'static str,
    /// Number of the account; the last one where there are fewer.
    pub(super) account: usize,
    pub(super) who: Actor,
    /// UTC hours between which it starts.
    pub(super) hours: (f64, f64),
    /// True where it does not start at a weekend.
    pub(super) workdays: bool,
    pub(super) strands: &'static [Strand],
}

/// The calls of an incident to one API in one region.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strand {
    pub(super) api: &'static str,
    pub(super) place: Where,
    /// Minutes after the start of the incident.
    pub(super) after: u32,
    pub(super) minutes: u32,
    /// About how many.
    pub(super) calls: u32,
    /// At least so many times what is usual there, however busy the organization is.
    pub(super) times_usual: f64,
    /// Code and message, and the share of calls that fail so.
    pub(super) fails: Option<((&'static str, &'static str), f64)>,
    pub(super) shows: Shows,
    /// Who, where it is not the one of the plot.
    pub(super) by: Option<Actor>,
    /// A field of the API's templates, and the text that stands there instead.
    pub(super) swap: Option<(&'static str, &'static str)>,
}

/// In which region of the account.
#[derive(Debug, Clone, Copy)]
pub(super) enum Where {
    Home,
    Second,
    Last,
    /// One that the organization does not use.
    Elsewhere(&'static str),
}

/// Which series of the API leaves its usual range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// None: too few calls, or reads that succeed.
    Nothing,
    /// The call rate.
    Rate,
    /// The error rate.
    Errors,
    /// Both.
    Both,
    /// The call rate, by its absence.
    Silence,
}

impl Plot {
    /// Minutes from its start to its end.
    pub(super) fn longest(&self) -> u32 {
        self.strands.iter().map(|strand| strand.after + strand.minutes).max().unwrap_or(0)
    }
}

const fn strand(api: &'static str, place: Where, (after, minutes): (u32, u32), shows: Shows) -> Strand {
    Strand {
        api,
        place,
        after,
        minutes,
        calls: 0,
        times_usual: 0.0,
        fails: None,
        shows,
        by: None,
        swap: None,
    }
}

impl Strand {
    const fn calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    const fn fails(mut self, share: f64, failure: (&'static str, &'static str)) -> Self {
        self.fails = Some((failure, share));
        self
    }

    const fn by(mut self, who: Actor) -> Self {
        self.by = Some(who);
        self
    }

    const fn swap(mut self, field: &'static str, text: &'static str) -> Self {
        self.swap = Some((field, text));
        self
    }

    const fn at_least(mut self, times_usual: f64) -> Self {
        self.times_usual = times_usual;
        self
    }
}

const DENIED: (&str, &str) = (
    "AccessDenied",
    "User: $arn is not authorized to perform: $action because no identity-based policy allows the $action action",
);
const TWO_KEYS: (&str, &str) = ("LimitExceededException", "Cannot exceed quota for AccessKeysPerUser: 2");
const NOT_FOUND: (&str, &str) = ("ParameterNotFound", "");
const THROTTLED: (&str, &str) = ("ThrottlingException", "Rate exceeded");
const TOO_MANY: (&str, &str) = ("Client.RequestLimitExceeded", "Request limit exceeded.");

/// In order of appearance.
pub(super) const PLOTS: &[Plot] = &[
    Plot {
        kind: "crypto_mining",
        text: "The leaked access key of ci-deploy starts instances in three regions, one never used before, to mine coins",
        account: 2,
        who: LEAKED_CI,
        hours: (1.0, 4.0),
        workdays: false,
        strands: &[
            strand("ec2:RunInstances", Where::Home, (0, 27), Shows::Both)
                .calls(170)
                .swap("$itype", "g5.12xlarge")
                .fails(0.8, NO_VCPUS),
            strand("ec2:RunInstances", Where::Second, (4, 22), Shows::Both)
                .calls(120)
                .swap("$itype", "g5.12xlarge")
                .fails(0.8, NO_VCPUS),
            strand("ec2:RunInstances", Where::Elsewhere("ap-southeast-2"), (7, 19), Shows::Rate)
                .calls(90)
                .swap("$itype", "g5.12xlarge"),
            strand("sts:GetCallerIdentity", Where::Home, (0, 1), Shows::Nothing).calls(1),
            strand("ec2:DescribeRegions", Where::Home, (0, 2), Shows::Nothing).calls(2),
            strand("ec2:ImportKeyPair", Where::Home, (0, 2), Shows::Nothing).calls(1),
        ],
    },
    Plot {
        kind: "parameter_sweep",
        text: "A clean-up script with the wrong prefix deletes parameters that the shop then fails to read",
        account: 0,
        who: CLEANUP,
        hours: (9.0, 14.0),
        workdays: true,
        strands: &[
            strand("ssm:DeleteParameter", Where::Second, (0, 13), Shows::Rate).calls(410),
            strand("ssm:GetParameter", Where::Second, (2, 95), Shows::Errors)
                .calls(480)
                .by(SHOP_WEB)
                .at_least(1.0)
                .fails(1.0, NOT_FOUND),
        ],
    },
    Plot {
        kind: "access_denied_storm",
        text: "Credentials stolen from the reporting hosts probe the account, and every call is denied",
        account: 1,
        who: STOLEN_REPORTING,
        hours: (18.0, 23.0),
        workdays: false,
        strands: &[
            strand("iam:ListUsers", Where::Home, (0, 14), Shows::Errors).calls(46).fails(1.0, DENIED),
            strand("iam:ListRoles", Where::Home, (0, 15), Shows::Errors).calls(52).fails(1.0, DENIED),
            strand("iam:ListAttachedRolePolicies", Where::Home, (2, 16), Shows::Errors)
                .calls(70)
                .fails(1.0, DENIED),
            strand("iam:GetPolicyVersion", Where::Home, (3, 15), Shows::Errors).calls(44).fails(1.0, DENIED),
            strand("s3:ListBuckets", Where::Home, (0, 12), Shows::Errors).calls(40).fails(1.0, DENIED),
            strand("secretsmanager:ListSecrets", Where::Home, (4, 14), Shows::Errors)
                .calls(48)
                .fails(1.0, DENIED),
            strand("kms:ListKeys", Where::Home, (4, 13), Shows::Errors).calls(36).fails(1.0, DENIED),
            strand("dynamodb:ListTables", Where::Home, (5, 13), Shows::Errors).calls(38).fails(1.0, DENIED),
            strand("rds:DescribeDBInstances", Where::Home, (5, 13), Shows::Errors)
                .calls(42)
                .fails(1.0, DENIED),
            strand("ssm:DescribeParameters", Where::Home, (6, 12), Shows::Errors)
                .calls(44)
                .fails(1.0, DENIED),
            strand("ec2:DescribeRegions", Where::Home, (1, 14), Shows::Errors)
                .calls(40)
                .fails(1.0, UNAUTHORIZED),
            strand("sts:GetCallerIdentity", Where::Home, (0, 1), Shows::Nothing).calls(1),
        ],
    },
    Plot {
        kind: "throttling_loop",
        text: "A new version of the ETL worker retries without backing off and is throttled for 45 minutes",
        account: 1,
        who: STUCK_ETL,
        hours: (6.0, 16.0),
        workdays: true,
        strands: &[
            strand("ssm:GetParametersByPath", Where::Second, (0, 46), Shows::Errors)
                .calls(900)
                .at_least(3.0)
                .fails(0.97, THROTTLED),
            strand("ec2:DescribeInstances", Where::Second, (1, 44), Shows::Errors)
                .calls(420)
                .at_least(3.0)
                .fails(0.95, TOO_MANY),
        ],
    },
    Plot {
        kind: "backup_silent",
        text: "The backup job, two snapshots every five minutes day and night, stops without an error",
        account: 0,
        who: BACKUP,
        hours: (20.0, 23.0),
        workdays: false,
        strands: &[strand("ec2:CreateSnapshot", Where::Last, (0, 560), Shows::Silence)],
    },
    Plot {
        kind: "access_key_creation",
        text: "The stolen key of svc-billing lists the users and creates access keys for them, to come back with",
        account: 0,
        who: STOLEN_ADMIN,
        hours: (0.0, 3.0),
        workdays: false,
        strands: &[
            strand("iam:CreateAccessKey", Where::Home, (5, 12), Shows::Both).calls(95).fails(0.6, TWO_KEYS),
            strand("iam:ListUsers", Where::Home, (0, 2), Shows::Nothing).calls(3),
            strand("iam:ListAccessKeys", Where::Home, (1, 5), Shows::Nothing).calls(90),
            strand("iam:AttachUserPolicy", Where::Home, (14, 4), Shows::Nothing).calls(4),
        ],
    },
    Plot {
        kind: "deploy_loop",
        text: "A release that does not become healthy is rolled forward and back for most of an hour",
        account: 0,
        who: STUCK_DEPLOY,
        hours: (12.0, 17.0),
        workdays: true,
        strands: &[
            strand("ecs:UpdateService", Where::Second, (0, 52), Shows::Rate).calls(330),
            strand("ecs:RegisterTaskDefinition", Where::Second, (0, 52), Shows::Rate).calls(330),
            strand("cloudformation:DescribeStackEvents", Where::Second, (0, 52), Shows::Nothing).calls(400),
        ],
    },
    Plot {
        kind: "data_exfiltration",
        text: "Stolen credentials of the ETL worker download the data lake, object by object",
        account: 1,
        who: STOLEN_ETL,
        hours: (0.0, 4.0),
        workdays: false,
        strands: &[
            strand("s3:GetObject", Where::Home, (2, 24), Shows::Rate).calls(900).at_least(12.0),
            strand("s3:ListBuckets", Where::Home, (0, 2), Shows::Nothing).calls(3),
        ],
    },
];
