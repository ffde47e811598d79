//! `ringback migrate-store`: an embedded installation into PostgreSQL. Shows how far it is
//! and what came of it; the work is in `migration`.

mod bar; // how far it is

use crate::callback::State;
use crate::cli::ConfigArgs;
use crate::cli::migrate_store::bar::Bar;
use crate::clock::Clock;
use crate::config::secret_url::{SecretUrl, mask_passwords};
use crate::migration::{Ahead, Move, Moved, copy_ahead, finish};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use std::path::{Path, PathBuf};

/// What a person should know before.
const HELP: &str = "\
Two steps keep the gateway's pause short:
  1. Beside the running gateway:  ringback migrate-store --from sqlite:FOLDER --to URL --ahead
     Reads only. Call it again as often as you like: each time there is less left to do.
  2. Stop the gateway, then:      ringback migrate-store --from sqlite:FOLDER --to URL
     Copies what changed, compares both sides row by row and marks the folder as moved.
Interrupted at any moment, the same command goes on. Until the second step is finished no
gateway starts on the database; from then on none starts on the folder. No row of the old
store is ever changed. More: docs/migrate-store.md";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct MigrateStoreArgs {
    /// The embedded installation: `sqlite:` and its data folder
    #[arg(long, value_name = "sqlite:FOLDER", value_parser = parse_folder)]
    from: PathBuf,
    /// The database, empty or begun before. Left out: store.url of the configuration, which
    /// keeps the password out of the list of processes
    #[arg(long, value_name = "postgres://...")]
    to: Option<SecretUrl>,
    /// Only copy ahead, beside the running gateway
    #[arg(long)]
    ahead: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_folder(text: &str) -> Result<PathBuf, String> {
    let folder = text
        .strip_prefix("sqlite:")
        .filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from).ok_or_else(|| {
        "write sqlite: and the data folder, such as sqlite:/var/lib/ringback".to_owned()
    })
}

pub(super) async fn run(args: MigrateStoreArgs) -> Result<()> {
    let order = args.order()?;
    let bar = Bar::new();
    let tell = |event| bar.show(event);
    if args.ahead {
        let ahead = copy_ahead(&order, &tell).await?;
        bar.clear();
        print_ahead(&ahead);
        return Ok(());
    }
    let moved = finish(&order, Clock::system().now(), &tell).await?;
    bar.clear();
    match moved {
        Some(moved) => print_moved(&moved),
        None => println!("This store was moved before; nothing was left to do."),
    }
    print_next(&order);
    Ok(())
}

impl MigrateStoreArgs {
    fn order(&self) -> Result<Move> {
        let config = self.config.load()?;
        let target = match &self.to {
            Some(url) => url.clone(),
            None if config.store.postgres_url().is_some() => config.store.url.clone(),
            None => bail!("name the database with --to, or as store.url of the configuration"),
        };
        if !matches!(target.scheme(), "postgres" | "postgresql") {
            bail!(
                "--to must start with postgres://; it starts with {:?}",
                target.scheme()
            );
        }
        let own = &config.data.vault_key_file;
        let folder = std::path::absolute(&self.from)
            .map_err(|error| anyhow!("--from {}: {error}", self.from.display()))?;
        let vault_key_file = if own.as_os_str().is_empty() {
            folder.join("vault.key")
        } else {
            own.clone()
        };
        Ok(Move {
            folder,
            vault_key_file,
            target,
        })
    }
}

fn print_ahead(ahead: &Ahead) {
    println!(
        "{} callbacks are in the database as they were a moment ago.",
        ahead.callbacks
    );
    if ahead.left > 0 {
        println!(
            "{} were left out: they changed too much meanwhile.",
            ahead.left
        );
    }
    println!(
        "What the gateway does from now on is still missing. Next: stop the gateway, then run the \
         same command without --ahead."
    );
}

fn print_moved(moved: &Moved) {
    println!("Everything is in the database, and both sides are the same:\n");
    println!("{:<18}{:>12}  checksum of both sides", "table", "rows");
    for table in &moved.tables {
        println!(
            "{:<18}{:>12}  {}",
            table.table,
            table.target.rows(),
            table.target
        );
    }
    println!("\n{:<18}{:>12}", "callbacks", "rows");
    let counts = &moved.counts;
    for state in State::ALL {
        let rows = counts.by_state.get(&state).copied().unwrap_or(0);
        println!("{:<18}{rows:>12}", state.as_str());
    }
    println!(
        "\naccepted {} = callbacks {} + pruned {}{}\n",
        counts.accepted,
        counts.by_state.values().sum::<i64>(),
        counts.pruned,
        match counts.imbalance() {
            0 => String::new(),
            missing => format!(" + {missing} missing, as in the old store"),
        }
    );
}

fn print_next(order: &Move) {
    println!(
        "Next:\n\
         1. Give every new gateway the key file {key}\n   \
            and a configuration with\n\
         \n     [data]\n     vault_key_file = \"{key}\"\n\
         \n     [store]\n     url = \"{url}\"  # with its password\n\
         \n     [queue]\n     url = \"redis://...\"  # Redis 7 or Valkey; it may be empty\n\
         \n2. Start them: ringback serve --config FILE\n   \
            Whatever was pending goes on, with the attempts made so far.\n\
         3. Keep {folder} until the new store has proved itself. No gateway\n   \
            starts on it any more; the file `moved` in it tells more.",
        key = shown(&order.vault_key_file),
        url = mask_passwords(order.target.reveal()),
        folder = shown(&order.folder),
    );
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
