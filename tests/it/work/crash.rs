//! kill -9 at any moment: what was made has its callback, what was answered is completed,
//! and handing in again repairs what lay between a task and its callback.

use super::{answer, task};
use crate::support::endpoint::Endpoint;
use crate::support::process::{Gateway, Home, TEAM};
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::records::Records;
use ringback::vault::Vault;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;

const KILLS: usize = 8;
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

/// The team's live and test keys.
async fn keys(home: &Home) -> [String; 2] {
    let settings = std::fs::read_to_string(home.config()).unwrap();
    let config = Config::build(Some(("home", &settings)), std::iter::empty()).unwrap();
    let vault = Vault::open(&config.vault_key_path()).unwrap();
    let records = Records::open(&config, vault).await.unwrap();
    let keys = [
        records.add_api_key(TEAM, Mode::Live, 1).await.unwrap(),
        records.add_api_key(TEAM, Mode::Test, 1).await.unwrap(),
    ];
    records.close().await;
    keys
}

/// `None`: no answer came.
async fn send(
    gateway: &Gateway,
    method: reqwest::Method,
    path: &str,
    key: &str,
    body: &Value,
) -> Option<Value> {
    let request = reqwest::Client::new()
        .request(method, format!("{}{path}", gateway.api))
        .bearer_auth(key)
        .header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.ok()?;
    assert!(answer.status().is_success(), "{}", answer.status());
    serde_json::from_str(&answer.text().await.ok()?).ok()
}

async fn create(gateway: &Gateway, key: &str) -> Option<String> {
    let path = "/v1/task/categorization";
    let made = send(
        gateway,
        reqwest::Method::POST,
        path,
        key,
        &task(Value::Null),
    )
    .await?;
    Some(made["task_id"].as_str().unwrap().to_owned())
}

/// Live tasks are made and answered, test tasks made, until the gateway is gone.
async fn work(gateway: &Gateway, home: &Home, keys: &[String; 2], begun: &mut HashSet<String>) {
    loop {
        let Some(live) = create(gateway, &keys[0]).await else {
            return;
        };
        begun.insert(live.clone());
        let result = answer(&live, &live, "completed");
        let path = "/internal/v1/results";
        if send(gateway, reqwest::Method::POST, path, &home.key, &result)
            .await
            .is_none()
        {
            return;
        }
        if create(gateway, &keys[1]).await.is_none() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_has_its_callback_whenever_the_process_dies() {
    let home = Home::make("");
    let endpoint = Endpoint::answering([200]).await;
    let gateway = home.serve();
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    gateway.kill();
    let keys = keys(&home).await;
    let mut begun = HashSet::new();
    for _ in 0..KILLS {
        let gateway = home.serve();
        // The moment is a count of arrivals, and what the process is at then is chance.
        let moment = endpoint.got_count() + rand::random_range(1..20);
        tokio::select! {
            () = work(&gateway, &home, &keys, &mut begun) => {}
            () = endpoint.got_at_least(moment) => {}
        }
        gateway.kill();
    }
    let gateway = home.serve();
    // The producer repeats what it was not answered.
    for id in &begun {
        let result = answer(id, id, "completed");
        let path = "/internal/v1/results";
        let taken = send(&gateway, reqwest::Method::POST, path, &home.key, &result).await;
        assert!(taken.is_some());
    }
    let mut expected: HashSet<String> = begun;
    for key in &keys {
        let mut next = String::new();
        loop {
            let path = format!("/v1/tasks?next_token={next}");
            let page = send(&gateway, reqwest::Method::GET, &path, key, &Value::Null)
                .await
                .unwrap();
            for task in page["docs"].as_array().unwrap() {
                let id = task["task_id"].as_str().unwrap().to_owned();
                if task["status"] == "completed" {
                    expected.insert(id);
                } else {
                    assert!(!expected.contains(&id), "{id} was answered");
                }
            }
            match page["next_token"].as_str() {
                Some(token) => next = token.to_owned(),
                None => break,
            }
        }
    }
    let told = async {
        loop {
            let seen = endpoint.got_count();
            let task = |got: crate::support::endpoint::Got| -> Value {
                serde_json::from_slice(&got.body).unwrap()
            };
            let told: HashSet<String> = endpoint
                .got()
                .into_iter()
                .map(|got| task(got)["task_id"].as_str().unwrap().to_owned())
                .collect();
            if expected.is_subset(&told) {
                break;
            }
            endpoint.got_at_least(seen + 1).await;
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .expect("every completed task is told");
    assert!(expected.len() > KILLS, "{} tasks", expected.len());
    gateway.kill();
}
