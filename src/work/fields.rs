//! PURE: what a customer sends, from JSON to checked values. An absent field and `null` are
//! the same; an unknown one is a param.

use crate::callback::address::Guard;
use crate::callback::target;
use crate::work::rules::{Refused, TAGS_MAX, refuse};
use serde_json::{Map, Value};

/// Longest name, tag and unique id, bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// Largest metadata, bytes of JSON.
pub const METADATA_BYTES_MAX: usize = 10_240;
/// Priorities, higher first (Scale API, Tasks).
const PRIORITIES: [i64; 3] = [10, 20, 30];

/// A JSON object whose known fields are taken out one by one; what is left is unknown.
#[derive(Debug)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// A text, if it is there and not empty.
    ///
    /// # Errors
    /// [`Refused`] when it is something else.
    pub fn text(&mut self, field: &'static str) -> Result<Option<String>, Refused> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok((!text.is_empty()).then_some(text)),
            Some(_) => refuse(field, "must be a string"),
        }
    }

    /// A name, unique id or tag, if it is there.
    ///
    /// # Errors
    /// [`Refused`] when it is something else, too long, or holds control characters.
    pub fn name(&mut self, field: &'static str) -> Result<Option<String>, Refused> {
        let name = self.text(field)?;
        if let Some(name) = &name {
            check_name(field, name)?;
        }
        Ok(name)
    }

    /// Yes or no; no when it is absent.
    ///
    /// # Errors
    /// [`Refused`] when it is something else.
    pub fn flag(&mut self, field: &'static str) -> Result<bool, Refused> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => refuse(field, "must be true or false"),
        }
    }

    /// A whole number, if it is there.
    ///
    /// # Errors
    /// [`Refused`] when it is something else.
    pub fn number(&mut self, field: &'static str) -> Result<Option<i64>, Refused> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => refuse(field, "must be a whole number"),
            },
        }
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// [`Refused`] when it is something else.
    pub fn object(&mut self, field: &'static str) -> Result<Option<Map<String, Value>>, Refused> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => refuse(field, "must be an object"),
        }
    }

    /// Where callbacks go, if it is said.
    ///
    /// # Errors
    /// [`Refused`] when it is neither a URL that may be dialled nor an e-mail address.
    pub fn target(
        &mut self,
        field: &'static str,
        guard: &Guard,
    ) -> Result<Option<String>, Refused> {
        let target = self.text(field)?;
        if let Some(target) = &target {
            check_target(field, target, guard)?;
        }
        Ok(target)
    }
}

/// What every task may say about itself; the rest are its params.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskFields {
    /// Its project.
    pub project: Option<String>,
    /// Of the project's params; -1 none of them.
    pub project_version: Option<i64>,
    /// Its batch.
    pub batch: Option<String>,
    /// Its own callback target.
    pub callback_url: Option<String>,
    /// What is to be done.
    pub instruction: Option<String>,
    /// JSON.
    pub metadata: String,
    /// 10, 20 or 30.
    pub priority: Option<i64>,
    /// Unique in its world.
    pub unique_id: Option<String>,
    /// An error frees the unique id.
    pub clears_unique_id: bool,
    /// Up to five.
    pub tags: Vec<String>,
    /// Everything else.
    pub params: Map<String, Value>,
}

/// Reads the body of a request for a task.
///
/// # Errors
/// [`Refused`] names the field.
pub fn task(body: Map<String, Value>, guard: &Guard) -> Result<TaskFields, Refused> {
    if body.is_empty() {
        return refuse("body", "must be a JSON object with the task's fields");
    }
    let mut fields = Fields(body);
    let priority = fields.number("priority")?;
    if priority.is_some_and(|priority| !PRIORITIES.contains(&priority)) {
        return refuse("priority", "must be 10, 20 or 30");
    }
    let project_version = fields.number("project_version")?;
    if project_version.is_some_and(|version| version < -1) {
        return refuse("project_version", "must be a version of the project, or -1");
    }
    let tags = match fields.0.remove("tags") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => tags(value)?,
    };
    Ok(TaskFields {
        project: fields.name("project")?,
        project_version,
        batch: fields.name("batch")?,
        callback_url: fields.target("callback_url", guard)?,
        instruction: fields.text("instruction")?,
        metadata: metadata(fields.object("metadata")?.unwrap_or_default())?,
        priority,
        unique_id: fields.name("unique_id")?,
        clears_unique_id: fields.flag("clear_unique_id_on_error")?,
        tags,
        params: fields.0,
    })
}

/// A bare array of tags; none at all is an empty one.
///
/// # Errors
/// [`Refused`] when it is something else, or has too many.
pub fn tags(value: Value) -> Result<Vec<String>, Refused> {
    let items = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        _ => return refuse("tags", "must be an array of strings"),
    };
    let mut tags = Vec::new();
    for item in items {
        let Value::String(tag) = item else {
            return refuse("tags", "must be an array of strings");
        };
        check_name("tags", &tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > TAGS_MAX {
        let reason = format!("are {}; a task has at most {TAGS_MAX}", tags.len());
        return refuse("tags", reason);
    }
    Ok(tags)
}

/// Metadata as it is stored.
///
/// # Errors
/// [`Refused`] when it is too large.
pub fn metadata(metadata: Map<String, Value>) -> Result<String, Refused> {
    let text = Value::Object(metadata).to_string();
    if text.len() > METADATA_BYTES_MAX {
        let bytes = text.len();
        let reason = format!("is {bytes} bytes; the limit is {METADATA_BYTES_MAX}");
        return refuse("metadata", reason);
    }
    Ok(text)
}

/// A name of anything.
///
/// # Errors
/// [`Refused`] when it is too long or holds control characters.
pub fn check_name(field: &'static str, name: &str) -> Result<(), Refused> {
    let legal = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    if legal {
        return Ok(());
    }
    let reason = format!("must be 1 to {NAME_BYTES_MAX} bytes without control characters");
    refuse(field, reason)
}

/// Where callbacks go: a URL that may be dialled, or an e-mail address.
///
/// # Errors
/// [`Refused`] says which rule it breaks.
pub fn check_target(field: &'static str, target: &str, guard: &Guard) -> Result<(), Refused> {
    match target::parse(target) {
        Ok(target) if target.is_permitted(guard) => Ok(()),
        Ok(_) => refuse(
            field,
            "points to a private or reserved address; use a public one",
        ),
        Err(error) => refuse(field, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<TaskFields, Refused> {
        let body = value.as_object().unwrap().clone();
        task(body, &Guard::default())
    }

    fn at_fault(value: &Value) -> &'static str {
        read(value).unwrap_err().field
    }

    #[test]
    fn known_fields_are_checked_and_the_rest_are_params() {
        let it = read(&json!({
            "project": "kites", "callback_url": "ops@example.com", "instruction": "Look.",
            "metadata": {"a": 1}, "priority": 30, "tags": ["x", "x"], "unique_id": null,
            "attachment": "tomato", "batch": "",
        }))
        .unwrap();
        assert_eq!(it.callback_url.as_deref(), Some("ops@example.com"));
        assert_eq!(
            (it.batch, it.unique_id, it.priority),
            (None, None, Some(30))
        );
        assert_eq!(it.tags, ["x"]);
        assert_eq!(Value::Object(it.params), json!({"attachment": "tomato"}));
        assert_eq!(it.metadata, "{\"a\":1}");
    }

    #[test]
    fn a_fault_names_its_field() {
        assert_eq!(at_fault(&json!({})), "body");
        assert_eq!(at_fault(&json!({"priority": 11})), "priority");
        assert_eq!(at_fault(&json!({"priority": 1e300})), "priority");
        assert_eq!(at_fault(&json!({"project": 1})), "project");
        assert_eq!(at_fault(&json!({"batch": "a\nb"})), "batch");
        assert_eq!(
            at_fault(&json!({"unique_id": "x".repeat(256)})),
            "unique_id"
        );
        assert_eq!(at_fault(&json!({"tags": "x"})), "tags");
        assert_eq!(at_fault(&json!({"tags": [1]})), "tags");
        assert_eq!(
            at_fault(&json!({"tags": ["1", "2", "3", "4", "5", "6"]})),
            "tags"
        );
        assert_eq!(at_fault(&json!({"metadata": []})), "metadata");
        assert_eq!(
            at_fault(&json!({"metadata": {"a": "x".repeat(10_240)}})),
            "metadata"
        );
        assert_eq!(
            at_fault(&json!({"callback_url": "ftp://a.example"})),
            "callback_url"
        );
        assert_eq!(
            at_fault(&json!({"callback_url": "http://10.0.0.1/"})),
            "callback_url"
        );
        assert_eq!(
            at_fault(&json!({"clear_unique_id_on_error": 1})),
            "clear_unique_id_on_error"
        );
    }
}
