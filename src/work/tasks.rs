//! Tasks, as customers make and change them.

mod prepare;

use crate::app::App;
use crate::callback::{Mode, TimestampMs};
use crate::hex;
use crate::records::tasks::changing::{Applied, Told};
use crate::records::tasks::create::{CreateError, Idempotency};
use crate::records::tasks::{COMPLETED, PENDING, Task};
use crate::records::world::{World, new_id};
use crate::records::{RecordsError, tasks};
use crate::work::fields::{Fields, metadata};
use crate::work::rules::{self, Audit, Refused, TagChange, refuse};
use crate::work::tasks::prepare::prepare;
use crate::work::{WorkError, batches, fields, outbox, placeholder, projects};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest `Idempotency-Key`, bytes.
const KEY_BYTES_MAX: usize = 255;

/// Makes a task; the answer is its object as JSON. One of test mode is completed before
/// anybody can read it, and its callback on its way, but the answer shows it as pending.
///
/// # Errors
/// [`WorkError::Taken`] when its unique id is another's, or the key another request's.
pub async fn create(
    app: &App,
    world: World<'_>,
    (kind, body): (&str, Map<String, Value>),
    key: Option<&str>,
) -> Result<String, WorkError> {
    projects::check_kind(app, "type", kind)?;
    let digest = key.map(|_| digest(kind, &body));
    let mut task = prepare(app, world, kind, fields::task(body, &app.guard)?).await?;
    let answer = task.object_text();
    if world.mode == Mode::Test {
        complete_at_once(&mut task);
    }
    let idempotency = match (key, digest) {
        (Some(key), Some(digest)) => {
            check_key(key)?;
            let (key, answer) = (key.to_owned(), answer.clone());
            Some(Idempotency {
                key,
                digest,
                answer,
            })
        }
        _ => None,
    };
    match app.records.add_task(&task, idempotency.as_ref()).await {
        Ok(()) => {}
        Err(CreateError::Replayed(answer)) => return Ok(answer),
        Err(error) => return Err(refusal(error, &task)),
    }
    if task.status == PENDING {
        app.task_waits.notify_waiters();
    } else {
        tell(app, &task).await;
    }
    Ok(answer)
}

/// One task.
///
/// # Errors
/// [`WorkError::Missing`] when there is none of this id in this world.
pub async fn get(app: &App, world: World<'_>, id: &str) -> Result<Task, WorkError> {
    let task = app.records.task(world, id).await?;
    task.ok_or(WorkError::Missing("task"))
}

/// Gives a task up.
///
/// # Errors
/// [`WorkError::Refused`] when it is done or begun.
pub async fn cancel(
    app: &App,
    world: World<'_>,
    id: &str,
    clears_unique_id: bool,
) -> Result<Task, WorkError> {
    let now = app.clock.now().cast_signed();
    let rule = |task: &mut Task| rules::cancel(task, clears_unique_id, now);
    change(app, world, id, rule).await
}

/// Accepts or rejects an answer; the customer is called back.
///
/// # Errors
/// [`WorkError::Refused`] when there is none.
pub async fn audit(
    app: &App,
    world: World<'_>,
    id: &str,
    (body, by): (Map<String, Value>, &str),
) -> Result<Task, WorkError> {
    let mut fields = Fields(body);
    if !matches!(fields.0.get("accepted"), Some(Value::Bool(_))) {
        return Ok(refuse("accepted", "must be true or false")?);
    }
    let audit = Audit {
        accepted: fields.flag("accepted")?,
        comments: fields.text("comments")?,
        by: by.to_owned(),
    };
    let now = app.clock.now().cast_signed();
    change(app, world, id, |task: &mut Task| {
        rules::audit(task, &audit, now)
    })
    .await
}

/// Sends a done task's callback once more, with all retries ahead of it.
///
/// # Errors
/// [`WorkError::Refused`] when it is not done, or there is nowhere to send it.
pub async fn send_callback(app: &App, world: World<'_>, id: &str) -> Result<Task, WorkError> {
    let task = get(app, world, id).await?;
    let settings = app.team(world.team).await?;
    let (own, project) = (task.callback_url.as_deref(), task.project.as_deref());
    let target = settings
        .as_ref()
        .and_then(|it| it.target(own, project, world.mode));
    if target.is_none() {
        return Ok(refuse(
            "task",
            "has no callback URL, nor has its project or team",
        )?);
    }
    change(app, world, id, rules::send_again).await
}

/// Gives a task a unique id.
///
/// # Errors
/// [`WorkError::Taken`] when another task has it.
pub async fn set_unique_id(
    app: &App,
    world: World<'_>,
    id: &str,
    body: Map<String, Value>,
) -> Result<Task, WorkError> {
    let Some(unique_id) = Fields(body).name("unique_id")? else {
        return Ok(refuse("unique_id", "is required")?);
    };
    let rule = |task: &mut Task| {
        task.unique_id = Some(unique_id.clone());
        Ok(Told::Nobody)
    };
    match change(app, world, id, rule).await {
        Err(WorkError::Records(RecordsError::Exists(_))) => {
            let holder = app.records.task_of_unique_id(world, &unique_id).await?;
            Err(unique_id_taken(&unique_id, &holder.unwrap_or_default()))
        }
        changed => changed,
    }
}

/// Takes a task's unique id from it.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such task.
pub async fn clear_unique_id(app: &App, world: World<'_>, id: &str) -> Result<Task, WorkError> {
    let rule = |task: &mut Task| {
        task.unique_id = None;
        Ok(Told::Nobody)
    };
    change(app, world, id, rule).await
}

/// Replaces a task's metadata.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such task.
pub async fn set_metadata(
    app: &App,
    world: World<'_>,
    id: &str,
    body: Map<String, Value>,
) -> Result<Task, WorkError> {
    let metadata = metadata(body)?;
    change_metadata(app, world, id, |_| Ok(metadata)).await
}

/// Rewrites a task's metadata by a rule.
///
/// # Errors
/// [`WorkError::Refused`] when the rule refuses.
pub(super) async fn change_metadata(
    app: &App,
    world: World<'_>,
    id: &str,
    rule: impl FnOnce(&str) -> Result<String, Refused>,
) -> Result<Task, WorkError> {
    let rule = |task: &mut Task| {
        task.metadata = rule(&task.metadata)?;
        Ok(Told::Nobody)
    };
    change(app, world, id, rule).await
}

/// Changes a task's tags.
///
/// # Errors
/// [`WorkError::Refused`] when there would be too many.
pub async fn tag(
    app: &App,
    world: World<'_>,
    id: &str,
    (how, body): (TagChange, Value),
) -> Result<Task, WorkError> {
    let tags = fields::tags(body)?;
    change(app, world, id, |task: &mut Task| {
        rules::tag(task, how, &tags)
    })
    .await
}

async fn change(
    app: &App,
    world: World<'_>,
    id: &str,
    rule: impl FnOnce(&mut Task) -> Result<Told, Refused>,
) -> Result<Task, WorkError> {
    let applied = app
        .records
        .change_task(world, id, app.clock.now(), rule)
        .await?;
    match applied {
        Applied::Missing => Err(WorkError::Missing("task")),
        Applied::Refused(refused) => Err(refused.into()),
        Applied::Done(task) => {
            tell(app, &task).await;
            Ok(*task)
        }
    }
}

/// Hands over what a change has left in the outbox.
async fn tell(app: &App, task: &Task) {
    if task.events > 0 {
        outbox::hand_over(app, &task.id).await;
    }
    if let Some(batch) = task.batch.as_deref().filter(|_| task.status != PENDING) {
        let world = World {
            team: &task.team_id,
            mode: task.mode(),
        };
        batches::hand_over(app, world, batch).await;
    }
}

fn complete_at_once(task: &mut Task) {
    let params: Map<String, Value> = serde_json::from_str(&task.params).unwrap_or_default();
    COMPLETED.clone_into(&mut task.status);
    task.response = Some(placeholder::answer(&task.kind, &params).to_string());
    task.completed_ms = Some(task.created_ms);
    task.events = 1;
}

/// A fresh pending task that says nothing.
#[must_use]
pub fn blank(team: &str, mode: Mode, now: TimestampMs) -> Task {
    Task {
        id: new_id(now, rand::random()),
        team_id: team.to_owned(),
        mode: mode.as_str().to_owned(),
        kind: String::new(),
        status: tasks::PENDING.to_owned(),
        project: None,
        project_version: None,
        batch: None,
        unique_id: None,
        clears_unique_id: 0,
        callback_url: None,
        instruction: String::new(),
        params: "{}".to_owned(),
        metadata: "{}".to_owned(),
        tags: "[]".to_owned(),
        priority: None,
        response: None,
        created_ms: now.cast_signed(),
        updated_ms: now.cast_signed(),
        completed_ms: None,
        review: None,
        audits: "[]".to_owned(),
        callback_succeeded: None,
        callback_succeeded_ms: None,
        events: 0,
        is_staged: 0,
        claimed_by: None,
        claimed_until_ms: 0,
        acknowledged: 0,
    }
}

fn check_key(key: &str) -> Result<(), Refused> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(());
    }
    refuse(
        "Idempotency-Key",
        format!("must be 1 to {KEY_BYTES_MAX} bytes"),
    )
}

/// Of a request, whatever the order of its fields.
fn digest(kind: &str, body: &Map<String, Value>) -> String {
    let mut digest = Sha256::new();
    digest.update(kind);
    digest.update([0]);
    digest.update(Value::Object(body.clone()).to_string());
    hex::encode(&digest.finalize())
}

fn refusal(error: CreateError, task: &Task) -> WorkError {
    let refused = |field, reason: &str| Refused {
        field,
        reason: reason.to_owned(),
    };
    match error {
        CreateError::Records(error) => error.into(),
        CreateError::UniqueIdTaken(holder) => {
            unique_id_taken(task.unique_id.as_deref().unwrap_or_default(), &holder)
        }
        CreateError::KeyReused => {
            let reason = "was used for another request; use a fresh one";
            WorkError::Taken(refused("Idempotency-Key", reason))
        }
        CreateError::NoBatch => refused("batch", "names no batch of this account and mode").into(),
        CreateError::BatchFinalized => refused("batch", "was finalized and takes no tasks").into(),
        CreateError::Replayed(_) => unreachable!("answered where the task is made"),
    }
}

/// Names the id and who has it (Scale API, Avoiding Duplicate Tasks).
fn unique_id_taken(unique_id: &str, holder: &str) -> WorkError {
    WorkError::Taken(Refused {
        field: "unique_id",
        reason: format!("{unique_id:?} is in use by task {holder}"),
    })
}
