//! Only the current token counts, and a lease that ends costs no attempt.

use crate::support::queue::*;
use ringback::queue::fair::Limits;
use ringback::queue::{Next, Settled, Settlement, Signal};

#[tokio::test]
async fn an_ended_lease_goes_to_the_next_claim_and_the_old_token_is_lost() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let old = on.claim_one().await;
        on.clock.advance_ms(59_999);
        assert_eq!(on.claim_numbers(9).await, []);
        on.clock.advance_ms(1);
        assert_eq!(on.next_due().await, Some(old.expires));
        let new = on.claim_one().await;
        assert_ne!(old.token, new.token);
        on.answered(&old, Signal::Overload).await;
        assert_eq!(on.lane().await.in_flight, 1);
        assert_eq!(on.lane().await.window, 2);
        let lost = Settled::LeaseLost(id(1));
        assert_eq!(on.settle(old, Next::End).await, lost);
        assert_eq!(on.settle(new, Next::End).await, Settled::Done);
    }
}

/// As a worker has it that was too slow, or whose queue was lost, and claimed again.
#[tokio::test]
async fn a_lost_claim_and_the_current_one_are_settled_in_one_batch() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let old = on.claim_one().await;
        on.clock.advance_ms(60_000);
        let new = on.claim_one().await;
        let end = |claim| Settlement {
            claim,
            next: Next::End,
            origin: None,
        };
        let settled = on.queue.settle(vec![end(old), end(new)]).await.unwrap();
        assert_eq!(settled, [Settled::LeaseLost(id(1)), Settled::Done]);
        assert_eq!(on.next_due().await, None, "on {}", on.name);
    }
}

#[tokio::test]
async fn settling_something_removed_is_lost() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let claim = on.claim_one().await;
        on.remove(1).await;
        on.push([entry(1)]).await;
        on.answered(&claim, Signal::Overload).await;
        let settled = on.settle(claim, retry_at(START + 9)).await;
        assert_eq!(settled, Settled::LeaseLost(id(1)));
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn a_lease_that_nobody_took_back_can_still_be_settled() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let claim = on.claim_one().await;
        on.clock.advance_ms(90_000);
        assert_eq!(on.settle(claim, Next::End).await, Settled::Done);
    }
}

#[tokio::test]
async fn the_fifth_abandoned_lease_is_poison() {
    for on in subjects(Limits::default()).await {
        on.push([of_task(1), of_task(2)]).await;
        for _ in 0..5 {
            assert_eq!(on.claim_numbers(9).await, [1]);
            on.clock.advance_ms(60_000);
        }
        let claimed = on.queue.claim(9).await.unwrap();
        assert_eq!(claimed.poisoned, [of_task(1)]);
        assert_eq!(numbers(&claimed.claims), [2]);
        assert_eq!(on.queue.team_depth(&team("acme")).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn returning_a_claim_is_not_abandoning_it() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        for _ in 0..20 {
            let claim = on.claim_one().await;
            on.settle(claim, Next::Return).await;
        }
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn an_attempt_that_ended_proves_that_an_entry_is_no_poison() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        for _ in 0..3 {
            for _ in 0..4 {
                on.claim_one().await;
                on.clock.advance_ms(60_000);
            }
            let claim = on.claim_one().await;
            on.settle(claim, retry_at(on.now())).await;
        }
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn an_answer_frees_the_slot_and_keeps_the_lease() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let claim = on.claim_one().await;
        assert_eq!(on.lane().await.in_flight, 1);
        on.answered(&claim, Signal::Success).await;
        on.answered(&claim, Signal::Success).await;
        assert_eq!(on.lane().await.in_flight, 0);
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.settle(claim, Next::End).await, Settled::Done);
    }
}

#[tokio::test]
async fn settling_and_the_end_of_the_lease_free_the_slot_too() {
    for on in subjects(Limits::default()).await {
        on.push((1..=9).map(entry)).await;
        let claims = on.claim(9).await;
        assert_eq!(claims.len(), 2);
        for claim in claims {
            on.settle(claim, Next::End).await;
        }
        assert_eq!(on.lane().await.in_flight, 0);
        assert_eq!(on.claim_numbers(9).await, [3, 4]);
        on.clock.advance_ms(60_000);
        assert_eq!(on.claim_numbers(9).await, [3, 4]);
        assert_eq!(on.lane().await.in_flight, 2);
    }
}
