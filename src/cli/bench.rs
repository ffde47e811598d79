//! `ringback bench`: results are handed in to a running gateway and arrive at a receiver of
//! this command's, so what is measured is the operator's own installation with its own stores.

use crate::cli::columns::thousands;
use crate::cli::gateway::{Gateway, GatewayArgs};
use crate::cli::listen::{self, Expected, Received};
use crate::clock::Clock;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// The team whose results they are.
const TEAM: &str = "bench";
/// Results in one request, and requests at one time.
const BATCH: u64 = 500;
const REQUESTS: usize = 4;
/// What has not come after so long without anything coming is called lost.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// How many results
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    results: u64,
    /// Where the receiver listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How the gateway reaches it, where that is another URL than that of ADDRESS
    #[arg(long, value_name = "URL")]
    receiver: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: BenchArgs) -> Result<()> {
    let gateway = Arc::new(args.gateway.gateway()?);
    let (seen, inbox) = mpsc::channel(65_536);
    let address = listen::start(args.listen, Expected::default(), seen).await?;
    let url = args.receiver.unwrap_or(format!("http://{address}"));
    let team = json!({"name": "Benchmark", "default_callback_url": url});
    let path = format!("teams/{TEAM}");
    let made = gateway.put(&path, &team).await;
    made.context(
        "the gateway must be allowed to call the receiver: put its address into \
         delivery.private_networks_allowed, or name one that is public with --receiver",
    )?;
    let name = format!("{:016x}", rand::random::<u64>());
    let started = Instant::now();
    let receiving = tokio::spawn(receive(inbox, (name.clone(), args.results), started));
    let accepted = hand_in(&gateway, &name, args.results).await?;
    let handed_in = started.elapsed();
    let report = receiving.await?.report(args.results, accepted, handed_in);
    if args.json {
        println!("{report}");
    } else {
        show(&report);
    }
    ensure!(report["lost"] == 0, "not every result arrived");
    Ok(())
}

/// Returns how many were accepted, which is all of them or an error.
async fn hand_in(gateway: &Arc<Gateway>, name: &str, results: u64) -> Result<u64> {
    let mut requests = JoinSet::new();
    let mut accepted = 0;
    let mut first = 0;
    while first < results || !requests.is_empty() {
        if first < results && requests.len() < REQUESTS {
            let last = results.min(first + BATCH);
            let (gateway, lines) = (gateway.clone(), lines(name, first..last));
            requests.spawn(async move { gateway.hand_in(&lines).await });
            first = last;
            continue;
        }
        if let Some(told) = requests.join_next().await {
            accepted += count_accepted(&told??)?;
        }
    }
    Ok(accepted)
}

fn lines(name: &str, numbers: std::ops::Range<u64>) -> String {
    let now = Clock::system().now();
    let mut lines = String::new();
    for n in numbers {
        let result = json!({
            "event_id": format!("{name}-{n}"),
            "team_id": TEAM,
            "task_id": format!("{name}-{n}"),
            "mode": "live",
            "status": "completed",
            "response": {"bench": name, "handed_in_ms": now, "annotations": [
                {"label": "car", "type": "box", "left": 10, "top": 20, "width": 30, "height": 40},
                {"label": "person", "type": "box", "left": 50, "top": 60, "width": 70, "height": 80},
            ]},
        });
        // A string takes any text.
        let _ = writeln!(lines, "{result}");
    }
    lines
}

fn count_accepted(told: &Value) -> Result<u64> {
    let Some(results) = told["results"].as_array() else {
        bail!("the gateway answered in another form: {told}");
    };
    let refused = results.iter().find(|one| one["status"] != "accepted");
    if let Some(refused) = refused {
        bail!("a result was not accepted: {refused}");
    }
    Ok(results.len() as u64)
}

/// What came.
#[derive(Default)]
struct Arrived {
    ids: HashSet<String>,
    repeats: u64,
    /// From handing in to arriving, milliseconds.
    took_ms: Vec<u64>,
    /// When the last new one came.
    all_after: Duration,
}

async fn receive(
    mut inbox: mpsc::Receiver<Received>,
    (name, results): (String, u64),
    started: Instant,
) -> Arrived {
    let mut arrived = Arrived::default();
    while (arrived.ids.len() as u64) < results
        && let Ok(Some(received)) = timeout(PATIENCE, inbox.recv()).await
    {
        let body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        // What an earlier run left behind is not of this one.
        let (Some(id), response) = (body["task_id"].as_str(), &body["response"]) else {
            continue;
        };
        if response["bench"] != *name {
            continue;
        }
        if !arrived.ids.insert(id.to_owned()) {
            arrived.repeats += 1;
            continue;
        }
        let handed_in = response["handed_in_ms"].as_u64().unwrap_or(0);
        let took = Clock::system().now().saturating_sub(handed_in);
        arrived.took_ms.push(took);
        arrived.all_after = started.elapsed();
    }
    arrived
}

impl Arrived {
    fn report(mut self, results: u64, accepted: u64, handed_in: Duration) -> Value {
        self.took_ms.sort_unstable();
        let percentile = |percent: usize| {
            let last = self.took_ms.len().saturating_sub(1);
            self.took_ms.get(last * percent / 100)
        };
        let arrived = self.took_ms.len() as u64;
        json!({
            "results": results,
            "accepted": accepted,
            "accepted_per_second": per_second(accepted, handed_in),
            "delivered": arrived,
            "delivered_per_second": per_second(arrived, self.all_after),
            "latency_ms": {"p50": percentile(50), "p95": percentile(95), "p99": percentile(99)},
            "repeats": self.repeats,
            "lost": results - arrived,
        })
    }
}

fn per_second(n: u64, time: Duration) -> u64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    n.saturating_mul(1_000) / ms
}

fn show(report: &Value) {
    let number = |name: &str| thousands(report[name].as_u64().unwrap_or(0));
    let latency = |name: &str| thousands(report["latency_ms"][name].as_u64().unwrap_or(0));
    println!(
        "accepted   {} results, {} a second",
        number("accepted"),
        number("accepted_per_second")
    );
    println!(
        "delivered  {} of them, {} a second",
        number("delivered"),
        number("delivered_per_second")
    );
    println!(
        "latency    {} ms for half, {} ms for 95 %, {} ms for 99 %: from handing in a batch",
        latency("p50"),
        latency("p95"),
        latency("p99")
    );
    println!("twice      {}", number("repeats"));
    println!("lost       {}", number("lost"));
    println!("They stay in the journal as callbacks of team {TEAM}, until retention deletes them.");
}
