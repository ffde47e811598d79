//! Customers' files: taken whole or not at all, found again by their `scaledata://` URLs,
//! deleted when no task names them. Below the API, so that a page can do the same.

mod fetch;
mod mime;
mod tend;

pub use fetch::import;
pub use mime::mime_type_of;
pub use tend::{run, tend};

use crate::app::App;
use crate::blobs::{Blobs, BlobsError, Writer};
use crate::callback::{Mode, TeamId, TimestampMs};
use crate::delivery::client::ClientError;
use crate::hex;
use crate::records::RecordsError;
use crate::records::files::{File, FileFilter};
use crate::records::world::{World, looks_like_an_id, new_id};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest reference and name, in characters.
const NAME_CHARS_MAX: usize = 255;
/// Largest metadata as JSON text, bytes, as of a task.
const METADATA_BYTES_MAX: usize = 10_240;
/// What the URL of a file begins with.
const SCHEME: &str = "scaledata://";

/// Whose file it is or will be.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The team.
    pub team: TeamId,
    /// Its live or its test side.
    pub mode: Mode,
}

impl Owner {
    /// As the records ask for it.
    #[must_use]
    pub fn world(&self) -> World<'_> {
        World {
            team: &self.team,
            mode: self.mode,
        }
    }
}

/// What a customer says of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// The project it is for.
    pub project_name: Option<String>,
    /// The customer's own id for it, taken once.
    pub reference_id: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
    /// Anything.
    pub metadata: Option<Map<String, Value>>,
    /// What kind of file it is.
    pub mime_type: String,
}

/// Why a file was not taken, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A field is wrong.
    #[error("{field} {reason}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Another file has this reference.
    #[error("reference_id {0:?} is taken")]
    Taken(String),
    /// It exceeds this many bytes.
    #[error("the file exceeds {0} bytes")]
    TooLarge(u64),
    /// The configuration forbids a client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The bytes cannot be kept or read.
    #[error(transparent)]
    Blobs(#[from] BlobsError),
}

fn invalid(field: &'static str, reason: impl Into<String>) -> FilesError {
    FilesError::Invalid {
        field,
        reason: reason.into(),
    }
}

impl Details {
    /// Refuses what can be refused before any byte was read.
    ///
    /// # Errors
    /// [`FilesError`] names the field.
    pub async fn check(&self, app: &App, owner: &Owner) -> Result<(), FilesError> {
        for (field, text) in [
            ("reference_id", &self.reference_id),
            ("display_name", &self.display_name),
            ("project_name", &self.project_name),
        ] {
            let Some(text) = text else { continue };
            if text.is_empty() || text.chars().count() > NAME_CHARS_MAX {
                let reason = format!("must be from 1 to {NAME_CHARS_MAX} characters long");
                return Err(invalid(field, reason));
            }
            if text.contains('\0') {
                return Err(invalid(
                    field,
                    "holds the character U+0000, which no text may",
                ));
            }
        }
        if self
            .metadata_text()
            .is_some_and(|text| text.len() > METADATA_BYTES_MAX)
        {
            let reason = format!("must not exceed {METADATA_BYTES_MAX} bytes as JSON");
            return Err(invalid("metadata", reason));
        }
        if let Some(name) = &self.project_name
            && app
                .records
                .project_at(owner.world(), name, None)
                .await?
                .is_none()
        {
            let reason = "names no project of this account and mode";
            return Err(invalid("project_name", reason));
        }
        if let Some(reference) = &self.reference_id {
            let filter = FileFilter {
                reference_id: Some(reference.clone()),
                limit: 1,
                ..FileFilter::default()
            };
            if !app.records.files(owner.world(), &filter).await?.is_empty() {
                return Err(FilesError::Taken(reference.clone()));
            }
        }
        Ok(())
    }

    fn metadata_text(&self) -> Option<String> {
        let metadata = self.metadata.clone()?;
        Some(Value::Object(metadata).to_string())
    }
}

/// A file on its way in. Dropped before [`Upload::finish`], it leaves nothing that anybody
/// sees, and what nobody sees is deleted later.
pub struct Upload {
    app: App,
    owner: Owner,
    id: String,
    created_ms: TimestampMs,
    writer: Writer,
    digest: Sha256,
    size_bytes: u64,
}

impl Upload {
    /// Begins to take a file; waits while too many others are taken.
    ///
    /// # Errors
    /// [`FilesError::Invalid`] when no files are kept here.
    pub async fn begin(app: &App, owner: &Owner) -> Result<Self, FilesError> {
        let now = app.clock.now();
        let id = new_id(now, rand::random());
        let writer = blobs(app)?.write(&owner.team, &id).await?;
        app.records.begin_file(owner.world(), &id, now).await?;
        Ok(Self {
            app: app.clone(),
            owner: owner.clone(),
            id,
            created_ms: now,
            writer,
            digest: Sha256::new(),
            size_bytes: 0,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`FilesError::TooLarge`], or the store does not answer: give the file up.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.size_bytes += bytes.len() as u64;
        let max = self.app.config.files.file_bytes_max;
        if self.size_bytes > max {
            return Err(FilesError::TooLarge(max));
        }
        self.digest.update(bytes);
        Ok(self.writer.write(bytes).await?)
    }

    /// All bytes came: keeps them, then says that the file is there.
    ///
    /// # Errors
    /// [`FilesError::Taken`] when another file got the reference meanwhile.
    pub async fn finish(self, details: Details) -> Result<File, FilesError> {
        if self.size_bytes == 0 {
            return Err(invalid("file", "is empty"));
        }
        details.check(&self.app, &self.owner).await?;
        self.writer.finish().await?;
        let file = File {
            id: self.id,
            metadata: details.metadata_text(),
            reference_id: details.reference_id,
            display_name: details.display_name,
            mime_type: details.mime_type,
            size_bytes: self.size_bytes,
            sha256: hex::encode(&self.digest.finalize()),
            project: details.project_name,
            created_ms: self.created_ms,
            stored_ms: self.app.clock.now(),
        };
        match self.app.records.finish_file(&file).await {
            Ok(()) => Ok(file),
            Err(RecordsError::Exists(_)) => {
                let reference = file.reference_id.unwrap_or_default();
                Err(FilesError::Taken(reference))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn blobs(app: &App) -> Result<&Blobs, FilesError> {
    let kept = app.blobs.as_ref();
    kept.ok_or_else(|| {
        invalid(
            "file",
            "cannot be kept here: the operator has not set files.url; name a URL instead",
        )
    })
}

/// The URL by which tasks name a file.
#[must_use]
pub fn url_of(team: &str, id: &str) -> String {
    format!("{SCHEME}{team}/{id}")
}

/// Every file that these parameters of a task name is kept from now on.
///
/// # Errors
/// [`FilesError::Invalid`] names the first URL that stands for no file of this owner.
pub async fn use_files(
    app: &App,
    world: World<'_>,
    params: &Map<String, Value>,
) -> Result<(), FilesError> {
    let mut urls = Vec::new();
    params.values().for_each(|value| collect(value, &mut urls));
    for url in urls {
        let path = url.trim_start_matches(SCHEME);
        let id = path
            .strip_prefix(world.team)
            .and_then(|id| id.strip_prefix('/'));
        let known = match id.filter(|id| looks_like_an_id(id)) {
            Some(id) => app.records.use_file(world, id, app.clock.now()).await?,
            None => false,
        };
        if !known {
            let reason = format!("names no file of yours: {url:?}; upload it first");
            return Err(invalid("attachment", reason));
        }
    }
    Ok(())
}

/// Parameters are no deeper than a body may be.
fn collect<'a>(value: &'a Value, urls: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.starts_with(SCHEME) => urls.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, urls)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, urls)),
        _ => {}
    }
}

/// The bytes of any team's file, for the labelling side, and what is known of it.
///
/// # Errors
/// [`FilesError`] when a store does not answer.
pub async fn open(
    app: &App,
    id: &str,
) -> Result<
    Option<(
        File,
        impl futures_util::Stream<Item = Result<bytes::Bytes, BlobsError>> + use<>,
    )>,
    FilesError,
> {
    let Some((team, file)) = app.records.any_file(id).await? else {
        return Ok(None);
    };
    match blobs(app)?.read(&team, id).await {
        Ok(bytes) => Ok(Some((file, bytes))),
        Err(BlobsError::Missing) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_are_named_anywhere_in_the_parameters() {
        let params = json!({
            "attachment": "scaledata://team/1", "attachments": ["https://a.test/", "scaledata://team/2"],
            "deep": [{"url": "scaledata://team/3"}], "text": "see scaledata://team/4", "n": 1,
        });
        let mut urls = Vec::new();
        collect(&params, &mut urls);
        assert_eq!(
            urls,
            [
                "scaledata://team/1",
                "scaledata://team/2",
                "scaledata://team/3"
            ]
        );
        assert_eq!(url_of("team", "1"), urls[0]);
    }
}
