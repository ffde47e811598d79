//! What is said of the routes of projects, tasks and batches.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    Described, any_object, anything, delete, flag, get, list, named, number, number_from, object,
    one_of, post, put, text, text_from, time,
};

pub(super) fn chapters() -> Vec<Chapter> {
    vec![
        Chapter {
            name: "Projects",
            about: "What tasks of one kind have in common.",
            routes: projects(),
        },
        Chapter {
            name: "Tasks",
            about: "One thing to annotate, and its answer.",
            routes: [tasks(), changes(), quality()]
                .into_iter()
                .flatten()
                .collect(),
        },
        Chapter {
            name: "Batches",
            about: "Tasks that are done together.",
            routes: batches(),
        },
    ]
}

fn projects() -> Vec<Described> {
    let create = [
        ("name", text_from(1)),
        ("type", text_from(1)),
        ("params?", any_object()),
        ("rapid?", flag()),
        ("studio?", flag()),
    ];
    let template = [
        ("id", text()),
        ("version", number()),
        ("created_at", time()),
        ("updated_at", time()),
        ("template_variables", any_object()),
    ];
    vec![
        get("/v1/projects", "List all projects.")
            .query("archived", flag(), "Only archived ones, or only others.")
            .gives(list(named("Project"))),
        post("/v1/projects", "Make a project.")
            .takes(object(create))
            .gives(named("Project"))
            .may(&[402, 409]),
        get("/v1/projects/{name}", "Read a project.").gives(named("Project")),
        post(
            "/v1/projects/{name}/setParams",
            "Replace the params, or with patch merge into them; a new version is made.",
        )
        .takes(any_object())
        .gives(named("Project")),
        post(
            "/v1/projects/{name}/setOntology",
            "Set params of the ontology.",
        )
        .takes(any_object())
        .gives(named("Project")),
        get(
            "/v1/projects/{name}/taskTemplates",
            "Read the template of a project of chat or text collection.",
        )
        .gives(object(template)),
    ]
}

fn tasks() -> Vec<Described> {
    let create = [
        ("project?", text_from(1)),
        ("batch?", text_from(1)),
        ("callback_url?", text()),
        ("instruction?", text()),
        ("metadata?", any_object()),
        ("priority?", number()),
        ("unique_id?", text_from(1)),
        ("tags?", list(text_from(1))),
        ("attachment_type?", text()),
        ("attachment?", text()),
        ("categories?", list(text())),
    ];
    let page = [
        ("docs", list(any_object())),
        ("total", number()),
        ("limit", number()),
        ("offset", number()),
        ("has_more", flag()),
        ("next_token?", text()),
    ];
    let statuses = one_of(&["pending", "completed", "canceled", "error"]);
    vec![
        get("/v1/tasks", "List tasks, newest first.")
            .query("project", text(), "Of this project.")
            .query("batch", text(), "Of this batch.")
            .query("status", statuses, "In this status.")
            .query("type", text(), "Of this type.")
            .query(
                "customer_review_status",
                text(),
                "Audited so; several are joined by commas.",
            )
            .query("unique_id", list(text()), "With one of these unique ids.")
            .query("tags", list(text()), "With any of these tags.")
            .query("start_time", text(), "Created then or later.")
            .query("end_time", text(), "Created then or earlier.")
            .query("completed_after", text(), "Completed then or later.")
            .query("completed_before", text(), "Completed then or earlier.")
            .query("updated_after", text(), "Changed then or later.")
            .query("updated_before", text(), "Changed then or earlier.")
            .query(
                "limited_response",
                flag(),
                "Only the fields that tell a task's state.",
            )
            .query("limit", number_from(1, 100), "Tasks on a page.")
            .query(
                "offset",
                number_from(0, 10_000),
                "Tasks left out; better use next_token.",
            )
            .query("next_token", text(), "From the page before.")
            .gives(object(page)),
        post(
            "/v1/task/{id}",
            "Make a task of the type that stands in the path.",
        )
        .takes(object(create))
        .gives(named("Task"))
        .may(&[402, 409]),
        get("/v1/task/{id}", "Read a task.").gives(named("Task")),
    ]
}

fn changes() -> Vec<Described> {
    let tags = || list(text_from(1));
    vec![
        post(
            "/v1/task/{id}/cancel",
            "Give a task up that nobody has begun.",
        )
        .query("clear_unique_id", flag(), "Frees its unique id.")
        .gives(named("Task")),
        post("/v1/task/{id}/audit", "Accept or reject an answer.")
            .takes(object([("accepted", flag()), ("comments?", text())]))
            .gives(named("Task")),
        post("/v1/task/{id}/unique_id", "Give a task a unique id.")
            .takes(object([("unique_id", text_from(1))]))
            .gives(named("Task"))
            .may(&[409]),
        delete("/v1/task/{id}/unique_id", "Free a task's unique id.").gives(named("Task")),
        post("/v1/task/{id}/setMetadata", "Replace a task's metadata.")
            .takes(any_object())
            .gives(named("Task")),
        post("/v1/task/{id}/tags", "Replace a task's tags.")
            .takes(tags())
            .gives(named("Task")),
        put("/v1/task/{id}/tags", "Add tags to a task.")
            .takes(tags())
            .gives(named("Task")),
        delete("/v1/task/{id}/tags", "Take tags from a task.")
            .takes(tags())
            .gives(named("Task")),
        post(
            "/v1/task/{id}/send_callback",
            "Send a done task's callback once more.",
        )
        .gives(object([("success", flag())])),
    ]
}

fn quality() -> Vec<Described> {
    let make = |path, summary| {
        let body = [
            ("expected_response", anything()),
            ("initial_response?", anything()),
            ("project?", text_from(1)),
        ];
        post(path, summary)
            .takes(object(body))
            .gives(named("QualityTask"))
            .may(&[402])
    };
    vec![
        make(
            "/v1/evaluation_tasks/{type}",
            "Make a task that measures annotators.",
        ),
        make(
            "/v1/training_tasks/{type}",
            "Make a task that teaches annotators.",
        ),
    ]
}

fn batches() -> Vec<Described> {
    let create = [
        ("project", text_from(1)),
        ("name", text_from(1)),
        ("callback?", text()),
        ("calibration_batch?", flag()),
        ("self_label_batch?", flag()),
        ("metadata?", any_object()),
    ];
    let page = [
        ("docs", list(named("Batch"))),
        ("totalDocs", number()),
        ("total", number()),
        ("limit", number()),
        ("offset", number()),
        ("has_more", flag()),
    ];
    let status = [
        ("status", text()),
        ("pending", number()),
        ("completed", number()),
        ("error", number()),
        ("canceled", number()),
    ];
    vec![
        get("/v1/batches", "List batches, newest first.")
            .query("project", text(), "Of this project.")
            .query(
                "status",
                one_of(&["staging", "in_progress", "completed"]),
                "In this status.",
            )
            .query("start_time", text(), "Created then or later.")
            .query("end_time", text(), "Created then or earlier.")
            .query("completed_after", text(), "Completed then or later.")
            .query("completed_before", text(), "Completed then or earlier.")
            .query("limit", number_from(1, 100), "Batches on a page.")
            .query("offset", number_from(0, 1_000_000), "Batches left out.")
            .gives(object(page)),
        post("/v1/batches", "Make a batch.")
            .takes(object(create))
            .gives(named("Batch"))
            .may(&[409]),
        get("/v1/batches/{name}", "Read a batch.").gives(named("Batch")),
        get("/v1/batches/{name}/status", "Count a batch's tasks.").gives(object(status)),
        post("/v1/batches/{name}/finalize", "End a batch's staging.").gives(named("Batch")),
        post(
            "/v1/batches/{name}/setMetadata",
            "Replace a batch's metadata.",
        )
        .takes(any_object())
        .gives(named("Batch")),
    ]
}
