//! What `deploy/` holds, as far as it can be tried without Docker, Kubernetes and a running
//! systemd: by their own schemas and tools, and against the configuration that it sets.

use crate::support::process::{Home, ringback};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of `systemd-analyze security`: 10 is open, 0 is locked up.
const EXPOSURE_MAX: f64 = 1.5;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap()
}

/// The number in the first line that begins so.
fn number(text: &str, before: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(before));
    line.unwrap().trim().parse().unwrap()
}

fn analyze(arguments: &[&str]) -> String {
    let ran = Command::new("systemd-analyze").args(arguments).output();
    let ran = ran.expect("systemd-analyze is missing: install systemd, or run scripts/test");
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?}: {said}");
    said.into_owned()
}

/// A configuration file of the installation is good, whatever its folder.
fn check_configuration(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringback.toml");
    std::fs::write(&file, text).unwrap();
    let checked = ringback(&["config", "check", "--config"])
        .arg(&file)
        .output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn systemd_takes_the_unit_and_it_is_locked_up() {
    let unit = read("deploy/systemd/ringback.service");
    // It is checked with the program where it is now.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringback.service");
    let here = unit.replace("/usr/bin/ringback", env!("CARGO_BIN_EXE_ringback"));
    std::fs::write(&file, here).unwrap();
    let file = file.to_str().unwrap();
    let said = analyze(&["verify", "--man=no", file]);
    assert_eq!(said, "", "not a warning");
    let said = analyze(&["security", "--offline=true", file]);
    let (_, exposure) = said.split_once("Overall exposure level").unwrap();
    let level = exposure
        .split_whitespace()
        .find_map(|word| word.parse::<f64>().ok());
    assert!(level.unwrap() <= EXPOSURE_MAX, "{said}");

    let grace_ms = number(&read("config/ringback.toml"), "grace_ms =");
    assert!(number(&unit, "TimeoutStopSec=") * 1000 > grace_ms);
    let home = Home::make_config("");
    let told = ringback(&["config", "show", "--config"])
        .arg(home.config())
        .env("RINGBACK__DATA__DIR", "/var/lib/ringback")
        .output();
    let told = String::from_utf8(told.unwrap().stdout).unwrap();
    assert!(unit.contains("Environment=RINGBACK__DATA__DIR=/var/lib/ringback"));
    assert!(told.contains("dir = \"/var/lib/ringback\""), "{told}");
    check_configuration(&read("deploy/ringback.toml"));
}

/// Both files as their schemas read them.
fn validated() -> Value {
    let validated = Command::new(root("target/python/bin/python"))
        .arg(root("tests/deploy/validate.py"))
        .arg(root("target/deploy"))
        .arg(root("deploy/kubernetes/ringback.yaml"))
        .arg(root("deploy/docker/compose.yml"))
        .output();
    let validated = validated.expect("target/python is missing: run scripts/test");
    let said = String::from_utf8(validated.stdout).unwrap();
    let errors = String::from_utf8_lossy(&validated.stderr);
    assert!(validated.status.success(), "{said}{errors}");
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

/// A setting of this name exists.
fn is_setting(variable: &str) {
    let (section, name) = variable
        .strip_prefix("RINGBACK__")
        .and_then(|rest| rest.split_once("__"))
        .unwrap();
    let settings: toml::Table = toml::from_str(&read("config/ringback.toml")).unwrap();
    let section = &settings[&section.to_lowercase()];
    assert!(section.get(name.to_lowercase()).is_some(), "{variable}");
}

#[test]
fn kubernetes_and_compose_take_their_files_and_the_gateway_their_settings() {
    let files = validated();
    let grace_ms = number(&read("config/ringback.toml"), "grace_ms =");
    let documents = files["kubernetes"].as_array().unwrap();
    let deployments = documents.iter().filter(|it| it["kind"] == "Deployment");
    let mut roles = Vec::new();
    for deployment in deployments {
        let pod = &deployment["spec"]["template"]["spec"];
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() * 1000 > grace_ms);
        let container = &pod["containers"][0];
        for variable in container["env"].as_array().unwrap() {
            is_setting(variable["name"].as_str().unwrap());
        }
        let arguments = container["args"].as_array().unwrap();
        roles.push(arguments[2].as_str().unwrap().to_owned());
        assert_eq!(arguments[0], "serve");
    }
    assert_eq!(roles, ["api", "worker"]);
    let config = documents
        .iter()
        .find(|it| it["kind"] == "ConfigMap")
        .unwrap();
    check_configuration(config["data"]["ringback.toml"].as_str().unwrap());

    let services = files["compose"]["services"].as_object().unwrap();
    for role in ["api", "worker"] {
        let service = &services[role];
        assert_eq!(service["command"][2], role);
        for variable in service["environment"].as_object().unwrap().keys() {
            is_setting(variable);
        }
        assert_eq!(service["stop_grace_period"], "60s");
    }
    // What is mounted is there.
    for service in ["prometheus", "grafana"] {
        for volume in services[service]["volumes"].as_array().unwrap() {
            let (path, _) = volume.as_str().unwrap().split_once(':').unwrap();
            assert!(root("deploy/docker").join(path).exists(), "{path}");
        }
    }
    let checked = Command::new("promtool")
        .args(["check", "config", "--syntax-only"])
        .arg(root("deploy/docker/prometheus.yml"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

/// With only what the Dockerfile copies, cargo finds everything that the manifest names.
#[test]
fn the_image_is_built_of_what_is_there() {
    let dockerfile = read("deploy/docker/Dockerfile");
    let folder = tempfile::tempdir().unwrap();
    for line in dockerfile.lines() {
        let Some(paths) = line
            .strip_prefix("COPY ")
            .filter(|it| !it.starts_with("--"))
        else {
            continue;
        };
        let mut paths: Vec<_> = paths.split(' ').collect();
        let target = folder.path().join(paths.pop().unwrap());
        for path in paths {
            let parent = target.parent().unwrap();
            std::fs::create_dir_all(parent).unwrap();
            let copied = Command::new("cp")
                .arg("-r")
                .arg(root(path))
                .arg(&target)
                .status();
            assert!(copied.unwrap().success(), "{path}");
        }
    }
    let read = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--locked",
            "--offline",
            "--no-deps",
            "--format-version=1",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(read.status.success(), "{read:?}");
    for line in dockerfile
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ENV "))
    {
        is_setting(line.split_once('=').unwrap().0);
    }
    // What the sources include is copied, too.
    for included in [
        "docs/receivers/receiver.py",
        "static/style.css",
        "config/ringback.toml",
    ] {
        assert!(folder.path().join(included).exists(), "{included}");
    }
    let ports = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("EXPOSE "));
    assert_eq!(ports, Some("8080 9464"));
    for port in ["127.0.0.1:8080", "127.0.0.1:9464"] {
        assert!(self::read("config/ringback.toml").contains(port));
    }
}
