//! `ringback vault rotate|retire`: another key seals the secrets. Works beside a running
//! gateway, which reads the key file again by itself; one with another copy of the file
//! refuses until it has the new one.

use crate::cli::{ConfigArgs, note, open_records};
use crate::vault::Vault;
use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum VaultCommand {
    /// Make a new version of the key and seal every secret with it; the old one stays in the
    /// file until `retire`
    Rotate {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Take old versions of the key out of the file, once every process has the new one
    Retire {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) async fn run(command: VaultCommand) -> Result<()> {
    let (VaultCommand::Rotate { config } | VaultCommand::Retire { config }) = &command;
    let config = config.load()?;
    let path = config.vault_key_path();
    // Also proves that the key in the file is the right one, before anything is changed.
    let records = open_records(&config).await?;
    match command {
        VaultCommand::Rotate { .. } => {
            let version = Vault::add_version(&path)?;
            let secrets = records.reseal().await?;
            note(
                &records,
                "",
                ("vault rotate", &format!("version {version}")),
            )
            .await?;
            println!("{secrets} secrets are sealed with version {version} of the key now");
            println!(
                "{} holds the old versions until `ringback vault retire`;",
                path.display()
            );
            println!("copy it to every machine that has a gateway on this store");
        }
        VaultCommand::Retire { .. } => {
            // What a process that did not know the new key yet has sealed meanwhile.
            records.reseal().await?;
            let old = Vault::drop_old_versions(&path)?;
            note(&records, "", ("vault retire", &format!("{old} versions"))).await?;
            println!(
                "{old} old versions of the key were taken out of {}",
                path.display()
            );
        }
    }
    records.close().await;
    Ok(())
}
