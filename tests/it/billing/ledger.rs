//! What is charged: each completed live task once, at the price of that moment.

use super::{START_MS, Team, usd};
use crate::support::app::{TEAM, TestApp};
use axum::http::StatusCode;
use ringback::billing::prices::{set, set_terms};
use ringback::callback::Mode;
use ringback::records::payment::{BillingMode, TermsUpdate};
use ringback::records::prices::NewPrices;
use ringback::records::tasks::{COMPLETED, Task};
use ringback::work::tasks::blank;
use serde_json::{Value, json};

#[tokio::test]
async fn a_task_is_charged_once_however_often_it_is_told() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let task = team.task("").await;
        let told = team.result(&task, "completed");
        for _ in 0..3 {
            team.hand_in(told.clone()).await;
            assert_eq!(team.accrued().await, 25);
        }
        // A better answer to a task that is done costs nothing more.
        team.is_now(&task, "completed").await;
        assert_eq!(team.accrued().await, 25);
        team.is_now(&task, "pending").await;
        assert_eq!(team.accrued().await, 0);
        team.is_now(&task, "pending").await;
        assert_eq!(team.accrued().await, 0);
        // What was told before tells nothing new.
        team.hand_in(told.clone()).await;
        assert_eq!(team.accrued().await, 0);
        team.is_now(&task, "completed").await;
        assert_eq!(team.accrued().await, 25);
        team.is_now(&task, "error").await;
        assert_eq!(team.accrued().await, 0);
        team.is_now(&task, "completed").await;
        let shown = team.get("").await;
        assert_eq!(
            shown["completed_tasks"],
            json!({"total": 1, "this_month": 1, "month": "2023-11"})
        );
        assert_eq!(team.balance().await.ledger_minor, 25);
    }
}

#[tokio::test]
async fn what_happens_to_a_task_within_one_request_is_charged_in_order() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let (one, two) = (team.task("").await, team.task("").await);
        let results = [
            (&one, "completed"),
            (&two, "completed"),
            (&one, "pending"),
            (&two, "pending"),
            (&one, "completed"),
        ];
        let results: Value = results.iter().map(|(id, to)| team.result(id, to)).collect();
        team.hand_in(results).await;
        assert_eq!(team.accrued().await, 25);
        assert_eq!(team.get("").await["lines"][0]["count"], 1);
        team.balance().await;
    }
}

#[tokio::test]
async fn a_price_is_that_of_the_completion_whatever_the_list_becomes() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        assert_eq!(app.costs("", Some(10)).await, 1);
        let team = Team::of(&app, TEAM).await;
        let first = team.done("", 1).await.remove(0);
        app.clock.advance_ms(1000);
        assert_eq!(app.costs("", Some(30)).await, 2);
        let second = team.done("", 1).await.remove(0);
        assert_eq!(team.accrued().await, 40);
        let lines = team.get("").await["lines"].clone();
        assert_eq!(
            (&lines[0]["unit_minor"], &lines[1]["unit_minor"]),
            (&json!(10), &json!(30))
        );
        team.is_now(&first, "pending").await;
        assert_eq!(team.accrued().await, 30);
        // Done again, it costs what it costs now.
        team.is_now(&first, "completed").await;
        assert_eq!(team.accrued().await, 60);
        app.costs("", None).await;
        team.is_now(&second, "pending").await;
        assert_eq!(team.accrued().await, 30);
        team.is_now(&second, "completed").await;
        let shown = team.get("").await;
        assert_eq!(shown["lines"][0]["unit_minor"], Value::Null, "{shown}");
        assert_eq!(shown["lines"][0]["amount_minor"], 0);
        team.balance().await;
    }
}

#[tokio::test]
async fn a_price_of_the_future_waits_and_one_of_the_past_is_refused() {
    let app = TestApp::start().await;
    app.costs("", Some(10)).await;
    let team = Team::of(&app, TEAM).await;
    let new = |kind: &str, from_ms: u64, unit: i64| NewPrices {
        team: String::new(),
        currency: usd(),
        units: vec![(kind.to_owned(), Some(unit))],
        from_ms: from_ms.cast_signed(),
    };
    let (records, config) = (&app.app.records, &app.app.config);
    let later = new("categorization", START_MS + 5000, 50);
    set(records, config, &later, START_MS).await.unwrap();
    team.done("", 1).await;
    assert_eq!(team.accrued().await, 10);
    app.clock.advance_ms(5000);
    team.done("", 1).await;
    assert_eq!(team.accrued().await, 60);
    for (wrong, word) in [
        (new("categorization", START_MS - 1, 50), "past"),
        (new("painting", START_MS, 50), "no type"),
        (new("categorization", START_MS, -1), "from 0"),
        (new("categorization", START_MS, i64::MAX), "from 0"),
    ] {
        let error = set(records, config, &wrong, START_MS).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_team_has_its_own_prices_and_currency() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(100)).await;
        let (kites, boats) = (Team::of(&app, TEAM).await, Team::of(&app, "boats").await);
        app.costs(TEAM, Some(70)).await;
        kites.done("", 1).await;
        boats.done("", 1).await;
        assert_eq!((kites.accrued().await, boats.accrued().await), (70, 100));
        app.clock.advance_ms(1);
        app.costs(TEAM, None).await;
        kites.done("", 1).await;
        assert_eq!(kites.accrued().await, 170);
        let euro = TermsUpdate {
            currency: ringback::money::Currency::parse("EUR"),
            ..TermsUpdate::default()
        };
        set_terms(&app.app.records, "boats", &euro).await.unwrap();
        boats.done("", 2).await;
        let shown = boats.get("").await;
        assert_eq!(shown["currency"], "EUR");
        // There is no list in euros yet; what was owed in dollars is still owed.
        assert_eq!(
            shown["accrued"],
            json!([{"currency": "EUR", "amount_minor": 0, "amount": "0.00"},
                   {"currency": "USD", "amount_minor": 100, "amount": "1.00"}])
        );
        kites.balance().await;
        boats.balance().await;
    }
}

#[tokio::test]
async fn test_tasks_and_those_of_nobody_are_never_charged() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let key = app
            .app
            .records
            .add_api_key(TEAM, Mode::Test, 1)
            .await
            .unwrap();
        let body = json!({"instruction": "Which?", "attachment_type": "text",
                          "attachment": "a", "categories": ["a", "b"]});
        let made = app.call_as(&key, "POST", "/v1/task/categorization", body);
        let made = made.await;
        assert_eq!(made.status, StatusCode::OK, "{made:?}");
        let test = made.body["task_id"].as_str().unwrap().to_owned();
        // Taken back and done again by the labelling side, too.
        for status in ["pending", "completed"] {
            let mut result = team.result(&test, status);
            result["mode"] = json!("test");
            team.hand_in(result).await;
        }
        team.hand_in(team.result("a-task-of-the-producers-own", "completed"))
            .await;
        assert_eq!(team.accrued().await, 0);
        assert_eq!(team.get("").await["lines"], json!([]));
        assert!(app.app.records.balances(TEAM).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_was_completed_before_there_was_a_ledger_is_not_paid_back() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let old = Task {
            kind: "categorization".to_owned(),
            status: COMPLETED.to_owned(),
            completed_ms: Some(1),
            events: 1,
            ..blank(TEAM, Mode::Live, START_MS)
        };
        app.app.records.add_task(&old, None).await.unwrap();
        team.is_now(&old.id, "pending").await;
        assert_eq!(team.accrued().await, 0);
        team.is_now(&old.id, "completed").await;
        assert_eq!(team.accrued().await, 25);
        team.balance().await;
    }
}

#[tokio::test]
async fn a_team_with_a_contract_sees_whom_to_ask_and_no_prices() {
    for app in TestApp::in_both_shapes(|config| {
        config.billing.representative = "Sales, sales@ringback.test".to_owned();
    })
    .await
    {
        app.costs("", Some(25)).await;
        let team = Team::of(&app, TEAM).await;
        let contract = TermsUpdate {
            mode: Some(BillingMode::Invoice),
            ..TermsUpdate::default()
        };
        set_terms(&app.app.records, TEAM, &contract).await.unwrap();
        team.done("", 2).await;
        let shown = team.get("").await;
        let expected = json!({
            "mode": "invoice",
            "completed_tasks": {"total": 2, "this_month": 2, "month": "2023-11"},
            "representative": "Sales, sales@ringback.test",
        });
        assert_eq!(shown, expected);
        let own = TermsUpdate {
            representative: Some("Jo Doe, jo@ringback.test".to_owned()),
            ..TermsUpdate::default()
        };
        set_terms(&app.app.records, TEAM, &own).await.unwrap();
        let shown = team.get("").await;
        assert_eq!(shown["representative"], "Jo Doe, jo@ringback.test");
        app.next_month();
        assert!(app.close(super::month("2023-11")).await.is_empty());
        // Without the contract, what comes is charged, and what was done stays free.
        let on_demand = TermsUpdate {
            mode: Some(BillingMode::OnDemand),
            ..TermsUpdate::default()
        };
        set_terms(&app.app.records, TEAM, &on_demand).await.unwrap();
        team.done("", 1).await;
        assert_eq!(team.accrued().await, 25);
        team.balance().await;
    }
}
