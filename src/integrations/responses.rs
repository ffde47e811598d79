//! Large responses in their team's own bucket. One is written once; its callback then says the
//! same of it at every try: a URL of this gateway, which leads to the bucket for whoever holds
//! it. A URL that the cloud signed would be another at every try, and dead within the hour.

use crate::app::App;
use crate::callback::Callback;
use crate::callback::bucket::{Cloud, Trouble};
use crate::callback::oversize::Reference;
use crate::cloud::error::CloudError;
use crate::hex;
use crate::integrations::bucket;
use crate::records::RecordsError;
use crate::records::integrations::StoredResponse;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The name of an object below a prefix.
#[must_use]
pub fn key(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.to_owned(),
        prefix => format!("{prefix}/{name}"),
    }
}

/// Brings the response into the team's bucket, unless it is there already.
///
/// # Errors
/// [`CloudError`]: try again; it is written under the same name.
pub async fn store(
    app: &App,
    (cloud, prefix): (Cloud, &str),
    callback: &Callback,
    response: Bytes,
) -> Result<Reference, CloudError> {
    let busy = |error: RecordsError| CloudError::new(Trouble::Busy, error.to_string());
    let id = callback.id.to_string();
    let (names, bucket) = bucket(app, &callback.team, cloud).await?;
    let object = key(prefix, &format!("{id}.json"));
    let bucket_url = names.bucket_url();
    let stored = app.records.stored_response(&id).await.map_err(busy)?;
    let is_there = |stored: &StoredResponse| stored.bucket == bucket_url && stored.object == object;
    if let Some(stored) = stored.filter(is_there) {
        return Ok(reference(app, &stored));
    }
    let stored = StoredResponse {
        callback: id,
        team: callback.team.to_string(),
        cloud: cloud.as_str().to_owned(),
        bucket: bucket_url,
        object,
        bytes: response.len() as u64,
        sha256: hex::encode(&Sha256::digest(&response)),
    };
    bucket.put(&stored.object, response).await?;
    let now = app.clock.now();
    let noted = app.records.note_stored_response(&stored, now).await;
    noted.map_err(busy)?;
    Ok(reference(app, &stored))
}

fn reference(app: &App, stored: &StoredResponse) -> Reference {
    let id = &stored.callback;
    Reference {
        url: app.config.account.response_link(id, &signature(app, id)),
        bytes: stored.bytes,
        sha256: stored.sha256.clone(),
    }
}

/// Only this gateway can make it.
fn signature(app: &App, id: &str) -> String {
    app.records.digest(&format!("response|{id}"))
}

/// Why a response cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// There is none, or the signature is not its own.
    #[error("there is no such response")]
    Missing,
    /// The bucket does not let this gateway in.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Where a response can be read for a while, for whoever has its signed URL.
///
/// # Errors
/// [`ResponseError`] says whether to come again.
pub async fn location(app: &App, id: &str, given: &str) -> Result<String, ResponseError> {
    // Digests of digests: how far two agree tells nothing of either.
    let is_own = app.records.digest(given) == app.records.digest(&signature(app, id));
    let stored = if is_own {
        app.records.stored_response(id).await?
    } else {
        None
    };
    let stored = stored.ok_or(ResponseError::Missing)?;
    let cloud = Cloud::parse(&stored.cloud).ok_or(ResponseError::Missing)?;
    let (names, bucket) = bucket(app, &stored.team, cloud).await?;
    if names.bucket_url() != stored.bucket {
        return Err(ResponseError::Missing);
    }
    let url = bucket.signed_url(&stored.object, app.config.signed_url_valid());
    Ok(url.await?.to_string())
}
