//! Where the bytes of uploaded files are: a folder or an object store. Knows places and
//! bytes, never whose they are or whether they may be read; holds no more of a file in memory
//! than one part.

use crate::cloud::CloudsError;
use crate::cloud::aws::{OwnBucket, own_bucket};
use crate::config::Config;
use crate::config::files::{BucketUrl, Place};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a file in memory, for a folder: large enough to write well.
const FOLDER_PART_BYTES: usize = 256 * 1024;
/// For a bucket, where every part but the last must have 5 MiB.
const BUCKET_PART_BYTES: usize = 6 * 1024 * 1024;
/// Waiting until another upload has ended.
const TURN_MAX: Duration = Duration::from_secs(20);

/// Where files are kept. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    part_bytes: usize,
    turns: Arc<Semaphore>,
}

/// Why bytes could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// There is nothing at this place.
    #[error("there are no such bytes")]
    Missing,
    /// Too many uploads are under way: later.
    #[error("too many uploads are under way")]
    Busy,
    /// The folder or object store does not do what was asked: later.
    #[error("the files do not answer: {0}")]
    Unavailable(#[source] object_store::Error),
    /// The folder cannot be made.
    #[error("files.url: {0}")]
    Folder(#[from] std::io::Error),
    /// The bucket cannot be opened.
    #[error(transparent)]
    Bucket(#[from] CloudsError),
}

impl From<object_store::Error> for BlobsError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Unavailable(other),
        }
    }
}

impl Blobs {
    /// Opens what `files.url` names, made if it is a folder. `None`: files are not kept here,
    /// since processes that share records have no folder in common.
    ///
    /// # Errors
    /// [`BlobsError`] when the folder cannot be made.
    pub fn open(config: &Config) -> Result<Option<Self>, BlobsError> {
        let (store, part_bytes): (Arc<dyn ObjectStore>, _) = match config.files_place() {
            Place::Nowhere => return Ok(None),
            Place::Folder(folder) => {
                std::fs::create_dir_all(&folder)?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                (Arc::new(store), FOLDER_PART_BYTES)
            }
            Place::Bucket(url) => (bucket(config, url)?, BUCKET_PART_BYTES),
        };
        Ok(Some(Self {
            store,
            part_bytes,
            turns: Arc::new(Semaphore::new(config.files.uploads_max)),
        }))
    }

    /// Begins to write a file; waits until few enough others are written.
    ///
    /// # Errors
    /// [`BlobsError::Busy`] when it would have to wait for too long.
    pub async fn write(&self, team: &str, id: &str) -> Result<Writer, BlobsError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(TURN_MAX, turn)
            .await
            .map_err(|_| BlobsError::Busy)?
            .expect("the semaphore is never closed");
        Ok(Writer {
            blobs: self.clone(),
            place: place(team, id),
            part: BytesMut::new(),
            parts: None,
            _turn: turn,
        })
    }

    /// The bytes of a file, piece by piece.
    ///
    /// # Errors
    /// [`BlobsError::Missing`] when there are none.
    pub async fn read(
        &self,
        team: &str,
        id: &str,
    ) -> Result<impl Stream<Item = Result<Bytes, BlobsError>> + use<>, BlobsError> {
        let found = self.store.get(&place(team, id)).await?;
        Ok(found.into_stream().map_err(BlobsError::from))
    }

    /// Deletes a file; one that is not there is no error.
    ///
    /// # Errors
    /// [`BlobsError::Unavailable`]: it may still be there.
    pub async fn delete(&self, team: &str, id: &str) -> Result<(), BlobsError> {
        match self.store.delete(&place(team, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The operator's bucket, below its prefix.
fn bucket(config: &Config, url: BucketUrl) -> Result<Arc<dyn ObjectStore>, BlobsError> {
    let own = OwnBucket {
        key_id: url.key_id,
        secret_key: url.secret_key,
        bucket: url.bucket,
        region: url.region,
        endpoint: url.endpoint,
    };
    let store = own_bucket(config, &own)?;
    Ok(Arc::new(PrefixStore::new(store, url.prefix)))
}

fn place(team: &str, id: &str) -> Path {
    Path::from_iter([team, id])
}

/// A file that is being written. Dropped before [`Writer::finish`], it leaves nothing.
pub struct Writer {
    blobs: Blobs,
    place: Path,
    part: BytesMut,
    /// From the second part on.
    parts: Option<Box<dyn MultipartUpload>>,
    _turn: OwnedSemaphorePermit,
}

impl Writer {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`BlobsError::Unavailable`]: give the file up.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), BlobsError> {
        self.part.extend_from_slice(bytes);
        while self.part.len() > self.blobs.part_bytes {
            let full = self.part.split_to(self.blobs.part_bytes).freeze();
            self.put_part(full).await?;
        }
        Ok(())
    }

    async fn put_part(&mut self, part: Bytes) -> Result<(), BlobsError> {
        if self.parts.is_none() {
            self.parts = Some(self.blobs.store.put_multipart(&self.place).await?);
        }
        let parts = self.parts.as_mut().expect("just made");
        Ok(parts.put_part(PutPayload::from(part)).await?)
    }

    /// All bytes were taken: the file is there, and stays there through a power cut.
    ///
    /// # Errors
    /// [`BlobsError::Unavailable`]: it may or may not be there.
    pub async fn finish(mut self) -> Result<(), BlobsError> {
        let rest = self.part.split().freeze();
        if self.parts.is_none() {
            let payload = PutPayload::from(rest);
            self.blobs.store.put(&self.place, payload).await?;
            return Ok(());
        }
        self.put_part(rest).await?;
        let parts = self.parts.as_mut().expect("parts were put");
        parts.complete().await?;
        self.parts = None;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(mut parts) = self.parts.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = parts.abort().await {
                    tracing::warn!(error = %error, "parts of a file that was given up may be left");
                }
            });
        }
    }
}
