//! The nodes of a cluster and which of them serves a key. Follows MOVED and ASK, which
//! say that a call was not executed, and asks for the slots anew when something is off.

use super::Call;
use super::dial::{DialError, Dialer};
use super::node::{Node, Refusal, delays};
use super::slots::Slots;
use super::url::Address;
use super::whereabouts::Whereabouts;
use futures_util::future::join_all;
use redis::{Pipeline, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// A call is redirected this often: once for a slot that moved, once for one that is
/// moving, and spare.
const REDIRECTS_MAX: usize = 4;

/// Between two looks at the slots, however many calls ask for one.
const REFRESH_PAUSE: Duration = Duration::from_millis(200);

pub(super) struct Cluster {
    shared: Arc<Shared>,
    slots: watch::Receiver<Arc<Slots>>,
    _keeper: AbortOnDropHandle<()>,
}

struct Shared {
    seeds: Vec<Address>,
    dialer: Arc<Dialer>,
    nodes: Mutex<HashMap<Address, Arc<Node>>>,
    /// Somebody found the slots wrong, or a node away.
    stale: Notify,
    /// How the first look for the slots ended.
    first: watch::Sender<Option<Result<(), DialError>>>,
}

/// A call on its way to a node.
struct Way {
    /// Of the call.
    index: usize,
    place: Place,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    node: Address,
    /// The node is only taking the slot over, and wants to hear that we know.
    asking: bool,
}

impl Cluster {
    /// Starts looking at the slots.
    pub(super) fn start(seeds: Vec<Address>, dialer: Arc<Dialer>) -> Self {
        let shared = Arc::new(Shared {
            seeds,
            dialer,
            nodes: Mutex::default(),
            stale: Notify::new(),
            first: watch::Sender::new(None),
        });
        let (sender, slots) = watch::channel(Arc::new(Slots::unknown()));
        let keeper = tokio::spawn(keep(shared.clone(), sender));
        Self {
            shared,
            slots,
            _keeper: AbortOnDropHandle::new(keeper),
        }
    }

    /// Returns how the first look for the slots ended.
    pub(super) async fn started(&self) -> Result<(), DialError> {
        let mut first = self.shared.first.subscribe();
        let ended = first.wait_for(Option::is_some).await;
        let ended = ended.expect("the sender is shared").clone();
        ended.expect("waited until there is one")
    }

    /// Any node, for a subscription: what is published reaches all of them.
    pub(super) fn anywhere(&self) -> Whereabouts {
        Whereabouts::Member {
            seeds: self.shared.seeds.clone(),
            slots: self.slots.clone(),
        }
    }

    /// Runs calls, those of one node in one pipeline, in order; nodes at the same time.
    pub(super) async fn run(&self, calls: &[&Call<'_>]) -> Vec<Result<Value, Refusal>> {
        let unserved = || Err(Refusal::Down("no node serves the slot".to_owned()));
        let mut answers: Vec<_> = calls.iter().map(|_| unserved()).collect();
        let mut ways = self.ways(calls);
        for _ in 0..=REDIRECTS_MAX {
            let mut redirected = Vec::new();
            for (way, answer) in self.run_along(calls, ways).await {
                let place = answer
                    .as_ref()
                    .err()
                    .and_then(|error| way.place.redirected(error));
                redirected.extend(place.map(|place| Way { place, ..way }));
                answers[way.index] = answer;
            }
            if redirected.is_empty() {
                break;
            }
            redirected.sort_unstable_by_key(|way| way.index);
            ways = redirected;
        }
        answers
    }

    /// The same to every master, and the answers of each.
    pub(super) async fn ask_masters(
        &self,
        pipeline: &Pipeline,
    ) -> Vec<Result<Vec<Result<Value, Refusal>>, Refusal>> {
        let slots = self.slots.borrow().clone();
        let masters = slots.masters().iter();
        let nodes: Vec<_> = masters.map(|master| self.shared.node(master)).collect();
        join_all(nodes.iter().map(|node| node.ask(pipeline))).await
    }

    /// Calls whose slot nobody serves have no way.
    fn ways(&self, calls: &[&Call<'_>]) -> Vec<Way> {
        let slots = self.slots.borrow().clone();
        let mut ways = Vec::with_capacity(calls.len());
        for (index, call) in calls.iter().enumerate() {
            match slots.owner(call.key) {
                None => self.shared.stale.notify_one(),
                Some(owner) => {
                    let node = owner.clone();
                    let place = Place {
                        node,
                        asking: false,
                    };
                    ways.push(Way { index, place });
                }
            }
        }
        ways
    }

    async fn run_along(
        &self,
        calls: &[&Call<'_>],
        ways: Vec<Way>,
    ) -> Vec<(Way, Result<Value, Refusal>)> {
        let mut groups: HashMap<Place, Vec<usize>> = HashMap::new();
        for way in ways {
            groups.entry(way.place).or_default().push(way.index);
        }
        let runs = groups.into_iter().map(async |(place, indexes)| {
            let group: Vec<&Call<'_>> = indexes.iter().map(|index| calls[*index]).collect();
            let node = self.shared.node(&place.node);
            let answers = node.run(&group, place.asking).await;
            if answers.iter().any(is_stale) {
                self.shared.stale.notify_one();
            }
            let ways = indexes.into_iter().map(move |index| Way {
                index,
                place: place.clone(),
            });
            ways.zip(answers).collect::<Vec<_>>()
        });
        join_all(runs).await.into_iter().flatten().collect()
    }
}

impl Place {
    /// Where MOVED or ASK sends a call that was sent here.
    fn redirected(&self, refusal: &Refusal) -> Option<Self> {
        let Refusal::Said(error) = refusal else {
            return None;
        };
        let asking = match error.code() {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let (_, address) = error.details()?.split_once(' ')?;
        let (host, port) = address.rsplit_once(':')?;
        // A node that does not know the other's host means its own.
        let host = if host.is_empty() {
            &self.node.host
        } else {
            host
        };
        let node = Address {
            host: host.to_owned(),
            port: port.parse().ok()?,
        };
        Some(Self { node, asking })
    }
}

/// Whether the slots may have changed hands.
fn is_stale(answer: &Result<Value, Refusal>) -> bool {
    match answer {
        Ok(_) => false,
        Err(Refusal::Down(_) | Refusal::Lost(_)) => true,
        Err(Refusal::Said(error)) => {
            matches!(error.code(), "MOVED" | "CLUSTERDOWN" | "READONLY")
        }
    }
}

impl Shared {
    fn nodes(&self) -> MutexGuard<'_, HashMap<Address, Arc<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to this node, opened now if there is none.
    fn node(&self, address: &Address) -> Arc<Node> {
        let mut nodes = self.nodes();
        if let Some(node) = nodes.get(address) {
            return node.clone();
        }
        let whereabouts = Whereabouts::Fixed(address.clone());
        let node = Arc::new(Node::start(whereabouts, self.dialer.clone()));
        nodes.insert(address.clone(), node.clone());
        node
    }

    /// Asks the nodes that are connected, then the seeds.
    async fn look(&self) -> Result<Slots, DialError> {
        let mut question = redis::pipe();
        question.cmd("CLUSTER").arg("SLOTS");
        let nodes: Vec<_> = self.nodes().clone().into_iter().collect();
        for (address, node) in nodes.iter().filter(|(_, node)| node.is_up()) {
            let answers = node.ask(&question).await.unwrap_or_default();
            if let Some(Ok(answer)) = answers.first()
                && let Some(slots) = Slots::read(answer, address)
            {
                return Ok(slots);
            }
        }
        let mut last_error = None;
        for seed in &self.seeds {
            match self.ask_seed(seed, &question).await {
                Ok(slots) => return Ok(slots),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.expect("a URL has at least one host"))
    }

    async fn ask_seed(&self, seed: &Address, question: &Pipeline) -> Result<Slots, DialError> {
        let fails = |reason: &str| DialError::Unreachable(format!("{seed}: {reason}"));
        let mut dialled = self.dialer.dial(seed, None).await?;
        let answers = timeout(self.dialer.response_timeout, dialled.ask(question))
            .await
            .map_err(|_| fails("does not answer in time"))??;
        match answers.first() {
            Some(Value::ServerError(error)) if error.code() == "ERR" => {
                Err(DialError::Refused(format!(
                    "queue.url: {seed} is not a node of a cluster: use redis:// for one server"
                )))
            }
            Some(answer) => Slots::read(answer, seed).ok_or_else(|| fails("tells no slots")),
            None => Err(fails("tells no slots")),
        }
    }

    /// Closes connections to nodes that serve nothing any more.
    fn keep_only(&self, masters: &[Address]) {
        self.nodes().retain(|address, _| masters.contains(address));
    }
}

async fn keep(shared: Arc<Shared>, sender: watch::Sender<Arc<Slots>>) {
    let mut pauses = delays();
    let mut is_told_away = false;
    loop {
        let looked = shared.look().await;
        let ended = looked.as_ref().map(|_| ()).map_err(DialError::clone);
        match looked {
            Ok(slots) => {
                if is_told_away {
                    tracing::info!("the Redis cluster is back");
                    is_told_away = false;
                }
                pauses = delays();
                shared.keep_only(slots.masters());
                sender.send_replace(Arc::new(slots));
            }
            Err(error) if !is_told_away => {
                tracing::warn!(reason = %error, "the Redis cluster is away");
                is_told_away = true;
            }
            Err(_) => {}
        }
        shared.first.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(ended.clone());
            is_first
        });
        if ended.is_ok() {
            sleep(REFRESH_PAUSE).await;
            shared.stale.notified().await;
        } else {
            sleep(pauses.next().expect("delays never end")).await;
        }
    }
}
