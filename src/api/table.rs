//! The table of routes: each names what it does, and nobody gets past that rule. A route
//! without an [`Action`] cannot be written.

use crate::access::{Action, Actor, TeamRules, permits};
use crate::api::audit::Call;
use crate::api::caller::{Caller, identify};
use crate::api::error::ApiError;
use crate::app::App;
use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

/// A route as the tests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path with `{placeholders}`.
    pub path: &'static str,
    /// What it does.
    pub action: Action,
}

/// Routes in the making.
pub struct Table {
    app: App,
    router: Router<App>,
    routes: Vec<Route>,
}

impl Table {
    /// No routes yet.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self {
            app,
            router: Router::new(),
            routes: Vec::new(),
        }
    }

    /// Reads.
    #[must_use]
    pub fn get<T: 'static>(
        self,
        path: &'static str,
        action: Action,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.add(Method::GET, path, action, handler)
    }

    /// Creates or acts.
    #[must_use]
    pub fn post<T: 'static>(
        self,
        path: &'static str,
        action: Action,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.add(Method::POST, path, action, handler)
    }

    /// Sets.
    #[must_use]
    pub fn put<T: 'static>(
        self,
        path: &'static str,
        action: Action,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.add(Method::PUT, path, action, handler)
    }

    /// Removes.
    #[must_use]
    pub fn delete<T: 'static>(
        self,
        path: &'static str,
        action: Action,
        handler: impl Handler<T, App>,
    ) -> Self {
        self.add(Method::DELETE, path, action, handler)
    }

    fn add<T: 'static>(
        mut self,
        method: Method,
        path: &'static str,
        action: Action,
        handler: impl Handler<T, App>,
    ) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("a method of HTTP itself");
        let admitted =
            on(filter, handler).layer(from_fn_with_state((self.app.clone(), action), admit));
        self.router = self.router.route(path, admitted);
        self.routes.push(Route {
            method,
            path,
            action,
        });
        self
    }

    /// Every route with its rule.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes, ready to serve.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}

/// Before the handler and before the body is read: who is it, and may they?
async fn admit(
    State((app, action)): State<(App, Action)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match identify(&app, request.headers(), request.uri().path()).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    let (method, uri) = (request.method(), request.uri());
    let call = Call::new(action, &caller, method, uri, request.extensions());
    let response = match admitted(&app, action, &caller).await {
        Ok(()) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    // In the log before the answer goes out.
    let entry = call.and_then(|call| call.entry(&response, app.clock.now()));
    if let Some(entry) = entry
        && !app.audit(entry).await
    {
        app.metrics.audit_missed_total.inc();
    }
    response
}

async fn admitted(app: &App, action: Action, caller: &Caller) -> Result<(), ApiError> {
    if let Some(bucket) = caller.bucket() {
        let counted = app.count_request(&bucket);
        counted.map_err(|wait_s| ApiError::TooManyRequests { wait_s })?;
    }
    let rules = rules(app, caller).await?;
    let actor = caller.actor();
    if permits(actor, action, rules) {
        return Ok(());
    }
    // Producers and customers do not know each other's routes: a key of one is none there.
    let is_stranger = matches!(actor, Actor::Nobody | Actor::Producer);
    Err(
        if is_stranger || matches!(action, Action::Labelling | Action::Operate) {
            ApiError::Unauthorized
        } else {
            ApiError::Forbidden
        },
    )
}

/// What the caller's team decided about its people.
async fn rules(app: &App, caller: &Caller) -> Result<TeamRules, ApiError> {
    let settings = match caller {
        Caller::Person(person) => app.team(&person.team).await?,
        Caller::Nobody | Caller::Producer(_) | Caller::Key(_) => None,
    };
    Ok(TeamRules {
        members_use_keys: settings.is_some_and(|settings| settings.members_use_keys),
    })
}
