//! What deliveries need to know about a team, ready to use, kept for a few seconds.

use crate::app::fresh::Fresh;
use crate::callback::retry::Policy;
use crate::callback::signature::Secret;
use crate::callback::target::{Candidates, Provenance, origin_of, resolve};
use crate::callback::{Callback, CallbackId, Mode, TaskKey, TeamId, TimestampMs};
use crate::queue::{Entry, Origin};
use crate::records::{Records, RecordsError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A changed setting made elsewhere is seen after this at the latest.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// One team's settings. Secrets inside: no `Debug`.
pub struct TeamSettings {
    /// The team.
    pub id: TeamId,
    /// Its default callback URL.
    pub default_url: Option<String>,
    /// Callback URLs of its projects, by name.
    pub live_project_urls: HashMap<String, String>,
    /// Those of its test projects.
    pub test_project_urls: HashMap<String, String>,
    /// Endpoints that answered 410.
    pub paused: HashSet<String>,
    /// A newer callback of a task supersedes waiting ones.
    pub latest_only: bool,
    /// How its callbacks are retried.
    pub policy: Policy,
    /// What signs its callbacks.
    pub signing_secrets: Vec<Secret>,
    live_callback_auth: String,
    test_callback_auth: String,
}

impl TeamSettings {
    /// The value of `scale-callback-auth`.
    #[must_use]
    pub fn callback_auth(&self, mode: Mode) -> &str {
        match mode {
            Mode::Live => &self.live_callback_auth,
            Mode::Test => &self.test_callback_auth,
        }
    }

    /// Where a callback goes now and why; `None` when it must be held.
    #[must_use]
    pub fn target<'a>(
        &'a self,
        url: Option<&'a str>,
        project: Option<&str>,
        mode: Mode,
    ) -> Option<(&'a str, Provenance)> {
        let project_urls = match mode {
            Mode::Live => &self.live_project_urls,
            Mode::Test => &self.test_project_urls,
        };
        resolve(Candidates {
            task: url,
            project: project
                .and_then(|name| project_urls.get(name))
                .map(String::as_str),
            team_default: self.default_url.as_deref(),
        })
    }

    /// [`TeamSettings::target`] of a callback.
    #[must_use]
    pub fn target_of<'a>(&'a self, callback: &'a Callback) -> Option<(&'a str, Provenance)> {
        let (url, project) = (callback.url.as_deref(), callback.project.as_deref());
        self.target(url, project, callback.mode)
    }

    /// A callback's entry in the queue.
    #[must_use]
    pub fn entry(
        &self,
        id: CallbackId,
        task_id: &str,
        target: Option<&str>,
        due: TimestampMs,
        held: bool,
    ) -> Entry {
        Entry {
            id,
            team: self.id.clone(),
            origin: target.map_or_else(Origin::default, origin_of),
            task: TaskKey::of(&self.id, task_id),
            due,
            latest_only: self.latest_only,
            held,
        }
    }
}

/// Settings by team; clones share them.
#[derive(Clone)]
pub(super) struct Settings {
    records: Records,
    policy: Policy,
    kept: Fresh<Arc<TeamSettings>>,
}

impl Settings {
    pub(super) fn new(records: Records, policy: Policy) -> Self {
        let kept = Fresh::new(FRESH_FOR);
        Self {
            records,
            policy,
            kept,
        }
    }

    pub(super) async fn get(&self, team: &str) -> Result<Option<Arc<TeamSettings>>, RecordsError> {
        if let Some(settings) = self.kept.get(team) {
            return Ok(Some(settings));
        }
        let asked = Instant::now();
        let settings = self.read(team).await?.map(Arc::new);
        Ok(settings.map(|settings| self.kept.put(team.to_owned(), settings, asked)))
    }

    pub(super) fn forget(&self, team: &str) {
        self.kept.forget(team);
    }

    async fn read(&self, id: &str) -> Result<Option<TeamSettings>, RecordsError> {
        let Some(team) = self.records.team(id).await? else {
            return Ok(None);
        };
        let live_projects = self.records.project_urls(id, Mode::Live).await?;
        let test_projects = self.records.project_urls(id, Mode::Test).await?;
        let paused = self.records.paused_endpoints(id).await?;
        let secret =
            Secret::parse(&team.signing_secret).expect("only secrets made by the vault are stored");
        Ok(Some(TeamSettings {
            id: team.id.as_str().into(),
            default_url: team.default_callback_url,
            live_project_urls: live_projects.into_iter().collect(),
            test_project_urls: test_projects.into_iter().collect(),
            paused: paused.into_iter().collect(),
            latest_only: team.latest_only,
            policy: team.retry.unwrap_or(self.policy),
            signing_secrets: vec![secret],
            live_callback_auth: team.live_callback_auth,
            test_callback_auth: team.test_callback_auth,
        }))
    }
}
