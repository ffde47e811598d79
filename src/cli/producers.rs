//! `ringback producers add|list|remove`: works beside a running gateway or without one.

use crate::cli::columns::columns;
use crate::cli::{ConfigArgs, note, open_records};
use crate::clock::Clock;
use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

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
        /// As JSON
        #[arg(long)]
        json: bool,
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
            note(&records, "", ("producers add", &name)).await?;
            println!("{key}");
            records.close().await;
        }
        ProducersCommand::List { json, config } => {
            let records = open_records(&config.load()?).await?;
            let producers = records.producers().await?;
            records.close().await;
            if json {
                let producer = |(name, end)| json!({"name": name, "key_ends_with": end});
                println!("{}", producers.into_iter().map(producer).collect::<Value>());
            } else {
                let row = |(name, end)| [name, format!("...{end}")];
                let rows: Vec<_> = producers.into_iter().map(row).collect();
                print!("{}", columns(["NAME", "KEY"], &rows));
            }
        }
        ProducersCommand::Remove { name, config } => {
            let records = open_records(&config.load()?).await?;
            if !records.remove_producer(&name).await? {
                bail!("there is no producer {name}");
            }
            note(&records, "", ("producers remove", &name)).await?;
            records.close().await;
            println!("removed {name}");
        }
    }
    Ok(())
}
