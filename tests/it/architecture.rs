//! Arrows point down, outside crates stay in their rooms, files and functions stay small.

use std::fs;
use std::path::{Path, PathBuf};

/// A module names only modules in earlier rows, never its own row, never later ones.
const LAYERS: &[&[&str]] = &[
    &["access", "callback", "hex"],
    &["money", "time"],
    &[
        "checksum",
        "clock",
        "config",
        "folder",
        "gather",
        "metrics",
        "passwords",
        "shutdown",
        "vault",
    ],
    &["cloud"],
    &["telemetry", "blobs", "journal", "queue", "records"],
    &["app", "migration"],
    &["billing", "integrations", "mail", "work"],
    &[
        "cancel",
        "dead_letters",
        "delivery",
        "explain",
        "intake",
        "people",
        "resend",
        "status",
    ],
    &["files", "teams"],
    &["api"],
    &["dashboard"],
    &["cli"],
];

/// An outside crate and the only places that may name it.
const FENCES: &[(&str, &[&str])] = &[
    ("sqlx::", &["journal", "records"]),
    ("hyper_util::client", &["cli/gateway", "cloud/http"]),
    ("hyper::client", &["delivery/client/link"]),
    ("hyper_rustls::", &["cli/gateway", "cloud/http"]),
    ("opentelemetry", &["telemetry/spans"]),
    ("rustix::", &["cli/open_files", "folder"]),
    (
        "rustls::",
        &["cloud", "delivery/client", "queue/redis/link/dial"],
    ),
    ("quick_xml::", &["cloud"]),
    ("redis::", &["queue/redis"]),
    ("axum::", &["api", "dashboard"]),
    ("clap::", &["cli", "main"]),
    ("clap_complete::", &["cli/completions"]),
    ("clap_mangen::", &["cli/completions"]),
    ("anyhow::", &["cli", "main"]),
    ("reqwest::", &["cli", "telemetry/spans"]),
    ("object_store::", &["blobs", "cloud"]),
    ("prometheus::", &["metrics"]),
    ("chacha20poly1305::", &["vault"]),
    ("argon2::", &["passwords"]),
    ("lettre::", &["mail"]),
    ("toml::", &["config"]),
    ("indicatif::", &["cli/migrate_store", "cli/replay"]),
    ("askama::", &["dashboard"]),
    ("governor::", &["app/rates"]),
    ("backon::", &["delivery/settle", "queue/redis/link/node"]),
    ("csv::", &["billing/sheet"]),
    ("pdf_writer::", &["billing/pdf"]),
    ("socket2::", &["queue/redis/link/dial"]),
];

/// What pure modules must not touch.
const PURE: &[&str] = &[
    "access",
    "api/forwarded",
    "callback",
    "checksum",
    "dashboard/chart",
    "dashboard/filter",
    "dashboard/schedule",
    "dashboard/times",
    "files/mime",
    "hex",
    "intake/item",
    "billing/pdf",
    "billing/sheet",
    "mail/letters",
    "money",
    "queue/fair",
    "queue/redis/link/slots",
    "queue/redis/link/url",
    "queue/redis/rounds",
    "queue/redis/wire",
    "records/transfer/tables",
    "records/batches/object",
    "records/tasks/object",
    "records/world",
    "work/fields",
    "work/placeholder",
    "work/required",
    "time",
    "work/rules",
];
const IMPURE: &[&str] = &[
    ".await",
    "tokio::",
    "SystemTime::now",
    "Instant::now",
    "std::fs",
    "rand::random",
];

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    /// Such as `delivery/worker`.
    name: String,
    text: String,
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(!found.is_empty(), "{} is empty", root.display());
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source {
                name: name.to_str().unwrap().to_owned(),
                text,
            });
        }
    }
}

impl Source {
    fn module(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places
            .iter()
            .any(|place| self.name == *place || self.name.starts_with(&format!("{place}/")))
    }

    /// Lines with their numbers, comments and tests left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]").unwrap_or(self.text.len());
        let lines = self.text[..end].lines().enumerate();
        lines
            .map(|(n, line)| (n + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn a_module_uses_only_those_below_it() {
    let mut offences = Vec::new();
    for source in sources("src") {
        if matches!(source.name.as_str(), "lib" | "main") {
            continue;
        }
        let own = layer(source.module())
            .unwrap_or_else(|| panic!("teach LAYERS the module {}", source.module()));
        for (number, line) in source.code() {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let legal =
                    used == source.module() || layer(&used).is_some_and(|layer| layer < own);
                if !legal {
                    offences.push(format!(
                        "src/{}.rs:{number}: must not use {used:?}",
                        source.name
                    ));
                }
            }
        }
    }
    assert_none(&offences);
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    let mut offences = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code() {
            for (outside, rooms) in FENCES {
                let named = line.split(outside).next().is_some_and(|before| {
                    // Behind `queue::`, `redis::` is a module of ours.
                    let path = before.strip_suffix("::").unwrap_or(before);
                    before.len() < line.len()
                        && !path.ends_with(|c: char| c.is_alphanumeric() || c == '_')
                });
                if named && !source.is_in(rooms) {
                    offences.push(format!(
                        "src/{}.rs:{number}: {outside} belongs to {rooms:?}",
                        source.name
                    ));
                }
            }
        }
    }
    assert_none(&offences);
}

#[test]
fn pure_modules_do_nothing_but_decide() {
    let mut offences = Vec::new();
    for source in sources("src").iter().filter(|source| source.is_in(PURE)) {
        for (number, line) in source.code() {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                offences.push(format!(
                    "src/{}.rs:{number}: {word} in a pure module",
                    source.name
                ));
            }
        }
    }
    assert_none(&offences);
}

#[test]
fn files_open_with_their_purpose_and_stay_small() {
    let mut offences = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            if !source.text.starts_with("//!") {
                offences.push(format!("{folder}/{}.rs: must open with //!", source.name));
            }
            if lines > FILE_LINES_MAX {
                offences.push(format!(
                    "{folder}/{}.rs: {lines} lines; split it",
                    source.name
                ));
            }
            if source.name.ends_with("mod") {
                offences.push(format!(
                    "{folder}/{}.rs: use foo.rs beside foo/",
                    source.name
                ));
            }
        }
    }
    assert_none(&offences);
}

/// clippy counts lines of bodies; this one counts what a reader scrolls through.
#[test]
fn functions_fit_on_a_screen() {
    let mut offences = Vec::new();
    for source in sources("src") {
        let mut open: Option<(usize, usize, &str)> = None;
        for (number, line) in source.code() {
            let indent = line.len() - line.trim_start().len();
            let starts = line.contains("fn ") && !line.trim_end().ends_with(';');
            if open.is_none() && starts {
                open = Some((number, indent, line.trim()));
            } else if let Some((start, indented, name)) = open
                && indent == indented
                && line.trim() == "}"
            {
                if number - start > FUNCTION_LINES_MAX {
                    offences.push(format!(
                        "src/{}.rs:{start}: {} lines: {name}",
                        source.name,
                        number - start
                    ));
                }
                open = None;
            }
        }
    }
    assert_none(&offences);
}
