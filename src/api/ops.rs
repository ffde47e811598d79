//! What operators ask and say while the gateway runs: its state on one screen, lanes, one
//! callback sent again or given up, teams made.

use crate::api::body::read_body;
use crate::api::callbacks::{read_id, read_query};
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::TimestampMs;
use crate::cancel::{self, Cancelled};
use crate::people::{invitations, members};
use crate::resend::{self, Resent};
use crate::status::{self, Status};
use crate::teams::lanes::{self, LaneName, LaneRow};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

const LANES_DEFAULT: usize = 100;
const LANES_MAX: usize = 1000;
const TEAMS_DEFAULT: u32 = 100;
const TEAMS_MAX: u32 = 1000;

pub(super) async fn look(State(app): State<App>) -> Json<Status> {
    Json(status::look(&app).await)
}

/// Which lanes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanesQuery {
    team_id: Option<String>,
    limit: Option<usize>,
}

/// Those in trouble first.
#[derive(Debug, Serialize)]
pub(super) struct Lanes {
    lanes: Vec<LaneRow>,
}

pub(super) async fn list_lanes(
    State(app): State<App>,
    query: Result<Query<LanesQuery>, QueryRejection>,
) -> Result<Json<Lanes>, ApiError> {
    let query = read_query(query)?;
    let most = query.limit.unwrap_or(LANES_DEFAULT);
    if !(1..=LANES_MAX).contains(&most) {
        let reason = format!("must be from 1 to {LANES_MAX}");
        return Err(ApiError::Invalid {
            field: "limit",
            reason,
        });
    }
    let lanes = lanes::list(&app, query.team_id.as_deref(), most).await?;
    Ok(Json(Lanes { lanes }))
}

/// Which lane.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaneQuery {
    team_id: String,
    url: String,
}

pub(super) async fn show_lane(
    State(app): State<App>,
    query: Result<Query<LaneQuery>, QueryRejection>,
) -> Result<Json<LaneRow>, ApiError> {
    let query = read_query(query)?;
    let name = LaneName::read(&query.team_id, &query.url)?;
    let lane = lanes::show(&app, &name).await?;
    lane.map(Json).ok_or(ApiError::NotFound("lane"))
}

/// Which lane, and for how long it shall rest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParkBody {
    team_id: String,
    url: String,
    for_s: u64,
}

/// Until when.
#[derive(Debug, Serialize)]
pub(super) struct Parked {
    parked_until: TimestampMs,
}

pub(super) async fn park_lane(
    State(app): State<App>,
    body: Result<Json<ParkBody>, JsonRejection>,
) -> Result<Json<Parked>, ApiError> {
    let body = read_body(body)?;
    let name = LaneName::read(&body.team_id, &body.url)?;
    let time = Duration::from_secs(body.for_s);
    let parked_until = lanes::park(&app, &name, time).await?;
    Ok(Json(Parked { parked_until }))
}

pub(super) async fn resume_lane(
    State(app): State<App>,
    body: Result<Json<LaneQuery>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let body = read_body(body)?;
    lanes::resume(&app, &LaneName::read(&body.team_id, &body.url)?).await?;
    Ok(Json(json!({})))
}

/// Which lane, and how many requests it may have in flight.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitBody {
    team_id: String,
    url: String,
    in_flight_max: Option<u32>,
}

pub(super) async fn limit_lane(
    State(app): State<App>,
    body: Result<Json<LimitBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let body = read_body(body)?;
    let name = LaneName::read(&body.team_id, &body.url)?;
    lanes::limit(&app, &name, body.in_flight_max).await?;
    Ok(Json(json!({"in_flight_max": body.in_flight_max})))
}

/// Answers under which id it goes.
pub(super) async fn resend_callback(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = read_id(&id)?;
    let detail = app.journal.detail(id).await?;
    let team = detail.ok_or(ApiError::NotFound("callback"))?.callback.team;
    match resend::resend(&app, &team, id).await? {
        Some(Resent::Revived) => Ok(Json(json!({"callback_id": id.to_string()}))),
        Some(Resent::As(id)) => Ok(Json(json!({"callback_id": id.to_string()}))),
        Some(Resent::UnderWay) => Err(ApiError::Conflict {
            field: "id",
            reason: "it has not ended yet: it will be sent anyway".to_owned(),
        }),
        None => Err(ApiError::NotFound("callback")),
    }
}

pub(super) async fn cancel_callback(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    match cancel::cancel(&app, read_id(&id)?).await? {
        Some(Cancelled::Done) => Ok(Json(json!({"state": "cancelled"}))),
        Some(Cancelled::Ended(state)) => Err(ApiError::Conflict {
            field: "id",
            reason: format!("it is {} already", state.as_str()),
        }),
        None => Err(ApiError::NotFound("callback")),
    }
}

/// Which teams.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamsQuery {
    after: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn list_teams(
    State(app): State<App>,
    query: Result<Query<TeamsQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let query = read_query(query)?;
    let limit = query.limit.unwrap_or(TEAMS_DEFAULT);
    if !(1..=TEAMS_MAX).contains(&limit) {
        let reason = format!("must be from 1 to {TEAMS_MAX}");
        return Err(ApiError::Invalid {
            field: "limit",
            reason,
        });
    }
    let after = query.after.unwrap_or_default();
    if after.contains('\0') {
        return Err(ApiError::Invalid {
            field: "after",
            reason: "must not contain NUL".to_owned(),
        });
    }
    let found = app.records.teams_after(&after, limit).await?;
    let team = |(id, name)| json!({"team_id": id, "name": name});
    Ok(Json(
        json!({"teams": found.into_iter().map(team).collect::<Value>()}),
    ))
}

/// A team and who is to be its admin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTeamBody {
    name: String,
    admin: String,
}

/// Answers the link with which the admin joins.
pub(super) async fn create_team(
    State(app): State<App>,
    body: Result<Json<NewTeamBody>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = read_body(body)?;
    let (account, now) = (&app.config.account, app.clock.now());
    let wanted = (&*body.name, &*body.admin);
    let team = invitations::create_team(&app.records, account, wanted, now).await?;
    app.mail_written.notify_one();
    let made = json!({"team_id": team.id, "link": team.link});
    Ok((StatusCode::CREATED, Json(made)))
}

/// Who is to be the admin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminBody {
    email: String,
}

pub(super) async fn transfer_admin(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Result<Json<AdminBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let email = read_body(body)?.email;
    let team = app.records.team(&id).await?;
    let team = team.ok_or(ApiError::NotFound("team"))?;
    members::transfer_admin(&app.records, &team.id, &email).await?;
    Ok(Json(json!({"admin": email})))
}
