//! Who calls: the people, roles, users and services of the organization, as a table. Data.

/// Somebody who calls APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Actor {
    /// Name of the role, user or service.
    pub(super) name: &'static str,
    pub(super) sort: ActorSort,
    /// `userAgent`, one of these for each session.
    pub(super) agents: &'static [&'static str],
    pub(super) from: Network,
    /// How many sessions (instances, tasks, people) call at the same time.
    pub(super) sessions: u32,
}

/// What kind of identity it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActorSort {
    /// A role on EC2 instances.
    Instance,
    /// A role of a Lambda function.
    Function,
    /// A role of containers.
    Task,
    /// People who come in by single sign-on, with this permission set.
    Person,
    /// A user with long-lived access keys.
    User,
    /// A service-linked role.
    Linked,
    /// An AWS service on its own behalf: no ARN.
    Service,
    /// A pipeline outside of AWS, by web identity.
    Federated,
}

/// Where calls come from. Public addresses are from the ranges that RFC 5737 keeps for documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// A VPC endpoint.
    Vpc,
    /// Out of the VPC through a NAT gateway.
    Nat,
    /// The offices.
    Office,
    /// Somewhere on the internet.
    Internet,
    /// AWS itself.
    Aws,
}

const BOTO: &str = "Boto3/1.35.81 md/Botocore#1.35.81 ua/2.0 os/linux#6.1.119 md/arch#x86_64 lang/python#3.12.7 exec-env/AWS_ECS_FARGATE Botocore/1.35.81";
const BOTO_LAMBDA: &str = "Boto3/1.34.145 md/Botocore#1.34.145 ua/2.0 os/linux#5.10.230 md/arch#aarch64 lang/python#3.12.7 exec-env/AWS_Lambda_python3.12 Botocore/1.34.145";
const JAVA: &str = "aws-sdk-java/2.29.29 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.119 lang/java#21.0.5";
const GO: &str = "aws-sdk-go-v2/1.32.7 os/linux lang/go#1.23.4 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.198.1";
const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.82.2 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.32.7 ua/2.1 os/linux lang/go#1.23.3 md/GOOS#linux md/GOARCH#amd64";
const CLI: &str = "aws-cli/2.22.23 md/awscrt#0.23.4 ua/2.0 os/macos#24.2.0 md/arch#arm64 lang/python#3.12.6 cfg/retry-mode#standard md/installer#exe";
const CLI_LINUX: &str = "aws-cli/1.22.34 Python/3.10.12 Linux/5.15.0-91-generic botocore/1.23.34";
const CONSOLE: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
const ACTIONS: &str = "aws-sdk-js/3.716.0 ua/2.1 os/linux#6.8.0-1017-azure lang/js md/nodejs#20.18.1 exec-env/GitHubActions configure-aws-credentials-for-github-actions";
const SSM_AGENT: &str = "aws-sdk-go/1.55.5 (go1.22.9; linux; amd64) amazon-ssm-agent/3.3.1611.0";
const SCANNER: &str = "Boto3/1.35.81 md/Botocore#1.35.81 ua/2.0 os/linux#6.1.119 md/arch#x86_64 lang/python#3.12.7 Botocore/1.35.81 posture-scan/5.1";

const fn actor(name: &'static str, sort: ActorSort, agents: &'static [&'static str], from: Network) -> Actor {
    Actor { name, sort, agents, from, sessions: 1 }
}

impl Actor {
    const fn times(mut self, sessions: u32) -> Self {
        self.sessions = sessions;
        self
    }
}

pub(super) const SHOP_WEB: Actor =
    actor("shop-web", ActorSort::Instance, &[JAVA, BOTO], Network::Vpc).times(12);
pub(super) const ORDER_PIPELINE: Actor =
    actor("order-pipeline", ActorSort::Function, &[BOTO_LAMBDA], Network::Nat).times(7);
pub(super) const AUTOSCALER: Actor =
    actor("cluster-autoscaler", ActorSort::Instance, &[GO], Network::Nat).times(2);
pub(super) const NODE: Actor = actor("app-node", ActorSort::Instance, &[SSM_AGENT], Network::Vpc).times(24);
pub(super) const BACKUP: Actor = actor("backup-runner", ActorSort::Function, &[BOTO_LAMBDA], Network::Nat);
pub(super) const SCHEDULER: Actor = actor("task-scheduler", ActorSort::Task, &[BOTO], Network::Nat);
pub(super) const DEPLOY: Actor =
    actor("deploy", ActorSort::Federated, &[ACTIONS], Network::Internet).times(3);
pub(super) const KEY_ROTATOR: Actor = actor("key-rotator", ActorSort::Function, &[BOTO_LAMBDA], Network::Nat);
pub(super) const ENGINEER: Actor =
    actor("PlatformEngineer", ActorSort::Person, &[CONSOLE, CLI, FIREFOX], Network::Office).times(8);
pub(super) const DEVELOPER: Actor =
    actor("Developer", ActorSort::Person, &[CONSOLE, CLI, FIREFOX], Network::Office).times(12);
pub(super) const ANALYST: Actor =
    actor("Analyst", ActorSort::Person, &[CONSOLE, FIREFOX], Network::Office).times(9);
pub(super) const AUDITOR: Actor = actor("posture-scanner", ActorSort::Task, &[SCANNER], Network::Nat);
pub(super) const RESPONDER: Actor =
    actor("SecurityAudit", ActorSort::Person, &[CONSOLE, CLI], Network::Office).times(3);
pub(super) const ETL: Actor = actor("etl-worker", ActorSort::Task, &[BOTO, JAVA], Network::Nat).times(6);
pub(super) const REPORTING: Actor = actor("reporting", ActorSort::Instance, &[BOTO], Network::Vpc).times(2);
pub(super) const TERRAFORM_USER: Actor =
    actor("terraform-sandbox", ActorSort::User, &[TERRAFORM], Network::Office).times(2);
pub(super) const CI_USER: Actor = actor("ci-deploy", ActorSort::User, &[ACTIONS], Network::Internet);
pub(super) const LB_ROLE: Actor = actor("elasticloadbalancing", ActorSort::Linked, &[], Network::Aws);
pub(super) const ASG_ROLE: Actor = actor("autoscaling", ActorSort::Linked, &[], Network::Aws);
pub(super) const CONFIG_ROLE: Actor = actor("config", ActorSort::Linked, &[], Network::Aws);
pub(super) const LAMBDA: Actor = actor("lambda", ActorSort::Service, &[], Network::Aws);
pub(super) const ECS_TASKS: Actor = actor("ecs-tasks", ActorSort::Service, &[], Network::Aws);
pub(super) const KMS_SERVICE: Actor = actor("kms", ActorSort::Service, &[], Network::Aws);
pub(super) const EC2_SERVICE: Actor = actor("ec2", ActorSort::Service, &[], Network::Aws);
pub(super) const SECRETS_SERVICE: Actor = actor("secretsmanager", ActorSort::Service, &[], Network::Aws);

// Those of the incidents: names that the organization knows, used from elsewhere or by mistake.
pub(super) const LEAKED_CI: Actor = actor("ci-deploy", ActorSort::User, &[CLI_LINUX], Network::Internet);
pub(super) const STOLEN_REPORTING: Actor =
    actor("reporting", ActorSort::Instance, &[CLI_LINUX], Network::Internet);
pub(super) const STOLEN_ADMIN: Actor = actor("svc-billing", ActorSort::User, &[CLI_LINUX], Network::Internet);
pub(super) const STOLEN_ETL: Actor = actor("etl-worker", ActorSort::Task, &[CLI_LINUX], Network::Internet);
pub(super) const CLEANUP: Actor = actor("PlatformEngineer", ActorSort::Person, &[CLI], Network::Office);
pub(super) const STUCK_DEPLOY: Actor = actor("deploy", ActorSort::Federated, &[ACTIONS], Network::Internet);
pub(super) const STUCK_ETL: Actor = actor("etl-worker", ActorSort::Task, &[BOTO], Network::Nat);

/// Session names of people.
pub(super) const PEOPLE: &[&str] = &[
    "ana.ruiz",
    "ben.adeyemi",
    "chloe.martin",
    "dmitri.volkov",
    "emma.larsen",
    "farid.haddad",
    "grace.kim",
    "hugo.silva",
    "ines.costa",
    "jonas.weber",
    "kavya.nair",
    "liam.oconnor",
    "mei.tanaka",
    "noah.berg",
];
