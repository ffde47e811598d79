//! A running gateway as the commands of operators talk to it, from anywhere. With a
//! producer's key it is asked over its API; without one, on its operator's port, which
//! answers questions and changes nothing.

use crate::cli::ConfigArgs;
use crate::delivery::client::client_config;
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// Replays of a large team are counted before they are answered.
const ANSWER_MAX: Duration = Duration::from_mins(1);
const JSON: &str = "application/json";

#[derive(Debug, Args)]
pub(super) struct GatewayArgs {
    /// The gateway's URL; without it, the one that the configuration describes
    #[arg(long, value_name = "URL", env = "RINGBACK_URL")]
    url: Option<String>,
    /// A producer's key; needed for changes, and for a gateway that is elsewhere
    #[arg(long, value_name = "KEY", env = "RINGBACK_KEY", hide_env_values = true)]
    key: Option<String>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// Where questions go, and with which key.
pub(super) struct Gateway {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(super) url: Url,
    key: Option<String>,
}

/// Nobody listens there.
#[derive(Debug, thiserror::Error)]
#[error("no gateway answers at {0}: start it, or name another with --url")]
pub(super) struct Absent(Url);

/// What is asked for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    method: &'a Method,
    path: &'a str,
    query: &'a [(&'a str, String)],
    /// The kind of answer.
    accept: &'a str,
    /// Kind and text of the body.
    body: Option<(&'a str, &'a str)>,
}

const GET: Wanted<'static> = Wanted {
    method: &Method::GET,
    path: "",
    query: &[],
    accept: JSON,
    body: None,
};

impl GatewayArgs {
    /// Whether the gateway is one that the configuration describes.
    pub(super) fn is_here(&self) -> bool {
        self.url.is_none()
    }

    /// Whether a gateway is asked for by its URL or with a key.
    pub(super) fn is_named(&self) -> bool {
        self.url.is_some() || self.key.is_some()
    }

    pub(super) fn gateway(&self) -> Result<Gateway> {
        let url = if let Some(url) = &self.url {
            url.clone()
        } else {
            let config = self.config.load()?;
            let port = match self.key {
                Some(_) => config.api.listen,
                None => config.operator.listen,
            };
            format!("http://{port}")
        };
        let url = Url::parse(&url).ok();
        let url = url.filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
        let trusted = client_config(Vec::new()).context("no HTTP client can be made")?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trusted)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Gateway {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url: url.context("--url must be a URL such as https://ringback.example")?,
            key: self.key.clone().filter(|key| !key.is_empty()),
        })
    }
}

impl Gateway {
    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let told = self.send(Wanted { path, query, ..GET }).await?;
        Ok(serde_json::from_slice(&told)?)
    }

    /// As a terminal shows it.
    pub(super) async fn get_text(&self, path: &str) -> Result<String> {
        let accept = "text/plain";
        let told = self
            .send(Wanted {
                path,
                accept,
                ..GET
            })
            .await?;
        Ok(String::from_utf8_lossy(&told).into_owned())
    }

    /// Hands in results, one a line.
    pub(super) async fn hand_in(&self, lines: &str) -> Result<Value> {
        self.change(&Method::POST, "results", ("application/x-ndjson", lines))
            .await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.change(&Method::POST, path, (JSON, &body.to_string()))
            .await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.change(&Method::PUT, path, (JSON, &body.to_string()))
            .await
    }

    async fn change(&self, method: &Method, path: &str, body: (&str, &str)) -> Result<Value> {
        if self.key.is_none() {
            bail!(
                "this changes something, so it needs a producer's key: `ringback producers add \
                 NAME` makes one; give it with --key or in RINGBACK_KEY"
            );
        }
        let body = Some(body);
        let wanted = Wanted {
            method,
            path,
            body,
            ..GET
        };
        Ok(serde_json::from_slice(&self.send(wanted).await?)?)
    }

    fn request(&self, wanted: Wanted<'_>) -> Result<Request<Full<Bytes>>> {
        let mut url = self.url.join(&format!("/internal/v1/{}", wanted.path))?;
        if !wanted.query.is_empty() {
            url.query_pairs_mut().extend_pairs(wanted.query);
        }
        let mut request = Request::builder()
            .method(wanted.method)
            .uri(url.as_str())
            .header(header::ACCEPT, wanted.accept);
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let (kind, text) = wanted.body.unwrap_or((JSON, ""));
        if wanted.body.is_some() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        request
            .body(Full::from(text.to_owned()))
            .context("the key or the URL holds what no request can")
    }

    async fn send(&self, wanted: Wanted<'_>) -> Result<Bytes> {
        let request = self.request(wanted)?;
        let asked = async {
            let answer = match self.client.request(request).await {
                Ok(answer) => answer,
                Err(error) if error.is_connect() => return Err(anyhow!(Absent(self.url.clone()))),
                Err(error) => return Err(anyhow!(error).context(self.url.to_string())),
            };
            let (head, body) = answer.into_parts();
            Ok((head.status, body.collect().await?.to_bytes()))
        };
        let answered = timeout(ANSWER_MAX, asked).await;
        let (status, body) =
            answered.with_context(|| format!("{} does not answer within a minute", self.url))??;
        if status.is_success() {
            return Ok(body);
        }
        bail!(self.why(status, &body))
    }

    /// What a refusal says, for people.
    fn why(&self, status: StatusCode, body: &[u8]) -> String {
        if status == StatusCode::UNAUTHORIZED {
            return format!(
                "{} wants a valid producer's key: `ringback producers add NAME` makes one; give \
                 it with --key or in RINGBACK_KEY",
                self.url
            );
        }
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &told["error"];
        match (error["field"].as_str(), error["message"].as_str()) {
            (Some(field), Some(message)) => format!("{field}: {message}"),
            (None, Some(message)) => message.to_owned(),
            _ => format!("{} answered {status}", self.url),
        }
    }
}
