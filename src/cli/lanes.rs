//! `ringback lanes list|show|park|resume|limit`: how fast endpoints are called, and by how
//! much an operator slows them.

use crate::cli::columns::{columns, thousands};
use crate::cli::gateway::{Gateway, GatewayArgs};
use crate::explain::text::{span, time};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum LanesCommand {
    /// List lanes with something to do, those in trouble first
    List {
        /// Only this team's
        #[arg(long, value_name = "ID")]
        team: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Show one lane
    Show {
        #[command(flatten)]
        lane: LaneArgs,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Send nothing for a time; then a probe goes, and if it is well, the rest
    Park {
        #[command(flatten)]
        lane: LaneArgs,
        /// For how long: a number with s, m, h or d, at most 7d
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = seconds)]
        time: u64,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// End a lane's park and its rest
    Resume {
        #[command(flatten)]
        lane: LaneArgs,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Have at most so many requests in flight, from now on
    Limit {
        #[command(flatten)]
        lane: LaneArgs,
        /// How many, at least 1; or `none`
        #[arg(value_name = "REQUESTS")]
        most: String,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct LaneArgs {
    /// Whose
    #[arg(value_name = "TEAM")]
    team: String,
    /// Its endpoint: a URL, or an origin as `lanes list` shows it
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
}

impl LaneArgs {
    fn body(&self) -> Value {
        json!({"team_id": self.team, "url": self.endpoint})
    }
}

pub(super) async fn run(command: LanesCommand) -> Result<()> {
    match command {
        LanesCommand::List {
            team,
            limit,
            json,
            gateway,
        } => list(&gateway.gateway()?, team, limit, json).await,
        LanesCommand::Show {
            lane,
            json,
            gateway,
        } => show(&gateway.gateway()?, &lane, json).await,
        LanesCommand::Park {
            lane,
            time: seconds,
            gateway,
        } => {
            let mut body = lane.body();
            body["for_s"] = json!(seconds);
            let told = gateway.gateway()?.post("lanes/park", &body).await?;
            let until = told["parked_until"].as_u64().unwrap_or(0);
            println!("nothing goes to {} until {}", lane.endpoint, time(until));
            Ok(())
        }
        LanesCommand::Resume { lane, gateway } => {
            gateway
                .gateway()?
                .post("lanes/resume", &lane.body())
                .await?;
            println!("{} is sent to again", lane.endpoint);
            Ok(())
        }
        LanesCommand::Limit {
            lane,
            most,
            gateway,
        } => limit(&gateway.gateway()?, &lane, &most).await,
    }
}

async fn list(gateway: &Gateway, team: Option<String>, limit: u32, is_json: bool) -> Result<()> {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(team.map(|team| ("team_id", team)));
    let told = gateway.get("lanes", &query).await?;
    let lanes = told["lanes"].as_array().map_or(&[][..], Vec::as_slice);
    if is_json {
        println!("{told}");
    } else if lanes.is_empty() {
        println!("no lane has anything to do");
    } else {
        let now = crate::clock::Clock::system().now();
        let rows: Vec<_> = lanes.iter().map(|lane| row(lane, now)).collect();
        let heading = ["TEAM", "ENDPOINT", "IS", "IN FLIGHT", "READY", "GOES ON"];
        print!("{}", columns(heading, &rows));
    }
    Ok(())
}

fn row(lane: &Value, now: u64) -> [String; 6] {
    let number = |name: &str| lane[name].as_u64().unwrap_or(0);
    let text = |name: &str| lane[name].as_str().unwrap_or_default().to_owned();
    let limit = match lane["limit"].as_u64() {
        Some(most) => format!(" (limit {most})"),
        None => String::new(),
    };
    let origin = Some(text("origin")).filter(|origin| !origin.is_empty());
    [
        text("team_id"),
        origin.unwrap_or_else(|| "(no URL)".to_owned()),
        text("condition"),
        format!("{} of {}{limit}", number("in_flight"), number("window")),
        thousands(number("ready")),
        goes_on(lane, now),
    ]
}

/// When it goes on, or how long it takes.
fn goes_on(lane: &Value, now: u64) -> String {
    let until = ["parked_until", "rests_until"].map(|name| lane[name].as_u64());
    let until = until.into_iter().flatten().max().unwrap_or(0);
    if until > now {
        return format!("in {}", span(until - now));
    }
    match lane["drained_in_ms"].as_u64() {
        Some(ms) if lane["ready"] != 0 => format!("empty in {}", span(ms)),
        _ => String::new(),
    }
}

async fn show(gateway: &Gateway, lane: &LaneArgs, is_json: bool) -> Result<()> {
    let query = [
        ("team_id", lane.team.clone()),
        ("url", lane.endpoint.clone()),
    ];
    let told = gateway.get("lanes/show", &query).await?;
    if is_json {
        println!("{told}");
        return Ok(());
    }
    let number = |name: &str| told[name].as_u64();
    println!(
        "lane       {} of team {}",
        told["origin"].as_str().unwrap_or_default(),
        told["team_id"].as_str().unwrap_or_default()
    );
    println!(
        "is         {}",
        told["condition"].as_str().unwrap_or_default()
    );
    println!(
        "in flight  {} of {}",
        number("in_flight").unwrap_or(0),
        number("window").unwrap_or(0)
    );
    if let Some(most) = number("limit") {
        println!("limit      {most}, by an operator");
    }
    println!("ready      {}", thousands(number("ready").unwrap_or(0)));
    for (name, title) in [
        ("parked_until", "parked    "),
        ("rests_until", "rests     "),
    ] {
        if let Some(until) = number(name) {
            println!("{title} until {}", time(until));
        }
    }
    if let Some(ms) = number("drained_in_ms") {
        println!("empty      in about {}", span(ms));
    }
    Ok(())
}

async fn limit(gateway: &Gateway, lane: &LaneArgs, most: &str) -> Result<()> {
    let mut body = lane.body();
    body["in_flight_max"] = match most {
        "none" => Value::Null,
        number => match number.parse::<u32>() {
            Ok(number) => json!(number),
            Err(_) => bail!("REQUESTS must be a number or `none`, not {most:?}"),
        },
    };
    gateway.post("lanes/limit", &body).await?;
    match most {
        "none" => println!("{} has no limit of an operator", lane.endpoint),
        most => println!("{} has at most {most} requests in flight", lane.endpoint),
    }
    Ok(())
}

/// Seconds, of a number with a unit.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no time such as 30s, 10m, 2h or 1d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = &text[..text.len() - unit.len_utf8()];
    let each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(each).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let read = |text| seconds(text).ok();
        assert_eq!(read("90s"), Some(90));
        assert_eq!(read("2h"), Some(7_200));
        assert_eq!(read("7d"), Some(604_800));
        for wrong in ["", "h", "5", "-1h", "1w", "99999999999999999999d", "5ä"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
