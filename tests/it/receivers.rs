//! The receivers that the dashboard shows, run as they stand against real deliveries: what
//! brings the right key is taken, what brings another is refused.

use crate::support::app::{TEAM, TestApp, result};
use crate::support::python::python;
use ringback::callback::State;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Only a receiver that does not run takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A receiver that runs, killed when the test ends.
struct Receiver {
    child: Child,
    lines: BufReader<ChildStdout>,
    url: String,
}

impl Receiver {
    /// Starts it with this key and waits until it takes connections.
    fn start(mut command: Command, key: &str) -> Self {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let mut child = command
            .arg(port.to_string())
            .env("CALLBACK_AUTH", key)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{command:?}: {error}: run scripts/test, which installs it")
            });
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "{command:?} does not listen");
            assert!(child.try_wait().unwrap().is_none(), "{command:?} has ended");
            std::thread::yield_now();
        }
        Self {
            lines: BufReader::new(child.stdout.take().unwrap()),
            url: format!("http://127.0.0.1:{port}/"),
            child,
        }
    }

    /// The next line that it prints.
    fn prints(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().replace('"', "")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One real delivery to each of two receivers of a kind: the key that it was given is the
/// team's, or another.
async fn check(command: impl Fn() -> Command) {
    let app = TestApp::with(|config| config.retry.retries_max = 0).await;
    let team = app.app.records.team(TEAM).await.unwrap().unwrap();
    let mut knows = Receiver::start(command(), &team.live_callback_auth);
    let strict = Receiver::start(command(), "live_auth_of_somebody_else");
    let taken = app.submit("e1", json!({"callback_url": knows.url})).await;
    let refused = app.submit("e2", json!({"callback_url": strict.url})).await;
    app.run_due().await;
    assert_eq!(knows.prints(), "task-e1 completed");
    for (id, state, status) in [(taken, State::Delivered, 200), (refused, State::Dead, 401)] {
        assert_eq!(app.state(id).await, state);
        assert_eq!(app.explain(id).await["attempts"][0]["status"], status);
    }
    // Whoever calls without the key at all is refused, too.
    let body = result("e3", Value::Null).to_string();
    let sent = reqwest::Client::new().post(&knows.url).body(body).send();
    assert_eq!(sent.await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_python_takes_what_brings_its_key() {
    check(|| {
        let mut command = python("python");
        command.arg(root("docs/receivers/receiver.py"));
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_node_takes_what_brings_its_key() {
    check(|| {
        let mut command = Command::new("node");
        command.arg(root("docs/receivers/receiver.mjs"));
        command
    })
    .await;
}

/// Compiled by cargo against what the tests stand on anyway: only its own few lines are new.
#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_rust_takes_what_brings_its_key() {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo has told this test of its package would look to it like a change of crates that
    // read the same names when they are built, and they and all above them would be built anew.
    #[expect(clippy::disallowed_methods, reason = "these are no settings")]
    let names = std::env::vars().map(|(name, _)| name);
    for name in names.filter(|it| it.starts_with("CARGO_PKG_") || it.starts_with("CARGO_MANIFEST_"))
    {
        cargo.env_remove(name);
    }
    let built = cargo
        .args(["build", "--locked", "--offline", "--example", "receiver"])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    let told = String::from_utf8(built.stdout).unwrap();
    let messages = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let program = messages
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo names what it has built");
    check(|| Command::new(&program)).await;
}
