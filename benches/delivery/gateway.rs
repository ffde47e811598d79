//! The real binary as a process, on a fresh data folder under `target`, with its
//! defaults: only its ports, its folder and the permission to dial loopback are set.

use super::load::Client;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

const START_PATIENCE: Duration = Duration::from_secs(30);
/// `/proc` counts in these whatever the kernel's own tick is.
const CLOCK_TICK_US: u64 = 10_000;

pub(crate) struct Gateway {
    /// The first has the API.
    processes: Vec<Child>,
    base: String,
    key: String,
    client: Client,
    folder: TempDir,
}

impl Gateway {
    /// One process, embedded.
    pub(crate) fn start(client: &Client) -> Self {
        Self::prepare(client, "", &[&[]])
    }

    /// The same, with these settings.
    pub(crate) fn start_with(client: &Client, settings: &str) -> Self {
        Self::prepare(client, settings, &[&[]])
    }

    /// A process for the API and some workers, on the stores that `settings` name.
    pub(crate) fn start_fleet(client: &Client, settings: &str, workers: usize) -> Self {
        let mut roles: Vec<&[&str]> = vec![&["--role", "api"]];
        roles.resize(1 + workers, &["--role", "worker"]);
        Self::prepare(client, settings, &roles)
    }

    fn prepare(client: &Client, settings: &str, roles: &[&[&str]]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        let data = folder.path().join("data").display().to_string();
        let config = format!(
            "data.dir = \"{data}\"\napi.listen = \"127.0.0.1:0\"\noperator.listen = \"127.0.0.1:0\"\n\
             delivery.private_networks_allowed = [\"127.0.0.0/8\"]\nlog.format = \"json\"\n{settings}"
        );
        std::fs::write(folder.path().join("ringback.toml"), config).unwrap();
        let added = command(&folder, &["producers", "add", "bench"]).output();
        let key = String::from_utf8(added.unwrap().stdout).unwrap();
        let mut gateway = Self {
            processes: Vec::new(),
            base: String::new(),
            key: key.trim().to_owned(),
            client: client.clone(),
            folder,
        };
        for role in roles {
            gateway.spawn(role);
        }
        gateway
    }

    fn spawn(&mut self, role: &[&str]) {
        let (process, base) = spawn(&self.folder, role);
        self.processes.push(process);
        if self.processes.len() == 1 {
            self.base = base;
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts an embedded one again on what [`Gateway::kill`] left.
    pub(crate) fn restart(&mut self) {
        self.spawn(&[]);
    }

    /// Makes a team or changes its default callback URL.
    pub(crate) async fn put_team(&self, id: &str, url: Option<&str>) {
        let url_of = format!("{}/internal/v1/teams/{id}", self.base);
        let body = json!({"default_callback_url": url}).to_string();
        let request =
            self.client
                .request("PUT", &url_of, &self.key, "application/json", body.into());
        let (status, answer) = request.await;
        assert!(matches!(status, 200 | 201), "{status} {answer:?}");
    }

    /// Hands in one result.
    pub(crate) async fn hand_in(&self, result: String) {
        self.submit("application/json", result).await;
    }

    /// Hands in lines of results, all of which must be accepted.
    pub(crate) async fn hand_in_batch(&self, lines: String, results: usize) {
        let answer = self.submit("application/x-ndjson", lines).await;
        let head = format!("{{\"accepted\":{results},");
        assert!(
            answer.starts_with(head.as_bytes()),
            "some were not accepted"
        );
    }

    async fn submit(&self, content_type: &str, body: String) -> bytes::Bytes {
        let url = format!("{}/internal/v1/results", self.base);
        let request = self
            .client
            .request("POST", &url, &self.key, content_type, body.into());
        let (status, answer) = request.await;
        assert_eq!(status, 202, "{answer:?}");
        answer
    }

    /// Processor time of all processes since their start.
    pub(crate) fn cpu_us(&self) -> u64 {
        let ids = self.processes.iter().map(Child::id);
        ids.map(process_cpu_us).sum()
    }
}

/// Processor time of a process since its start; 0 if it is gone.
pub(crate) fn process_cpu_us(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // After the name, which may hold spaces: utime and stime are the 12th and 13th.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks = ticks.filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() * CLOCK_TICK_US
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(folder: &TempDir, args: &[&str]) -> Command {
    let config: PathBuf = folder.path().join("ringback.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
    command.args(args).arg("--config").arg(config);
    command
}

/// Starts the gateway and waits for the line that says where it listens.
fn spawn(folder: &TempDir, role: &[&str]) -> (Child, String) {
    let mut process = command(folder, &[&["serve"], role].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = process.stderr.take().expect("piped");
    let (found, address) = mpsc::channel();
    std::thread::spawn(move || follow(log, &found));
    let address: String = address
        .recv_timeout(START_PATIENCE)
        .expect("the gateway starts");
    (process, format!("http://{address}"))
}

/// Reads the log to its end, or the gateway would block on it; shows what went wrong.
fn follow(log: ChildStderr, found: &mpsc::Sender<String>) {
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event["message"] == "ringback runs" {
            let _ = found.send(event["api"].as_str().unwrap_or_default().to_owned());
        } else if event["level"] != "INFO" {
            eprintln!("gateway: {line}");
        }
    }
}
