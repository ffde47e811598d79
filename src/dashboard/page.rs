//! What all pages share: the frame around them, who looks at them, and how they are sent.

use crate::access::{Action, Actor, TeamRules, permits};
use crate::api::caller::Caller;
use crate::api::error::ApiError;
use crate::app::App;
use crate::records::sessions::Person;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Html;
use std::sync::Arc;

/// A page of the dashboard as the list at its left names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Overview,
    Callbacks,
    Endpoints,
    Tasks,
    Projects,
    Batches,
    Team,
    Keys,
    Billing,
    Audit,
    /// Not in the list.
    Profile,
}

impl Room {
    const WORK: [Self; 6] = [
        Self::Overview,
        Self::Callbacks,
        Self::Endpoints,
        Self::Tasks,
        Self::Projects,
        Self::Batches,
    ];
    const ACCOUNT: [Self; 4] = [Self::Team, Self::Keys, Self::Billing, Self::Audit];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/dashboard/overview",
            Self::Callbacks => "/dashboard/callbacks",
            Self::Endpoints => "/dashboard/endpoints",
            Self::Tasks => "/dashboard/tasks",
            Self::Projects => "/dashboard/projects",
            Self::Batches => "/dashboard/batches",
            Self::Team => "/dashboard/team",
            Self::Keys => "/dashboard/keys",
            Self::Billing => "/dashboard/billing",
            Self::Audit => "/dashboard/audit",
            Self::Profile => "/dashboard/profile",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Callbacks => "Callbacks",
            Self::Endpoints => "Endpoints",
            Self::Tasks => "Tasks",
            Self::Projects => "Projects",
            Self::Batches => "Batches",
            Self::Team => "Your team",
            Self::Keys => "API keys",
            Self::Billing => "Billing",
            Self::Audit => "Audit log",
            Self::Profile => "Profile",
        }
    }

    /// What one must be permitted to see it listed; the same as its route's rule.
    fn action(self) -> Action {
        match self {
            Self::Overview | Self::Callbacks | Self::Endpoints => Action::SeeCallbacks,
            Self::Tasks | Self::Projects | Self::Batches => Action::SeeWork,
            Self::Team => Action::SeeTeam,
            Self::Keys => Action::UseKeys,
            Self::Billing => Action::ManageBilling,
            Self::Audit => Action::SeeAudit,
            Self::Profile => Action::ManageSelf,
        }
    }
}

/// Who looks at a page, and at whose.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) person: Arc<Person>,
    pub(super) team_name: String,
    pub(super) rules: TeamRules,
    /// Proves that a form was made for this session.
    pub(super) csrf: String,
}

impl std::ops::Deref for Visitor {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

impl Visitor {
    /// Whether they may: pages hide what their buttons would be refused.
    pub(super) fn may(&self, action: Action) -> bool {
        permits(Actor::Person(self.role), action, self.rules)
    }

    /// The frame around one of the rooms.
    pub(super) fn frame(&self, room: Room) -> Frame {
        Frame {
            visitor: self.clone(),
            room,
            notice: None,
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Caller::Person(person) = Caller::from_request_parts(parts, app).await? else {
            return Err(ApiError::Unauthorized);
        };
        let team = app.records.team(&person.team).await?;
        let team = team.ok_or(ApiError::NotFound("team"))?;
        Ok(Self {
            team_name: team.name,
            csrf: csrf(app, &person.session),
            person,
            rules: TeamRules {
                members_use_keys: team.members_use_keys,
            },
        })
    }
}

/// The token of a session's forms.
pub(super) fn csrf(app: &App, session: &str) -> String {
    app.records.digest(&format!("csrf|{session}"))
}

/// What is around a page.
pub(super) struct Frame {
    visitor: Visitor,
    pub(super) room: Room,
    /// What has just been done.
    pub(super) notice: Option<String>,
}

impl std::ops::Deref for Frame {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.visitor
    }
}

impl Frame {
    pub(super) fn with_notice(mut self, notice: Option<&str>) -> Self {
        self.notice = notice.map(str::to_owned);
        self
    }

    pub(super) fn work_rooms(&self) -> Vec<Room> {
        self.permitted(&Room::WORK)
    }

    pub(super) fn account_rooms(&self) -> Vec<Room> {
        self.permitted(&Room::ACCOUNT)
    }

    fn permitted(&self, rooms: &[Room]) -> Vec<Room> {
        let may = |room: &Room| self.may(room.action());
        rooms.iter().copied().filter(may).collect()
    }
}

/// A page as it is sent.
pub(super) fn render(page: &impl Template) -> Html<String> {
    Html(page.render().expect("templates only write into memory"))
}

/// JSON laid out for people.
pub(super) fn pretty(json: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(json).ok();
    value
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| json.to_owned())
}
