//! The public API, wire-compatible with Scale's. An API key chooses team and world. Handlers
//! read and shape; what is legal is decided in [`crate::work`] and [`crate::people`].

mod answer;
mod batches;
mod files;
mod projects;
mod quality;
mod query;
mod segment;
mod tags;
mod tasks;
mod teams;

pub(super) use query::Query;
pub(super) use tasks::{read_token, token};

use crate::access::Action::{
    AuditWork, EditProjects, ManagePeople, ResendCallbacks, SeeTeam, SeeWork, SubmitWork,
};
use crate::api::caller::KeyCaller;
use crate::api::table::Table;
use crate::records::world::World;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;

/// Adds them to the table.
pub(super) fn routes(table: Table) -> Table {
    let table = table
        .get("/v1/teams", SeeTeam, teams::list)
        .post("/v1/teams/invite", ManagePeople, teams::invite)
        .post("/v1/teams/set_role", ManagePeople, teams::set_role)
        .get("/v1/projects", SeeWork, projects::list)
        .post("/v1/projects", EditProjects, projects::create)
        .get("/v1/projects/{name}", SeeWork, projects::show)
        .post(
            "/v1/projects/{name}/setParams",
            EditProjects,
            projects::set_params,
        )
        .post(
            "/v1/projects/{name}/setOntology",
            EditProjects,
            projects::set_ontology,
        )
        .get(
            "/v1/projects/{name}/taskTemplates",
            SeeWork,
            projects::template,
        )
        .get("/v1/batches", SeeWork, batches::list)
        .post("/v1/batches", SubmitWork, batches::create)
        .get("/v1/batches/{name}", SeeWork, batches::show)
        .get("/v1/batches/{name}/status", SeeWork, batches::status)
        .post("/v1/batches/{name}/finalize", SubmitWork, batches::finalize)
        .post(
            "/v1/batches/{name}/setMetadata",
            SubmitWork,
            batches::set_metadata,
        );
    files(tasks(table))
}

/// A task's type and its id stand at one place of the path.
fn tasks(table: Table) -> Table {
    table
        .get("/v1/tasks", SeeWork, tasks::list)
        .post("/v1/task/{id}", SubmitWork, tasks::create)
        .get("/v1/task/{id}", SeeWork, tasks::show)
        .post("/v1/task/{id}/cancel", SubmitWork, tasks::cancel)
        .post("/v1/task/{id}/audit", AuditWork, tasks::audit)
        .post("/v1/task/{id}/unique_id", SubmitWork, tasks::set_unique_id)
        .delete(
            "/v1/task/{id}/unique_id",
            SubmitWork,
            tasks::clear_unique_id,
        )
        .post("/v1/task/{id}/setMetadata", SubmitWork, tasks::set_metadata)
        .post("/v1/task/{id}/tags", SubmitWork, tags::set)
        .put("/v1/task/{id}/tags", SubmitWork, tags::add)
        .delete("/v1/task/{id}/tags", SubmitWork, tags::remove)
        .post(
            "/v1/task/{id}/send_callback",
            ResendCallbacks,
            tasks::send_callback,
        )
        .post(
            "/v1/evaluation_tasks/{type}",
            SubmitWork,
            quality::evaluation,
        )
        .post("/v1/training_tasks/{type}", SubmitWork, quality::training)
}

fn files(table: Table) -> Table {
    // A file is larger than any other body, and counted as it comes.
    let upload = files::upload.layer(DefaultBodyLimit::disable());
    table
        .post("/v1/files/upload", SubmitWork, upload)
        .post("/v1/files/import", SubmitWork, files::import)
        .get("/v1/files", SeeWork, files::list)
}

impl KeyCaller {
    /// What the key opens.
    pub(super) fn world(&self) -> World<'_> {
        World {
            team: &self.0.team,
            mode: self.0.mode,
        }
    }
}
