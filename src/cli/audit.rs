//! `ringback audit list|verify`: works beside a running gateway or without one.

use crate::cli::{ConfigArgs, open_records};
use crate::records::Records;
use crate::records::audit::{AuditRow, Chain};
use crate::time::shown;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Entries shown at once at most.
const LIST_MAX: u32 = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show the newest entries of a log, oldest first
    List {
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIST_MAX)))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        team: TeamArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Walk every log from its first entry to its last; exits with 1 if one was changed
    Verify {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct TeamArgs {
    /// Whose log; without it the operator's own
    #[arg(long, value_name = "ID", default_value = "")]
    team: String,
}

pub(super) async fn run(command: AuditCommand) -> Result<()> {
    let (AuditCommand::List { config, .. } | AuditCommand::Verify { config }) = &command;
    let records = open_records(&config.load()?).await?;
    let done = match &command {
        AuditCommand::List {
            limit, json, team, ..
        } => list(&records, &team.team, *limit, *json).await,
        AuditCommand::Verify { .. } => verify(&records).await,
    };
    records.close().await;
    done
}

async fn list(records: &Records, team: &str, limit: u32, is_json: bool) -> Result<()> {
    let rows = records.audit_before(team, None, limit).await?;
    if is_json {
        println!("{}", rows.iter().rev().map(view).collect::<Value>());
        return Ok(());
    }
    for row in rows.iter().rev() {
        println!("{}", line(row));
    }
    Ok(())
}

fn view(row: &AuditRow) -> Value {
    let entry = &row.entry;
    json!({
        "seq": row.seq,
        "at_ms": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "address": entry.address,
        "status": entry.status,
    })
}

fn line(row: &AuditRow) -> String {
    let entry = &row.entry;
    let at = shown(entry.at);
    let status = match entry.status {
        0 => "done".to_owned(),
        status => status.to_string(),
    };
    format!(
        "{:>6}  {at:<24}  {status:<4}  {:<40}  {}  ({})  from {}",
        row.seq, entry.actor, entry.action, entry.target, entry.address
    )
}

/// Names the first entry of each chain that does not hold.
async fn verify(records: &Records) -> Result<()> {
    let mut broken = 0_usize;
    for team in records.audited_teams().await? {
        let name = if team.is_empty() { "(operator)" } else { &team };
        match records.verify_audit(&team).await? {
            Chain::Whole(entries, hash) => {
                println!("{name}: whole, {entries} entries, last {hash}");
            }
            Chain::Broken(seq) => {
                broken += 1;
                println!("{name}: BROKEN at entry {seq}: it or what came before it was changed");
            }
        }
    }
    if broken > 0 {
        bail!("{broken} audit logs were changed");
    }
    Ok(())
}
