//! `ringback teams create|list|transfer-admin`: what only the operator may do to a team.
//! Works beside a running gateway or without one.

use crate::cli::columns::columns;
use crate::cli::{ConfigArgs, note, open_records};
use crate::clock::Clock;
use crate::people::{invitations, members};
use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

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
        config: ConfigArgs,
    },
    /// List the teams
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Make another user of a team its admin; the former becomes a manager
    TransferAdmin {
        /// The team's id
        team: String,
        /// The address of an active user of it
        email: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) async fn run(command: TeamsCommand) -> Result<()> {
    match command {
        TeamsCommand::Create {
            name,
            admin,
            config,
        } => {
            let config = config.load()?;
            let records = open_records(&config).await?;
            let now = Clock::system().now();
            let account = &config.account;
            let team = invitations::create_team(&records, account, (&name, &admin), now).await?;
            note(&records, &team.id, ("teams create", &admin)).await?;
            records.close().await;
            println!("{}\n{}", team.id, team.link);
        }
        TeamsCommand::List { json, config } => {
            let records = open_records(&config.load()?).await?;
            let teams = records.teams().await?;
            records.close().await;
            if json {
                let team = |(id, name)| json!({"team_id": id, "name": name});
                println!("{}", teams.into_iter().map(team).collect::<Value>());
            } else {
                let rows: Vec<_> = teams.into_iter().map(|(id, name)| [id, name]).collect();
                print!("{}", columns(["TEAM", "NAME"], &rows));
            }
        }
        TeamsCommand::TransferAdmin {
            team,
            email,
            config,
        } => {
            let records = open_records(&config.load()?).await?;
            members::transfer_admin(&records, &team, &email).await?;
            note(&records, &team, ("teams transfer-admin", &email)).await?;
            records.close().await;
            println!("{email} is the admin of {team} now");
        }
    }
    Ok(())
}
