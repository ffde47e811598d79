//! Accept results: check, one commit, push, answer. Nothing is promised before the
//! commit; a failed push is repaired later and is no error.

pub mod item;

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::{Callback, CallbackId, HELD_NO_URL, HELD_PAUSED};
use crate::intake::item::{Item, Rejection};
use crate::journal::{Appended, JournalError, NewCallback};
use crate::records::RecordsError;
use std::collections::HashMap;
use std::sync::Arc;

/// What became of one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Committed: it will be delivered.
    Accepted(CallbackId),
    /// Handed in before with the same content, as this callback.
    Duplicate(CallbackId),
    /// Handed in before with other content, as this callback.
    Conflict(CallbackId),
    /// Not taken, for this reason.
    Rejected(Rejection),
}

/// Why nothing of a batch was taken. Hand it in again later.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The journal could not commit.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The teams could not be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

type Teams = HashMap<String, (Arc<TeamSettings>, u64)>;

/// Accepts items in one commit; answers each, in order.
///
/// # Errors
/// [`IntakeError`]: nothing was taken.
pub async fn accept(
    app: &App,
    items: Vec<Result<Item, Rejection>>,
) -> Result<Vec<Answer>, IntakeError> {
    let mut teams = Teams::new();
    let mut fresh = Vec::with_capacity(items.len());
    let mut checked = Vec::with_capacity(items.len());
    for item in items {
        let new = match item {
            Ok(item) => prepare(app, item, &mut teams).await?,
            Err(rejection) => Err(rejection),
        };
        checked.push(new.map(|new| fresh.push(new)));
    }
    let mut appended = append(app, fresh, &teams).await?.into_iter();
    let answers: Vec<_> = checked
        .into_iter()
        .map(|item| match item {
            Ok(()) => appended.next().expect("the journal answers every callback"),
            Err(rejection) => Answer::Rejected(rejection),
        })
        .collect();
    for answer in &answers {
        let label = answer.label();
        app.metrics.results_total.with_label_values(&[label]).inc();
    }
    Ok(answers)
}

impl Answer {
    /// As shown and counted.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate(_) => "duplicate",
            Self::Conflict(_) => "conflict",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// Checks an item against its team and gives it an id.
async fn prepare(
    app: &App,
    item: Item,
    teams: &mut Teams,
) -> Result<Result<NewCallback, Rejection>, IntakeError> {
    if !teams.contains_key(&item.team_id) {
        let Some(settings) = app.team(&item.team_id).await? else {
            return Ok(Err(Rejection::unknown_team(&item.team_id)));
        };
        let depth = app.team_depth(&settings.id).await;
        teams.insert(item.team_id.clone(), (settings, depth));
    }
    let (settings, depth) = teams.get_mut(&item.team_id).expect("inserted above");
    let pending_max = app.config.intake.team_pending_max;
    if *depth >= pending_max {
        return Ok(Err(Rejection::queue_full(pending_max)));
    }
    if let Some(rejection) = item.refused_address(&app.guard) {
        return Ok(Err(rejection));
    }
    *depth += 1;
    let target = settings.target(item.callback_url.as_deref(), item.project.as_deref());
    let held = if settings.is_paused {
        Some(HELD_PAUSED)
    } else {
        target.is_none().then_some(HELD_NO_URL)
    };
    let callback = Callback {
        id: app.next_id(),
        team: settings.id.clone(),
        event_id: item.event_id,
        task_id: item.task_id,
        project: item.project,
        mode: item.mode,
        url: item.callback_url,
        body: item.body,
        attempts: 0,
        forgiven: 0,
    };
    Ok(Ok(NewCallback {
        callback: Arc::new(callback),
        digest: item.digest,
        held,
    }))
}

/// Commits, then pushes what is new.
async fn append(
    app: &App,
    fresh: Vec<NewCallback>,
    teams: &Teams,
) -> Result<Vec<Answer>, IntakeError> {
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let appended = app.journal.append(fresh.clone()).await?;
    let mut entries = Vec::with_capacity(fresh.len());
    let mut answers = Vec::with_capacity(fresh.len());
    for (new, appended) in fresh.into_iter().zip(appended) {
        let callback = new.callback;
        answers.push(match appended {
            Appended::New => Answer::Accepted(callback.id),
            Appended::Duplicate(first) => Answer::Duplicate(first),
            Appended::Conflict(first) => Answer::Conflict(first),
        });
        if appended == Appended::New {
            let (settings, _) = &teams[&*callback.team];
            let target = settings.target(callback.url.as_deref(), callback.project.as_deref());
            entries.push(settings.entry(
                callback.id,
                &callback.task_id,
                target.map(|(url, _)| url),
                callback.id.accepted_ms(),
                new.held.is_some(),
            ));
            app.keep_hot(callback);
        }
    }
    app.push(entries).await;
    Ok(answers)
}
