//! What `[integrations]` means: who this gateway is at the clouds of its customers.

use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Longest time a signed URL is good, seconds: what signs it lives for an hour.
const SIGNED_URL_VALID_S_MAX: u64 = 3000;

/// `[integrations]`
///
/// Each field's meaning, unit and default: `config/ringback.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrations {
    /// `request_timeout_ms`, see `config/ringback.toml`.
    pub request_timeout_ms: u64,
    /// `signed_url_valid_s`, see `config/ringback.toml`.
    pub signed_url_valid_s: u64,
    /// `results_inline_bytes_max`, see `config/ringback.toml`.
    pub results_inline_bytes_max: usize,
    /// `ca_file`, see `config/ringback.toml`.
    pub ca_file: PathBuf,
    /// `[integrations.aws]`
    pub aws: Aws,
    /// `[integrations.gcp]`
    pub gcp: Gcp,
    /// `[integrations.azure]`
    pub azure: Azure,
}

/// `[integrations.aws]`: off without an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// `account_id`, see `config/ringback.toml`.
    pub account_id: String,
    /// `access_key_id`, see `config/ringback.toml`.
    pub access_key_id: String,
    /// `secret_key_file`, see `config/ringback.toml`.
    pub secret_key_file: PathBuf,
    /// `sts_endpoint`, see `config/ringback.toml`.
    pub sts_endpoint: String,
    /// `endpoint`, see `config/ringback.toml`.
    pub endpoint: String,
}

/// `[integrations.gcp]`: off without a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gcp {
    /// `key_file`, see `config/ringback.toml`.
    pub key_file: PathBuf,
    /// `iam_endpoint`, see `config/ringback.toml`.
    pub iam_endpoint: String,
    /// `endpoint`, see `config/ringback.toml`.
    pub endpoint: String,
}

/// `[integrations.azure]`: off without an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Azure {
    /// `application_id`, see `config/ringback.toml`.
    pub application_id: String,
    /// `secret_file`, see `config/ringback.toml`.
    pub secret_file: PathBuf,
    /// `login_endpoint`, see `config/ringback.toml`.
    pub login_endpoint: String,
    /// `endpoint`, see `config/ringback.toml`.
    pub endpoint: String,
}

impl Integrations {
    /// Every broken rule.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.request_timeout_ms == 0 {
            problems.push("integrations.request_timeout_ms must be at least 1".to_owned());
        }
        if !(60..=SIGNED_URL_VALID_S_MAX).contains(&self.signed_url_valid_s) {
            problems.push(format!(
                "integrations.signed_url_valid_s must be from 60 to {SIGNED_URL_VALID_S_MAX}"
            ));
        }
        let is_account = |id: &str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
        if !self.aws.account_id.is_empty() && !is_account(&self.aws.account_id) {
            problems.push("integrations.aws.account_id must be 12 digits".to_owned());
        }
        let azure = self.azure.endpoint.replace("{account}", "account");
        for (name, url) in [
            ("aws.sts_endpoint", &self.aws.sts_endpoint),
            ("aws.endpoint", &self.aws.endpoint),
            ("gcp.iam_endpoint", &self.gcp.iam_endpoint),
            ("gcp.endpoint", &self.gcp.endpoint),
            ("azure.login_endpoint", &self.azure.login_endpoint),
            ("azure.endpoint", &azure),
        ] {
            let is_http = |url: &Url| matches!(url.scheme(), "http" | "https");
            if !url.is_empty() && !Url::parse(url).as_ref().is_ok_and(is_http) {
                problems.push(format!(
                    "integrations.{name} must be a URL such as https://cloud.example"
                ));
            }
        }
        problems
    }
}

impl Config {
    /// How long a signed URL is good.
    #[must_use]
    pub fn signed_url_valid(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.integrations.signed_url_valid_s)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn build(text: &str) -> Result<Config, String> {
        Config::build(Some(("test.toml", text)), std::iter::empty())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (text, name) in [
            (
                "integrations.aws.account_id = \"12\"",
                "integrations.aws.account_id",
            ),
            (
                "integrations.azure.endpoint = \"ftp://x\"",
                "azure.endpoint",
            ),
            (
                "integrations.gcp.iam_endpoint = \"x\"",
                "integrations.gcp.iam_endpoint",
            ),
            (
                "integrations.signed_url_valid_s = 3600",
                "signed_url_valid_s",
            ),
        ] {
            let problem = build(text).unwrap_err();
            assert!(problem.contains(name), "{problem}");
        }
        assert!(build("integrations.azure.endpoint = \"https://{account}.blob.test\"").is_ok());
    }

    #[test]
    fn a_setting_below_a_section_can_come_from_the_environment() {
        let name = "RINGBACK__INTEGRATIONS__AWS__ACCOUNT_ID".to_owned();
        let set = [(name, "123456789012".to_owned())];
        let config = Config::build(None, set.into_iter()).unwrap();
        assert_eq!(config.integrations.aws.account_id, "123456789012");
    }
}
