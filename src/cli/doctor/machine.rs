//! What the machine itself must have: a folder, room, a key, files and ports.

use super::Finding;
use crate::cli::open_files;
use crate::config::Config;
use crate::folder::{self, MOVED};
use crate::vault::Vault;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const MEBIBYTE: u64 = 1 << 20;
/// Below it, the journal may refuse at any moment.
const ROOM_MIB_MIN: u64 = 64;
/// Below it, somebody should look.
const ROOM_MIB_EASY: u64 = 1024;
/// Files of a process beside its connections: databases, logs, certificates.
const OTHER_FILES: u64 = 128;
/// For a gateway that may run on our ports.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Whether the data folder can be written.
pub(super) fn data_folder(config: &Config) -> Finding {
    const CHECK: &str = "data folder";
    let folder = &config.data.dir;
    let shown = folder.display();
    if config.store.postgres_url().is_none() && folder::was_moved(folder) {
        return Finding::fail(CHECK, format!("{shown} is a store no more"), MOVED);
    }
    let nearest = nearest(folder);
    match try_to_write(nearest) {
        Ok(()) if nearest == folder => Finding::ok(CHECK, format!("{shown} can be written")),
        Ok(()) => Finding::ok(CHECK, format!("{shown} is made at the first start")),
        Err(error) => Finding::fail(
            CHECK,
            format!("{} cannot be written: {error}", nearest.display()),
            "give it to the gateway's user (chown), or set data.dir to another folder",
        ),
    }
}

/// The folder itself, or what will hold it.
fn nearest(folder: &Path) -> &Path {
    let here = Path::new(".");
    let mut places = folder.ancestors();
    let found = places.find(|place| !place.as_os_str().is_empty() && place.exists());
    found.unwrap_or(here)
}

fn try_to_write(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!("doctor-{}", std::process::id()));
    std::fs::write(&file, b"x")?;
    std::fs::remove_file(&file)
}

/// Whether there is room.
pub(super) fn disk(config: &Config) -> Finding {
    const CHECK: &str = "disk";
    let place = nearest(&config.data.dir);
    let Some((free, _)) = folder::room(place) else {
        let says = format!("{} does not tell how much is free", place.display());
        return Finding::warn(CHECK, says, "set data.dir to a folder on a local disk");
    };
    let room = free / MEBIBYTE;
    let says = format!("{room} MiB are free for {}", config.data.dir.display());
    let fix = "free some, or put data.dir on a larger disk";
    match room {
        0..ROOM_MIB_MIN => Finding::fail(CHECK, says, fix),
        ROOM_MIB_MIN..ROOM_MIB_EASY => Finding::warn(CHECK, says, fix),
        _ => Finding::ok(CHECK, says),
    }
}

/// Whether the key file holds a key that only its owner may read. No key is made.
pub(super) fn vault_key(config: &Config) -> (Finding, Option<Vault>) {
    const CHECK: &str = "vault key";
    let path = config.vault_key_path();
    let shown = path.display();
    if !path.exists() {
        let says = format!("{shown} is made at the first start");
        return (Finding::ok(CHECK, says), None);
    }
    let vault = match Vault::open(&path) {
        Ok(vault) => vault,
        Err(error) => {
            let fix = "put the key back from its backup; without it no sealed secret opens";
            return (Finding::fail(CHECK, error.to_string(), fix), None);
        }
    };
    let mode = std::fs::metadata(&path).map_or(0, |found| found.permissions().mode());
    let of_others = mode & 0o077;
    let finding = if of_others == 0 {
        Finding::ok(CHECK, format!("{shown} holds a key"))
    } else {
        Finding::warn(
            CHECK,
            format!("{shown} can be read by others than its owner"),
            format!("chmod 600 {shown}"),
        )
    };
    (finding, Some(vault))
}

/// Whether all connections that the settings permit can be open at one time.
pub(super) fn open_files(config: &Config) -> Finding {
    const CHECK: &str = "open files";
    let servers = u64::from(config.store.connections_max) + OTHER_FILES;
    let least = u64::from(config.queue.slots) + servers;
    let most = least + config.api.connections_max as u64;
    let Some(limit) = open_files::most() else {
        return Finding::ok(CHECK, "without limit");
    };
    let says = format!("{limit} may be open, the settings need up to {most}");
    let fix = format!("ulimit -n {most}, or LimitNOFILE={most} in the systemd unit");
    if limit < least {
        Finding::fail(CHECK, says, fix)
    } else if limit < most {
        Finding::warn(CHECK, says, fix)
    } else {
        Finding::ok(CHECK, says)
    }
}

/// Whether both ports are free, or a gateway has them.
pub(super) async fn ports(config: &Config) -> Vec<Finding> {
    let gateway_runs = gateway_runs(config.operator.listen).await;
    [
        ("api.listen", config.api.listen),
        ("operator.listen", config.operator.listen),
    ]
    .map(|(check, address)| port(check, address, gateway_runs))
    .into()
}

fn port(check: &'static str, address: SocketAddr, gateway_runs: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && gateway_runs => {
            Finding::ok(check, format!("{address} is taken; a gateway runs here"))
        }
        Err(error) => Finding::fail(
            check,
            format!("{address}: {error}"),
            format!("stop what uses it, or set {check} to an address of this machine"),
        ),
    }
}

async fn gateway_runs(operator: SocketAddr) -> bool {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ANSWER_MAX)
        .build();
    let Ok(client) = client else {
        return false;
    };
    let url = format!("http://{operator}/healthz");
    match client.get(url).send().await {
        Ok(answer) => answer.text().await.is_ok_and(|text| text == "ok\n"),
        Err(_) => false,
    }
}
