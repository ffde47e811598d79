//! The outbound client against receivers that behave and receivers that do not.

mod addresses; // which addresses are dialled
mod client; // what is sent, what is understood, where reading ends
mod connections; // which connections are used again
mod slow; // which phase is blamed when time runs out
mod tls; // whom we trust

use ringback::callback::Fault;
use ringback::callback::Outcome;
use ringback::callback::address::Guard;
use ringback::delivery::client::Answer;
use ringback::delivery::client::Client;
use ringback::delivery::client::ClientSettings;
use url::Url;

/// Default settings, but loopback may be dialled.
fn settings() -> ClientSettings {
    ClientSettings {
        guard: Guard::new(vec!["127.0.0.0/8".parse().unwrap()]),
        ..ClientSettings::default()
    }
}

fn client() -> Client {
    Client::new(settings()).unwrap()
}

/// Posts a small JSON body with one header.
async fn post(client: &Client, url: &Url) -> Answer {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    client.post(url, headers, "{\"a\":1}".into()).await
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered {
        status,
        retry_after: None,
        location: None,
    }
}

fn failed(fault: Fault) -> Outcome {
    Outcome::Failed(fault)
}
