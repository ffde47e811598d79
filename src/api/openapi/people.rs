//! What is said of the routes of people, the account and its keys.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    Described, Shape, any_object, delete, flag, get, list, named, number, number_from, object,
    one_of, post, put, text, text_from, time,
};

const JSON: &str = "application/json";

pub(super) fn chapters() -> Vec<Chapter> {
    vec![
        Chapter {
            name: "Teams",
            about: "The people of the team, as Scale's clients see them.",
            routes: teammates(),
        },
        Chapter {
            name: "Account",
            about: "Sessions, people, keys and team details. A person's session opens it.",
            routes: [sessions(), people(), team(), keys(), replays(), audit()]
                .into_iter()
                .flatten()
                .collect(),
        },
    ]
}

fn roles() -> Shape {
    one_of(&["labeler", "member", "manager"])
}

fn teammates() -> Vec<Described> {
    let change = || object([("emails", list(text_from(1))), ("team_role", roles())]);
    let team = || list(named("Teammate"));
    vec![
        get("/v1/teams", "List everybody, invited ones too.").gives(team()),
        post("/v1/teams/invite", "Invite people.")
            .takes(change())
            .gives(team()),
        post("/v1/teams/set_role", "Give people another role.")
            .takes(change())
            .gives(team()),
    ]
}

fn signed_in() -> Shape {
    object([
        ("token", text()),
        ("expires_at", time()),
        ("user", named("User")),
    ])
}

fn sessions() -> Vec<Described> {
    let session = [
        ("session_id", text()),
        ("created_at", time()),
        ("seen_at", time()),
        ("expires_at", time()),
        ("address", text()),
        ("agent", text()),
        ("is_current", flag()),
    ];
    let texts = |a: &'static str, b: &'static str| object([(a, text_from(1)), (b, text_from(1))]);
    vec![
        post("/account/v1/sessions", "Sign in.")
            .takes(texts("email", "password"))
            .gives_as(201, JSON, signed_in())
            .may(&[401, 429]),
        get("/account/v1/sessions", "One's own sessions.").gives(list(object(session))),
        delete(
            "/account/v1/sessions/{id}",
            "End a session; `current` signs out.",
        )
        .gives_nothing(204),
        get("/account/v1/me", "Who is signed in.").gives(named("User")),
        put(
            "/account/v1/me/password",
            "Change the password; every session ends.",
        )
        .takes(texts("current_password", "new_password"))
        .gives_nothing(204),
        post("/account/v1/password-resets", "Ask for a link by mail.")
            .takes(object([("email", text_from(1))]))
            .gives_nothing(202)
            .may(&[429]),
        post(
            "/account/v1/password-resets/accept",
            "Set a password with the link.",
        )
        .takes(texts("token", "password"))
        .gives_nothing(204)
        .may(&[429]),
    ]
}

fn replays() -> Vec<Described> {
    let view = || {
        object([
            ("replay_id", text()),
            ("state", one_of(&["running", "paused", "done", "cancelled"])),
            ("found", number()),
            ("replayed", number()),
            ("per_second", number()),
            ("task_id?", text()),
            ("mode?", text()),
            ("status?", number()),
            ("from_ms?", number()),
            ("until_ms?", number()),
            ("started_at", time()),
            ("started_by", text()),
            ("ended_at?", time()),
        ])
    };
    let which = object([
        ("task_id?", text_from(1)),
        ("mode?", one_of(&["live", "test"])),
        ("status?", number_from(0, 999)),
        ("from_ms?", number()),
        ("until_ms?", number()),
        ("per_second?", number_from(1, 1000)),
        ("dry_run?", flag()),
    ]);
    let change = |path, summary| post(path, summary).gives(view()).may(&[409]);
    vec![
        get(
            "/account/v1/replays",
            "Replays of dead letters, newest first.",
        )
        .gives(list(view())),
        post(
            "/account/v1/replays",
            "Send dead letters again at a pace; `dry_run` counts them.",
        )
        .takes(which)
        .gives_as(201, JSON, view())
        .gives(any_object()),
        get("/account/v1/replays/{id}", "How far a replay is.").gives(view()),
        change("/account/v1/replays/{id}/pause", "Pause a replay."),
        change("/account/v1/replays/{id}/resume", "Go on with a replay."),
        change("/account/v1/replays/{id}/cancel", "Stop a replay for good."),
    ]
}

fn people() -> Vec<Described> {
    let acceptance = [
        ("token", text_from(1)),
        ("first_name", text_from(1)),
        ("last_name", text_from(1)),
        ("company", text_from(1)),
        ("password", text_from(1)),
    ];
    vec![
        get("/account/v1/invites", "Who is invited.").gives(list(named("Invite"))),
        post("/account/v1/invites", "Invite people: all or nobody.")
            .takes(object([("emails", list(text_from(1))), ("role", roles())]))
            .gives_as(201, JSON, list(named("Invite"))),
        delete("/account/v1/invites/{id}", "Take an invitation back.").gives_nothing(204),
        post(
            "/account/v1/invites/accept",
            "Accept an invitation and sign in.",
        )
        .takes(object(acceptance))
        .gives_as(201, JSON, signed_in())
        .may(&[429]),
        get("/account/v1/users", "The people of the team.").gives(list(named("User"))),
        put("/account/v1/users/{id}/role", "Give somebody another role.")
            .takes(object([("role", roles())]))
            .gives(named("User")),
        post("/account/v1/users/{id}/disable", "Shut somebody out.").gives(named("User")),
        post("/account/v1/users/{id}/enable", "Let somebody in again.").gives(named("User")),
        delete("/account/v1/users/{id}", "Take somebody out of the team.").gives_nothing(204),
    ]
}

fn team() -> Vec<Described> {
    let update = [
        ("name?", text_from(1)),
        ("default_callback_url?", text()),
        ("order?", one_of(&["ordered", "latest"])),
        ("attempt_timeout_ms?", number()),
        ("grace_status?", number()),
        ("members_use_keys?", flag()),
        ("always_live_auth?", flag()),
    ];
    let sample = [
        ("callback_url?", text()),
        ("mode?", one_of(&["live", "test"])),
    ];
    vec![
        get("/account/v1/team", "Read the team's details.").gives(any_object()),
        put(
            "/account/v1/team",
            "Change the team's details; null removes.",
        )
        .takes(object(update))
        .gives(any_object()),
        post("/account/v1/team/pause", "Hold all callbacks.").gives(any_object()),
        post("/account/v1/team/resume", "Let callbacks go.").gives(any_object()),
        post(
            "/account/v1/team/test-callback",
            "Send a sample and show what came of it.",
        )
        .takes(object(sample))
        .may(&[404])
        .gives(any_object()),
    ]
}

fn audit() -> Vec<Described> {
    let entry = [
        ("seq", number()),
        ("at", time()),
        ("actor", text()),
        ("action", text()),
        ("target", text()),
        ("address", text()),
        ("status", number()),
        ("hash", text()),
    ];
    let page = [("entries", list(object(entry))), ("next_before?", number())];
    vec![
        get("/account/v1/audit", "Read the audit log, newest first.")
            .query("limit", number_from(1, 100), "Entries on a page.")
            .query("before", number(), "Only entries below this seq.")
            .gives(object(page)),
    ]
}

fn keys() -> Vec<Described> {
    let secret = || object([("kind", text()), ("secret", text())]);
    vec![
        get("/account/v1/keys", "API keys, masked.").gives(list(named("Key"))),
        post("/account/v1/keys", "Make an API key.")
            .takes(object([("mode", one_of(&["live", "test"]))]))
            .gives_as(201, JSON, named("Key")),
        post("/account/v1/keys/{id}/reveal", "Read an API key.")
            .gives(object([("key_id", text()), ("key", text())])),
        delete("/account/v1/keys/{id}", "Delete an API key.").gives_nothing(204),
        get(
            "/account/v1/callback-auth",
            "What proves callbacks, masked.",
        )
        .gives(list(secret())),
        post("/account/v1/callback-auth/{kind}/reveal", "Read a secret.").gives(secret()),
        post(
            "/account/v1/callback-auth/{kind}/rotate",
            "Replace a secret.",
        )
        .takes(object([("grace_hours?", number())]))
        .gives(secret()),
    ]
}
