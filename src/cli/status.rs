//! `ringback status`: one screen that says whether all is well.

use crate::cli::columns::thousands;
use crate::cli::gateway::{Gateway, GatewayArgs};
use crate::explain::text::{span, time};
use anyhow::Result;
use clap::Args;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A rate is over this long: counts come every five seconds.
const RATE_OVER_MS: u64 = 20_000;
/// Clears a terminal.
const CLEAR: &str = "\x1b[H\x1b[2J";

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Look again every two seconds, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: StatusArgs) -> Result<()> {
    let gateway = args.gateway.gateway()?;
    if args.json {
        println!("{}", gateway.get("status", &[]).await?);
        return Ok(());
    }
    if args.watch {
        return watch(&gateway).await;
    }
    let told = gateway.get("status", &[]).await?;
    print!(
        "{}",
        screen(gateway.url.as_str().trim_end_matches('/'), &told, None)
    );
    Ok(())
}

async fn watch(gateway: &Gateway) -> Result<()> {
    let mut rate = Rate::default();
    let before = if std::io::stdout().is_terminal() {
        CLEAR
    } else {
        "\n"
    };
    let mut timer = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
        // One that is away may come back.
        let text = match gateway.get("status", &[]).await {
            Ok(told) => {
                rate.saw(&told);
                screen(
                    gateway.url.as_str().trim_end_matches('/'),
                    &told,
                    rate.per_second(),
                )
            }
            Err(error) => format!("{error:#}\n"),
        };
        print!("{before}{text}");
        std::io::stdout().flush()?;
    }
}

/// Deliveries a second, from what was counted at several looks.
#[derive(Default)]
struct Rate(VecDeque<(u64, u64)>);

impl Rate {
    fn saw(&mut self, told: &Value) {
        let delivered = |hour: &Value| hour["delivered"].as_u64().unwrap_or(0);
        let hours = told["hours"].as_array().map_or(&[][..], Vec::as_slice);
        // Of two hours together, or it would fall at each full one; when the older one leaves,
        // what was seen is of no more use.
        let sum = hours.iter().map(delivered).sum();
        let now = told["now_ms"].as_u64().unwrap_or(0);
        if self.0.back().is_some_and(|(_, last)| *last > sum) {
            self.0.clear();
        }
        self.0.push_back((now, sum));
        while self.0.len() > 2
            && self
                .0
                .front()
                .is_some_and(|(at, _)| at + RATE_OVER_MS < now)
        {
            self.0.pop_front();
        }
    }

    fn per_second(&self) -> Option<f64> {
        let (from, first) = self.0.front()?;
        let (until, last) = self.0.back()?;
        let tenths = (last - first).saturating_mul(10_000) / until.checked_sub(*from)?.max(1);
        Some(f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0).filter(|_| from != until)
    }
}

fn screen(url: &str, told: &Value, rate: Option<f64>) -> String {
    let now = told["now_ms"].as_u64().unwrap_or(0);
    let version = told["version"].as_str().unwrap_or_default();
    let mut lines = vec![
        format!("Ringback {version} at {url}, {}", time(now)),
        String::new(),
        format!("stores     {}", stores(told)),
    ];
    lines.extend(queue(&told["queue"]));
    if let Some([last, this]) = told["hours"].as_array().map(Vec::as_slice) {
        let hour = |hour: &Value| {
            let number = |name: &str| thousands(hour[name].as_u64().unwrap_or(0));
            let (delivered, failed) = (number("delivered"), number("failed"));
            format!("{delivered} delivered, {failed} attempts failed")
        };
        let rate = rate.map_or_else(String::new, |rate| format!(", {rate:.1} a second now"));
        lines.push(format!("this hour  {}{rate}", hour(this)));
        lines.push(format!("last hour  {}", hour(last)));
    }
    if let Some(counted) = told["counted"].as_object() {
        let count = |name: &str| {
            let n = counted.get(name).and_then(Value::as_u64).unwrap_or(0);
            format!("{} {name}", thousands(n))
        };
        let states = ["delivered", "dead", "held", "pending", "cancelled"].map(count);
        lines.push(format!(
            "in all     {} (at most 10 min old)",
            states.join(", ")
        ));
    }
    match told["ledger_imbalance"].as_i64().unwrap_or(0) {
        0 => {}
        n => lines.push(format!(
            "LEDGER     {n} accepted callbacks are in no state: see the runbook"
        )),
    }
    lines.join("\n") + "\n"
}

fn stores(told: &Value) -> String {
    let journal = if told["journal_answers"] == true {
        "the journal answers"
    } else {
        "THE JOURNAL DOES NOT ANSWER"
    };
    let queue = &told["queue"];
    let queue = match (queue["kind"].as_str(), queue["is_whole"] == true) {
        (Some(kind), true) => format!("the queue ({kind}) is whole"),
        (Some(kind), false) => format!("THE QUEUE ({kind}) IS BEING REBUILT"),
        (None, _) => "THE QUEUE DOES NOT ANSWER".to_owned(),
    };
    let disk = match told["disk_bytes"].as_array().map(Vec::as_slice) {
        Some([free, _]) => {
            let gibibytes = free.as_u64().unwrap_or(0) >> 30;
            format!(", {gibibytes} GiB of disk are free")
        }
        _ => String::new(),
    };
    format!("{journal}, {queue}{disk}")
}

fn queue(queue: &Value) -> Vec<String> {
    if queue.is_null() {
        return Vec::new();
    }
    let number = |it: &Value, name: &str| thousands(it[name].as_u64().unwrap_or(0));
    let n = |name: &str| number(queue, name);
    let oldest = match queue["oldest_due_age_ms"].as_u64() {
        Some(ms) => format!(", the oldest due for {}", span(ms)),
        None => String::new(),
    };
    let lanes = &queue["lanes"];
    vec![
        format!("due        {} wait for their turn{oldest}", n("ready")),
        format!(
            "not due    {} wait for their time, {} for an earlier one of their task",
            n("scheduled"),
            n("waiting")
        ),
        format!("in flight  {}", n("leased")),
        format!("held       {}", n("held")),
        format!(
            "lanes      {} open, {} throttled, {} parked, of {} known",
            number(lanes, "open"),
            number(lanes, "throttled"),
            n("lanes_parked"),
            number(lanes, "known")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(now: u64, hours: [u64; 2]) -> Value {
        let hours = hours.map(|n| json!({"delivered": n, "failed": 0}));
        json!({"now_ms": now, "hours": hours})
    }

    #[test]
    fn a_rate_is_over_some_looks_and_outlives_the_hour() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        rate.saw(&told(0, [70, 30]));
        assert_eq!(rate.per_second(), None, "one look tells nothing");
        rate.saw(&told(10_000, [70, 130]));
        assert_eq!(rate.per_second(), Some(10.0));
        rate.saw(&told(20_000, [130, 5]));
        assert_eq!(rate.per_second(), None, "another pair of hours");
        rate.saw(&told(30_000, [130, 10]));
        assert_eq!(rate.per_second(), Some(0.5));
        for at in 4..100 {
            rate.saw(&told(at * 10_000, [130, 10]));
        }
        assert_eq!(rate.per_second(), Some(0.0));
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let dead = screen("u", &json!({"now_ms": 0, "journal_answers": false}), None);
        assert!(
            dead.contains("THE JOURNAL DOES NOT ANSWER, THE QUEUE DOES NOT ANSWER"),
            "{dead}"
        );
        let odd = screen("u", &json!({"now_ms": 0, "ledger_imbalance": -2}), None);
        assert!(odd.contains("LEDGER     -2 accepted"), "{odd}");
    }
}
