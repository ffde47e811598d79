//! `ringback doctor`: whether a gateway could run here with this configuration, a line a
//! check, each failure with its fix. Looks only: makes no file that stays, changes no store,
//! sends nothing to anybody but the servers that the configuration names.

mod machine;
mod servers;

use crate::cli::ConfigArgs;
use crate::config::Config;
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Tell it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// It runs, but not as well or as safely as it should.
    Warn,
    /// It does not run, or loses what it should keep.
    Fail,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            says: says.into(),
            fix: None,
        }
    }

    fn warn(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            level: Level::Warn,
            fix: Some(fix.into()),
            ..Self::ok(check, says)
        }
    }

    fn fail(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            level: Level::Fail,
            ..Self::warn(check, says, fix)
        }
    }

    fn line(&self) -> String {
        let word = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let fix = self.fix.as_ref();
        let fix = fix.map_or_else(String::new, |fix| format!("; fix: {fix}"));
        // What a server says may have several lines.
        let says: Vec<_> = self.says.split_whitespace().collect();
        let says = says.join(" ");
        format!("{word:<4}  {:<15}  {says}{fix}", self.check)
    }
}

pub(super) async fn run(args: DoctorArgs) -> Result<()> {
    let findings = match args.config.load() {
        Ok(config) => examine(&config).await,
        Err(error) => vec![Finding::fail(
            "configuration",
            format!("{error:#}"),
            "correct these settings; until then nothing else can be checked",
        )],
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            println!("{}", finding.line());
        }
    }
    let failed = findings.iter().filter(|it| it.level == Level::Fail);
    match failed.count() {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        n => bail!("{n} checks failed"),
    }
}

async fn examine(config: &Config) -> Vec<Finding> {
    let (key, vault) = machine::vault_key(config);
    let mut findings = vec![
        Finding::ok("configuration", "every setting can work"),
        machine::data_folder(config),
        machine::disk(config),
        key,
        machine::open_files(config),
    ];
    findings.extend(machine::ports(config).await);
    findings.extend(servers::names(config).await);
    findings.push(servers::trust(config));
    findings.extend(servers::database(config, vault.as_ref()).await);
    findings.extend(servers::redis(config).await);
    findings.push(servers::mail(config).await);
    findings
}
