//! Callbacks of one task go one after the other; a team may want only the latest.

use crate::support::queue::*;
use ringback::queue::fair::Limits;
use ringback::queue::{Claim, Entry, Next, Settled};

#[tokio::test]
async fn a_later_callback_waits_until_the_earlier_one_ends() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(2), of_task(1), of_task(3)]).await;
        for number in 1..=3 {
            let claims = on.claim(9).await;
            assert_eq!(numbers(&claims), [number]);
            end_all(&on, claims).await;
        }
    }
}

#[tokio::test]
async fn a_scheduled_retry_still_blocks_later_callbacks() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(1), of_task(2)]).await;
        let claim = on.claim_one().await;
        on.settle(claim, retry_at(START + 9)).await;
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.depths().await.waiting, 1);
    }
}

#[tokio::test]
async fn a_held_callback_still_blocks_later_ones() {
    for on in subjects(Limits::default()).await {
        let held = Entry {
            held: true,
            ..of_task(1)
        };
        on.push([held, of_task(2)]).await;
        assert_eq!(on.claim_numbers(9).await, []);
        on.release("acme").await;
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn removing_the_earlier_callback_lets_the_later_one_go() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(1), of_task(2), of_task(3)]).await;
        on.claim_one().await;
        on.remove(2).await;
        assert_eq!(on.claim_numbers(9).await, []);
        on.remove(1).await;
        assert_eq!(on.claim_numbers(9).await, [3]);
    }
}

#[tokio::test]
async fn an_earlier_callback_that_comes_late_goes_first() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(2)]).await;
        on.push([of_task(1)]).await;
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn two_callbacks_of_a_task_are_never_under_way_together() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(2)]).await;
        let claim = on.claim_one().await;
        on.push([of_task(1)]).await;
        assert_eq!(on.claim_numbers(9).await, []);
        on.settle(claim, retry_at(START)).await;
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn other_tasks_are_not_held_up() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(1), of_task(2), entry(7)]).await;
        assert_eq!(on.claim_numbers(9).await, [1, 7]);
    }
}

#[tokio::test]
async fn the_latest_supersedes_those_that_wait() {
    for on in subjects(Limits::default()).await {
        let scheduled = Entry {
            due: START + 9,
            ..latest(1)
        };
        let held = Entry {
            held: true,
            ..latest(2)
        };
        assert_eq!(on.push([scheduled]).await, []);
        assert_eq!(on.push([held]).await, [id(1)]);
        assert_eq!(on.push([latest(3)]).await, [id(2)]);
        assert_eq!(on.push([latest(4), latest(5)]).await, [id(3), id(4)]);
        assert_eq!(on.claim_numbers(9).await, [5]);
        assert_eq!(on.depths().await.held, 0);
    }
}

#[tokio::test]
async fn an_older_callback_that_comes_late_is_superseded_itself() {
    for on in subjects(Limits::default()).await {
        on.push([latest(2)]).await;
        assert_eq!(on.push([latest(1)]).await, [id(1)]);
        assert_eq!(on.claim_numbers(9).await, [2]);
    }
}

#[tokio::test]
async fn one_that_does_not_make_way_stays() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(1)]).await;
        assert_eq!(on.push([latest(2)]).await, []);
        assert_eq!(on.push([of_task(3)]).await, [id(2)]);
        assert_eq!(on.claim_numbers(9).await, [1]);
        on.remove(1).await;
        assert_eq!(on.claim_numbers(9).await, [3]);
    }
}

#[tokio::test]
async fn one_under_way_is_superseded_when_it_would_go_again() {
    for next in [retry_at(START + 9), Next::Hold, Next::Return] {
        for on in subjects(Limits::default()).await {
            on.push([latest(1)]).await;
            let claim = on.claim_one().await;
            assert_eq!(on.push([latest(2)]).await, []);
            assert_eq!(on.claim_numbers(9).await, []);
            let settled = on.settle(claim, next).await;
            assert_eq!(settled, Settled::Superseded(id(1)), "{next:?}");
            assert_eq!(on.claim_numbers(9).await, [2]);
        }
    }
}

#[tokio::test]
async fn one_under_way_that_ends_is_not_superseded() {
    for on in subjects(Limits::default()).await {
        on.push([latest(1)]).await;
        let claim = on.claim_one().await;
        on.push([latest(2)]).await;
        assert_eq!(on.settle(claim, Next::End).await, Settled::Done);
        assert_eq!(on.claim_numbers(9).await, [2]);
    }
}

async fn end_all(on: &Subject, claims: Vec<Claim>) {
    for claim in claims {
        on.settle(claim, Next::End).await;
    }
}
