//! Every command of `docs/backup.md` as it stands: a copy is made while results are taken and
//! delivered, everything else is lost, and what the copy brings back goes on.

use crate::support::endpoint::Endpoint;
use crate::support::postgres::{Postgres, program};
use crate::support::process::{Gateway, Home};
use crate::support::redis::Redis;
use serde_json::json;
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the block of this name with these variables.
fn run(name: &str, variables: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/backup.md");
    let text = std::fs::read_to_string(path).unwrap();
    let head = format!("```sh {name}\n");
    let (_, rest) = text.split_once(&head).unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let ringback = Path::new(env!("CARGO_BIN_EXE_ringback")).parent().unwrap();
    let postgres = program("pg_dump").parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![ringback.to_owned(), postgres];
    folders.extend(std::env::split_paths(&path));
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", block])
        .env("PATH", std::env::join_paths(folders).unwrap())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{block}\n{ran:?}");
}

/// Results that are handed in without end.
struct Load {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
}

impl Load {
    fn begin(gateway: &Arc<Gateway>) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (stopped, gateway) = (stop.clone(), gateway.clone());
        let task = tokio::spawn(async move {
            let mut n = 0;
            while !stopped.load(Ordering::SeqCst) {
                let events: Vec<_> = (n..n + 20).map(|n| format!("load-{n}")).collect();
                gateway.hand_in(&events).await.unwrap();
                n += 20;
            }
            n
        });
        Self { stop, task }
    }

    /// How many it was.
    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

/// Takes results that are delivered, and some whose endpoint does not answer; answers the
/// latter, and the callback auth key that all of them bring.
async fn fill(gateway: &Gateway, well: &Endpoint, silent: &Endpoint) -> (HashSet<String>, String) {
    gateway
        .put_team(json!({"default_callback_url": well.url()}))
        .await;
    let delivered: Vec<_> = (0..20).map(|n| format!("delivered-{n}")).collect();
    gateway.hand_in(&delivered).await.unwrap();
    well.got_at_least(20).await;
    let auth = well.got()[0].headers["scale-callback-auth"]
        .to_str()
        .unwrap()
        .to_owned();
    gateway
        .put_team(json!({"default_callback_url": silent.url()}))
        .await;
    let waiting: Vec<_> = (0..40).map(|n| format!("waiting-{n}")).collect();
    let waiting = gateway.hand_in(&waiting).await.unwrap();
    silent.got_at_least(1).await;
    gateway
        .put_team_named("team_b", json!({"default_callback_url": well.url()}))
        .await;
    (waiting.into_iter().collect(), auth)
}

/// What waited when the copy was made is delivered by the gateway that has it, with the key
/// that the vault opens.
async fn goes_on(gateway: &Gateway, waiting: &HashSet<String>, auth: &str, silent: &Endpoint) {
    silent.let_go();
    silent.got_ids(waiting).await;
    let got = silent.got();
    let late = got.iter().filter(|got| waiting.contains(got.id()));
    assert!(late.clone().count() >= waiting.len());
    assert!(
        late.clone()
            .all(|got| got.headers["scale-callback-auth"] == auth)
    );
    let (_, metrics) = gateway.operator("/metrics").await;
    assert!(metrics.contains("ringback_ledger_imbalance 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_installation_is_copied_under_load_and_goes_on_elsewhere() {
    let home = Home::make("");
    let gateway = Arc::new(home.serve());
    let (well, silent) = (Endpoint::answering([200]).await, Endpoint::hanging().await);
    let (waiting, auth) = fill(&gateway, &well, &silent).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let (backup, data) = (backup.to_str().unwrap(), home.data());
    let (keys, config) = (folder.path().to_str().unwrap(), home.config());
    let mut variables = vec![
        ("BACKUP", backup),
        ("KEYS", keys),
        ("DATA", data.to_str().unwrap()),
        ("CONFIG", config.to_str().unwrap()),
    ];
    std::fs::create_dir_all(data.join("files/a")).unwrap();
    std::fs::write(data.join("files/a/b"), "an uploaded file").unwrap();
    run("key", &variables);
    let load = Load::begin(&gateway);
    well.got_at_least(20).await;
    run("backup-sqlite", &variables);
    assert!(load.end().await > 0);
    let again = home.run(&["backup", backup]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        told.contains("exists: a backup is made in a folder of its own"),
        "{told}"
    );
    Arc::into_inner(gateway).unwrap().kill();

    // The machine is lost. Another folder, the same settings otherwise.
    let other = Home::make_config("");
    let (data, config) = (other.data(), other.config());
    variables[2].1 = data.to_str().unwrap();
    variables[3].1 = config.to_str().unwrap();
    run("restore-sqlite", &variables);
    assert_eq!(
        std::fs::read(data.join("files/a/b")).unwrap(),
        b"an uploaded file"
    );
    let gateway = other.serve();
    goes_on(&gateway, &waiting, &auth, &silent).await;
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distributed_installation_is_dumped_under_load_and_goes_on_elsewhere() {
    let postgres = Postgres::shared().await;
    let (store, new_store) = (postgres.database().await, postgres.database().await);
    let redis = Redis::start();
    let queue = redis.url();
    let settings = |store: &str| format!("store.url = {store:?}\nqueue.url = {queue:?}\n");
    let home = Home::make(&settings(&store));
    let gateway = Arc::new(home.serve());
    let (well, silent) = (Endpoint::answering([200]).await, Endpoint::hanging().await);
    let (waiting, auth) = fill(&gateway, &well, &silent).await;
    let folder = tempfile::tempdir().unwrap();
    let (backup, keys) = (folder.path().join("ringback.dump"), folder.path());
    let other = Home::make_config(&settings(&new_store));
    let (data, other_data, config) = (home.data(), other.data(), other.config());
    let mut variables = vec![
        ("DATA", data.to_str().unwrap()),
        ("BACKUP", backup.to_str().unwrap()),
        ("KEYS", keys.to_str().unwrap()),
        ("CONFIG", config.to_str().unwrap()),
        ("STORE_URL", &store),
        ("NEW_STORE_URL", &new_store),
        ("REDIS_URL", &queue),
    ];
    run("key", &variables);
    let load = Load::begin(&gateway);
    well.got_at_least(20).await;
    run("backup-postgres", &variables);
    assert!(load.end().await > 0);
    let refused = home.run(&["backup", "/tmp/nowhere"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("pg_dump makes its backup"), "{told}");
    Arc::into_inner(gateway).unwrap().kill();

    std::fs::create_dir_all(&other_data).unwrap();
    variables[0].1 = other_data.to_str().unwrap();
    run("restore-postgres", &variables);
    let gateway = other.serve();
    goes_on(&gateway, &waiting, &auth, &silent).await;
    gateway.kill();
}
