//! Customers' buckets: who may be let in, how to let this gateway in, whether it works, and
//! what of it attachments and large results need. Who may ask is decided before, by `access`.

pub mod attachments;
pub mod fixes;
pub mod names;
pub mod policies;
pub mod responses;
pub mod trial;

use crate::app::App;
use crate::callback::TimestampMs;
use crate::callback::bucket::{Cloud, Trouble};
use crate::cloud::Bucket;
use crate::cloud::error::CloudError;
use crate::integrations::names::{Illegal, Names};
use crate::integrations::policies::{Customer, Operator, Paste, pastes};
use crate::records::RecordsError;
use crate::records::integrations::{Identity, Integration};

/// Why an integration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationsError {
    /// A name is not legal: the text says what would be.
    #[error("{field} {reason}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is none.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<Illegal> for IntegrationsError {
    fn from(Illegal { field, reason }: Illegal) -> Self {
        Self::Invalid { field, reason }
    }
}

/// All of a team's integrations.
#[derive(Debug)]
pub struct Overview {
    /// What tells them apart from other teams'.
    pub external_id: String,
    /// What the name of a service account must hold.
    pub short_id: String,
    /// Where large results go, if anywhere: a cloud and a prefix.
    pub large_results: Option<(Cloud, String)>,
    /// One a cloud.
    pub clouds: Vec<CloudView>,
}

/// A team's integration with one cloud.
#[derive(Debug)]
pub struct CloudView {
    /// Which cloud.
    pub cloud: Cloud,
    /// Whether the operator offers it.
    pub is_offered: bool,
    /// What the team named, once it did.
    pub names: Option<Names>,
    /// What the last test came to.
    pub tested: Option<Tested>,
    /// How to let this gateway in.
    pub pastes: Vec<Paste>,
}

/// What a test came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// When.
    pub at: TimestampMs,
    /// What was wrong; `None`: it works.
    pub trouble: Option<Trouble>,
}

/// All of the team's integrations, with what to paste for each.
///
/// # Errors
/// [`RecordsError`] when the records do not answer.
pub async fn overview(app: &App, team: &str) -> Result<Overview, RecordsError> {
    let identity = app.records.integration_identity(team).await?;
    let stored = app.records.integrations(team).await?;
    let results = large_results(&identity);
    let view = |cloud: Cloud| {
        let stored = stored.iter().find(|it| it.cloud == cloud.as_str());
        view(app, cloud, &identity, stored)
    };
    Ok(Overview {
        clouds: Cloud::ALL.into_iter().map(view).collect(),
        external_id: identity.external_id,
        short_id: identity.short_id,
        large_results: results,
    })
}

fn large_results(identity: &Identity) -> Option<(Cloud, String)> {
    let (cloud, prefix) = identity.results.as_ref()?;
    Some((Cloud::parse(cloud)?, prefix.clone()))
}

fn view(app: &App, cloud: Cloud, identity: &Identity, stored: Option<&Integration>) -> CloudView {
    let settings = &app.config.integrations;
    let names = stored.and_then(read);
    let results = large_results(identity).filter(|(to, _)| *to == cloud);
    let operator = Operator {
        aws_account: &settings.aws.account_id,
        google_account: app.clouds.google_account().unwrap_or_default(),
        azure_application: &settings.azure.application_id,
    };
    let customer = Customer {
        external_id: &identity.external_id,
        short_id: &identity.short_id,
        names: names.as_ref(),
        results_prefix: results.as_ref().map(|(_, prefix)| prefix.as_str()),
    };
    let is_offered = app.clouds.has(cloud);
    CloudView {
        cloud,
        is_offered,
        pastes: if is_offered {
            pastes(cloud, operator, customer)
        } else {
            Vec::new()
        },
        tested: stored
            .and_then(|stored| stored.tested.as_ref())
            .map(|(at, code)| Tested {
                at: *at,
                trouble: Trouble::from_code(code),
            }),
        names,
    }
}

fn read(stored: &Integration) -> Option<Names> {
    serde_json::from_str(&stored.names).ok()
}

/// Sets what the team names at a cloud. The last test no longer counts.
///
/// # Errors
/// [`IntegrationsError::Invalid`] names the field.
pub async fn save(
    app: &App,
    team: &str,
    cloud: Cloud,
    given: impl Fn(&'static str) -> String,
) -> Result<(), IntegrationsError> {
    if !app.clouds.has(cloud) {
        return Err(IntegrationsError::Invalid {
            field: "cloud",
            reason: "is not offered by the operator of this gateway".to_owned(),
        });
    }
    let identity = app.records.integration_identity(team).await?;
    let names = Names::parse(cloud, given, &identity.short_id)?;
    let text = serde_json::to_string(&names).expect("names are always JSON");
    let now = app.clock.now();
    let set = (cloud.as_str(), text.as_str());
    app.records.put_integration(team, set, now).await?;
    Ok(())
}

/// Removes an integration. Large results that went there are delivered whole again.
///
/// # Errors
/// [`IntegrationsError::Missing`] when there is none.
pub async fn remove(app: &App, team: &str, cloud: Cloud) -> Result<(), IntegrationsError> {
    let removed = app.records.remove_integration(team, cloud.as_str()).await?;
    app.forget_team(team);
    if removed {
        Ok(())
    } else {
        Err(IntegrationsError::Missing("integration"))
    }
}

/// Sets where large results go: into the team's bucket at a cloud, below a prefix; `None`:
/// they are delivered whole.
///
/// # Errors
/// [`IntegrationsError::Invalid`] when the team has no such integration, or the prefix is not
/// legal.
pub async fn set_large_results(
    app: &App,
    team: &str,
    to: Option<(Cloud, &str)>,
) -> Result<(), IntegrationsError> {
    if let Some((_, prefix)) = to {
        names::check_prefix(prefix)?;
    }
    // So that there is a row to change.
    app.records.integration_identity(team).await?;
    let to = to.map(|(cloud, prefix)| (cloud.as_str(), prefix));
    let set = app.records.set_large_results(team, to).await?;
    app.forget_team(team);
    if set {
        return Ok(());
    }
    Err(IntegrationsError::Invalid {
        field: "cloud",
        reason: "must be one whose integration is set up".to_owned(),
    })
}

/// A team's bucket at a cloud, and what the team named.
struct Entered {
    names: Names,
    identity: Identity,
    /// As stored.
    text: String,
}

/// What the team named at this cloud.
async fn entered(app: &App, team: &str, cloud: Cloud) -> Result<Option<Entered>, RecordsError> {
    let stored = app.records.integrations(team).await?;
    let stored = stored.into_iter().find(|it| it.cloud == cloud.as_str());
    let Some((stored, names)) = stored.and_then(|stored| {
        let names = read(&stored)?;
        Some((stored, names))
    }) else {
        return Ok(None);
    };
    Ok(Some(Entered {
        names,
        identity: app.records.integration_identity(team).await?,
        text: stored.names,
    }))
}

/// The team's open bucket at this cloud.
async fn bucket(app: &App, team: &str, cloud: Cloud) -> Result<(Names, Bucket), CloudError> {
    let entered = entered(app, team, cloud).await;
    let entered = entered.map_err(|error| CloudError::new(Trouble::Busy, error.to_string()))?;
    let entered = entered.ok_or_else(|| CloudError::new(Trouble::NotSetUp, ""))?;
    let place = entered.names.place(&entered.identity.external_id);
    Ok((entered.names, app.clouds.bucket(&place)?))
}
