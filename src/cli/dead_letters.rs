//! `ringback dead-letters list|replay|drop`: on the journal itself, so it works beside
//! a running gateway (which takes replayed ones within a second) or without one.

use crate::callback::{CallbackId, IdSequence};
use crate::cli::ConfigArgs;
use crate::cli::columns::columns;
use crate::clock::Clock;
use crate::config::Config;
use crate::dead_letters::{BULK_MAX, PER_SECOND_MAX, count, discard, list, replay, start, step};
use crate::explain::text::time;
use crate::journal::{Detail, Journal, NewReplay, ReplayState, Search, Selection, Step};
use crate::metrics::Metrics;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// How often a replay is stepped while its pace holds it back.
const STEP_EVERY: Duration = Duration::from_millis(100);

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
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Send dead letters again, with all their retries anew
    Replay(ReplayArgs),
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

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Which callbacks: they go at once
    ids: Vec<Uuid>,
    /// All of this team that match, at a pace; stopped half way, running gateways go on
    #[arg(long, conflicts_with = "ids")]
    team: Option<String>,
    /// Only of this task
    #[arg(long, requires = "team")]
    task: Option<String>,
    /// Only those whose last attempt was answered with this status; 0: without an answer
    #[arg(long, requires = "team")]
    status: Option<u16>,
    /// Callbacks a second
    #[arg(long, requires = "team", default_value_t = PER_SECOND_MAX,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(PER_SECOND_MAX)))]
    rate: u32,
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
            ids: self.ids.iter().copied().map(CallbackId).collect(),
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
            json,
            config,
        } => {
            let journal = open(&config.load()?).await?;
            let search = Search {
                team,
                limit,
                ..Search::default()
            };
            let found = list(&journal, search).await?;
            journal.close().await;
            show(&found, json);
        }
        DeadLettersCommand::Replay(args) => {
            if args.ids.is_empty() && args.team.is_none() {
                bail!("name callbacks, or a team with --team");
            }
            let journal = open(&args.config.load()?).await?;
            let done = if args.dry_run {
                "would replay"
            } else {
                "replayed"
            };
            let n = match &args.team {
                Some(team) => replay_team(&journal, team, &args).await?,
                None => replay_named(&journal, &args).await?,
            };
            println!("{done} {n} dead letters");
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

fn show(found: &[Detail], is_json: bool) {
    if is_json {
        println!("{}", found.iter().map(view).collect::<Value>());
        return;
    }
    if found.is_empty() {
        println!("no dead letters");
        return;
    }
    let row = |detail: &Detail| {
        [
            detail.callback.id.to_string(),
            time(detail.ended_ms.unwrap_or(0)),
            detail.callback.team.to_string(),
            detail.callback.task_id.clone(),
            detail.callback.attempts.to_string(),
            detail.reason.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let heading = ["CALLBACK", "DIED", "TEAM", "TASK", "TRIES", "WHY"];
    print!("{}", columns(heading, &rows));
}

fn view(detail: &Detail) -> Value {
    json!({
        "callback_id": detail.callback.id.to_string(),
        "ended_ms": detail.ended_ms,
        "team_id": &*detail.callback.team,
        "task_id": detail.callback.task_id,
        "attempts": detail.callback.attempts,
        "reason": detail.reason,
    })
}

async fn replay_named(journal: &Journal, args: &ReplayArgs) -> Result<u64> {
    if args.ids.len() > BULK_MAX as usize {
        bail!("name at most {BULK_MAX} callbacks; call again for more");
    }
    let selection = Selection {
        ids: args.ids.iter().copied().map(CallbackId).collect(),
        team: None,
        limit: BULK_MAX,
    };
    Ok(replay(journal, &selection, args.dry_run, Clock::system().now()).await?)
}

/// Starts a replay and steps it to its end. A gateway that runs steps it, too; they share its
/// pace.
async fn replay_team(journal: &Journal, team: &str, args: &ReplayArgs) -> Result<u64> {
    let clock = Clock::system();
    let search = Search {
        task: args.task.clone(),
        status: args.status,
        ..Search::default()
    };
    if args.dry_run {
        return Ok(count(journal, team, &search).await?);
    }
    let new = NewReplay {
        id: IdSequence::after(None).next(clock.now(), rand::random()),
        team: team.to_owned(),
        search,
        per_second: args.rate,
        started_by: "command line".to_owned(),
        now: clock.now(),
    };
    let id = start(journal, new).await?.id;
    while step(journal, id, clock.now()).await? == Step::Paced {
        tokio::time::sleep(STEP_EVERY).await;
    }
    let replay = journal.find_replay(id).await?;
    let replay = replay.context("the replay is gone")?;
    if replay.state != ReplayState::Done {
        bail!(
            "the replay was {} after {} of {} dead letters",
            replay.state.as_str(),
            replay.replayed,
            replay.found
        );
    }
    Ok(replay.replayed)
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
