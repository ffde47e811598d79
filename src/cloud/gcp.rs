//! Google Cloud Storage: a customer's bucket as the service account that they made for this
//! gateway. The operator's own account acts for it through IAM Credentials; whom it may act
//! for is the customer's grant, and the name of the account holds the team's own mark.

use crate::callback::bucket::{Cloud, Step};
use crate::clock::Clock;
use crate::cloud::error::CloudError;
use crate::cloud::http::{Http, Moved};
use crate::cloud::kept::Kept;
use crate::cloud::{Bucket, CloudsError, retry, secret};
use crate::config::integrations::Integrations;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Uri};
use object_store::client::{
    CredentialProvider, HttpRequest, HttpRequestBody, StaticCredentialProvider,
};
use object_store::gcp::{GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Where Google keeps IAM Credentials; `object_store` knows no other place.
const IAM_HOST: &str = "iamcredentials.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// How long a token is good; the longest that needs no special policy.
const TOKEN_VALID: Duration = Duration::from_hours(1);
const IN_HAND: Duration = Duration::from_mins(1);

/// A bucket, and as whom it is entered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GcpPlace {
    /// The customer's service account.
    pub service_account: String,
    /// The bucket's name.
    pub bucket: String,
}

/// Who this gateway is at Google.
#[derive(Debug)]
pub(super) struct Operator {
    own: Arc<OwnAccount>,
    iam: Uri,
    endpoint: String,
}

/// The operator's service account.
#[derive(Debug, Clone)]
pub(super) struct OwnAccount {
    email: String,
    key: Arc<dyn SigningKey>,
}

impl Operator {
    pub(super) fn open(integrations: &Integrations) -> Result<Option<Self>, CloudsError> {
        let gcp = &integrations.gcp;
        if gcp.key_file.as_os_str().is_empty() {
            return Ok(None);
        }
        let iam = if gcp.iam_endpoint.is_empty() {
            format!("https://{IAM_HOST}")
        } else {
            gcp.iam_endpoint.clone()
        };
        let text = secret("integrations.gcp.key_file", &gcp.key_file)?;
        Ok(Some(Self {
            own: Arc::new(OwnAccount::read(&text)?),
            iam: iam.parse().expect("the setting was checked"),
            endpoint: gcp.endpoint.clone(),
        }))
    }

    /// The address of the operator's account, to which customers grant Token Creator.
    pub(super) fn email(&self) -> &str {
        &self.own.email
    }

    pub(super) fn bucket(&self, http: &Http, place: &GcpPlace) -> Result<Bucket, CloudError> {
        let moved = Moved {
            from: IAM_HOST,
            to: self.iam.clone(),
            own: Arc::clone(&self.own),
        };
        let token = ActingToken {
            http: http.clone(),
            own: Arc::clone(&self.own),
            iam: self.iam.clone(),
            email: place.service_account.clone(),
            kept: Kept::new(IN_HAND),
        };
        let signing = StaticCredentialProvider::new(GcpSigningCredential {
            email: place.service_account.clone(),
            // None: IAM Credentials signs.
            private_key: None,
        });
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_http_connector(http.connector(Cloud::Gcp, Some(moved)))
            .with_retry(retry())
            .with_bucket_name(&place.bucket)
            .with_credentials(Arc::new(token))
            .with_signing_credentials(Arc::new(signing));
        if !self.endpoint.is_empty() {
            builder = builder.with_base_url(&self.endpoint);
        }
        let store = Arc::new(builder.build()?);
        Ok(Bucket {
            signer: Arc::clone(&store) as _,
            store,
        })
    }
}

impl OwnAccount {
    /// From the JSON that Google gives for a key.
    fn read(text: &str) -> Result<Self, CloudsError> {
        #[derive(Deserialize)]
        struct File {
            client_email: String,
            private_key: String,
        }
        let wrong = |reason: String| CloudsError::Content {
            setting: "integrations.gcp.key_file",
            reason,
        };
        let file: File = serde_json::from_str(text)
            .map_err(|error| wrong(format!("is no service account key: {error}")))?;
        let der = PrivateKeyDer::from_pem_slice(file.private_key.as_bytes())
            .map_err(|error| wrong(format!("holds no private key: {error}")))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&der)
            .map_err(|error| wrong(format!("holds a key of another kind: {error}")))?;
        Ok(Self {
            email: file.client_email,
            key,
        })
    }

    /// A token that the account signs for itself; IAM takes it in the place of one of Google's.
    pub(super) fn bearer(&self) -> Result<HeaderValue, CloudError> {
        let now_s = Clock::system().now() / 1000;
        let claims = json!({
            "iss": self.email, "sub": self.email, "aud": format!("https://{IAM_HOST}/"),
            "iat": now_s, "exp": now_s + TOKEN_VALID.as_secs(),
        });
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({"alg": "RS256", "typ": "JWT"}));
        let text = format!("{head}.{}", part(claims));
        let signer = self
            .key
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
            .ok_or_else(|| CloudError::new(gateway(), "the operator's key is not RSA"))?;
        let signature = signer
            .sign(text.as_bytes())
            .map_err(CloudError::unreadable)?;
        let token = format!("Bearer {text}.{}", URL_SAFE_NO_PAD.encode(signature));
        let mut header = HeaderValue::try_from(token).expect("base64 is printable");
        header.set_sensitive(true);
        Ok(header)
    }
}

fn gateway() -> crate::callback::bucket::Trouble {
    crate::callback::bucket::Trouble::Gateway
}

/// Tokens of a customer's service account.
#[derive(Debug)]
struct ActingToken {
    http: Http,
    own: Arc<OwnAccount>,
    iam: Uri,
    email: String,
    kept: Kept<GcpCredential>,
}

#[async_trait::async_trait]
impl CredentialProvider for ActingToken {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        let credential = self.kept.get(self.ask()).await;
        credential.map_err(CloudError::into_store)
    }
}

impl ActingToken {
    async fn ask(&self) -> Result<(GcpCredential, Duration), CloudError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            access_token: String,
        }
        let lifetime = format!("{}s", TOKEN_VALID.as_secs());
        let body = json!({"scope": [SCOPE], "lifetime": lifetime}).to_string();
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        *request.method_mut() = Method::POST;
        let base = self.iam.to_string();
        *request.uri_mut() = format!(
            "{}/v1/projects/-/serviceAccounts/{}:generateAccessToken",
            base.trim_end_matches('/'),
            self.email
        )
        .parse()
        .expect("the address was checked");
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.own.bearer()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.http.small(Cloud::Gcp, Step::Trust, request).await?;
        let answer: Answer =
            serde_json::from_slice(answer.body()).map_err(CloudError::unreadable)?;
        let credential = GcpCredential {
            bearer: answer.access_token,
        };
        Ok((credential, TOKEN_VALID))
    }
}
