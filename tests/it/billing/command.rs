//! The operator's guide, run as it stands with the real binary: each command, and what it says.

use crate::support::app::START_MS;
use crate::support::billing::charge;
use crate::support::process::Home;
use ringback::config::Config;
use ringback::money::Currency;
use ringback::records::Records;
use ringback::records::prices::NewPrices;
use ringback::vault::Vault;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Commands and what they print, in turn.
fn steps() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/billing.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let mut steps = Vec::new();
    for block in guide.split("```").skip(1).step_by(2) {
        let (kind, text) = block.split_once('\n').unwrap();
        match kind {
            "sh" => steps.push((text.to_owned(), String::new())),
            "text" => text.clone_into(&mut steps.last_mut().unwrap().1),
            _ => {}
        }
    }
    steps
}

/// Whether a line is what was expected; `…` stands for anything.
fn is_as_told(line: &str, expected: &str) -> bool {
    let Some((head, tail)) = expected.split_once('…') else {
        return line == expected;
    };
    let rest = line.strip_prefix(head);
    rest.is_some_and(|rest| {
        let mut ends = (0..=rest.len()).filter(|end| rest.is_char_boundary(*end));
        ends.any(|end| is_as_told(&rest[end..], tail))
    })
}

/// Team `kites` with four tasks that were completed long ago, at 20 cents.
async fn seed(home: &Home) {
    let config = Config::load(Some(&home.config())).unwrap();
    let vault = Vault::open(&config.vault_key_path()).unwrap();
    let records = Records::open(&config, vault).await.unwrap();
    records.add_team("kites", "Kites", START_MS).await.unwrap();
    let old = |unit_minor, from_ms| NewPrices {
        team: String::new(),
        currency: Currency::parse("USD").unwrap(),
        units: vec![("categorization".to_owned(), unit_minor)],
        from_ms,
    };
    records.set_prices(&old(Some(20), 0), 1).await.unwrap();
    charge(&records, ("kites", "red", "categorization"), 4, START_MS).await;
    records.close().await;
}

#[tokio::test]
async fn every_command_of_the_guide_says_what_the_guide_says() {
    let home = Home::make("");
    seed(&home).await;
    let binary = Path::new(env!("CARGO_BIN_EXE_ringback"));
    let folder = tempfile::tempdir().unwrap();
    let steps = steps();
    assert!(steps.len() > 5, "the guide has no commands");
    for (commands, expected) in &steps {
        let mut printed = String::new();
        for command in commands.lines() {
            let rest = command.strip_prefix("ringback ").unwrap();
            let line = format!("'{}' {rest}", binary.display());
            let output = Command::new("sh")
                .args(["-c", &line])
                .current_dir(folder.path())
                .env("RINGBACK__DATA__DIR", home.data())
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{command}: {errors}");
            printed.push_str(&String::from_utf8(output.stdout).unwrap());
        }
        compare(commands, &printed, expected);
    }
    let pdf = std::fs::read(folder.path().join("invoice-1.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let audit = home.run(&["audit", "list", "--team", "kites"]);
    let audit = String::from_utf8(audit.stdout).unwrap();
    assert!(
        audit.contains("ringback billing team") && audit.contains("mark-paid"),
        "{audit}"
    );
    let checked = home.run(&["audit", "verify"]);
    assert!(checked.status.success());
}

/// A line that is only `…` stands for any number of lines.
fn compare(commands: &str, printed: &str, expected: &str) {
    let mut lines = printed.lines().peekable();
    let mut wanted = expected.lines().peekable();
    while let Some(want) = wanted.next() {
        if want == "…" {
            let next = wanted.peek().expect("something follows the dots");
            while lines.peek().is_some_and(|line| !is_as_told(line, next)) {
                lines.next();
            }
            continue;
        }
        let line = lines.next().unwrap_or_default();
        assert!(
            is_as_told(line, want),
            "{commands}\n{line:?} is not {want:?}\n{printed}"
        );
    }
    assert_eq!(lines.next(), None, "{commands}\n{printed}");
}

/// Only a gateway that does not close months takes as long.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_running_gateway_closes_the_month_by_itself() {
    let home = Home::make("");
    seed(&home).await;
    let gateway = home.serve();
    let deadline = Instant::now() + PATIENCE;
    let listed = loop {
        let listed = home.run(&["billing", "invoices", "list", "--json"]);
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        if listed.as_array().is_some_and(|list| !list.is_empty()) {
            break listed;
        }
        assert!(Instant::now() < deadline, "nothing was closed");
    };
    assert_eq!(listed[0]["total_minor"], 80);
    assert!(gateway.warnings().is_empty(), "{:?}", gateway.warnings());
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let home = Home::make("");
    for (arguments, word) in [
        (&["prices", "set", "painting=1"][..], "no type of task"),
        (
            &["prices", "set", "categorization=0.005"],
            "TYPE=AMOUNT in USD",
        ),
        (&["prices", "set", "categorization"], "TYPE=AMOUNT"),
        (
            &["prices", "set", "categorization=1", "--currency", "euro"],
            "no currency",
        ),
        (
            &["prices", "set", "categorization=1", "--team", "nobodys"],
            "no such team",
        ),
        (
            &[
                "prices",
                "set",
                "categorization=1",
                "--from",
                "2020-01-01T00:00:00Z",
            ],
            "past",
        ),
        (&["close", "--month", "9999-01"], "is not over"),
        (&["close", "--month", "november"], "2026-11"),
        (&["invoices", "show", "1"], "no invoice 1"),
        (&["invoices", "mark-paid", "1"], "no such invoice"),
        (&["team", "nobodys"], "no such team"),
        (&["webhook"], "billing.webhook_url is empty"),
    ] {
        let output = home.run(&[&["billing"], arguments].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && told.contains(word),
            "{arguments:?}: {told}"
        );
    }
}
