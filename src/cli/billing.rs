//! `ringback billing`: prices, months, invoices, terms. Works beside a running gateway or
//! without one; what it changes is in the audit log.

mod invoices;
mod prices;
mod team;

use crate::billing::close::{close, sender};
use crate::billing::provider;
use crate::cli::{ConfigArgs, note, open_records};
use crate::clock::Clock;
use crate::money::month::Month;
use anyhow::{Result, anyhow, bail};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum BillingCommand {
    /// What tasks cost
    #[command(subcommand)]
    Prices(prices::PricesCommand),
    /// Close a month that is over: make its invoices and credit notes
    Close {
        /// Such as 2026-11; without it the last one
        #[arg(long, value_name = "MONTH", value_parser = month)]
        month: Option<Month>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Look at invoices, mark them as paid
    #[command(subcommand)]
    Invoices(invoices::InvoicesCommand),
    /// Show or change on which terms a team is billed
    Team(team::TeamArgs),
    /// Show where invoices are announced, and the secret that signs the announcements
    Webhook {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Compare each team's ledger with its documents and what has accrued; exits with 1 if
    /// they differ
    Verify {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

fn month(text: &str) -> Result<Month, String> {
    Month::parse(text).ok_or_else(|| "a month is written like 2026-11".to_owned())
}

pub(super) async fn run(command: BillingCommand) -> Result<()> {
    match command {
        BillingCommand::Prices(command) => prices::run(command).await,
        BillingCommand::Close { month, config } => close_month(month, &config).await,
        BillingCommand::Invoices(command) => invoices::run(command).await,
        BillingCommand::Team(args) => team::run(args).await,
        BillingCommand::Webhook { config } => webhook(&config).await,
        BillingCommand::Verify { config } => verify(&config).await,
    }
}

async fn close_month(month: Option<Month>, config: &ConfigArgs) -> Result<()> {
    let config = config.load()?;
    let records = open_records(&config).await?;
    let now = Clock::system().now();
    let month = month.unwrap_or_else(|| Month::of(now).previous());
    let made = close(&records, &config, month, now).await?;
    let count = format!("{month}, {} documents", made.len());
    note(&records, "", ("billing close", &count)).await?;
    records.close().await;
    for invoice in &made {
        println!("{}", invoices::row(invoice));
    }
    println!("{month} is closed: {} new documents", made.len());
    Ok(())
}

async fn webhook(config: &ConfigArgs) -> Result<()> {
    let config = config.load()?;
    let Some(url) = config.billing.webhook_url() else {
        bail!("billing.webhook_url is empty: invoices are marked as paid by hand");
    };
    let records = open_records(&config).await?;
    let secret = sender(&records, Clock::system().now()).await?;
    note(&records, "", ("billing webhook", "the secret was shown")).await?;
    records.close().await;
    println!("provider  {}", provider::of(&config.billing).name());
    println!("url       {url}\nsecret    {secret}");
    Ok(())
}

async fn verify(config: &ConfigArgs) -> Result<()> {
    let records = open_records(&config.load()?).await?;
    let mut wrong = 0_usize;
    for (team, name) in records.teams().await? {
        for (currency, balance) in records.balances(&team).await? {
            let currency = crate::money::Currency::parse(&currency)
                .ok_or_else(|| anyhow!("{team} has a ledger in {currency:?}"))?;
            let shown = |minor| currency.shown(minor);
            let word = if balance.is_right() { "right" } else { "WRONG" };
            wrong += usize::from(!balance.is_right());
            println!(
                "{word}  {name}: ledger {}, on documents {}, accrued {}",
                shown(balance.ledger_minor),
                shown(balance.documents_minor),
                shown(balance.accrued_minor),
            );
        }
    }
    records.close().await;
    if wrong > 0 {
        bail!("{wrong} sums are wrong");
    }
    Ok(())
}
