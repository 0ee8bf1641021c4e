//! Options -> the organization: its accounts, the flows of calls in each account and region, and who makes them. Pure.
use super::Options;
use super::actors::{Actor, ActorSort, Network, PEOPLE};
use super::catalogue::Api;
use super::random::{Dice, Purpose, mix};
use super::rhythm::{Beat, Rhythm};
use super::template::{Scene, Template, letters, resource};
use super::workloads::{COMMON, Duty, Failure, Place, Work};

/// Everything that calls APIs, and where.
#[derive(Debug)]
pub(super) struct Organization {
    /// `o-` and ten letters or digits.
    pub(super) id: String,
    pub(super) seed: u64,
    pub(super) days: u32,
    /// Factor on the elastic rhythms that brings about the number of records asked for.
    pub(super) scale: f64,
    pub(super) accounts: Vec<Account>,
    pub(super) cells: Vec<Cell>,
    pub(super) flows: Vec<Flow>,
}

/// An AWS account.
#[derive(Debug)]
pub(super) struct Account {
    /// 12 digits.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) regions: &'static [&'static str],
    key: u64,
}

/// One account in one region: what shares log files.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) account: usize,
    pub(super) region: String,
    pub(super) key: u64,
    pub(super) flows: Vec<usize>,
}

/// One kind of work in one cell, ready to be written as records.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) api: &'static Api,
    pub(super) cell: usize,
    rhythm: Rhythm,
    /// Factor on an elastic rhythm in this region.
    volume: f64,
    pub(super) sessions: Vec<Session>,
    pub(super) failure: Option<Failing>,
    /// From which second to which it makes no calls at all.
    pub(super) silences: Vec<(u32, u32)>,
    /// Such as `iam:ListUsers`.
    pub(super) action: String,
    pub(super) request: Template,
    pub(super) response: Template,
    pub(super) extra: Template,
    pub(super) resources: Template,
}

/// How a flow's calls fail.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) code: &'static str,
    pub(super) message: Template,
    pub(super) share: f64,
}

/// One caller, as its records show it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) key: u64,
    /// `userIdentity`.
    pub(super) identity: Template,
    /// Its ARN; the service's name where it has none.
    pub(super) arn: String,
    pub(super) agent: String,
    pub(super) address: String,
    pub(super) from: Network,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Seconds since the start of the first day.
    pub(super) at: u32,
    pub(super) flow: usize,
    /// Its own 64 bits, from which the rest of the record follows.
    pub(super) key: u64,
    pub(super) failed: bool,
}

const DUTIES: [(Duty, &str, &[&str]); 4] = [
    (Duty::Shop, "prod", &["us-east-1", "eu-west-1", "us-west-2"]),
    (Duty::Data, "data", &["us-east-1", "eu-west-1"]),
    (Duty::Sandbox, "sandbox", &["us-east-1", "eu-west-1"]),
    (Duty::Security, "security", &["us-east-1", "eu-west-1"]),
];

impl Organization {
    /// The organization of these options, in normal life.
    pub(super) fn new(options: &Options) -> Self {
        let mut dice = Dice::new(options.seed, Purpose::Cast, 0, 0);
        let mut id = Vec::from(b"o-");
        letters(&mut id, dice.bits(), 10);
        let mut organization = Self {
            id: String::from_utf8_lossy(&id).to_lowercase(),
            seed: options.seed,
            days: options.days,
            scale: 1.0,
            accounts: Vec::new(),
            cells: Vec::new(),
            flows: Vec::new(),
        };
        for number in 0..options.accounts {
            let (duty, name, regions) = DUTIES[number % DUTIES.len()];
            let name =
                if number < DUTIES.len() { name.to_owned() } else { format!("{name}-{}", number / 4 + 1) };
            let id = format!("{:012}", 100_000_000_000 + dice.bits() % 899_999_999_999);
            organization.accounts.push(Account { id, name, regions, key: dice.bits() });
            for work in COMMON.iter().chain(duty.works()) {
                organization.employ(number, work);
            }
        }
        organization
    }

    /// Expected calls of the elastic flows at scale 1, and those of all others.
    pub(super) fn expected(&self) -> (f64, f64) {
        let mut sums = (0.0, 0.0);
        for flow in &self.flows {
            let calls = flow.rhythm.expected(self.days) * flow.volume;
            if flow.rhythm.is_elastic() {
                sums.0 += calls;
            } else {
                sums.1 += calls;
            }
        }
        sums
    }

    /// Calls a minute that an API of a cell is expected to make at this second, by its elastic flows.
    pub(super) fn usual_rate(&self, cell: usize, api: &Api, at: u32) -> f64 {
        let minute = (at / 60).cast_signed();
        self.cells[cell]
            .flows
            .iter()
            .map(|&flow| &self.flows[flow])
            .filter(|flow| (flow.api.service, flow.api.name) == (api.service, api.name))
            .map(|flow| flow.rhythm.rate(minute) * flow.volume * self.scale)
            .sum()
    }

    /// The calls of a cell on one day, without those of incidents; in no order.
    pub(super) fn calls(&self, cell: usize, day: u32, calls: &mut Vec<Call>) {
        for &number in &self.cells[cell].flows {
            let flow = &self.flows[number];
            let beat = Beat {
                seed: self.seed,
                days: self.days,
                scale: self.scale * flow.volume,
                account: self.cells[cell].account,
                flow: number,
            };
            flow.rhythm.calls(&beat, day, |second, dice| {
                let (at, key) = (day * 86_400 + second, dice.bits());
                let failed = flow.failure.as_ref().is_some_and(|failure| dice.chance(failure.share));
                if !flow.silences.iter().any(|&(from, to)| (from..to).contains(&at)) {
                    calls.push(Call { at, flow: number, key, failed });
                }
            });
        }
    }

    fn employ(&mut self, account: usize, work: &Work) {
        let regions = self.accounts[account].regions;
        let places: Vec<(&str, f64)> = match work.place {
            Place::Home => vec![(regions[0], 1.0)],
            Place::Second => vec![(regions[1], 1.0)],
            Place::Last => vec![(regions[regions.len() - 1], 1.0)],
            Place::Both => vec![(regions[0], 1.0), (regions[1], 0.5)],
            Place::Everywhere => {
                regions.iter().zip([1.0, 0.5, 0.3]).map(|(&region, share)| (region, share)).collect()
            }
        };
        for (region, volume) in places {
            let volume = if work.when.is_elastic() { volume } else { 1.0 };
            self.add_flow(account, region, work, volume);
        }
    }

    /// Adds work in a region; a region that the account did not use before becomes a cell. The number of the flow.
    pub(super) fn add_flow(&mut self, account: usize, region: &str, work: &Work, volume: f64) -> usize {
        let cell = self.cell(account, region);
        let api = Api::find(work.api).expect("tables name APIs of the catalogue");
        let owner = &self.accounts[account];
        let (from, to) = work.swap.unwrap_or_default();
        let template = |text: &str| {
            let text = if from.is_empty() { text.to_owned() } else { text.replace(from, to) };
            Template::parse(&text).expect("tables use fields that exist")
        };
        let number = self.flows.len();
        self.flows.push(Flow {
            api,
            cell,
            rhythm: work.when,
            volume,
            sessions: (0..work.who.sessions)
                .map(|session| Session::new(owner, region, &work.who, session))
                .collect(),
            failure: work.fails.map(|Failure { code, message, share }| Failing {
                code,
                message: template(message),
                share,
            }),
            silences: Vec::new(),
            action: work.api.to_owned(),
            request: template(api.request),
            response: template(api.response),
            extra: template(api.extra),
            resources: template(api.resources),
        });
        self.cells[cell].flows.push(number);
        number
    }

    fn cell(&mut self, account: usize, region: &str) -> usize {
        let known = self.cells.iter().position(|cell| cell.account == account && cell.region == region);
        known.unwrap_or_else(|| {
            let key = mix(self.accounts[account].key, name_bits(region));
            self.cells.push(Cell { account, region: region.to_owned(), key, flows: Vec::new() });
            self.cells.len() - 1
        })
    }
}

impl Session {
    fn new(account: &Account, region: &str, actor: &Actor, number: u32) -> Self {
        let role = mix(account.key, name_bits(actor.name));
        let key = mix(role, u64::from(number));
        let name = session_name(actor, key, number);
        let service = format!("{}.amazonaws.com", actor.name);
        let (arn, identity) = match actor.sort {
            ActorSort::Service => {
                (service.clone(), format!(r#"{{"type":"AWSService","invokedBy":"{service}"}}"#))
            }
            ActorSort::User => user_identity(account, actor, role, key),
            ActorSort::Instance
            | ActorSort::Function
            | ActorSort::Task
            | ActorSort::Person
            | ActorSort::Linked
            | ActorSort::Federated => role_identity(account, actor, role, &name),
        };
        let place = mix(account.key, name_bits(region));
        let (agent, address) = match actor.from {
            Network::Aws => (service.clone(), service),
            from => {
                (actor.agents[number as usize % actor.agents.len()].to_owned(), address(from, place, key))
            }
        };
        let identity = Template::parse(&identity).expect("identities use fields that exist");
        Self { key, identity, arn, agent, address, from: actor.from }
    }

    /// What the fields of a call's record are filled in with.
    pub(super) fn scene<'a>(
        &'a self,
        organization: &'a Organization,
        flow: &'a Flow,
        call: &Call,
    ) -> Scene<'a> {
        let cell = &organization.cells[flow.cell];
        let account = &organization.accounts[cell.account];
        Scene {
            account: &account.id,
            env: &account.name,
            region: &cell.region,
            place: cell.key,
            at: call.at,
            key: call.key,
            session: self.key,
            arn: &self.arn,
            action: &flow.action,
        }
    }
}

fn session_name(actor: &Actor, key: u64, number: u32) -> String {
    match actor.sort {
        ActorSort::Instance => {
            let mut name = Vec::from(b"i-");
            resource(&mut name, key);
            String::from_utf8_lossy(&name).into_owned()
        }
        ActorSort::Person => {
            let first = (name_bits(actor.name) % PEOPLE.len() as u64) as usize;
            format!("{}@example.com", PEOPLE[(first + number as usize) % PEOPLE.len()])
        }
        ActorSort::Federated => "GitHubActions".to_owned(),
        ActorSort::Linked => linked_role(actor.name).1.to_owned(),
        ActorSort::Function | ActorSort::Task | ActorSort::User | ActorSort::Service => {
            format!("{}-{}", actor.name, number + 1)
        }
    }
}

/// The end of a service-linked role's name, and the session that its service gives it.
fn linked_role(service: &str) -> (&'static str, &'static str) {
    match service {
        "autoscaling" => ("AutoScaling", "AutoScaling"),
        "config" => ("Config", "AWSConfig-Describe"),
        _ => ("ElasticLoadBalancing", "ElasticLoadBalancing"),
    }
}

fn user_identity(account: &Account, actor: &Actor, role: u64, key: u64) -> (String, String) {
    let arn = format!("arn:aws:iam::{}:user/{}", account.id, actor.name);
    let (mut principal, mut access_key) = (Vec::new(), Vec::new());
    letters(&mut principal, role, 17);
    letters(&mut access_key, key, 16);
    let identity = format!(
        r#"{{"type":"IAMUser","principalId":"AIDA{}","arn":"{arn}","accountId":"{}","accessKeyId":"AKIA{}","userName":"{}"}}"#,
        String::from_utf8_lossy(&principal),
        account.id,
        String::from_utf8_lossy(&access_key),
        actor.name
    );
    (arn, identity)
}

fn role_identity(account: &Account, actor: &Actor, role: u64, session: &str) -> (String, String) {
    let id = &account.id;
    let (path, name) = match actor.sort {
        ActorSort::Person => (
            "aws-reserved/sso.amazonaws.com/".to_owned(),
            format!("AWSReservedSSO_{}_{role:016x}", actor.name),
        ),
        ActorSort::Linked => (
            format!("aws-service-role/{}.amazonaws.com/", actor.name),
            format!("AWSServiceRoleFor{}", linked_role(actor.name).0),
        ),
        _ => (String::new(), actor.name.to_owned()),
    };
    let mut principal = Vec::from(b"AROA");
    letters(&mut principal, role, 17);
    let principal = String::from_utf8_lossy(&principal).into_owned();
    let arn = format!("arn:aws:sts::{id}:assumed-role/{name}/{session}");
    let tail = match actor.sort {
        ActorSort::Instance => r#","ec2RoleDelivery":"2.0"}"#.to_owned(),
        ActorSort::Function => format!(
            r#"}},"inScopeOf":{{"sourceArn":"arn:aws:lambda:$region:{id}:function:{session}","sourceAccount":"{id}","issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:$region:{id}:function:{session}"}}"#
        ),
        ActorSort::Linked => format!(r#"}},"invokedBy":"{}.amazonaws.com""#, actor.name),
        _ => "}".to_owned(),
    };
    let federation = if actor.sort == ActorSort::Federated {
        format!(
            r#"{{"federatedProvider":"arn:aws:iam::{id}:oidc-provider/token.actions.githubusercontent.com","attributes":{{}}}}"#
        )
    } else {
        "{}".to_owned()
    };
    let identity = format!(
        r#"{{"type":"AssumedRole","principalId":"{principal}:{session}","arn":"{arn}","accountId":"{id}","accessKeyId":"$sessionkey","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{principal}","arn":"arn:aws:iam::{id}:role/{path}{name}","accountId":"{id}","userName":"{name}"}},"webIdFederationData":{federation},"attributes":{{"creationDate":"$created","mfaAuthenticated":"false"}}{tail}}}"#
    );
    (arn, identity)
}

fn address(from: Network, place: u64, key: u64) -> String {
    match from {
        Network::Vpc => format!("10.{}.{}.{}", place % 4 * 16, key % 64, key / 64 % 250 + 4),
        Network::Nat => format!("198.51.100.{}", place % 120 + key % 2 * 120 + 4),
        Network::Office => format!("192.0.2.{}", key % 250 + 4),
        Network::Internet => format!("203.0.113.{}", key % 250 + 4),
        Network::Aws => String::new(),
    }
}

/// A number that stands for a name.
fn name_bits(name: &str) -> u64 {
    name.bytes().fold(0, |bits, byte| mix(bits, u64::from(byte)))
}
