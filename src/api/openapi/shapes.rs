//! The things that many routes answer with, each described once.

use crate::api::openapi::describe::{
    Shape, any_object, anything, flag, list, named, number, object, one_of, text, time,
};

/// Every shape that has a name.
pub(super) fn all() -> Vec<(&'static str, Shape)> {
    let mut all = vec![
        (
            "Error",
            object([("status_code", number()), ("error", text())]),
        ),
        (
            "Problem",
            object([(
                "error",
                object([("code", text()), ("message", text()), ("field?", text())]),
            )]),
        ),
        ("Metadata", any_object()),
    ];
    all.extend(work());
    all.extend(beside());
    all.extend(genai());
    all.extend(people());
    all.extend(callbacks());
    all
}

fn work() -> Vec<(&'static str, Shape)> {
    vec![
        (
            "Project",
            object([
                ("id", text()),
                ("name", text()),
                ("type", text()),
                ("created_at", time()),
                ("archived", flag()),
                (
                    "param_history",
                    list(object([("version", number()), ("created_at", time())])),
                ),
            ]),
        ),
        (
            "Task",
            object([
                ("task_id", text()),
                ("type", text()),
                (
                    "status",
                    one_of(&["pending", "completed", "canceled", "error"]),
                ),
                ("created_at", time()),
                ("updated_at", time()),
                ("instruction", text()),
                ("params", any_object()),
                ("metadata", named("Metadata")),
                ("project?", text()),
                ("batch?", text()),
                ("callback_url?", text()),
                ("unique_id?", text()),
                ("tags?", list(text())),
                ("priority?", number()),
                ("completed_at?", time()),
                ("response?", anything()),
                ("is_test?", flag()),
                ("callback_succeeded?", flag()),
                ("customer_review_status?", text()),
                ("audits?", list(any_object())),
            ]),
        ),
        (
            "Batch",
            object([
                ("id", text()),
                ("name", text()),
                ("project", text()),
                ("status", one_of(&["staging", "in_progress", "completed"])),
                ("created_at", time()),
                ("metadata", named("Metadata")),
                ("completed_at?", time()),
                ("callback?", text()),
            ]),
        ),
    ]
}

fn beside() -> Vec<(&'static str, Shape)> {
    vec![
        (
            "File",
            object([
                ("id", text()),
                ("attachment_url", text()),
                ("size", number()),
                ("mime_type", text()),
                ("sha256", text()),
                ("project_names", list(text())),
                ("created_at", time()),
                ("updated_at", time()),
                ("reference_id?", text()),
                ("display_name?", text()),
                ("metadata?", any_object()),
            ]),
        ),
        (
            "QualityTask",
            object([
                ("id", text()),
                ("expected_response", anything()),
                ("initial_response?", anything()),
            ]),
        ),
    ]
}

fn genai() -> Vec<(&'static str, Shape)> {
    vec![
        (
            "GenaiProject",
            object([("id", text()), ("name", text()), ("created_at", time())]),
        ),
        (
            "GenaiBatch",
            object([
                ("id", text()),
                ("name", text()),
                ("project", anything()),
                (
                    "status",
                    one_of(&["staging", "in_progress", "completed", "paused", "cancelled"]),
                ),
                ("created_at", time()),
                ("metadata", named("Metadata")),
                ("completed_at?", time()),
                ("callback?", text()),
            ]),
        ),
        (
            "GenaiTask",
            object([
                ("task_id", text()),
                ("project", anything()),
                ("batch?", anything()),
                (
                    "status",
                    one_of(&["pending", "completed", "canceled", "error"]),
                ),
                ("created_at", time()),
                ("completed_at?", time()),
                ("metadata?", any_object()),
            ]),
        ),
        (
            "StudioGroup",
            object([
                ("id", text()),
                ("name", text()),
                ("numWorkers", number()),
                ("isSingleton", flag()),
                ("workers", list(object([("id", text()), ("email", text())]))),
            ]),
        ),
        (
            "StudioBatch",
            object([
                ("id", text()),
                ("name", text()),
                ("projectId", text()),
                ("projectName", text()),
                ("batchType", text()),
                ("studioPriority?", number()),
                ("total", number()),
                ("completed", number()),
                ("groups", list(text())),
            ]),
        ),
    ]
}

fn people() -> Vec<(&'static str, Shape)> {
    vec![
        (
            "Teammate",
            object([
                ("email", text()),
                ("role", one_of(&["labeler", "member", "manager", "admin"])),
                ("status", text()),
                ("isStudioLabeler?", flag()),
                ("firstName?", text()),
                ("lastName?", text()),
                ("company?", text()),
                ("expiry?", time()),
            ]),
        ),
        (
            "User",
            object([
                ("user_id", text()),
                ("team_id", text()),
                ("email", text()),
                ("role", one_of(&["labeler", "member", "manager", "admin"])),
                ("status", text()),
                ("first_name", text()),
                ("last_name", text()),
                ("company", text()),
                ("created_at", time()),
            ]),
        ),
        (
            "Invite",
            object([
                ("invite_id", text()),
                ("email", text()),
                ("role", text()),
                ("created_at", time()),
                ("expires_at", time()),
                ("is_expired", flag()),
            ]),
        ),
        (
            "Key",
            object([
                ("key_id", text()),
                ("mode", one_of(&["live", "test"])),
                ("key", text()),
                ("created_at", time()),
            ]),
        ),
    ]
}

fn callbacks() -> Vec<(&'static str, Shape)> {
    vec![
        (
            "Callback",
            object([
                ("callback_id", text()),
                ("team_id", text()),
                ("task_id", text()),
                ("event_id", text()),
                ("mode", one_of(&["live", "test"])),
                ("state", text()),
                ("attempts", number()),
                ("accepted_ms", number()),
                ("reason?", text()),
                ("next_ms?", number()),
                ("ended_ms?", number()),
            ]),
        ),
        (
            "Lane",
            object([
                ("team_id", text()),
                ("origin", text()),
                ("condition", one_of(&["parked", "resting", "full", "open"])),
                ("window", number()),
                ("in_flight", number()),
                ("ready", number()),
                ("parked_until?", number()),
                ("rests_until?", number()),
                ("limit?", number()),
                ("drained_in_ms?", number()),
            ]),
        ),
        (
            "Replay",
            object([
                ("replay_id", text()),
                ("team_id", text()),
                ("state", one_of(&["running", "paused", "done", "cancelled"])),
                ("found", number()),
                ("replayed", number()),
                ("per_second", number()),
                ("started_ms", number()),
                ("ended_ms?", number()),
                ("started_by", text()),
            ]),
        ),
    ]
}
