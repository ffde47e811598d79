//! The public API as Scale's clients know it: its routes as one table. What they do is decided
//! below the API.

mod files;

use crate::access::Action;
use crate::api::table::Table;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;

/// Every route below `/v1`.
pub(super) fn routes(table: Table) -> Table {
    use Action::{SeeWork, SubmitWork};
    // A file is larger than any other body, and counted as it comes.
    let upload = files::upload.layer(DefaultBodyLimit::disable());
    table
        .post("/v1/files/upload", SubmitWork, upload)
        .post("/v1/files/import", SubmitWork, files::import)
        .get("/v1/files", SeeWork, files::list)
}
