//! What deliveries need to know about a team, ready to use, kept for a few seconds.

use crate::app::fresh::Fresh;
use crate::callback::bucket::Cloud;
use crate::callback::retry::Policy;
use crate::callback::signature::Secret;
use crate::callback::target::{Candidates, Provenance, UrlError, origin_of, parse_url, resolve};
use crate::callback::{Callback, CallbackId, Mode, TaskKey, TeamId, TimestampMs};
use crate::config::Delivery;
use crate::queue::{Entry, Origin};
use crate::records::secrets::{OldSecret, SecretKind};
use crate::records::teams::Team;
use crate::records::{Records, RecordsError};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A changed setting made elsewhere is seen after this at the latest.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// One team's settings. Secrets inside: no `Debug`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct TeamSettings {
    /// The team.
    pub id: TeamId,
    /// Its default callback URL.
    pub default_url: Option<String>,
    /// That one's origin, and its parts if it is a URL: most callbacks go there.
    default_origin: Origin,
    default_parts: Option<Url>,
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
    /// Nothing is delivered; what comes is held.
    pub is_paused: bool,
    /// Members may use API keys, too.
    pub members_use_keys: bool,
    /// The team's own budget of an attempt, milliseconds.
    pub attempt_timeout_ms: Option<u64>,
    /// Besides 401 and 403, the status by which an endpoint asks for the previous key.
    pub grace_status: Option<u16>,
    /// Where its large results go, if not into callbacks: a cloud, and what stands before
    /// their names.
    pub large_results: Option<(Cloud, String)>,
    /// What signs its callbacks: the secret in force, then perhaps the one it replaced.
    signing_secrets: Vec<Secret>,
    signing_grace_until: TimestampMs,
    live: AuthKeys,
    test: AuthKeys,
    always_live_auth: bool,
    /// By URL and mode: whether the endpoint took the new key.
    endpoint_keys: HashMap<(String, Mode), bool>,
}

/// A callback auth key, and perhaps the one it replaced with the end of its grace.
struct AuthKeys {
    current: String,
    previous: Option<(String, TimestampMs)>,
}

impl TeamSettings {
    /// The value of `scale-callback-auth`.
    #[must_use]
    pub fn callback_auth(&self, mode: Mode) -> &str {
        &self.auth_keys(mode).current
    }

    /// The key that the current one replaced, while it is still good.
    #[must_use]
    pub fn previous_callback_auth(&self, mode: Mode, now: TimestampMs) -> Option<&str> {
        let (key, until) = self.auth_keys(mode).previous.as_ref()?;
        (now < *until).then_some(key)
    }

    /// What signs callbacks at `now`: two secrets while the previous one is still good.
    #[must_use]
    pub fn signing_secrets(&self, now: TimestampMs) -> &[Secret] {
        if now < self.signing_grace_until {
            &self.signing_secrets
        } else {
            &self.signing_secrets[..1]
        }
    }

    /// Whose key callbacks of this mode bring.
    #[must_use]
    pub fn auth_mode(&self, mode: Mode) -> Mode {
        if self.always_live_auth {
            Mode::Live
        } else {
            mode
        }
    }

    /// Whether the endpoint took the new key when it was last asked; `None`: not known.
    #[must_use]
    pub fn took_new_key(&self, url: &str, mode: Mode) -> Option<bool> {
        let key = (url.to_owned(), self.auth_mode(mode));
        self.endpoint_keys.get(&key).copied()
    }

    /// The budget of one attempt, milliseconds.
    #[must_use]
    pub fn budget_ms(&self, delivery: &Delivery) -> u64 {
        let configured = delivery.attempt_timeout_ms;
        self.attempt_timeout_ms
            .unwrap_or(configured)
            .min(configured)
    }

    fn auth_keys(&self, mode: Mode) -> &AuthKeys {
        match self.auth_mode(mode) {
            Mode::Live => &self.live,
            Mode::Test => &self.test,
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

    /// The origin of a target.
    #[must_use]
    pub fn origin(&self, url: &str) -> Origin {
        if self.default_url.as_deref() == Some(url) {
            self.default_origin.clone()
        } else {
            origin_of(url)
        }
    }

    /// A target's parts, if it is a URL.
    ///
    /// # Errors
    /// As [`parse_url`].
    pub fn parts(&self, url: &str) -> Result<Cow<'_, Url>, UrlError> {
        match &self.default_parts {
            Some(parts) if self.default_url.as_deref() == Some(url) => Ok(Cow::Borrowed(parts)),
            _ => parse_url(url).map(Cow::Owned),
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
        // Boxed: it is rare, and large beside what attempts carry with them.
        let settings = Box::pin(self.read(team)).await?.map(Arc::new);
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
        // All of them: whether one is still good is asked at each attempt.
        let old = self.records.old_secrets(id, 0).await?;
        let endpoint_keys = if old.is_empty() {
            Vec::new()
        } else {
            self.records.endpoint_keys(id).await?
        };
        let keys = endpoint_keys.into_iter();
        let results = self.records.large_results(id).await?;
        let large_results = results.and_then(|(cloud, prefix)| {
            let cloud = Cloud::parse(&cloud)?;
            Some((cloud, prefix))
        });
        Ok(Some(TeamSettings {
            id: team.id.as_str().into(),
            live_project_urls: live_projects.into_iter().collect(),
            test_project_urls: test_projects.into_iter().collect(),
            paused: paused.into_iter().collect(),
            large_results,
            endpoint_keys: keys
                .map(|key| ((key.url, key.mode), key.takes_new))
                .collect(),
            ..self.of(team, old)
        }))
    }

    /// What the team's own row and its replaced secrets say.
    fn of(&self, team: Team, old: Vec<OldSecret>) -> TeamSettings {
        let parse = |secret: &str| {
            Secret::parse(secret).expect("only secrets made by the vault are stored")
        };
        let default_url = team.default_callback_url;
        let url = default_url.as_deref().unwrap_or_default();
        let mut settings = TeamSettings {
            id: team.id.as_str().into(),
            default_origin: origin_of(url),
            default_parts: parse_url(url).ok(),
            default_url,
            live_project_urls: HashMap::new(),
            test_project_urls: HashMap::new(),
            paused: HashSet::new(),
            latest_only: team.latest_only,
            policy: team.retry.unwrap_or(self.policy),
            is_paused: team.paused,
            members_use_keys: team.members_use_keys,
            attempt_timeout_ms: team.attempt_timeout_ms,
            grace_status: team.grace_status,
            large_results: None,
            signing_secrets: vec![parse(&team.signing_secret)],
            signing_grace_until: 0,
            live: AuthKeys::alone(team.live_callback_auth),
            test: AuthKeys::alone(team.test_callback_auth),
            always_live_auth: team.always_live_auth,
            endpoint_keys: HashMap::new(),
        };
        for old in old {
            match old.kind {
                SecretKind::LiveAuth => settings.live.previous = Some((old.secret, old.until_ms)),
                SecretKind::TestAuth => settings.test.previous = Some((old.secret, old.until_ms)),
                SecretKind::Signing => {
                    settings.signing_secrets.push(parse(&old.secret));
                    settings.signing_grace_until = old.until_ms;
                }
            }
        }
        settings
    }
}

impl AuthKeys {
    fn alone(current: String) -> Self {
        Self {
            current,
            previous: None,
        }
    }
}
