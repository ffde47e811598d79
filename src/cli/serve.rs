//! `ringback serve`: the production start. Routers are assembled here, above state and
//! handlers.

use crate::api::{self, server};
use crate::app::{App, Role};
use crate::cli::{ConfigArgs, open_files};
use crate::clock::Clock;
use crate::config::Config;
use crate::dashboard;
use crate::dead_letters;
use crate::delivery;
use crate::delivery::client::Client;
use crate::delivery::transports::Transports;
use crate::files;
use crate::mail::{self, Sender};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, LogFilter};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// What this process does; several need PostgreSQL and Redis
    #[arg(long, value_enum, default_value_t = RoleArg::All)]
    role: RoleArg,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    /// Serves the API and delivers
    All,
    /// Serves the API; delivering is left to workers
    Api,
    /// Delivers; has no API, only the operator's port
    Worker,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::All => Self::All,
            RoleArg::Api => Self::Api,
            RoleArg::Worker => Self::Worker,
        }
    }
}

pub(super) async fn run(args: ServeArgs) -> Result<()> {
    let (config, role) = (args.config.load()?, Role::from(args.role));
    if role != Role::All && config.store.postgres_url().is_none() {
        bail!(
            "--role api and --role worker need a store and a queue that processes share: set \
             store.url to PostgreSQL and queue.url to Redis"
        );
    }
    let log = telemetry::start(&config.log).map_err(|error| anyhow!(error))?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let gateway = Gateway::start(config, role, shutdown, log).await?;
    gateway.finished().await;
    Ok(())
}

/// A gateway that runs.
pub(super) struct Gateway {
    /// Its parts.
    pub(super) app: App,
    /// Where its API listens, if it has one.
    pub(super) api: Option<SocketAddr>,
    /// Where its operator's port listens.
    pub(super) operator: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Opens, binds, starts. Nothing is bound before everything is open.
    pub(super) async fn start(
        config: Config,
        role: Role,
        shutdown: Shutdown,
        log: LogFilter,
    ) -> Result<Self> {
        open_files::raise();
        let app = App::open(config, role, Clock::system(), shutdown).await?;
        let sender = Sender::open(&app.config)?;
        let transports = Transports {
            http: Client::open(&app)?,
            mail: sender.clone(),
        };
        let api_listener = match role {
            Role::Worker => None,
            Role::All | Role::Api => Some(bind("api.listen", app.config.api.listen).await?),
        };
        let (operator_listener, operator) =
            bind("operator.listen", app.config.operator.listen).await?;
        let mut tasks = Vec::new();
        let api = api_listener.map(|(listener, address)| {
            let routes = dashboard::routes(app.clone());
            let served = server::run(app.clone(), listener, routes, app.shutdown.clone());
            tasks.push(tokio::spawn(served));
            address
        });
        tasks.push(tokio::spawn(mail::run(app.clone(), sender)));
        if role != Role::Api {
            tasks.push(tokio::spawn(delivery::run(app.clone(), transports)));
            tasks.push(tokio::spawn(dead_letters::run(app.clone())));
            // Nothing waits for it: what it leaves goes the next time.
            tokio::spawn(files::run(app.clone()));
        }
        let router = api::operator_routes(app.clone(), log);
        // Answers to the last: an operator wants to see how the stop goes.
        let served = server::run(app.clone(), operator_listener, router, Shutdown::new());
        tokio::spawn(served);
        let shown = api.map(tracing::field::display);
        tracing::info!(?role, api = shown, %operator, "ringback runs");
        Ok(Self {
            app,
            api,
            operator,
            tasks,
        })
    }

    /// Returns after shutdown was asked for and everything has ended.
    pub(super) async fn finished(self) {
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(error = %error, "a part of the gateway panicked");
            }
        }
        if !self.app.shutdown.is_killed() {
            self.app.journal.forget_claims();
        }
        let close = async {
            self.app.spans.close().await;
            self.app.journal.close().await;
            self.app.records.close().await;
        };
        tokio::select! {
            () = close => tracing::info!("ringback has stopped"),
            () = self.app.shutdown.killed() => tracing::warn!("ringback is killed"),
        }
    }
}

async fn bind(setting: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("{setting} = {address} cannot be bound; is another program using it?")
    })?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
