//! Accept results: check, one commit, push, answer. Nothing is promised before the
//! commit; a failed push is repaired later and is no error.

pub mod item;

use crate::app::App;
use crate::app::append::Fresh;
use crate::app::error::StoreError;
use crate::app::settings::TeamSettings;
use crate::callback::{Callback, CallbackId};
use crate::intake::item::{Item, Rejection};
use crate::journal::Appended;
use crate::metrics::family::Label;
use crate::metrics::labels::ResultAnswer;
use crate::records::RecordsError;
use crate::records::tasks::Task;
use crate::records::tasks::results::{Taken, TaskResult};
use crate::records::world::looks_like_an_id;
use crate::work;
use crate::work::rules::Refused;
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

type Teams = HashMap<String, (Arc<TeamSettings>, u64)>;

/// Accepts items in one commit; answers each, in order.
///
/// # Errors
/// [`StoreError`]: nothing was taken that handing in again would not repair.
pub async fn accept(
    app: &App,
    items: Vec<Result<Item, Rejection>>,
) -> Result<Vec<Answer>, StoreError> {
    let (results, count) = (&app.metrics.results_total, items.len());
    let accepted = accept_uncounted(app, items).await;
    match &accepted {
        Ok(answers) => answers.iter().for_each(|it| results.of(it.label()).inc()),
        Err(_) => results.of(ResultAnswer::Failed).inc_by(count as u64),
    }
    accepted
}

async fn accept_uncounted(
    app: &App,
    items: Vec<Result<Item, Rejection>>,
) -> Result<Vec<Answer>, StoreError> {
    let mut teams = Teams::new();
    let mut checked = Vec::with_capacity(items.len());
    for item in items {
        checked.push(match item {
            Ok(item) => check(app, item, &mut teams).await?,
            Err(rejection) => Err(rejection),
        });
    }
    // First the tasks, then their callbacks: whoever dies in between is asked again.
    apply_to_tasks(app, &mut checked).await?;
    let mut fresh = Vec::with_capacity(checked.len());
    let mut ids = Vec::with_capacity(checked.len());
    for item in checked {
        ids.push(item.map(|item| {
            let new = callback(app, item, &teams);
            let id = new.callback.id;
            fresh.push(new);
            id
        }));
    }
    let mut appended = app.append(fresh).await?.into_iter();
    let answers = ids.into_iter().map(|id| match id {
        Ok(id) => match appended.next().expect("the journal answers every callback") {
            Appended::New => Answer::Accepted(id),
            Appended::Duplicate(first) => Answer::Duplicate(first),
            Appended::Conflict(first) => Answer::Conflict(first),
        },
        Err(rejection) => Answer::Rejected(rejection),
    });
    Ok(answers.collect())
}

impl Answer {
    /// As shown: `accepted`, `duplicate`, `conflict` or `rejected`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Rejected(_) => ResultAnswer::Rejected.text(),
            others => others.label().text(),
        }
    }

    /// As counted, which tells a full queue from a result that is not legal.
    fn label(&self) -> ResultAnswer {
        match self {
            Self::Accepted(_) => ResultAnswer::Accepted,
            Self::Duplicate(_) => ResultAnswer::Duplicate,
            Self::Conflict(_) => ResultAnswer::Conflict,
            Self::Rejected(rejection) if rejection.retryable => ResultAnswer::QueueFull,
            Self::Rejected(_) => ResultAnswer::Rejected,
        }
    }
}

/// Checks an item against its team.
async fn check(
    app: &App,
    item: Item,
    teams: &mut Teams,
) -> Result<Result<Item, Rejection>, StoreError> {
    if !teams.contains_key(&item.team_id) {
        let Some(settings) = app.team(&item.team_id).await? else {
            return Ok(Err(Rejection::unknown_team(&item.team_id)));
        };
        let depth = app.team_depth(&settings.id).await;
        teams.insert(item.team_id.clone(), (settings, depth));
    }
    let (_, depth) = teams.get_mut(&item.team_id).expect("inserted above");
    let pending_max = app.config.intake.team_pending_max;
    if *depth >= pending_max {
        return Ok(Err(Rejection::queue_full(pending_max)));
    }
    if let Some(rejection) = item.refused_address(&app.guard) {
        return Ok(Err(rejection));
    }
    *depth += 1;
    Ok(Ok(item))
}

/// Tasks of ours take their new status, and lend the item what it does not say itself.
async fn apply_to_tasks(
    app: &App,
    checked: &mut [Result<Item, Rejection>],
) -> Result<(), RecordsError> {
    let ours = |item: &&mut Result<Item, Rejection>| matches!(item, Ok(item) if looks_like_an_id(&item.task_id));
    let mut ours: Vec<_> = checked.iter_mut().filter(ours).collect();
    if ours.is_empty() {
        return Ok(());
    }
    let result = |item: &&mut Result<Item, Rejection>| {
        let item = item.as_ref().ok()?;
        Some(TaskResult {
            task_id: item.task_id.clone(),
            event_id: item.event_id.clone(),
            team: item.team_id.clone(),
            mode: item.mode,
            status: item.status,
            response: item.response().to_owned(),
        })
    };
    let results: Vec<_> = ours.iter().filter_map(result).collect();
    let taken = work::results::apply(app, &results).await?;
    for (place, taken) in ours.iter_mut().zip(taken) {
        match (&mut **place, taken) {
            (Ok(item), Taken::Known(task)) => lend(item, &task),
            (place, Taken::Refused(Refused { field, reason })) => {
                *place = Err(Rejection::of_task(field, reason));
            }
            (_, Taken::Unknown) | (Err(_), Taken::Known(_)) => {}
        }
    }
    Ok(())
}

/// What the result does not say, the task does.
fn lend(item: &mut Item, task: &Task) {
    if item.callback_url.is_none() {
        item.callback_url.clone_from(&task.callback_url);
    }
    if item.project.is_none() {
        item.project.clone_from(&task.project);
    }
    if !item.has_task {
        item.put_task(&task.object_text());
    }
}

/// Gives a checked item an id.
fn callback(app: &App, item: Item, teams: &Teams) -> Fresh {
    let (settings, _) = &teams[&item.team_id];
    Fresh {
        callback: Callback {
            id: app.next_id(),
            team: settings.id.clone(),
            event_id: item.event_id,
            task_id: item.task_id,
            project: item.project,
            mode: item.mode,
            url: item.callback_url,
            trace: item.trace,
            body: item.body,
            attempts: 0,
            forgiven: 0,
        },
        digest: item.digest,
        settings: Arc::clone(settings),
    }
}
