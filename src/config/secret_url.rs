//! A URL that may hold a password. Shown, logged and serialised masked; only who connects
//! asks for the whole.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{Debug, Formatter};

const MASK: &str = "***";

/// A URL that may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The whole, for whoever connects to it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text before the first colon, which holds no secret.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl From<&str> for SecretUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Debug for SecretUrl {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        Debug::fmt(&mask_passwords(&self.0), out)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&mask_passwords(&self.0))
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Replaces whatever may be a password in the URLs of a text; rather too much than too little.
#[must_use]
pub fn mask_passwords(text: &str) -> String {
    let masked: Vec<_> = text
        .split('\n')
        .map(|line| mask_parameter(&mask_user(line)))
        .collect();
    masked.join("\n")
}

/// `scheme://user:password@`: the last `@` of the line counts, as passwords may hold others.
fn mask_user(line: &str) -> String {
    let masked = || {
        let (before, rest) = line.split_once("://")?;
        let (user, after) = rest.rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{before}://{user}:{MASK}@{after}"))
    };
    masked().unwrap_or_else(|| line.to_owned())
}

/// `?password=...`, which PostgreSQL's URLs may hold.
fn mask_parameter(line: &str) -> String {
    const NAME: &str = "password=";
    let masked = || {
        let start = line.find("://")?;
        let value = start + line[start..].find(NAME)? + NAME.len();
        let ends = |c: char| matches!(c, '&' | '"' | '\'') || c.is_whitespace();
        let end = line[value..].find(ends).map_or(line.len(), |at| value + at);
        Some(format!("{}{MASK}{}", &line[..value], &line[end..]))
    };
    masked().unwrap_or_else(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        let check = |text: &str, expected: &str| {
            assert_eq!(mask_passwords(text), expected);
            assert_eq!(
                format!("{:?}", SecretUrl::from(text)),
                format!("{expected:?}")
            );
        };
        check("sqlite:", "sqlite:");
        check("postgres://host:5432/name", "postgres://host:5432/name");
        check(
            "postgres://me:pass@host/name",
            "postgres://me:***@host/name",
        );
        check("redis://:p@ss:w@host:6379/0", "redis://:***@host:6379/0");
        check(
            "url = \"postgres://me:pass@host/name\"\nnext = 1",
            "url = \"postgres://me:***@host/name\"\nnext = 1",
        );
        check(
            "postgres://host/name?user=me&password=pass&sslmode=require",
            "postgres://host/name?user=me&password=***&sslmode=require",
        );
    }
}
