//! A sample callback, sent now, so that a team sees what its endpoint gets and answers. Not
//! in the journal, not retried, and not counted as a delivery.

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::diagnosis::{Diagnosis, diagnose};
use crate::callback::email::is_address;
use crate::callback::target::Provenance;
use crate::callback::trace::TraceParent;
use crate::callback::{Callback, Health, Mode};
use crate::delivery::client::{Answer, Client, ClientError};
use crate::delivery::request::{self, AUTH, Sent};
use crate::delivery::transports::Transports;
use crate::mail::{MailError, Sender};
use crate::teams::{TeamError, check_target};
use bytes::Bytes;
use serde_json::json;

/// What came of a sample.
pub struct Sample {
    /// Where it went.
    pub url: String,
    /// The headers of the POST, secrets masked; a letter has none.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Bytes,
    /// What came back.
    pub answer: Answer,
    /// What that means, and what helps.
    pub diagnosis: Diagnosis,
}

/// Why no sample was sent.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The team or the URL.
    #[error(transparent)]
    Team(#[from] TeamError),
    /// The configuration forbids a client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The configuration forbids mail.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// Sends a sample with the team's secrets to this URL, or to its default one.
///
/// # Errors
/// [`SampleError::Team`] when there is no URL or it may not be dialled.
pub async fn send(
    app: &App,
    team: &str,
    mode: Mode,
    url: Option<String>,
) -> Result<Sample, SampleError> {
    let settings = app.team(team).await.map_err(TeamError::from)?;
    let settings = settings.ok_or(TeamError::Missing("team"))?;
    let url = url.or_else(|| settings.default_url.clone());
    let url = url.ok_or(TeamError::Missing("default callback URL"))?;
    check_target(app, "callback_url", &url)?;
    let callback = sample(app, &settings.id, mode);
    let sent = Sent {
        url: &url,
        provenance: Provenance::TeamDefault,
        number: 1,
        started_ms: app.clock.now(),
        spent_ms: 0,
        place: TraceParent::own(callback.id, app.spans.percent()).after(rand::random::<u64>() | 1),
    };
    // One of its own: connections of deliveries must not be warm only because of samples.
    let transports = Transports {
        http: Client::open(app)?,
        mail: Sender::open(&app.config)?,
    };
    let answer = transports.carry(app, &settings, &callback, &sent).await;
    Ok(Sample {
        headers: shown_headers(&settings, &callback, &sent),
        diagnosis: diagnose(&answer.outcome),
        body: callback.body,
        answer,
        url,
    })
}

impl Sample {
    /// Whether a real callback would count as delivered.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.answer.outcome.health() == Health::Well
    }
}

/// A letter has none of them.
fn shown_headers(
    settings: &TeamSettings,
    callback: &Callback,
    sent: &Sent<'_>,
) -> Vec<(String, String)> {
    if is_address(sent.url) {
        return Vec::new();
    }
    let headers = request::headers(settings, callback, sent);
    let shown = headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap_or_default();
        let value = if *name == AUTH {
            mask(value)
        } else {
            value.to_owned()
        };
        (name.as_str().to_owned(), value)
    });
    shown.collect()
}

/// A secret as lists show it: enough to tell two apart.
#[must_use]
pub fn mask(secret: &str) -> String {
    let end = secret.len().saturating_sub(4);
    format!("...{}", secret.get(end..).unwrap_or_default())
}

fn sample(app: &App, team: &crate::callback::TeamId, mode: Mode) -> Callback {
    const TASK: &str = "000000000000000000000000";
    let response = json!({"annotations": []});
    let body = json!({
        "task_id": TASK, "status": "completed", "response": response,
        "task": {
            "task_id": TASK, "type": "sample", "status": "completed", "response": response,
            "is_test": mode == Mode::Test, "metadata": {"sample": true},
        },
    });
    Callback {
        id: app.next_id(),
        team: team.clone(),
        event_id: "sample".to_owned(),
        task_id: TASK.to_owned(),
        project: None,
        mode,
        url: None,
        trace: None,
        body: body.to_string().into(),
        attempts: 0,
        forgiven: 0,
    }
}
