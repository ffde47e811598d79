//! Who is calling: a producer, a team's API key, a person who is signed in, or nobody.
//! Says who it is, never what they may do.

use crate::access::Actor;
use crate::api::cookie;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::{Mode, TeamId};
use crate::records::api_keys::KeyOwner;
use crate::records::sessions::{Person, TOKEN_PREFIX};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// Who is calling.
#[derive(Debug, Clone)]
pub enum Caller {
    /// No key was sent, or one that is not known.
    Nobody,
    /// A program of the labelling side, by its name.
    Producer(Arc<str>),
    /// A program with a team's API key.
    Key(Arc<KeyOwner>),
    /// A person who is signed in.
    Person(Arc<Person>),
}

impl Caller {
    /// As whom access is judged.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Nobody => Actor::Nobody,
            Self::Producer(_) => Actor::Producer,
            Self::Key(_) => Actor::Key,
            Self::Person(person) => Actor::Person(person.role),
        }
    }

    /// Whose requests are counted together; producers' are not counted.
    #[must_use]
    pub fn bucket(&self) -> Option<String> {
        match self {
            Self::Nobody | Self::Producer(_) => None,
            Self::Key(owner) => Some(format!("key {}", owner.id)),
            Self::Person(person) => Some(format!("person {}", person.user)),
        }
    }

    /// The caller's own team; producers have none.
    #[must_use]
    pub fn team(&self) -> Option<&TeamId> {
        match self {
            Self::Nobody | Self::Producer(_) => None,
            Self::Key(owner) => Some(&owner.team),
            Self::Person(person) => Some(&person.team),
        }
    }
}

/// Put into the request by the route's rule.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>();
        caller.cloned().ok_or(ApiError::Unauthorized)
    }
}

/// The API key of the public API, whose mode chooses the world.
impl<S: Sync> FromRequestParts<S> for KeyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Key(owner) => Ok(Self(owner)),
            // People have no mode: they act on the live side.
            Caller::Person(person) => Ok(Self(Arc::new(KeyOwner {
                id: person.user.clone(),
                team: person.team.clone(),
                mode: Mode::Live,
            }))),
            Caller::Nobody | Caller::Producer(_) => Err(ApiError::Unauthorized),
        }
    }
}

/// A caller that belongs to a team: a person of it, or one of its keys.
#[derive(Debug, Clone)]
pub struct TeamCaller(pub TeamId);

impl<S: Sync> FromRequestParts<S> for TeamCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let team = caller.team().cloned();
        team.map(Self).ok_or(ApiError::Unauthorized)
    }
}

/// A caller that must be a person.
#[derive(Debug, Clone)]
pub struct PersonCaller(pub Arc<Person>);

impl<S: Sync> FromRequestParts<S> for PersonCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) => Ok(Self(person)),
            Caller::Key(_) => Err(ApiError::Forbidden),
            Caller::Nobody | Caller::Producer(_) => Err(ApiError::Unauthorized),
        }
    }
}

/// An API key, or a person in its place.
#[derive(Debug, Clone)]
pub struct KeyCaller(pub Arc<KeyOwner>);

/// Who sent these headers.
///
/// # Errors
/// [`ApiError::Unavailable`] when the records do not answer.
pub(super) async fn identify(
    app: &App,
    headers: &HeaderMap,
    path: &str,
) -> Result<Caller, ApiError> {
    // Pages know people by their browser's cookie and nobody else; everything else knows no
    // cookie, so that it cannot be ridden on.
    let is_page = path.starts_with("/dashboard");
    let secret = if is_page {
        let token = cookie::token(headers).map(str::to_owned);
        token.filter(|token| token.starts_with(TOKEN_PREFIX))
    } else {
        secret(headers)
    };
    let Some(secret) = secret else {
        return Ok(Caller::Nobody);
    };
    if secret.starts_with(TOKEN_PREFIX) {
        let person = app.person_of(&secret).await?;
        return Ok(person.map_or(Caller::Nobody, Caller::Person));
    }
    if let Some(name) = app.producer_of(&secret).await? {
        return Ok(Caller::Producer(name));
    }
    if let Some(owner) = app.key_owner(&secret).await? {
        return Ok(Caller::Key(owner));
    }
    Ok(Caller::Nobody)
}

/// `Bearer <key>`, or `Basic` with the key as user name and no password (Scale API,
/// Authentication).
fn secret(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (user, _) = pair.split_once(':')?;
    Some(user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_as_bearer_or_as_the_basic_user() {
        let check = |value: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(secret(&headers).as_deref(), expected, "{value}");
        };
        check("Bearer live_1", Some("live_1"));
        check("bearer  live_1 ", Some("live_1"));
        check("Basic bGl2ZV8xOg==", Some("live_1"));
        check("BASIC bGl2ZV8xOnBhc3M=", Some("live_1"));
        check("Basic bGl2ZV8x", None);
        check("Basic %%%", None);
        check("Digest live_1", None);
        check("live_1", None);
    }
}
