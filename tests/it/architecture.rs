//! The source tree in, broken invariants of ARCHITECTURE.md out.
use std::fs;
use std::path::{Path, PathBuf};

/// Modules that are pure: values in, values out.
const CORE: [&str; 21] = [
    "time",
    "series",
    "names",
    "words",
    "cloudtrail",
    "classify",
    "aggregate",
    "model",
    "baseline",
    "detect",
    "episode",
    "severity",
    "attribution",
    "explanation",
    "insight",
    "roll_up",
    "config",
    "mute",
    "finding",
    "incident",
    "report",
];

/// Modules that read and write.
const SHELL: [&str; 15] = [
    "s3", "source", "store", "state", "step", "folders", "emit", "summary", "metrics", "evaluate",
    "generate", "pipeline", "exit", "cli", "alert",
];

struct SourceFile {
    /// Relative to `src/`.
    name: String,
    text: String,
}

impl SourceFile {
    /// The code without its unit tests.
    fn code(&self) -> &str {
        if self.name.ends_with("tests.rs") {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    /// The first folder or file below `src/`.
    fn module(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }
}

fn sources() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path: PathBuf = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&path).expect("source is text");
                files.push(SourceFile { name, text });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(files.len() > 20, "the walk found the sources");
    files
}

/// Lists every file and line for which `broken` holds.
fn check(rule: &str, broken: impl Fn(&SourceFile, &str) -> bool) {
    let mut found = Vec::new();
    for file in sources() {
        for (number, line) in file.code().lines().enumerate() {
            if !line.trim_start().starts_with("//") && broken(&file, line) {
                found.push(format!("src/{}:{}: {}", file.name, number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn every_file_says_first_what_goes_in_and_what_comes_out() {
    for file in sources() {
        assert!(file.text.starts_with("//! "), "src/{} does not start with //!", file.name);
    }
}

#[test]
fn files_stay_below_500_lines_and_functions_below_60() {
    for file in sources() {
        let lines: Vec<&str> = file.code().lines().collect();
        assert!(lines.len() <= 500, "src/{} has {} lines without its tests", file.name, lines.len());
        let mut start = None;
        for (number, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let word = line.trim_start();
            let is_fn = ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "async fn ", "pub async fn "]
                .iter()
                .any(|prefix| word.starts_with(prefix));
            if is_fn && !line.ends_with(';') {
                start = Some((number, indent));
            }
            if let Some((first, at)) = start
                && indent == at
                && word == "}"
            {
                let length = number - first + 1;
                assert!(length <= 60, "src/{}:{} has a function of {length} lines", file.name, first + 1);
                start = None;
            }
        }
    }
}

#[test]
fn the_core_does_not_use_the_shell() {
    check("a core module uses a shell module", |file, line| {
        CORE.contains(&file.module()) && SHELL.iter().any(|shell| line.contains(&format!("crate::{shell}")))
    });
}

#[test]
fn the_core_reads_no_clock_disk_or_environment() {
    check("a core module reaches outside", |file, line| {
        CORE.contains(&file.module())
            && [
                "std::fs",
                "std::env",
                "std::net",
                "std::process",
                "SystemTime",
                "Instant",
                "Utc::now",
                "tokio",
                "polars",
            ]
            .iter()
            .any(|word| line.contains(word))
            && file.name != "exit.rs"
    });
}

#[test]
fn every_module_is_core_or_shell() {
    for file in sources() {
        let module = file.module();
        let known = CORE.contains(&module) || SHELL.contains(&module) || ["lib", "main"].contains(&module);
        assert!(known, "src/{} is in neither list of this test: is it pure?", file.name);
    }
}

#[test]
fn one_module_is_exempt_from_the_ban_on_unsafe() {
    check("unsafe code elsewhere", |file, line| {
        file.name != "source/libdeflate.rs" && (line.contains("unsafe") || line.contains("unsafe_code"))
    });
}

#[test]
fn only_the_store_names_polars() {
    check("polars outside store/", |file, line| file.module() != "store" && line.contains("polars"));
}

/// Files of the shell that decide what is told, to whom and in which words.
#[test]
fn payloads_and_routes_of_alerts_are_pure() {
    check("a payload or a route reaches outside", |file, line| {
        let is_pure = file.name.starts_with("alert/feed/")
            || ["alert/notice.rs", "alert/route.rs", "alert/outgoing.rs"].contains(&&*file.name);
        is_pure
            && [
                "std::fs",
                "std::env",
                "std::net",
                "SystemTime",
                "Instant",
                "Utc::now",
                "tokio",
                "reqwest",
                "rand",
            ]
            .iter()
            .any(|word| line.contains(word))
    });
}

#[test]
fn only_alerts_name_their_client() {
    check("reqwest outside alert/", |file, line| file.module() != "alert" && line.contains("reqwest"));
}

#[test]
fn tokio_lives_in_the_pipeline_s3_alerts_and_main() {
    check("tokio elsewhere", |file, line| {
        !["pipeline", "s3", "alert", "main"].contains(&file.module()) && line.contains("tokio::")
    });
}

#[test]
fn only_s3_names_its_client() {
    check("object_store outside s3/", |file, line| file.module() != "s3" && line.contains("object_store"));
}

#[test]
fn only_cloudtrail_names_the_fields_of_aws() {
    let fields = [
        "\"Records\"",
        "\"eventName\"",
        "\"eventSource\"",
        "\"eventTime\"",
        "\"eventID\"",
        "\"awsRegion\"",
        "\"userIdentity\"",
        "\"userAgent\"",
        "\"errorCode\"",
        "\"readOnly\"",
        "\"recipientAccountId\"",
        "\"insightDetails\"",
        "\"sharedEventID\"",
        "\"userIdentityArn\"",
        "\"managementEvent\"",
        "\"eventCategory\"",
    ];
    // The generator writes records; it is a stand-in for AWS.
    check("an AWS field outside cloudtrail/", |file, line| {
        !["cloudtrail", "generate"].contains(&file.module())
            && fields.iter().any(|field| line.contains(field))
    });
}
