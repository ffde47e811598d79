//! The billing page in a real browser: what was done and what it costs, invoices, payment
//! details, and a team with a contract.

use super::{admin, looked_at, serve};
use crate::support::app::{START_MS, TestApp};
use crate::support::billing::{charge, close_first_month, price, set_status};
use ringback::billing::prices::set_terms;
use ringback::records::payment::{BillingMode, TermsUpdate};

const DAY_MS: u64 = 86_400_000;

/// A month that is invoiced, one task of it taken back, and what came after it.
async fn work(app: &TestApp, team: &str) {
    let (records, now) = (&app.app.records, app.clock.now());
    price(records, "imageannotation", 125).await;
    price(records, "categorization", 8).await;
    let done = charge(records, (team, "birds", "imageannotation"), 12, START_MS).await;
    charge(records, (team, "birds", "categorization"), 3, START_MS).await;
    close_first_month(records, &app.app.config).await;
    set_status(records, (team, &done[0]), "pending", now).await;
    charge(records, (team, "birds", "imageannotation"), 9, now).await;
    charge(records, (team, "", "categorization"), 40, now).await;
    charge(
        records,
        (team, "kites of the north", "transcription"),
        5,
        now,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_sees_what_the_team_owes_and_says_who_pays() {
    let app = TestApp::with(|config| {
        config.billing.issuer = "Ringback Inc.\n12 Exchange Street\nDublin".to_owned();
    })
    .await;
    let base = serve(&app).await;
    app.clock.advance_ms(31 * DAY_MS);
    let ana = admin(&app, &base).await;
    let records = &app.app.records;
    let user = records.user_by_email("ana@kites.test").await.unwrap();
    let team = user.unwrap().team;
    let page = format!("{base}/dashboard/billing");
    ana.go(&page).await;
    ana.reads("Nothing has accrued").await;
    ana.reads("No invoices yet").await;
    looked_at(&ana, "billing-empty").await;

    work(&app, &team).await;
    ana.go(&page).await;
    ana.reads("13.20 USD").await; // 9 x 1.25 + 40 x 0.08, less 1.25
    ana.reads("no price").await;
    ana.reads("Invoice 1").await;
    looked_at(&ana, "billing").await;
    ana.press("Invoice 1").await;
    ana.reads("Total 15.24 USD").await;
    ana.reads("12 Exchange Street").await;
    looked_at(&ana, "billing-invoice").await;

    ana.press("ana@kites.test").await;
    ana.press("Payment details").await;
    ana.fill("company", "Kites GmbH").await;
    ana.fill("customer_token", "4242 4242 4242 4242").await;
    ana.press("Save payment details").await;
    ana.reads("looks like it holds a card number").await;
    looked_at(&ana, "billing-card").await;
    let kept = records.payment_details(&team).await.unwrap();
    assert_eq!(kept.company, "");
    ana.fill("customer_token", "cus_NffrFeUfNV2Hib").await;
    ana.fill("address", "Main Street 1").await;
    ana.press("Save payment details").await;
    ana.reads("Saved").await;
    let kept = records.payment_details(&team).await.unwrap();
    assert_eq!(
        (&*kept.company, &*kept.customer_token),
        ("Kites GmbH", "cus_NffrFeUfNV2Hib")
    );

    let contract = TermsUpdate {
        mode: Some(BillingMode::Invoice),
        representative: Some("Jo Doe, jo@ringback.test".to_owned()),
        ..TermsUpdate::default()
    };
    set_terms(records, &team, &contract).await.unwrap();
    ana.go(&page).await;
    ana.reads("please contact your account representative")
        .await;
    ana.reads("Jo Doe, jo@ringback.test").await;
    let text = ana.text().await;
    assert!(
        !text.contains("Accrued") && !text.contains("1.25"),
        "{text}"
    );
    looked_at(&ana, "billing-contract").await;
}
