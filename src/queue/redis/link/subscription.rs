//! The channel, heard on a connection of its own, subscribed again whenever it breaks.
//! A hint may be missed meanwhile, so its hearers are told of every new subscription.

use super::dial::{DialError, Dialer, Dialled};
use super::node::delays;
use super::whereabouts::Whereabouts;
use super::{LinkOptions, Message};
use bytes::Bytes;
use redis::{PushInfo, PushKind, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// A hearer this far behind is told so, which it takes for a message.
const MESSAGES_MAX: usize = 256;

pub(super) struct Subscription {
    pub(super) messages: broadcast::Sender<Message>,
    /// Unsubscribes when the link is dropped.
    _keeper: Option<AbortOnDropHandle<()>>,
}

impl Subscription {
    /// Starts subscribing; without a channel nothing is ever heard.
    pub(super) fn start(
        options: &LinkOptions,
        whereabouts: Whereabouts,
        dialer: Arc<Dialer>,
    ) -> Self {
        let messages = broadcast::Sender::new(MESSAGES_MAX);
        let keeper = options.channel.clone().map(|channel| {
            let hearer = Hearer {
                channel,
                silence_max: options.silence_max,
                whereabouts,
                dialer,
                messages: messages.clone(),
            };
            AbortOnDropHandle::new(tokio::spawn(hearer.keep()))
        });
        Self {
            messages,
            _keeper: keeper,
        }
    }
}

struct Hearer {
    channel: String,
    silence_max: Duration,
    whereabouts: Whereabouts,
    dialer: Arc<Dialer>,
    messages: broadcast::Sender<Message>,
}

impl Hearer {
    /// The node beside it tells people that Redis is away; this only tries again.
    async fn keep(self) {
        let mut pauses = delays();
        loop {
            match self.subscribe().await {
                Ok((dialled, pushes)) => {
                    pauses = delays();
                    self.tell(Message::Reconnected);
                    self.hear(dialled, pushes).await;
                    tracing::debug!("the subscription was lost");
                }
                Err(error) => tracing::debug!(reason = %error, "no subscription yet"),
            }
            sleep(pauses.next().expect("delays never end")).await;
        }
    }

    async fn subscribe(&self) -> Result<(Dialled, mpsc::UnboundedReceiver<PushInfo>), DialError> {
        let (sender, pushes) = mpsc::unbounded_channel();
        let mut dialled = self.whereabouts.dial(&self.dialer, Some(sender)).await?;
        let address = dialled.address.clone();
        let fails = |reason: &str| DialError::Unreachable(format!("{address}: {reason}"));
        let subscribed = timeout(
            self.dialer.response_timeout,
            dialled.connection.subscribe(&self.channel),
        );
        tokio::select! {
            subscribed = subscribed => subscribed
                .map_err(|_| fails("does not answer in time"))?
                .map_err(|error| fails(&error.to_string()))?,
            () = &mut dialled.driver => return Err(fails("the connection was closed")),
        }
        Ok((dialled, pushes))
    }

    /// Returns when the connection has broken.
    async fn hear(&self, dialled: Dialled, mut pushes: mpsc::UnboundedReceiver<PushInfo>) {
        let mut connection = dialled.connection;
        let listening = async {
            loop {
                match timeout(self.silence_max, pushes.recv()).await {
                    Ok(None) => return,
                    Ok(Some(push)) => {
                        if let Some(message) = published(push) {
                            self.tell(message);
                        }
                    }
                    Err(_) => {
                        let ping = redis::cmd("PING");
                        let asked = connection.send_packed_command(&ping);
                        let answer = timeout(self.dialer.response_timeout, asked).await;
                        if !matches!(answer, Ok(Ok(_))) {
                            return;
                        }
                    }
                }
            }
        };
        tokio::select! {
            () = listening => {}
            () = dialled.driver => {}
        }
    }

    /// Nobody listening is no failure.
    fn tell(&self, message: Message) {
        let _ = self.messages.send(message);
    }
}

/// The payload of `[channel, payload]`; other pushes confirm the subscription.
fn published(push: PushInfo) -> Option<Message> {
    match (push.kind, push.data.into_iter().nth(1)) {
        (PushKind::Message, Some(Value::BulkString(payload))) => {
            Some(Message::Published(Bytes::from(payload)))
        }
        _ => None,
    }
}
