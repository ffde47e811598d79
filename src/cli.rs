//! The commands and their match. One command a file.
#![expect(clippy::print_stdout, reason = "this is where people are spoken to")]

mod audit;
mod backup;
mod bench;
mod billing;
mod callbacks;
mod columns;
mod completions;
mod configuration;
mod dead_letters;
mod dev;
mod doctor;
mod gateway;
mod lanes;
mod listen;
mod migrate_store;
mod open_files;
mod producers;
mod replay;
mod serve;
mod status;
mod teams;
mod users;
mod vault;

use crate::clock::Clock;
use crate::config::Config;
use crate::records::Records;
use crate::records::audit::AuditEntry;
use crate::vault::Vault;
use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use std::future::Future;
use std::path::PathBuf;

/// Ringback delivers annotation results to customers' callback URLs.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the main job: a gateway with a first team, a receiver and one result delivered
    Dev(dev::DevArgs),
    /// Run the gateway: API, delivery, operator port
    Serve(serve::ServeArgs),
    /// Run a receiver that verifies and shows the callbacks it gets
    Listen(listen::ListenArgs),
    /// Show on one screen how a running gateway is
    Status(status::StatusArgs),
    /// Look at lanes, slow them, stop them for a time
    #[command(subcommand)]
    Lanes(lanes::LanesCommand),
    /// Look at callbacks, send one again or give it up
    #[command(subcommand)]
    Callbacks(callbacks::CallbacksCommand),
    /// Send a team's dead letters again, at a pace
    Replay(replay::ReplayArgs),
    /// List, replay or drop callbacks that were given up, in the journal itself
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// Measure how fast a running gateway delivers, to a receiver of this command's
    Bench(bench::BenchArgs),
    /// Check everything that a gateway needs here; each failure comes with its fix
    Doctor(doctor::DoctorArgs),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(configuration::ConfigCommand),
    /// Manage the programs that hand in results
    #[command(subcommand)]
    Producers(producers::ProducersCommand),
    /// Make teams, list them, give one another admin
    #[command(subcommand)]
    Teams(teams::TeamsCommand),
    /// Support for users: another team, out, in again
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Replace the key that seals secrets
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Prices, invoices, and on which terms teams are billed
    #[command(subcommand)]
    Billing(billing::BillingCommand),
    /// Move an embedded installation into PostgreSQL
    MigrateStore(migrate_store::MigrateStoreArgs),
    /// Copy an embedded installation as it is, while its gateway runs
    Backup(backup::BackupArgs),
    /// Read the audit log, or prove that nothing in it was changed
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print what makes a shell complete these commands
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write one for every command
    Man(completions::ManArgs),
}

/// Which configuration.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// Settings that differ from the defaults (TOML; see `ringback config show`)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

/// The records alone, for commands that work beside a running gateway or without one.
async fn open_records(config: &Config) -> Result<Records> {
    let folder = &config.data.dir;
    std::fs::create_dir_all(folder).with_context(|| format!("data.dir {}", folder.display()))?;
    let vault = Vault::open(&config.vault_key_path())?;
    Ok(Records::open(config, vault).await?)
}

/// Puts what the operator did into a team's audit log, or with no team into their own.
async fn note(records: &Records, team: &str, (what, target): (&str, &str)) -> Result<()> {
    let entry = AuditEntry {
        team: team.to_owned(),
        at: Clock::system().now(),
        actor: "operator".to_owned(),
        action: format!("ringback {what}"),
        target: target.to_owned(),
        address: String::new(),
        status: 0,
    };
    Ok(records.append_audit(&[entry]).await?)
}

/// Runs one command to its end.
///
/// # Errors
/// What a person should read; the process exits with 1.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Dev(args) => block_on(dev::run(args)),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Listen(args) => block_on(listen::run(args)),
        Command::Status(args) => block_on(status::run(args)),
        Command::Lanes(command) => block_on(lanes::run(command)),
        Command::Replay(args) => block_on(replay::run(args)),
        Command::Bench(args) => block_on(bench::run(args)),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Config(command) => configuration::run(&command),
        Command::Producers(command) => block_on(producers::run(command)),
        Command::Teams(command) => block_on(teams::run(command)),
        Command::Users(command) => block_on(users::run(command)),
        Command::Vault(command) => block_on(vault::run(command)),
        Command::MigrateStore(args) => block_on(migrate_store::run(args)),
        Command::Backup(args) => block_on(backup::run(args)),
        Command::Billing(command) => block_on(billing::run(command)),
        Command::Audit(command) => block_on(audit::run(command)),
        Command::Callbacks(command) => block_on(callbacks::run(command)),
        Command::DeadLetters(command) => block_on(dead_letters::run(command)),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    }
}

fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")?;
    runtime.block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
