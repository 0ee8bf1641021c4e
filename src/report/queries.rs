//! A series and its minutes -> the commands that fetch its calls. Pure. Names are hostile: nothing of them is ever run.
use std::fmt::Write as _;

use super::model::{Queries, Series};
use crate::roll_up::{ACCOUNTS, ALL};
use crate::series::Category;
use crate::time::Minute;

/// The table of AWS's documentation.
const TABLE: &str = "cloudtrail_logs";

/// The commands for the calls of `series` from `from` up to `to`, and a minute on either side.
#[must_use]
pub fn queries(series: &Series, (from, to): (Minute, Minute)) -> Queries {
    let (from, to) = (from.plus(-1).to_string(), to.plus(1).to_string());
    let one_api =
        series.name != ALL && series.region != ALL && series.roll_up.as_deref() != Some("principal");
    let lookup_events = (one_api && series.category == Category::Management.name()).then(|| {
        format!(
            "aws cloudtrail lookup-events --region {} --lookup-attributes {} --start-time {from} --end-time {to}",
            shell(&series.region),
            attribute(&series.name)
        )
    });
    Queries { lookup_events, athena: athena(series, &from, &to) }
}

/// Short where nothing needs quoting; else as JSON, which the command takes as well, in ASCII.
fn attribute(name: &str) -> String {
    if is_plain(name) {
        return format!("AttributeKey=EventName,AttributeValue={name}");
    }
    let mut json = String::from(r#"[{"AttributeKey":"EventName","AttributeValue":""#);
    for unit in name.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(char) if is_quiet(char) && !matches!(char, '"' | '\\') => json.push(char),
            _ => write!(json, "\\u{unit:04x}").expect("memory can be written to"),
        }
    }
    json.push_str(r#""}]"#);
    shell(&json)
}

/// A word of a POSIX shell.
fn shell(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let visible: String =
        text.chars().map(|char| if is_quiet(char) { char } else { char::REPLACEMENT_CHARACTER }).collect();
    format!("'{}'", visible.replace('\'', r"'\''"))
}

fn is_plain(text: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
    !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
}

const fn is_quiet(char: char) -> bool {
    char.is_ascii_graphic() || char == ' '
}

fn athena(series: &Series, from: &str, to: &str) -> String {
    let mut conditions = Vec::new();
    let mut is = |column: &str, value: &str| conditions.push(format!("{column} = {}", literal(value)));
    if series.roll_up.as_deref() == Some("principal") {
        conditions.push(principal(&series.account));
    } else {
        for (column, value) in [
            ("recipientaccountid", &series.account),
            ("awsregion", &series.region),
            ("eventsource", &series.source),
            ("eventname", &series.name),
        ] {
            if value != ALL {
                is(column, value);
            }
        }
    }
    match &series.error_code {
        Some(code) => conditions.push(format!("errorcode = {}", literal(code))),
        // Accounts are reached by reads, too.
        None if series.category == Category::Management.name() && series.name != ACCOUNTS => {
            conditions.push("readonly = 'false'".to_owned());
        }
        None => {}
    }
    conditions.push(format!("eventtime BETWEEN '{from}' AND '{to}'"));
    format!(
        "SELECT eventtime, eventid, useridentity.arn, useragent, sourceipaddress, errorcode, errormessage\nFROM {TABLE}\n\
         WHERE {}\nORDER BY eventtime",
        conditions.join("\n  AND ")
    )
}

/// Those whose short identity, as [`crate::words::short_identity`] makes it, is this one: in whatever account, with whatever
/// session, below whatever path.
fn principal(short: &str) -> String {
    let like = |pattern: &str| format!("useridentity.arn LIKE {} ESCAPE '\\'", literal(pattern));
    let name = |text: &str| text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    let mut any = vec![format!("useridentity.arn = {}", literal(short))];
    if let Some((kind, last)) = short.split_once('/').map(|(kind, last)| (name(kind), name(last))) {
        if kind == "role" {
            any.push(like(&format!("arn:%:assumed-role/{last}/%")));
        }
        any.push(like(&format!("arn:%:{kind}/{last}")));
        any.push(like(&format!("arn:%:{kind}/%/{last}")));
    } else {
        // Of calls without an ARN, the service that called, or the type of the identity.
        any.push(like(&format!("arn:%:{}", name(short))));
        any.extend(["invokedby", "type"].map(|of| format!("useridentity.{of} = {}", literal(short))));
    }
    format!("({})", any.join(" OR "))
}

/// A text of SQL, in ASCII: what is not is escaped as Athena has it.
fn literal(text: &str) -> String {
    if text.chars().all(is_quiet) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut literal = String::from("U&'");
    for char in text.chars() {
        match char {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str(r"\\"),
            char if is_quiet(char) => literal.push(char),
            char => write!(literal, "\\+{:06x}", u32::from(char)).expect("memory can be written to"),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::principal;
    use crate::words::short_identity;

    #[test]
    fn a_principal_is_found_in_every_account_and_session() {
        let check = |arn: &str, want: &str| {
            let condition = principal(&short_identity(arn));
            assert!(condition.contains(want), "{condition}");
        };
        let role = "arn:aws:sts::111122223333:assumed-role/ci_1%'x/i-0abc";
        check(role, r"useridentity.arn LIKE 'arn:%:assumed-role/ci\_1\%''x/%' ESCAPE '\'");
        check("arn:aws:iam::111122223333:role/path/ci", r"LIKE 'arn:%:role/%/ci' ESCAPE '\'");
        check("arn:aws:iam::111122223333:user/Alice", r"LIKE 'arn:%:user/Alice' ESCAPE '\'");
        check("arn:aws:iam::111122223333:root", r"LIKE 'arn:%:root' ESCAPE '\'");
        check("s3.amazonaws.com", "useridentity.invokedby = 's3.amazonaws.com'");
    }
}
