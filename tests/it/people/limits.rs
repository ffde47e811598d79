//! How many people, keys and sessions there may be: their lists are answered whole.

use crate::support::app::{TEAM, TestApp};
use crate::support::store::configs;
use ringback::access::Role;
use ringback::callback::Mode;
use ringback::records::Records;
use ringback::records::sessions::{Origin, SESSIONS_MAX};
use ringback::vault::Vault;
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000_000;

#[tokio::test]
async fn of_many_sessions_the_oldest_end() {
    for (name, config, _folder) in configs().await {
        let records = Records::open(&config, Vault::new([7; 32])).await.unwrap();
        let origin = Origin {
            address: "192.0.2.7".to_owned(),
            agent: "browser".to_owned(),
        };
        for n in 0..SESSIONS_MAX.cast_unsigned() + 2 {
            let began = records.add_session("ana", &origin, NOW + n, NOW + 1000);
            began.await.unwrap();
        }
        let left = records.sessions("ana", NOW).await.unwrap();
        assert_eq!(i64::try_from(left.len()), Ok(SESSIONS_MAX), "on {name}");
        assert!(left.iter().all(|session| session.created_ms >= NOW + 2));
    }
}

#[tokio::test]
async fn a_team_has_a_hundred_keys_and_no_more() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let add = async || {
        app.call_as(&admin, "POST", "/account/v1/keys", json!({"mode": "test"}))
            .await
    };
    let records = &app.app.records;
    while records.listed_api_keys(TEAM).await.unwrap().len() < 99 {
        records.add_api_key(TEAM, Mode::Live, NOW).await.unwrap();
    }
    assert_eq!(add().await.status, 201);
    let refused = add().await;
    assert_eq!(refused.status, 400);
    let told = refused.body["error"]["message"].as_str().unwrap();
    assert!(told.contains("at most 100"), "{told}");
}

#[tokio::test]
async fn a_team_has_a_thousand_people_and_no_more() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let invite = async |emails: Vec<String>| {
        let body = json!({"emails": emails, "role": "member"});
        app.call_as(&admin, "POST", "/account/v1/invites", body)
            .await
    };
    for hundred in 0..9 {
        let emails = (0..100).map(|n| format!("p{hundred}-{n}@x.test")).collect();
        assert_eq!(invite(emails).await.status, 201);
    }
    let too_many = invite((0..100).map(|n| format!("q{n}@x.test")).collect()).await;
    assert_eq!(too_many.status, 400, "{too_many:?}");
    assert_eq!(too_many.body["error"]["field"], "emails");
    let fit = invite((0..99).map(|n| format!("q{n}@x.test")).collect()).await;
    assert_eq!(fit.status, 201, "the admin is one of the thousand");
    let listed = app
        .call_as(&admin, "GET", "/account/v1/invites", Value::Null)
        .await;
    assert_eq!(listed.body.as_array().unwrap().len(), 999);
}
