//! Real Redis servers, each started by a test on a free port in a folder of its own and
//! killed at its end. Nothing outlives a test, nothing is shared between tests.

#![expect(clippy::unwrap_used, reason = "a server that fails fails the test")]

pub(crate) mod cluster; // three masters
pub(crate) mod queue_keys; // what the queue keeps, counted without its help
pub(crate) mod sentinels; // a master, its replica, and who watches them
mod server; // one process

pub(crate) use server::Program;

use crate::support::authority::Authority;
use redis::{Connection, FromRedisValue, Value};
use server::Server;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One server. Without a password and without persistence unless asked.
pub(crate) struct Redis {
    server: Server,
    password: Option<String>,
}

/// A hang is told after this.
const PATIENCE: Duration = Duration::from_secs(20);

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments, such as `["--maxmemory", "4mb"]` or `["--appendonly", "yes"]`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::of(Server::start(Program::Redis, arguments, None))
    }

    pub(crate) fn start_valkey() -> Self {
        Self::of(Server::start(Program::Valkey, &[], None))
    }

    /// Asks every client for this password.
    pub(crate) fn with_password(password: &str) -> Self {
        let mut redis = Self::start_with(&["--requirepass", password]);
        redis.password = Some(password.to_owned());
        redis
    }

    /// Speaks TLS to everybody but [`Redis::command`].
    pub(crate) fn with_tls(authority: &Authority) -> Self {
        Self::of(Server::start(Program::Redis, &[], Some(authority)))
    }

    fn of(server: Server) -> Self {
        Self {
            server,
            password: None,
        }
    }

    /// For `queue.url`.
    pub(crate) fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// As [`Redis::url`], by way of a proxy.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        let scheme = self.server.scheme();
        match &self.password {
            Some(password) => format!("{scheme}://:{password}@{address}"),
            None => format!("{scheme}://{address}"),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// One command to its answer.
    pub(crate) fn command(&self, words: &[&str]) -> Value {
        command(self.server.port, self.password.as_deref(), words)
    }

    /// Everything it holds, as it dumps it; not compressed.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.command(&["CONFIG", "SET", "rdbcompression", "no"]);
        self.command(&["SAVE"]);
        let folder = self.command(&["CONFIG", "GET", "dir"]);
        let folder = Vec::<String>::from_redis_value(folder).unwrap();
        std::fs::read(std::path::Path::new(&folder[1]).join("dump.rdb")).unwrap()
    }

    /// Several commands that nothing comes between.
    pub(crate) fn transaction(&self, commands: &[Vec<String>]) -> Vec<Value> {
        transaction(self.server.port, self.password.as_deref(), commands)
    }

    /// One figure of `INFO`, such as `used_memory`.
    pub(crate) fn info(&self, figure: &str) -> String {
        let text = String::from_redis_value(self.command(&["INFO", "everything"])).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no {figure}"))
            .to_owned()
    }

    /// What clients sent within this time, a line each; not what scripts called.
    pub(crate) async fn monitor(&self, time: Duration) -> Vec<String> {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(b"MONITOR\r\n").await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let mut seen = Vec::new();
        let read = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                seen.push(line);
            }
        };
        let ended = tokio::time::timeout(time, read).await;
        assert!(ended.is_err(), "the server goes on");
        assert_eq!(seen.first().map(String::as_str), Some("+OK"));
        seen.retain(|line| line.contains('"') && !line.contains(" lua] "));
        seen
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Kills it if it runs, and starts it on the same port: empty unless it persists.
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }

    /// Stands still: its sockets stay open, nothing is answered.
    pub(crate) fn pause(&self) {
        self.server.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.server.signal("CONT");
    }
}

fn connection(port: u16, password: Option<&str>) -> redis::RedisResult<Connection> {
    let login = password.map_or_else(String::new, |password| format!(":{password}@"));
    let client = redis::Client::open(format!("redis://{login}127.0.0.1:{port}/")).unwrap();
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn command(port: u16, password: Option<&str>, words: &[&str]) -> Value {
    let answer = try_command(port, password, words);
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn try_command(port: u16, password: Option<&str>, words: &[&str]) -> redis::RedisResult<Value> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    connection(port, password).and_then(|mut connection| command.query(&mut connection))
}

fn transaction(port: u16, password: Option<&str>, commands: &[Vec<String>]) -> Vec<Value> {
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    for words in commands {
        pipeline.cmd(&words[0]).arg(&words[1..]);
    }
    let answers =
        connection(port, password).and_then(|mut connection| pipeline.query(&mut connection));
    answers.unwrap_or_else(|error| panic!("{commands:?}: {error}"))
}

/// Polls until it holds. Blocks: what is waited for happens in other processes.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let hang = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < hang, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
