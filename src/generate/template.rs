//! JSON text with `$fields` -> bytes, filled in for one call. Pure.
//!
//! A field's value follows from the call's key and the field's name alone: a field that stands twice in a record has
//! the same value twice, and a record that is delivered twice is the same twice.
use std::io::Write as _;

use super::calendar::FIRST_DAY;
use super::random::mix;
use crate::time::MINUTES_PER_DAY;

/// Text cut into what is copied and what is filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Field(Field),
}

/// What a template is filled in with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// 12 digits.
    pub(super) account: &'a str,
    /// Such as `prod`.
    pub(super) env: &'a str,
    /// Such as `eu-west-1`.
    pub(super) region: &'a str,
    /// Stands for the account and region: their resources are named by it.
    pub(super) place: u64,
    /// Seconds since the start of the first day.
    pub(super) at: u32,
    /// The call's own 64 bits.
    pub(super) key: u64,
    /// Stands for the caller's session.
    pub(super) session: u64,
    /// The caller.
    pub(super) arn: &'a str,
    /// Such as `iam:ListUsers`.
    pub(super) action: &'a str,
}

macro_rules! fields {
    ($($name:literal => $field:ident,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Field { $($field,)* }

        impl Field {
            fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$field),)* _ => None }
            }
        }
    };
}

fields! {
    "account" => Account, "env" => Env, "region" => Region, "arn" => Arn, "action" => Action,
    "time" => Time, "created" => Created, "ms" => Millis, "date" => Date, "soon" => Soon,
    "requestid" => RequestId, "eventid" => EventId, "uuid" => Uuid, "uuidb" => UuidB, "token" => Token,
    "hex8" => Hex8, "hex16" => Hex16, "hex17" => Hex17, "hexb17" => HexB17, "hexc17" => HexC17, "hex64" => Hex64,
    "id" => Id, "accesskey" => AccessKey, "sessionkey" => SessionKey,
    "n" => N, "nn" => Nn, "nnnn" => Nnnn, "big" => Big, "ip" => Ip, "zone" => Zone,
    "instance" => Instance, "volume" => Volume, "subnet" => Subnet, "vpc" => Vpc, "sg" => Sg, "image" => Image,
    "kms" => Kms, "bucket" => Bucket, "object" => Object, "function" => Function, "queue" => Queue, "table" => Table,
    "role" => Role, "user" => User, "param" => Param, "secret" => Secret, "cluster" => Cluster, "service" => Service,
    "database" => Database, "itype" => InstanceType, "alarm" => Alarm,
}

const BUCKETS: &[&str] =
    &["assets", "uploads", "invoices", "exports", "access-logs", "lake-raw", "lake-curated", "artifacts"];
const OBJECTS: &[&str] = &["orders", "sessions", "catalog", "images", "receipts", "clickstream", "returns"];
const FUNCTIONS: &[&str] = &[
    "order-router",
    "send-receipt",
    "resize-image",
    "stock-sync",
    "fraud-score",
    "refund-worker",
    "thumbnailer",
];
const QUEUES: &[&str] = &["orders", "emails", "stock-updates", "refunds"];
const TABLES: &[&str] = &["orders", "carts", "customers", "stock", "sessions", "prices"];
const ROLES: &[&str] = &[
    "shop-web",
    "order-pipeline",
    "deploy",
    "etl-worker",
    "backup-runner",
    "reporting",
    "cluster-autoscaler",
];
const USERS: &[&str] = &[
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
    "ci-deploy",
    "svc-billing",
    "svc-export",
    "svc-partner-feed",
];
const PARAMS: &[&str] = &[
    "shop/db/url",
    "shop/db/pool-size",
    "shop/cache/host",
    "shop/features/checkout-v2",
    "shop/features/gift-cards",
    "orders/queue-url",
    "orders/retry-limit",
    "payments/endpoint",
    "payments/timeout-ms",
    "search/index-name",
];
const SECRETS: &[&str] = &["shop/db", "payments/api-key", "search/token", "partner-feed/sftp"];
const CLUSTERS: &[&str] = &["web", "workers"];
const SERVICES: &[&str] = &["storefront", "checkout", "search", "accounts", "notifications"];
const DATABASES: &[&str] = &["sales", "marketing", "logistics"];
const INSTANCE_TYPES: &[&str] = &["m6i.large", "m6i.xlarge", "c6i.xlarge", "t3.medium", "r6i.large"];
const ALARMS: &[&str] = &["latency-p99", "5xx-rate", "queue-age", "cpu-high", "disk-free"];

impl Template {
    /// Cuts `text` at its fields.
    ///
    /// # Errors
    /// The name of a field that does not exist.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut parts = text.split('$');
        pieces.push(Piece::Text(parts.next().unwrap_or_default().to_owned()));
        for part in parts {
            let end =
                part.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            pieces.push(Piece::Field(Field::parse(name).ok_or_else(|| format!("no such field: ${name}"))?));
            pieces.push(Piece::Text(rest.to_owned()));
        }
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// Appends the filled-in text.
    pub(super) fn fill(&self, out: &mut Vec<u8>, scene: &Scene<'_>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Field(field) => field.fill(out, scene),
            }
        }
    }

    /// The filled-in text.
    pub(super) fn text(&self, scene: &Scene<'_>) -> String {
        let mut out = Vec::new();
        self.fill(&mut out, scene);
        String::from_utf8(out).expect("templates and words are text")
    }
}

impl Field {
    fn fill(self, out: &mut Vec<u8>, scene: &Scene<'_>) {
        let own = mix(scene.key, self as u64);
        match self {
            Self::Account => out.extend_from_slice(scene.account.as_bytes()),
            Self::Env => out.extend_from_slice(scene.env.as_bytes()),
            Self::Region => out.extend_from_slice(scene.region.as_bytes()),
            Self::Arn => out.extend_from_slice(scene.arn.as_bytes()),
            Self::Action => out.extend_from_slice(scene.action.as_bytes()),
            Self::Time => time(out, scene.at),
            Self::Created => time(out, created(scene)),
            Self::Millis => number(out, epoch(scene.at) * 1000 + own % 1000),
            Self::Date => date(out, scene.at),
            Self::Soon => date(out, scene.at + 3600),
            Self::RequestId | Self::EventId | Self::Uuid | Self::UuidB => uuid(out, own),
            Self::Token => token(out, own, 360),
            Self::Hex8 => hex(out, own, 8),
            Self::Hex16 => hex(out, own, 16),
            Self::Hex17 | Self::HexB17 | Self::HexC17 => resource(out, own),
            Self::Hex64 => hex(out, own, 64),
            Self::Id => letters(out, own, 17),
            Self::AccessKey => letters(out, own, 16),
            Self::SessionKey => {
                out.extend_from_slice(b"ASIA");
                letters(out, mix(scene.session, u64::from(created(scene))), 16);
            }
            Self::N => number(out, 1 + own % 9),
            Self::Nn => number(out, 10 + own % 90),
            Self::Nnnn => number(out, 1000 + own % 9000),
            Self::Big => number(out, 1024 + own % 4_000_000),
            Self::Ip => private_address(out, scene.place, own),
            Self::Zone => out.push(b"abc"[(own % 3) as usize]),
            Self::Instance => resource(out, mix(scene.place, 1000 + own % 40)),
            Self::Volume => resource(out, mix(scene.place, 2000 + own % 60)),
            Self::Subnet => resource(out, mix(scene.place, 3000 + own % 6)),
            Self::Vpc => resource(out, mix(scene.place, 4000)),
            Self::Sg => resource(out, mix(scene.place, 5000 + own % 12)),
            Self::Image => resource(out, mix(scene.place, 6000 + own % 3)),
            Self::Kms => uuid(out, mix(scene.place, 7000 + own % 4)),
            Self::Bucket => word(out, BUCKETS, own),
            Self::Object => {
                word(out, OBJECTS, own);
                out.push(b'/');
                time(out, scene.at - scene.at % 3600);
                let _ = write!(out, "/part-{:05}.parquet", own % 400);
            }
            Self::Function => word(out, FUNCTIONS, own),
            Self::Queue => word(out, QUEUES, own),
            Self::Table => word(out, TABLES, own),
            Self::Role => word(out, ROLES, own),
            Self::User => word(out, USERS, own),
            Self::Param => word(out, PARAMS, own),
            Self::Secret => word(out, SECRETS, own),
            Self::Cluster => word(out, CLUSTERS, own),
            Self::Service => word(out, SERVICES, own),
            Self::Database => word(out, DATABASES, own),
            Self::InstanceType => word(out, INSTANCE_TYPES, own),
            Self::Alarm => word(out, ALARMS, own),
        }
    }
}

fn private_address(out: &mut Vec<u8>, place: u64, own: u64) {
    let _ = write!(out, "10.{}.{}.{}", place % 4 * 16, own % 64, own / 64 % 250 + 4);
}

/// Seconds since 1970 of a second of the span.
pub(super) fn epoch(at: u32) -> u64 {
    u64::from(FIRST_DAY.epoch().cast_unsigned()) * 86_400 + u64::from(at)
}

/// When the caller's credentials were handed out: they last an hour.
fn created(scene: &Scene<'_>) -> u32 {
    let shift = (scene.session % 3600) as u32;
    (scene.at + shift).saturating_sub((scene.at + shift) % 3600).saturating_sub(shift)
}

/// `2026-01-05T07:08:09Z`.
pub(super) fn time(out: &mut Vec<u8>, at: u32) {
    let (day, second) = ((at / 86_400).cast_signed(), at % 86_400);
    let minute = FIRST_DAY.start().plus(day * MINUTES_PER_DAY);
    let _ = write!(out, "{}", minute.day());
    for (separator, value) in [(b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)] {
        out.extend_from_slice(&[separator, b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
    }
    out.push(b'Z');
}

/// `Jan 5, 2026, 3:08:09 PM`, as IAM and STS write times.
fn date(out: &mut Vec<u8>, at: u32) {
    let date = FIRST_DAY.plus((at / 86_400).cast_signed()).date();
    let (hour, half) = (at % 86_400 / 3600, if at % 86_400 < 43_200 { "AM" } else { "PM" });
    let clock = if hour % 12 == 0 { 12 } else { hour % 12 };
    let _ = write!(out, "{}, {clock}:{:02}:{:02} {half}", date.format("%b %-d, %Y"), at / 60 % 60, at % 60);
}

fn word(out: &mut Vec<u8>, words: &[&str], own: u64) {
    out.extend_from_slice(words[(own % words.len() as u64) as usize].as_bytes());
}

fn number(out: &mut Vec<u8>, value: u64) {
    let _ = write!(out, "{value}");
}

/// 17 hex digits that start with 0, as resource ids have since 2018.
pub(super) fn resource(out: &mut Vec<u8>, bits: u64) {
    out.push(b'0');
    hex(out, bits, 16);
}

pub(super) fn hex(out: &mut Vec<u8>, bits: u64, digits: u64) {
    spell(out, bits, digits, b"0123456789abcdef");
}

/// Capital letters and digits, as in the ids and access keys of IAM.
pub(super) fn letters(out: &mut Vec<u8>, bits: u64, digits: u64) {
    spell(out, bits, digits, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

fn token(out: &mut Vec<u8>, bits: u64, digits: u64) {
    out.extend_from_slice(b"IQoJb3JpZ2luX2Vj");
    spell(out, bits, digits, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

/// `digits` letters out of an alphabet of 16, 32 or 64.
fn spell(out: &mut Vec<u8>, bits: u64, digits: u64, alphabet: &[u8]) {
    let width = alphabet.len().trailing_zeros();
    let each = u64::from(64 / width);
    let mut rest = bits;
    for digit in 0..digits {
        if digit % each == 0 && digit > 0 {
            rest = mix(bits, digit);
        }
        out.push(alphabet[(rest as usize) & (alphabet.len() - 1)]);
        rest >>= width;
    }
}

/// A random (version 4) UUID.
pub(super) fn uuid(out: &mut Vec<u8>, bits: u64) {
    let mut digits = Vec::with_capacity(32);
    hex(&mut digits, bits, 32);
    digits[12] = b'4';
    digits[16] = b"89ab"[(bits >> 40) as usize & 3];
    for (from, to) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
        if from > 0 {
            out.push(b'-');
        }
        out.extend_from_slice(&digits[from..to]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let scene = Scene {
            account: "111122223333",
            env: "prod",
            region: "eu-west-1",
            place: 1,
            at: 9 * 86_400 + 15 * 3600 + 8 * 60 + 9,
            key: 42,
            session: 600,
            arn: "me",
            action: "do",
        };
        let check = |text: &str, want: &str| {
            assert_eq!(
                Template::parse(text).map(|template| template.text(&scene)),
                Ok(want.to_owned()),
                "{text}"
            );
        };
        check("", "");
        check("{\"a\":\"$account\"}", "{\"a\":\"111122223333\"}");
        check("$time|$date|$soon", "2026-01-14T15:08:09Z|Jan 14, 2026, 3:08:09 PM|Jan 14, 2026, 4:08:09 PM");
        check("$created", "2026-01-14T14:50:00Z");
        check("$ms", &format!("{}", 1_768_403_289_000_u64 + mix(42, Field::Millis as u64) % 1000));
        let twice = Template::parse("$instance $instance").expect("known fields").text(&scene);
        let (first, second) = twice.split_once(' ').expect("two fields");
        assert_eq!((first, first.len()), (second, 17));
        assert_eq!(Template::parse("$nosuch").err().as_deref(), Some("no such field: $nosuch"));
        let id = Template::parse("$eventid").expect("a known field").text(&scene);
        assert_eq!(id.parse::<uuid::Uuid>().map(|uuid| uuid.get_version_num()), Ok(4));
    }
}
