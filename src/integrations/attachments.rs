//! Attachments in customers' buckets, for the labelling side: each gets a signed URL that is
//! good for a while, or the reason why it has none. What the customer sees is never changed.

use crate::app::App;
use crate::callback::bucket::{Cloud, Trouble};
use crate::callback::diagnosis;
use crate::cloud::Bucket;
use crate::cloud::error::CloudError;
use crate::integrations::bucket;
use crate::integrations::names::{Names, cloud_of};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Attachments of one task that are signed; the others are told to be too many.
const OF_A_TASK_MAX: usize = 1000;
/// URLs signed at one time: some clouds must be asked for each.
const SIGNED_AT_ONCE: usize = 16;
/// No cloud's URL is longer, bytes.
const URL_BYTES_MAX: usize = 2048;

/// An attachment for whoever labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// As the customer wrote it.
    pub url: String,
    /// Where it can be read for a while, or why it cannot.
    pub signed: Result<String, String>,
}

/// Open buckets of one request, by team and cloud.
#[derive(Default)]
pub struct Signing {
    buckets: BTreeMap<(String, Cloud), Result<(Names, Bucket), CloudError>>,
}

impl Signing {
    /// Signs what a task's params name, in the order of the URLs.
    pub async fn sign(&mut self, app: &App, team: &str, params: &str) -> Vec<Attachment> {
        let found = named(params);
        let mut signed = Vec::with_capacity(found.len());
        for (cloud, urls) in found {
            let opened = self.open(app, team, cloud).await;
            let done = stream::iter(urls)
                .map(|url| async move {
                    let signed = sign(app, opened, cloud, &url).await;
                    Attachment { url, signed }
                })
                .buffered(SIGNED_AT_ONCE);
            signed.extend(done.collect::<Vec<_>>().await);
        }
        signed
    }

    async fn open(
        &mut self,
        app: &App,
        team: &str,
        cloud: Cloud,
    ) -> &Result<(Names, Bucket), CloudError> {
        let key = (team.to_owned(), cloud);
        if !self.buckets.contains_key(&key) {
            let opened = bucket(app, team, cloud).await;
            self.buckets.insert(key.clone(), opened);
        }
        &self.buckets[&key]
    }
}

async fn sign(
    app: &App,
    opened: &Result<(Names, Bucket), CloudError>,
    cloud: Cloud,
    url: &str,
) -> Result<String, String> {
    let (names, bucket) = opened.as_ref().map_err(|error| told(cloud, error))?;
    let Some(key) = names.key_of(url) else {
        return Err(format!(
            "The team's integration is with {}, and this is elsewhere.",
            names.bucket_url()
        ));
    };
    let valid = app.config.signed_url_valid();
    match bucket.signed_url(&key, valid).await {
        Ok(url) => Ok(url.to_string()),
        Err(error) => {
            tracing::warn!(cloud = cloud.as_str(), error = %error, "an attachment is not signed");
            Err(told(cloud, &error))
        }
    }
}

fn told(cloud: Cloud, error: &CloudError) -> String {
    if error.trouble == Trouble::NotSetUp {
        return format!("The team has no integration with {}.", cloud.label());
    }
    let known = diagnosis::from_code(error.trouble.code());
    known.map_or_else(String::new, |known| known.what.to_owned())
}

/// The URLs in a task's params that a cloud must sign, each once.
fn named(params: &str) -> BTreeMap<Cloud, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    // Most tasks have none, and their params may be large.
    let may_hold = ["s3://", "gs://", ".blob."];
    if may_hold.iter().any(|part| params.contains(part)) {
        let value = serde_json::from_str(params).unwrap_or(Value::Null);
        collect(&value, &mut found, &mut 0);
    }
    found
}

/// As deep as the params are, which is bounded where they come in.
fn collect(value: &Value, found: &mut BTreeMap<Cloud, BTreeSet<String>>, count: &mut usize) {
    match value {
        Value::String(text) if text.len() <= URL_BYTES_MAX && *count < OF_A_TASK_MAX => {
            if let Some(cloud) = cloud_of(text)
                && found.entry(cloud).or_default().insert(text.clone())
            {
                *count += 1;
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found, count)),
        Value::Object(fields) => fields.values().for_each(|it| collect(it, found, count)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_clouds_are_found_wherever_they_stand_and_once() {
        let params = r#"{"attachment": "s3://a/1", "attachments": ["s3://a/1", "gs://b/2",
            "https://x.test/3", "s3:\/\/a\/4"], "frames": [{"image": {"url":
            "https://acc.blob.core.windows.net/c/5"}}], "instruction": "see s3://a/6"}"#;
        let found = named(params);
        let urls = |cloud| -> Vec<_> { found[&cloud].iter().map(String::as_str).collect() };
        assert_eq!(urls(Cloud::Aws), ["s3://a/1", "s3://a/4"]);
        assert_eq!(urls(Cloud::Gcp), ["gs://b/2"]);
        assert_eq!(
            urls(Cloud::Azure),
            ["https://acc.blob.core.windows.net/c/5"]
        );
    }

    #[test]
    fn a_task_without_any_is_not_read() {
        assert!(named("{\"attachment\": \"https://x.test/1\"}").is_empty());
        assert!(named("not JSON, s3://a/1").is_empty());
    }

    #[test]
    fn a_task_with_too_many_gets_the_first() {
        let many: Vec<_> = (0..1500).map(|n| format!("s3://a/{n}")).collect();
        let params = serde_json::json!({"attachments": many}).to_string();
        assert_eq!(named(&params)[&Cloud::Aws].len(), OF_A_TASK_MAX);
    }
}
