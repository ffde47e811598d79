//! `ringback callbacks explain`: from the running gateway, or else from its journal.

use crate::callback::CallbackId;
use crate::cli::{ConfigArgs, dead_letters};
use crate::clock::Clock;
use crate::config::Config;
use crate::explain::{from_journal, text};
use anyhow::{Result, bail};
use clap::Subcommand;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(super) enum CallbacksCommand {
    /// Tell the whole story of one callback
    Explain {
        /// Its id
        id: Uuid,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) async fn run(command: CallbacksCommand) -> Result<()> {
    let CallbacksCommand::Explain { id, config } = command;
    let config = config.load()?;
    let timeline = match ask_gateway(&config, id).await? {
        Some(timeline) => timeline,
        None => read_journal(&config, CallbackId(id)).await?,
    };
    print!("{timeline}");
    Ok(())
}

/// `None` when no gateway runs.
async fn ask_gateway(config: &Config, id: Uuid) -> Result<Option<String>> {
    let url = format!("http://{}/callbacks/{id}/explain", config.operator.listen);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if response.status() == reqwest::StatusCode::NOT_FOUND {
        bail!("there is no callback {id}");
    }
    Ok(Some(response.error_for_status()?.text().await?))
}

async fn read_journal(config: &Config, id: CallbackId) -> Result<String> {
    let journal = dead_letters::open(config).await?;
    let explanation = from_journal(&journal, id, Clock::system().now()).await?;
    journal.close().await;
    match explanation {
        Some(it) => Ok(format!(
            "{}\n(no gateway runs on {}: the state of its lane is not known)\n",
            text::timeline(&it),
            config.operator.listen
        )),
        None => bail!("there is no callback {id}"),
    }
}
