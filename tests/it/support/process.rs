//! The real binary as a process of its own, to be killed and stopped.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

pub(crate) const TEAM: &str = "team_a";
/// Of everybody who joins.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A data folder with its configuration file; every port is a free one.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) key: String,
}

pub(crate) struct Gateway {
    child: Child,
    /// Empty for a worker, which has none.
    pub(crate) api: String,
    pub(crate) operator: String,
    key: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Home {
    /// Makes the folder, the configuration and a producer. `settings` is more TOML.
    pub(crate) fn make(settings: &str) -> Self {
        let mut home = Self::make_config(settings);
        let made = home.run(&["producers", "add", "tests"]);
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout)
            .unwrap()
            .trim()
            .clone_into(&mut home.key);
        home
    }

    /// As [`Home::make`], without the producer: the settings may be wrong.
    pub(crate) fn make_config(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "data.dir = \"{}\"\napi.listen = \"127.0.0.1:0\"\noperator.listen = \"127.0.0.1:0\"\n\
             delivery.private_networks_allowed = [\"127.0.0.0/8\"]\nlog.format = \"json\"\n{settings}",
            folder.path().join("data").display()
        );
        std::fs::write(folder.path().join("ringback.toml"), text).unwrap();
        Self {
            folder,
            key: String::new(),
        }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("ringback.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One command to its end, with the configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        ringback(arguments)
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap()
    }

    /// Starts the gateway and waits until it says that it runs.
    pub(crate) fn serve(&self) -> Gateway {
        self.serve_as("all")
    }

    /// As [`Home::serve`], in this role.
    pub(crate) fn serve_as(&self, role: &str) -> Gateway {
        let mut command = ringback(&["serve", "--role", role, "--config"]);
        command.arg(self.config());
        self.start(command)
    }

    /// As [`Home::serve`], with the data on a disk of this size that only the gateway sees.
    pub(crate) fn serve_on_small_disk(&self, mebibytes: u32) -> Gateway {
        let script = format!(
            "cp -a \"$1\" \"$1.kept\" && mount -t tmpfs -o size={mebibytes}m tmpfs \"$1\" \
             && cp -a \"$1.kept/.\" \"$1\" && exec \"$2\" serve --config \"$3\""
        );
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
            .arg(self.data())
            .arg(env!("CARGO_BIN_EXE_ringback"))
            .arg(self.config());
        self.start(command)
    }

    /// As [`Home::run`], under a limit that a shell sets: what its `ulimit` is told.
    pub(crate) fn run_limited(&self, limit: &str, arguments: &[&str]) -> Output {
        self.limited(limit, arguments).output().unwrap()
    }

    /// As [`Home::serve`], under such a limit.
    pub(crate) fn serve_limited(&self, limit: &str) -> Gateway {
        self.start(self.limited(limit, &["serve"]))
    }

    fn limited(&self, limit: &str, arguments: &[&str]) -> Command {
        let script = format!("ulimit {limit} && exec \"$@\"");
        let mut command = Command::new("sh");
        command
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_ringback")])
            .args(arguments)
            .arg("--config")
            .arg(self.config());
        command
    }

    fn start(&self, mut command: Command) -> Gateway {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let started: Value = loop {
            let line = lines
                .next()
                .expect("the gateway says that it runs")
                .unwrap();
            let line: Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a log line: {line}"));
            if line["message"] == "ringback runs" {
                break line;
            }
        };
        let log = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&log);
        // Read on, or the pipe fills up.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let address = |field: &str| {
            let address = started[field].as_str();
            address.map_or_else(String::new, |address| format!("http://{address}"))
        };
        Gateway {
            child,
            api: address("api"),
            operator: address("operator"),
            key: self.key.clone(),
            log,
        }
    }
}

pub(crate) fn ringback(arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_ringback")));
    command.args(arguments);
    command
}

impl Gateway {
    /// kill -9: nothing is finished, nothing is said.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap())
            .await
            .unwrap()
    }

    /// What it logged with this message since it runs, as JSON.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        let lines = log.iter().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["message"] == message)
            .collect()
    }

    /// Waits until the process has ended well; everything that it logged since it runs.
    pub(crate) async fn whole_log(self) -> String {
        let log = Arc::clone(&self.log);
        assert!(self.ended().await.success());
        let whole = || log.lock().unwrap().join("\n");
        // The pipe may hold some still.
        while !whole().contains("ringback has stopped") {
            tokio::task::yield_now().await;
        }
        whole()
    }

    /// Messages of its warnings and errors. That a statement took long says more of the machine.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        let lines = log
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let bad = lines.filter(|line| line["level"] != "INFO" && line["target"] != "sqlx::query");
        bad.map(|line| line["message"].to_string()).collect()
    }

    /// Everything it logged since it runs.
    pub(crate) fn log_text(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Claims that it settled too late.
    pub(crate) fn leases_lost(&self) -> u64 {
        let lines = self.logged("leases had ended before their attempts were settled");
        let counts = lines.iter().map(|line| line["callbacks"].as_u64().unwrap());
        counts.sum()
    }

    pub(crate) async fn put_team(&self, body: Value) {
        self.put_team_named(TEAM, body).await;
    }

    pub(crate) async fn put_team_named(&self, team: &str, body: Value) {
        let url = format!("{}/internal/v1/teams/{team}", self.api);
        let client = reqwest::Client::new();
        let sent = client
            .put(url)
            .bearer_auth(&self.key)
            .header("content-type", "application/json");
        let answer = sent.body(body.to_string()).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// Hands in these events in one request. The ids of those accepted or known;
    /// `None` when no answer came.
    pub(crate) async fn hand_in(&self, events: &[String]) -> Option<Vec<String>> {
        self.hand_in_for(TEAM, events).await
    }

    pub(crate) async fn hand_in_for(&self, team: &str, events: &[String]) -> Option<Vec<String>> {
        let client = reqwest::Client::new();
        let sent = client
            .post(format!("{}/internal/v1/results", self.api))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .body(results(team, events));
        let answer = sent
            .send()
            .await
            .ok()
            .filter(|answer| answer.status() == 202)?;
        Some(ids(&answer.text().await.ok()?))
    }

    /// Accepts an invitation by its link; the session's token.
    pub(crate) async fn join(&self, link: &str) -> String {
        let (_, token) = link.trim().split_once("/invite?token=").unwrap();
        let body = json!({"token": token, "first_name": "Ana", "last_name": "Ruiz",
                          "company": "Example", "password": PASSWORD});
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/account/v1/invites/accept", self.api);
        let answer = client
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let joined: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(status, 201, "{joined}");
        joined["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn operator(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.operator))
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// A request's body: one result an event, each of its own task.
pub(crate) fn results(team: &str, events: &[String]) -> String {
    let result = |event: &String| {
        json!({"event_id": event, "team_id": team, "task_id": event, "mode": "live",
               "status": "completed", "response": {"event": event}})
    };
    let results: Value = events.iter().map(result).collect();
    results.to_string()
}

/// The callbacks in an answer to it: accepted now or known.
pub(crate) fn ids(answer: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let results = answer["results"].as_array().unwrap().iter();
    results
        .filter_map(|item| item["callback_id"].as_str().map(str::to_owned))
        .collect()
}

/// A test that fails leaves nothing running.
impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
