//! The process that runs here -> a text that says who holds a state; such a text -> whether that process has died for certain.
#![expect(
    clippy::disallowed_methods,
    reason = "tells who holds the state, and whether that still runs; no result depends on it"
)]
use std::fs;
use std::io;

use chrono::{DateTime, SecondsFormat, Utc};

/// Says who holds a state: a line for people, and one by which a process of this machine can be found again. No other run
/// writes the same.
pub(super) fn text() -> String {
    let now =
        DateTime::<Utc>::from(std::time::SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true);
    let host =
        fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "an unknown host".to_owned());
    let id = std::process::id();
    let found = machine().zip(started(id).ok().flatten());
    let found = found.map(|(machine, started)| format!("\n{machine} {id} {started}"));
    format!("process {id} on {} since {now}{}", host.trim(), found.unwrap_or_default())
}

/// The line for people.
pub(super) fn shown(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

/// Whether the process of a text ran on this machine, since it was started last, and does no more.
pub(super) fn has_died(text: &str) -> bool {
    let mut words = text.lines().nth(1).unwrap_or_default().split(' ');
    let mut next = || words.next().unwrap_or_default();
    let of = format!("{} {}", next(), next());
    let (id, then) = (next().parse(), next().parse::<u64>());
    let (Some(machine), Ok(id), Ok(then)) = (machine(), id, then) else { return false };
    // Ids are given again, but not to a process that was started at the same moment.
    of == machine
        && started(id).is_ok_and(|now| now.is_some_and(|now| now != then) || (now.is_none() && sees_all()))
}

/// Whether all processes of this machine can be seen. Where those of others are hidden (`hidepid`, systemd's `ProtectProc`), one
/// that runs looks as if it had ended.
fn sees_all() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    shows_all(&mounts) && started(1).is_ok_and(|first| first.is_some())
}

/// The same by a table of what is mounted: the last file system on `/proc` hides nothing.
fn shows_all(mounts: &str) -> bool {
    let of_processes = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some("/proc"));
    let options = of_processes.and_then(|line| line.rsplit_once(" - proc ")?.1.rsplit(' ').next());
    options.is_some_and(|options| {
        options
            .split(',')
            .all(|option| option.strip_prefix("hidepid=").is_none_or(|value| matches!(value, "0" | "off")))
    })
}

/// What no other machine has, nor this one when it is started again, nor a container in which processes have other ids.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let ids = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), ids.to_str()?)).filter(|machine| machine.split(' ').count() == 2)
}

/// When a process began, in ticks since the machine did; `None` where it has ended.
fn started(id: u32) -> io::Result<Option<u64>> {
    let stat = match fs::read_to_string(format!("/proc/{id}/stat")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        stat => stat?,
    };
    // The second field is a name in brackets that can hold anything.
    let mut fields =
        stat.rsplit_once(") ").map(|(_, fields)| fields.split(' ')).ok_or(io::ErrorKind::InvalidData)?;
    let state = fields.next().unwrap_or_default();
    let started = fields.nth(18).and_then(|field| field.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    // One that has ended may wait for whoever started it to ask how.
    Ok(Some(started).filter(|_| !matches!(state, "Z" | "X")))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn where_processes_are_hidden_nobody_is_dead() {
        let root = "21 1 254:1 / / rw,relatime - ext4 /dev/root rw";
        let with =
            |options: &str| format!("{root}\n24 21 0:22 / /proc rw,nosuid shared:12 - proc proc {options}\n");
        for (mounts, all) in [
            (with("rw"), true),
            (with("rw,hidepid=off"), true),
            (with("rw,hidepid=0,gid=4"), true),
            (with("rw,hidepid=invisible"), false),
            (with("rw,gid=4,hidepid=2"), false),
            (with("rw,hidepid=ptraceable"), false),
            // Over the one that hides nothing.
            (with("rw") + &with("rw,hidepid=noaccess"), false),
            (with("rw").replace(" - proc ", " - tmpfs "), false),
            (root.to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(shows_all(&mounts), all, "{mounts}");
        }
    }

    #[test]
    fn only_what_ran_here_and_has_ended_is_dead() {
        let ours = text();
        assert_eq!(ours.lines().count(), 2, "{ours}");
        assert!(shown(&ours).starts_with(&format!("process {} on ", std::process::id())), "{ours}");
        assert!(!has_died(&ours), "{ours}");
        let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("sleep starts");
        let (machine, began) = (machine().expect("Linux"), started(child.id()).expect("readable"));
        let of = |machine: &str, id: u32, began: u64| format!("a line\n{machine} {id} {began}\n");
        let began = began.expect("it runs");
        let line = of(&machine, child.id(), began);
        assert!(!has_died(&line));
        child.kill().expect("it is ours");
        // Also before anybody has asked for its status.
        while started(child.id()).expect("readable").is_some() {
            std::thread::yield_now();
        }
        assert!(has_died(&line));
        child.wait().expect("it has ended");
        assert!(has_died(&line));
        // Its id is somebody else's now.
        let other = std::process::id();
        assert!(has_died(&of(&machine, other, began + 1_000_000)));
        for elsewhere in [
            of(&machine.replacen(|letter: char| letter.is_ascii_digit(), "x", 1), child.id(), began),
            of(&machine.replace("pid:[", "pid:[1"), child.id(), began),
            "process 4711 on elsewhere since noon\n".to_owned(),
            String::new(),
        ] {
            assert!(!has_died(&elsewhere), "{elsewhere}");
        }
    }
}
