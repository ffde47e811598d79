//! Months that are closed: every task on one document, numbers without gaps, nothing twice.

use super::{Team, month};
use crate::support::app::{START_MS, TEAM, TestApp};
use ringback::app::App;
use ringback::billing::close::{close, close_last_month};
use ringback::money::statement::Kind;
use ringback::records::Records;
use ringback::records::payment::PaymentDetails;
use ringback::vault::Vault;
use serde_json::{Value, json};

/// The lines of a document: project, count, amount.
async fn lines(team: &Team<'_>, number: i64) -> Vec<(Value, i64, i64)> {
    let invoice = team.get(&format!("/invoices/{number}")).await;
    let lines = invoice["lines"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let number = |name: &str| line[name].as_i64().unwrap();
            (
                line["project"].clone(),
                number("count"),
                number("amount_minor"),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_month_becomes_an_invoice_a_team_once() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let (kites, boats) = (Team::of(&app, TEAM).await, Team::of(&app, "boats").await);
        Team::of(&app, "idle").await;
        kites.project("red").await;
        kites.project("blue").await;
        kites.done("red", 2).await;
        kites.done("blue", 1).await;
        kites.done("", 1).await;
        boats.done("", 3).await;
        let early = close(
            &app.app.records,
            &app.app.config,
            month("2023-11"),
            START_MS,
        );
        let early = early.await.unwrap_err().to_string();
        assert!(early.contains("2023-11 is not over"), "{early}");
        app.next_month();
        let taken_back = kites.done("red", 1).await.remove(0);
        kites.is_now(&taken_back, "pending").await;
        let made = app.close(month("2023-11")).await;
        let numbers: Vec<_> = made.iter().map(|it| (it.number, &*it.team)).collect();
        assert_eq!(numbers, [(1, "boats"), (2, TEAM)]);
        assert_eq!((made[0].total_minor, made[1].total_minor), (75, 100));
        assert!(app.close(month("2023-11")).await.is_empty());
        let expected = [
            (Value::Null, 1, 25),
            (json!("blue"), 1, 25),
            (json!("red"), 2, 50),
        ];
        assert_eq!(lines(&kites, 2).await, expected);
        let shown = kites.get("").await;
        assert_eq!(shown["last_invoices"][0]["number"], 2);
        assert_eq!(shown["last_invoices"][0]["status"], "open");
        assert_eq!(
            shown["last_invoices"][0]["due_at"],
            "2023-12-15T22:13:20.000Z"
        );
        assert_eq!(kites.accrued().await, 0);
        let balance = kites.balance().await;
        assert_eq!((balance.ledger_minor, balance.documents_minor), (100, 100));
        boats.balance().await;
    }
}

#[tokio::test]
async fn what_is_taken_back_after_the_close_is_credited() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let tasks = team.done("", 3).await;
        app.next_month();
        // Before the month is closed, but in the next one: the charge is on its invoice.
        team.is_now(&tasks[0], "pending").await;
        assert_eq!(app.close(month("2023-11")).await[0].total_minor, 75);
        team.is_now(&tasks[1], "error").await;
        team.done("", 4).await;
        assert_eq!(team.accrued().await, 50);
        assert_eq!(team.get("").await["completed_tasks"]["this_month"], 4);
        app.next_month();
        let made = app.close(month("2023-12")).await;
        let made: Vec<_> = made
            .iter()
            .map(|it| (it.number, it.kind, it.total_minor))
            .collect();
        assert_eq!(made, [(2, Kind::Invoice, 100), (3, Kind::CreditNote, -50)]);
        let credit = team.get("/invoices/3").await;
        assert_eq!(credit["lines"][0]["count"], -2);
        assert_eq!(credit["lines"][0]["invoice_number"], 1);
        assert_eq!(credit["status"], "credit");
        assert_eq!(team.accrued().await, 0);
        team.balance().await;
    }
}

#[tokio::test]
async fn what_comes_too_late_for_a_close_is_on_the_next_invoice() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        team.done("", 1).await;
        // Another process's clock is a month ahead of this one's.
        let later = START_MS + 31 * super::DAY_MS;
        let (records, config) = (&app.app.records, &app.app.config);
        let made = close(records, config, month("2023-11"), later).await;
        assert_eq!(made.unwrap()[0].total_minor, 25);
        let late = team.done("", 2).await;
        assert_eq!(team.accrued().await, 50);
        app.next_month();
        assert!(app.close(month("2023-11")).await.is_empty());
        // Both its charge and this are on none yet: nothing to credit.
        team.is_now(&late[0], "pending").await;
        app.next_month();
        let made = app.close(month("2023-12")).await;
        assert_eq!(made.len(), 1);
        assert_eq!((made[0].kind, made[0].total_minor), (Kind::Invoice, 25));
        team.balance().await;
    }
}

#[tokio::test]
async fn a_document_stays_as_it_was_made() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let mut details = PaymentDetails {
            company: "Kites GmbH".to_owned(),
            ..PaymentDetails::default()
        };
        let records = &app.app.records;
        let set = records.set_payment_details(TEAM, &details, START_MS).await;
        set.unwrap();
        team.done("", 1).await;
        app.next_month();
        app.close(month("2023-11")).await;
        let before = team.get("/invoices/1").await;
        assert_eq!(before["recipient"]["company"], "Kites GmbH");
        "Boats GmbH".clone_into(&mut details.company);
        let set = records.set_payment_details(TEAM, &details, START_MS).await;
        set.unwrap();
        app.clock.advance_ms(1);
        app.costs("", Some(99)).await;
        assert_eq!(team.get("/invoices/1").await, before);
        let other = Team::of(&app, "boats").await;
        let path = "/account/v1/billing/invoices/1";
        let foreign = app.call_as(&other.manager, "GET", path, Value::Null).await;
        assert_eq!(foreign.status, 404);
    }
}

#[tokio::test]
async fn an_operator_who_sets_no_prices_makes_no_invoices() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let team = Team::of(&app, TEAM).await;
        let free = team.done("", 3).await.remove(0);
        app.next_month();
        assert!(app.close(month("2023-11")).await.is_empty());
        app.costs("", Some(25)).await;
        team.is_now(&free, "pending").await;
        team.done("", 1).await;
        app.next_month();
        let made = app.close(month("2023-12")).await;
        assert_eq!((made.len(), made[0].number), (1, 1));
        team.balance().await;
    }
}

/// Another process on the same store.
async fn another(app: &TestApp) -> Records {
    let config = &app.app.config;
    let vault = Vault::open(&config.vault_key_path()).unwrap();
    Records::open(config, vault).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_close_a_month_at_once_each_team_gets_one_invoice() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        for id in ["t1", "t2", "t3"] {
            Team::of(&app, id).await.done("", 2).await;
        }
        app.next_month();
        let mut closers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let records = another(&app).await;
            let (config, now) = (app.app.config.clone(), app.clock.now());
            closers.spawn(async move {
                close(&records, &config, month("2023-11"), now)
                    .await
                    .unwrap()
            });
        }
        let mut numbers: Vec<_> = closers
            .join_all()
            .await
            .concat()
            .iter()
            .map(|invoice| invoice.number)
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
    }
}

#[tokio::test]
async fn housekeeping_closes_the_last_month_once() {
    let documents = async |app: &App| {
        let found = app.records.invoices(None, i64::MAX, 10).await.unwrap();
        found.len()
    };
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        team.done("", 1).await;
        close_last_month(&app.app).await.unwrap();
        assert_eq!(documents(&app.app).await, 0);
        app.next_month();
        for _ in 0..2 {
            close_last_month(&app.app).await.unwrap();
            assert_eq!(documents(&app.app).await, 1);
        }
        // A gateway that was away for a month: all of it is on one invoice.
        team.done("", 1).await;
        app.next_month();
        app.next_month();
        close_last_month(&app.app).await.unwrap();
        assert_eq!(documents(&app.app).await, 2);
        team.balance().await;
    }
}
