//! Buckets at Amazon, Google and Azure, opened with what the operator configured and what
//! their owner named. Knows clouds and credentials, never teams. Names arrive checked: they
//! end up in URLs.

pub mod aws;
pub mod azure;
pub mod error;
pub mod gcp;
mod http;
mod kept;

use crate::callback::bucket::{Cloud, Trouble};
use crate::cloud::aws::AwsPlace;
use crate::cloud::azure::AzurePlace;
use crate::cloud::error::CloudError;
use crate::cloud::gcp::GcpPlace;
use crate::cloud::http::Http;
use crate::config::Config;
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::signer::{Method, Signer, Url};
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use quick_cache::sync::Cache;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Opened buckets that are kept with their credentials: one a team, as a rule.
const BUCKETS_KEPT_MAX: usize = 1000;

/// Why clouds cannot be talked to at all.
#[derive(Debug, thiserror::Error)]
pub enum CloudsError {
    /// A file of the operator's cannot be read.
    #[error("{setting} {path}: {source}")]
    File {
        /// Which setting names it.
        setting: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the operator's holds something else than it should.
    #[error("{setting}: {reason}")]
    Content {
        /// Which setting names it.
        setting: &'static str,
        /// What it must hold.
        reason: String,
    },
    /// A certificate cannot be used, or TLS cannot be set up.
    #[error("integrations.ca_file: {0}")]
    Tls(#[from] rustls::Error),
}

/// A bucket and as whom it is entered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// At Amazon.
    Aws(AwsPlace),
    /// At Google.
    Gcp(GcpPlace),
    /// At Azure.
    Azure(AzurePlace),
}

impl Place {
    /// Whose.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        match self {
            Self::Aws(_) => Cloud::Aws,
            Self::Gcp(_) => Cloud::Gcp,
            Self::Azure(_) => Cloud::Azure,
        }
    }
}

/// The clouds as this gateway knows them; clones share connections and credentials.
#[derive(Debug, Clone)]
pub struct Clouds {
    http: Http,
    aws: Option<Arc<aws::Operator>>,
    gcp: Option<Arc<gcp::Operator>>,
    azure: Option<Arc<azure::Operator>>,
    kept: Arc<Cache<Place, Bucket>>,
}

impl Clouds {
    /// Reads the operator's secrets. Nobody is asked yet.
    ///
    /// # Errors
    /// [`CloudsError`] names the setting.
    pub fn open(config: &Config) -> Result<Self, CloudsError> {
        let integrations = &config.integrations;
        Ok(Self {
            http: http(config)?,
            aws: aws::Operator::open(integrations)?.map(Arc::new),
            gcp: gcp::Operator::open(integrations)?.map(Arc::new),
            azure: azure::Operator::open(integrations)?.map(Arc::new),
            kept: Arc::new(Cache::new(BUCKETS_KEPT_MAX)),
        })
    }

    /// Whether the operator has an identity there.
    #[must_use]
    pub fn has(&self, cloud: Cloud) -> bool {
        match cloud {
            Cloud::Aws => self.aws.is_some(),
            Cloud::Gcp => self.gcp.is_some(),
            Cloud::Azure => self.azure.is_some(),
        }
    }

    /// The address of the operator's service account at Google, if there is one.
    #[must_use]
    pub fn google_account(&self) -> Option<&str> {
        self.gcp.as_ref().map(|gcp| gcp.email())
    }

    /// The bucket at this place, with credentials that may be some minutes old.
    ///
    /// # Errors
    /// [`CloudError`] when the operator has no identity there.
    pub fn bucket(&self, place: &Place) -> Result<Bucket, CloudError> {
        if let Some(bucket) = self.kept.get(place) {
            return Ok(bucket);
        }
        let bucket = self.fresh_bucket(place)?;
        self.kept.insert(place.clone(), bucket.clone());
        Ok(bucket)
    }

    /// The same, entered anew; what was kept is forgotten.
    ///
    /// # Errors
    /// [`CloudError`] when the operator has no identity there.
    pub fn fresh_bucket(&self, place: &Place) -> Result<Bucket, CloudError> {
        self.kept.remove(place);
        let none = || CloudError::new(Trouble::NotSetUp, "the operator has no identity there");
        match place {
            Place::Aws(place) => self
                .aws
                .as_ref()
                .ok_or_else(none)?
                .bucket(&self.http, place),
            Place::Gcp(place) => self
                .gcp
                .as_ref()
                .ok_or_else(none)?
                .bucket(&self.http, place),
            Place::Azure(place) => {
                let azure = self.azure.as_ref().ok_or_else(none)?;
                azure.bucket(&self.http, place)
            }
        }
    }
}

/// The HTTP under every store.
fn http(config: &Config) -> Result<Http, CloudsError> {
    let integrations = &config.integrations;
    let (file, setting) = (&integrations.ca_file, "integrations.ca_file");
    let roots: Vec<CertificateDer<'static>> = if file.as_os_str().is_empty() {
        Vec::new()
    } else {
        CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| CloudsError::Content {
                setting,
                reason: error.to_string(),
            })?
    };
    let wait = Duration::from_millis(integrations.request_timeout_ms);
    Ok(Http::open(wait, roots)?)
}

/// A secret in a file, without the blanks around it.
fn secret(setting: &'static str, path: &std::path::Path) -> Result<String, CloudsError> {
    let text = std::fs::read_to_string(path).map_err(|source| CloudsError::File {
        setting,
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

/// One more try after a short while: whoever asks has patience of their own.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 1,
        retry_timeout: Duration::from_secs(5),
    }
}

/// An open bucket; clones share it.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    signer: Arc<dyn Signer>,
}

impl Bucket {
    /// One of the objects below the prefix, with its size in bytes.
    ///
    /// # Errors
    /// [`CloudError`] when it cannot be listed.
    pub async fn some_object(&self, prefix: &str) -> Result<Option<(String, u64)>, CloudError> {
        let prefix = (!prefix.is_empty()).then(|| Path::parse(prefix));
        let prefix = prefix.transpose().map_err(object_store::Error::from)?;
        let first = self.store.list(prefix.as_ref()).next().await.transpose()?;
        Ok(first.map(|object| (object.location.to_string(), object.size)))
    }

    /// Begins to read an object, and gives up at once.
    ///
    /// # Errors
    /// [`CloudError`] when it cannot be read or is not there.
    pub async fn try_reading(&self, key: &str) -> Result<(), CloudError> {
        let found = self.store.get(&self::key(key)?).await?;
        found.into_stream().next().await.transpose()?;
        Ok(())
    }

    /// Writes an object, over an older one if there is one.
    ///
    /// # Errors
    /// [`CloudError`]: it may or may not be there.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), CloudError> {
        let payload = PutPayload::from(bytes);
        self.store.put(&self::key(key)?, payload).await?;
        Ok(())
    }

    /// A URL under which anybody may read the object for this long. Whether it is there is
    /// not asked.
    ///
    /// # Errors
    /// [`CloudError`] when this gateway is not let in.
    pub async fn signed_url(&self, key: &str, valid: Duration) -> Result<Url, CloudError> {
        let key = self::key(key)?;
        Ok(self.signer.signed_url(Method::GET, &key, valid).await?)
    }
}

fn key(text: &str) -> Result<Path, CloudError> {
    let path = Path::parse(text).map_err(object_store::Error::from)?;
    // Whatever a store would read as another key is refused.
    if path.as_ref() == text && !text.is_empty() {
        Ok(path)
    } else {
        Err(CloudError::new(
            Trouble::NoObject,
            "the key begins or ends with a slash",
        ))
    }
}
