//! `ringback billing invoices list|show|mark-paid`.

use crate::billing::view::{document, heading};
use crate::billing::{note_paid, pdf, sheet};
use crate::cli::{ConfigArgs, note, open_records};
use crate::clock::Clock;
use crate::money::month::day;
use crate::money::statement::Line;
use crate::records::invoices::Invoice;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Invoices shown at once at most.
const LIST_MAX: u32 = 100_000;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum InvoicesCommand {
    /// List invoices and credit notes, newest first
    List {
        /// Of this team only
        #[arg(long, value_name = "ID")]
        team: Option<String>,
        /// Only what is not paid
        #[arg(long)]
        open: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show one with its lines, or save it
    Show(ShowArgs),
    /// Mark one as paid; again changes nothing
    MarkPaid {
        /// Its number
        number: i64,
        /// As the bank or the processor names the payment
        #[arg(long, value_name = "TEXT", default_value = "")]
        reference: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Its number
    number: i64,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Save it as PDF
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// Save its lines as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(in crate::cli) async fn run(command: InvoicesCommand) -> Result<()> {
    match command {
        InvoicesCommand::List {
            team,
            open,
            json,
            config,
        } => list(team.as_deref(), (open, json), &config).await,
        InvoicesCommand::Show(args) => show(args).await,
        InvoicesCommand::MarkPaid {
            number,
            reference,
            config,
        } => mark_paid(number, &reference, &config).await,
    }
}

async fn list(team: Option<&str>, (open, json): (bool, bool), config: &ConfigArgs) -> Result<()> {
    let records = open_records(&config.load()?).await?;
    let mut found = records.invoices(team, i64::MAX, LIST_MAX).await?;
    records.close().await;
    found.retain(|invoice| !open || invoice.status() == "open");
    if json {
        println!("{}", found.iter().map(with_team).collect::<Value>());
    } else {
        for invoice in &found {
            println!("{}", row(invoice));
        }
    }
    Ok(())
}

fn with_team(invoice: &Invoice) -> Value {
    let mut view = heading(invoice);
    view["team_id"] = json!(invoice.team);
    view
}

/// One invoice in one line.
pub(super) fn row(invoice: &Invoice) -> String {
    let total = invoice.currency.shown(invoice.total_minor);
    format!(
        "{:>6}  {:<11}  {}  {total:>18}  {:<6}  {} ({})",
        invoice.number,
        invoice.kind.label(),
        invoice.month,
        invoice.status(),
        invoice.recipient.team_name,
        invoice.team
    )
}

async fn show(args: ShowArgs) -> Result<()> {
    let records = open_records(&args.config.load()?).await?;
    let found = records.invoice(args.number).await?;
    records.close().await;
    let (invoice, lines) = found.with_context(|| format!("there is no invoice {}", args.number))?;
    for (path, bytes) in [
        (&args.pdf, pdf::pdf as fn(&Invoice, &[Line]) -> Vec<u8>),
        (&args.csv, sheet::csv),
    ] {
        if let Some(path) = path {
            std::fs::write(path, bytes(&invoice, &lines))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    if args.json {
        println!("{}", document(&invoice, &lines));
        return Ok(());
    }
    println!("{}", row(&invoice));
    println!(
        "        issued {}, due {}",
        day(invoice.issued_ms),
        day(invoice.due_ms)
    );
    for line in &lines {
        let price = if line.is_priced {
            invoice.currency.amount(line.unit_minor)
        } else {
            "no price".to_owned()
        };
        let amount = invoice.currency.amount(line.amount_minor);
        let about = line.about.map(|about| format!("  of invoice {about}"));
        println!(
            "        {:<24} {:<24} {:>8} x {price:>10} = {amount:>14}{}",
            line.project,
            line.kind,
            line.count,
            about.unwrap_or_default()
        );
    }
    Ok(())
}

async fn mark_paid(number: i64, reference: &str, config: &ConfigArgs) -> Result<()> {
    let records = open_records(&config.load()?).await?;
    let now = Clock::system().now();
    let (invoice, _) = note_paid(&records, number, (reference, "operator"), now).await?;
    let what = format!("{number} {reference}");
    note(
        &records,
        &invoice.team,
        ("billing invoices mark-paid", &what),
    )
    .await?;
    records.close().await;
    println!("{}", row(&invoice));
    Ok(())
}
