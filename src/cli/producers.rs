//! `ringback producers add|list`: works beside a running gateway or without one.

use crate::cli::ConfigArgs;
use crate::clock::Clock;
use crate::config::Config;
use crate::records::Records;
use crate::vault::Vault;
use anyhow::{Context, Result};
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
    }
    Ok(())
}

async fn open(config: &Config) -> Result<Records> {
    let folder = &config.data.dir;
    std::fs::create_dir_all(folder).with_context(|| format!("data.dir {}", folder.display()))?;
    let vault = Vault::open(&config.vault_key_path())?;
    Ok(Records::open(config, vault).await?)
}
