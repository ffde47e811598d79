//! The boards as files: current, legal, and about metrics that exist. That their queries
//! have data is shown by `faults`, on a Prometheus that saw a run.

use crate::support::prometheus::promtool;
use crate::support::python::python;
use ringback::metrics::NAMES;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn grafana() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn boards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(grafana().join("dashboards")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let board = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&read(path)).unwrap())
    };
    paths.map(board).collect()
}

/// A panel with something to show.
pub(super) struct Panel {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) queries: Vec<String>,
}

pub(super) fn panels() -> Vec<Panel> {
    let mut found = Vec::new();
    for (file, board) in boards() {
        for panel in board["panels"].as_array().unwrap() {
            if panel["type"] == "row" {
                continue;
            }
            let targets = panel["targets"].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            found.push(Panel {
                name: format!("{file}: {}", text(&panel["title"])),
                description: text(&panel["description"]),
                queries: targets.map(|target| text(&target["expr"])).collect(),
            });
        }
    }
    found
}

/// Names of metrics in an expression.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("ringback_") || word.starts_with("process_"));
    let bare = ours.map(|word| {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| word.strip_suffix(end))
            .unwrap_or(word);
        base.to_owned()
    });
    bare.collect()
}

#[test]
fn the_boards_are_those_that_their_source_makes() {
    let checked = Command::new("python3")
        .arg(grafana().join("boards.py"))
        .arg("--check")
        .output()
        .expect("install python3");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}

#[test]
fn the_boards_have_the_form_that_grafana_publishes() {
    let checked = python("python")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grafana/check.py"))
        .arg(grafana().join("dashboards"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "3 boards\n");
}

#[test]
fn every_metric_is_on_a_board_or_in_an_alert_and_the_other_way_round() {
    let mut shown: BTreeSet<String> = panels()
        .iter()
        .flat_map(|panel| &panel.queries)
        .flat_map(|query| named(query))
        .collect();
    let alerts = read(grafana().join("alerts/ringback.yml"));
    let expressions = alerts.split("expr:").skip(1);
    shown.extend(expressions.flat_map(|rest| named(rest.split("labels:").next().unwrap())));
    let declared: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let unseen: Vec<_> = declared.difference(&shown).collect();
    let unknown: Vec<_> = shown.difference(&declared).collect();
    assert!(unseen.is_empty(), "on no board and in no alert: {unseen:?}");
    assert!(unknown.is_empty(), "not declared: {unknown:?}");
}

#[test]
fn every_panel_says_what_to_do() {
    for panel in panels() {
        assert!(panel.description.ends_with('.'), "{}", panel.name);
        assert!(!panel.queries.is_empty(), "{}", panel.name);
    }
    let (names, all): (BTreeSet<_>, Vec<_>) = panels()
        .into_iter()
        .map(|panel| (panel.name.clone(), panel.name))
        .unzip();
    assert_eq!(names.len(), all.len(), "titles are unique on a board");
}

#[test]
fn the_rules_and_the_configuration_are_legal_and_fire_when_they_should() {
    let checked = promtool(&["check", "rules", "grafana/alerts/ringback.yml"]);
    assert!(checked.contains("12 rules found"), "{checked}");
    promtool(&["check", "config", "grafana/prometheus.yml"]);
    promtool(&["test", "rules", "tests/alerts/ringback.yml"]);
}
