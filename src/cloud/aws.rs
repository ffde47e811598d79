//! Amazon S3: a customer's bucket through the role that they made for this gateway, and the
//! operator's own bucket for files. The external id goes with every request to take the role:
//! without it, one customer could name another one's role.

use crate::callback::bucket::{Cloud, Step};
use crate::cloud::error::CloudError;
use crate::cloud::http::Http;
use crate::cloud::kept::Kept;
use crate::cloud::{Bucket, CloudsError, retry, secret};
use crate::config::integrations::Integrations;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential};
use object_store::client::{CredentialProvider, HttpRequest, HttpRequestBody};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded::Serializer;

/// How long a role is taken; the longest that every role permits.
const SESSION: Duration = Duration::from_hours(1);
/// Signed URLs outlive their credentials by nothing; this much is kept in hand.
const IN_HAND: Duration = Duration::from_mins(1);

/// A bucket, and the role through which it is entered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AwsPlace {
    /// The customer's role.
    pub role_arn: String,
    /// What the role asks for.
    pub external_id: String,
    /// Where the bucket is.
    pub region: String,
    /// Its name.
    pub bucket: String,
}

/// Who this gateway is at Amazon.
#[derive(Debug)]
pub(super) struct Operator {
    own: Arc<AwsCredential>,
    sts_endpoint: String,
    endpoint: String,
    rest_min: Duration,
}

impl Operator {
    pub(super) fn open(integrations: &Integrations) -> Result<Option<Self>, CloudsError> {
        let aws = &integrations.aws;
        if aws.account_id.is_empty() {
            return Ok(None);
        }
        let setting = "integrations.aws.secret_key_file";
        Ok(Some(Self {
            own: Arc::new(AwsCredential {
                key_id: aws.access_key_id.clone(),
                secret_key: secret(setting, &aws.secret_key_file)?,
                token: None,
            }),
            sts_endpoint: aws.sts_endpoint.clone(),
            endpoint: aws.endpoint.clone(),
            rest_min: Duration::from_secs(integrations.signed_url_valid_s) + IN_HAND,
        }))
    }

    pub(super) fn bucket(&self, http: &Http, place: &AwsPlace) -> Result<Bucket, CloudError> {
        let sts_endpoint = if self.sts_endpoint.is_empty() {
            format!("https://sts.{}.amazonaws.com", place.region)
        } else {
            self.sts_endpoint.clone()
        };
        let role = TakenRole {
            http: http.clone(),
            own: Arc::clone(&self.own),
            sts_endpoint,
            place: place.clone(),
            kept: Kept::new(self.rest_min),
        };
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(http.connector(Cloud::Aws, None))
            .with_retry(retry())
            .with_region(&place.region)
            .with_bucket_name(&place.bucket)
            .with_credentials(Arc::new(role));
        if !self.endpoint.is_empty() {
            builder = builder.with_endpoint(&self.endpoint).with_allow_http(true);
        }
        let store = Arc::new(builder.build()?);
        Ok(Bucket {
            signer: Arc::clone(&store) as _,
            store,
        })
    }
}

/// The operator's own bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBucket {
    /// The access key.
    pub key_id: String,
    /// Its secret.
    pub secret_key: String,
    /// The bucket's name.
    pub bucket: String,
    /// Where it is.
    pub region: String,
    /// Another server than Amazon's.
    pub endpoint: Option<String>,
}

/// Opens the operator's own bucket. Nobody is asked yet.
///
/// # Errors
/// [`CloudsError`] names the setting.
pub fn own_bucket(
    config: &crate::config::Config,
    own: &OwnBucket,
) -> Result<Arc<dyn ObjectStore>, CloudsError> {
    let http = super::http(config)?;
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(http.connector(Cloud::Aws, None))
        .with_retry(retry())
        .with_region(&own.region)
        .with_bucket_name(&own.bucket)
        .with_access_key_id(&own.key_id)
        .with_secret_access_key(&own.secret_key);
    if let Some(endpoint) = &own.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(true);
    }
    let store = builder.build().map_err(|error| CloudsError::Content {
        setting: "files.url",
        reason: error.to_string(),
    })?;
    Ok(Arc::new(store))
}

/// Credentials of a customer's role.
#[derive(Debug)]
struct TakenRole {
    http: Http,
    own: Arc<AwsCredential>,
    sts_endpoint: String,
    place: AwsPlace,
    kept: Kept<AwsCredential>,
}

#[async_trait::async_trait]
impl CredentialProvider for TakenRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credential = self.kept.get(self.take_role()).await;
        credential.map_err(CloudError::into_store)
    }
}

impl TakenRole {
    async fn take_role(&self) -> Result<(AwsCredential, Duration), CloudError> {
        let seconds = SESSION.as_secs().to_string();
        let form = Serializer::new(String::new())
            .append_pair("Action", "AssumeRole")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", &self.place.role_arn)
            .append_pair("RoleSessionName", "ringback")
            .append_pair("ExternalId", &self.place.external_id)
            .append_pair("DurationSeconds", &seconds)
            .finish();
        let mut request = HttpRequest::new(HttpRequestBody::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self
            .sts_endpoint
            .parse()
            .expect("the setting was checked, and so was the region");
        request.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        AwsAuthorizer::new(&self.own, "sts", &self.place.region)
            .try_authorize(&mut request, None)?;
        let answer = self.http.small(Cloud::Aws, Step::Trust, request).await?;
        let text = String::from_utf8_lossy(answer.body());
        Ok((credential_in(&text)?, SESSION))
    }
}

fn credential_in(xml: &str) -> Result<AwsCredential, CloudError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        assume_role_result: Taken,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Taken {
        credentials: Credentials,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Credentials {
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
    }
    let answer: Answer = quick_xml::de::from_str(xml).map_err(CloudError::unreadable)?;
    let credentials = answer.assume_role_result.credentials;
    Ok(AwsCredential {
        key_id: credentials.access_key_id,
        secret_key: credentials.secret_access_key,
        token: Some(credentials.session_token),
    })
}
