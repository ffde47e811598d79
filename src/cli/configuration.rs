//! `ringback config check|show`.

use crate::cli::ConfigArgs;
use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Tell whether the gateway could start with it; lists every problem
    Check(ConfigArgs),
    /// Print the settings in force: defaults, file and environment together
    Show(ConfigArgs),
}

pub(super) fn run(command: &ConfigCommand) -> Result<()> {
    match command {
        ConfigCommand::Check(args) => {
            args.load()?;
            println!("the configuration is good");
        }
        ConfigCommand::Show(args) => print!("{}", args.load()?.to_toml()),
    }
    Ok(())
}
