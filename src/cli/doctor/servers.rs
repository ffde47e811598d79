//! What a gateway talks to: names, certificates, the database, Redis, the mail server. Only
//! those that the configuration names.

use super::Finding;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::secret_url::mask_passwords;
use crate::delivery::client::extra_roots;
use crate::mail::Sender;
use crate::queue::redis::link::url as redis_url;
use crate::queue::redis::probe::{Server, probe};
use crate::records::probe::Probe;
use crate::vault::Vault;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use url::Url;

/// As the journal wants it.
const POSTGRES_VERSION_MIN: i64 = 150_000;
/// Signatures carry our time, and receivers refuse what is minutes off.
const CLOCK_OFF_MS_FAIL: u64 = 60_000;
const CLOCK_OFF_MS_WARN: u64 = 2_000;
const RESOLVE_MAX: Duration = Duration::from_secs(5);

/// Whether the names in the configuration have addresses.
pub(super) async fn names(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "names";
    let mut findings = Vec::new();
    for name in configured_names(config) {
        let looked = tokio::time::timeout(RESOLVE_MAX, tokio::net::lookup_host((&*name, 0))).await;
        let problem = match looked {
            Ok(Ok(mut found)) => match found.next() {
                Some(_) => {
                    findings.push(Finding::ok(CHECK, format!("{name} has an address")));
                    continue;
                }
                None => "it has none".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the resolver does not answer".to_owned(),
        };
        findings.push(Finding::fail(
            CHECK,
            format!("{name} has no address: {problem}"),
            "correct the name in the configuration, or /etc/resolv.conf",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "the configuration names no other host"));
    }
    findings
}

fn configured_names(config: &Config) -> BTreeSet<String> {
    let urls = [
        config.store.postgres_url(),
        config.mail.server_url(),
        config.billing.webhook_url(),
        Some(&*config.account.public_url),
    ];
    let single = urls.into_iter().flatten().filter_map(|url| {
        let url = Url::parse(url).ok()?;
        url.host_str().map(str::to_owned)
    });
    let redis = config.queue.redis_url().map(redis_url::parse);
    let redis = redis.and_then(Result::ok).into_iter();
    let many = redis.flat_map(|target| target.hosts.into_iter().map(|at| at.host));
    single
        .chain(many)
        .filter(|host| {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            !bare.is_empty() && bare.parse::<IpAddr>().is_err()
        })
        .collect()
}

/// Whether the certificate authorities for receivers can be read.
pub(super) fn trust(config: &Config) -> Finding {
    const CHECK: &str = "outbound TLS";
    match extra_roots(&config.delivery.extra_ca_file) {
        Ok(_) => Finding::ok(CHECK, "the trusted authorities can be read"),
        Err(error) => Finding::fail(
            CHECK,
            error.to_string(),
            "set delivery.extra_ca_file to a PEM file with certificates, or to nothing",
        ),
    }
}

/// The database, its clock, its schema and whether the key is its.
pub(super) async fn database(config: &Config, vault: Option<&Vault>) -> Vec<Finding> {
    const CHECK: &str = "database";
    let before = Clock::system().now();
    let found = match Probe::of(config).await {
        Ok(Some(found)) => found,
        Ok(None) => return vec![Finding::ok(CHECK, "SQLite, made at the first start")],
        Err(error) => {
            let fix = if config.store.postgres_url().is_some() {
                "start the server, or correct store.url"
            } else {
                "put records.db back from its backup (docs/backup.md)"
            };
            return vec![Finding::fail(
                CHECK,
                mask_passwords(&error.to_string()),
                fix,
            )];
        }
    };
    let mut findings = vec![server(&found), schema(&found)];
    if let Some(there) = found.clock_ms {
        findings.push(clock(there, before, Clock::system().now()));
    }
    if found.is_sealed() {
        findings.push(sealed(&found, vault));
    }
    findings
}

fn server(found: &Probe) -> Finding {
    const CHECK: &str = "database";
    let says = found.server.clone();
    if found.version.is_some_and(|it| it < POSTGRES_VERSION_MIN) {
        return Finding::fail(CHECK, says, "use PostgreSQL 15 or newer");
    }
    if !found.commits_are_kept {
        return Finding::fail(
            CHECK,
            format!("{says} with synchronous_commit = off: a crash loses accepted results"),
            "ALTER DATABASE ... SET synchronous_commit = on",
        );
    }
    Finding::ok(CHECK, says)
}

fn schema(found: &Probe) -> Finding {
    const CHECK: &str = "migrations";
    if found.migrations_unknown > 0 {
        return Finding::fail(
            CHECK,
            format!("{} are not of this version", found.migrations_unknown),
            "use the newer ringback that made them (docs/upgrade.md)",
        );
    }
    match found.migrations_missing {
        0 => Finding::ok(CHECK, "the schema is up to date"),
        n => Finding::ok(CHECK, format!("{n} run at the next start")),
    }
}

/// The server was asked between `before` and `after`.
fn clock(there: u64, before: u64, after: u64) -> Finding {
    const CHECK: &str = "clock";
    let off_ms = before
        .saturating_sub(there)
        .max(there.saturating_sub(after));
    let says = format!("the database's clock and ours are {off_ms} ms apart");
    let fix = "keep both machines on time, as with chrony";
    match off_ms {
        0..CLOCK_OFF_MS_WARN => Finding::ok(CHECK, says),
        CLOCK_OFF_MS_WARN..CLOCK_OFF_MS_FAIL => Finding::warn(CHECK, says, fix),
        _ => Finding::fail(CHECK, says, fix),
    }
}

fn sealed(found: &Probe, vault: Option<&Vault>) -> Finding {
    const CHECK: &str = "sealed secrets";
    let Some(vault) = vault else {
        return Finding::fail(
            CHECK,
            "there is no key that opens them",
            "put the vault key back from its backup, or set data.vault_key_file",
        );
    };
    match found.check_vault(vault) {
        Ok(()) => Finding::ok(CHECK, "the vault key opens them"),
        Err(error) => Finding::fail(
            CHECK,
            error.to_string(),
            "copy the key file of the gateway that made this store",
        ),
    }
}

/// Every master behind `queue.url`.
pub(super) async fn redis(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "queue";
    let Some(url) = config.queue.redis_url() else {
        return vec![Finding::ok(CHECK, "in memory")];
    };
    let file = &config.queue.redis_ca_file;
    let file = (!file.as_os_str().is_empty()).then(|| file.clone());
    match probe(url, file).await {
        Ok(servers) => servers.iter().map(redis_server).collect(),
        Err(error) => vec![Finding::fail(
            CHECK,
            mask_passwords(&error.to_string()),
            "start Redis, or correct queue.url",
        )],
    }
}

fn redis_server(server: &Server) -> Finding {
    const CHECK: &str = "queue";
    let says = format!("{} {}", server.name, server.version);
    if !server.is_new_enough {
        return Finding::fail(CHECK, says, "use Redis 7 or Valkey");
    }
    let policy = &server.policy;
    match server.memory_bytes_max {
        Some(_) if server.evicts() => Finding::fail(
            CHECK,
            format!("{says} throws entries away when its memory is full ({policy})"),
            "CONFIG SET maxmemory-policy noeviction, and in redis.conf",
        ),
        None if server.evicts() => Finding::warn(
            CHECK,
            format!("{says} has no maxmemory; with one it would throw entries away ({policy})"),
            "CONFIG SET maxmemory-policy noeviction, and in redis.conf",
        ),
        Some(bytes) => Finding::ok(CHECK, format!("{says}, {bytes} bytes, {policy}")),
        None => Finding::ok(CHECK, format!("{says}, {policy}")),
    }
}

/// Whether the mail server lets us in.
pub(super) async fn mail(config: &Config) -> Finding {
    const CHECK: &str = "mail";
    let sender = match Sender::open(config) {
        Ok(sender) => sender,
        Err(error) => return Finding::fail(CHECK, error.to_string(), "correct that setting"),
    };
    if config.mail.server_url().is_none() {
        return Finding::warn(
            CHECK,
            "letters go into the folder mails of data.dir, and reach nobody",
            "set mail.url to an SMTP server",
        );
    }
    match sender.greet().await {
        Ok(()) => Finding::ok(CHECK, "the server greets us"),
        Err(words) => Finding::fail(
            CHECK,
            mask_passwords(&words),
            "start the server, or correct mail.url and mail.ca_file",
        ),
    }
}
