//! `ringback doctor` on what is well and on what is really broken.

use super::text;
use crate::support::postgres::Postgres;
use crate::support::process::{Home, ringback};
use crate::support::redis::Redis;
use crate::support::smtp::MailServer;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

/// What it says of one check, and whether all passed.
fn finding(home: &Home, check: &str) -> (String, bool) {
    read(&home.run(&["doctor"]), check)
}

fn read(output: &Output, check: &str) -> (String, bool) {
    let told = text(&output.stdout);
    let mut lines = told.lines().filter(|line| line[6..].starts_with(check));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no {check} in\n{told}{output:?}"));
    (line.to_owned(), output.status.success())
}

/// The check fails, with these words in what it says and in its fix.
fn fails(home: &Home, check: &str, words: &[&str]) {
    let (line, is_well) = finding(home, check);
    assert!(line.starts_with("FAIL") && !is_well, "{line}");
    assert!(line.contains("; fix: "), "{line}");
    for word in words {
        assert!(line.contains(word), "{word} is not in: {line}");
    }
}

fn passes(home: &Home, check: &str, word: &str) {
    let (line, _) = finding(home, check);
    assert!(line.starts_with("ok") && line.contains(word), "{line}");
}

#[test]
fn a_fresh_folder_is_well_and_nothing_is_made_in_it() {
    let home = Home::make_config("");
    let told = home.run(&["doctor"]);
    assert!(told.status.success(), "{told:?}");
    let shown = text(&told.stdout);
    assert!(
        shown.lines().all(|line| !line.starts_with("FAIL")),
        "{shown}"
    );
    passes(&home, "data folder", "is made at the first start");
    passes(&home, "vault key", "is made at the first start");
    passes(&home, "database", "SQLite, made at the first start");
    passes(&home, "queue", "in memory");
    assert!(!home.data().exists());
    let told = home.run(&["doctor", "--json"]);
    let told: Value = serde_json::from_str(&text(&told.stdout)).unwrap();
    assert_eq!(told[0]["check"], "configuration");
    assert_eq!(told[0]["level"], "ok");
    let mail = told
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["check"] == "mail");
    assert_eq!(mail.unwrap()["level"], "warn", "letters reach nobody");
    assert!(mail.unwrap()["fix"].is_string());
}

#[test]
fn the_folder_its_key_and_its_disk_are_looked_at() {
    let home = Home::make("");
    passes(&home, "vault key", "holds a key");
    passes(&home, "migrations", "up to date");
    let key = home.data().join("vault.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let (line, is_well) = finding(&home, "vault key");
    assert!(
        line.starts_with("warn") && line.contains("chmod 600") && is_well,
        "{line}"
    );
    let whole = std::fs::read(&key).unwrap();
    std::fs::write(&key, "short").unwrap();
    fails(&home, "vault key", &["64 hexadecimal digits", "backup"]);
    std::fs::remove_file(&key).unwrap();
    fails(&home, "sealed", &["put the vault key back"]);
    let mut other = whole.clone();
    other[0] = if other[0] == b'0' { b'1' } else { b'0' };
    std::fs::write(&key, other).unwrap();
    fails(&home, "sealed", &["copy the key file"]);
    std::fs::write(&key, whole).unwrap();
    passes(&home, "sealed", "opens them");

    let script = "mount -t tmpfs -o size=8m tmpfs \"$1\" && exec \"$2\" doctor --config \"$3\"";
    let told = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(home.data())
        .arg(env!("CARGO_BIN_EXE_ringback"))
        .arg(home.config())
        .output()
        .unwrap();
    let (line, is_well) = read(&told, "disk");
    assert!(line.starts_with("FAIL") && !is_well, "{line}");
    // No folder can be made there.
    let nowhere = Home::make_config("vault.unused = 1\n");
    fails(&nowhere, "configuration", &["vault"]);
    let config = std::fs::read_to_string(home.config()).unwrap();
    let there = home.data().display().to_string();
    std::fs::write(home.config(), config.replace(&there, "/proc/ringback")).unwrap();
    fails(&home, "data folder", &["/proc cannot be written"]);
}

#[test]
fn ports_and_open_files_are_looked_at() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let home = Home::make_config("");
    let config = std::fs::read_to_string(home.config()).unwrap();
    let api = "api.listen = \"127.0.0.1:0\"";
    let mine = format!("api.listen = \"{address}\"");
    std::fs::write(home.config(), config.replace(api, &mine)).unwrap();
    fails(
        &home,
        "api.listen",
        &[&address.to_string(), "stop what uses it"],
    );
    passes(&home, "operator.listen", "is free");
    let told = home.run_limited("-n 64", &["doctor"]);
    let (line, _) = read(&told, "open files");
    assert!(
        line.starts_with("FAIL") && line.contains("LimitNOFILE="),
        "{line}"
    );
    // What a gateway raises by itself is no trouble.
    let told = home.run_limited("-S -n 64", &["doctor"]);
    let (line, _) = read(&told, "open files");
    assert!(!line.starts_with("FAIL"), "{line}");
}

#[test]
fn a_gateway_raises_its_limit_of_open_files() {
    let home = Home::make_config("");
    let gateway = home.serve_limited("-S -n 64");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let now: Vec<&str> = files.unwrap().split_whitespace().skip(3).take(2).collect();
    assert_eq!(now[0], now[1], "all that it may");
    assert_ne!(now[0], "64");
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_and_the_queue_are_looked_at() {
    let store = Postgres::shared().await.database().await;
    let mut redis = Redis::start();
    let settings =
        |store: &str, queue: &str| format!("store.url = {store:?}\nqueue.url = {queue:?}\n");
    let queue = redis.url();
    let home = Home::make(&settings(&store, &queue));
    let told = home.run(&["doctor"]);
    assert!(told.status.success(), "{told:?}");
    passes(&home, "database", "PostgreSQL ");
    passes(&home, "clock", "ms apart");
    passes(&home, "sealed", "opens them");
    passes(&home, "queue", "noeviction");

    redis.command(&["CONFIG", "SET", "maxmemory", "100mb"]);
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    fails(&home, "queue", &["throws entries away", "noeviction"]);
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    passes(&home, "queue", "104857600 bytes");
    redis.kill();
    fails(&home, "queue", &["start Redis, or correct queue.url"]);

    // Another folder has another key.
    let other = Home::make_config(&settings(&store, &queue));
    std::fs::create_dir_all(other.data()).unwrap();
    std::fs::write(other.data().join("vault.key"), "0".repeat(64)).unwrap();
    fails(&other, "sealed", &["copy the key file"]);
    let join = if store.contains('?') { '&' } else { '?' };
    let careless = format!("{store}{join}options=-c%20synchronous_commit%3Doff");
    let careless = Home::make_config(&settings(&careless, &queue));
    fails(&careless, "database", &["a crash loses accepted results"]);
    let secret = "hunter2-hunter2";
    let absent = format!("postgres://me:{secret}@127.0.0.1:1/name");
    let absent = Home::make_config(&settings(&absent, &queue));
    fails(
        &absent,
        "database",
        &["start the server, or correct store.url"],
    );
    let told = absent.run(&["doctor", "--json"]);
    assert!(!text(&told.stdout).contains(secret), "{told:?}");
}

#[test]
fn names_trust_and_mail_are_looked_at() {
    let smtp = MailServer::start(&json!({}));
    let mail = format!("mail.url = \"smtp://127.0.0.1:{}\"\n", smtp.port);
    let home = Home::make_config(&mail);
    passes(&home, "mail", "greets us");
    passes(&home, "names", "names no other host");
    smtp.stop();
    fails(&home, "mail", &["start the server, or correct mail.url"]);
    // Longer than a name may be: nobody is asked.
    let long = format!("mail.url = \"smtp://{}.test:25\"\n", "a".repeat(64));
    fails(&Home::make_config(&long), "names", &["has no address"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nnone\n").unwrap();
    let trust = format!("delivery.extra_ca_file = {file:?}\n");
    fails(
        &Home::make_config(&trust),
        "outbound TLS",
        &["authorities.pem"],
    );
}

#[test]
fn a_gateway_that_runs_here_is_no_trouble() {
    let home = Home::make("");
    let gateway = home.serve();
    let config = std::fs::read_to_string(home.config()).unwrap();
    let real = |url: &str| url.trim_start_matches("http://").to_owned();
    let config = config
        .replace(
            "api.listen = \"127.0.0.1:0\"",
            &format!("api.listen = {:?}", real(&gateway.api)),
        )
        .replace(
            "operator.listen = \"127.0.0.1:0\"",
            &format!("operator.listen = {:?}", real(&gateway.operator)),
        );
    std::fs::write(home.config(), config).unwrap();
    let told = home.run(&["doctor"]);
    assert!(told.status.success(), "{told:?}");
    passes(&home, "api.listen", "a gateway runs here");
    // And then the commands of operators need no URL.
    let status = ringback(&["status", "--config"])
        .arg(home.config())
        .output();
    assert!(text(&status.unwrap().stdout).contains("stores     the journal answers"));
    gateway.kill();
}
