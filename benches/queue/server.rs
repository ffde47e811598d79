//! A Redis server of a benchmark's own, killed at its end.

use ::redis::{Client, Cmd, Connection, FromRedisValue, Value};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const START_PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Redis {
    child: Child,
    port: u16,
    connection: Mutex<Connection>,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// Without persistence: the queue is disposable.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("install Redis 7 (Debian: redis-server) or run scripts/test");
        let started = Instant::now();
        let client = Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
        let connection = loop {
            match client.get_connection() {
                Ok(connection) => break Mutex::new(connection),
                Err(error) => assert!(started.elapsed() < START_PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Self {
            child,
            port,
            connection,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn command(&self, words: &[&str]) -> Value {
        let mut command = Cmd::new();
        for word in words {
            command.arg(word);
        }
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        command.query(&mut *connection).unwrap()
    }

    /// Processor time of Redis's one thread since its start, microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        let text = String::from_redis_value(self.command(&["INFO", "cpu"])).unwrap();
        let seconds = |line: &str| -> Option<f64> {
            let (name, value) = line.split_once(':')?;
            name.ends_with("_main_thread").then(|| value.parse().ok())?
        };
        text.lines().filter_map(seconds).sum::<f64>() * 1e6
    }

    /// Time spent in scripts since the last `CONFIG RESETSTAT`, microseconds.
    pub(crate) fn script_us(&self) -> f64 {
        let text = String::from_redis_value(self.command(&["INFO", "commandstats"])).unwrap();
        let usec = |line: &str| -> Option<f64> {
            line.split("usec=").nth(1)?.split(',').next()?.parse().ok()
        };
        let lines = text
            .lines()
            .filter(|line| line.starts_with("cmdstat_evalsha:"));
        lines.filter_map(usec).sum::<f64>()
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        let text = String::from_redis_value(self.command(&["INFO", "memory"])).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
