//! `ringback producers add|list|remove`: works beside a running gateway or without one.

use crate::cli::{ConfigArgs, open_records};
use crate::clock::Clock;
use anyhow::{Result, bail};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum ProducersCommand {
    /// Make a producer and print its key, which is not shown again
    Add {
        /// A name for people, such as `labelling-eu`
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the producers
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Remove a producer: its key is refused everywhere within a second
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) async fn run(command: ProducersCommand) -> Result<()> {
    match command {
        ProducersCommand::Add { name, config } => {
            let records = open_records(&config.load()?).await?;
            let key = records.add_producer(&name, Clock::system().now()).await?;
            println!("{key}");
            records.close().await;
        }
        ProducersCommand::List { config } => {
            let records = open_records(&config.load()?).await?;
            for (name, last_four) in records.producers().await? {
                println!("{name:<32} ...{last_four}");
            }
            records.close().await;
        }
        ProducersCommand::Remove { name, config } => {
            let records = open_records(&config.load()?).await?;
            let was_there = records.remove_producer(&name).await?;
            records.close().await;
            if !was_there {
                bail!("there is no producer {name}");
            }
            println!("removed {name}");
        }
    }
    Ok(())
}
