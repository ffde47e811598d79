//! What is said of the routes of Studio.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{get, list, map_of, named, object, post, put, text, text_from};

pub(super) fn chapter() -> Chapter {
    let assignments = || map_of(list(text()));
    let who = || {
        object([
            ("emails", list(text_from(1))),
            ("projects", list(text_from(1))),
        ])
    };
    let changes = [
        ("add_emails?", list(text_from(1))),
        ("remove_emails?", list(text_from(1))),
    ];
    let order = object([("batches", list(object([("name", text_from(1))])))]);
    Chapter {
        name: "Studio",
        about: "Who of the team labels what, in groups, and in which order.",
        routes: vec![
            get("/v1/studio/assignments", "Projects by labeler.").gives(assignments()),
            post("/v1/studio/assignments/add", "Assign labelers to projects.")
                .takes(who())
                .gives(assignments()),
            post(
                "/v1/studio/assignments/remove",
                "Take labelers from projects.",
            )
            .takes(who())
            .gives(assignments()),
            get(
                "/v1/studio/projects/{project}/groups",
                "Groups of a project.",
            )
            .gives(list(named("StudioGroup"))),
            post(
                "/v1/studio/projects/{project}/groups",
                "Make a group of labelers.",
            )
            .takes(object([
                ("emails", list(text_from(1))),
                ("name", text_from(1)),
            ]))
            .gives(named("StudioGroup")),
            put(
                "/v1/studio/projects/{project}/groups/{group}",
                "Change who is in a group.",
            )
            .takes(object(changes))
            .gives(named("StudioGroup")),
            get("/v1/studio/batches", "Pending batches in their order.")
                .gives(list(named("StudioBatch"))),
            put("/v1/studio/batches/{name}", "Give a batch to groups.")
                .takes(object([("groups", list(text_from(1)))]))
                .gives(named("StudioBatch")),
            post(
                "/v1/studio/batches/set_priorities",
                "Put all pending batches into an order.",
            )
            .takes(order)
            .gives(list(named("StudioBatch"))),
            post(
                "/v1/studio/batches/reset_priorities",
                "Back to the order of creation.",
            )
            .gives(list(named("StudioBatch"))),
        ],
    }
}
