//! A billing system that is told of every document: signed, retried, in the commit that makes
//! the document; and that says when one is paid.

use super::{Team, month};
use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use ringback::billing::close::sender;
use ringback::records::payment::PaymentDetails;
use ringback::work::outbox::sweep;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

#[tokio::test]
async fn an_invoice_is_announced_until_it_is_heard_and_then_paid() {
    let endpoint = Endpoint::answering([503, 200]).await;
    let url = endpoint.url();
    for app in TestApp::in_both_shapes(|config| config.billing.webhook_url.clone_from(&url)).await {
        endpoint.answer_next([503, 200]);
        let before = endpoint.got().len();
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let details = PaymentDetails {
            customer_token: "cus_1".to_owned(),
            method_token: "pm_1".to_owned(),
            ..PaymentDetails::default()
        };
        let records = &app.app.records;
        let now = app.clock.now();
        records
            .set_payment_details(TEAM, &details, now)
            .await
            .unwrap();
        let task = team.done("", 2).await.remove(0);
        app.next_month();
        app.close(month("2023-11")).await;
        team.is_now(&task, "pending").await;
        app.clock.advance_ms(2000);
        sweep(&app.app).await.unwrap();
        app.run_to_the_end().await;
        let got = endpoint.got().split_off(before);
        // The tasks' own callbacks go nowhere: these are the two attempts.
        let statuses: Vec<_> = got.iter().map(|got| got.status).collect();
        assert_eq!(statuses, [503, 200]);
        assert_eq!(got[0].id(), got[1].id());
        let secret = sender(records, now).await.unwrap();
        let verifier = Webhook::new(&secret).unwrap();
        let timestamp = got[1].headers["webhook-timestamp"].to_str().unwrap();
        let signature = verifier.sign(got[1].id(), timestamp.parse().unwrap(), &got[1].body);
        assert_eq!(
            got[1].headers["webhook-signature"],
            signature.unwrap().as_str()
        );
        let told: Value = serde_json::from_slice(&got[1].body).unwrap();
        assert_eq!(told["type"], "invoice.issued");
        let data = &told["data"];
        assert_eq!(
            (&data["number"], &data["total_minor"]),
            (&json!(1), &json!(50))
        );
        assert_eq!(
            (&data["team_id"], &data["customer_token"]),
            (&json!(TEAM), &json!("cus_1"))
        );
        assert_eq!(data["lines"][0]["count"], 2);

        is_marked_as_paid(&app, &team).await;

        // What is credited is announced as well.
        app.next_month();
        app.close(month("2023-12")).await;
        app.clock.advance_ms(2000);
        sweep(&app.app).await.unwrap();
        app.run_to_the_end().await;
        let told = endpoint.got().pop().unwrap();
        let told: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!(told["type"], "credit_note.issued");
        assert_eq!(told["data"]["lines"][0]["invoice_number"], 1);
    }
}

/// The billing system says that the money is there.
async fn is_marked_as_paid(app: &TestApp, team: &Team<'_>) {
    let paid = "/internal/v1/invoices/1/paid";
    let body = json!({"reference": "ch_1"});
    let answer = app.call("POST", paid, body.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["status"]),
        (200, &json!("paid"))
    );
    let again = app.call("POST", paid, json!({"reference": "ch_2"})).await;
    assert_eq!(again.body["payment_reference"], "ch_1");
    let card = app.call("POST", paid, json!({"reference": "4242424242424242"}));
    assert_eq!(card.await.status, 400);
    let nobodys = app.call("POST", "/internal/v1/invoices/99/paid", body);
    assert_eq!(nobodys.await.status, 404);
    let customers = app.call_as(&team.manager, "POST", paid, Value::Null).await;
    assert_eq!(customers.status, 401);
    assert_eq!(team.get("/invoices/1").await["status"], "paid");
    let shown = app
        .call("GET", "/internal/v1/invoices/1", Value::Null)
        .await;
    assert_eq!(shown.body["payment_reference"], "ch_1");
}

#[tokio::test]
async fn without_a_billing_system_nobody_is_told() {
    let app = TestApp::start().await;
    app.costs("", Some(25)).await;
    let team = Team::of(&app, TEAM).await;
    team.done("", 1).await;
    app.next_month();
    app.close(month("2023-11")).await;
    app.clock.advance_ms(2000);
    assert!(
        app.app
            .records
            .owed_for("invoice-1")
            .await
            .unwrap()
            .is_empty()
    );
    let senders = app.app.records.team("ringback:billing").await.unwrap();
    assert!(senders.is_none());
}
