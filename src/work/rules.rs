//! PURE: which change of a task is legal, and what it makes of the task. Each rule is
//! applied to a locked row and its outcome written as it is.

use crate::records::tasks::changing::Told;
use crate::records::tasks::results::TaskResult;
use crate::records::tasks::{CANCELED, COMPLETED, ERROR, PENDING, Task};
use crate::time::stored;
use serde_json::{Value, json};

/// Tags of one task.
pub const TAGS_MAX: usize = 5;
/// Audits of one task; the oldest are forgotten.
const AUDITS_MAX: usize = 100;

/// What is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field at fault.
    pub field: &'static str,
    /// A sentence that goes on after the field's name.
    pub reason: String,
}

/// Says no.
///
/// # Errors
/// [`Refused`], always.
pub fn refuse<T>(field: &'static str, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused {
        field,
        reason: reason.into(),
    })
}

/// What the labelling side hands in about a task.
///
/// # Errors
/// [`Refused`] when it is another team's or mode's task, or one that was canceled.
pub fn take_result(task: &mut Task, result: &TaskResult, now: i64) -> Result<(), Refused> {
    if task.team_id != result.team {
        return refuse("team_id", "is not the team of this task");
    }
    if task.mode() != result.mode {
        let reason = format!("must be {}, as the task is", task.mode);
        return refuse("mode", reason);
    }
    if task.status == CANCELED && result.status != CANCELED {
        return refuse("task_id", "names a task that was canceled");
    }
    if result.status == COMPLETED && task.review.as_deref() == Some("rejected") {
        task.review = Some("fixed".to_owned());
    }
    let is_answer = matches!(result.status, COMPLETED | ERROR);
    result.status.clone_into(&mut task.status);
    task.response = is_answer.then(|| result.response.clone());
    task.completed_ms = (result.status == COMPLETED).then_some(now);
    if result.status == ERROR && task.clears_unique_id != 0 {
        task.unique_id = None;
    }
    Ok(())
}

/// The customer gives a task up. Doing so again is legal.
///
/// # Errors
/// [`Refused`] when it is done, or the labelling side has it.
pub fn cancel(task: &mut Task, clears_unique_id: bool, now: i64) -> Result<Told, Refused> {
    let is_started = task.acknowledged != 0 || task.claimed_until_ms > now;
    match task.status.as_str() {
        PENDING if is_started => {
            return refuse("task", "is being worked on and cannot be canceled");
        }
        PENDING | CANCELED => {}
        status => {
            return refuse(
                "task",
                format!("is {status} and cannot be canceled any more"),
            );
        }
    }
    CANCELED.clone_into(&mut task.status);
    if clears_unique_id {
        task.unique_id = None;
    }
    Ok(Told::Nobody)
}

/// A customer's judgement of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Good or not.
    pub accepted: bool,
    /// Why.
    pub comments: Option<String>,
    /// Who says so.
    pub by: String,
}

/// The customer accepts or rejects an answer.
///
/// # Errors
/// [`Refused`] when there is none.
pub fn audit(task: &mut Task, audit: &Audit, now: i64) -> Result<Told, Refused> {
    if task.status != COMPLETED {
        let reason = format!("is {}; only completed tasks can be audited", task.status);
        return refuse("task", reason);
    }
    let result = if audit.accepted {
        "accepted"
    } else {
        "rejected"
    };
    let mut audits: Vec<Value> = serde_json::from_str(&task.audits).unwrap_or_default();
    let mut entry = json!({
        "audited_by": audit.by, "audited_at": stored(now), "audit_time_secs": 0,
        "audit_result": result, "audit_source": "customer",
    });
    if let Some(comments) = &audit.comments {
        entry["comments"] = json!(comments);
    }
    audits.push(entry);
    let forgotten = audits.len().saturating_sub(AUDITS_MAX);
    task.audits = Value::Array(audits.split_off(forgotten)).to_string();
    task.review = Some(result.to_owned());
    Ok(Told::Customer)
}

/// Sends a done task's callback once more.
///
/// # Errors
/// [`Refused`] when it is not done.
pub fn send_again(task: &mut Task) -> Result<Told, Refused> {
    if matches!(task.status.as_str(), COMPLETED | ERROR) {
        return Ok(Told::Customer);
    }
    refuse("task", format!("is {} and has no callback", task.status))
}

/// What is done with tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagChange {
    /// These and no others.
    Set,
    /// These, too.
    Add,
    /// These no more.
    Remove,
}

/// Changes a task's tags.
///
/// # Errors
/// [`Refused`] when there would be too many.
pub fn tag(task: &mut Task, change: TagChange, tags: &[String]) -> Result<Told, Refused> {
    let mut kept = match change {
        TagChange::Set => Vec::new(),
        TagChange::Add | TagChange::Remove => task.tag_list(),
    };
    match change {
        TagChange::Set | TagChange::Add => {
            for tag in tags {
                if !kept.contains(tag) {
                    kept.push(tag.clone());
                }
            }
        }
        TagChange::Remove => kept.retain(|tag| !tags.contains(tag)),
    }
    if kept.len() > TAGS_MAX {
        let reason = format!("would be {}; a task has at most {TAGS_MAX}", kept.len());
        return refuse("tags", reason);
    }
    task.tags = json!(kept).to_string();
    Ok(Told::Nobody)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::Mode;
    use crate::work::tasks::blank;

    fn task(status: &str) -> Task {
        Task {
            status: status.to_owned(),
            unique_id: Some("u".to_owned()),
            ..blank("t", Mode::Live, 5)
        }
    }

    fn result(status: &'static str) -> TaskResult {
        TaskResult {
            task_id: String::new(),
            event_id: "e".to_owned(),
            team: "t".to_owned(),
            mode: Mode::Live,
            status,
            response: "{\"n\": 1.0}".to_owned(),
        }
    }

    #[test]
    fn a_result_moves_every_task_but_a_canceled_one() {
        for before in [PENDING, COMPLETED, ERROR] {
            for after in [PENDING, COMPLETED, ERROR, CANCELED] {
                let mut task = task(before);
                take_result(&mut task, &result(after), 7).unwrap();
                let is_answer = after == COMPLETED || after == ERROR;
                assert_eq!(task.status, after);
                assert_eq!(task.response.is_some(), is_answer, "{before} {after}");
                assert_eq!(task.completed_ms, (after == COMPLETED).then_some(7));
            }
        }
        let refused = take_result(&mut task(CANCELED), &result(COMPLETED), 7);
        assert_eq!(refused.unwrap_err().field, "task_id");
        assert!(take_result(&mut task(CANCELED), &result(CANCELED), 7).is_ok());
        let foreign = TaskResult {
            team: "other".to_owned(),
            ..result(COMPLETED)
        };
        let refused = take_result(&mut task(PENDING), &foreign, 7);
        assert_eq!(refused.unwrap_err().field, "team_id");
        let test = TaskResult {
            mode: Mode::Test,
            ..result(COMPLETED)
        };
        let refused = take_result(&mut task(PENDING), &test, 7);
        assert_eq!(refused.unwrap_err().field, "mode");
    }

    #[test]
    fn an_error_frees_the_unique_id_where_asked() {
        let mut kept = task(PENDING);
        take_result(&mut kept, &result(ERROR), 7).unwrap();
        assert!(kept.unique_id.is_some());
        let mut freed = Task {
            clears_unique_id: 1,
            ..task(PENDING)
        };
        take_result(&mut freed, &result(ERROR), 7).unwrap();
        assert_eq!(freed.unique_id, None);
    }

    #[test]
    fn only_what_is_not_begun_is_canceled() {
        assert!(cancel(&mut task(PENDING), false, 9).is_ok());
        assert!(cancel(&mut task(CANCELED), false, 9).is_ok());
        assert!(cancel(&mut task(COMPLETED), false, 9).is_err());
        assert!(cancel(&mut task(ERROR), false, 9).is_err());
        let claimed = |until| Task {
            claimed_until_ms: until,
            ..task(PENDING)
        };
        assert!(cancel(&mut claimed(10), false, 9).is_err());
        assert!(cancel(&mut claimed(9), false, 9).is_ok());
        let mut acknowledged = Task {
            acknowledged: 1,
            ..task(PENDING)
        };
        assert!(cancel(&mut acknowledged, false, 9).is_err());
        let mut freed = task(PENDING);
        cancel(&mut freed, true, 9).unwrap();
        assert_eq!(freed.unique_id, None);
    }

    #[test]
    fn an_answer_that_was_rejected_is_fixed_by_the_next() {
        let mut it = task(COMPLETED);
        let no = Audit {
            accepted: false,
            comments: Some("why".to_owned()),
            by: "api".to_owned(),
        };
        assert_eq!(audit(&mut it, &no, 1), Ok(Told::Customer));
        assert_eq!(it.review.as_deref(), Some("rejected"));
        take_result(&mut it, &result(COMPLETED), 7).unwrap();
        assert_eq!(it.review.as_deref(), Some("fixed"));
        let audits: Value = serde_json::from_str(&it.audits).unwrap();
        assert_eq!(audits[0]["comments"], "why");
        assert!(audit(&mut task(PENDING), &no, 1).is_err());
    }

    #[test]
    fn tags_are_a_small_set() {
        let mut it = task(PENDING);
        let tags = |list: &[&str]| list.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>();
        tag(&mut it, TagChange::Set, &tags(&["a", "b", "a"])).unwrap();
        assert_eq!(it.tag_list(), ["a", "b"]);
        tag(&mut it, TagChange::Add, &tags(&["b", "c"])).unwrap();
        tag(&mut it, TagChange::Remove, &tags(&["a", "z"])).unwrap();
        assert_eq!(it.tag_list(), ["b", "c"]);
        let many = tags(&["d", "e", "f", "g"]);
        assert!(tag(&mut it, TagChange::Add, &many).is_err());
    }
}
