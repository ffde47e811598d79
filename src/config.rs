//! Embedded defaults + file + environment → [`Config`]. The only reader of the
//! environment. All cross-field rules are in `config/rules.rs`; every problem
//! is reported at once.

mod account;
mod billing;
pub mod files;
pub mod integrations;
mod queue;
mod rules;
pub mod secret_url;
mod store;
mod traces;

use crate::config::secret_url::{SecretUrl, mask_passwords};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The documented defaults; also the documentation itself.
pub const DEFAULTS: &str = include_str!("../config/ringback.toml");

/// The environment variables that override settings start with this.
const ENVIRONMENT_PREFIX: &str = "RINGBACK__";

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])* ///
        /// Each field's meaning, unit and default: `config/ringback.toml`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(
            #[doc = concat!("`", stringify!($field), "`, see `config/ringback.toml`.")]
            pub $field: $kind,
        )* }
    };
}

section!(
    /// Every setting.
    Config {
        data: Data, store: Store, files: Files, api: Api, operator: Operator, intake: Intake,
        account: Account, integrations: integrations::Integrations, mail: Mail, billing: Billing, work: Work, queue: Queue, delivery: Delivery, retry: Retry,
        retention: Retention, shutdown: Shutdown, log: Log, traces: Traces,
    }
);
section!(
    /// `[data]`
    Data { dir: PathBuf, vault_key_file: PathBuf }
);
section!(
    /// `[store]`
    Store { url: SecretUrl, connections_max: u32 }
);
section!(
    /// `[files]`
    Files {
        url: SecretUrl, file_bytes_max: u64, uploads_max: usize, upload_timeout_ms: u64,
        import_timeout_ms: u64, unused_days: u32,
    }
);
section!(
    /// `[api]`
    Api {
        listen: SocketAddr, body_bytes_max: usize, item_bytes_max: usize, item_depth_max: usize,
        items_max: usize, caller_requests_per_s: u32, caller_requests_burst: u32, head_timeout_ms: u64, body_timeout_ms: u64,
        connections_max: usize, connections_per_ip_max: usize, trusted_proxies: Vec<IpNet>,
    }
);
section!(
    /// `[operator]`
    Operator { listen: SocketAddr, teams_named_max: usize }
);
section!(
    /// `[intake]`
    Intake { commit_items_max: usize, team_pending_max: u64 }
);
section!(
    /// `[account]`
    Account {
        public_url: String, invite_valid_hours: u32, session_valid_hours: u32,
        sign_in_account_tries_max: u32, sign_in_address_tries_max: u32, sign_in_window_ms: u64,
    }
);
section!(
    /// `[mail]`
    Mail { url: SecretUrl, from: String, ca_file: PathBuf, timeout_ms: u64, give_up_hours: u32 }
);
section!(
    /// `[billing]`
    Billing {
        currency: String, issuer: String, due_days: u32, representative: String, webhook_url: String,
    }
);
section!(
    /// `[work]`
    Work { task_types: Vec<String>, task_types_off: Vec<String>, projects_max: u32 }
);
section!(
    /// `[queue]`
    Queue {
        url: SecretUrl, redis_prefix: String, redis_shards: u32, redis_ca_file: PathBuf,
        slots: u32, lane_cap: u32, lease_ms: u64,
    }
);
section!(
    /// `[delivery]`
    Delivery {
        attempt_timeout_ms: u64, connect_timeout_ms: u64, response_head_bytes_max: usize,
        response_body_bytes_max: usize, response_body_bytes_kept: usize, idle_timeout_ms: u64,
        private_networks_allowed: Vec<IpNet>, extra_ca_file: PathBuf, hot_bodies_bytes_max: u64,
    }
);
section!(
    /// `[retry]`
    Retry { retries_max: u32, first_delay_ms: u64, factor: f64, jitter: f64 }
);
section!(
    /// `[retention]`
    Retention { delivered_days: u32, dead_days: u32 }
);
section!(
    /// `[shutdown]`
    Shutdown { grace_ms: u64 }
);
section!(
    /// `[log]`
    Log { format: LogFormat, filter: String }
);
section!(
    /// `[traces]`
    Traces { otlp_url: String, percent: f64 }
);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, an unknown setting, a wrong type.
    #[error("{origin}: {message}")]
    Malformed {
        /// The file, or the environment variable.
        origin: String,
        /// What is wrong, with its place.
        message: String,
    },
    /// Well formed, but some values cannot work; all of them are listed.
    #[error("the configuration cannot work:\n  {}", .0.join("\n  "))]
    Problems(Vec<String>),
}

impl Config {
    /// Defaults, then `file`, then the process environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting and the fix.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let environment = std::env::vars().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX));
        let text = file.map(read).transpose()?;
        let origin = file.map_or_else(String::new, |path| path.display().to_string());
        Self::build(
            text.as_deref().map(|text| (origin.as_str(), text)),
            environment,
        )
    }

    /// As [`Config::load`], from values: `file` is its name and its text.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting and the fix.
    pub fn build(
        file: Option<(&str, &str)>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = parse("config/ringback.toml", DEFAULTS)?;
        if let Some((origin, text)) = file {
            let table = parse(origin, text)?;
            merge(&mut settings, table);
            check_shape(origin, &settings)?;
        }
        for (name, value) in environment {
            set_from_environment(&mut settings, &name, &value)?;
            check_shape(&name, &settings)?;
        }
        let config = check_shape("config/ringback.toml", &settings)?;
        let problems = config.problems();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Problems(problems))
        }
    }

    /// The settings in force, as TOML, passwords in URLs masked. Other secrets live in files.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("every setting has a TOML form")
    }

    /// Where the vault's key is.
    #[must_use]
    pub fn vault_key_path(&self) -> PathBuf {
        if self.data.vault_key_file.as_os_str().is_empty() {
            self.data.dir.join("vault.key")
        } else {
            self.data.vault_key_file.clone()
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn parse(origin: &str, text: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>()
        .map_err(|error| malformed(origin, &error))
}

fn check_shape(origin: &str, settings: &Table) -> Result<Config, ConfigError> {
    Config::deserialize(Value::Table(settings.clone())).map_err(|error| malformed(origin, &error))
}

fn malformed(origin: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError::Malformed {
        origin: origin.to_owned(),
        // The message quotes the line at fault.
        message: mask_passwords(error.to_string().trim_end()),
    }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => merge(inner, value),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// `RINGBACK__API__LISTEN=...` sets `api.listen`. The value is read as TOML where the
/// setting is not text, so numbers and lists can be given.
fn set_from_environment(settings: &mut Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let unknown = || ConfigError::Malformed {
        origin: name.to_owned(),
        message: "no such setting; the name is RINGBACK__<SECTION>__<SETTING>".to_owned(),
    };
    let path = name.trim_start_matches(ENVIRONMENT_PREFIX).to_lowercase();
    let (section, keys) = path.split_once("__").ok_or_else(unknown)?;
    let mut slot = settings.get_mut(section).ok_or_else(unknown)?;
    for key in keys.split("__") {
        slot = slot.get_mut(key).ok_or_else(unknown)?;
    }
    *slot = if slot.is_str() {
        Value::String(value.to_owned())
    } else {
        let line = format!("value = {value}");
        parse(name, &line)?.remove("value").ok_or_else(unknown)?
    };
    Ok(())
}

#[cfg(test)]
mod tests;
