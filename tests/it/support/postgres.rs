//! A real PostgreSQL server in a temporary folder: one for the whole test process, or one
//! of a test's own that it may stop and start. Ends with the process, however that ends.

use ringback::config::Config;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Whom the server knows. Nobody asks for the password, but no output may show it.
pub(crate) const PASSWORD: &str = "sesame-opens-nothing";
const USER: &str = "ringback";
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(1);
/// Statics are not dropped, so a shell ends the server, by a signal, when the pipe from the
/// test process closes, because it ended or because the server is to be stopped; then it
/// removes a folder, if one is named.
const WATCHER: &str = r#"signal=$1 folder=$2; shift 2
    "$@" & pid=$!
    read -r _; kill -"$signal" $pid; wait $pid
    [ -z "$folder" ] || rm -rf "$folder""#;

/// On a disk of its own that only the server sees, some of it taken by a file that can be
/// removed. A server that gives up is started again, as an init system would.
const ON_SMALL_DISK: &str = r#"mv "$1" "$1.kept" && mkdir -m 700 "$1" \
    && mount -t tmpfs -o mode=700,size="$2"m tmpfs "$1" && cp -a "$1.kept/." "$1" \
    && head -c "$3"M /dev/zero >"$1/reserve" || exit 1
    shift 3
    trap 'ended=yes; kill -QUIT $server' TERM
    while [ -z "$ended" ]; do unshare --map-user=1000 -- "$@" & server=$!; wait $server; done
    wait $server"#;

static SHARED: OnceCell<Postgres> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    watcher: Option<Child>,
    /// Removes the folder, unless the watcher does.
    own: Option<tempfile::TempDir>,
    /// Size of its disk and what is in reserve there, MiB.
    disk: Option<(u32, u32)>,
}

impl Postgres {
    /// The server that tests share.
    pub(crate) async fn shared() -> &'static Self {
        let start = || async { Self::make(false, None).await };
        SHARED.get_or_init(start).await
    }

    /// A server of one's own.
    pub(crate) async fn own() -> Self {
        Self::make(true, None).await
    }

    /// One of one's own on a disk of so many MiB, of which some can be given back to it
    /// ([`Postgres::make_room`]).
    pub(crate) async fn on_small_disk(mebibytes: u32, reserve: u32) -> Self {
        Self::make(true, Some((mebibytes, reserve))).await
    }

    /// Removes what takes the room of others on its small disk.
    pub(crate) fn make_room(&self) {
        let watcher = self.watcher.as_ref().expect("the server runs").id();
        let inside = children(watcher)[0];
        let data = self.data();
        std::fs::remove_file(format!("/proc/{inside}/root{}/reserve", data.display())).unwrap();
    }

    async fn make(own: bool, disk: Option<(u32, u32)>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let own = if own {
            Some(temporary)
        } else {
            let _removed_by_the_watcher = temporary.keep();
            None
        };
        let mut made = Self {
            port: free_port(),
            watcher: None,
            own,
            folder,
            disk,
        };
        made.initialise();
        made.start().await;
        made
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn initialise(&self) {
        if is_root() {
            let user = format!("{}:", server_user());
            let given = Command::new("chown").arg(user).arg(&self.folder).status();
            assert!(given.unwrap().success());
        }
        let made = as_server_user(&program("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--username", USER, "--pgdata"])
            .arg(self.data())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let mut settings = std::fs::read_to_string(self.data().join("postgresql.conf")).unwrap();
        write!(
            settings,
            "\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n\
             shared_buffers = '32MB'\nmax_connections = 300\n",
            self.port,
            self.folder.display()
        )
        .unwrap();
        std::fs::write(self.data().join("postgresql.conf"), settings).unwrap();
    }

    /// The server as its own user; on its small disk, if it has one, which ends with it.
    fn server(&self) -> Command {
        let Some((mebibytes, reserve)) = self.disk else {
            return as_server_user(&program("postgres"));
        };
        let mut shell = as_server_user(Path::new("unshare"));
        shell.args(["--map-root-user", "--mount", "sh", "-c"]);
        shell.args([ON_SMALL_DISK, "sh"]).arg(self.data());
        shell.args([mebibytes.to_string(), reserve.to_string()]);
        shell.arg(program("postgres"));
        shell
    }

    /// Starts it and waits until it answers. One on a small disk starts once.
    pub(crate) async fn start(&mut self) {
        let server = self.server();
        // A shell that was started in the background cannot listen to QUIT.
        let signal = if self.disk.is_some() { "TERM" } else { "QUIT" };
        let mut command = Command::new("sh");
        command.args(["-c", WATCHER, "sh", signal]);
        match self.own {
            Some(_) => command.arg(""),
            None => command.arg(&self.folder),
        };
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        command
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(self.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        self.watcher = Some(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = PgConnection::connect(&self.url("postgres")).await {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "no answer: {error}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it as a crash would; what is committed is there after the next start.
    pub(crate) fn stop(&mut self) {
        // A test may have failed while it stood still.
        self.resume();
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            watcher.wait().unwrap();
        }
    }

    /// Makes every process of the server stand still: connections stay open, none answers.
    pub(crate) fn pause(&self) {
        assert!(self.watcher.is_some(), "the server runs");
        self.signal_all("STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, signal: &str) {
        let Some(watcher) = self.watcher.as_ref().map(Child::id) else {
            return;
        };
        let server = children(watcher);
        let mut all: Vec<_> = server.iter().flat_map(|pid| children(*pid)).collect();
        all.extend(server);
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}"));
        kill.args(all.iter().map(u32::to_string));
        // A helper may have ended meanwhile; the others are signalled all the same.
        kill.stderr(Stdio::null()).status().unwrap();
    }

    /// A connection URL.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// A new, empty database; its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::SeqCst));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let sql = format!("CREATE DATABASE {name}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        self.url(&name)
    }
}

/// A test's own server ends with it; the shared one is never dropped.
impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a configuration use a new, empty database on the shared server.
pub(crate) async fn use_postgres(config: &mut Config) {
    let url = Postgres::shared().await.database().await;
    config.store.url = url.as_str().into();
}

fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let listed = std::fs::read_to_string(path).unwrap();
    let pids = listed.split_whitespace();
    pids.map(|pid| pid.parse().unwrap()).collect()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// From the path, or where Debian keeps it.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.map(|version| version.unwrap().path().join("bin")));
    }
    let found = folders.iter().map(|folder| folder.join(name));
    found
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| {
            panic!("{name} is missing: install the package postgresql, or run scripts/test")
        })
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// The server refuses to run as root.
fn server_user() -> &'static str {
    let known = Command::new("id").arg("postgres").output().unwrap();
    if known.status.success() {
        "postgres"
    } else {
        "nobody"
    }
}

fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let user = server_user();
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}
