//! Coming in and going out: signing in, accepting an invitation, a new password for whoever
//! forgot theirs. These pages are for nobody in particular.

use crate::api::audit::{Peer, Signed, origin};
use crate::api::cookie;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Visitor, render};
use crate::people::PeopleError;
use crate::people::invitations::{self, Acceptance};
use crate::people::sign_in::{self, SignedIn};
use crate::records::users::Profile;
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

/// What links and redirects bring along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DoorQuery {
    /// Where one wanted to go.
    #[serde(default)]
    next: String,
    /// What the link of a letter holds.
    #[serde(default)]
    token: String,
    /// What has just been done.
    #[serde(default)]
    done: String,
}

#[derive(Template, Default)]
#[template(path = "sign_in.html")]
struct SignInPage {
    email: String,
    next: String,
    wrong: Option<String>,
    notice: Option<&'static str>,
}

#[derive(Template, Default)]
#[template(path = "accept.html")]
struct AcceptPage {
    token: String,
    email: String,
    team_name: String,
    role: &'static str,
    first_name: String,
    last_name: String,
    company: String,
    wrong: Wrong,
    is_good: bool,
}

#[derive(Template, Default)]
#[template(path = "forgot.html")]
struct ForgotPage {
    is_sent: bool,
    wrong: Option<String>,
}

#[derive(Template, Default)]
#[template(path = "reset.html")]
struct ResetPage {
    token: String,
    wrong: Option<String>,
}

/// The field at fault and why.
#[derive(Debug, Default)]
pub(super) struct Wrong(Option<(String, String)>);

impl Wrong {
    pub(super) fn at(field: &str, reason: &str) -> Self {
        Self(Some((field.to_owned(), reason.to_owned())))
    }

    /// What is wrong with this field, if it is this one.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        let (at, reason) = self.0.as_ref()?;
        (at == field).then_some(reason.as_str())
    }
}

/// Only to a page of ours: a link must not lead elsewhere.
fn destination(next: &str) -> &str {
    let is_ours = next.starts_with("/dashboard/") && !next.contains(['\\', '\r', '\n']);
    if is_ours { next } else { "/dashboard" }
}

/// In: the browser gets its cookie, the audit log its entry.
fn entered(app: &App, signed_in: &SignedIn, next: &str) -> Response {
    let kept_s = signed_in.expires_ms.saturating_sub(app.clock.now()) / 1000;
    let cookie = [(header::SET_COOKIE, cookie::set(&signed_in.token, kept_s))];
    let mut response = (cookie, Redirect::to(destination(next))).into_response();
    response
        .extensions_mut()
        .insert(Signed::by(&signed_in.user));
    response
}

pub(super) async fn show_sign_in(Query(query): Query<DoorQuery>) -> Html<String> {
    let notice = match query.done.as_str() {
        "password" => Some("Your password is changed. Sign in with the new one."),
        "out" => Some("You are signed out."),
        _ => None,
    };
    render(&SignInPage {
        next: query.next,
        notice,
        ..SignInPage::default()
    })
}

pub(super) async fn sign_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let (email, next) = (form.text("email"), form.text("next"));
    let password = form.exact("password").to_owned();
    let wrong = match sign_in::sign_in(&app, email, password, origin(peer, &headers)).await {
        Ok(signed_in) => return Ok(entered(&app, &signed_in, next)),
        Err(PeopleError::Records(error)) => return Err(error.into()),
        Err(error) => error.to_string(),
    };
    let page = SignInPage {
        email: email.to_owned(),
        next: next.to_owned(),
        wrong: Some(wrong),
        notice: None,
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

pub(super) async fn sign_out(
    visitor: Visitor,
    State(app): State<App>,
    _: Form,
) -> Result<Response, ApiError> {
    match sign_in::end_session(&app, &visitor.person, &visitor.session).await {
        // It ended a moment ago by itself, or from elsewhere.
        Ok(()) | Err(PeopleError::Missing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let cookie = [(header::SET_COOKIE, cookie::forget())];
    Ok((cookie, Redirect::to("/dashboard/sign-in?done=out")).into_response())
}

/// The form, filled with what is known.
async fn accept_page(app: &App, token: &str) -> Result<AcceptPage, ApiError> {
    let invite = app.records.invite_of(token, app.clock.now()).await?;
    let Some(invite) = invite else {
        return Ok(AcceptPage::default());
    };
    let team = app.records.team(&invite.team).await?;
    Ok(AcceptPage {
        token: token.to_owned(),
        email: invite.email,
        team_name: team.map_or_else(String::new, |team| team.name),
        role: invite.role.as_str(),
        is_good: true,
        ..AcceptPage::default()
    })
}

pub(super) async fn show_invite(
    State(app): State<App>,
    Query(query): Query<DoorQuery>,
) -> Result<Html<String>, ApiError> {
    Ok(render(&accept_page(&app, &query.token).await?))
}

pub(super) async fn accept(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let text = |name| form.text(name).to_owned();
    let acceptance = Acceptance {
        token: text("token"),
        profile: Profile {
            first_name: text("first_name"),
            last_name: text("last_name"),
            company: text("company"),
        },
        password: form.exact("password").to_owned(),
    };
    let wrong = match invitations::accept(&app, acceptance).await {
        Ok(user) => {
            let signed_in = sign_in::begin(&app, user, origin(peer, &headers)).await;
            let signed_in = signed_in.map_err(|_| ApiError::Unavailable)?;
            return Ok(entered(&app, &signed_in, ""));
        }
        Err(PeopleError::Invalid { field, reason }) => Wrong::at(field, &reason),
        Err(PeopleError::Records(error)) => return Err(error.into()),
        Err(error) => Wrong::at("token", &error.to_string()),
    };
    let page = AcceptPage {
        first_name: text("first_name"),
        last_name: text("last_name"),
        company: text("company"),
        wrong,
        ..accept_page(&app, form.text("token")).await?
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

pub(super) async fn show_forgot() -> Html<String> {
    render(&ForgotPage::default())
}

/// Says the same for every address.
pub(super) async fn forgot(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let email = form.text("email").to_owned();
    let page = match sign_in::request_reset(&app, email, origin(peer, &headers)).await {
        Ok(()) => ForgotPage {
            is_sent: true,
            wrong: None,
        },
        Err(PeopleError::Records(error)) => return Err(error.into()),
        Err(error) => ForgotPage {
            is_sent: false,
            wrong: Some(error.to_string()),
        },
    };
    Ok(render(&page).into_response())
}

pub(super) async fn show_reset(Query(query): Query<DoorQuery>) -> Html<String> {
    render(&ResetPage {
        token: query.token,
        wrong: None,
    })
}

pub(super) async fn reset(State(app): State<App>, form: Form) -> Result<Response, ApiError> {
    let token = form.text("token");
    let password = form.exact("password").to_owned();
    let wrong = match sign_in::reset_password(&app, token, password).await {
        Ok(user) => {
            let mut door = Redirect::to("/dashboard/sign-in?done=password").into_response();
            door.extensions_mut().insert(Signed::by(&user));
            return Ok(door);
        }
        Err(PeopleError::Records(error)) => return Err(error.into()),
        Err(PeopleError::Invalid { reason, .. }) => reason,
        Err(error) => error.to_string(),
    };
    let page = ResetPage {
        token: token.to_owned(),
        wrong: Some(wrong),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_one_stays_here() {
        assert_eq!(destination("/dashboard/team"), "/dashboard/team");
        for elsewhere in [
            "",
            "https://evil.example/dashboard/",
            "//evil.example/dashboard/",
            "/dashboard/\\evil",
            "/dashboard/a\r\nset-cookie: x",
            "/v1/tasks",
        ] {
            assert_eq!(destination(elsewhere), "/dashboard");
        }
    }
}
