//! `ringback dead-letters list|replay|drop`: on the journal itself, so it works beside
//! a running gateway (which takes replayed ones within a second) or without one.

use crate::cli::ConfigArgs;
use crate::clock::Clock;
use crate::config::Config;
use crate::dead_letters::{BULK_MAX, discard, list, replay};
use crate::explain::text::time;
use crate::journal::{Journal, Search, Selection};
use crate::metrics::Metrics;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// List dead letters, newest first
    List {
        /// Only this team's
        #[arg(long)]
        team: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Send dead letters again, with all their retries anew
    Replay(SelectionArgs),
    /// End dead letters for good; they stay readable as cancelled
    Drop(SelectionArgs),
}

#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Which callbacks
    ids: Vec<Uuid>,
    /// All of this team, oldest first
    #[arg(long)]
    team: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = BULK_MAX)]
    limit: u32,
    /// Only tell how many it would be
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl SelectionArgs {
    fn selection(&self) -> Result<Selection> {
        if self.ids.is_empty() && self.team.is_none() {
            bail!("name callbacks, or a team with --team");
        }
        if !(1..=BULK_MAX).contains(&self.limit) {
            bail!("--limit must be from 1 to {BULK_MAX}; call again for more");
        }
        Ok(Selection {
            ids: self
                .ids
                .iter()
                .copied()
                .map(crate::callback::CallbackId)
                .collect(),
            team: self.team.clone(),
            limit: self.limit,
        })
    }
}

pub(super) async fn run(command: DeadLettersCommand) -> Result<()> {
    match command {
        DeadLettersCommand::List {
            team,
            limit,
            config,
        } => {
            let journal = open(&config.load()?).await?;
            let found = list(
                &journal,
                Search {
                    team,
                    limit,
                    ..Search::default()
                },
            )
            .await?;
            if found.is_empty() {
                println!("no dead letters");
            }
            for detail in found {
                let callback = detail.callback;
                println!(
                    "{}  {}  team {}  task {}  {} attempts  {}",
                    callback.id,
                    time(detail.ended_ms.unwrap_or(0)),
                    callback.team,
                    callback.task_id,
                    callback.attempts,
                    detail.reason.unwrap_or_default()
                );
            }
            journal.close().await;
        }
        DeadLettersCommand::Replay(args) => {
            let (selection, journal) = (args.selection()?, open(&args.config.load()?).await?);
            let now = Clock::system().now();
            let n = replay(&journal, &selection, args.dry_run, now).await?;
            println!(
                "{} {n} dead letters",
                if args.dry_run {
                    "would replay"
                } else {
                    "replayed"
                }
            );
            journal.close().await;
        }
        DeadLettersCommand::Drop(args) => {
            let (selection, journal) = (args.selection()?, open(&args.config.load()?).await?);
            let n = discard(&journal, &selection, args.dry_run).await?;
            println!(
                "{} {n} dead letters",
                if args.dry_run {
                    "would drop"
                } else {
                    "dropped"
                }
            );
            journal.close().await;
        }
    }
    Ok(())
}

pub(super) async fn open(config: &Config) -> Result<Journal> {
    let folder = &config.data.dir;
    if config.store.postgres_url().is_none() && !folder.join("journal.db").exists() {
        bail!(
            "there is no journal in data.dir {}; is --config right?",
            folder.display()
        );
    }
    Ok(Journal::open(config, Metrics::new()).await?)
}
