//! `ringback users move|disable|enable`: support for people. Works beside a running gateway
//! or without one; a gateway knows within a second.

use crate::cli::{ConfigArgs, note, open_records};
use crate::people::members;
use crate::records::users::Status;
use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Move a user into another team; they keep their role and sign in again
    Move {
        /// Their address
        email: String,
        /// The id of the team they go to
        team: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Keep a user out until enabled again; their sessions end
    Disable {
        /// Their address
        email: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Let a user who was disabled sign in again
    Enable {
        /// Their address
        email: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) async fn run(command: UsersCommand) -> Result<()> {
    match command {
        UsersCommand::Move {
            email,
            team,
            config,
        } => {
            let records = open_records(&config.load()?).await?;
            let from = members::move_user(&records, &email, &team).await?;
            for log in [&from, &team] {
                note(&records, log, ("users move", &email)).await?;
            }
            records.close().await;
            println!("{email} is in {team} now");
        }
        UsersCommand::Disable { email, config } => {
            set_status(&config, &email, Status::Disabled).await?;
        }
        UsersCommand::Enable { email, config } => {
            set_status(&config, &email, Status::Active).await?;
        }
    }
    Ok(())
}

async fn set_status(config: &ConfigArgs, email: &str, status: Status) -> Result<()> {
    let records = open_records(&config.load()?).await?;
    let team = members::set_status_of(&records, email, status).await?;
    note(
        &records,
        &team,
        ("users", &format!("{email} {}", status.as_str())),
    )
    .await?;
    records.close().await;
    println!("{email} is {} now", status.as_str());
    Ok(())
}
