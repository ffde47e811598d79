//! The team's page: its people, and where its callbacks go.

use crate::access::Role;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::Mode;
use crate::callback::retry::Policy;
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, pretty, render};
use crate::dashboard::schedule::Schedule;
use crate::dashboard::times::{moment, span, until};
use crate::records::invites::Invite;
use crate::records::teams::{Team, TeamUpdate};
use crate::records::users::{Status, User};
use crate::teams::sample::{self, Sample, SampleError};
use crate::teams::{self, TeamError};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

/// Roles that people of the team may give.
const GRANTABLE: [Role; 3] = [Role::Member, Role::Manager, Role::Labeler];

#[derive(Template)]
#[template(path = "team.html")]
struct TeamPage {
    frame: Frame,
    team: Team,
    /// What was typed, where it was not legal.
    details: Details,
    schedule: Schedule,
    people: Vec<Member>,
    invited: Vec<Invited>,
    roles: [Role; 3],
    paused_endpoints: Vec<String>,
    sample: Option<Shown>,
    wrong: Wrong,
    invite: Typed,
}

/// The details form's texts.
#[derive(Clone)]
struct Details {
    name: String,
    url: String,
    retries_max: String,
    first_delay_s: String,
    factor: String,
    timeout_s: String,
}

/// The invite form's texts.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) emails: String,
    pub(super) role: String,
}

struct Member {
    user: User,
    is_self: bool,
}

struct Invited {
    invite: Invite,
    sent: String,
    expires: String,
    is_expired: bool,
}

/// A sample's answer as people read it.
struct Shown {
    sample: Sample,
    headline: String,
    took: String,
    hint: String,
    answer: String,
    /// What was sent.
    body: String,
}

/// What redirects bring along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

impl Member {
    fn is_active(&self) -> bool {
        self.user.status == Status::Active
    }

    /// Whether the list offers to change them.
    fn is_changeable(&self) -> bool {
        self.user.role != Role::Admin && !self.is_self
    }
}

/// What the page says after a change.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "saved" => "Saved.",
        "paused" => "Deliveries are paused: what comes is held.",
        "resumed" => "Deliveries go on: what was held goes now.",
        "invited" => "Invited: a letter with the link is on its way.",
        "removed" => "Removed.",
        "role" => "The role is changed; their sessions have ended.",
        "disabled" => "Disabled: they cannot sign in until you enable them again.",
        "enabled" => "Enabled: they can sign in again.",
        _ => return None,
    })
}

/// The page with everything on it, to be changed where something was wrong.
async fn page(app: &App, visitor: &Visitor) -> Result<TeamPage, ApiError> {
    let team = app.records.team(&visitor.team).await?;
    let team = team.ok_or(ApiError::NotFound("team"))?;
    let users = app.records.users(&team.id).await?;
    let invites = app.records.invites(&team.id).await?;
    let now = app.clock.now();
    let configured = app.team(&team.id).await?.map(|settings| settings.policy);
    let policy = team.retry.or(configured).unwrap_or_default();
    let timeout_ms = team.attempt_timeout_ms;
    let timeout_ms = timeout_ms.unwrap_or(app.config.delivery.attempt_timeout_ms);
    Ok(TeamPage {
        frame: visitor.frame(Room::Team),
        details: Details {
            name: team.name.clone(),
            url: team.default_callback_url.clone().unwrap_or_default(),
            retries_max: policy.retries_max.to_string(),
            first_delay_s: (policy.first_delay_ms / 1000).to_string(),
            factor: policy.factor.to_string(),
            timeout_s: (timeout_ms / 1000).to_string(),
        },
        schedule: Schedule::of(&policy, false),
        people: users
            .into_iter()
            .map(|user| Member {
                is_self: user.id == visitor.user,
                user,
            })
            .collect(),
        invited: invites
            .into_iter()
            .map(|invite| Invited {
                sent: moment(invite.created_ms, now),
                expires: until(invite.expires_ms, now),
                is_expired: invite.expires_ms <= now,
                invite,
            })
            .collect(),
        roles: GRANTABLE,
        paused_endpoints: app.records.paused_endpoints(&team.id).await?,
        team,
        sample: None,
        wrong: Wrong::default(),
        invite: Typed::default(),
    })
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Query(query): Query<Done>,
) -> Result<Html<String>, ApiError> {
    let mut page = page(&app, &visitor).await?;
    page.frame = page.frame.with_notice(notice(&query.done));
    Ok(render(&page))
}

/// Back to the page, which says what was done.
pub(super) fn done(what: &str) -> Response {
    Redirect::to(&format!("/dashboard/team?done={what}")).into_response()
}

/// The page again with what is wrong beside its field.
pub(super) async fn again(
    app: &App,
    visitor: &Visitor,
    wrong: Wrong,
    invite: Typed,
) -> Result<Response, ApiError> {
    let page = TeamPage {
        wrong,
        invite,
        ..page(app, visitor).await?
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

/// The details form: an empty URL removes it.
pub(super) async fn save(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let details = Details {
        name: form.text("name").to_owned(),
        url: form.text("default_callback_url").to_owned(),
        retries_max: form.text("retries_max").to_owned(),
        first_delay_s: form.text("first_delay_s").to_owned(),
        factor: form.text("factor").to_owned(),
        timeout_s: form.text("timeout_s").to_owned(),
    };
    if form.is_ticked("preview") {
        return preview(&app, &visitor, details, &form).await;
    }
    let wrong = match read_update(&app, &visitor, &details, &form).await? {
        Ok(update) => match teams::update(&app, &visitor.team, &update).await {
            Ok(_) => return Ok(done("saved")),
            Err(TeamError::Invalid { field, reason }) => Wrong::at(field, &reason),
            Err(error) => return Err(error.into()),
        },
        Err(wrong) => wrong,
    };
    let page = TeamPage {
        details,
        wrong,
        ..page(&app, &visitor).await?
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

/// The schedule of what was typed, and nothing saved.
async fn preview(
    app: &App,
    visitor: &Visitor,
    details: Details,
    form: &Form,
) -> Result<Response, ApiError> {
    let read = read_update(app, visitor, &details, form).await?;
    let read = read.and_then(|update| match teams::check(app, &update) {
        Ok(()) => Ok(update),
        Err(TeamError::Invalid { field, reason }) => Err(Wrong::at(field, &reason)),
        Err(_) => Err(Wrong::at("retry", "cannot be checked now")),
    });
    let mut page = page(app, visitor).await?;
    match read {
        Ok(update) => {
            if let Some(Some(policy)) = update.retry {
                page.schedule = Schedule::of(&policy, true);
            }
        }
        Err(wrong) => page.wrong = wrong,
    }
    page.details = details;
    Ok(render(&page).into_response())
}

async fn read_update(
    app: &App,
    visitor: &Visitor,
    details: &Details,
    form: &Form,
) -> Result<Result<TeamUpdate, Wrong>, ApiError> {
    let settings = app.team(&visitor.team).await?;
    let settings = settings.ok_or(ApiError::NotFound("team"))?;
    let number = |text: &str| text.parse::<u32>().ok();
    let Some(retries_max) = number(&details.retries_max) else {
        return Ok(Err(Wrong::at("retries_max", "must be a whole number")));
    };
    let Some(first_delay_s) = number(&details.first_delay_s) else {
        return Ok(Err(Wrong::at("first_delay_s", "must be whole seconds")));
    };
    let Some(factor) = details
        .factor
        .parse::<f64>()
        .ok()
        .filter(|it| it.is_finite())
    else {
        return Ok(Err(Wrong::at("factor", "must be a number, such as 1.5")));
    };
    let Some(timeout_s) = number(&details.timeout_s) else {
        return Ok(Err(Wrong::at(
            "attempt_timeout_ms",
            "must be whole seconds",
        )));
    };
    let policy = Policy {
        retries_max,
        first_delay_ms: u64::from(first_delay_s) * 1000,
        factor,
        ..settings.policy
    };
    let budget_ms = u64::from(timeout_s) * 1000;
    let configured_ms = app.config.delivery.attempt_timeout_ms;
    let present_ms = settings.attempt_timeout_ms.unwrap_or(configured_ms);
    Ok(Ok(TeamUpdate {
        name: Some(details.name.clone()),
        default_callback_url: Some(Some(details.url.clone()).filter(|url| !url.is_empty())),
        latest_only: Some(form.is_ticked("latest_only")),
        retry: (policy != settings.policy).then_some(Some(policy)),
        attempt_timeout_ms: (budget_ms != present_ms).then_some(Some(budget_ms)),
        members_use_keys: Some(form.is_ticked("members_use_keys")),
        always_live_auth: Some(form.is_ticked("always_live_auth")),
        ..TeamUpdate::default()
    }))
}

pub(super) async fn pause(
    visitor: Visitor,
    State(app): State<App>,
    _: Form,
) -> Result<Response, ApiError> {
    set_paused(&app, &visitor, true).await?;
    Ok(done("paused"))
}

pub(super) async fn resume(
    visitor: Visitor,
    State(app): State<App>,
    _: Form,
) -> Result<Response, ApiError> {
    set_paused(&app, &visitor, false).await?;
    Ok(done("resumed"))
}

async fn set_paused(app: &App, visitor: &Visitor, paused: bool) -> Result<(), ApiError> {
    let update = TeamUpdate {
        paused: Some(paused),
        ..TeamUpdate::default()
    };
    teams::update(app, &visitor.team, &update).await?;
    Ok(())
}

/// Ends the pause of an endpoint that had answered 410.
pub(super) async fn resume_endpoint(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    teams::resume(&app, &visitor.team, form.text("url")).await?;
    Ok(done("resumed"))
}

/// Sends a sample now and shows all of the answer.
pub(super) async fn send_sample(
    visitor: Visitor,
    State(app): State<App>,
    _: Form,
) -> Result<Response, ApiError> {
    let mut page = page(&app, &visitor).await?;
    match sample::send(&app, &visitor.team, Mode::Live, None).await {
        Ok(sample) => page.sample = Some(shown(sample)),
        Err(SampleError::Team(TeamError::Missing(what))) => {
            page.wrong = Wrong::at(
                "default_callback_url",
                &format!("is missing: there is no {what} to send a sample to"),
            );
        }
        Err(SampleError::Team(TeamError::Invalid { reason, .. })) => {
            page.wrong = Wrong::at("default_callback_url", &reason);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(render(&page).into_response())
}

fn shown(sample: Sample) -> Shown {
    let outcome = &sample.answer.outcome;
    let headline = match outcome.status() {
        Some(status) => format!("Answered {status}"),
        None => "No answer".to_owned(),
    };
    Shown {
        headline,
        took: span(sample.answer.timing.total_ms()),
        hint: sample.diagnosis.hint_with(outcome.location()).into_owned(),
        answer: String::from_utf8_lossy(&sample.answer.kept_body).into_owned(),
        body: pretty(&String::from_utf8_lossy(&sample.body)),
        sample,
    }
}
