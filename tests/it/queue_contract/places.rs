//! Where an entry is, what brings it from there to elsewhere, and when to look again.

use crate::support::queue::*;
use ringback::queue::fair::Limits;
use ringback::queue::{Depths, Entry, Next, Signal};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn an_entry_is_claimed_once_as_it_was_pushed() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let claim = on.claim_one().await;
        assert_eq!(claim.entry, entry(1));
        assert_eq!(claim.expires, START + 60_000);
        assert_eq!(on.claim_numbers(9).await, []);
    }
}

#[tokio::test]
async fn pushing_an_id_again_changes_nothing() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1), entry(1)]).await;
        let claim = on.claim_one().await;
        let later = Entry {
            due: START + 5,
            ..entry(1)
        };
        assert_eq!(on.push([later]).await, []);
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.depths().await.leased, 1);
        on.settle(claim, Next::End).await;
        assert_eq!(on.depths().await, Depths::default());
    }
}

#[tokio::test]
async fn what_is_due_first_goes_first_within_a_lane() {
    for on in subjects(Limits::default()).await {
        let older = Entry {
            due: START - 5,
            ..entry(3)
        };
        on.push([entry(2), entry(1), older]).await;
        let first = on.claim_one().await;
        let second = on.claim_one().await;
        on.finish(first, Signal::Success).await;
        assert_eq!(numbers(&[second]), [1]);
        assert_eq!(on.claim_numbers(1).await, [2]);
    }
}

#[tokio::test]
async fn nothing_is_claimed_before_it_is_due() {
    for on in subjects(Limits::default()).await {
        let due = START + 1_000;
        on.push([Entry { due, ..entry(1) }]).await;
        on.clock.advance_ms(999);
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.next_due().await, Some(due));
        on.clock.advance_ms(1);
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn a_retry_waits_for_its_due_time() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let claim = on.claim_one().await;
        on.settle(claim, retry_at(START + 30_000)).await;
        assert_eq!(on.depths().await.scheduled, 1);
        assert_eq!(on.claim_numbers(9).await, []);
        on.clock.advance_ms(30_000);
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn a_returned_claim_is_at_the_front_again() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1), entry(2)]).await;
        let claim = on.claim_one().await;
        on.settle(claim, Next::Return).await;
        assert_eq!(on.claim_numbers(9).await, [1, 2]);
    }
}

#[tokio::test]
async fn a_held_entry_is_out_of_reach_until_its_team_is_released() {
    for on in subjects(Limits::default()).await {
        let held = |entry| Entry {
            held: true,
            ..entry
        };
        let far = Entry {
            due: START + 1_000_000,
            ..entry(1)
        };
        on.push([held(far), held(to_team("other", entry(2)))]).await;
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.next_due().await, None);
        assert_eq!(on.release("acme").await, 1);
        assert_eq!(on.release("nobody").await, 0);
        let claim = on.claim_one().await;
        assert_eq!((claim.entry.id, claim.entry.due), (id(1), START));
        assert!(!claim.entry.held);
        assert_eq!(on.depths().await.held, 1);
    }
}

#[tokio::test]
async fn a_claim_that_is_held_comes_back_by_release() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        let claim = on.claim_one().await;
        on.settle(claim, Next::Hold).await;
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.depths().await.held, 1);
        assert_eq!(on.release("acme").await, 1);
        assert_eq!(on.release("acme").await, 0);
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn removing_takes_out_what_is_there_and_ignores_the_rest() {
    for on in subjects(Limits::default()).await {
        let scheduled = Entry {
            due: START + 9,
            ..entry(3)
        };
        let held = Entry {
            held: true,
            ..entry(4)
        };
        on.push([entry(1), entry(2), scheduled, held]).await;
        let claim = on.claim_one().await;
        assert_eq!(claim.entry.id, id(1));
        for number in [1, 2, 3, 4, 99] {
            on.remove(number).await;
        }
        assert_eq!(on.depths().await, Depths::default());
        assert_eq!(on.next_due().await, None);
        assert_eq!(on.release("acme").await, 0);
    }
}

#[tokio::test]
async fn depths_tell_every_place() {
    for on in subjects(Limits::default()).await {
        let older = Entry {
            due: START - 7,
            ..entry(4)
        };
        let scheduled = Entry {
            due: START + 9,
            ..entry(5)
        };
        let held = Entry {
            held: true,
            ..entry(6)
        };
        on.push([of_task(1), of_task(2)]).await;
        on.claim_one().await;
        on.push([entry(3), older, scheduled, held]).await;
        let expected = Depths {
            ready: 2,
            scheduled: 1,
            leased: 1,
            waiting: 1,
            held: 1,
            lanes_parked: 0,
            oldest_due: Some(START - 7),
        };
        assert_eq!(on.depths().await, expected);
        assert_eq!(on.queue.team_depth(&team("acme")).await.unwrap(), 6);
        assert_eq!(on.queue.team_depth(&team("other")).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_changed_origin_moves_the_entry_to_another_lane() {
    for on in subjects(Limits::default()).await {
        on.push([to_origin("", entry(1))]).await;
        let claim = on.claim_one().await;
        let moved = "https://acme.test";
        on.settle_to(claim, retry_at(START + 5), Some(moved)).await;
        let old = on.queue.lane(&team("acme"), &Arc::from("")).await;
        assert_eq!(old.unwrap(), None);
        on.clock.advance_ms(5);
        assert_eq!(on.lane().await.ready, 1);
        assert_eq!(&*on.claim_one().await.entry.origin, moved);
    }
}

#[tokio::test]
async fn a_lane_with_nothing_to_do_is_not_shown() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1)]).await;
        on.finish_each(1, Signal::Success).await;
        let entry = entry(1);
        let lane = on.queue.lane(&entry.team, &entry.origin).await;
        assert_eq!(lane.unwrap(), None);
    }
}

#[tokio::test]
async fn the_next_look_is_worth_it() {
    for on in subjects(Limits::default()).await {
        assert_eq!(on.next_due().await, None);
        on.push([entry(1)]).await;
        assert_eq!(on.next_due().await, Some(START));
        let claim = on.claim_one().await;
        assert_eq!(on.next_due().await, Some(claim.expires));
        on.settle(claim, retry_at(START + 5)).await;
        assert_eq!(on.next_due().await, Some(START + 5));
    }
}

#[tokio::test]
async fn a_wake_up_between_two_waits_is_not_lost() {
    for on in subjects(Limits::default()).await {
        on.push([entry(1), entry(2), entry(3)]).await;
        woken(&on).await;
        let claims = on.claim(9).await;
        on.answered(&claims[0], Signal::Success).await;
        woken(&on).await;
        on.push([Entry {
            held: true,
            ..entry(4)
        }])
        .await;
        on.claim(9).await;
        on.release("acme").await;
        for claim in claims {
            on.settle(claim, retry_at(START + 1)).await;
        }
        woken(&on).await;
    }
}

async fn woken(on: &Subject) {
    let deadline = Duration::from_secs(10);
    let woken = tokio::time::timeout(deadline, on.queue.woken());
    woken.await.expect("the wake-up was kept");
}
