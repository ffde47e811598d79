//! *Test connection*: is let in, lists, reads, and writes where large results go. What comes of
//! it is told in words, with one fix.

use crate::app::App;
use crate::callback::bucket::{Cloud, Trouble};
use crate::callback::diagnosis;
use crate::cloud::Bucket;
use crate::cloud::error::CloudError;
use crate::integrations::fixes::fix;
use crate::integrations::{IntegrationsError, entered, large_results};
use bytes::Bytes;

/// An object that is not there: whoever may read is told so, everybody else is refused.
const NOBODYS: &str = "ringback-connection-test-of-an-object-that-is-not-there";
/// What a test writes.
const WRITTEN: &str = "ringback-connection-test.txt";

/// What a test came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// What was wrong; `None`: everything works.
    pub trouble: Option<Trouble>,
    /// What was being done last.
    pub step: &'static str,
    /// What happened, in a sentence or two.
    pub what: String,
    /// What to do about it; empty when nothing is wrong.
    pub fix: String,
    /// The cloud's own words or code; empty when nothing is wrong.
    pub said: String,
}

/// A step that failed.
type Failed = (&'static str, CloudError);

/// Tries the team's integration with this cloud.
///
/// # Errors
/// [`IntegrationsError::Missing`] when it is not set up.
pub async fn run(app: &App, team: &str, cloud: Cloud) -> Result<Trial, IntegrationsError> {
    let entered = entered(app, team, cloud).await?;
    let entered = entered.ok_or(IntegrationsError::Missing("integration"))?;
    let place = entered.names.place(&entered.identity.external_id);
    let results = large_results(&entered.identity).filter(|(to, _)| *to == cloud);
    let prefix = results.as_ref().map(|(_, prefix)| prefix.as_str());
    // Anew: what was just changed at the cloud must count.
    let tried = match app.clouds.fresh_bucket(&place) {
        Ok(bucket) => attempt(&bucket, prefix).await,
        Err(error) => Err(("being let in", error)),
    };
    let trial = match tried {
        Ok(what) => Trial {
            trouble: None,
            step: "done",
            what,
            fix: String::new(),
            said: String::new(),
        },
        Err(failed) => told(cloud, failed),
    };
    let code = trial.trouble.map_or("works", Trouble::code);
    let (named, now) = ((cloud.as_str(), entered.text.as_str()), app.clock.now());
    let records = &app.records;
    records
        .note_integration_test(team, named, code, now)
        .await?;
    Ok(trial)
}

async fn attempt(bucket: &Bucket, results_prefix: Option<&str>) -> Result<String, Failed> {
    let at = |step| move |error| (step, error);
    let found = bucket.some_object("").await.map_err(at("listing"))?;
    let what = match found {
        Some((key, _)) => {
            bucket.try_reading(&key).await.map_err(at("reading"))?;
            format!("The bucket was listed, and {key} was read.")
        }
        None => match bucket.try_reading(NOBODYS).await {
            Err(error) if error.trouble == Trouble::NoObject => {
                "The bucket was listed; it is empty, and reading it is permitted.".to_owned()
            }
            Err(error) => return Err(("reading", error)),
            Ok(()) => "The bucket was listed and read.".to_owned(),
        },
    };
    let Some(prefix) = results_prefix else {
        return Ok(what);
    };
    let key = super::responses::key(prefix, WRITTEN);
    let text = Bytes::from_static(b"Ringback could write here. You may delete this.\n");
    bucket.put(&key, text).await.map_err(at("writing"))?;
    Ok(format!("{what} {key} was written."))
}

fn told(cloud: Cloud, (step, error): Failed) -> Trial {
    // Nobody is let in before they ask for something.
    let step = match error.trouble {
        Trouble::NotTrusted | Trouble::Gateway => "being let in",
        _ => step,
    };
    let known = diagnosis::from_code(error.trouble.code());
    let what = known.map_or("", |known| known.what);
    let mut fix = fix(cloud, error.trouble).to_owned();
    if let Some(region) = error.region.filter(|_| error.trouble == Trouble::Region) {
        fix = format!("Set the region to {region}: the bucket is there.");
    }
    Trial {
        trouble: Some(error.trouble),
        step,
        what: format!("{what} It failed while {step}."),
        fix,
        said: error.said,
    }
}
