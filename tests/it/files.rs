//! Customers' files: kept whole or not at all, read by the labelling side, deleted unused.

use crate::support::app::{Answer, START_MS, TEAM, TestApp};
use crate::support::clouds::Moto;
use crate::support::endpoint::{Endpoint, Reply};
use axum::http::StatusCode;
use ringback::callback::Mode;
use ringback::files::{self, Owner, Upload};
use serde_json::{Map, Value, json};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const DAY_MS: u64 = 86_400_000;

/// Apps of either shape that keep files, with a live key each.
async fn apps() -> Vec<(TestApp, String)> {
    let mut apps = Vec::new();
    let keeping = TestApp::in_both_shapes(|config| {
        let folder = format!("file://{}", config.data.dir.join("files").display());
        config.files.url = folder.as_str().into();
        config.files.file_bytes_max = 1_000_000;
        config.files.import_timeout_ms = 300;
    });
    for app in keeping.await {
        let records = &app.app.records;
        let key = records
            .add_api_key(TEAM, Mode::Live, START_MS)
            .await
            .unwrap();
        apps.push((app, key));
    }
    apps
}

fn form(parts: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in parts {
        let file = if *name == "file" {
            "; filename=\"kite.png\""
        } else {
            ""
        };
        let head = format!("Content-Disposition: form-data; name=\"{name}\"{file}");
        text += &["--x\r\n", &head, "\r\n\r\n", value, "\r\n"].concat();
    }
    text + "--x--\r\n"
}

async fn upload(app: &TestApp, key: &str, parts: &[(&str, &str)]) -> Answer {
    let kind = "multipart/form-data; boundary=x";
    app.send("POST", "/v1/files/upload", kind, form(parts), Some(key))
        .await
}

async fn import(app: &TestApp, key: &str, url: &str) -> Answer {
    let body = json!({"file_url": url}).to_string();
    app.send(
        "POST",
        "/v1/files/import",
        "application/json",
        body,
        Some(key),
    )
    .await
}

async fn listed(app: &TestApp, key: &str) -> Vec<Value> {
    let page = app.send("GET", "/v1/files", "", "", Some(key)).await;
    page.body["docs"].as_array().unwrap().clone()
}

fn files_on_disk(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return usize::from(folder.is_file());
    };
    entries
        .map(|entry| files_on_disk(&entry.unwrap().path()))
        .sum()
}

fn fields(object: &Value) -> Map<String, Value> {
    object.as_object().unwrap().clone()
}

fn owner() -> Owner {
    Owner {
        team: TEAM.into(),
        mode: Mode::Live,
    }
}

#[tokio::test]
async fn an_uploaded_file_is_read_by_the_labelling_side_alone() {
    for (app, key) in apps().await {
        let large = "kite ".repeat(150_000); // several parts
        let answer = upload(&app, &key, &[("file", &large), ("reference_id", "r-1")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let id = answer.body["id"].as_str().unwrap();
        assert_eq!(
            answer.body["attachment_url"],
            format!("scaledata://{TEAM}/{id}")
        );
        assert_eq!(answer.body["size"], large.len());
        assert_eq!(listed(&app, &key).await, std::slice::from_ref(&answer.body));
        let path = format!("/internal/v1/files/{id}");
        let bytes = app.send("GET", &path, "", "", Some(app.key())).await;
        assert_eq!(bytes.body.as_str(), Some(large.as_str()));
        let refused = app.send("GET", &path, "", "", Some(&key)).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let unknown = app.call("GET", "/internal/v1/files/x", Value::Null).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing() {
    for (app, key) in apps().await {
        let answer = upload(&app, &key, &[("file", &"x".repeat(1_000_001))]).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.body["error"].as_str().unwrap().contains("1000000"));
        assert!(listed(&app, &key).await.is_empty());
        app.clock.advance_ms(2 * DAY_MS);
        assert_eq!(files::tend(&app.app).await.unwrap(), 1);
        assert_eq!(files_on_disk(&app.app.config.data.dir.join("files")), 0);
    }
}

#[tokio::test]
async fn of_uploads_with_one_reference_one_wins() {
    for (app, key) in apps().await {
        let parts = [("file", "a"), ("reference_id", "same")];
        let all = (0..8).map(|_| upload(&app, &key, &parts));
        let answers = futures_util::future::join_all(all).await;
        let won = |status| answers.iter().filter(|it| it.status == status).count();
        assert_eq!((won(StatusCode::OK), won(StatusCode::CONFLICT)), (1, 7));
        assert_eq!(listed(&app, &key).await.len(), 1);
        app.clock.advance_ms(2 * DAY_MS);
        files::tend(&app.app).await.unwrap();
        assert_eq!(files_on_disk(&app.app.config.data.dir.join("files")), 1);
    }
}

#[tokio::test]
async fn what_was_cut_is_never_seen_and_deleted_after_a_day() {
    for (app, key) in apps().await {
        let mut cut = Upload::begin(&app.app, &owner()).await.unwrap();
        cut.write(&vec![7; 600_000]).await.unwrap();
        drop(cut);
        assert!(listed(&app, &key).await.is_empty());
        assert_eq!(files::tend(&app.app).await.unwrap(), 0);
        app.clock.advance_ms(2 * DAY_MS);
        assert_eq!(files::tend(&app.app).await.unwrap(), 1);
        assert_eq!(files::tend(&app.app).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_file_that_no_task_names_is_deleted_in_time() {
    for (app, key) in apps().await {
        let used = upload(&app, &key, &[("file", "used")]).await.body;
        upload(&app, &key, &[("file", "unused")]).await;
        let params = json!({"attachments": [used["attachment_url"]]});
        files::use_files(&app.app, owner().world(), &fields(&params))
            .await
            .unwrap();
        app.clock.advance_ms(29 * DAY_MS);
        assert_eq!(files::tend(&app.app).await.unwrap(), 0);
        app.clock.advance_ms(2 * DAY_MS);
        assert_eq!(files::tend(&app.app).await.unwrap(), 1);
        let left = listed(&app, &key).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["id"], used["id"]);
        assert_eq!(files_on_disk(&app.app.config.data.dir.join("files")), 1);
    }
}

#[tokio::test]
async fn a_task_names_only_files_of_its_own_world() {
    for (app, key) in apps().await {
        let file = upload(&app, &key, &[("file", "mine")]).await.body;
        let test_side = Owner {
            mode: Mode::Test,
            ..owner()
        };
        let named = json!({"attachment": file["attachment_url"]});
        assert!(
            files::use_files(&app.app, test_side.world(), &fields(&named))
                .await
                .is_err()
        );
        for url in [
            "scaledata://",
            "scaledata://other/x",
            "scaledata://team_a/\0",
        ] {
            let named = json!({"attachments": [url]});
            let refused = files::use_files(&app.app, owner().world(), &fields(&named)).await;
            assert!(
                refused.unwrap_err().to_string().contains("attachment"),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_fetched_passes_the_guard_and_follows_nothing() {
    for (app, key) in apps().await {
        let away = vec![("location", "http://127.0.0.1:1/".to_owned())];
        let moved = Endpoint::answering([Reply(302, away)]).await;
        for (url, told) in [
            (moved.url().as_str(), "answered 302"),
            ("http://10.1.2.3/a", "may not be called"),
            ("http://169.254.169.254/latest", "may not be called"),
            ("http://[::ffff:10.0.0.1]/a", "may not be called"),
            ("http://127.0.0.1:1/a", "Nothing listens"),
            ("/etc/passwd", "must be absolute"),
        ] {
            let answer = import(&app, &key, url).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{url}");
            let error = answer.body["error"].as_str().unwrap();
            assert!(
                error.starts_with("file_url") && error.contains(told),
                "{error}"
            );
        }
        assert_eq!(moved.got_count(), 1);
        assert!(listed(&app, &key).await.is_empty());
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    for (app, key) in apps().await {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly some";
            stream.write_all(head.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        });
        let answer = import(&app, &key, &url).await;
        server.abort();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert!(listed(&app, &key).await.is_empty());
    }
}

#[tokio::test]
async fn processes_without_a_common_folder_refuse_files() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let records = &app.app.records;
        let key = records
            .add_api_key(TEAM, Mode::Live, START_MS)
            .await
            .unwrap();
        let answer = upload(&app, &key, &[("file", "a")]).await;
        let shared = app.app.config.store.postgres_url().is_some();
        let expected = if shared {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        assert_eq!(answer.status, expected, "{answer:?}");
    }
}

/// An app whose files are in a bucket of a server that checks signatures.
async fn bucket_app(moto: &mut Moto) -> (TestApp, String) {
    moto.make_bucket("files");
    let user = moto.user_who_may("s3:*");
    moto.is_strict(true).await;
    let key_id = user.key_id;
    let secret = user.secret.replace('/', "%2F").replace('+', "%2B");
    let url = moto.url();
    let url = format!("s3://{key_id}:{secret}@files/up/loads?region=us-east-1&endpoint={url}");
    let app = TestApp::with(|config| {
        config.files.url = url.as_str().into();
        config.files.file_bytes_max = 30_000_000;
    })
    .await;
    let key = app.app.records.add_api_key(TEAM, Mode::Live, START_MS);
    let key = key.await.unwrap();
    (app, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_a_bucket_are_uploaded_in_parts_read_and_deleted() {
    let mut moto = Moto::start();
    let (app, key) = bucket_app(&mut moto).await;
    let large = "kite ".repeat(3_000_000); // 15 MB: three parts
    for text in ["small", large.as_str()] {
        let answer = upload(&app, &key, &[("file", text)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let id = answer.body["id"].as_str().unwrap();
        let path = format!("/internal/v1/files/{id}");
        let bytes = app.send("GET", &path, "", "", Some(app.key())).await;
        assert!(bytes.body.as_str() == Some(text), "{}", bytes.status);
    }
    moto.is_strict(false).await;
    let keys = moto.keys("files");
    assert_eq!(keys.len(), 2);
    let below = format!("up/loads/{TEAM}/");
    assert!(keys.iter().all(|key| key.starts_with(&below)), "{keys:?}");
    app.clock.advance_ms(31 * DAY_MS);
    assert_eq!(files::tend(&app.app).await.unwrap(), 2);
    assert!(moto.keys("files").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_or_lost_a_file_is_told_apart() {
    let mut moto = Moto::start();
    let (app, key) = bucket_app(&mut moto).await;
    let file = upload(&app, &key, &[("file", "bytes")]).await.body;
    let path = format!("/internal/v1/files/{}", file["id"].as_str().unwrap());
    moto.is_strict(false).await;
    let object = moto.keys("files").remove(0);
    moto.call(
        "s3",
        "delete_object",
        json!({"Bucket": "files", "Key": object}),
    );
    let lost = app.send("GET", &path, "", "", Some(app.key())).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND, "{lost:?}");
    moto.call("s3", "delete_bucket", json!({"Bucket": "files"}));
    let gone = app.send("GET", &path, "", "", Some(app.key())).await;
    assert_eq!(gone.status, StatusCode::SERVICE_UNAVAILABLE, "{gone:?}");
    let refused = upload(&app, &key, &[("file", "bytes")]).await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{refused:?}"
    );
}
