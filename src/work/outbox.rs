//! Callbacks that changes have caused, from the records into the journal: right after the
//! change, and by one process again and again for what was left over. The journal knows an
//! event it has, so that handing over twice is harmless.

use crate::app::App;
use crate::app::append::Fresh;
use crate::app::error::StoreError;
use crate::callback::Callback;
use crate::journal::Duty;
use crate::records::outbox::Owed;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How soon what was left over goes.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// What is younger is being handed over by whoever made the change, milliseconds.
const YOUNG_MS: i64 = 1000;
/// Tasks and batches in one sweep.
const SWEEP_MAX: i64 = 500;

/// Hands over what is owed for a task or batch; what fails is left to the sweep.
pub async fn hand_over(app: &App, subject: &str) {
    if let Err(error) = try_hand_over(app, subject).await {
        tracing::warn!(error = %error, "callbacks wait in the outbox");
    }
}

/// Hands over what has been owed for a while. Returns whether there may be more.
///
/// # Errors
/// [`StoreError`] when a store does not answer: the rest is left over.
pub async fn sweep(app: &App) -> Result<bool, StoreError> {
    let before = app.clock.now().cast_signed() - YOUNG_MS;
    let subjects = app.records.owing(before, SWEEP_MAX).await?;
    for subject in &subjects {
        try_hand_over(app, subject).await?;
    }
    Ok(i64::try_from(subjects.len()).is_ok_and(|found| found == SWEEP_MAX))
}

/// Sweeps until aborted; of several processes one does.
pub async fn run(app: App) {
    let mut timer = tokio::time::interval(SWEEP_EVERY);
    loop {
        timer.tick().await;
        let swept = async {
            if !app.journal.lead(Duty::Outbox).await? {
                return Ok(());
            }
            while sweep(&app).await? {}
            Ok::<_, StoreError>(())
        };
        if let Err(error) = swept.await {
            tracing::warn!(error = %error, "the outbox is swept later");
        }
    }
}

async fn try_hand_over(app: &App, subject: &str) -> Result<(), StoreError> {
    let owed = app.records.owed_for(subject).await?;
    let Some(first) = owed.first() else {
        return Ok(());
    };
    let Some(settings) = app.team(&first.team_id).await? else {
        tracing::warn!(team.id = %first.team_id, "callbacks of a team that is gone stay in the outbox");
        return Ok(());
    };
    // In one commit and in order: a later one never gets ahead of an earlier one.
    let fresh = owed.iter().map(|owed| Fresh {
        callback: callback(app, owed),
        digest: Sha256::digest(&owed.body).into(),
        settings: settings.clone(),
    });
    app.append(fresh.collect()).await?;
    app.records.settle_owed(&owed).await?;
    let handed_over = u64::try_from(owed.len()).expect("64 bits hold any length");
    app.metrics.outbox_handed_over_total.inc_by(handed_over);
    Ok(())
}

fn callback(app: &App, owed: &Owed) -> Callback {
    Callback {
        id: app.next_id(),
        team: owed.team_id.as_str().into(),
        // No producer's event is named so: theirs and ours do not meet.
        event_id: format!("ringback:{}:{}", owed.subject, owed.event),
        task_id: owed.subject.clone(),
        project: owed.project.clone(),
        mode: owed.mode(),
        url: owed.url.clone(),
        trace: None,
        body: owed.body.clone().into(),
        attempts: 0,
        forgiven: 0,
    }
}
