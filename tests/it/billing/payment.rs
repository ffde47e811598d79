//! Payment details: who may, what is kept, and that a card's number is kept nowhere.

use super::Team;
use crate::support::app::{TEAM, TestApp};
use crate::support::process::Home;
use ringback::access::Role;
use ringback::billing::payment::FIELDS;
use ringback::clock::Clock;
use ringback::config::Config;
use ringback::people::invitations::create_team;
use ringback::records::Records;
use ringback::vault::Vault;
use serde_json::{Value, json};
use std::path::Path;

const PATH: &str = "/account/v1/billing/payment";
/// Published by processors for tests.
const CARD: &str = "4242424242424242";

#[tokio::test]
async fn managers_and_the_admin_keep_payment_details_and_nobody_else_reads_them() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let team = Team::of(&app, TEAM).await;
        let details = json!({
            "company": "Kites GmbH", "contact_name": "Ana Ruiz",
            "contact_email": "ana@kites.test", "address": "Main Street 1\n10115 Berlin",
            "country": "DE", "tax_id": "DE811128135",
            "customer_token": "cus_NffrFeUfNV2Hib", "method_token": "pm_1MqLiJLkdIwHu7ix",
        });
        let set = app
            .call_as(&team.manager, "PUT", PATH, details.clone())
            .await;
        assert_eq!(set.status, 200, "{set:?}");
        let mut shown = details;
        shown["customer_token"] = json!("…2Hib");
        shown["method_token"] = json!("…u7ix");
        assert_eq!(set.body, shown);
        assert_eq!(team.get("/payment").await, shown);
        // What is absent stays, null removes.
        let change = json!({"company": null, "tax_id": " ", "contact_name": "Bo"});
        let set = app.call_as(&team.manager, "PUT", PATH, change).await;
        assert_eq!(
            (&set.body["company"], &set.body["tax_id"]),
            (&json!(""), &json!(""))
        );
        assert_eq!(set.body["contact_name"], "Bo");
        let kept = app.app.records.payment_details(TEAM).await.unwrap();
        assert_eq!(kept.customer_token, "cus_NffrFeUfNV2Hib");
        for (role, status) in [
            (Role::Admin, 200),
            (Role::Member, 403),
            (Role::Labeler, 403),
        ] {
            let email = format!("{}@x.test", role.as_str());
            let token = app.person(TEAM, &email, role).await;
            for path in [PATH, "/account/v1/billing", "/account/v1/billing/invoices"] {
                let answer = app.call_as(&token, "GET", path, Value::Null).await;
                assert_eq!(answer.status, status, "{path} as {role:?}");
            }
        }
        let key = app.call_as(&team.key, "GET", PATH, Value::Null).await;
        assert_eq!(key.status, 403, "a key never reaches money");
        let other = Team::of(&app, "boats").await;
        assert_eq!(other.get("/payment").await["contact_name"], "");
    }
}

/// Every byte below a folder.
fn bytes_below(folder: &Path, found: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes_below(&path, found);
        } else {
            found.extend(std::fs::read(path).unwrap());
        }
    }
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    haystack.windows(needle.len()).any(|part| part == needle)
}

/// A team of the gateway's store; its admin's session.
async fn admin(home: &Home) -> String {
    let config = Config::load(Some(&home.config())).unwrap();
    let vault = Vault::open(&config.vault_key_path()).unwrap();
    let records = Records::open(&config, vault).await.unwrap();
    let names = ("Kites", "ana@kites.test");
    let now = Clock::system().now();
    let made = create_team(&records, &config.account, names, now);
    let link = made.await.unwrap().link;
    records.close().await;
    link.split_once("token=").unwrap().1.to_owned()
}

#[tokio::test]
async fn a_card_number_is_refused_and_found_nowhere_afterwards() {
    let home = Home::make("log.filter = \"trace\"");
    let invitation = admin(&home).await;
    let gateway = home.serve();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let accept = json!({"token": invitation, "first_name": "Ana", "last_name": "Ruiz",
                        "company": "Kites", "password": "correct horse battery"});
    let url = |path: &str| format!("{}{path}", gateway.api);
    let sent = client.post(url("/account/v1/invites/accept"));
    let joined = sent.body(accept.to_string()).send().await.unwrap();
    let joined: Value = serde_json::from_str(&joined.text().await.unwrap()).unwrap();
    let token = joined["token"]
        .as_str()
        .unwrap_or_else(|| panic!("{joined}"));
    let put = async |body: Value| {
        let sent = client.put(url(PATH)).bearer_auth(token);
        let answer = sent.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let in_groups = "4242-4242-4242-4242";
    for field in FIELDS {
        for card in [CARD, in_groups, "pay with 4242 4242 4242 4242 please"] {
            let (status, text) = put(json!({"company": "Kept GmbH", field: card})).await;
            assert_eq!(status, 400, "{field}: {text}");
            assert!(
                text.contains("card number") && text.contains(field),
                "{text}"
            );
            assert!(!text.contains("4242"), "{text}");
        }
    }
    // By the page's form, too, which does not show it again.
    let cookie = format!("__Host-ringback={token}");
    let page = client
        .get(url("/dashboard/billing"))
        .header("cookie", &cookie);
    let page = page.send().await.unwrap().text().await.unwrap();
    let csrf = page.split_once("name=\"csrf\" value=\"").unwrap().1;
    let csrf = csrf.split_once('"').unwrap().0;
    let form = format!("csrf={csrf}&company=Kept+GmbH&customer_token={CARD}");
    let sent = client
        .post(url("/dashboard/billing/payment"))
        .header("cookie", &cookie)
        .header("sec-fetch-site", "same-origin");
    let answer = sent.body(form).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("card number") && !page.contains("4242"));
    let (status, _) = put(json!({"customer_token": "cus_canary_in_the_clear"})).await;
    assert_eq!(status, 200);
    let (status, _) = put(json!({"contact_name": "Canary Kept"})).await;
    assert_eq!(status, 200);

    let log = gateway.log_text();
    assert!(log.contains("ringback"), "the log is not read");
    gateway.kill();
    let mut disk = Vec::new();
    bytes_below(&home.data(), &mut disk);
    assert!(
        holds(&disk, "/account/v1/billing/payment"),
        "the disk is not read"
    );
    for canary in [CARD, in_groups, "4242 4242 4242 4242", "Kept GmbH"] {
        assert!(!holds(&disk, canary), "{canary} is on the disk");
        assert!(!log.contains(canary), "{canary} is in the log");
    }
    // What is kept is sealed.
    for canary in ["cus_canary_in_the_clear", "Canary Kept"] {
        assert!(!holds(&disk, canary), "{canary} is not sealed");
        assert!(!log.contains(canary), "{canary} is in the log");
    }
}
