//! PURE: one result as handed in, from bytes to an [`Item`] or the reason why not.

use crate::callback::Mode;
use crate::callback::address::Guard;
use crate::callback::target;
use crate::callback::trace::TraceParent;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ops::Range;

/// Longest `event_id`, `task_id` and project name, in bytes.
pub const ID_BYTES_MAX: usize = 255;
/// The statuses a task can have (Scale API: pending after a recall).
const STATUSES: [&str; 4] = ["completed", "error", "canceled", "pending"];

/// One result, checked in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The producer's name for the event.
    pub event_id: String,
    /// Whose task it is.
    pub team_id: String,
    /// What it is about.
    pub task_id: String,
    /// The task's project.
    pub project: Option<String>,
    /// Live or test.
    pub mode: Mode,
    /// The task's own URL.
    pub callback_url: Option<String>,
    /// What will be POSTed.
    pub body: Bytes,
    /// The task's new status.
    pub status: &'static str,
    /// Where the response is in the body.
    pub response: Range<usize>,
    /// Whether the producer sent the task object; if not, the body holds a stand-in.
    pub has_task: bool,
    /// The producer's place in its own trace, which its request tells, not the result.
    pub trace: Option<TraceParent>,
    /// Of all that the result says.
    pub digest: [u8; 32],
}

/// Why a result is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The field at fault; `result` for the whole.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub reason: String,
    /// The same result may be taken later.
    pub retryable: bool,
}

/// Limits of one result.
#[derive(Debug, Clone, Copy)]
pub struct ItemLimits {
    /// Its size in bytes.
    pub bytes_max: usize,
    /// Levels of arrays and objects.
    pub depth_max: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    team_id: Cow<'a, str>,
    #[serde(borrow)]
    task_id: Cow<'a, str>,
    mode: Mode,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    response: &'a RawValue,
    #[serde(borrow)]
    task: Option<&'a RawValue>,
    #[serde(borrow)]
    callback_url: Option<Cow<'a, str>>,
}

/// What is read of a task object; the rest passes through.
#[derive(Deserialize)]
struct TaskPeek<'a> {
    #[serde(borrow)]
    project: Option<Cow<'a, str>>,
    #[serde(borrow)]
    callback_url: Option<Cow<'a, str>>,
}

/// Reads one result.
///
/// # Errors
/// [`Rejection`] names the field, the limit and the fix.
pub fn parse(json: &[u8], limits: ItemLimits) -> Result<Item, Rejection> {
    if json.len() > limits.bytes_max {
        let (bytes, max) = (json.len(), limits.bytes_max);
        return Err(reject(
            "result",
            format!("is {bytes} bytes; the limit is {max}"),
        ));
    }
    let depth = depth(json, limits.depth_max);
    if depth > limits.depth_max {
        let max = limits.depth_max;
        return Err(reject(
            "result",
            format!("is nested {depth} levels deep; the limit is {max}"),
        ));
    }
    let wire: Wire<'_> = serde_json::from_slice(json)
        .map_err(|error| reject("result", format!("is not a legal result: {error}")))?;
    let task = wire.task.map(peek).transpose()?;
    let (project, task_url) = task.map_or((None, None), |task| (task.project, task.callback_url));
    let url = wire
        .callback_url
        .clone()
        .or(task_url)
        .filter(|url| !url.is_empty());
    check_id("event_id", &wire.event_id)?;
    check_id("team_id", &wire.team_id)?;
    check_id("task_id", &wire.task_id)?;
    if let Some(project) = &project {
        check_id("task.project", project)?;
    }
    let Some(status) = STATUSES.into_iter().find(|status| *status == wire.status) else {
        let reason = format!("must be one of {}", STATUSES.join(", "));
        return Err(reject("status", reason));
    };
    if let Some(url) = &url {
        target::parse(url).map_err(|error| reject("callback_url", error.to_string()))?;
    }
    let (body, response) = body(&wire);
    Ok(Item {
        trace: None,
        status,
        response,
        has_task: wire.task.is_some(),
        digest: digest(&wire, url.as_deref(), &body),
        event_id: wire.event_id.into_owned(),
        team_id: wire.team_id.into_owned(),
        task_id: wire.task_id.into_owned(),
        project: project.filter(|name| !name.is_empty()).map(Cow::into_owned),
        mode: wire.mode,
        callback_url: url.map(Cow::into_owned),
        body,
    })
}

impl Item {
    /// The response with its bytes.
    #[must_use]
    pub fn response(&self) -> &str {
        std::str::from_utf8(&self.body[self.response.clone()])
            .expect("the body was made of text, cut at ends of values")
    }

    /// Puts this object in the place of the stand-in for the task.
    pub fn put_task(&mut self, object: &str) {
        let head = &self.body[..self.response.end];
        let parts = [head, b",\"task\":", object.as_bytes(), b"}"];
        self.body = parts.concat().into();
        self.has_task = true;
    }

    /// The rejection of a target that the guard refuses.
    #[must_use]
    pub fn refused_address(&self, guard: &Guard) -> Option<Rejection> {
        let target = target::parse(self.callback_url.as_deref()?).ok()?;
        (!target.is_permitted(guard)).then(|| {
            let reason = "points to a private or reserved address; use a public one";
            reject("callback_url", reason.to_owned())
        })
    }
}

impl Rejection {
    /// It does not fit the task that it is about.
    #[must_use]
    pub fn of_task(field: &'static str, reason: String) -> Self {
        reject(field, reason)
    }

    /// There is no such team.
    #[must_use]
    pub fn unknown_team(team: &str) -> Self {
        let shown: String = team.chars().take(64).collect();
        reject("team_id", format!("there is no team {shown:?}"))
    }

    /// The team has too much undelivered work.
    #[must_use]
    pub fn queue_full(pending_max: u64) -> Self {
        let reason = format!(
            "has {pending_max} undelivered callbacks, the limit; hand in again when some are delivered"
        );
        Self {
            field: "team_id",
            reason,
            retryable: true,
        }
    }
}

fn reject(field: &'static str, reason: String) -> Rejection {
    Rejection {
        field,
        reason,
        retryable: false,
    }
}

fn check_id(field: &'static str, id: &str) -> Result<(), Rejection> {
    let bytes = id.len();
    if bytes == 0 || bytes > ID_BYTES_MAX {
        return Err(reject(
            field,
            format!("is {bytes} bytes; use 1 to {ID_BYTES_MAX}"),
        ));
    }
    if id.chars().any(char::is_control) {
        return Err(reject(
            field,
            "must not contain control characters".to_owned(),
        ));
    }
    Ok(())
}

fn peek(task: &RawValue) -> Result<TaskPeek<'_>, Rejection> {
    if !task.get().starts_with('{') {
        return Err(reject("task", "must be an object".to_owned()));
    }
    serde_json::from_str(task.get()).map_err(|error| reject("task", error.to_string()))
}

/// `{task_id, status, response, task}` (Scale API, Callbacks). Without a task object the
/// receiver still finds the three fields under `task`, where clients look for them.
/// Also tells where in it the response is.
fn body(wire: &Wire<'_>) -> (Bytes, Range<usize>) {
    let text = |value: &str| serde_json::to_string(value).expect("text is always JSON");
    let (id, status) = (text(&wire.task_id), text(&wire.status));
    let response = wire.response.get();
    let fields = [
        "{\"task_id\":",
        &id,
        ",\"status\":",
        &status,
        ",\"response\":",
        response,
    ];
    let end = fields.iter().map(|part| part.len()).sum();
    // Put together at once: bodies are large, and a text that grows is copied again and again.
    let body = match wire.task {
        Some(task) => [fields.as_slice(), &[",\"task\":", task.get(), "}"]].concat(),
        None => [fields.as_slice(), &[",\"task\":"], &fields, &["}}"]].concat(),
    };
    (body.concat().into(), end - response.len()..end)
}

/// Lengths keep neighbouring fields apart.
fn digest(wire: &Wire<'_>, url: Option<&str>, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for field in [
        wire.task_id.as_bytes(),
        wire.mode.as_str().as_bytes(),
        url.unwrap_or("").as_bytes(),
        body,
    ] {
        digest.update((field.len() as u64).to_le_bytes());
        digest.update(field);
    }
    digest.finalize().into()
}

/// The deepest nesting of arrays and objects, without recursion: hostile input may be
/// millions of brackets. Broken JSON gives some number; the parser then refuses it. Few
/// brackets cannot be nested deeply, and counting them is quicker than following them:
/// up to `enough` the count is the answer.
#[must_use]
pub fn depth(json: &[u8], enough: usize) -> usize {
    let brackets = json
        .iter()
        .map(|byte| usize::from(matches!(byte, b'[' | b'{')));
    let brackets = brackets.sum();
    if brackets <= enough {
        return brackets;
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
