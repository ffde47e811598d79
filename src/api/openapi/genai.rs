//! What is said of the routes below `/v2`.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    Described, Shape, any_object, flag, get, list, named, number_from, object, one_of, post, text,
    text_from,
};

pub(super) fn chapter() -> Chapter {
    Chapter {
        name: "v2",
        about: "The second half of Scale's clients: projects, batches and tasks by id or name.",
        routes: [projects(), batches(), batch_changes(), tasks(), absent()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

fn projects() -> Vec<Described> {
    vec![
        get("/v2/project", "Read a project.")
            .query("project_id", text(), "By its id.")
            .query("project_name", text(), "Or by its name.")
            .gives(named("GenaiProject"))
            .may(&[404]),
        get("/v2/projects", "List all projects.")
            .query("created_after", text(), "Created then or later.")
            .query("created_before", text(), "Created then or earlier.")
            .gives(object([("projects", list(named("GenaiProject")))])),
    ]
}

fn which() -> [(&'static str, Shape); 2] {
    [("batch_id?", text_from(1)), ("batch_name?", text_from(1))]
}

fn batches() -> Vec<Described> {
    let statuses = ["staging", "in_progress", "completed", "paused", "cancelled"];
    vec![
        get("/v2/batch", "Read a batch.")
            .query("batch_id", text(), "By its id.")
            .query("batch_name", text(), "Or by its name.")
            .query(
                "expand",
                list(one_of(&["project"])),
                "Show the whole project.",
            )
            .gives(named("GenaiBatch"))
            .may(&[404]),
        get("/v2/batches", "List batches, newest first.")
            .query("project_id", text(), "Of this project.")
            .query("project_name", text(), "Of this project.")
            .query("status", one_of(&statuses), "In this status.")
            .query("created_after", text(), "Created then or later.")
            .query("created_before", text(), "Created then or earlier.")
            .query("completed_after", text(), "Completed then or later.")
            .query("completed_before", text(), "Completed then or earlier.")
            .query("limit", number_from(1, 100), "Batches on a page.")
            .query("next_token", text(), "From the page before.")
            .query(
                "expand",
                list(one_of(&["project"])),
                "Show the whole project.",
            )
            .gives(object([
                ("batches", list(named("GenaiBatch"))),
                ("next_token?", text()),
            ]))
            .may(&[404]),
    ]
}

fn batch_changes() -> Vec<Described> {
    let create = [
        ("name", text_from(1)),
        ("project_id?", text_from(1)),
        ("project_name?", text_from(1)),
        ("callback?", text()),
        ("staging_batch?", flag()),
        ("metadata?", any_object()),
    ];
    let metadata = [
        ("batch_id?", text_from(1)),
        ("batch_name?", text_from(1)),
        ("metadata", any_object()),
        ("merge?", flag()),
    ];
    let act = |path, summary| {
        post(path, summary)
            .takes(object(which()))
            .gives(object([
                ("batch", named("GenaiBatch")),
                ("message", text()),
            ]))
            .may(&[404])
    };
    vec![
        post("/v2/batch", "Make a batch.")
            .takes(object(create))
            .gives(named("GenaiBatch"))
            .may(&[409]),
        post("/v2/batch/finalize", "End a batch's staging.")
            .takes(object(which()))
            .gives(named("GenaiBatch"))
            .may(&[404]),
        act("/v2/batch/pause", "Hide a batch's tasks from annotators."),
        act("/v2/batch/resume", "Show them again."),
        act(
            "/v2/batch/cancel",
            "Give a batch up with all that is not begun; final.",
        ),
        post("/v2/batch/metadata", "Replace or merge a batch's metadata.")
            .takes(object(metadata))
            .gives(named("GenaiBatch"))
            .may(&[404]),
    ]
}

fn tasks() -> Vec<Described> {
    let chat = [
        ("project_id?", text_from(1)),
        ("project_name?", text_from(1)),
        ("batch_id?", text_from(1)),
        ("batch_name?", text_from(1)),
        ("template_variables?", any_object()),
        ("metadata?", any_object()),
        ("callback_url?", text()),
    ];
    let metadata = [
        ("task_id", text_from(1)),
        ("metadata", any_object()),
        ("merge?", flag()),
    ];
    let expand = || list(one_of(&["project", "batch"]));
    let statuses = one_of(&["pending", "completed", "canceled", "error", "deleted"]);
    vec![
        post("/v2/task/chat", "Make a chat task in a project or a batch.")
            .takes(object(chat))
            .gives(named("GenaiTask")),
        get("/v2/task", "Read a task.")
            .query("task_id", text(), "By its id.")
            .query("expand", expand(), "Show the whole project or batch.")
            .query("opts", list(text()), "Taken and of no effect.")
            .gives(named("GenaiTask"))
            .may(&[404]),
        get(
            "/v2/tasks",
            "List tasks of a project or a batch, newest first.",
        )
        .query("project_id", text(), "Of this project.")
        .query("project_name", text(), "Of this project.")
        .query("batch_id", text(), "Of this batch.")
        .query("batch_name", text(), "Of this batch.")
        .query("status", statuses, "In this status.")
        .query("completed_after", text(), "Completed then or later.")
        .query("completed_before", text(), "Completed then or earlier.")
        .query("limit", number_from(1, 100), "Tasks on a page.")
        .query("next_token", text(), "From the page before.")
        .query("expand", expand(), "Show the whole project or batch.")
        .query("opts", list(text()), "Taken and of no effect.")
        .gives(object([
            ("tasks", list(named("GenaiTask"))),
            ("next_token?", text()),
        ]))
        .may(&[404]),
        post("/v2/task/metadata", "Replace or merge a task's metadata.")
            .takes(object(metadata))
            .gives(named("GenaiTask"))
            .may(&[404]),
    ]
}

/// What is not offered here.
fn absent() -> Vec<Described> {
    let empty =
        |path, summary, name| get(path, summary).gives(object([(name, list(any_object()))]));
    let nothing = |path| get(path, "Not offered: there is none.").may(&[404]);
    vec![
        empty("/v2/datasets", "Not offered: an empty list.", "datasets"),
        empty(
            "/v2/datasets/deliveries",
            "Not offered: an empty list.",
            "deliveries",
        ),
        empty("/v2/datasets/tasks", "Not offered: an empty list.", "tasks"),
        empty(
            "/v2/deliveries",
            "Not offered: an empty list.",
            "deliveries",
        ),
        nothing("/v2/delivery"),
        nothing("/v2/delivery/tasks"),
        nothing("/v2/datasets/delivery"),
        nothing("/v2/datasets/task"),
        nothing("/v2/datasets/task/{task}/response_url/{attachment}"),
        nothing("/v2/annotation"),
        nothing("/v2/schema"),
    ]
}
