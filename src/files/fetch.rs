//! A file from a customer's URL, through the guard that every callback passes.

use crate::app::App;
use crate::callback::diagnosis::diagnose;
use crate::callback::target::parse_url;
use crate::callback::{Fault, Outcome};
use crate::delivery::client::Client;
use crate::files::{Details, FilesError, Owner, Upload, invalid, mime_type_of};
use crate::records::files::File;
use std::time::Duration;

const FIELD: &str = "file_url";

/// Fetches a file and keeps it.
///
/// # Errors
/// [`FilesError::Invalid`] says why nothing came from the URL.
pub async fn import(
    app: &App,
    owner: &Owner,
    url: &str,
    mut details: Details,
) -> Result<File, FilesError> {
    details.check(app, owner).await?;
    let url = parse_url(url).map_err(|error| invalid(FIELD, error.to_string()))?;
    let budget = Duration::from_millis(app.config.files.import_timeout_ms);
    let client = Client::open(app)?;
    let mut fetched = client.fetch(&url, budget).await.map_err(unfetched)?;
    if fetched.status != 200 {
        let reason = format!("answered {}; it must answer 200 itself", fetched.status);
        return Err(invalid(FIELD, reason));
    }
    details.mime_type = mime_type_of(fetched.content_type.as_deref(), url.path());
    let mut upload = Upload::begin(app, owner).await?;
    while let Some(bytes) = fetched.next().await.map_err(unfetched)? {
        upload.write(&bytes).await?;
    }
    upload.finish(details).await
}

/// Says what every callback's attempt would say, so that both are understood alike.
fn unfetched(fault: Fault) -> FilesError {
    let told = diagnose(&Outcome::Failed(fault));
    invalid(FIELD, format!("could not be fetched: {}", told.what))
}
