//! A customer sets up AWS as the page says, at a server that checks signatures and policies.

use super::{BUCKET, Manager, at, aws_names, connected, make_role, set_permissions};
use crate::support::app::{START_MS, TEAM, TestApp};
use crate::support::clouds::Moto;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_says_to_paste_lets_this_gateway_in() {
    let mut moto = Moto::start();
    moto.make_bucket(BUCKET);
    let user = moto.user_who_may("sts:AssumeRole");
    let key = (user.key_id.as_str(), user.secret.as_str());
    let apps = TestApp::in_both_shapes(|config| at(&moto.url(), config, key));
    for app in apps.await {
        let manager = Manager::of(&app, TEAM).await;
        let view = manager.call("GET", "/aws", Value::Null, 200).await;
        assert_eq!(
            (&view["names"], &view["is_offered"]),
            (&Value::Null, &json!(true))
        );
        manager.call("POST", "/aws/test", Value::Null, 404).await;
        let view = manager.sets_up_aws().await;
        assert_eq!(view["names"], aws_names(BUCKET));
        assert_eq!(view["tested"], Value::Null);
        moto.is_strict(false).await;
        make_role(&mut moto, &manager, &user).await;
        moto.is_strict(true).await;
        let trial = manager.tests("aws").await;
        assert_eq!(trial["works"], true, "{trial}");
        let what = trial["diagnosis"]["what"].as_str().unwrap();
        assert!(what.contains("empty"), "{what}");
        moto.is_strict(false).await;
        moto.put(BUCKET, "a/1.png", "bytes");
        moto.is_strict(true).await;
        let trial = manager.tests("aws").await;
        let what = trial["diagnosis"]["what"].as_str().unwrap();
        assert!(what.contains("a/1.png was read"), "{what}");
        let view = manager.call("GET", "/aws", Value::Null, 200).await;
        assert_eq!(
            (&view["tested"]["works"], &view["tested"]["code"]),
            (&json!(true), &json!("works"))
        );
        // Other names: what was tested no longer counts.
        let view = manager.call("PUT", "/aws", aws_names("others"), 200).await;
        assert_eq!(view["tested"], Value::Null);
        manager.call("DELETE", "/aws", Value::Null, 204).await;
        manager.call("DELETE", "/aws", Value::Null, 404).await;
        moto.is_strict(false).await;
        moto.call(
            "s3",
            "delete_object",
            json!({"Bucket": BUCKET, "Key": "a/1.png"}),
        );
        moto.call(
            "iam",
            "delete_role_policy",
            json!({"RoleName": "ringback", "PolicyName": "p"}),
        );
        moto.call("iam", "delete_role", json!({"RoleName": "ringback"}));
    }
}

/// What a test says while the server checks everything.
async fn told(moto: &Moto, manager: &Manager<'_>, code: &str, step: &str, fix: &str) {
    moto.is_strict(true).await;
    let trial = manager.tests("aws").await;
    moto.is_strict(false).await;
    assert_eq!(trial["diagnosis"]["code"], code, "{trial}");
    assert_eq!(trial["step"], step, "{trial}");
    let hint = trial["diagnosis"]["hint"].as_str().unwrap();
    assert!(hint.contains(fix), "{hint}");
    let works = code == "works";
    assert_eq!(
        trial["answer"].as_str().unwrap().is_empty(),
        works,
        "{trial}"
    );
    let view = manager.call("GET", "/aws", Value::Null, 200).await;
    assert_eq!(view["tested"]["code"], code);
}

/// The policy with this action alone.
fn only(policy: &str, action: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Action"] == action);
    policy.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_may_not_do_is_told_with_its_fix() {
    let (app, mut moto) = connected(|_| {}).await;
    moto.put(BUCKET, "a/1.png", "bytes");
    let manager = Manager::of(&app, TEAM).await;
    let whole = manager.paste("aws", "permissions").await;
    set_permissions(&mut moto, &only(&whole, "s3:ListBucket"));
    told(
        &moto,
        &manager,
        "bucket_denied",
        "reading",
        "permissions policy",
    )
    .await;
    set_permissions(&mut moto, &only(&whole, "s3:GetObject"));
    told(
        &moto,
        &manager,
        "bucket_denied",
        "listing",
        "permissions policy",
    )
    .await;
    // Large results must be written, too, and the policy on the page says so.
    let results = json!({"cloud": "aws", "prefix": "results"});
    manager.call("PUT", "", results, 200).await;
    set_permissions(&mut moto, &whole);
    told(
        &moto,
        &manager,
        "bucket_denied",
        "writing",
        "permissions policy",
    )
    .await;
    let whole = manager.paste("aws", "permissions").await;
    set_permissions(&mut moto, &whole);
    told(&moto, &manager, "works", "done", "").await;
    assert_eq!(
        moto.keys(BUCKET),
        ["a/1.png", "results/ringback-connection-test.txt"]
    );
    let trial = manager.tests("aws").await;
    assert!(
        trial["diagnosis"]["what"]
            .as_str()
            .unwrap()
            .contains("was written")
    );
    // A bucket that is not there.
    manager.call("PUT", "/aws", aws_names("nobodys"), 200).await;
    set_permissions(&mut moto, &whole.replace(BUCKET, "nobodys"));
    told(
        &moto,
        &manager,
        "bucket_missing",
        "listing",
        "bucket's name",
    )
    .await;
}

/// The confused deputy: another team names the role of this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_taken_for_the_team_whose_external_id_it_asks_for_and_nobody_else() {
    let (app, moto) = connected(|_| {}).await;
    app.app.records.add_team("team_b", "B", 1).await.unwrap();
    let other = Manager::of(&app, "team_b").await;
    other.sets_up_aws().await;
    moto.is_strict(true).await;
    let own = Manager::of(&app, TEAM).await.tests("aws").await;
    assert_eq!(own["works"], true, "{own}");
    let trial = other.tests("aws").await;
    let code = trial["diagnosis"]["code"].as_str().unwrap();
    assert_eq!(code, "bucket_not_trusted", "{trial}");
    let hint = trial["diagnosis"]["hint"].as_str().unwrap();
    assert!(hint.contains("trust policy"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_checked_and_the_external_id_is_nobodys_choice() {
    let moto = Moto::start();
    let app = TestApp::with(|config| at(&moto.url(), config, ("k", "s"))).await;
    app.app
        .records
        .add_team("team_b", "B", START_MS)
        .await
        .unwrap();
    let (one, other) = (
        Manager::of(&app, TEAM).await,
        Manager::of(&app, "team_b").await,
    );
    let (a, b) = (
        one.call("GET", "", Value::Null, 200).await,
        other.call("GET", "", Value::Null, 200).await,
    );
    assert_ne!(a["external_id"], b["external_id"]);
    assert_eq!(a, one.call("GET", "", Value::Null, 200).await);
    assert!(
        one.paste("aws", "trust")
            .await
            .contains(a["external_id"].as_str().unwrap())
    );
    let mut chosen = aws_names(BUCKET);
    chosen["external_id"] = b["external_id"].clone();
    one.call("PUT", "/aws", chosen, 400).await;
    for (field, wrong) in [
        ("role_arn", "arn:aws:iam::1:role/x"),
        ("region", "eu-central-1.x.test/"),
        ("bucket", "a/../b"),
    ] {
        let mut names = aws_names(BUCKET);
        names[field] = wrong.into();
        let answer = one.call("PUT", "/aws", names, 400).await;
        assert_eq!(answer["error"]["field"], field);
    }
    one.call(
        "PUT",
        "/gcp",
        json!({"service_account": "x", "bucket": "b"}),
        400,
    )
    .await;
    one.call("PUT", "/other", json!({}), 404).await;
    one.call("PUT", "", json!({"cloud": "aws"}), 400).await;
}
