//! Signed URLs of blobs, with a key that Azure lends to the application for some hours (user
//! delegation SAS). By hand: `object_store` signs names as they stand in a URL, Azure as they
//! are, so that a name with a space in it would be refused.

use crate::callback::bucket::{Cloud, Step};
use crate::clock::Clock;
use crate::cloud::azure::{Token, VERSION, request};
use crate::cloud::error::CloudError;
use crate::cloud::kept::Kept;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use object_store::azure::AzureCredential;
use object_store::client::{CredentialProvider, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::{Signer, Url};
use serde::Deserialize;
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;

/// How long a key is borrowed; Azure permits a week.
const KEY_VALID: Duration = Duration::from_hours(4);
/// Clocks may differ a little.
const BEFORE: Duration = Duration::from_mins(5);
/// Read, and nothing else.
const PERMISSIONS: &str = "r";
const BLOB: &str = "b";

/// What Azure lends.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DelegationKey {
    signed_oid: String,
    signed_tid: String,
    signed_start: String,
    signed_expiry: String,
    signed_service: String,
    signed_version: String,
    value: String,
}

/// Signs URLs of one container.
#[derive(Debug)]
pub(super) struct Sas {
    token: Arc<Token>,
    /// The storage account's URL.
    endpoint: String,
    kept: Kept<DelegationKey>,
}

impl Sas {
    pub(super) fn new(token: Arc<Token>, endpoint: String, rest_min: Duration) -> Self {
        Self {
            token,
            endpoint,
            kept: Kept::new(rest_min),
        }
    }

    async fn borrow_key(&self) -> Result<(DelegationKey, Duration), CloudError> {
        let credential = self.token.get_credential().await?;
        let AzureCredential::BearerToken(bearer) = credential.as_ref() else {
            unreachable!("a token gives bearers alone")
        };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{}</Start>\
             <Expiry>{}</Expiry></KeyInfo>",
            at(now_s() - BEFORE.as_secs()),
            at(now_s() + KEY_VALID.as_secs())
        );
        let url = format!("{}/?restype=service&comp=userdelegationkey", self.endpoint);
        let mut request = request(Method::POST, &url, HttpRequestBody::from(body));
        let bearer = HeaderValue::try_from(format!("Bearer {bearer}"));
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer.map_err(CloudError::unreadable)?);
        headers.insert("x-ms-version", HeaderValue::from_static(VERSION));
        let http = &self.token.http;
        let answer = http.small(Cloud::Azure, Step::Use, request).await?;
        let text = String::from_utf8_lossy(answer.body());
        let key = quick_xml::de::from_str(&text).map_err(CloudError::unreadable)?;
        Ok((key, KEY_VALID))
    }

    async fn sign(&self, path: &Path, valid: Duration) -> Result<Url, CloudError> {
        let key = self.kept.get(self.borrow_key()).await?;
        let place = &self.token.place;
        let (start, expiry) = (
            at(now_s() - BEFORE.as_secs()),
            at(now_s() + valid.as_secs()),
        );
        let resource = format!("/blob/{}/{}/{path}", place.account, place.container);
        // The fields of this version in their order; what is not used is empty.
        let text = [
            PERMISSIONS,
            &start,
            &expiry,
            &resource,
            &key.signed_oid,
            &key.signed_tid,
            &key.signed_start,
            &key.signed_expiry,
            &key.signed_service,
            &key.signed_version,
            "", // an agent, preauthorised
            "", // an agent, to be authorised
            "", // a correlation id
            "", // addresses
            "", // protocols
            VERSION,
            BLOB,
            "", // a snapshot
            "", // an encryption scope
            "", // Cache-Control of the answer
            "", // its Content-Disposition
            "", // its Content-Encoding
            "", // its Content-Language
            "", // its Content-Type
        ];
        let secret = STANDARD
            .decode(&key.value)
            .map_err(CloudError::unreadable)?;
        let mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key of any length will do");
        let signature = mac.chain_update(text.join("\n")).finalize().into_bytes();
        let mut url = Url::parse(&self.token.container_url).map_err(CloudError::unreadable)?;
        url.path_segments_mut()
            .expect("the endpoint has a host")
            .extend(path.as_ref().split('/'));
        url.query_pairs_mut()
            .append_pair("sv", VERSION)
            .append_pair("sp", PERMISSIONS)
            .append_pair("sr", BLOB)
            .append_pair("st", &start)
            .append_pair("se", &expiry)
            .append_pair("skoid", &key.signed_oid)
            .append_pair("sktid", &key.signed_tid)
            .append_pair("skt", &key.signed_start)
            .append_pair("ske", &key.signed_expiry)
            .append_pair("sks", &key.signed_service)
            .append_pair("skv", &key.signed_version)
            .append_pair("sig", &STANDARD.encode(signature));
        Ok(url)
    }
}

#[async_trait::async_trait]
impl Signer for Sas {
    async fn signed_url(
        &self,
        _: Method,
        path: &Path,
        valid: Duration,
    ) -> object_store::Result<Url> {
        self.sign(path, valid).await.map_err(CloudError::into_store)
    }
}

fn now_s() -> u64 {
    Clock::system().now() / 1000
}

/// As Azure writes times.
fn at(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    time.to_string()
}
