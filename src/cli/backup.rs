//! `ringback backup FOLDER`: an embedded installation as it is, while its gateway runs. Of
//! PostgreSQL its own tools make backups.

use crate::cli::ConfigArgs;
use crate::config::files::Place;
use crate::folder::{self, MOVED};
use crate::journal::copy_file;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// In this order: what leaves the records for the journal meanwhile is then in both copies, and
/// the journal takes it once.
const DATABASES: [&str; 2] = ["records.db", "journal.db"];
const PG_DUMP: &str = "the store is PostgreSQL: pg_dump makes its backup (docs/backup.md)";

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Where it goes; made, and must not exist
    folder: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: BackupArgs) -> Result<()> {
    let config = args.config.load()?;
    let data = &config.data.dir;
    ensure!(config.store.postgres_url().is_none(), PG_DUMP);
    ensure!(!folder::was_moved(data), MOVED);
    for name in DATABASES {
        let file = data.join(name);
        ensure!(
            file.exists(),
            "there is no {}; is --config right?",
            file.display()
        );
    }
    let target = &args.folder;
    if target.exists() {
        bail!(
            "{} exists: a backup is made in a folder of its own",
            target.display()
        );
    }
    // Under another name until it is whole.
    let begun = beside(target, ".begun");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&begun);
    made.with_context(|| begun.display().to_string())?;
    let copied = async {
        for name in DATABASES {
            copy_file(&data.join(name), &begun.join(name))
                .await
                .with_context(|| name.to_owned())?;
        }
        if let Place::Folder(files) = config.files_place() {
            copy_files(&files, &begun.join("files"))?;
        }
        std::fs::rename(&begun, target).with_context(|| target.display().to_string())
    };
    if let Err(error) = copied.await {
        // Half of one helps nobody.
        let _ = std::fs::remove_dir_all(&begun);
        return Err(error);
    }
    println!(
        "{} is a backup. The key that opens its secrets is not in it: keep {} elsewhere",
        target.display(),
        config.vault_key_path().display()
    );
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Uploaded files never change; those that are deleted meanwhile are in no task.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_files(&path, &target)?;
            continue;
        }
        match std::fs::copy(&path, &target) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok(())
}
