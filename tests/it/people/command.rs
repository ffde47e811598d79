//! The operator's commands for people and for the vault, beside a running gateway.

use crate::support::process::{Gateway, Home, PASSWORD};
use crate::support::store::configs;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::records::secrets::SecretKind;
use ringback::records::transfer::tables::{Kind, TABLES};
use ringback::records::{Records, RecordsError};
use ringback::vault::{Vault, VaultError};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};

/// What a command prints; it must succeed.
fn told(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complains of; it must fail.
fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn call(
    gateway: &Gateway,
    method: &str,
    path: &str,
    token: &str,
    body: Value,
) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{path}", gateway.api);
    let sent = client
        .request(method.parse().unwrap(), url)
        .bearer_auth(token)
        .body(body.to_string());
    let answer = sent.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

async fn sign_in(gateway: &Gateway, email: &str) -> (u16, Value) {
    let body = json!({"email": email, "password": PASSWORD});
    call(gateway, "POST", "/account/v1/sessions", "", body).await
}

#[tokio::test]
async fn the_operator_makes_teams_and_moves_people() {
    let home = Home::make("");
    let gateway = home.serve();
    let made = told(
        &home,
        &["teams", "create", "Kites", "--admin", "ana@x.test"],
    );
    let (kites, link) = made.trim().split_once('\n').unwrap();
    assert!(told(&home, &["teams", "list"]).contains("Kites"));
    let twice = refused(&home, &["teams", "create", "K", "--admin", "nobody"]);
    assert!(twice.contains("admin"), "{twice}");
    let ana = gateway.join(link).await;
    let (_, me) = call(&gateway, "GET", "/account/v1/me", &ana, Value::Null).await;
    assert_eq!(
        (me["role"].as_str(), me["team_id"].as_str()),
        (Some("admin"), Some(kites))
    );
    let taken = refused(&home, &["teams", "create", "K", "--admin", "ANA@x.test"]);
    assert!(taken.contains("user already"), "{taken}");

    let made = told(&home, &["teams", "create", "Boats", "--admin", "bo@x.test"]);
    let (boats, link) = made.trim().split_once('\n').unwrap();
    gateway.join(link).await;
    let stuck = refused(&home, &["users", "move", "bo@x.test", kites]);
    assert!(stuck.contains("admin"), "{stuck}");
    let stranger = refused(&home, &["teams", "transfer-admin", boats, "ana@x.test"]);
    assert!(stranger.contains("no active user"), "{stranger}");
    // Somebody else takes over, then the former admin may go.
    let body = json!({"emails": ["cy@x.test"], "role": "member"});
    let (_, bo) = sign_in(&gateway, "bo@x.test").await;
    let bo = bo["token"].as_str().unwrap();
    let (status, invited) = call(&gateway, "POST", "/account/v1/invites", bo, body).await;
    assert_eq!(status, 201, "{invited}");
    let link = mailed_link(&home, "cy@x.test");
    gateway.join(&link).await;
    told(&home, &["teams", "transfer-admin", boats, "cy@x.test"]);
    told(&home, &["users", "move", "bo@x.test", kites]);
    let (status, bo) = sign_in(&gateway, "bo@x.test").await;
    assert_eq!((status, bo["user"]["team_id"].as_str()), (201, Some(kites)));
    assert_eq!(bo["user"]["role"], "manager");
    told(&home, &["users", "disable", "bo@x.test"]);
    assert_eq!(sign_in(&gateway, "bo@x.test").await.0, 401);
    told(&home, &["users", "enable", "bo@x.test"]);
    assert_eq!(sign_in(&gateway, "bo@x.test").await.0, 201);
    let log = told(&home, &["audit", "list", "--team", kites]);
    for what in ["teams create", "users move", "bo@x.test disabled"] {
        assert!(log.contains(what), "{what}: {log}");
    }
}

/// The link in the mail to this address, as soon as the gateway has sent it.
fn mailed_link(home: &Home, email: &str) -> String {
    loop {
        for file in std::fs::read_dir(home.data().join("mails"))
            .into_iter()
            .flatten()
        {
            let raw = std::fs::read_to_string(file.unwrap().path()).unwrap();
            if raw.contains(&format!("To: {email}")) && raw.ends_with('\n') {
                let mail = crate::support::people::arrived(&raw);
                return format!("/invite?token={}", mail.token("invite"));
            }
        }
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_gateway_goes_on_while_its_key_is_rotated_and_retired() {
    let home = Home::make("");
    let gateway = home.serve();
    let made = told(
        &home,
        &["teams", "create", "Kites", "--admin", "ana@x.test"],
    );
    let (_, link) = made.trim().split_once('\n').unwrap();
    let ana = gateway.join(link).await;
    let add = async || {
        let body = json!({"mode": "live"});
        let (status, key) = call(&gateway, "POST", "/account/v1/keys", &ana, body).await;
        assert_eq!(status, 201, "{key}");
        key
    };
    let reveal = async |key: &Value| {
        let path = format!(
            "/account/v1/keys/{}/reveal",
            key["key_id"].as_str().unwrap()
        );
        let (status, revealed) = call(&gateway, "POST", &path, &ana, Value::Null).await;
        assert_eq!((status, &revealed["key"]), (200, &key["key"]), "{revealed}");
    };
    let before = add().await;
    let rotated = told(&home, &["vault", "rotate"]);
    assert!(rotated.contains("version 2"), "{rotated}");
    let after = add().await;
    reveal(&before).await;
    let retired = told(&home, &["vault", "retire"]);
    assert!(retired.contains("1 old versions"), "{retired}");
    let later = add().await;
    for key in [&before, &after, &later] {
        reveal(key).await;
        let used = key["key"].as_str().unwrap();
        assert_eq!(
            call(&gateway, "GET", "/v1/teams", used, Value::Null)
                .await
                .0,
            200
        );
    }
    assert_eq!(sign_in(&gateway, "ana@x.test").await.0, 201);
    // And one that starts now.
    drop(gateway);
    let gateway = home.serve();
    assert_eq!(sign_in(&gateway, "ana@x.test").await.0, 201);
}

async fn open(config: &Config) -> Result<Records, RecordsError> {
    Records::open(config, Vault::open(&config.vault_key_path()).unwrap()).await
}

/// Texts in the records that were sealed with this version, by column.
async fn sealed_with(config: &Config, version: u32) -> Vec<String> {
    let file = config.data.dir.join("records.db");
    let postgres = config.store.postgres_url().map(str::to_owned);
    let url = postgres.unwrap_or_else(|| format!("sqlite://{}", file.display()));
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let mut found = Vec::new();
    for table in TABLES {
        for (column, _) in table.columns.iter().filter(|(_, kind)| *kind == Kind::Text) {
            let sql = format!(
                "SELECT COUNT(*) FROM {} WHERE {column} LIKE 'v{version}.%'",
                table.name
            );
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&mut connection)
                .await
                .unwrap();
            if rows > 0 {
                found.push(format!("{}.{column}", table.name));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_sealed_column_is_sealed_anew_on_every_store() {
    for (name, config, _folder) in configs().await {
        let records = open(&config).await.unwrap();
        let team = records.add_team("a", "Team A", 1).await.unwrap();
        let key = records.add_api_key("a", Mode::Live, 1).await.unwrap();
        records
            .rotate_secret("a", SecretKind::Signing, u64::MAX / 4)
            .await
            .unwrap();
        let link = ("Team B", "b@x.test");
        let made = ringback::people::invitations::create_team(&records, &config.account, link, 1);
        made.await.unwrap();
        let columns = sealed_with(&config, 1).await;
        assert_eq!(columns.len(), 7, "{columns:?} on {name}");
        Vault::add_version(&config.vault_key_path()).unwrap();
        records.reseal().await.unwrap();
        assert_eq!(sealed_with(&config, 1).await, [""; 0], "on {name}");
        assert_eq!(sealed_with(&config, 2).await, columns, "on {name}");
        Vault::drop_old_versions(&config.vault_key_path()).unwrap();
        let again = open(&config).await.unwrap();
        let read = again.team("a").await.unwrap().unwrap();
        assert_eq!(read.live_callback_auth, team.live_callback_auth);
        let old = again.old_secrets("a", 1).await.unwrap();
        assert!(old[0].secret == team.signing_secret, "on {name}");
        assert_eq!(
            again.api_keys("a").await.unwrap(),
            [(Mode::Live, key.clone())]
        );
        assert_eq!(
            again.key_owner(&key).await.unwrap().unwrap().team.as_ref(),
            "a"
        );
        assert!(
            again.claim_mail(9, 10).await.unwrap().is_some(),
            "on {name}"
        );
        // A process with the old copy of the key file says what it lacks.
        let other = Records::open(&config, Vault::new([7; 32]))
            .await
            .unwrap_err();
        assert!(
            matches!(other, RecordsError::Vault(VaultError::Version(2))),
            "on {name}"
        );
    }
}
