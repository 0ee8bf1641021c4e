//! Which actor calls which API in which account, and when: the organization's normal life, as tables. Data.
use super::actors::{
    ANALYST, ASG_ROLE, AUDITOR, AUTOSCALER, Actor, BACKUP, CI_USER, CONFIG_ROLE, DEPLOY, DEVELOPER,
    EC2_SERVICE, ECS_TASKS, ENGINEER, ETL, KEY_ROTATOR, KMS_SERVICE, LAMBDA, LB_ROLE, NODE, ORDER_PIPELINE,
    REPORTING, RESPONDER, SCHEDULER, SECRETS_SERVICE, SHOP_WEB, TERRAFORM_USER,
};
use super::calendar::Zone::{Berlin, UsEast};
use super::rhythm::{Days, Rhythm};

/// A steady kind of work: one actor, one API, one rhythm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    pub(super) place: Place,
    pub(super) who: Actor,
    /// `SERVICE:NAME` of the catalogue.
    pub(super) api: &'static str,
    pub(super) when: Rhythm,
    pub(super) fails: Option<Failure>,
    /// A field of the API's templates, and the text that stands there instead.
    pub(super) swap: Option<(&'static str, &'static str)>,
}

/// How some of the calls fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    /// `errorCode`.
    pub(super) code: &'static str,
    /// `errorMessage`, a template.
    pub(super) message: &'static str,
    /// Share of the calls, 0 to 1.
    pub(super) share: f64,
}

/// In which of an account's regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first: us-east-1, where global services are recorded.
    Home,
    /// The second.
    Second,
    /// The last.
    Last,
    /// The first, and the second at half the volume.
    Both,
    /// Every region, thinning out.
    Everywhere,
}

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// The shop in production.
    Shop,
    /// The data lake.
    Data,
    /// Where developers try things.
    Sandbox,
    /// Audit and incident response.
    Security,
}

impl Duty {
    /// What happens in such an account, besides what happens in all.
    pub(super) const fn works(self) -> &'static [Work] {
        match self {
            Self::Shop => SHOP,
            Self::Data => DATA,
            Self::Sandbox => SANDBOX,
            Self::Security => SECURITY,
        }
    }
}

const fn work(place: Place, who: Actor, api: &'static str, when: Rhythm) -> Work {
    Work { place, who, api, when, fails: None, swap: None }
}

impl Work {
    const fn fails(mut self, share: f64, code: &'static str, message: &'static str) -> Self {
        self.fails = Some(Failure { code, message, share });
        self
    }
}

const fn steady(per_day: f64) -> Rhythm {
    Rhythm::Steady { per_day }
}

/// Customers, most of them in America.
const fn wave(per_day: f64) -> Rhythm {
    Rhythm::Wave { per_day, peak: 19.0 }
}

const fn berlin(per_day: f64) -> Rhythm {
    Rhythm::Office { per_day, zone: Berlin }
}

const fn new_york(per_day: f64) -> Rhythm {
    Rhythm::Office { per_day, zone: UsEast }
}

const fn every(minutes: u32, calls: u32) -> Rhythm {
    Rhythm::Every { minutes, calls }
}

const fn job(days: Days, hour: u32, minute: u32, calls: u32, over: u32) -> Rhythm {
    Rhythm::Job { days, hour, minute, calls, over }
}

const fn release(calls: u32) -> Rhythm {
    Rhythm::Release { calls }
}

const fn session(per_workday: f64, calls: u32, over: u32) -> Rhythm {
    Rhythm::Session { per_workday, calls, over, zone: Berlin }
}

const fn rare(per_workday: f64) -> Rhythm {
    Rhythm::Rare { per_workday, zone: Berlin }
}

const EC2_DENIED: &str = "You are not authorized to perform this operation.";
const SLOW_DOWN: &str = "Rate exceeded";
const NO_POLICY: &str = "The bucket policy does not exist";

/// In every account: AWS's own services, the security team's nightly scan, a few people.
pub(super) const COMMON: &[Work] = &[
    work(Place::Everywhere, CONFIG_ROLE, "config:PutEvaluations", every(120, 1)),
    work(Place::Home, CONFIG_ROLE, "config:DescribeConfigRules", every(240, 1)),
    work(Place::Both, CONFIG_ROLE, "ec2:DescribeSecurityGroups", steady(30.0)),
    work(Place::Both, CONFIG_ROLE, "ec2:DescribeVpcs", steady(16.0)),
    work(Place::Both, CONFIG_ROLE, "ec2:DescribeRouteTables", steady(16.0)),
    work(Place::Both, CONFIG_ROLE, "s3:GetBucketAcl", steady(24.0)),
    work(Place::Both, CONFIG_ROLE, "s3:GetBucketPolicy", steady(24.0)).fails(
        0.35,
        "NoSuchBucketPolicy",
        NO_POLICY,
    ),
    work(Place::Home, KMS_SERVICE, "kms:RotateKey", rare(0.15)),
    work(Place::Home, ENGINEER, "signin:ConsoleLogin", Rhythm::Rare { per_workday: 5.0, zone: Berlin }),
    work(Place::Home, ENGINEER, "health:DescribeEventAggregates", berlin(30.0)),
    work(Place::Home, ENGINEER, "sts:GetCallerIdentity", berlin(24.0)),
    work(Place::Home, ENGINEER, "ec2:DescribeInstances", berlin(30.0)),
    work(Place::Home, ENGINEER, "ec2:DescribeVolumes", session(1.2, 6, 12)),
    work(Place::Home, ENGINEER, "iam:GetRole", session(1.5, 4, 10)).fails(
        0.05,
        "NoSuchEntityException",
        "The role with name $role cannot be found.",
    ),
    work(Place::Home, ENGINEER, "iam:AttachRolePolicy", rare(0.3)),
    work(Place::Home, ENGINEER, "s3:PutBucketPolicy", rare(0.2)),
    work(Place::Both, ENGINEER, "ec2:AuthorizeSecurityGroupIngress", rare(0.4)),
    work(Place::Both, ENGINEER, "logs:PutRetentionPolicy", rare(0.3)),
    work(Place::Home, KEY_ROTATOR, "iam:CreateAccessKey", job(Days::Weekdays, 3, 10, 2, 2)),
    work(Place::Home, KEY_ROTATOR, "iam:DeleteAccessKey", job(Days::Weekdays, 3, 40, 2, 2)),
    // The nightly scan.
    work(Place::Home, AUDITOR, "iam:ListUsers", job(Days::All, 4, 0, 2, 3)),
    work(Place::Home, AUDITOR, "iam:ListRoles", job(Days::All, 4, 2, 3, 3)),
    work(Place::Home, AUDITOR, "iam:ListAccessKeys", job(Days::All, 4, 3, 5, 4)),
    work(Place::Home, AUDITOR, "iam:GetAccessKeyLastUsed", job(Days::All, 4, 5, 5, 4)),
    work(Place::Home, AUDITOR, "iam:ListAttachedRolePolicies", job(Days::All, 4, 8, 7, 5)),
    work(Place::Home, AUDITOR, "iam:GetPolicyVersion", job(Days::All, 4, 10, 7, 5)),
    work(Place::Both, AUDITOR, "s3:ListBuckets", job(Days::All, 4, 15, 2, 2)),
    work(Place::Both, AUDITOR, "ec2:DescribeInstances", job(Days::All, 4, 17, 2, 2)),
    work(Place::Both, AUDITOR, "ec2:DescribeRegions", job(Days::All, 4, 17, 2, 2)),
    work(Place::Both, AUDITOR, "secretsmanager:ListSecrets", job(Days::All, 4, 19, 2, 2)),
    work(Place::Both, AUDITOR, "lambda:ListFunctions20150331", job(Days::All, 4, 21, 2, 2)),
    work(Place::Both, AUDITOR, "kms:ListKeys", job(Days::All, 4, 23, 2, 2)),
    work(Place::Both, AUDITOR, "dynamodb:ListTables", job(Days::All, 4, 25, 2, 2)),
    work(Place::Both, AUDITOR, "rds:DescribeDBInstances", job(Days::All, 4, 27, 2, 2)),
    work(Place::Both, AUDITOR, "ssm:DescribeParameters", job(Days::All, 4, 29, 2, 2)),
    work(Place::Both, AUDITOR, "logs:DescribeLogGroups", job(Days::All, 4, 31, 2, 2)),
];

const SHOP: &[Work] = &[
    // The shop itself follows its customers.
    work(Place::Both, SHOP_WEB, "s3:GetObject", wave(330.0)).fails(
        0.012,
        "NoSuchKey",
        "The specified key does not exist.",
    ),
    work(Place::Both, SHOP_WEB, "s3:PutObject", wave(150.0)),
    work(Place::Both, SHOP_WEB, "kms:Decrypt", wave(260.0)),
    work(Place::Both, SHOP_WEB, "kms:GenerateDataKey", wave(110.0)),
    work(Place::Both, SHOP_WEB, "ssm:GetParameter", wave(150.0)).fails(0.004, "ParameterNotFound", ""),
    work(Place::Both, SHOP_WEB, "ssm:GetParametersByPath", wave(70.0)).fails(
        0.006,
        "ThrottlingException",
        SLOW_DOWN,
    ),
    work(Place::Both, SHOP_WEB, "secretsmanager:GetSecretValue", wave(90.0)),
    work(Place::Both, SHOP_WEB, "dynamodb:DescribeTable", wave(40.0)),
    work(Place::Both, ORDER_PIPELINE, "lambda:Invoke", wave(240.0)).fails(
        0.006,
        "TooManyRequestsException",
        SLOW_DOWN,
    ),
    work(Place::Both, ORDER_PIPELINE, "logs:CreateLogStream", wave(130.0)).fails(
        0.02,
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    ),
    work(Place::Both, ORDER_PIPELINE, "sqs:GetQueueAttributes", steady(60.0)),
    work(Place::Both, LAMBDA, "sts:AssumeRole", wave(110.0)),
    work(Place::Both, ECS_TASKS, "sts:AssumeRole", steady(70.0)),
    work(Place::Home, ORDER_PIPELINE, "states:StartExecution", Rhythm::Onset { from: 0.42, up_to: 30.0 }),
    // The platform under it.
    work(Place::Both, AUTOSCALER, "ec2:DescribeInstances", steady(150.0)).fails(
        0.008,
        "Client.RequestLimitExceeded",
        "Request limit exceeded.",
    ),
    work(Place::Both, AUTOSCALER, "ec2:DescribeInstanceStatus", steady(60.0)),
    work(Place::Both, AUTOSCALER, "autoscaling:DescribeAutoScalingGroups", steady(130.0)),
    work(Place::Both, AUTOSCALER, "autoscaling:SetDesiredCapacity", wave(14.0)),
    work(Place::Both, ASG_ROLE, "ec2:RunInstances", wave(9.0)).fails(
        0.02,
        "Server.InsufficientInstanceCapacity",
        "We currently do not have sufficient capacity in the Availability Zone you requested.",
    ),
    work(Place::Both, ASG_ROLE, "ec2:TerminateInstances", wave(9.0)),
    work(Place::Both, ASG_ROLE, "ec2:CreateTags", wave(18.0)),
    work(Place::Both, NODE, "autoscaling:CompleteLifecycleAction", wave(9.0)),
    work(Place::Both, NODE, "ssm:UpdateInstanceInformation", steady(170.0)),
    work(Place::Both, LB_ROLE, "elasticloadbalancing:DescribeTargetHealth", steady(110.0)),
    work(Place::Both, LB_ROLE, "elasticloadbalancing:RegisterTargets", wave(24.0)),
    work(Place::Both, LB_ROLE, "elasticloadbalancing:DeregisterTargets", wave(24.0)),
    work(Place::Both, ORDER_PIPELINE, "ec2:CreateNetworkInterface", wave(18.0)),
    work(Place::Both, ORDER_PIPELINE, "ec2:DeleteNetworkInterface", wave(18.0)),
    work(Place::Both, ORDER_PIPELINE, "monitoring:DescribeAlarms", steady(50.0)),
    work(Place::Home, EC2_SERVICE, "ec2:BidEvictedEvent", rare(1.5)),
    work(Place::Home, SECRETS_SERVICE, "secretsmanager:RotationSucceeded", rare(0.8)),
    work(Place::Both, SCHEDULER, "ecs:RunTask", every(60, 1)),
    work(Place::Both, SCHEDULER, "ecs:DescribeServices", every(240, 1)),
    // Backups: a snapshot of two volumes every five minutes in the recovery region, and nightly ones of the databases.
    work(Place::Last, BACKUP, "ec2:CreateSnapshot", every(5, 2)),
    work(Place::Last, BACKUP, "ec2:DescribeSnapshots", every(240, 1)),
    work(Place::Both, BACKUP, "rds:CreateDBSnapshot", job(Days::All, 2, 30, 9, 4)),
    // Releases.
    work(Place::Home, DEPLOY, "sts:AssumeRoleWithWebIdentity", release(2)),
    work(Place::Home, DEPLOY, "ecr:GetAuthorizationToken", release(2)),
    work(Place::Home, DEPLOY, "ecr:InitiateLayerUpload", release(4)),
    work(Place::Home, DEPLOY, "ecr:CompleteLayerUpload", release(4)),
    work(Place::Home, DEPLOY, "ecr:PutImage", release(2)),
    work(Place::Both, DEPLOY, "ecs:RegisterTaskDefinition", release(2)),
    work(Place::Both, DEPLOY, "ecs:UpdateService", release(3)),
    work(Place::Both, DEPLOY, "cloudformation:CreateChangeSet", release(1)),
    work(Place::Both, DEPLOY, "cloudformation:ExecuteChangeSet", release(1)),
    work(Place::Both, DEPLOY, "cloudformation:DescribeStackEvents", release(9)),
    work(Place::Both, DEPLOY, "lambda:UpdateFunctionCode20150331v2", release(2)),
    work(Place::Both, DEPLOY, "ssm:PutParameter", release(2)),
    work(Place::Both, ECS_TASKS, "ecr:BatchGetImage", wave(30.0)),
    work(Place::Both, ENGINEER, "monitoring:PutMetricAlarm", session(0.5, 4, 6)),
    work(Place::Both, ENGINEER, "ssm:DeleteParameter", rare(0.5)),
    work(Place::Home, ENGINEER, "sqs:SetQueueAttributes", rare(0.2)),
    work(Place::Home, ENGINEER, "route53:ChangeResourceRecordSets", rare(0.4)),
    work(Place::Both, ENGINEER, "logs:StartQuery", berlin(18.0)),
];

const DATA: &[Work] = &[
    work(Place::Both, ETL, "s3:GetObject", wave(250.0)).fails(
        0.01,
        "NoSuchKey",
        "The specified key does not exist.",
    ),
    work(Place::Both, ETL, "s3:PutObject", wave(120.0)),
    work(Place::Both, ETL, "kms:Decrypt", wave(140.0)),
    work(Place::Both, ETL, "kms:GenerateDataKey", wave(80.0)),
    work(Place::Both, ETL, "glue:GetTable", steady(90.0)).fails(
        0.02,
        "EntityNotFoundException",
        "Table $table not found.",
    ),
    work(Place::Both, ETL, "glue:GetPartitions", steady(70.0)),
    work(Place::Both, ETL, "ssm:GetParametersByPath", steady(40.0)).fails(
        0.006,
        "ThrottlingException",
        SLOW_DOWN,
    ),
    work(Place::Both, ETL, "ec2:DescribeInstances", steady(40.0)).fails(
        0.008,
        "Client.RequestLimitExceeded",
        "Request limit exceeded.",
    ),
    work(Place::Both, REPORTING, "secretsmanager:GetSecretValue", steady(36.0)),
    work(Place::Both, REPORTING, "sts:AssumeRole", steady(40.0)),
    work(Place::Home, REPORTING, "athena:StartQueryExecution", every(60, 1)),
    // The night's load, the weekly rebuild, the hourly partitions.
    work(Place::Home, ETL, "glue:StartJobRun", job(Days::All, 1, 0, 60, 25)),
    work(Place::Home, ETL, "glue:BatchCreatePartition", every(60, 1)),
    work(Place::Home, ETL, "glue:BatchCreatePartition", job(Days::Sundays, 3, 30, 240, 30)),
    work(Place::Second, ETL, "glue:StartJobRun", job(Days::Sundays, 5, 0, 30, 20)),
    // Analysts on both sides of the ocean.
    work(Place::Both, ANALYST, "athena:StartQueryExecution", berlin(60.0)).fails(
        0.03,
        "InvalidRequestException",
        "line 1:8: Column cannot be resolved",
    ),
    work(Place::Home, ANALYST, "athena:StartQueryExecution", new_york(50.0)),
    work(Place::Both, ANALYST, "athena:GetQueryExecution", berlin(140.0)),
    work(Place::Home, ANALYST, "athena:GetQueryExecution", new_york(110.0)),
    work(Place::Both, ANALYST, "athena:GetQueryResults", berlin(60.0)),
    work(Place::Home, ANALYST, "signin:ConsoleLogin", new_york(6.0)),
    work(Place::Home, ENGINEER, "ec2:RunInstances", rare(0.5)),
    work(Place::Home, ENGINEER, "ssm:PutParameter", rare(0.4)),
];

const SANDBOX: &[Work] = &[
    work(Place::Both, DEVELOPER, "ec2:DescribeInstances", berlin(70.0)),
    work(Place::Both, DEVELOPER, "ec2:DescribeImages", session(1.0, 8, 15)),
    work(Place::Both, DEVELOPER, "ec2:DescribeSubnets", berlin(30.0)),
    work(Place::Both, DEVELOPER, "lambda:ListFunctions20150331", berlin(24.0)).fails(
        0.08,
        "AccessDeniedException",
        "User is not authorized to perform: lambda:ListFunctions",
    ),
    work(Place::Both, DEVELOPER, "logs:StartQuery", berlin(40.0)),
    work(Place::Both, DEVELOPER, "cloudformation:DescribeStacks", berlin(50.0)).fails(
        0.06,
        "ValidationError",
        "Stack with id $env-$service does not exist",
    ),
    work(Place::Both, DEVELOPER, "lambda:Invoke", berlin(60.0)),
    work(Place::Both, DEVELOPER, "ec2:RunInstances", session(3.0, 2, 10)).fails(
        0.05,
        "Client.InvalidParameterValue",
        "Value ($service) for parameter iamInstanceProfile.name is invalid.",
    ),
    work(Place::Both, DEVELOPER, "ec2:TerminateInstances", session(3.0, 2, 10)),
    work(Place::Both, DEVELOPER, "ssm:PutParameter", berlin(5.0)),
    work(Place::Both, DEVELOPER, "s3:PutObject", berlin(60.0)),
    work(Place::Both, DEVELOPER, "s3:GetObject", berlin(90.0)),
    // Instances sleep at night.
    work(Place::Home, SCHEDULER, "ec2:StartInstances", job(Days::Weekdays, 6, 0, 12, 3)),
    work(Place::Home, SCHEDULER, "ec2:StopInstances", job(Days::Weekdays, 19, 0, 12, 3)),
    // Terraform runs come and go.
    work(Place::Home, TERRAFORM_USER, "ec2:DescribeSecurityGroups", session(2.0, 30, 6)),
    work(Place::Home, TERRAFORM_USER, "iam:GetRole", session(2.0, 20, 6)),
    work(Place::Home, TERRAFORM_USER, "ec2:CreateTags", session(2.0, 14, 6)),
    work(Place::Home, TERRAFORM_USER, "iam:CreateRole", session(1.0, 2, 6)),
    work(Place::Home, TERRAFORM_USER, "iam:DeleteRole", session(1.0, 2, 6)),
    work(Place::Home, CI_USER, "sts:GetCallerIdentity", berlin(12.0)),
    work(Place::Home, CI_USER, "lambda:UpdateFunctionCode20150331v2", session(1.5, 2, 5)),
    work(Place::Home, LAMBDA, "sts:AssumeRole", berlin(40.0)),
    work(Place::Home, ORDER_PIPELINE, "logs:CreateLogStream", berlin(40.0)),
];

const SECURITY: &[Work] = &[
    work(Place::Both, AUDITOR, "guardduty:ListFindings", every(60, 1)),
    work(Place::Both, AUDITOR, "securityhub:BatchImportFindings", every(60, 1)),
    work(Place::Home, AUDITOR, "organizations:ListAccounts", job(Days::All, 3, 55, 4, 2)),
    work(Place::Home, AUDITOR, "sts:AssumeRole", steady(60.0)),
    work(Place::Home, RESPONDER, "cloudtrail:LookupEvents", berlin(50.0)).fails(
        0.03,
        "ThrottlingException",
        SLOW_DOWN,
    ),
    work(Place::Home, RESPONDER, "signin:ConsoleLogin", rare(3.0)),
    work(Place::Both, AUDITOR, "s3:GetObject", steady(110.0)),
    work(Place::Both, AUDITOR, "s3:PutObject", steady(60.0)),
    work(Place::Both, AUDITOR, "kms:Decrypt", steady(60.0)),
];

/// Failures that incidents bring.
pub(super) const NO_VCPUS: (&str, &str) = (
    "Client.VcpuLimitExceeded",
    "You have requested more vCPU capacity than your current vCPU limit of 64 allows for the instance bucket that the specified instance type belongs to.",
);
/// EC2's own form of a denial.
pub(super) const UNAUTHORIZED: (&str, &str) = ("Client.UnauthorizedOperation", EC2_DENIED);
