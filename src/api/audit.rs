//! What of a call goes into the audit log, and when: every call that changes something and
//! was made by somebody known, whether it was permitted or not. The labelling side's
//! results and claims are not changes of an account; the journal keeps those.

use crate::access::Action;
use crate::api::caller::Caller;
use crate::callback::TimestampMs;
use crate::records::audit::AuditEntry;
use crate::records::sessions::Origin;
use crate::records::users::User;
use axum::extract::{Extension, MatchedPath};
use axum::http::header::USER_AGENT;
use axum::http::{Extensions, HeaderMap, Method, Uri};
use axum::response::Response;
use std::net::IpAddr;

/// Where a request comes from; the accept loop puts it into each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// From where and with what a call comes.
pub(crate) fn origin(peer: Option<Extension<Peer>>, headers: &HeaderMap) -> Origin {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    Origin {
        address: peer.map_or_else(String::new, |Extension(Peer(ip))| ip.to_string()),
        agent: agent.unwrap_or_default().to_owned(),
    }
}

/// Put into a response by a handler whose caller is not known before it ran (signing in,
/// accepting an invitation): whose log, and who.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// The team.
    pub(crate) team: String,
    /// The person.
    pub(crate) actor: String,
}

impl Signed {
    /// By this person.
    pub(crate) fn by(user: &User) -> Self {
        Self {
            team: user.team.clone(),
            actor: format!("person {}", user.email),
        }
    }
}

/// A call that may have to go into the log.
pub(super) struct Call {
    what: String,
    target: String,
    address: String,
    caller: Caller,
}

impl Call {
    /// `None` for a call that changes nothing of an account.
    pub(super) fn new(
        action: Action,
        caller: &Caller,
        method: &Method,
        uri: &Uri,
        extensions: &Extensions,
    ) -> Option<Self> {
        if method.is_safe() || action == Action::Labelling {
            return None;
        }
        let route = extensions.get::<MatchedPath>();
        let route = route.map_or(uri.path(), MatchedPath::as_str);
        let peer = extensions.get::<Peer>();
        Some(Self {
            what: format!("{method} {route}"),
            target: uri.path().to_owned(),
            address: peer.map_or_else(String::new, |peer| peer.0.to_string()),
            caller: caller.clone(),
        })
    }

    /// What goes into the log once it is answered. `None` when nobody known made it.
    pub(super) fn entry(self, response: &Response, now: TimestampMs) -> Option<AuditEntry> {
        let signed = response.extensions().get::<Signed>();
        let (team, actor) = match (signed, &self.caller) {
            (Some(signed), _) => (signed.team.clone(), signed.actor.clone()),
            (None, Caller::Nobody) => return None,
            (None, Caller::Producer(name)) => (String::new(), format!("producer {name}")),
            (None, Caller::Person(person)) => {
                (person.team.to_string(), format!("person {}", person.email))
            }
            (None, Caller::Key(owner)) => (owner.team.to_string(), format!("key {}", owner.id)),
        };
        Some(AuditEntry {
            team,
            at: now,
            actor,
            action: self.what,
            target: self.target,
            address: self.address,
            status: response.status().as_u16(),
        })
    }
}
