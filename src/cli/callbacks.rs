//! `ringback callbacks list|show|explain|resend|cancel`: from the running gateway; without
//! one, `explain` reads the journal.

use crate::callback::CallbackId;
use crate::cli::columns::columns;
use crate::cli::dead_letters;
use crate::cli::gateway::{Absent, Gateway, GatewayArgs};
use crate::clock::Clock;
use crate::config::Config;
use crate::explain::text::time;
use crate::explain::{from_journal, text};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(super) enum CallbacksCommand {
    /// List callbacks, newest first
    List(ListArgs),
    /// Show one callback as it is
    Show {
        /// Its id
        id: Uuid,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Tell the whole story of one callback
    Explain {
        /// Its id
        id: Uuid,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Send one again: a dead letter with all its retries anew, any other that has ended as a
    /// new callback
    Resend {
        /// Its id
        id: Uuid,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Give one up that waits, is held or is dead; an attempt that is under way may still arrive
    Cancel {
        /// Its id
        id: Uuid,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only this team's
    #[arg(long, value_name = "ID")]
    team: Option<String>,
    /// Only of this task
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Only in this state
    #[arg(long, value_parser = ["pending", "held", "delivered", "dead", "cancelled"])]
    state: Option<String>,
    /// Only of this mode
    #[arg(long, value_parser = ["live", "test"])]
    mode: Option<String>,
    /// Only those whose last attempt was answered with this status; 0: without an answer
    #[arg(long)]
    status: Option<u16>,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Older than this callback, the last of the page before
    #[arg(long, value_name = "ID")]
    before: Option<Uuid>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(command: CallbacksCommand) -> Result<()> {
    match command {
        CallbacksCommand::List(args) => list(args).await,
        CallbacksCommand::Show { id, json, gateway } => {
            let told = gateway
                .gateway()?
                .get(&format!("callbacks/{id}"), &[])
                .await?;
            if json {
                println!("{told}");
            } else {
                show(&told);
            }
            Ok(())
        }
        CallbacksCommand::Explain { id, json, gateway } => explain(id, json, &gateway).await,
        CallbacksCommand::Resend { id, gateway } => {
            let path = format!("callbacks/{id}/resend");
            let told = gateway.gateway()?.post(&path, &json!({})).await?;
            match told["callback_id"].as_str() {
                Some(new) if new != id.to_string() => println!("{id} goes again as {new}"),
                _ => println!("{id} goes again, with all its retries"),
            }
            Ok(())
        }
        CallbacksCommand::Cancel { id, gateway } => {
            let path = format!("callbacks/{id}/cancel");
            gateway.gateway()?.post(&path, &json!({})).await?;
            println!("{id} is cancelled");
            Ok(())
        }
    }
}

async fn list(args: ListArgs) -> Result<()> {
    let filters = [
        ("team_id", args.team),
        ("task_id", args.task),
        ("state", args.state),
        ("mode", args.mode),
        ("status", args.status.map(|status| status.to_string())),
        ("cursor", args.before.map(|id| id.to_string())),
        ("limit", Some(args.limit.to_string())),
    ];
    let query: Vec<_> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let told = args.gateway.gateway()?.get("callbacks", &query).await?;
    let found = told["callbacks"].as_array().map_or(&[][..], Vec::as_slice);
    if args.json {
        println!("{told}");
        return Ok(());
    }
    if found.is_empty() {
        println!("no callbacks");
        return Ok(());
    }
    let rows: Vec<_> = found.iter().map(row).collect();
    let heading = [
        "CALLBACK", "ACCEPTED", "TEAM", "TASK", "STATE", "TRIES", "WHY",
    ];
    print!("{}", columns(heading, &rows));
    if let Some(next) = told["next_cursor"].as_str() {
        println!("older ones: --before {next}");
    }
    Ok(())
}

fn row(callback: &Value) -> [String; 7] {
    let text = |name: &str| callback[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| callback[name].as_u64();
    let why = match number("next_ms") {
        Some(next) => format!("next at {}", time(next)),
        None => text("reason"),
    };
    [
        text("callback_id"),
        time(number("accepted_ms").unwrap_or(0)),
        text("team_id"),
        text("task_id"),
        text("state"),
        number("attempts").unwrap_or(0).to_string(),
        why,
    ]
}

fn show(callback: &Value) {
    let text = |name: &str| callback[name].as_str().unwrap_or_default();
    println!("callback  {}", text("callback_id"));
    println!(
        "team      {}   task {}   event {}   {}",
        text("team_id"),
        text("task_id"),
        text("event_id"),
        text("mode")
    );
    let attempts = callback["attempts"].as_u64().unwrap_or(0);
    println!("state     {}, {attempts} attempts", text("state"));
    if !text("reason").is_empty() {
        println!("why       {}", text("reason"));
    }
    for (name, title) in [
        ("accepted_ms", "accepted"),
        ("next_ms", "next    "),
        ("ended_ms", "ended   "),
    ] {
        if let Some(at) = callback[name].as_u64() {
            println!("{title}  {}", time(at));
        }
    }
}

async fn explain(id: Uuid, is_json: bool, args: &GatewayArgs) -> Result<()> {
    let gateway = args.gateway()?;
    match ask(&gateway, id, is_json).await {
        Ok(told) => print!("{told}"),
        Err(error) if args.is_here() && error.is::<Absent>() => {
            let config = args.config.load()?;
            print!("{}", read_journal(&config, CallbackId(id), is_json).await?);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn ask(gateway: &Gateway, id: Uuid, is_json: bool) -> Result<String> {
    let path = format!("callbacks/{id}/explain");
    if is_json {
        return Ok(format!("{}\n", gateway.get(&path, &[]).await?));
    }
    gateway.get_text(&path).await
}

async fn read_journal(config: &Config, id: CallbackId, is_json: bool) -> Result<String> {
    let journal = dead_letters::open(config).await?;
    let explanation = from_journal(&journal, id, Clock::system().now()).await?;
    journal.close().await;
    match explanation {
        Some(it) if is_json => Ok(format!("{}\n", serde_json::to_string(&it)?)),
        Some(it) => Ok(format!(
            "{}\n(no gateway runs on {}: the state of its lane is not known)\n",
            text::timeline(&it),
            config.operator.listen
        )),
        None => bail!("there is no callback {id}"),
    }
}
