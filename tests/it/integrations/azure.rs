//! A customer sets up Azure: the container's own mark is asked for, then it is listed, read,
//! written, and its URLs signed. Microsoft's token service is a small server of this test:
//! nobody emulates it.

use super::Manager;
use crate::support::app::{TEAM, TestApp};
use crate::support::clouds::{Asked, Azurite, STORAGE_ACCOUNT, entra_token, secret_file, server};
use crate::support::endpoint::Endpoint;
use axum::http::StatusCode;
use serde_json::{Value, json};

const TENANT: &str = "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";
const APPLICATION: &str = "11111111-2222-3333-4444-555555555555";

/// As Microsoft documents it: client credentials for storage, in the customer's tenant.
fn login(asked: &Asked) -> (StatusCode, String) {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&asked.body)
        .into_owned()
        .collect();
    let is = |name: &str, value: &str| form.contains(&(name.to_owned(), value.to_owned()));
    assert_eq!(asked.method, "POST");
    assert!(is("grant_type", "client_credentials"), "{form:?}");
    assert!(
        is("scope", "https://storage.azure.com/.default"),
        "{form:?}"
    );
    assert!(asked.headers["content-type"] == "application/x-www-form-urlencoded");
    let refused = |number: u64| {
        let error = json!({"error": "invalid_request", "error_codes": [number]});
        (StatusCode::BAD_REQUEST, error.to_string())
    };
    if asked.path != format!("/{TENANT}/oauth2/v2.0/token") {
        return refused(90002);
    }
    if !is("client_id", APPLICATION) || !is("client_secret", "the secret") {
        return refused(7_000_215);
    }
    let token = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": entra_token()});
    (StatusCode::OK, token.to_string())
}

async fn app(azurite: &Azurite, secret: &str) -> TestApp {
    let login = server(|asked| login(&asked)).await;
    TestApp::with(|config| {
        let azure = &mut config.integrations.azure;
        APPLICATION.clone_into(&mut azure.application_id);
        azure.secret_file = secret_file(&config.data.dir, "azure-secret", secret);
        azure.login_endpoint = login;
        azure.endpoint = azurite.endpoint();
        config.integrations.ca_file = azurite.authority_file();
        config.integrations.results_inline_bytes_max = 1000;
    })
    .await
}

fn names(tenant: &str) -> Value {
    json!({"tenant_id": tenant, "account": STORAGE_ACCOUNT, "container": "box"})
}

async fn mark(manager: &Manager<'_>) -> String {
    let view = manager.call("GET", "", Value::Null, 200).await;
    view["external_id"].as_str().unwrap().to_owned()
}

async fn diagnosis(manager: &Manager<'_>) -> (String, String) {
    let trial = manager.tests("azure").await;
    let text = |name: &str| trial["diagnosis"][name].as_str().unwrap().to_owned();
    (text("code"), text("what") + &text("hint"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_with_the_teams_mark_lets_us_in() {
    let mut azurite = Azurite::start();
    let app = app(&azurite, "the secret").await;
    let manager = Manager::of(&app, TEAM).await;
    manager.call("PUT", "/azure", names(TENANT), 200).await;
    assert_eq!(diagnosis(&manager).await.0, "bucket_missing");
    let mark = mark(&manager).await;
    let commands = manager.paste("azure", "commands").await;
    assert!(
        commands.contains(&format!("ringback_external_id={mark}")),
        "{commands}"
    );
    azurite.make_container("box", &mark);
    let (code, told) = diagnosis(&manager).await;
    assert_eq!(code, "works", "{told}");
    azurite.put("box", "a/1%20%C3%BC%2B%23.png", "the kite");
    let (_, told) = diagnosis(&manager).await;
    assert!(told.contains("a/1 ü+#.png was read"), "{told}");
    // Attachments are signed with a user delegation key.
    let key = app
        .app
        .records
        .add_api_key(TEAM, ringback::callback::Mode::Live, 1);
    let key = key.await.unwrap();
    let url = format!("https://{STORAGE_ACCOUNT}.blob.core.windows.net/box/a/1%20%C3%BC+%23.png");
    let task = json!({"instruction": "Which?", "attachment_type": "image",
                      "attachment": url, "categories": ["a", "b"]});
    let made = app
        .call_as(&key, "POST", "/v1/task/categorization", task)
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    let feed = app.call("GET", "/internal/v1/tasks", Value::Null).await;
    let attachment = &feed.body["tasks"][0]["attachments"][0];
    assert_eq!(attachment["url"], url);
    let signed = attachment["signed_url"]
        .as_str()
        .unwrap_or_else(|| panic!("{attachment}"));
    let got = azurite.ask("GET", signed, json!({}), "");
    assert_eq!(got, (200, "the kite".to_owned()));
    let (status, _) = azurite.ask("GET", &signed.replace("sig=", "sig=0"), json!({}), "");
    assert_eq!(status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_trusted_is_told_why() {
    let mut azurite = Azurite::start();
    azurite.make_container("box", "another-teams");
    let app = app(&azurite, "the secret").await;
    let manager = Manager::of(&app, TEAM).await;
    manager.call("PUT", "/azure", names(TENANT), 200).await;
    let (code, told) = diagnosis(&manager).await;
    assert_eq!(code, "bucket_not_trusted");
    assert!(told.contains("metadata"), "{told}");
    let elsewhere = TENANT.replace("0a1b", "ffff");
    manager.call("PUT", "/azure", names(&elsewhere), 200).await;
    assert_eq!(diagnosis(&manager).await.0, "bucket_not_trusted");
    let app = self::app(&azurite, "an old secret").await;
    let manager = Manager::of(&app, TEAM).await;
    manager.call("PUT", "/azure", names(TENANT), 200).await;
    assert_eq!(diagnosis(&manager).await.0, "bucket_gateway");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_goes_into_the_container() {
    let mut azurite = Azurite::start();
    let app = app(&azurite, "the secret").await;
    let manager = Manager::of(&app, TEAM).await;
    manager.call("PUT", "/azure", names(TENANT), 200).await;
    let mark = mark(&manager).await;
    azurite.make_container("box", &mark);
    let results = json!({"cloud": "azure", "prefix": "out"});
    manager.call("PUT", "", results, 200).await;
    let receiver = Endpoint::answering([200]).await;
    app.set_default(&receiver).await;
    let response = json!({"annotations": "kite ".repeat(1000)});
    let id = app.submit("e1", json!({"response": response})).await;
    app.run_to_the_end().await;
    let body: Value = serde_json::from_slice(&receiver.got()[0].body).unwrap();
    let text = response.to_string();
    assert_eq!(body["response_bytes"], text.len());
    assert_eq!(azurite.get("box", &format!("out/{id}.json")), text);
}
