//! `ringback producers add|list|remove`: works beside a running gateway or without one.

use crate::cli::ConfigArgs;
use crate::clock::Clock;
use crate::config::Config;
use crate::records::Records;
use crate::vault::Vault;
use anyhow::{Context, Result, bail};
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
            let records = open(&config.load()?).await?;
            let key = records.add_producer(&name, Clock::system().now()).await?;
            println!("{key}");
            records.close().await;
        }
        ProducersCommand::List { config } => {
            let records = open(&config.load()?).await?;
            for (name, last_four) in records.producers().await? {
                println!("{name:<32} ...{last_four}");
            }
            records.close().await;
        }
        ProducersCommand::Remove { name, config } => {
            let records = open(&config.load()?).await?;
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

async fn open(config: &Config) -> Result<Records> {
    let folder = &config.data.dir;
    std::fs::create_dir_all(folder).with_context(|| format!("data.dir {}", folder.display()))?;
    let vault = Vault::open(&config.vault_key_path())?;
    Ok(Records::open(config, vault).await?)
}
