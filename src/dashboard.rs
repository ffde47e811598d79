//! The customer's dashboard: the pages as one table. A page has no query and no rule of its
//! own; it calls what the API calls and shows what it gets.

mod assets;
mod audit;
mod batches;
mod billing;
mod callback;
mod callbacks;
mod chart;
mod door;
mod endpoints;
mod filter;
mod form;
mod keys;
mod live;
mod overview;
mod page;
mod people;
mod profile;
mod projects;
mod replays;
mod schedule;
mod shield;
mod tasks;
mod team;
mod times;
mod world;

use crate::access::Action::{
    AuditWork, EditProjects, Knock, ManageBilling, ManagePeople, ManageSelf, ManageTeam,
    ResendCallbacks, RotateSecrets, SeeAudit, SeeCallbacks, SeeTeam, SeeWork, UseKeys,
};
use crate::api;
use crate::api::table::Table;
use crate::app::App;
use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;

/// The API and the pages, ready to serve.
pub fn routes(app: App) -> Router {
    let table = pages(api::table(app.clone()));
    api::router(app, table).layer(from_fn(shield::protect))
}

/// Every page with its rule.
#[must_use]
pub fn pages(table: Table) -> Table {
    let table = table
        .get("/", Knock, || async { Redirect::to("/dashboard") })
        .get("/dashboard", Knock, overview::home)
        .get("/dashboard/static/{name}", Knock, assets::serve)
        .get("/dashboard/audit", SeeAudit, audit::show);
    let table = endpoint_pages(replay_pages(callback_pages(door_pages(table))));
    billing_pages(keys_pages(team_pages(work_pages(table))))
}

/// For nobody in particular, and for oneself.
fn door_pages(table: Table) -> Table {
    table
        .get("/dashboard/sign-in", Knock, door::show_sign_in)
        .post("/dashboard/sign-in", Knock, door::sign_in)
        .post("/dashboard/sign-out", ManageSelf, door::sign_out)
        .get("/dashboard/invite", Knock, door::show_invite)
        .post("/dashboard/invite", Knock, door::accept)
        .get("/dashboard/forgot-password", Knock, door::show_forgot)
        .post("/dashboard/forgot-password", Knock, door::forgot)
        .get("/dashboard/reset-password", Knock, door::show_reset)
        .post("/dashboard/reset-password", Knock, door::reset)
        .get("/dashboard/profile", ManageSelf, profile::show)
        .post(
            "/dashboard/profile/password",
            ManageSelf,
            profile::change_password,
        )
        .post(
            "/dashboard/profile/sessions/{id}/end",
            ManageSelf,
            profile::end_session,
        )
}

fn callback_pages(table: Table) -> Table {
    table
        .get("/dashboard/callbacks", SeeCallbacks, callbacks::show)
        .get(
            "/dashboard/callbacks/follow",
            SeeCallbacks,
            callbacks::follow,
        )
        .get("/dashboard/callbacks/{id}", SeeCallbacks, callback::show)
        .get(
            "/dashboard/callbacks/{id}/follow",
            SeeCallbacks,
            callback::follow,
        )
        .post(
            "/dashboard/callbacks/{id}/resend",
            ResendCallbacks,
            callbacks::resend,
        )
}

fn replay_pages(table: Table) -> Table {
    table
        .get("/dashboard/replays", ResendCallbacks, replays::before)
        .post("/dashboard/replays", ResendCallbacks, replays::start)
        .get("/dashboard/replays/{id}", SeeCallbacks, replays::show)
        .get(
            "/dashboard/replays/{id}/follow",
            SeeCallbacks,
            replays::follow,
        )
        .post(
            "/dashboard/replays/{id}/pause",
            ResendCallbacks,
            replays::pause,
        )
        .post(
            "/dashboard/replays/{id}/resume",
            ResendCallbacks,
            replays::resume,
        )
        .post(
            "/dashboard/replays/{id}/cancel",
            ResendCallbacks,
            replays::cancel,
        )
}

fn endpoint_pages(table: Table) -> Table {
    table
        .get("/dashboard/overview", SeeCallbacks, overview::show)
        .get("/dashboard/endpoints", SeeCallbacks, endpoints::show)
        .get(
            "/dashboard/endpoints/follow",
            SeeCallbacks,
            endpoints::follow,
        )
}

fn work_pages(table: Table) -> Table {
    table
        .get("/dashboard/tasks", SeeWork, tasks::list)
        .get("/dashboard/tasks/{id}", SeeWork, tasks::show)
        .post("/dashboard/tasks/{id}/audit", AuditWork, tasks::audit)
        .get("/dashboard/projects", SeeWork, projects::list)
        .post("/dashboard/projects", EditProjects, projects::create)
        .get("/dashboard/projects/{name}", SeeWork, projects::show)
        .post(
            "/dashboard/projects/{name}",
            EditProjects,
            projects::set_params,
        )
        .get("/dashboard/batches", SeeWork, batches::list)
        .get("/dashboard/batches/{name}", SeeWork, batches::show)
}

fn team_pages(table: Table) -> Table {
    table
        .get("/dashboard/team", SeeTeam, team::show)
        .post("/dashboard/team", ManageTeam, team::save)
        .post(
            "/dashboard/team/test-callback",
            ManageTeam,
            team::send_sample,
        )
        .post("/dashboard/team/pause", ManageTeam, team::pause)
        .post("/dashboard/team/resume", ManageTeam, team::resume)
        .post(
            "/dashboard/team/endpoints/resume",
            ManageTeam,
            team::resume_endpoint,
        )
        .post("/dashboard/team/invites", ManagePeople, people::invite)
        .post(
            "/dashboard/team/invites/{id}/again",
            ManagePeople,
            people::invite_again,
        )
        .post(
            "/dashboard/team/invites/{id}/remove",
            ManagePeople,
            people::remove_invite,
        )
        .post(
            "/dashboard/team/users/{id}/role",
            ManagePeople,
            people::set_role,
        )
        .post(
            "/dashboard/team/users/{id}/disable",
            ManagePeople,
            people::disable,
        )
        .post(
            "/dashboard/team/users/{id}/enable",
            ManagePeople,
            people::enable,
        )
        .post(
            "/dashboard/team/users/{id}/remove",
            ManagePeople,
            people::remove,
        )
}

fn billing_pages(table: Table) -> Table {
    table
        .get("/dashboard/billing", ManageBilling, billing::show)
        .post(
            "/dashboard/billing/payment",
            ManageBilling,
            billing::save_payment,
        )
        .get(
            "/dashboard/billing/invoices/{number}",
            ManageBilling,
            billing::invoice,
        )
}

fn keys_pages(table: Table) -> Table {
    table
        .get("/dashboard/keys", UseKeys, keys::show)
        .post("/dashboard/keys", UseKeys, keys::add)
        .post("/dashboard/keys/{id}/reveal", UseKeys, keys::reveal)
        .post("/dashboard/keys/{id}/delete", UseKeys, keys::delete)
        .post(
            "/dashboard/keys/secrets/{kind}/reveal",
            UseKeys,
            keys::reveal_secret,
        )
        .post(
            "/dashboard/keys/secrets/{kind}/rotate",
            RotateSecrets,
            keys::rotate_secret,
        )
}
