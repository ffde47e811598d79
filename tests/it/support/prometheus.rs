//! A real Prometheus on loopback, with short intervals. Killed when dropped.

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Between two scrapes, and between two looks at an alert.
const INTERVAL: &str = "1s";
/// Between two looks at the same thing.
const POLL: Duration = Duration::from_millis(100);
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Prometheus {
    child: Child,
    folder: tempfile::TempDir,
    url: String,
}

/// One series of an answer: its labels and its values.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Value,
    pub(crate) values: Vec<f64>,
}

impl Prometheus {
    /// Starts it with these rules and no target, and waits until it answers.
    pub(crate) async fn start(rules: &str) -> Self {
        for _ in 0..5 {
            if let Some(started) = Self::try_to_start(rules).await {
                return started;
            }
        }
        panic!("one of five ports stays free");
    }

    async fn try_to_start(rules: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("rules.yml", rules);
        write("targets.json", "[]");
        write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: {INTERVAL}, scrape_timeout: {INTERVAL}, \
                 evaluation_interval: {INTERVAL}}}\n\
                 rule_files: [rules.yml]\n\
                 scrape_configs:\n  - job_name: ringback\n    file_sd_configs:\n      \
                 - {{files: [targets.json], refresh_interval: 1s}}\n"
            ),
        );
        let port = super::free_port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}; {INSTALL}"));
        let mut started = Self {
            child,
            folder,
            url: format!("http://127.0.0.1:{port}"),
        };
        let deadline = Instant::now() + PATIENCE;
        while !started.is_ready().await {
            if started.child.try_wait().unwrap().is_some() {
                let log = started.log();
                assert!(log.contains("address already in use"), "{log}");
                return None;
            }
            assert!(Instant::now() < deadline, "no answer: {}", started.log());
            tokio::time::sleep(POLL).await;
        }
        Some(started)
    }

    async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("{}/-/ready", self.url)).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Scrapes these processes from now on, by the URLs of their operator's ports, and
    /// returns when it has done so.
    pub(crate) async fn scrape(&self, targets: &[&str]) {
        let hosts: Vec<_> = targets
            .iter()
            .map(|url| url.trim_start_matches("http://"))
            .collect();
        let groups = serde_json::json!([{"targets": hosts}]);
        // Renamed into its place: half a file would be an error in the log.
        let new = self.folder.path().join("targets.new");
        let mut file = std::fs::File::create(&new).unwrap();
        file.write_all(groups.to_string().as_bytes()).unwrap();
        std::fs::rename(new, self.folder.path().join("targets.json")).unwrap();
        let all = format!("count(up == 1) == {} and count(up) == {0}", hosts.len());
        self.until(&all, async || !self.query(&all).await.is_empty())
            .await;
    }

    /// Series that this expression has now.
    pub(crate) async fn query(&self, expression: &str) -> Vec<Series> {
        self.ask("query", &[("query", expression)], "value").await
    }

    /// Series that this expression had since this time.
    pub(crate) async fn query_since(
        &self,
        expression: &str,
        start_s: u64,
        now_s: u64,
    ) -> Vec<Series> {
        let (start, end) = (start_s.to_string(), now_s.to_string());
        let range = [
            ("query", expression),
            ("start", &start),
            ("end", &end),
            ("step", "1s"),
        ];
        self.ask("query_range", &range, "values").await
    }

    async fn ask(&self, path: &str, arguments: &[(&str, &str)], field: &str) -> Vec<Series> {
        let url = url::Url::parse_with_params(&format!("{}/api/v1/{path}", self.url), arguments);
        let answer = reqwest::get(url.unwrap())
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{arguments:?}: {answer}");
        let number = |point: &Value| point[1].as_str().unwrap().parse().unwrap_or(f64::NAN);
        let series = |one: &Value| Series {
            labels: one["metric"].clone(),
            values: match &one[field] {
                Value::Array(points) if points.first().is_some_and(Value::is_array) => {
                    points.iter().map(number).collect()
                }
                point => vec![number(point)],
            },
        };
        let result = answer["data"]["result"].as_array().unwrap();
        result.iter().map(series).collect()
    }

    /// Alerts that fire now, those of the machine's own disk apart: how full that is, is not
    /// the test's to say.
    pub(crate) async fn firing(&self) -> BTreeSet<String> {
        let of_machine = "alertname!=\"RingbackDiskNearlyFull\"";
        let firing = format!("ALERTS{{alertstate=\"firing\", {of_machine}}}");
        let name = |one: &Series| one.labels["alertname"].as_str().unwrap().to_owned();
        self.query(&firing).await.iter().map(name).collect()
    }

    /// Whether the alert fires, about this process or, where it is about all, about any.
    async fn fires(&self, alert: &str, about: Option<&str>) -> bool {
        let about = about.map_or_else(String::new, |process| {
            let instance = process.trim_start_matches("http://");
            format!(", instance=\"{instance}\"")
        });
        let firing = format!("ALERTS{{alertstate=\"firing\", alertname=\"{alert}\"{about}}}");
        !self.query(&firing).await.is_empty()
    }

    pub(crate) async fn until_firing(&self, alert: &str) {
        self.until_it(alert, None, true).await;
    }

    /// Until no alert fires.
    pub(crate) async fn until_quiet(&self) {
        self.until("silence", async || self.firing().await.is_empty())
            .await;
    }

    pub(crate) async fn until_clear(&self, alert: &str) {
        self.until_it(alert, None, false).await;
    }

    /// Until it fires about this process (by the URL of its operator's port), or does not.
    pub(crate) async fn until_it(&self, alert: &str, about: Option<&str>, fires: bool) {
        let what = format!("{alert}, firing {fires}");
        self.until(&what, async || self.fires(alert, about).await == fires)
            .await;
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}; firing: {:?}",
                self.firing().await
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const INSTALL: &str = "install Prometheus (Debian: prometheus) or run scripts/test";

/// `promtool` to its end; what it said.
pub(crate) fn promtool(arguments: &[&str]) -> String {
    told(arguments, Stdio::null())
}

/// The same for one that reads this file.
pub(crate) fn promtool_reading(arguments: &[&str], file: &Path) -> String {
    told(arguments, std::fs::File::open(file).unwrap().into())
}

fn told(arguments: &[&str], input: Stdio) -> String {
    let ran = Command::new("promtool")
        .args(arguments)
        .stdin(input)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap_or_else(|error| panic!("promtool: {error}; {INSTALL}"));
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?}: {said}");
    said.into_owned()
}
