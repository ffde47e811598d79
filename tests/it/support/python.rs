//! Python programs from PyPI, in the environment that `scripts/test` makes.

use std::path::Path;
use std::process::Command;

/// A program of the environment.
pub(crate) fn python(program: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/python/bin")
        .join(program);
    assert!(
        path.exists(),
        "{} is missing: run scripts/test, which fetches it from PyPI",
        path.display()
    );
    let mut command = Command::new(path);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// How many tests passed; a report in which any did something else is a failure.
pub(crate) fn summary(report: &str) -> usize {
    let last = report.trim_end().lines().last().unwrap_or_default();
    let passed = last
        .split(" passed in ")
        .next()
        .and_then(|n| n.parse().ok());
    passed.unwrap_or_else(|| panic!("not all tests passed: {last:?}"))
}
