//! The only HTTP towards clouds: to hosts that the operator or the cloud itself named, with
//! every wait bounded. Follows no redirect and knows no proxy. A refusal becomes an error that
//! holds the cloud's own code.

mod paced;

use crate::callback::bucket::{Cloud, Step};
use crate::clock::Clock;
use crate::cloud::error::Refusal;
use crate::cloud::gcp::OwnAccount;
use crate::cloud::http::paced::Paced;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use quick_xml::Reader;
use quick_xml::events::Event;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Most of a refusal or of a token that is read, bytes.
const SMALL_BYTES_MAX: usize = 256 * 1024;
/// No signature is taken when clocks differ by more, milliseconds; clouds allow 5 to 15 minutes.
const SKEW_MS_MAX: u64 = 5 * 60 * 1000;
const IDLE_MAX: Duration = Duration::from_secs(20);

/// Connections to clouds; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: legacy::Client<HttpsConnector<connect::HttpConnector>, HttpRequestBody>,
    /// Until the head of an answer, and between two pieces of its body.
    wait: Duration,
    clock: Clock,
}

impl Http {
    /// Trusts Mozilla's authorities and these.
    pub(super) fn open(
        wait: Duration,
        extra_roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, rustls::Error> {
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        for root in extra_roots {
            roots.add(root)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(wait / 2));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Ok(Self {
            client,
            wait,
            // Signatures are made with the machine's clock, whatever a test's clock says.
            clock: Clock::system(),
        })
    }

    /// For stores of this cloud.
    pub(super) fn connector(&self, cloud: Cloud, moved: Option<Moved>) -> Connector {
        Connector {
            http: self.clone(),
            cloud,
            moved,
        }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = tokio::time::timeout(self.wait, self.client.request(request))
            .await
            .map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?
            .map_err(|error| {
                let kind = if error.is_connect() {
                    HttpErrorKind::Connect
                } else {
                    HttpErrorKind::Interrupted
                };
                HttpError::new(kind, error)
            })?;
        let wait = self.wait;
        Ok(response.map(|body| HttpResponseBody::new(Paced::new(body, wait))))
    }

    /// A small answer, whole; a refusal is an error.
    pub(super) async fn small(
        &self,
        cloud: Cloud,
        step: Step,
        request: HttpRequest,
    ) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = self.answer(request).await?.into_parts();
        let body = whole(body).await?;
        let response = Response::from_parts(head, body);
        match self.refusal(cloud, step, &response) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(response),
        }
    }

    fn refusal(&self, cloud: Cloud, step: Step, response: &Response<Bytes>) -> Option<Refusal> {
        let status = response.status();
        if status.is_success() {
            return None;
        }
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Some(Refusal {
            cloud,
            step,
            status: status.as_u16(),
            code: header("x-ms-error-code")
                .or_else(|| code_in(response.body()))
                .unwrap_or_default(),
            region: header("x-amz-bucket-region"),
            is_skewed: status.is_client_error() && self.is_skewed(response.headers()),
        })
    }

    fn is_skewed(&self, headers: &HeaderMap) -> bool {
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let theirs = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let theirs = theirs.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
        let now = Duration::from_millis(self.clock.now());
        theirs.is_some_and(|theirs| theirs.abs_diff(now) > Duration::from_millis(SKEW_MS_MAX))
    }
}

/// Of an error document, XML or JSON, the cloud's own code: the most exact one.
fn code_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
        let number = json["error_codes"][0].as_u64();
        let texts = [&json["error"]["status"], &json["error"]];
        return number.map(|number| number.to_string()).or_else(|| {
            let text = texts.into_iter().find_map(serde_json::Value::as_str);
            text.map(str::to_owned)
        });
    }
    // The first of this name, however deep: documents of one kind differ in what is around it.
    let mut document = Reader::from_str(text);
    loop {
        match document.read_event() {
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == b"Code" => {
                let code = document.read_text(tag.name()).ok()?;
                return code.decode().ok().map(Cow::into_owned);
            }
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

async fn whole(body: HttpResponseBody) -> Result<Bytes, HttpError> {
    let limited = Limited::new(body, SMALL_BYTES_MAX).collect().await;
    let collected = limited.map_err(|error| HttpError::new_boxed(HttpErrorKind::Decode, error))?;
    Ok(collected.to_bytes())
}

/// Requests to one host go to another place of the operator's, in the operator's own name.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) from: &'static str,
    pub(super) to: Uri,
    pub(super) own: Arc<OwnAccount>,
}

/// What `object_store` speaks HTTP through.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    http: Http,
    cloud: Cloud,
    moved: Option<Moved>,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Connector {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Only requests of trust go elsewhere: who signs.
        let mut step = Step::Use;
        if let Some(moved) = &self.moved
            && request.uri().host() == Some(moved.from)
        {
            step = Step::Trust;
            *request.uri_mut() = elsewhere(request.uri(), &moved.to);
            let bearer = moved.own.bearer();
            let bearer = bearer.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        let response = self.http.answer(request).await?;
        let status = response.status();
        // What object_store understands itself, and what it tries again.
        let is_for_it = status.is_success()
            || status.is_server_error()
            || matches!(
                status,
                StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT
            );
        if is_for_it {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let response = Response::from_parts(head, whole(body).await?);
        match self.http.refusal(self.cloud, step, &response) {
            // A missing object is a thing object_store has a word for; a missing bucket is not.
            Some(refusal) if status == StatusCode::NOT_FOUND && is_of_object(&refusal) => {
                Ok(response.map(HttpResponseBody::from))
            }
            Some(refusal) => Err(refusal.into()),
            None => Ok(response.map(HttpResponseBody::from)),
        }
    }
}

fn is_of_object(refusal: &Refusal) -> bool {
    use crate::callback::bucket::{Trouble, of_refusal};
    let of = of_refusal(refusal.cloud, refusal.step, refusal.status, &refusal.code);
    of == Trouble::NoObject
}

fn elsewhere(from: &Uri, to: &Uri) -> Uri {
    let mut parts = from.clone().into_parts();
    parts.scheme = to.scheme().cloned();
    parts.authority = to.authority().cloned();
    Uri::from_parts(parts).unwrap_or_else(|_| from.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_every_clouds_error_document_is_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(code_in(text.as_bytes()).as_deref(), expected, "{text}");
        };
        check(
            "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>m</Message></Error>",
            Some("NoSuchBucket"),
        );
        check(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
             <Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>",
            Some("AccessDenied"),
        );
        check(
            "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\"}}",
            Some("PERMISSION_DENIED"),
        );
        check("{\"error\":\"invalid_grant\"}", Some("invalid_grant"));
        check(
            "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}",
            Some("700016"),
        );
        check("<html>nginx</html>", None);
        check("", None);
    }

    #[test]
    fn a_moved_request_keeps_its_path() {
        let from = Uri::from_static("https://iamcredentials.googleapis.com/v1/x:signBlob?a=1");
        let to = Uri::from_static("http://127.0.0.1:9");
        let moved = elsewhere(&from, &to);
        assert_eq!(moved, "http://127.0.0.1:9/v1/x:signBlob?a=1");
    }
}
