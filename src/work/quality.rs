//! Evaluation and training tasks: made of a task's fields and the answer that is expected.

use crate::app::App;
use crate::records::quality::QualityTask;
use crate::records::world::{World, new_id};
use crate::time::stored;
use crate::work::WorkError;
use crate::work::fields;
use crate::work::projects::check_kind;
use crate::work::rules::refuse;
use serde_json::{Map, Value, json};

/// Makes a quality task; the answer is its object as JSON.
///
/// # Errors
/// [`WorkError::Refused`] names the field.
pub async fn create(
    app: &App,
    world: World<'_>,
    (quality, kind): (&'static str, &str),
    mut body: Map<String, Value>,
) -> Result<String, WorkError> {
    check_kind(app, "type", kind)?;
    let expected = body.remove("expected_response").filter(|it| !it.is_null());
    let Some(expected) = expected else {
        return Ok(refuse("expected_response", "is required")?);
    };
    let initial = body.remove("initial_response").filter(|it| !it.is_null());
    let given = body.clone();
    let fields = fields::task(body, &app.guard)?;
    if let Some(project) = &fields.project
        && app
            .records
            .project_at(world, project, None)
            .await?
            .is_none()
    {
        return Ok(refuse(
            "project",
            "names no project of this account and mode",
        )?);
    }
    let now = app.clock.now();
    let id = new_id(now, rand::random());
    let created_ms = now.cast_signed();
    let mut object = given;
    object.insert("id".to_owned(), json!(id));
    object.insert("type".to_owned(), json!(kind));
    object.insert("created_at".to_owned(), json!(stored(created_ms)));
    object.insert("params".to_owned(), Value::Object(fields.params));
    object.insert("expected_response".to_owned(), expected);
    if let Some(initial) = initial {
        object.insert("initial_response".to_owned(), initial);
    }
    let object = Value::Object(object).to_string();
    let task = QualityTask {
        id,
        kind: quality,
        project: fields.project,
        object: object.clone(),
        created_ms,
    };
    app.records.add_quality_task(world, &task).await?;
    Ok(object)
}
