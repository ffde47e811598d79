//! Azure Blob Storage: a customer's container as the operator's application, to which the
//! customer's tenant has consented. Every customer consents to the same application, so the
//! container itself must name the team: its metadata holds the team's own mark. Without that,
//! one customer could name another one's container.

mod sas;

use crate::callback::bucket::{Cloud, Step, Trouble};
use crate::cloud::azure::sas::Sas;
use crate::cloud::error::CloudError;
use crate::cloud::http::Http;
use crate::cloud::kept::Kept;
use crate::cloud::{Bucket, CloudsError, retry, secret};
use crate::config::integrations::Integrations;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method};
use object_store::azure::{AzureCredential, MicrosoftAzureBuilder};
use object_store::client::{CredentialProvider, HttpRequest, HttpRequestBody};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded::Serializer;

/// The metadata that names the team.
pub const MARK: &str = "ringback_external_id";
const SCOPE: &str = "https://storage.azure.com/.default";
const LOGIN: &str = "https://login.microsoftonline.com";
const VERSION: &str = "2023-11-03";
const IN_HAND: Duration = Duration::from_mins(1);

/// A container, and as whom it is entered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AzurePlace {
    /// The customer's tenant.
    pub tenant_id: String,
    /// What the container's metadata must say.
    pub external_id: String,
    /// The storage account.
    pub account: String,
    /// The container in it.
    pub container: String,
}

/// Who this gateway is at Microsoft.
#[derive(Debug)]
pub(super) struct Operator {
    application_id: String,
    secret: Arc<str>,
    login: String,
    endpoint: String,
    rest_min: Duration,
}

impl Operator {
    pub(super) fn open(integrations: &Integrations) -> Result<Option<Self>, CloudsError> {
        let azure = &integrations.azure;
        if azure.application_id.is_empty() {
            return Ok(None);
        }
        let setting = "integrations.azure.secret_file";
        let or = |text: &str, default: &str| {
            let text = if text.is_empty() { default } else { text };
            text.trim_end_matches('/').to_owned()
        };
        Ok(Some(Self {
            application_id: azure.application_id.clone(),
            secret: secret(setting, &azure.secret_file)?.into(),
            login: or(&azure.login_endpoint, LOGIN),
            endpoint: or(&azure.endpoint, "https://{account}.blob.core.windows.net"),
            rest_min: Duration::from_secs(integrations.signed_url_valid_s) + IN_HAND,
        }))
    }

    pub(super) fn bucket(&self, http: &Http, place: &AzurePlace) -> Result<Bucket, CloudError> {
        let endpoint = self.endpoint.replace("{account}", &place.account);
        let token = Arc::new(Token {
            http: http.clone(),
            application_id: self.application_id.clone(),
            secret: Arc::clone(&self.secret),
            login: self.login.clone(),
            container_url: format!("{endpoint}/{}", place.container),
            place: place.clone(),
            kept: Kept::new(IN_HAND),
        });
        let store = MicrosoftAzureBuilder::new()
            .with_http_connector(http.connector(Cloud::Azure, None))
            .with_retry(retry())
            .with_account(&place.account)
            .with_container_name(&place.container)
            .with_endpoint(endpoint.clone())
            .with_credentials(Arc::clone(&token) as _)
            .build()?;
        Ok(Bucket {
            store: Arc::new(store),
            signer: Arc::new(Sas::new(token, endpoint, self.rest_min)),
        })
    }
}

/// Tokens of the operator's application in a customer's tenant.
struct Token {
    http: Http,
    application_id: String,
    secret: Arc<str>,
    login: String,
    container_url: String,
    place: AzurePlace,
    kept: Kept<AzureCredential>,
}

/// Secrets do not belong into logs.
impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Token({})", self.container_url)
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Token {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        let credential = self.kept.get(self.enter()).await;
        credential.map_err(CloudError::into_store)
    }
}

impl Token {
    async fn enter(&self) -> Result<(AzureCredential, Duration), CloudError> {
        let (token, valid) = self.ask().await?;
        self.check_mark(&token).await?;
        Ok((AzureCredential::BearerToken(token), valid))
    }

    async fn ask(&self) -> Result<(String, Duration), CloudError> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            expires_in: u64,
        }
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.application_id)
            .append_pair("client_secret", &self.secret)
            .append_pair("scope", SCOPE)
            .finish();
        let url = format!("{}/{}/oauth2/v2.0/token", self.login, self.place.tenant_id);
        let mut request = request(Method::POST, &url, HttpRequestBody::from(form));
        request.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let answer = self.http.small(Cloud::Azure, Step::Trust, request).await?;
        let answer: Answer =
            serde_json::from_slice(answer.body()).map_err(CloudError::unreadable)?;
        Ok((answer.access_token, Duration::from_secs(answer.expires_in)))
    }

    /// The container names this team.
    async fn check_mark(&self, token: &str) -> Result<(), CloudError> {
        let url = format!("{}?restype=container", self.container_url);
        let mut request = request(Method::HEAD, &url, HttpRequestBody::empty());
        let bearer = HeaderValue::try_from(format!("Bearer {token}"));
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer.map_err(CloudError::unreadable)?);
        headers.insert("x-ms-version", HeaderValue::from_static(VERSION));
        let answer = self.http.small(Cloud::Azure, Step::Use, request).await?;
        if mark(answer.headers()) == Some(&self.place.external_id) {
            Ok(())
        } else {
            let said = format!("the container's metadata {MARK} is not this team's");
            Err(CloudError::new(Trouble::NotTrusted, said))
        }
    }
}

fn mark(headers: &HeaderMap) -> Option<&str> {
    headers.get(format!("x-ms-meta-{MARK}"))?.to_str().ok()
}

fn request(method: Method, url: &str, body: HttpRequestBody) -> HttpRequest {
    let mut request = HttpRequest::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = url
        .parse()
        .expect("the setting was checked, and so were the names");
    request
}
