//! Lua scripts on shards, whatever kind of Redis stands behind: one server, the master
//! that sentinels elected, or the nodes of a cluster. Knows nothing of the queue. Never
//! runs a call again that may have been executed: what was lost is the caller's to judge.

mod cluster;
mod dial;
mod node;
mod sentinel;
mod slots;
mod subscription;
pub mod url;
mod whereabouts;

use self::url::Form;
use crate::hex;
use bytes::Bytes;
use cluster::Cluster;
use dial::{DialError, Dialer};
use node::{Node, Refusal};
use redis::Value;
use sentinel::Sentinels;
use sha1::{Digest, Sha1};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use subscription::Subscription;
use tokio::sync::broadcast;
use whereabouts::Whereabouts;

/// One Lua script. Redis keeps it under the SHA-1 of its text.
pub struct Script {
    name: &'static str,
    text: String,
    sha: String,
}

impl Script {
    /// Computes the SHA-1 once. `name` is for people.
    #[must_use]
    pub fn new(name: &'static str, text: String) -> Self {
        let sha = hex::encode(&Sha1::digest(text.as_bytes()));
        Self { name, text, sha }
    }

    /// For people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// One script call on one shard.
pub struct Call<'a> {
    /// What runs.
    pub script: &'a Script,
    /// `KEYS[1]`; its hash tag, such as `ringback:{3}`, decides which node of a cluster runs it.
    pub key: &'a str,
    /// `ARGV`.
    pub args: Vec<Vec<u8>>,
}

/// How to reach Redis, beside its URL.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// Budget of one attempt to connect: DNS, TCP, TLS and the handshake.
    pub connect_timeout: Duration,
    /// A call that is not answered within this is lost, and so is its connection.
    pub response_timeout: Duration,
    /// A PEM file with the certificate authorities to trust instead of Mozilla's.
    pub tls_ca_file: Option<PathBuf>,
    /// A subscription that hears nothing this long sends a PING, to learn whether its
    /// connection stands. Nothing else is sent on it.
    pub silence_max: Duration,
    /// The channel that [`Link::subscribe`] hears. None: it hears nothing.
    pub channel: Option<String>,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(2),
            silence_max: Duration::from_secs(10),
            tls_ca_file: None,
            channel: None,
        }
    }
}

/// Why a call has no answer, or why there is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Redis cannot be used as configured: the text names the setting and the fix.
    #[error("{0}")]
    Settings(String),
    /// No answer, or a refusal that passes by itself: try later. The call may have
    /// been executed.
    #[error("Redis does not answer: {0}")]
    Unavailable(String),
    /// Redis is at its `maxmemory`: the call was refused whole.
    #[error("Redis is out of memory: raise its maxmemory or let the queue drain")]
    OutOfMemory,
    /// The script failed on our account.
    #[error("the script {name} failed: {message}")]
    Script {
        /// Of the script.
        name: &'static str,
        /// As Redis told it.
        message: String,
    },
}

/// What is heard on the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Somebody published this.
    Published(Bytes),
    /// The subscription stands anew: messages may have been missed before it.
    Reconnected,
}

/// The connection to Redis; clones share it. Its background tasks end with the last clone.
#[derive(Clone)]
pub struct Link {
    shape: Arc<Shape>,
    subscription: Arc<Subscription>,
    dialer: Arc<Dialer>,
}

enum Shape {
    /// One server.
    Single(Node),
    /// The master that the sentinels elected.
    Elected(Node),
    /// The masters of a cluster.
    Cluster(Cluster),
}

impl Link {
    /// Opens the link and waits for the first attempt to connect. A Redis that cannot be
    /// reached is no error: the link keeps trying, and calls are unavailable meanwhile.
    ///
    /// # Errors
    /// [`LinkError::Settings`] when trying again cannot help: the URL, the authorities'
    /// file, a password or a certificate is wrong.
    pub async fn open(url: &str, options: LinkOptions) -> Result<Self, LinkError> {
        let target = url::parse(url).map_err(|error| LinkError::Settings(error.to_string()))?;
        let dialer = Dialer::new(&target, &options).map_err(LinkError::Settings)?;
        let dialer = Arc::new(dialer);
        let (shape, whereabouts) = match target.form {
            Form::Single => {
                let host = target.hosts.into_iter().next();
                let whereabouts = Whereabouts::Fixed(host.expect("a URL has a host"));
                let node = Node::start(whereabouts.clone(), dialer.clone());
                (Shape::Single(node), whereabouts)
            }
            Form::Sentinel { master, login } => {
                let sentinel_dialer = dialer.towards_sentinels(login);
                let sentinels = Sentinels::new(master, target.hosts, sentinel_dialer);
                let whereabouts = Whereabouts::Elected(Arc::new(sentinels));
                let node = Node::start(whereabouts.clone(), dialer.clone());
                (Shape::Elected(node), whereabouts)
            }
            Form::Cluster => {
                let cluster = Cluster::start(target.hosts, dialer.clone());
                let anywhere = cluster.anywhere();
                (Shape::Cluster(cluster), anywhere)
            }
        };
        let started = match &shape {
            Shape::Single(node) | Shape::Elected(node) => node.started().await,
            Shape::Cluster(cluster) => cluster.started().await,
        };
        if let Err(DialError::Refused(reason)) = started {
            return Err(LinkError::Settings(reason));
        }
        let subscription = Subscription::start(&options, whereabouts, dialer.clone());
        Ok(Self {
            shape: Arc::new(shape),
            subscription: Arc::new(subscription),
            dialer,
        })
    }

    /// Runs calls; those of one server go in one pipeline, in order, different servers
    /// at the same time. One answer a call, in the order of the calls.
    pub async fn run(&self, calls: Vec<Call<'_>>) -> Vec<Result<Value, LinkError>> {
        if calls.is_empty() {
            return Vec::new();
        }
        let borrowed: Vec<&Call<'_>> = calls.iter().collect();
        let answers = match &*self.shape {
            Shape::Single(node) => node.run(&borrowed, false).await,
            Shape::Elected(node) => {
                let answers = node.run(&borrowed, false).await;
                if answers.iter().any(is_read_only) {
                    // It is the master no longer.
                    node.reconnect();
                }
                answers
            }
            Shape::Cluster(cluster) => cluster.run(&borrowed).await,
        };
        let named = answers.into_iter().zip(&calls);
        named
            .map(|(answer, call)| answer.map_err(|refusal| told(refusal, call.script.name)))
            .collect()
    }

    /// Connections opened so far. When it grows, a server was out of reach, and another
    /// one may have taken its place that does not have everything.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.dialer.opened.load(Ordering::Relaxed)
    }

    /// Whether shards are on different servers.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(*self.shape, Shape::Cluster(_))
    }

    /// One command on every master: for figures and tests, not for the queue.
    pub async fn command(&self, words: &[&str]) -> Vec<Result<Value, LinkError>> {
        let mut pipeline = redis::pipe();
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        pipeline.add_command(command);
        let answers = match &*self.shape {
            Shape::Single(node) | Shape::Elected(node) => vec![node.ask(&pipeline).await],
            Shape::Cluster(cluster) => cluster.ask_masters(&pipeline).await,
        };
        let answers = answers.into_iter().map(|answer| answer?.remove(0));
        answers
            .map(|answer| answer.map_err(|refusal| told(refusal, "command")))
            .collect()
    }

    /// What is published on the channel from now on, and every new subscription. A
    /// receiver that lags behind should take the error for a message.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.subscription.messages.subscribe()
    }
}

fn is_read_only(answer: &Result<Value, Refusal>) -> bool {
    matches!(answer, Err(Refusal::Said(error)) if error.code() == "READONLY")
}

/// The first word of an error is part of Redis's protocol.
fn told(refusal: Refusal, name: &'static str) -> LinkError {
    let error = match refusal {
        Refusal::Down(reason) | Refusal::Lost(reason) => return LinkError::Unavailable(reason),
        Refusal::Said(error) => error,
    };
    let message = format!("{} {}", error.code(), error.details().unwrap_or_default());
    match error.code() {
        "OOM" => LinkError::OutOfMemory,
        // Loading, failing over, resharding, another script running too long, disk full,
        // or permissions an operator is changing.
        "ASK" | "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "MISCONF" | "MOVED"
        | "NOAUTH" | "NOPERM" | "NOREPLICAS" | "NOSCRIPT" | "READONLY" | "TRYAGAIN" => {
            LinkError::Unavailable(message)
        }
        _ => LinkError::Script { name, message },
    }
}
