//! Fetching what a customer's URL holds: one GET under the same guard as every POST, one hard
//! deadline for all of it, and its body piece by piece. Follows no redirect, decodes nothing.

use crate::callback::{Fault, Phase};
use crate::delivery::client::link::Link;
use crate::delivery::client::{Client, request};
use bytes::Bytes;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// An answer whose body is still to come.
pub struct Fetched {
    /// Its status.
    pub status: u16,
    /// What it says it is, if that is legal text.
    pub content_type: Option<String>,
    body: Incoming,
    link: Link,
    deadline: Instant,
}

impl Client {
    /// Asks for what is at this URL. `budget` is for everything, the body too.
    ///
    /// # Errors
    /// The [`Fault`] that kept an answer from coming.
    pub async fn fetch(&self, url: &Url, budget: Duration) -> Result<Fetched, Fault> {
        let deadline = Instant::now() + budget;
        let agent = HeaderValue::from_static(concat!("Ringback/", env!("CARGO_PKG_VERSION")));
        let headers = HeaderMap::from_iter([(USER_AGENT, agent)]);
        let request = request(Method::GET, url, headers, Bytes::new()).ok_or(Fault::Url)?;
        let (link, response) = timeout_at(deadline, self.send(url, request))
            .await
            .map_err(|_| Fault::Timeout(Phase::Answer))??;
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Fetched {
            status: response.status().as_u16(),
            content_type,
            body: response.into_body(),
            link,
            deadline,
        })
    }
}

impl Fetched {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// The [`Fault`] that cut it off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = timeout_at(self.deadline, self.link.frame(&mut self.body))
                .await
                .map_err(|_| Fault::Timeout(Phase::Answer))?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Fault::Cut),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
