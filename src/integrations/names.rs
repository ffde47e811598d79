//! PURE: what a customer names at a cloud, and what a legal name is. The names end up in URLs
//! and host names, so nothing passes that a cloud would not have given.

use crate::callback::bucket::Cloud;
use crate::cloud::Place;
use crate::cloud::aws::AwsPlace;
use crate::cloud::azure::AzurePlace;
use crate::cloud::gcp::GcpPlace;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

/// Longest prefix of large results.
const PREFIX_BYTES_MAX: usize = 200;

/// What a team named at a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Names {
    /// At Amazon.
    Aws {
        /// The role to take.
        role_arn: String,
        /// Where the bucket is.
        region: String,
        /// The bucket.
        bucket: String,
    },
    /// At Azure.
    Azure {
        /// The customer's tenant.
        tenant_id: String,
        /// The storage account.
        account: String,
        /// The container in it.
        container: String,
    },
    /// At Google.
    Gcp {
        /// The service account to act as.
        service_account: String,
        /// The bucket.
        bucket: String,
    },
}

/// A name that is not legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illegal {
    /// Which one.
    pub field: &'static str,
    /// What would be legal.
    pub reason: String,
}

/// The fields that a cloud asks for.
#[must_use]
pub fn fields(cloud: Cloud) -> &'static [&'static str] {
    match cloud {
        Cloud::Aws => &["role_arn", "region", "bucket"],
        Cloud::Gcp => &["service_account", "bucket"],
        Cloud::Azure => &["tenant_id", "account", "container"],
    }
}

impl Names {
    /// Checks what was given for each field of the cloud. The name of a service account must
    /// hold the team's own short id: only an account made for this team does.
    ///
    /// # Errors
    /// [`Illegal`] names the first field that is wrong.
    pub fn parse(
        cloud: Cloud,
        given: impl Fn(&'static str) -> String,
        short_id: &str,
    ) -> Result<Self, Illegal> {
        let checked = |field: &'static str, is_legal: fn(&str) -> bool, reason: &str| {
            let text = given(field);
            if is_legal(&text) {
                Ok(text)
            } else {
                let reason = format!("must be {reason}");
                Err(Illegal { field, reason })
            }
        };
        match cloud {
            Cloud::Aws => Ok(Self::Aws {
                role_arn: checked(
                    "role_arn",
                    is_role,
                    "a role's ARN such as arn:aws:iam::123456789012:role/ringback",
                )?,
                region: checked("region", is_region, "a region such as eu-central-1")?,
                bucket: checked("bucket", is_s3_bucket, "a bucket's name, without s3://")?,
            }),
            Cloud::Gcp => {
                let service_account = checked(
                    "service_account",
                    is_service_account,
                    "an address such as ringback-ab12cd34@project.iam.gserviceaccount.com",
                )?;
                let name = service_account.split('@').next().unwrap_or_default();
                if !name.contains(short_id) {
                    return Err(Illegal {
                        field: "service_account",
                        reason: format!(
                            "must hold {short_id} before the @: it shows that the account was \
                             made for your team"
                        ),
                    });
                }
                let bucket = checked("bucket", is_gcs_bucket, "a bucket's name, without gs://")?;
                Ok(Self::Gcp {
                    service_account,
                    bucket,
                })
            }
            Cloud::Azure => Ok(Self::Azure {
                tenant_id: checked("tenant_id", is_tenant, "the tenant's UUID")?,
                account: checked(
                    "account",
                    is_storage_account,
                    "a storage account's name: 3 to 24 of a-z and 0-9",
                )?,
                container: checked(
                    "container",
                    is_container,
                    "a container's name: 3 to 63 of a-z, 0-9 and single hyphens",
                )?,
            }),
        }
    }

    /// Whose.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        match self {
            Self::Aws { .. } => Cloud::Aws,
            Self::Gcp { .. } => Cloud::Gcp,
            Self::Azure { .. } => Cloud::Azure,
        }
    }

    /// What was given for a field; empty when it is another cloud's.
    #[must_use]
    pub fn get(&self, field: &str) -> &str {
        match (self, field) {
            (Self::Aws { role_arn, .. }, "role_arn") => role_arn,
            (Self::Aws { region, .. }, "region") => region,
            (Self::Aws { bucket, .. } | Self::Gcp { bucket, .. }, "bucket") => bucket,
            (
                Self::Gcp {
                    service_account, ..
                },
                "service_account",
            ) => service_account,
            (Self::Azure { tenant_id, .. }, "tenant_id") => tenant_id,
            (Self::Azure { account, .. }, "account") => account,
            (Self::Azure { container, .. }, "container") => container,
            _ => "",
        }
    }

    /// As whom the bucket is entered.
    #[must_use]
    pub fn place(&self, external_id: &str) -> Place {
        let external_id = external_id.to_owned();
        match self.clone() {
            Self::Aws {
                role_arn,
                region,
                bucket,
            } => Place::Aws(AwsPlace {
                role_arn,
                external_id,
                region,
                bucket,
            }),
            Self::Gcp {
                service_account,
                bucket,
            } => Place::Gcp(GcpPlace {
                service_account,
                bucket,
            }),
            Self::Azure {
                tenant_id,
                account,
                container,
            } => Place::Azure(AzurePlace {
                tenant_id,
                external_id,
                account,
                container,
            }),
        }
    }

    /// The bucket as attachments name it, without a slash at its end.
    #[must_use]
    pub fn bucket_url(&self) -> String {
        match self {
            Self::Aws { bucket, .. } => format!("s3://{bucket}"),
            Self::Gcp { bucket, .. } => format!("gs://{bucket}"),
            Self::Azure {
                account, container, ..
            } => format!("https://{account}.blob.core.windows.net/{container}"),
        }
    }

    /// The object that an attachment names, if it is in this bucket.
    #[must_use]
    pub fn key_of(&self, attachment: &str) -> Option<String> {
        let key = attachment.strip_prefix(&self.bucket_url())?;
        let key = key.strip_prefix('/').filter(|key| !key.is_empty())?;
        match self {
            Self::Aws { .. } | Self::Gcp { .. } => Some(key.to_owned()),
            // A URL of the web, where names are encoded.
            Self::Azure { .. } => {
                let key = percent_decode_str(key).decode_utf8().ok()?;
                Some(key.into_owned())
            }
        }
    }
}

/// The cloud that an attachment's URL is about; `None` for URLs that anybody may read, among
/// them those of blobs that are signed already.
#[must_use]
pub fn cloud_of(attachment: &str) -> Option<Cloud> {
    if attachment.starts_with("s3://") {
        return Some(Cloud::Aws);
    }
    if attachment.starts_with("gs://") {
        return Some(Cloud::Gcp);
    }
    let is_web = attachment.starts_with("https://") && attachment.contains(".blob.");
    let url = is_web.then(|| Url::parse(attachment).ok()).flatten()?;
    let is_blob = url.host_str()?.ends_with(".blob.core.windows.net");
    (is_blob && url.query().is_none()).then_some(Cloud::Azure)
}

/// What stands before the names of large results; may be empty.
///
/// # Errors
/// [`Illegal`] says what would be legal.
pub fn check_prefix(prefix: &str) -> Result<(), Illegal> {
    let is_part = |part: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(legal)
    };
    if prefix.is_empty() || (prefix.len() <= PREFIX_BYTES_MAX && prefix.split('/').all(is_part)) {
        return Ok(());
    }
    Err(Illegal {
        field: "prefix",
        reason: format!(
            "must be at most {PREFIX_BYTES_MAX} of letters, digits, . _ - and single slashes \
             between them"
        ),
    })
}

fn is_role(text: &str) -> bool {
    let inner = || {
        let rest = text.strip_prefix("arn:aws:iam::")?;
        let (account, name) = rest.split_once(":role/")?;
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte);
        let name_is_legal = name.bytes().all(legal) && !name.ends_with('/');
        Some(digits && !name.is_empty() && name.len() <= 512 && name_is_legal)
    };
    inner().unwrap_or(false)
}

fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return false;
    };
    let is_word = |part: &&&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let words = parts[..parts.len() - 1].iter().filter(is_word).count();
    text.len() <= 30
        && (3..=5).contains(&parts.len())
        && first.len() == 2
        && words == parts.len() - 1
        && (1..=2).contains(&last.len())
        && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// 3 to 63 of a-z, 0-9, hyphens and dots, as host names have them.
fn is_host_like(text: &str, extra: &[u8]) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<u8>| byte.is_some_and(legal);
    (3..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| legal(byte) || extra.contains(&byte))
        && ends(text.bytes().next())
        && ends(text.bytes().last())
}

fn is_s3_bucket(text: &str) -> bool {
    is_host_like(text, b"-.")
        && !text.contains("..")
        && text.parse::<std::net::Ipv4Addr>().is_err()
        && !text.starts_with("xn--")
        && !text.ends_with("-s3alias")
        && !text.ends_with("--ol-s3")
        && !text.ends_with("--x-s3")
}

fn is_gcs_bucket(text: &str) -> bool {
    is_host_like(text, b"-._")
        && !text.contains("..")
        && text.parse::<std::net::Ipv4Addr>().is_err()
        && !text.starts_with("goog")
}

fn is_service_account(text: &str) -> bool {
    let inner = || {
        let (name, host) = text.split_once('@')?;
        let project = host.strip_suffix(".iam.gserviceaccount.com")?;
        let starts = |text: &str| text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        let is_id = |text: &str| text.len() <= 30 && is_host_like(text, b"-") && starts(text);
        // Projects of old domains stand behind a second name.
        let mut parts = project.split('.');
        Some(is_id(name) && parts.all(is_id))
    };
    inner().unwrap_or(false)
}

fn is_tenant(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok() && !text.contains(char::is_uppercase)
}

fn is_storage_account(text: &str) -> bool {
    text.len() <= 24 && is_host_like(text, b"")
}

fn is_container(text: &str) -> bool {
    is_host_like(text, b"-") && !text.contains("--")
}

#[cfg(test)]
mod tests;
