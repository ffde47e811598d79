//! API keys and what proves a callback: shown masked, revealed one at a time.

use crate::access::Action;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::Mode;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::{moment, until};
use crate::records::api_keys::ApiKey;
use crate::records::secrets::{EndpointKey, OldSecret, SecretKind};
use crate::records::teams::Team;
use crate::teams;
use crate::teams::sample::mask;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

/// Receivers that check the header, ready to be copied.
const RECEIVERS: [(&str, &str); 3] = [
    ("Python", include_str!("../../docs/receivers/receiver.py")),
    ("Node", include_str!("../../docs/receivers/receiver.mjs")),
    ("Rust", include_str!("../../docs/receivers/receiver.rs")),
];

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    frame: Frame,
    keys: Vec<KeyRow>,
    secrets: Vec<SecretRow>,
    receivers: [(&'static str, &'static str); 3],
    may_rotate: bool,
}

struct KeyRow {
    id: String,
    mode: &'static str,
    masked: String,
    made: String,
    /// Only of the one that was asked for.
    open: Option<String>,
}

struct SecretRow {
    kind: &'static str,
    label: &'static str,
    masked: String,
    open: Option<String>,
    previous: Option<Previous>,
}

/// While a secret is being replaced.
struct Previous {
    masked: String,
    ends: String,
    endpoints: Vec<EndpointKey>,
}

/// What redirects bring along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// What is shown open on the page.
#[derive(Default)]
struct Open {
    key: Option<(String, String)>,
    secret: Option<SecretKind>,
}

fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "added" => "Added: reveal it to copy it.",
        "deleted" => "Deleted: it is refused everywhere within a second.",
        "rotated" => "Replaced: both are good for a day, so that your endpoints can move.",
        _ => return None,
    })
}

async fn page(app: &App, visitor: &Visitor, open: Open) -> Result<KeysPage, ApiError> {
    let team = app.records.team(&visitor.team).await?;
    let team = team.ok_or(ApiError::NotFound("team"))?;
    let now = app.clock.now();
    let keys = app.records.listed_api_keys(&team.id).await?;
    let old = app.records.old_secrets(&team.id, now).await?;
    let endpoints = app.records.endpoint_keys(&team.id).await?;
    let key = |key: ApiKey| KeyRow {
        open: open
            .key
            .as_ref()
            .filter(|(id, _)| *id == key.id)
            .map(|(_, text)| text.clone()),
        mode: key.mode.as_str(),
        masked: format!("{}_…{}", key.mode.as_str(), key.last_four),
        made: moment(key.created_ms, now),
        id: key.id,
    };
    let secret = |kind| secret_row(&team, kind, (&old, &endpoints), open.secret, now);
    Ok(KeysPage {
        frame: visitor.frame(Room::Keys),
        keys: keys.into_iter().map(key).collect(),
        secrets: SecretKind::ALL.map(secret).into(),
        receivers: RECEIVERS,
        may_rotate: visitor.may(Action::RotateSecrets),
    })
}

fn secret_row(
    team: &Team,
    kind: SecretKind,
    (old, endpoints): (&[OldSecret], &[EndpointKey]),
    open: Option<SecretKind>,
    now: u64,
) -> SecretRow {
    let (label, text) = match kind {
        SecretKind::LiveAuth => ("Live Callback Auth Key", &team.live_callback_auth),
        SecretKind::TestAuth => ("Test Callback Auth Key", &team.test_callback_auth),
        SecretKind::Signing => ("Signing secret", &team.signing_secret),
    };
    let previous = old.iter().find(|old| old.kind == kind);
    SecretRow {
        kind: kind.as_str(),
        label,
        masked: mask(text),
        open: (open == Some(kind)).then(|| text.clone()),
        previous: previous.map(|old| Previous {
            masked: mask(&old.secret),
            ends: until(old.until_ms, now),
            endpoints: endpoints
                .iter()
                .filter(|endpoint| endpoint.mode.as_str() == kind.as_str())
                .cloned()
                .collect(),
        }),
    }
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Query(query): Query<Done>,
) -> Result<Html<String>, ApiError> {
    let mut page = page(&app, &visitor, Open::default()).await?;
    page.frame = page.frame.with_notice(notice(&query.done));
    Ok(render(&page))
}

fn done(what: &str) -> Response {
    Redirect::to(&format!("/dashboard/keys?done={what}")).into_response()
}

pub(super) async fn add(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let mode = match form.text("mode") {
        "live" => Mode::Live,
        "test" => Mode::Test,
        _ => {
            return Err(ApiError::Invalid {
                field: "mode",
                reason: "must be live or test".to_owned(),
            });
        }
    };
    teams::add_api_key(&app, &visitor.team, mode).await?;
    Ok(done("added"))
}

/// A POST, so that it is in the audit log.
pub(super) async fn reveal(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Html<String>, ApiError> {
    let key = app.records.reveal_api_key(&visitor.team, &id).await?;
    let key = key.ok_or(ApiError::NotFound("key"))?;
    let open = Open {
        key: Some((id, key)),
        secret: None,
    };
    Ok(render(&page(&app, &visitor, open).await?))
}

pub(super) async fn delete(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    let deleted = app.records.delete_api_key(&visitor.team, &id).await?;
    app.forget_callers();
    if deleted {
        Ok(done("deleted"))
    } else {
        Err(ApiError::NotFound("key"))
    }
}

fn kind(text: &str) -> Result<SecretKind, ApiError> {
    SecretKind::parse(text).ok_or(ApiError::NotFound("secret"))
}

pub(super) async fn reveal_secret(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    _: Form,
) -> Result<Html<String>, ApiError> {
    let open = Open {
        key: None,
        secret: Some(kind(&name)?),
    };
    Ok(render(&page(&app, &visitor, open).await?))
}

pub(super) async fn rotate_secret(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    teams::rotate(&app, &visitor.team, kind(&name)?, None).await?;
    Ok(done("rotated"))
}
