//! Buckets that cannot be used -> exit status 2 and what to do, before anything is read.
use crate::command::tells_of_the_run;
use crate::s3::proxy::Fault;
use crate::s3::server::{ACCESS_KEY, Served, free_port};
use crate::s3::shelf::Shelf;

/// Arguments, changes of the environment, and what is said.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn what_cannot_be_used_is_said_at_once_with_what_to_do() {
    let Some(served) = Served::new() else { return };
    served.put("logs/x.json", br#"{"Records":[]}"#);
    served.scenario.write("trailpulse.toml", "[s3]\nretries = 1\ntimeout = 2\n");
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let key = ("AWS_SECRET_ACCESS_KEY", "wrong");
    let cases: [Case<'_>; 12] = [
        (&["scan", "s3://"], &[], "name a bucket: s3://bucket/prefix"),
        (
            &["scan", "s3://logs"],
            &[("AWS_ENDPOINT_URL", "127.0.0.1:9")],
            "AWS_ENDPOINT_URL must be a URL, https://… or http://…, got \"127.0.0.1:9\"",
        ),
        (&["scan", "s3://logs"], &[key], "cannot list s3://logs: "),
        (&["scan", "s3://nowhere"], &[], "cannot list s3://nowhere: there is no such bucket"),
        (&["scan", "s3://logs/nothing"], &[], "no CloudTrail log file in s3://logs/nothing"),
        (
            &["scan", "s3://logs/nothing.json"],
            &[],
            "cannot read s3://logs/nothing.json: there is no such object",
        ),
        (&["scan", "s3://logs/counts.parquet"], &[], "counts tables are read from a disk"),
        (&["scan", "s3://logs", "."], &[], "cannot read folders and buckets in one run"),
        (&["scan", "s3://logs"], &[("AWS_ENDPOINT_URL", &nowhere)], "cannot list s3://logs: cannot connect"),
        (
            &["counts", "s3://logs", "--out", "s3://results/c.csv"],
            &[],
            "only what scan publishes goes to a bucket",
        ),
        (
            &["scan", "s3://logs", "--metrics", "s3://results/m"],
            &[],
            "only what scan publishes goes to a bucket",
        ),
        (&["scan", "s3://logs"], &[("AWS_PROFILE", "nobody")], "there is no profile nobody"),
    ];
    for (arguments, environment, want) in cases {
        let mut command = served.command(arguments);
        let ended = crate::command::Ended::new(
            command.envs(environment.iter().copied()).output().expect("it starts"),
        );
        assert_eq!(ended.status, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(want), "{arguments:?}: {}", ended.stderr);
        assert!(!served.scenario.path("trailpulse-out").exists(), "{arguments:?} published something");
        assert!(!served.scenario.path("s3:").exists(), "{arguments:?} made a folder of that name");
    }
    // What the server says, and the permission that is missing.
    served.proxy.plan(|what, _| if what.starts_with("PUT") { Fault::Status(403) } else { Fault::None });
    let ended = served.ends(2, &["scan", "s3://logs", "--out", "s3://results/x"]);
    let want = "cannot write s3://results/x/.trailpulse-probe: access denied: allow s3:PutObject";
    assert!(ended.stderr.contains(want), "{}", ended.stderr);
    assert!(served.proxy.seen().iter().all(|what| !what.starts_with("GET")), "nothing was read before");
    for (status, want) in
        [(403, "access denied: allow s3:ListBucket there"), (301, "in another region: set AWS_REGION")]
    {
        served
            .proxy
            .plan(move |what, _| if what.starts_with("GET") { Fault::Status(status) } else { Fault::None });
        let ended = served.ends(2, &["scan", "s3://logs"]);
        assert!(ended.stderr.contains(want), "{}", ended.stderr);
    }
}

#[test]
fn check_reaches_everything_and_names_all_that_is_wrong() {
    let Some(served) = Served::new() else { return };
    served.put("logs/x.json", br#"{"Records":[]}"#);
    let settings = "[scan]\nout = \"s3://results/out\"\nstate = \"state\"\n[s3]\nretries = 1\n\
                    tags = { team = \"security\" }\nsse = \"AES256\"\n";
    served.scenario.write("trailpulse.toml", settings);
    let checked = served.ends(0, &["check", "s3://logs", "s3://logs/x.json"]).stdout;
    for line in [
        "  s3.sse = AES256",
        "  s3.tags = team=security",
        "  can read s3://logs\n",
        "  can read s3://logs/x.json",
        "  can write to s3://results/out",
        "  can use the state state",
    ] {
        assert!(checked.contains(line), "{line}: {checked}");
    }
    assert!(!served.scenario.path("state").exists(), "a check leaves nothing behind");
    assert!(served.objects("results").is_empty());
    served.proxy.plan(|what, _| if what.starts_with("PUT") { Fault::Status(403) } else { Fault::None });
    let wrong =
        served.ends(2, &["check", "s3://nowhere", "s3://logs/gone.json", "gone", "--out", "s3://results"]);
    let lines: Vec<&str> = wrong.stderr.lines().collect();
    let wants = [
        "error: cannot read folders and buckets in one run",
        "error: cannot list s3://nowhere: there is no such bucket",
        "error: cannot read s3://logs/gone.json: there is no such object",
        "error: cannot open gone; ",
        "error: cannot write s3://results/.trailpulse-probe: access denied",
    ];
    assert_eq!(lines.len(), wants.len(), "{lines:#?}");
    for (line, want) in lines.iter().zip(wants) {
        assert!(line.starts_with(want), "{line}");
    }
    // What makes no sense in the file.
    served.scenario.write(
        "trailpulse.toml",
        "[s3]\nendpoint = \"ftp://x\"\nsse = \"ROT13\"\nbucket_key = true\ntags = { a = 1 }\nretries = 99\nregoin = \"x\"\n",
    );
    let wrong = served.ends(2, &["check"]).stderr;
    for want in [
        "s3.endpoint must be a URL",
        "s3.sse must be",
        "s3 has kms_key_id or bucket_key",
        "s3.tags.a must be a text",
        "s3.retries must be a whole number from 0 to 20",
        "unknown key regoin in [s3]",
    ] {
        assert!(wrong.contains(want), "{want}: {wrong}");
    }
}

#[test]
fn credentials_come_from_profiles_and_commands_too() {
    let Some(served) = Served::new() else { return };
    served.put("logs/x.json", br#"{"Records":[]}"#);
    let secret = crate::s3::server::SECRET_KEY;
    let printed = format!(
        r#"{{"Version":1,"AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{secret}","Expiration":"2099-01-01T00:00:00Z"}}"#
    );
    let script = format!("#!/bin/sh\necho \"$@\" >&2\necho '{printed}'\n");
    let aws = served.scenario.write("bin/aws", script);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).expect("its own file");
    }
    served.scenario.write(
        "home/.aws/credentials",
        format!("[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {secret}\n"),
    );
    served.scenario.write(
        "home/.aws/config",
        format!(
            "[profile sso]\nsso_session = corp\n[profile made]\ncredential_process = '{}' from-process\n",
            aws.display()
        ),
    );
    let check = |profile: Option<&str>| {
        let mut command = served.command(&["check", "s3://logs"]);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        let path = format!("{}:/usr/bin:/bin", served.scenario.path("bin").display());
        command.env("PATH", path);
        if let Some(profile) = profile {
            command.env("AWS_PROFILE", profile);
        }
        crate::command::Ended::new(command.output().expect("it starts"))
    };
    for (profile, ran) in [
        (None, ""),
        (Some("sso"), "configure export-credentials --format process --profile sso"),
        (Some("made"), "from-process"),
    ] {
        let ended = check(profile);
        assert_eq!(ended.status, 0, "{profile:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(ran), "{profile:?}: {}", ended.stderr);
    }
    // The setting, and what goes over it.
    served.scenario.write("trailpulse.toml", "[s3]\nprofile = \"nobody\"\n");
    assert!(check(None).stderr.contains("there is no profile nobody"));
    assert_eq!(check(Some("default")).status, 0);
    // Unsigned, which this server refuses.
    served.scenario.write("trailpulse.toml", "[s3]\nanonymous = true\nretries = 0\n");
    let ended = check(None);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("allow s3:ListBucket"), "{}", ended.stderr);
}

#[test]
fn the_environment_goes_over_what_the_configuration_says_of_buckets() {
    let Some(served) = Served::new() else { return };
    served.put("logs/x.json", br#"{"Records":[]}"#);
    let (unsigned, by_path) = ("AWS_SKIP_SIGNATURE", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST");
    // The server wants signatures, and has no names for its buckets.
    for (setting, value, status) in [
        ("anonymous = true", None, 2),
        ("anonymous = true", Some((unsigned, "false")), 0),
        ("anonymous = true", Some((unsigned, "0")), 0),
        ("anonymous = true", Some((unsigned, "")), 2),
        ("anonymous = false", Some((unsigned, "1")), 2),
        ("anonymous = false", Some((unsigned, "perhaps")), 2),
        ("path_style = false", None, 2),
        ("path_style = false", Some((by_path, "false")), 0),
        ("path_style = true", Some((by_path, "True")), 2),
    ] {
        served.scenario.write("trailpulse.toml", format!("[s3]\n{setting}\nretries = 0\ntimeout = 5\n"));
        let mut command = served.command(&["check", "s3://logs"]);
        let ended = crate::command::Ended::new(command.envs(value).output().expect("it starts"));
        assert_eq!(ended.status, status, "{setting} {value:?}: {}", ended.stderr);
    }
}

#[test]
fn credentials_come_from_the_container_too() {
    let Some(served) = Served::new() else { return };
    served.put("logs/x.json", br#"{"Records":[]}"#);
    let container = Shelf::serve();
    let secret = crate::s3::server::SECRET_KEY;
    container.put(
        "credentials",
        format!(
            r#"{{"AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{secret}","Token":"t","Expiration":"2099-01-01T00:00:00Z"}}"#
        )
        .as_bytes(),
    );
    let token = served.scenario.write("token", "a token");
    let mut command = served.command(&["check", "s3://logs"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url("credentials"))
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
    let ended = crate::command::Ended::new(command.output().expect("it starts"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(container.seen(), ["/trail/credentials"]);
}

#[test]
fn two_runs_that_write_the_same_lines_do_not_lose_any() {
    let Some(served) = Served::new() else { return };
    served.deliver_all();
    let night = ["-q", "scan", "s3://logs", "--state", "state", "--out", "s3://results"];
    // Somebody else is always a moment faster.
    served.proxy.plan(|what, _| {
        let is_write = what.starts_with("PUT") && what.ends_with("insights.jsonl");
        if is_write { Fault::Status(412) } else { Fault::None }
    });
    let ended = served.ends(2, &night);
    assert!(ended.stderr.contains("s3://results is being written by another run"), "{}", ended.stderr);
    served.proxy.plan(|_, _| Fault::None);
    served.ends(0, &night);
    served.ends(0, &["-q", "scan", "logs", "--state", "local-state", "--out", "local"]);
    let published = |mut files: Vec<(String, Vec<u8>)>| {
        files.retain(|(name, _)| !tells_of_the_run(name));
        files
    };
    assert!(published(served.objects("results")) == published(served.files("local")));
}
