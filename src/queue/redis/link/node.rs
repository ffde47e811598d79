//! One server, kept connected in the background. A call is sent at most once over a
//! connection that stands, or not at all; it never waits for one to come back.
//!
//! One connection, shared by everybody, is enough. Measured on two cores with the server
//! on one of them: calls of 64 or 512 arguments carry 2 million arguments a second over
//! one, two or four; single calls 94,000 a second over one, 160,000 over two.

use super::Call;
use super::dial::{DialError, Dialer, Dialled};
use super::whereabouts::Whereabouts;
use backon::{BackoffBuilder, ExponentialBuilder};
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, ServerError, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Why a request has no answer.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// Not sent.
    Down(String),
    /// Sent, perhaps executed; the answer is lost.
    Lost(String),
    /// The server's own words.
    Said(ServerError),
}

pub(super) struct Node {
    state: watch::Receiver<State>,
    response_timeout: Duration,
    /// Drops the connection when the node is dropped.
    _keeper: AbortOnDropHandle<()>,
}

#[derive(Clone)]
enum State {
    /// The first attempt to connect is under way.
    Starting,
    Up(Live),
    Down(DialError),
}

#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    /// Told by whoever finds the connection broken: its own, so that a late finding
    /// does not break its successor.
    broken: Arc<Notify>,
}

/// Delays between attempts to connect: 50 ms doubling to a second, each up to doubled
/// again by chance, so that many processes do not return in step.
pub(super) fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

impl Node {
    /// Starts connecting.
    pub(super) fn start(whereabouts: Whereabouts, dialer: Arc<Dialer>) -> Self {
        let (sender, state) = watch::channel(State::Starting);
        let response_timeout = dialer.response_timeout;
        let keeper = tokio::spawn(keep(whereabouts, dialer, sender));
        Self {
            state,
            response_timeout,
            _keeper: AbortOnDropHandle::new(keeper),
        }
    }

    /// Returns how the first attempt to connect ended, or how it is now.
    pub(super) async fn started(&self) -> Result<(), DialError> {
        self.live().await.map(|_| ())
    }

    /// Whether requests would be sent.
    pub(super) fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), State::Up(_))
    }

    async fn live(&self) -> Result<Live, DialError> {
        let mut state = self.state.clone();
        // Each attempt is bounded, so this wait is.
        let settled = state
            .wait_for(|state| !matches!(state, State::Starting))
            .await
            .expect("the keeper ends with the node");
        match &*settled {
            State::Up(live) => Ok(live.clone()),
            State::Down(error) => Err(error.clone()),
            State::Starting => unreachable!("waited for another state"),
        }
    }

    /// Gives the connection up; where it goes is decided anew.
    pub(super) fn reconnect(&self) {
        if let State::Up(live) = &*self.state.borrow() {
            live.broken.notify_one();
        }
    }

    /// Runs calls in one pipeline, in order; `asking` sends each to a node that is only
    /// taking its slot over. Scripts that the server does not know are loaded, and the
    /// calls that missed them run once more.
    pub(super) async fn run(
        &self,
        calls: &[&Call<'_>],
        asking: bool,
    ) -> Vec<Result<Value, Refusal>> {
        let mut answers = self.run_once(calls, asking, &[]).await;
        let missed: Vec<usize> = (0..calls.len())
            .filter(|index| matches!(&answers[*index], Err(Refusal::Said(error)) if error.code() == "NOSCRIPT"))
            .collect();
        if !missed.is_empty() {
            let again: Vec<&Call<'_>> = missed.iter().map(|index| calls[*index]).collect();
            let mut texts: Vec<&str> = Vec::new();
            for call in &again {
                if !texts.contains(&call.script.text.as_str()) {
                    texts.push(&call.script.text);
                }
            }
            let second = self.run_once(&again, asking, &texts).await;
            for (index, answer) in missed.into_iter().zip(second) {
                answers[index] = answer;
            }
        }
        answers
    }

    async fn run_once(
        &self,
        calls: &[&Call<'_>],
        asking: bool,
        load: &[&str],
    ) -> Vec<Result<Value, Refusal>> {
        let mut pipeline = Pipeline::with_capacity(load.len() + 2 * calls.len());
        for text in load {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(text);
        }
        for call in calls {
            if asking {
                pipeline.cmd("ASKING");
            }
            let sha = call.script.sha.as_str();
            pipeline.cmd("EVALSHA").arg(sha).arg(1).arg(call.key);
            for argument in &call.args {
                pipeline.arg(argument);
            }
        }
        match self.ask(&pipeline).await {
            Err(refusal) => vec![Err(refusal); calls.len()],
            Ok(answers) => {
                let answers = answers.into_iter().skip(load.len());
                // Of two answers to an asking call, the second is the call's.
                let answers = answers.skip(usize::from(asking));
                answers.step_by(1 + usize::from(asking)).collect()
            }
        }
    }

    /// Sends a pipeline and hears one answer a command.
    pub(super) async fn ask(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Vec<Result<Value, Refusal>>, Refusal> {
        let live = self.live().await;
        let mut live = live.map_err(|error| Refusal::Down(error.to_string()))?;
        let count = pipeline.len();
        let sent = live.connection.send_packed_commands(pipeline, 0, count);
        let reason = match timeout(self.response_timeout, sent).await {
            Ok(Ok(answers)) if answers.len() == count => {
                return Ok(answers.into_iter().map(refused).collect());
            }
            Ok(Ok(_)) => "it answered out of step".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        live.broken.notify_one();
        Err(Refusal::Lost(reason))
    }
}

fn refused(answer: Value) -> Result<Value, Refusal> {
    match answer {
        Value::ServerError(error) => Err(Refusal::Said(error)),
        answer => Ok(answer),
    }
}

/// Connects, watches, connects again. Says once that the server is away, and once that
/// it is back.
async fn keep(whereabouts: Whereabouts, dialer: Arc<Dialer>, state: watch::Sender<State>) {
    let mut pauses = delays();
    let mut is_told_away = false;
    loop {
        let error = match whereabouts.dial(&dialer, None).await {
            Ok(dialled) => {
                let server = dialled.address.clone();
                dialer.opened.fetch_add(1, Ordering::Relaxed);
                if is_told_away {
                    tracing::info!(redis.server = %server, "Redis is back");
                    is_told_away = false;
                }
                pauses = delays();
                until_broken(dialled, &state).await;
                DialError::Unreachable(format!("the connection to {server} was lost"))
            }
            Err(error) => error,
        };
        if !is_told_away {
            tracing::warn!(reason = %error, "Redis is away");
            is_told_away = true;
        }
        state.send_replace(State::Down(error));
        sleep(pauses.next().expect("delays never end")).await;
    }
}

/// Shares the connection until it breaks. Dropping the driver then closes it and fails
/// whatever still waits for an answer.
async fn until_broken(dialled: Dialled, state: &watch::Sender<State>) {
    let broken = Arc::new(Notify::new());
    state.send_replace(State::Up(Live {
        connection: dialled.connection,
        broken: broken.clone(),
    }));
    tokio::select! {
        // First: over a connection known to be broken nothing more is sent.
        biased;
        () = broken.notified() => {}
        () = dialled.driver => {}
    }
}
