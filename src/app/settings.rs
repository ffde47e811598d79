//! What deliveries need to know about a team, ready to use, kept for a few seconds.

use crate::app::fresh::Fresh;
use crate::callback::retry::Policy;
use crate::callback::signature::Secret;
use crate::callback::target::{Candidates, Provenance, origin_of, resolve};
use crate::callback::{CallbackId, Mode, TaskKey, TeamId, TimestampMs};
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
    /// That one's origin: most callbacks go there.
    default_origin: Origin,
    /// Callback URLs of its projects, by name.
    pub project_urls: HashMap<String, String>,
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
    ) -> Option<(&'a str, Provenance)> {
        resolve(Candidates {
            task: url,
            project: project
                .and_then(|name| self.project_urls.get(name))
                .map(String::as_str),
            team_default: self.default_url.as_deref(),
        })
    }

    /// The origin of a target.
    #[must_use]
    pub fn origin(&self, url: &str) -> Origin {
        if self.default_url.as_deref() == Some(url) {
            self.default_origin.clone()
        } else {
            origin_of(url)
        }
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
            origin: target.map_or_else(Origin::default, |url| self.origin(url)),
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
        let projects = self.records.project_urls(id).await?;
        let paused = self.records.paused_endpoints(id).await?;
        let secret =
            Secret::parse(&team.signing_secret).expect("only secrets made by the vault are stored");
        Ok(Some(TeamSettings {
            id: team.id.as_str().into(),
            default_origin: origin_of(team.default_callback_url.as_deref().unwrap_or_default()),
            default_url: team.default_callback_url,
            project_urls: projects.into_iter().collect(),
            paused: paused.into_iter().collect(),
            latest_only: team.latest_only,
            policy: team.retry.unwrap_or(self.policy),
            signing_secrets: vec![secret],
            live_callback_auth: team.live_callback_auth,
            test_callback_auth: team.test_callback_auth,
        }))
    }
}
