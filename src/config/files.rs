//! Where `[files]` keeps what is uploaded.

use crate::config::{Config, Files};
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use url::Url;

/// What `files.url` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Files are refused.
    Nowhere,
    /// A folder.
    Folder(PathBuf),
    /// A bucket.
    Bucket(BucketUrl),
}

/// A bucket with what opens it. Holds a secret: no `Debug` of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketUrl {
    /// The access key.
    pub key_id: String,
    /// Its secret.
    pub secret_key: String,
    /// The bucket's name.
    pub bucket: String,
    /// Before every name in it; may be empty.
    pub prefix: String,
    /// Where it is.
    pub region: String,
    /// Another server than Amazon's.
    pub endpoint: Option<String>,
}

impl std::fmt::Debug for BucketUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "BucketUrl({})", self.bucket)
    }
}

impl BucketUrl {
    /// Reads `s3://key:secret@bucket/prefix?region=..&endpoint=..`.
    fn parse(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "s3")?;
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            (!text.is_empty()).then(|| text.into_owned())
        };
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        };
        let endpoint = parameter("endpoint");
        let is_http = |text: &String| {
            Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        if endpoint.as_ref().is_some_and(|endpoint| !is_http(endpoint)) {
            return None;
        }
        Some(Self {
            key_id: decoded(url.username())?,
            secret_key: decoded(url.password()?)?,
            bucket: url.host_str()?.to_owned(),
            prefix: url.path().trim_matches('/').to_owned(),
            region: parameter("region")?,
            endpoint,
        })
    }
}

impl Config {
    /// Where the bytes of files are kept.
    #[must_use]
    pub fn files_place(&self) -> Place {
        let url = self.files.url.reveal();
        if let Some(bucket) = BucketUrl::parse(url) {
            return Place::Bucket(bucket);
        }
        match url.strip_prefix("file:") {
            // Another process would not find what is in a folder of this one.
            Some("") if self.store.postgres_url().is_some() => Place::Nowhere,
            Some("") => Place::Folder(self.data.dir.join("files")),
            Some(path) => Place::Folder(path.trim_start_matches("//").into()),
            None => Place::Nowhere,
        }
    }
}

impl Files {
    /// Every broken rule.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let url = self.url.reveal();
        let folder = url.strip_prefix("file:");
        let is_folder = folder.is_some_and(|path| path.is_empty() || path.starts_with("///"));
        if !is_folder && BucketUrl::parse(url).is_none() {
            problems.push(
                "files.url must be \"file:\", name a folder, such as \"file:///srv/files\", or a \
                 bucket: \"s3://key:secret@bucket/prefix?region=eu-central-1\", with %2F for / in \
                 the secret"
                    .to_owned(),
            );
        }
        if self.uploads_max == 0 {
            problems.push("files.uploads_max must be at least 1".to_owned());
        }
        if self.file_bytes_max == 0 {
            problems.push("files.file_bytes_max must be at least 1".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_a_folder_or_in_a_bucket() {
        let place = |url: &str| {
            let text = format!("files.url = {url:?}");
            let config = Config::build(Some(("test.toml", &text)), std::iter::empty());
            config.map(|config| (config.files_place(), config.to_toml()))
        };
        let full = "s3://AK:a%2Fb%2Bc@bucket/some/place/?region=eu-west-1&endpoint=http://h:9";
        let (found, shown) = place(full).unwrap();
        let expected = BucketUrl {
            key_id: "AK".to_owned(),
            secret_key: "a/b+c".to_owned(),
            bucket: "bucket".to_owned(),
            prefix: "some/place".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: Some("http://h:9".to_owned()),
        };
        assert_eq!(found, Place::Bucket(expected));
        assert!(!shown.contains("a%2Fb"), "{shown}");
        let (found, _) = place("file:///srv/files").unwrap();
        assert_eq!(found, Place::Folder("/srv/files".into()));
        for bad in [
            "s3://bucket/prefix?region=eu-west-1",
            "s3://AK:secret@bucket/prefix",
            "s3://AK:secret@bucket?region=x&endpoint=ftp://h",
            "gs://AK:secret@bucket?region=x",
            "file:files",
        ] {
            let problem = place(bad).unwrap_err().to_string();
            assert!(problem.contains("files.url"), "{bad}");
        }
    }
}
