//! A file's path or an object's key <-> what its name says: kind, account, region, delivery minute. Pure.
use std::fmt;

use crate::time::Minute;

/// What a file of a trail's bucket holds, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Management and data events: what is counted.
    CloudTrail,
    /// Insights events, AWS's or ours.
    Insight,
    /// Digests, which prove that log files are complete and unchanged.
    Digest,
    /// Network activity events of VPC endpoints.
    NetworkActivity,
    /// Aggregated events: summaries of others.
    Aggregated,
    /// The log of another AWS service that is delivered to the same bucket.
    OtherService,
    /// The name does not say.
    Unknown,
}

impl FileKind {
    /// The kind as it stands in `summary.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloudTrail => "cloudtrail",
            Self::Insight => "insight",
            Self::Digest => "digest",
            Self::NetworkActivity => "network_activity",
            Self::Aggregated => "aggregated",
            Self::OtherService => "other_service",
            Self::Unknown => "unknown",
        }
    }

    /// What AWS writes into folder and file names.
    fn of_word(word: &str) -> Option<Self> {
        let words = [
            ("CloudTrail", Self::CloudTrail),
            ("CloudTrail-Insight", Self::Insight),
            ("CloudTrail-Digest", Self::Digest),
            ("CloudTrail-NetworkActivity", Self::NetworkActivity),
            ("CloudTrail-Aggregated", Self::Aggregated),
        ];
        // Copying tools change the case of names; a log must not get lost for that.
        words.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, kind)| kind)
    }
}

/// What a path or key says; `None` and [`FileKind::Unknown`] where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey {
    /// What the file holds.
    pub kind: FileKind,
    /// Whether the file's own name, not only its folder, is one that AWS gives.
    pub named_by_aws: bool,
    /// `o-…`, of the folder around the account's.
    pub organization: Option<String>,
    /// 12 digits.
    pub account: Option<String>,
    /// Such as `us-gov-west-1`.
    pub region: Option<String>,
    /// When the file was delivered (UTC). Its records may be much older.
    pub delivered: Option<Minute>,
}

impl ObjectKey {
    /// Reads a path (with `/` or `\`) or key. The file's name is believed first, then its folders: both prefixes and
    /// organization levels may be there or not, and a region's folder may differ from the file's.
    #[must_use]
    pub fn parse(path_or_key: &str) -> Self {
        let mut parts = path_or_key.rsplit(['/', '\\']);
        let name = FileName::parse(parts.next().unwrap_or_default());
        let folders = Folders::parse(parts);
        let named_by_aws = name.as_ref().is_some_and(|name| name.kind != FileKind::OtherService);
        let name = name.unwrap_or_default();
        let kind = if name.kind == FileKind::Unknown { folders.kind } else { name.kind };
        Self {
            kind,
            named_by_aws,
            organization: folders.organization.map(str::to_owned),
            account: name.account.or(folders.account).map(str::to_owned),
            region: name.region.or(folders.region).map(str::to_owned),
            delivered: name.delivered,
        }
    }
}

/// What a file's own name says.
#[derive(Debug, Clone, Copy)]
struct FileName<'a> {
    kind: FileKind,
    account: Option<&'a str>,
    region: Option<&'a str>,
    delivered: Option<Minute>,
}

impl Default for FileName<'_> {
    fn default() -> Self {
        Self { kind: FileKind::Unknown, account: None, region: None, delivered: None }
    }
}

impl<'a> FileName<'a> {
    /// `ACCOUNT_KIND_REGION_…`, as AWS names its deliveries; `None` for all other names.
    fn parse(name: &'a str) -> Option<Self> {
        let (account, rest) = name.split_once('_').filter(|(account, _)| is_account(account))?;
        let (word, rest) = rest.split_once('_')?;
        let account = Some(account);
        let Some(kind) = FileKind::of_word(word) else {
            // Config, flow logs and load balancers follow the same pattern.
            return split_region(rest).map(|_| Self {
                kind: FileKind::OtherService,
                account,
                ..Self::default()
            });
        };
        let (region, rest) = split_region(rest).map_or((None, rest), |(region, rest)| (Some(region), rest));
        Some(Self { kind, account, region, delivered: delivery(rest) })
    }
}

/// What the folders say.
#[derive(Debug, Clone, Copy)]
struct Folders<'a> {
    kind: FileKind,
    organization: Option<&'a str>,
    account: Option<&'a str>,
    region: Option<&'a str>,
}

impl<'a> Folders<'a> {
    /// Reads the folders from the innermost to the outermost. A folder says something only in its place, since what lies
    /// around a copy of a bucket can have any name: a kind stands between an account and a region, an account below
    /// `AWSLogs`, an organization or around a kind.
    fn parse(folders: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self { kind: FileKind::Unknown, organization: None, account: None, region: None };
        let mut folders = folders.peekable();
        let mut inner: Option<&str> = None;
        while let Some(folder) = folders.next() {
            let outer = folders.peek().copied();
            let kind = FileKind::of_word(folder);
            let region = inner.filter(|region| is_region(region));
            let is_kind = region.is_some() || outer.is_some_and(is_account);
            if let (FileKind::Unknown, Some(kind), true) = (found.kind, kind, is_kind) {
                (found.kind, found.region) = (kind, region);
            }
            let is_in_place = inner.and_then(FileKind::of_word).is_some()
                || outer.is_some_and(|outer| outer == "AWSLogs" || is_organization(outer));
            if found.account.is_none() && is_account(folder) && is_in_place {
                found.account = Some(folder);
                found.organization = outer.filter(|outer| is_organization(outer));
            }
            inner = Some(folder);
        }
        found
    }
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// As AWS Organizations gives them.
pub(super) fn is_organization(text: &str) -> bool {
    let letters = text.strip_prefix("o-").unwrap_or_default().as_bytes();
    (10..=32).contains(&letters.len())
        && letters.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// `eu-west-1`, `us-gov-east-1`, `cn-north-1`, `us-isob-east-1`.
pub(super) fn is_region(text: &str) -> bool {
    split_region(text).is_some_and(|(_, rest)| rest.is_empty())
}

/// Splits a region off the start: words joined by `-`, the last one a number, then the end, `_` or `-`.
fn split_region(text: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for (words, word) in text.split('-').enumerate() {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        if words >= 2 && (1..=2).contains(&digits) {
            let (region, rest) = text.split_at_checked(end + digits)?;
            return match rest.as_bytes().first() {
                None => Some((region, rest)),
                Some(b'_' | b'-') => rest.get(1..).map(|rest| (region, rest)),
                Some(_) => None,
            };
        }
        if !is_word || words > 3 {
            return None;
        }
        end += word.len() + 1;
    }
    None
}

/// The delivery time: the first `_`-separated piece that begins as `YYYYMMDDTHHmm`, with or without seconds, `Z` and
/// the underscore that should follow.
fn delivery(rest: &str) -> Option<Minute> {
    rest.split('_').find_map(|piece| {
        let (date, time) = piece.split_once('T')?;
        let time = time.get(..4)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if date.len() != 8 || !digits(date) || !digits(time) {
            return None;
        }
        let part = |text: &'_ str, from, to| text.get(from..to).map(str::to_owned);
        let (year, month, day) = (part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?);
        let (hour, minute) = (part(time, 0, 2)?, part(time, 2, 4)?);
        Minute::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:00Z"))
    })
}

/// The key of a file of Insights events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsightKey<'a> {
    /// 12 digits.
    pub account: &'a str,
    /// `o-…`, where the trail belongs to an organization.
    pub organization: Option<&'a str>,
    /// Region of the analysed calls.
    pub region: &'a str,
    /// When it is delivered.
    pub minute: Minute,
    /// 16 characters of `[A-Za-z0-9]`; must sort in order of writing, since pollers resume after the last key.
    pub unique: &'a str,
}

impl fmt::Display for InsightKey<'_> {
    /// `AWSLogs/[o-…/]ACCOUNT/CloudTrail-Insight/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail-Insight_REGION_TIME_UNIQUE.json.gz`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, organization, region, minute, unique } = self;
        out.write_str("AWSLogs/")?;
        if let Some(organization) = organization {
            write!(out, "{organization}/")?;
        }
        let date = minute.day().date().format("%Y/%m/%d");
        write!(out, "{account}/CloudTrail-Insight/{region}/{date}/")?;
        write!(out, "{account}_CloudTrail-Insight_{region}_{}_{unique}.json.gz", minute.compact())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Checks what a path says, as `kind account region delivery`, `-` where it says nothing.
    fn check(path: &str, want: &str) {
        let ObjectKey { kind, named_by_aws, account, region, delivered, .. } = ObjectKey::parse(path);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let delivered = text(delivered.map(Minute::compact));
        let by = if named_by_aws { "" } else { "?" };
        assert_eq!(
            format!("{}{by} {} {} {delivered}", kind.name(), text(account), text(region)),
            want,
            "{path}"
        );
    }

    #[test]
    fn layouts() {
        let name = "111122223333_CloudTrail_eu-west-1_20260105T0010Z_LnPgDQnpkSKEsppV.json.gz";
        let want = "cloudtrail 111122223333 eu-west-1 20260105T0010Z";
        for folder in [
            "",
            "./",
            "/home/x/",
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/05/",
            "a/b/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/05/",
            "AWSLogs/o-exampleorg/111122223333/CloudTrail/eu-west-1/2026/01/05/",
            "o-exampleorg/AWSLogs/o-exampleorg/111122223333/CloudTrail/eu-west-1/2026/01/05/",
            r"C:\logs\AWSLogs\111122223333\CloudTrail\",
            "AWSLogs/999999999999/CloudTrail-Digest/us-east-1/",
        ] {
            check(&format!("{folder}{name}"), want);
        }
        check("1_CloudTrail_eu-west-1_x.json", "unknown? - - -");
        check(
            "AWSLogs/111122223333/CloudTrail/ap-south-1/2026/01/05/part-0.json.gz",
            "cloudtrail? 111122223333 ap-south-1 -",
        );
        check("111122223333/CloudTrail/x.gz", "cloudtrail? 111122223333 - -");
        check("logs/x.json", "unknown? - - -");
        check("", "unknown? - - -");
    }

    #[test]
    fn odd_names() {
        let at = "20260105T0010Z";
        check(
            "111122223333_CloudTrail_us-west-2_20131213T1920ZLnPgDQnpkSKEsppV.json.gz",
            "cloudtrail 111122223333 us-west-2 20131213T1920Z",
        );
        check(
            "811596193553_CloudTrail_us-east-1-20200930T2300.json",
            "cloudtrail 811596193553 us-east-1 20200930T2300Z",
        );
        for region in [
            "us-gov-west-1",
            "us-gov-east-1",
            "cn-north-1",
            "cn-northwest-1",
            "us-isob-east-1",
            "ap-southeast-12",
        ] {
            let want = format!("cloudtrail 111122223333 {region} {at}");
            check(&format!("111122223333_CloudTrail_{region}_{at}_AbCdEfGhIjKlMnOp.json.gz"), &want);
        }
        check(
            "111122223333_CloudTrail_nowhere_20260105T0010Z_x.json.gz",
            &format!("cloudtrail 111122223333 - {at}"),
        );
        check(
            "111122223333_CloudTrail_eu-west-1_20269905T0010Z_x.json.gz",
            "cloudtrail 111122223333 eu-west-1 -",
        );
        check(
            "111122223333_CloudTrail_eu-west-1_2026010éT0010Z_x.json.gz",
            "cloudtrail 111122223333 eu-west-1 -",
        );
        check("11112222333é_CloudTrail_eu-west-1_x", "unknown? - - -");
    }

    #[test]
    fn kinds() {
        let name = |kind: &str| {
            format!(
                "AWSLogs/111122223333/CloudTrail/eu-west-1/111122223333_{kind}_eu-west-1_20260105T0010Z_x.json.gz"
            )
        };
        for (word, kind) in [
            ("CloudTrail-Insight", "insight"),
            ("CloudTrail-NetworkActivity", "network_activity"),
            ("CloudTrail-Aggregated", "aggregated"),
        ] {
            check(&name(word), &format!("{kind} 111122223333 eu-west-1 20260105T0010Z"));
            check(
                &format!("AWSLogs/111122223333/{word}/eu-west-1/x"),
                &format!("{kind}? 111122223333 eu-west-1 -"),
            );
        }
        let digest =
            "123456789012_CloudTrail-Digest_us-east-2_my-trail_us-west-2_20150816T020000Z_backfill.json.gz";
        check(digest, "digest 123456789012 us-east-2 20150816T0200Z");
        check(
            "111122223333_Config_us-east-1_ConfigHistory_AWS__20260105T001000Z_1.json.gz",
            "other_service? 111122223333 - -",
        );
        check(
            "111122223333_vpcflowlogs_us-east-1_fl-1_20260105T0010Z_ab.log.gz",
            "other_service? 111122223333 - -",
        );
    }

    proptest! {
        #[test]
        fn insight_keys_are_read_back(
            account in "[0-9]{12}", organization in prop::option::of("o-[a-z0-9]{10}"), epoch in 22_616_640_i32..68_374_080,
            region in "[a-z]{2}(-gov)?-[a-z]{4,9}-[1-9]", unique in "[A-Za-z0-9]{16}", prefix in "([a-z]{1,5}/){0,2}",
        ) {
            let minute = Minute::from_epoch(epoch);
            let key = InsightKey { account: &account, organization: organization.as_deref(), region: &region, minute, unique: &unique };
            let read = ObjectKey::parse(&format!("{prefix}{key}"));
            prop_assert_eq!(read.organization, organization);
            prop_assert_eq!(read.kind, FileKind::Insight);
            prop_assert!(read.named_by_aws);
            prop_assert_eq!((read.account, read.region, read.delivered), (Some(account), Some(region), Some(minute)));
        }

        #[test]
        fn no_name_breaks_it(name in "\\PC{0,80}|[0-9]{12}_CloudTrail_[-a-z0-9_TZé]{0,40}") {
            let key = ObjectKey::parse(&name);
            prop_assert!(key.account.is_none_or(|account| is_account(&account)));
            prop_assert!(key.region.is_none_or(|region| is_region(&region)));
        }
    }

    #[test]
    fn folders_say_something_in_their_place_only() {
        for (path, want) in [
            ("/backup/202601051200/x.json", "unknown? - - -"),
            (
                "/backup/202601051200/AWSLogs/111122223333/Config/eu-west-1/x.json",
                "unknown? 111122223333 - -",
            ),
            ("111122223333/CloudTrail/x.json", "cloudtrail? 111122223333 - -"),
            ("CloudTrail-Digest/us-east-1/x.json", "digest? - us-east-1 -"),
            ("o-exampleorg/111122223333/x.json", "unknown? 111122223333 - -"),
            ("my/CloudTrail-Digest/copies/x.json", "unknown? - - -"),
            ("my/CloudTrail-Insight/AWSLogs/111122223333/CloudTrail/x.json", "cloudtrail? 111122223333 - -"),
        ] {
            check(path, want);
        }
    }

    #[test]
    fn an_organization_stands_around_its_account() {
        for (path, want) in [
            ("AWSLogs/o-exampleorg/111122223333/CloudTrail/eu-west-1/x.json", Some("o-exampleorg")),
            ("o-otherprefix/AWSLogs/o-exampleorg/111122223333/CloudTrail/x.json", Some("o-exampleorg")),
            ("o-otherprefix/AWSLogs/111122223333/CloudTrail/x.json", None),
            ("AWSLogs/o-short/111122223333/CloudTrail/x.json", None),
            ("111122223333/o-exampleorg/x.json", None),
            ("AWSLogs/o-Exampleorg1/111122223333/CloudTrail/x.json", None),
            ("111122223333_CloudTrail_eu-west-1_20260105T0010Z_LnPgDQnpkSKEsppV.json.gz", None),
        ] {
            assert_eq!(ObjectKey::parse(path).organization.as_deref(), want, "{path}");
        }
    }

    #[test]
    fn insight_key_is_as_aws_writes_it() {
        let minute = Minute::parse("2024-12-11T17:16:00Z").expect("a time");
        let key = InsightKey {
            account: "123456789012",
            organization: Some("o-exampleorg"),
            region: "us-east-1",
            minute,
            unique: "AbCdEfGhIjKlMnOp",
        };
        assert_eq!(
            key.to_string(),
            "AWSLogs/o-exampleorg/123456789012/CloudTrail-Insight/us-east-1/2024/12/11/123456789012_CloudTrail-Insight_us-east-1_20241211T1716Z_AbCdEfGhIjKlMnOp.json.gz"
        );
    }
}
