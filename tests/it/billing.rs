//! Billing, in both shapes: what tasks cost, months that are closed, documents, and whom to
//! ask for money.

mod books; // the sums, with closes racing completions
mod close; // invoices, credit notes, numbers
mod command; // the operator's guide, run as it stands
mod documents; // PDF and CSV
mod ledger; // what is charged, and what is not
mod payment; // payment details, and cards that are kept nowhere
mod provider; // a billing system that is told

use crate::support::app::{START_MS, TEAM, TestApp};
use axum::http::StatusCode;
use ringback::access::Role;
use ringback::billing::close::close;
use ringback::callback::Mode;
use ringback::money::Currency;
use ringback::money::month::Month;
use ringback::records::invoices::Invoice;
use ringback::records::ledger::Balance;
use ringback::records::prices::NewPrices;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// The clock stands in November 2023.
const DAY_MS: u64 = 86_400_000;

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

/// A team at work, and its manager.
struct Team<'a> {
    app: &'a TestApp,
    id: &'static str,
    key: String,
    user: String,
    manager: String,
    events: AtomicU64,
}

impl<'a> Team<'a> {
    async fn of(app: &'a TestApp, id: &'static str) -> Self {
        let records = &app.app.records;
        if id != TEAM {
            records.add_team(id, id, START_MS).await.unwrap();
        }
        let email = format!("bo@{id}.test").replace('_', "-");
        let user = app.joins(id, &email, Role::Manager).await;
        Self {
            app,
            id,
            key: records.add_api_key(id, Mode::Live, START_MS).await.unwrap(),
            manager: app.session_of(&user).await,
            user,
            events: AtomicU64::new(0),
        }
    }

    /// A live task of a project (empty: of none) that waits.
    async fn task(&self, project: &str) -> String {
        let mut body = json!({"instruction": "Which?", "attachment_type": "text",
                              "attachment": "a", "categories": ["a", "b"]});
        if !project.is_empty() {
            body["project"] = json!(project);
        }
        self.made("/v1/task/categorization", body).await["task_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn project(&self, name: &str) {
        let body = json!({"name": name, "type": "categorization"});
        self.made("/v1/projects", body).await;
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let made = self.app.call_as(&self.key, "POST", path, body).await;
        assert_eq!(made.status, StatusCode::OK, "{made:?}");
        made.body
    }

    /// A result with an event of its own.
    fn result(&self, task: &str, status: &str) -> Value {
        let event = self.events.fetch_add(1, Ordering::SeqCst);
        json!({"event_id": format!("e{event}"), "team_id": self.id, "task_id": task,
               "mode": "live", "status": status, "response": {"category": "a"}})
    }

    /// The labelling side says so.
    async fn is_now(&self, task: &str, status: &str) {
        self.hand_in(self.result(task, status)).await;
    }

    async fn hand_in(&self, results: Value) {
        let answer = self.app.call("POST", "/internal/v1/results", results).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    }

    /// Tasks that are done.
    async fn done(&self, project: &str, count: usize) -> Vec<String> {
        let mut tasks = Vec::new();
        for _ in 0..count {
            let task = self.task(project).await;
            self.is_now(&task, "completed").await;
            tasks.push(task);
        }
        tasks
    }

    /// What the manager reads.
    async fn get(&self, path: &str) -> Value {
        let path = format!("/account/v1/billing{path}");
        // A session each: months pass.
        let token = self.app.session_of(&self.user).await;
        let answer = self.app.call_as(&token, "GET", &path, Value::Null);
        let answer = answer.await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    /// What it owes and is on no invoice, minor units of its currency.
    async fn accrued(&self) -> i64 {
        self.get("").await["accrued"][0]["amount_minor"]
            .as_i64()
            .unwrap()
    }

    async fn balance(&self) -> Balance {
        let balances = self.app.app.records.balances(self.id).await.unwrap();
        let balance = balances.get("USD").copied().unwrap_or_default();
        assert!(balance.is_right(), "{balance:?}");
        balance
    }
}

impl TestApp {
    /// Categorization costs this from now on, for everybody or for one team.
    async fn costs(&self, team: &str, unit_minor: Option<i64>) -> i64 {
        let now = self.clock.now();
        let new = NewPrices {
            team: team.to_owned(),
            currency: usd(),
            units: vec![("categorization".to_owned(), unit_minor)],
            from_ms: now.cast_signed(),
        };
        let records = &self.app.records;
        let set = ringback::billing::prices::set(records, &self.app.config, &new, now);
        set.await.unwrap()
    }

    /// Moves the clock into the next month.
    fn next_month(&self) {
        let month = Month::of(self.clock.now());
        while Month::of(self.clock.now()) == month {
            self.clock.advance_ms(DAY_MS);
        }
    }

    /// Closes a month; the documents.
    async fn close(&self, month: Month) -> Vec<Invoice> {
        let now = self.clock.now();
        let made = close(&self.app.records, &self.app.config, month, now);
        made.await.unwrap()
    }
}
