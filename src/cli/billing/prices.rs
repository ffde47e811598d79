//! `ringback billing prices list|set`.

use crate::billing::prices::set;
use crate::cli::{ConfigArgs, note, open_records};
use crate::clock::Clock;
use crate::money::Currency;
use crate::records::prices::{NewPrices, PriceRow};
use crate::time::stored;
use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PricesCommand {
    /// List every entry that was ever set, with its version
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Make the next version of the list
    Set(SetArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SetArgs {
    /// Types and what one task costs: imageannotation=0.25; none ends an entry
    #[arg(required = true, value_name = "TYPE=AMOUNT")]
    prices: Vec<String>,
    /// In what; without it the configured currency
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// For this team only
    #[arg(long, value_name = "ID", default_value = "")]
    team: String,
    /// Valid from then on, such as 2026-12-01T00:00:00Z; without it from now on
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(in crate::cli) async fn run(command: PricesCommand) -> Result<()> {
    match command {
        PricesCommand::List { json, config } => list(json, &config).await,
        PricesCommand::Set(args) => set_prices(args).await,
    }
}

async fn list(as_json: bool, config: &ConfigArgs) -> Result<()> {
    let records = open_records(&config.load()?).await?;
    let rows = records.prices().await?;
    records.close().await;
    if as_json {
        println!("{}", rows.iter().map(view).collect::<Value>());
        return Ok(());
    }
    for row in &rows {
        let team = match &*row.team_id {
            "" => "everybody",
            team => team,
        };
        let from = stored(row.from_ms);
        println!(
            "{:>5}  {:<28} {:>16}  from {from}  {team}",
            row.version,
            row.kind,
            price(row)
        );
    }
    Ok(())
}

fn price(row: &PriceRow) -> String {
    let currency = Currency::parse(&row.currency);
    match (row.unit_minor, currency) {
        (Some(minor), Some(currency)) => currency.shown(minor),
        _ => format!("ends {}", row.currency),
    }
}

fn view(row: &PriceRow) -> Value {
    json!({
        "version": row.version,
        "team_id": Some(&row.team_id).filter(|team| !team.is_empty()),
        "type": row.kind,
        "currency": row.currency,
        "unit_minor": row.unit_minor,
        "from": stored(row.from_ms),
    })
}

async fn set_prices(args: SetArgs) -> Result<()> {
    let config = args.config.load()?;
    let code = args.currency.as_deref();
    let code = code.unwrap_or_else(|| &config.billing.currency);
    let currency = Currency::parse(code)
        .with_context(|| format!("{code:?} is no currency; write three letters such as EUR"))?;
    let units: Result<Vec<_>> = args.prices.iter().map(|it| unit(&currency, it)).collect();
    let now = Clock::system().now();
    let new = NewPrices {
        team: args.team.clone(),
        units: units?,
        from_ms: args
            .from
            .map_or(now.cast_signed(), Timestamp::as_millisecond),
        currency,
    };
    let records = open_records(&config).await?;
    let version = set(&records, &config, &new, now).await?;
    let what = format!("version {version}: {}", args.prices.join(" "));
    note(&records, &args.team, ("billing prices set", &what)).await?;
    records.close().await;
    println!("version {version} is set");
    Ok(())
}

fn unit(currency: &Currency, text: &str) -> Result<(String, Option<i64>)> {
    let form = || anyhow!("{text:?} must be TYPE=AMOUNT in {currency}, or TYPE=none");
    let (kind, amount) = text.split_once('=').ok_or_else(form)?;
    let minor = match amount {
        "none" => None,
        amount => Some(currency.minor(amount).ok_or_else(form)?),
    };
    Ok((kind.to_owned(), minor))
}
