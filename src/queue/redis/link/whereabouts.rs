//! Where a connection goes, decided anew each time one is opened.

use super::dial::{DialError, Dialer, Dialled, Pushes};
use super::sentinel::Sentinels;
use super::slots::Slots;
use super::url::Address;
use redis::Value;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::timeout;

#[derive(Clone)]
pub(super) enum Whereabouts {
    /// Always the same server.
    Fixed(Address),
    /// Whichever the sentinels elected.
    Elected(Arc<Sentinels>),
    /// Any node of a cluster.
    Member {
        seeds: Vec<Address>,
        slots: watch::Receiver<Arc<Slots>>,
    },
}

impl Whereabouts {
    /// The first place that answers, as what it should be.
    pub(super) async fn dial(
        &self,
        dialer: &Dialer,
        pushes: Option<Pushes>,
    ) -> Result<Dialled, DialError> {
        let mut last_error = DialError::Unreachable("nobody knows where it is".to_owned());
        for place in self.places().await? {
            let dialled = dialer.dial(&place, pushes.clone()).await;
            let checked = match (dialled, self) {
                (Ok(dialled), Self::Elected(_)) => as_master(dialled, dialer).await,
                (dialled, _) => dialled,
            };
            match checked {
                Ok(dialled) => return Ok(dialled),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    async fn places(&self) -> Result<Vec<Address>, DialError> {
        match self {
            Self::Fixed(address) => Ok(vec![address.clone()]),
            Self::Elected(sentinels) => sentinels.masters().await,
            Self::Member { seeds, slots } => {
                let mut places = slots.borrow().masters().to_vec();
                places.extend_from_slice(seeds);
                // Subscribers spread over the nodes, and one that is away is not the
                // first choice of everybody each time.
                let start = rand::random_range(0..places.len());
                places.rotate_left(start);
                Ok(places)
            }
        }
    }
}

/// Sentinels tell of a new master a moment before it is one, and an old master believes
/// in itself until it is told.
async fn as_master(mut dialled: Dialled, dialer: &Dialer) -> Result<Dialled, DialError> {
    let mut question = redis::pipe();
    question.cmd("ROLE");
    let address = dialled.address.clone();
    let fails = |reason: &str| DialError::Unreachable(format!("{address}: {reason}"));
    let answer = timeout(dialer.response_timeout, dialled.ask(&question))
        .await
        .map_err(|_| fails("does not answer in time"))??;
    match answer.first() {
        Some(Value::Array(role)) if role.first() == Some(&Value::BulkString(b"master".into())) => {
            Ok(dialled)
        }
        _ => Err(fails("is not the master")),
    }
}
