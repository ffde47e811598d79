//! `ringback teams create|list|transfer-admin`: what only the operator may do to a team. By URL
//! and key through a running gateway; else in the store itself, beside a gateway or without
//! one.

use crate::cli::columns::columns;
use crate::cli::gateway::{Gateway, GatewayArgs};
use crate::cli::{note, open_records};
use crate::clock::Clock;
use crate::people::{invitations, members};
use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

/// Teams asked for at one time.
const PAGE: usize = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum TeamsCommand {
    /// Make a team; print its id and the link with which its admin joins
    Create {
        /// Its name, for people
        name: String,
        /// The address of its first admin, who is also sent the link by mail
        #[arg(long, value_name = "EMAIL")]
        admin: String,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// List the teams
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Make another user of a team its admin; the former becomes a manager
    TransferAdmin {
        /// The team's id
        team: String,
        /// The address of an active user of it
        email: String,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

pub(super) async fn run(command: TeamsCommand) -> Result<()> {
    match command {
        TeamsCommand::Create {
            name,
            admin,
            gateway,
        } => {
            let (id, link) = create(&gateway, &name, &admin).await?;
            println!("{id}\n{link}");
        }
        TeamsCommand::List { json, gateway } => show(list(&gateway).await?, json),
        TeamsCommand::TransferAdmin {
            team,
            email,
            gateway,
        } => {
            transfer(&gateway, &team, &email).await?;
            println!("{email} is the admin of {team} now");
        }
    }
    Ok(())
}

/// The team's id and the link.
async fn create(args: &GatewayArgs, name: &str, admin: &str) -> Result<(String, String)> {
    if args.is_named() {
        let body = json!({"name": name, "admin": admin});
        let made = args.gateway()?.post("teams", &body).await?;
        let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
        return Ok((text("team_id"), text("link")));
    }
    let config = args.config.load()?;
    let records = open_records(&config).await?;
    let now = Clock::system().now();
    let team = invitations::create_team(&records, &config.account, (name, admin), now).await?;
    note(&records, &team.id, ("teams create", admin)).await?;
    records.close().await;
    Ok((team.id, team.link))
}

async fn list(args: &GatewayArgs) -> Result<Vec<(String, String)>> {
    if args.is_named() {
        return list_through(&args.gateway()?).await;
    }
    let records = open_records(&args.config.load()?).await?;
    let teams = records.teams().await?;
    records.close().await;
    Ok(teams)
}

/// Page after page.
async fn list_through(gateway: &Gateway) -> Result<Vec<(String, String)>> {
    let (mut teams, mut after) = (Vec::new(), String::new());
    loop {
        let query = [("after", after.clone()), ("limit", PAGE.to_string())];
        let told = gateway.get("teams", &query).await?;
        let page = told["teams"].as_array().map_or(&[][..], Vec::as_slice);
        teams.extend(page.iter().map(|team| {
            let text = |field: &str| team[field].as_str().unwrap_or_default().to_owned();
            (text("team_id"), text("name"))
        }));
        match teams.last() {
            Some((id, _)) if page.len() == PAGE => after.clone_from(id),
            _ => return Ok(teams),
        }
    }
}

fn show(teams: Vec<(String, String)>, is_json: bool) {
    if is_json {
        let team = |(id, name)| json!({"team_id": id, "name": name});
        println!("{}", teams.into_iter().map(team).collect::<Value>());
    } else {
        let rows: Vec<_> = teams.into_iter().map(|(id, name)| [id, name]).collect();
        print!("{}", columns(["TEAM", "NAME"], &rows));
    }
}

async fn transfer(args: &GatewayArgs, team: &str, email: &str) -> Result<()> {
    if args.is_named() {
        let path = format!("teams/{team}/transfer-admin");
        args.gateway()?
            .post(&path, &json!({"email": email}))
            .await?;
        return Ok(());
    }
    let records = open_records(&args.config.load()?).await?;
    members::transfer_admin(&records, team, email).await?;
    note(&records, team, ("teams transfer-admin", email)).await?;
    records.close().await;
    Ok(())
}
