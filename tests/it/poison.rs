//! A callback whose attempt brings the process down each time.

use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use ringback::callback::State;
use serde_json::Value;

#[tokio::test]
async fn after_five_processes_it_is_buried_and_its_neighbour_lives() {
    let mut app = TestApp::start().await;
    let endpoint = Endpoint::answering([200]).await;
    app.set_default(&endpoint).await;
    let poison = app.submit("poison", Value::Null).await;
    let neighbour = app.submit("neighbour", Value::Null).await;
    for crash in 1..=5 {
        assert_eq!(
            app.state(poison).await,
            State::Pending,
            "before crash {crash}"
        );
        // The process notes the claim and dies of it. The neighbour was claimed once.
        app.app.journal.note_claims([(poison, 0)].into_iter());
        if crash == 1 {
            app.app.journal.note_claims([(neighbour, 0)].into_iter());
        }
        app = app.restart().await;
    }
    assert_eq!(app.state(poison).await, State::Dead);
    assert!(
        app.explain(poison).await["why"]
            .as_str()
            .unwrap()
            .contains("poison")
    );
    app.run_due().await;
    assert_eq!(app.state(neighbour).await, State::Delivered);
    assert_eq!(endpoint.got_count(), 1);
}

#[tokio::test]
async fn an_attempt_that_was_settled_is_no_abandoned_one() {
    let mut app = TestApp::start().await;
    let endpoint = Endpoint::answering([500]).await;
    app.set_default(&endpoint).await;
    let id = app.submit("e1", Value::Null).await;
    for attempts in 0..6 {
        app.app.journal.note_claims([(id, attempts)].into_iter());
        app.run_due().await;
        app = app.restart().await;
        let due = app.app.queue.next_due().await.unwrap().unwrap();
        app.clock.advance_ms(due - app.clock.now());
    }
    assert_eq!(app.state(id).await, State::Pending);
}
