//! The public API, wire-compatible with Scale's: one line a route. An API key chooses team
//! and world; a person who is signed in may read and manage, too.

mod teams;

use crate::access::Action::{ManagePeople, SeeTeam};
use crate::api::table::Table;

/// Adds them to the table.
pub(super) fn add(table: Table) -> Table {
    table
        .get("/v1/teams", SeeTeam, teams::list)
        .post("/v1/teams/invite", ManagePeople, teams::invite)
        .post("/v1/teams/set_role", ManagePeople, teams::set_role)
}
