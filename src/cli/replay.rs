//! `ringback replay`: a team's dead letters go again at a pace. The gateways do it; this
//! starts it and shows how far it is.

use crate::cli::gateway::{Gateway, GatewayArgs};
use crate::dead_letters::PER_SECOND_MAX;
use anyhow::{Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const STYLE: &str = "replaying  [{bar:40}] {human_pos} of {human_len} callbacks, {eta} left";

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Whose
    #[arg(long, value_name = "ID")]
    team: String,
    /// Only of this task
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Only those whose last attempt was answered with this status; 0: without an answer
    #[arg(long)]
    status: Option<u16>,
    /// Callbacks a second
    #[arg(long, default_value_t = PER_SECOND_MAX,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(PER_SECOND_MAX)))]
    rate: u32,
    /// Only tell how many it would be
    #[arg(long)]
    dry_run: bool,
    /// Start it and do not wait for its end
    #[arg(long)]
    detach: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: ReplayArgs) -> Result<()> {
    let gateway = args.gateway.gateway()?;
    let mut body = json!({
        "team_id": args.team, "per_second": args.rate, "dry_run": args.dry_run,
    });
    if let Some(task) = &args.task {
        body["task_id"] = json!(task);
    }
    if let Some(status) = args.status {
        body["status"] = json!(status);
    }
    let started = gateway.post("dead-letters/replay", &body).await?;
    let Some(id) = started["replay_id"].as_str().filter(|_| !args.detach) else {
        tell(&started, args.json);
        return Ok(());
    };
    let replay = follow(&gateway, id).await?;
    if args.json {
        println!("{replay}");
        return Ok(());
    }
    let number = |name: &str| replay[name].as_u64().unwrap_or(0);
    match replay["state"].as_str() {
        Some("done") => println!("replayed {} dead letters", number("replayed")),
        state => bail!(
            "the replay was {} after {} of {} dead letters",
            state.unwrap_or("ended"),
            number("replayed"),
            number("found")
        ),
    }
    Ok(())
}

/// Of a replay that is not followed.
fn tell(started: &Value, is_json: bool) {
    let n = started["callbacks"].as_u64().unwrap_or(0);
    match started["replay_id"].as_str() {
        _ if is_json => println!("{started}"),
        Some(id) => println!("replay {id} of {n} dead letters is under way"),
        None => println!("would replay {n} dead letters"),
    }
}

/// Until it is over. Whoever stops this does not stop the replay: the dashboard can.
async fn follow(gateway: &Gateway, id: &str) -> Result<Value> {
    let style = ProgressStyle::with_template(STYLE).expect("the template is well formed");
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(None, target).with_style(style);
    loop {
        let replay = gateway.get(&format!("replays/{id}"), &[]).await?;
        bar.set_length(replay["found"].as_u64().unwrap_or(0));
        bar.set_position(replay["replayed"].as_u64().unwrap_or(0));
        if !matches!(replay["state"].as_str(), Some("running" | "paused")) {
            bar.finish_and_clear();
            return Ok(replay);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
