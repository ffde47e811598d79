//! The routes of the account: people, team, keys. Below `/account/v1`, because Scale has
//! none for these; a person sends their session's token as Bearer.

mod audit;
mod billing;
mod invites;
mod keys;
mod replays;
mod secrets;
mod sessions;
mod team;
mod users;

use crate::access::Action::{
    Knock, ManageBilling, ManagePeople, ManageSelf, ManageTeam, ResendCallbacks, RotateSecrets,
    SeeAudit, SeeCallbacks, SeeTeam, UseKeys,
};
use crate::api::table::Table;

/// Adds them to the table.
pub(super) fn add(table: Table) -> Table {
    let table = callbacks(money(team_and_keys(people(table))));
    table
        .post("/account/v1/sessions", Knock, sessions::sign_in)
        .get("/account/v1/sessions", ManageSelf, sessions::list)
        .delete("/account/v1/sessions/{id}", ManageSelf, sessions::end)
        .get("/account/v1/me", ManageSelf, sessions::me)
        .put(
            "/account/v1/me/password",
            ManageSelf,
            sessions::change_password,
        )
        .post(
            "/account/v1/password-resets",
            Knock,
            sessions::request_reset,
        )
        .post(
            "/account/v1/password-resets/accept",
            Knock,
            sessions::reset_password,
        )
}

fn money(table: Table) -> Table {
    table
        .get("/account/v1/billing", ManageBilling, billing::show)
        .get(
            "/account/v1/billing/invoices",
            ManageBilling,
            billing::invoices,
        )
        .get(
            "/account/v1/billing/invoices/{number}",
            ManageBilling,
            billing::invoice,
        )
        .get(
            "/account/v1/billing/payment",
            ManageBilling,
            billing::payment,
        )
        .put(
            "/account/v1/billing/payment",
            ManageBilling,
            billing::set_payment,
        )
}

fn people(table: Table) -> Table {
    table
        .get("/account/v1/invites", SeeTeam, invites::list)
        .post("/account/v1/invites", ManagePeople, invites::create)
        .delete("/account/v1/invites/{id}", ManagePeople, invites::remove)
        .post("/account/v1/invites/accept", Knock, invites::accept)
        .get("/account/v1/users", SeeTeam, users::list)
        .put("/account/v1/users/{id}/role", ManagePeople, users::set_role)
        .post(
            "/account/v1/users/{id}/disable",
            ManagePeople,
            users::disable,
        )
        .post("/account/v1/users/{id}/enable", ManagePeople, users::enable)
        .delete("/account/v1/users/{id}", ManagePeople, users::remove)
}

fn callbacks(table: Table) -> Table {
    table
        .get("/account/v1/replays", SeeCallbacks, replays::list)
        .post("/account/v1/replays", ResendCallbacks, replays::start)
        .get("/account/v1/replays/{id}", SeeCallbacks, replays::show)
        .post(
            "/account/v1/replays/{id}/pause",
            ResendCallbacks,
            replays::pause,
        )
        .post(
            "/account/v1/replays/{id}/resume",
            ResendCallbacks,
            replays::resume,
        )
        .post(
            "/account/v1/replays/{id}/cancel",
            ResendCallbacks,
            replays::cancel,
        )
}

fn team_and_keys(table: Table) -> Table {
    table
        .get("/account/v1/audit", SeeAudit, audit::list)
        .get("/account/v1/team", SeeTeam, team::show)
        .put("/account/v1/team", ManageTeam, team::update)
        .post("/account/v1/team/pause", ManageTeam, team::pause)
        .post("/account/v1/team/resume", ManageTeam, team::resume)
        .post(
            "/account/v1/team/test-callback",
            ManageTeam,
            team::test_callback,
        )
        .get("/account/v1/keys", UseKeys, keys::list)
        .post("/account/v1/keys", UseKeys, keys::create)
        .post("/account/v1/keys/{id}/reveal", UseKeys, keys::reveal)
        .delete("/account/v1/keys/{id}", UseKeys, keys::remove)
        .get("/account/v1/callback-auth", UseKeys, secrets::list)
        .post(
            "/account/v1/callback-auth/{kind}/reveal",
            UseKeys,
            secrets::reveal,
        )
        .post(
            "/account/v1/callback-auth/{kind}/rotate",
            RotateSecrets,
            secrets::rotate,
        )
}
