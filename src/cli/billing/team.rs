//! `ringback billing team`: on which terms a team is billed.

use crate::billing::accrued;
use crate::billing::prices::{check_team, set_terms};
use crate::cli::{ConfigArgs, note, open_records};
use crate::money::Currency;
use crate::records::payment::{BillingMode, TermsUpdate};
use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct TeamArgs {
    /// The team's id
    team: String,
    /// How it pays from now on
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    /// What its next tasks are charged in: three letters
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Whom it asks when it has a contract; empty for the configured one
    #[arg(long, value_name = "TEXT")]
    representative: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArg {
    /// For each completed task, by the price list
    OnDemand,
    /// By a contract outside of this program: no prices are shown
    Invoice,
}

impl From<ModeArg> for BillingMode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::OnDemand => Self::OnDemand,
            ModeArg::Invoice => Self::Invoice,
        }
    }
}

pub(in crate::cli) async fn run(args: TeamArgs) -> Result<()> {
    let config = args.config.load()?;
    let currency = args.currency.as_deref().map(|code| {
        Currency::parse(code)
            .ok_or_else(|| anyhow!("{code:?} is no currency; write three letters such as EUR"))
    });
    let update = TermsUpdate {
        mode: args.mode.map(BillingMode::from),
        currency: currency.transpose()?,
        representative: args.representative.clone(),
    };
    let is_change =
        args.mode.is_some() || update.currency.is_some() || update.representative.is_some();
    let records = open_records(&config).await?;
    check_team(&records, &args.team).await?;
    if is_change {
        set_terms(&records, &args.team, &update).await?;
    }
    let terms = records.terms(&args.team).await?;
    if is_change {
        let what = format!("{}, {}", terms.mode.as_str(), terms.currency);
        note(&records, &args.team, ("billing team", &what)).await?;
    }
    let accrued = accrued(&records, &args.team).await?;
    records.close().await;
    let own = terms.representative;
    let asked = own.unwrap_or_else(|| config.billing.representative.clone());
    if args.json {
        let sums = accrued
            .iter()
            .map(|(currency, minor)| json!({"currency": currency.as_str(), "amount_minor": minor}));
        let view = json!({
            "team_id": args.team,
            "mode": terms.mode.as_str(),
            "currency": terms.currency.as_str(),
            "representative": asked,
            "accrued": sums.collect::<serde_json::Value>(),
        });
        println!("{view}");
        return Ok(());
    }
    println!("mode            {}", terms.mode.as_str());
    println!("currency        {}", terms.currency);
    println!("representative  {asked}");
    for (currency, minor) in accrued {
        println!("accrued         {}", currency.shown(minor));
    }
    Ok(())
}
