//! The team's integrations with clouds: what to paste, what to name, whether it works.

use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::bucket::{Cloud, Trouble};
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::moment;
use crate::integrations::names::fields;
use crate::integrations::policies::Paste;
use crate::integrations::trial::{self, Trial};
use crate::integrations::{self, CloudView, IntegrationsError, Overview};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "integrations.html")]
struct IntegrationsPage {
    frame: Frame,
    external_id: String,
    cards: Vec<Card>,
    /// The cloud that large results go to; empty: none.
    results_cloud: String,
    results_prefix: String,
    inline_max: String,
    wrong: Wrong,
}

/// One cloud.
struct Card {
    cloud: Cloud,
    is_offered: bool,
    is_set_up: bool,
    fields: Vec<Field>,
    pastes: Vec<Paste>,
    tested: Option<TestedShown>,
    /// The test that was just made.
    trial: Option<Trial>,
    /// What is wrong is said at this card.
    is_wrong: bool,
}

struct Field {
    name: &'static str,
    label: &'static str,
    hint: String,
    value: String,
}

struct TestedShown {
    when: String,
    trouble: Option<Trouble>,
}

/// What redirects bring along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "saved" => "Saved. Test the connection next.",
        "removed" => "Removed. Take the access away at your cloud, too.",
        "results" => "Saved: it counts for every result that is delivered from now on.",
        _ => return None,
    })
}

/// Label and hint of a field.
fn words(field: &str, short_id: &str) -> (&'static str, String) {
    let (label, hint) = match field {
        "role_arn" => (
            "Role ARN",
            "Such as arn:aws:iam::123456789012:role/ringback.",
        ),
        "region" => ("Region of the bucket", "Such as eu-central-1."),
        "bucket" => ("Bucket", "Its name, without s3:// or gs://."),
        "service_account" => {
            let hint = format!(
                "Such as ringback-{short_id}@your-project.iam.gserviceaccount.com: {short_id} must \
                 stand before the @."
            );
            return ("Service account", hint);
        }
        "tenant_id" => ("Tenant ID", "A UUID, in Microsoft Entra under Overview."),
        "account" => ("Storage account", "Its name alone."),
        _ => ("Container", "Its name alone."),
    };
    (label, hint.to_owned())
}

fn card(app: &App, view: CloudView, short_id: &str) -> Card {
    let now = app.clock.now();
    let field = |name: &&'static str| {
        let (label, hint) = words(name, short_id);
        let value = view.names.as_ref().map_or("", |names| names.get(name));
        Field {
            name,
            label,
            hint,
            value: value.to_owned(),
        }
    };
    Card {
        fields: fields(view.cloud).iter().map(field).collect(),
        is_offered: view.is_offered,
        is_set_up: view.names.is_some(),
        tested: view.tested.map(|tested| TestedShown {
            when: moment(tested.at, now),
            trouble: tested.trouble,
        }),
        pastes: view.pastes,
        trial: None,
        is_wrong: false,
        cloud: view.cloud,
    }
}

async fn page(app: &App, visitor: &Visitor) -> Result<IntegrationsPage, ApiError> {
    let overview = integrations::overview(app, &visitor.team).await?;
    let Overview {
        external_id,
        short_id,
        large_results,
        clouds,
    } = overview;
    let (results_cloud, results_prefix) = large_results.map_or_else(
        || (String::new(), "ringback".to_owned()),
        |(cloud, prefix)| (cloud.as_str().to_owned(), prefix),
    );
    let cards = clouds.into_iter().map(|view| card(app, view, &short_id));
    let inline_kib = app.config.integrations.results_inline_bytes_max / 1024;
    Ok(IntegrationsPage {
        frame: visitor.frame(Room::Integrations),
        external_id,
        cards: cards.collect(),
        results_cloud,
        results_prefix,
        inline_max: if inline_kib >= 1024 {
            format!("{} MiB", inline_kib / 1024)
        } else {
            format!("{inline_kib} KiB")
        },
        wrong: Wrong::default(),
    })
}

impl IntegrationsPage {
    fn card(&mut self, cloud: Cloud) -> Option<&mut Card> {
        self.cards.iter_mut().find(|card| card.cloud == cloud)
    }

    /// Those that large results may go to.
    fn set_up(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(|card| card.is_set_up)
    }
}

fn cloud(text: &str) -> Result<Cloud, ApiError> {
    Cloud::parse(text).ok_or(ApiError::NotFound("cloud"))
}

fn done(what: &str) -> Response {
    Redirect::to(&format!("/dashboard/integrations?done={what}")).into_response()
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

pub(super) async fn save(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, ApiError> {
    let cloud = cloud(&name)?;
    let given = |field| form.text(field).to_owned();
    let (field, reason) = match integrations::save(&app, &visitor.team, cloud, given).await {
        Ok(()) => return Ok(done("saved")),
        Err(IntegrationsError::Invalid { field, reason }) => (field, reason),
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&app, &visitor).await?;
    page.wrong = Wrong::at(field, &reason);
    if let Some(card) = page.card(cloud) {
        card.is_wrong = true;
        for field in &mut card.fields {
            form.text(field.name).clone_into(&mut field.value);
        }
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

pub(super) async fn test(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    _: Form,
) -> Result<Html<String>, ApiError> {
    let cloud = cloud(&name)?;
    let trial = trial::run(&app, &visitor.team, cloud).await?;
    let mut page = page(&app, &visitor).await?;
    if let Some(card) = page.card(cloud) {
        card.trial = Some(trial);
    }
    Ok(render(&page))
}

pub(super) async fn remove(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    integrations::remove(&app, &visitor.team, cloud(&name)?).await?;
    Ok(done("removed"))
}

/// Where large results go.
pub(super) async fn save_results(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let (name, prefix) = (form.text("cloud"), form.text("prefix"));
    let to = Cloud::parse(name).map(|cloud| (cloud, prefix));
    let saved = integrations::set_large_results(&app, &visitor.team, to).await;
    let (field, reason) = match saved {
        Ok(()) => return Ok(done("results")),
        Err(IntegrationsError::Invalid { field, reason }) => (field, reason),
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&app, &visitor).await?;
    page.wrong = Wrong::at(field, &reason);
    name.clone_into(&mut page.results_cloud);
    prefix.clone_into(&mut page.results_prefix);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}
