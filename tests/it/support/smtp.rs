//! A real SMTP server of its own: aiosmtpd in Python. Ends when it is dropped.

use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

pub(crate) struct MailServer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) port: u16,
}

impl MailServer {
    /// With the options that `tests/mail/server.py` lists.
    pub(crate) fn start(options: &Value) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/python/bin/python");
        let is_there = Command::new(&python)
            .args(["-c", "import aiosmtpd"])
            .output();
        assert!(
            is_there.is_ok_and(|output| output.status.success()),
            "aiosmtpd is missing: run scripts/test, which installs it into target/python"
        );
        let mut child = Command::new(&python)
            .arg(root.join("tests/mail/server.py"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it says its port").unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        Self {
            child,
            lines,
            port: u16::try_from(first["port"].as_u64().unwrap()).unwrap(),
        }
    }

    /// The next mail that it took; waits for it.
    pub(crate) fn mail(&mut self) -> Value {
        let line = self.lines.next().expect("it runs").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Ends it; what it took and nobody read.
    pub(crate) fn stop(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        self.lines.by_ref().map(Result::unwrap).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
