//! The runbooks: one for each alert, and every command in them is one that works.

use super::stage::{Stage, TEAMS};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

pub(super) struct Runbook {
    name: String,
    text: String,
}

impl Runbook {
    pub(super) fn of(alert: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/runbooks/{alert}.md"));
        let text = std::fs::read_to_string(&path);
        Self {
            name: alert.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        }
    }

    pub(super) fn all() -> Vec<Self> {
        alerts().iter().map(|alert| Self::of(alert)).collect()
    }

    /// Every command, as it stands, against what runs.
    pub(super) fn run(&self, stage: &Stage) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = Path::new(env!("CARGO_BIN_EXE_ringback")).parent().unwrap();
        let mut folders = vec![program.to_owned()];
        folders.extend(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).unwrap();
        for block in self.blocks() {
            let ran = Command::new("bash")
                .args(["-euo", "pipefail", "-c", block])
                .env("PATH", &path)
                .env("CONFIG", stage.home.config())
                .env("OPERATOR", &stage.worker.operator)
                .env("API", &stage.api.api)
                .env("PRODUCER_KEY", &stage.home.key)
                .env("STORE_URL", &stage.store_url)
                .env("REDIS_URL", stage.redis.url())
                .env("TEAM", TEAMS[0])
                .env("ENDPOINT", stage.receiver.url())
                .current_dir(stage.home.data())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{}: {block}\n{said}", self.name);
            let answer = String::from_utf8_lossy(&ran.stdout);
            // What the gateway refuses is told in JSON, and curl is content with it.
            assert!(
                !answer.contains("\"error\""),
                "{}: {block}\n{answer}",
                self.name
            );
        }
    }

    fn blocks(&self) -> Vec<&str> {
        let fenced = self.text.split("```").skip(1).step_by(2);
        fenced
            .filter_map(|block| block.strip_prefix("sh\n"))
            .collect()
    }
}

fn alerts() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/alerts/ringback.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut found: BTreeSet<String> = files.collect();
    assert!(found.remove("README.md"));
    let expected: BTreeSet<_> = alerts().iter().map(|alert| format!("{alert}.md")).collect();
    assert_eq!(found, expected);
    let rules = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/alerts/ringback.yml"),
    );
    let rules = rules.unwrap();
    for runbook in Runbook::all() {
        let link = format!("runbook_url: docs/runbooks/{}.md", runbook.name);
        assert!(rules.contains(&link), "{link}");
        for part in ["# ", "## See it", "## Fix it", "```sh\n"] {
            assert!(runbook.text.contains(part), "{}: {part:?}", runbook.name);
        }
    }
}
