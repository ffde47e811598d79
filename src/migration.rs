//! An embedded installation into PostgreSQL. First, if wanted, a copy ahead beside the
//! running gateway; then, with the gateway stopped and the source frozen, everything that
//! differs, a comparison of the whole, and the mark that keeps gateways off the source.
//! Whenever it is interrupted, doing it again goes on. Never changes a row of the source.

mod error;
mod places; // both ends, opened and checked

pub use error::MigrationError;

use crate::callback::TimestampMs;
use crate::config::secret_url::{SecretUrl, mask_passwords};
use crate::folder;
use crate::journal::{Counts, Export, Import, Span, Sums};
use crate::migration::places::{Source, Target};
use crate::records::transfer::Compared;
use std::path::PathBuf;

/// What is moved where.
#[derive(Debug, Clone)]
pub struct Move {
    /// The data folder with the store.
    pub folder: PathBuf,
    /// The key that the store's secrets are sealed with.
    pub vault_key_file: PathBuf,
    /// The PostgreSQL database.
    pub target: SecretUrl,
}

/// What happens, for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Copying begins: so many callbacks will be looked at.
    Copying(u64),
    /// Reading everything in the target begins: so many callbacks.
    Verifying(u64),
    /// So many callbacks more are done.
    Done(u64),
}

/// Whoever wants to know what happens.
pub type Tell<'a> = &'a (dyn Fn(Event) + Sync);

/// What a copy ahead came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Callbacks looked at: what differed is copied.
    pub callbacks: u64,
    /// Of these, left to the end: they changed too much meanwhile.
    pub left: u64,
}

/// What was moved; both sides are the same.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Every table but the ledger.
    pub tables: Vec<Compared>,
    /// The callbacks by state, and the ledger.
    pub counts: Counts,
}

/// Copies what is there now, beside a running gateway. It needs no end: what is accepted or
/// changed meanwhile is left to [`finish`], which has the less to do.
///
/// # Errors
/// [`MigrationError`]: what was copied stays valid.
pub async fn copy_ahead(order: &Move, tell: Tell<'_>) -> Result<Ahead, MigrationError> {
    if folder::was_moved(&order.folder) {
        return Err(MigrationError::Moved);
    }
    let mut source = Source::open(order, false).await?;
    let target = Target::open(order, &mut source).await?;
    if target.is_finished {
        return Err(MigrationError::Live);
    }
    let after = target.copied_until.unwrap_or(Span::ALL.after);
    let until = source.journal.last_id().await?.unwrap_or(after);
    tell(Event::Copying(source.journal.count(after).await?));
    let mut ahead = Ahead::default();
    copy(
        &mut source.journal,
        &target.journal,
        Span { after, until },
        Pass::Ahead(&mut ahead),
        tell,
    )
    .await?;
    target.journal.close().await;
    Ok(ahead)
}

/// Copies everything that differs, compares the whole and marks the source as moved. The
/// gateway must have stopped. `None`: all of that was done before.
///
/// # Errors
/// [`MigrationError`]: the source is as it was, and doing it again goes on.
pub async fn finish(
    order: &Move,
    now: TimestampMs,
    tell: Tell<'_>,
) -> Result<Option<Moved>, MigrationError> {
    let mut source = Source::open(order, true).await?;
    let target = Target::open(order, &mut source).await?;
    if target.is_finished {
        let was_moved = folder::was_moved(&order.folder);
        return was_moved.then_some(None).ok_or(MigrationError::Live);
    }
    tell(Event::Copying(source.journal.count(Span::ALL.after).await?));
    let mut here = Sums::default();
    copy(
        &mut source.journal,
        &target.journal,
        Span::ALL,
        Pass::Last(&mut here),
        tell,
    )
    .await?;
    source.journal.add_ledger(&mut here).await?;
    target.journal.write_ledger(&here).await?;
    let replays = source.journal.replays().await?;
    target.journal.write_replays(&replays).await?;
    tell(Event::Verifying(here.callbacks.rows()));
    let there = target
        .journal
        .sums(&|callbacks| tell(Event::Done(callbacks)))
        .await?;
    let mut tables = journal_tables(&here, &there);
    all_same(&tables).map_err(MigrationError::Different)?;
    if here.counts != there.counts {
        return Err(MigrationError::DifferentCounts(here.counts, there.counts));
    }
    // Last: without teams and keys nobody can hand anything in there.
    tables.extend(target.fill_records(order, &mut source).await?);
    all_same(&tables).map_err(MigrationError::Different)?;
    // Before the end: if this is interrupted now, no gateway starts on either of them.
    let marked = folder::mark_moved(&order.folder, &mark(order));
    marked.map_err(MigrationError::Mark)?;
    if !target.journal.finish(now).await? {
        return Err(MigrationError::Busy);
    }
    target.journal.close().await;
    let counts = there.counts;
    Ok(Some(Moved { tables, counts }))
}

/// What a pass over the source is for.
enum Pass<'a> {
    /// Its progress is kept, as the source changes anyway.
    Ahead(&'a mut Ahead),
    /// Everything is counted in.
    Last(&'a mut Sums),
}

/// Brings a span over batch by batch: reads the next one while one is written.
async fn copy(
    source: &mut Export,
    target: &Import,
    span: Span,
    mut pass: Pass<'_>,
    tell: Tell<'_>,
) -> Result<(), MigrationError> {
    let mut batch = source.read(span).await?;
    loop {
        let rest = Span {
            after: batch.span.until,
            ..span
        };
        let is_last = rest.after == rest.until;
        let progress = matches!(pass, Pass::Ahead(_)) && !is_last;
        let write = target.write(&batch, progress.then_some(rest.after));
        let read = async {
            if is_last {
                return Ok(None);
            }
            source.read(rest).await.map(Some)
        };
        let (written, next) = tokio::try_join!(write, read)?;
        match &mut pass {
            Pass::Ahead(ahead) => {
                ahead.callbacks += batch.callbacks();
                ahead.left += if written { 0 } else { batch.callbacks() };
            }
            // What is not written shows when everything is compared.
            Pass::Last(sums) => sums.add(&batch)?,
        }
        tell(Event::Done(batch.callbacks()));
        match next {
            Some(next) => batch = next,
            None => return Ok(()),
        }
    }
}

fn journal_tables(here: &Sums, there: &Sums) -> Vec<Compared> {
    let compared = |table, source, target| Compared {
        table,
        source,
        target,
    };
    vec![
        compared("results", here.results, there.results),
        compared("callbacks", here.callbacks, there.callbacks),
        compared("attempts", here.attempts, there.attempts),
    ]
}

/// Fails with the first table that is not.
fn all_same(tables: &[Compared]) -> Result<(), Compared> {
    let different = tables.iter().find(|table| table.source != table.target);
    different.map_or(Ok(()), |table| Err(*table))
}

/// For whoever finds it one day.
fn mark(order: &Move) -> String {
    format!(
        "The store in this folder was moved to {}.\nGateways and commands refuse to use it here. \
         Its files are as they were before the move:\nkeep them until the new store has proved \
         itself, and keep vault.key for ever if the new\ngateways use it from here. To go back to \
         this store, which is right only while no gateway has\nrun on the new one, delete this \
         file.\n",
        mask_passwords(order.target.reveal())
    )
}
