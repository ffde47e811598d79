//! What no server on loopback does by itself: a bucket elsewhere, clocks that differ, a cloud that is away or silent. Small servers of this
//! test say what the clouds' documentation says that they say.

use super::{Manager, at};
use crate::support::app::{TEAM, TestApp};
use crate::support::clouds::{Moto, server};
use axum::body::Body;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

/// An app at an STS and an S3; the team has named a role and a bucket.
async fn app(sts: &str, s3: &str) -> TestApp {
    patient_app(10_000, sts, s3).await
}

async fn patient_app(wait_ms: u64, sts: &str, s3: &str) -> TestApp {
    let app = TestApp::with(|config| {
        at(s3, config, ("key", "secret"));
        sts.clone_into(&mut config.integrations.aws.sts_endpoint);
        config.integrations.request_timeout_ms = wait_ms;
    })
    .await;
    Manager::of(&app, TEAM).await.sets_up_aws().await;
    app
}

/// The diagnosis of a test: its code, and its hint.
async fn diagnosis(app: &TestApp) -> (String, String) {
    let trial = Manager::of(app, TEAM).await.tests("aws").await;
    assert_eq!(trial["works"], false);
    let text = |name: &str| trial["diagnosis"][name].as_str().unwrap().to_owned();
    (text("code"), text("hint"))
}

fn sts_error(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    )
}

/// What STS answers when it lets somebody in.
fn taken() -> String {
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
     <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
     <SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>\
     </AssumeRoleResult></AssumeRoleResponse>"
        .to_owned()
}

fn s3_error(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_does_not_know_the_operator_is_told_as_the_operators() {
    let moto = Moto::start();
    moto.is_strict(true).await;
    let app = app(&moto.url(), &moto.url()).await;
    let (code, hint) = diagnosis(&app).await;
    assert_eq!(code, "bucket_gateway");
    assert!(hint.contains("operator"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_elsewhere_is_told_with_its_region() {
    let sts = server(|_| taken()).await;
    let s3 = server(|_| {
        let headers = [("x-amz-bucket-region", "eu-central-1")];
        let status = StatusCode::MOVED_PERMANENTLY;
        (status, headers, s3_error("PermanentRedirect"))
    });
    let app = app(&sts, &s3.await).await;
    let (code, hint) = diagnosis(&app).await;
    assert_eq!(code, "bucket_region");
    assert!(hint.contains("eu-central-1"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_are_told_by_code_and_by_date() {
    let sts = server(|_| taken()).await;
    let s3 = server(|_| (StatusCode::FORBIDDEN, s3_error("RequestTimeTooSkewed")));
    let by_code = app(&sts, &s3.await).await;
    assert_eq!(diagnosis(&by_code).await.0, "bucket_clock");
    // The token service says only that the signature is wrong, but its date tells.
    let late = server(|_| {
        let headers = [("date", "Tue, 14 Nov 2023 22:13:20 GMT")];
        let error = sts_error("SignatureDoesNotMatch");
        (StatusCode::FORBIDDEN, headers, error)
    });
    let by_date = app(&late.await, &sts).await;
    assert_eq!(diagnosis(&by_date).await.0, "bucket_clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_is_away_or_silent_is_told_as_the_network() {
    let away = app("http://127.0.0.1:1", "http://127.0.0.1:1").await;
    assert_eq!(diagnosis(&away).await.0, "bucket_network");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let app = patient_app(100, &url, &url).await;
    assert_eq!(diagnosis(&app).await.0, "bucket_network");
    let sts = server(|_| taken()).await;
    let busy = server(|_| (StatusCode::SERVICE_UNAVAILABLE, s3_error("SlowDown"))).await;
    let app = self::app(&sts, &busy).await;
    assert_eq!(diagnosis(&app).await.0, "bucket_busy");
}

#[tokio::test]
async fn a_cloud_that_the_operator_does_not_offer_cannot_be_set_up() {
    let app = TestApp::start().await;
    let manager = Manager::of(&app, TEAM).await;
    let answer = manager
        .call("PUT", "/aws", super::aws_names("kites"), 400)
        .await;
    assert_eq!(answer["error"]["field"], "cloud");
    let view = manager.call("GET", "/aws", Value::Null, 200).await;
    assert_eq!(view["is_offered"], false);
    assert!(view["pastes"].as_array().unwrap().is_empty());
}

/// A body that begins and then stands still must not hold anybody.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_stands_still_is_given_up() {
    let sts = server(|_| {
        let begun = futures_util::stream::iter([Ok::<_, std::io::Error>("<Assume")]);
        let never = futures_util::stream::pending();
        Body::from_stream(futures_util::StreamExt::chain(begun, never))
    });
    let app = patient_app(500, &sts.await, "http://127.0.0.1:1").await;
    assert_eq!(diagnosis(&app).await.0, "bucket_network");
}
