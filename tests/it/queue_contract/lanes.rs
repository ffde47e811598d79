//! A lane goes as fast as its endpoint bears, and not at all while that is down.

use crate::support::queue::*;
use ringback::queue::fair::Limits;
use ringback::queue::{Entry, LaneCounts, Next, Signal, Steer};

async fn with_backlog() -> Vec<Subject> {
    let all = subjects(Limits::default()).await;
    for on in &all {
        on.push((1..=2_000).map(entry)).await;
    }
    all
}

/// Ten straight failures, one at a time. Returns when the park ends.
async fn break_lane(on: &Subject) -> u64 {
    assert_eq!(on.finish_each(10, Signal::Failure).await, 10);
    on.lane().await.parked_until.expect("the breaker is open")
}

fn advance_to(on: &Subject, time: u64) {
    on.clock.advance_ms(time - on.now());
}

#[tokio::test]
async fn a_new_lane_starts_with_a_window_of_two() {
    for on in with_backlog().await {
        assert_eq!(on.claim_numbers(9).await, [1, 2]);
        assert_eq!(on.lane().await.window, 2);
    }
}

#[tokio::test]
async fn a_window_full_of_successes_widens_it_by_one_up_to_the_cap() {
    for on in with_backlog().await {
        on.finish_each(2, Signal::Success).await;
        assert_eq!(on.lane().await.window, 3);
        on.finish_each(3, Signal::Success).await;
        assert_eq!(on.lane().await.window, 4);
        on.finish_each(1_000, Signal::Success).await;
        assert_eq!(on.lane().await.window, 32);
        assert_eq!(on.claim(64).await.len(), 32);
    }
}

#[tokio::test]
async fn overload_halves_the_window_but_not_below_one() {
    for on in with_backlog().await {
        on.finish_each(2 + 3 + 4 + 5, Signal::Success).await;
        for expected in [3, 1, 1] {
            on.finish_each(1, Signal::Overload).await;
            assert_eq!(on.lane().await.window, expected);
        }
        assert_eq!(on.claim(9).await.len(), 1);
    }
}

#[tokio::test]
async fn a_plain_failure_leaves_the_window() {
    for on in with_backlog().await {
        on.finish_each(5, Signal::Success).await;
        on.finish_each(3, Signal::Failure).await;
        assert_eq!(on.lane().await.window, 4);
    }
}

#[tokio::test]
async fn ten_straight_failures_park_the_lane_and_burn_nothing_more() {
    for on in with_backlog().await {
        on.finish_each(9, Signal::Overload).await;
        assert_eq!(on.lane().await.parked_until, None);
        on.finish_each(1, Signal::Failure).await;
        let until = on.lane().await.parked_until.expect("the breaker is open");
        assert!((24_000..=36_000).contains(&(until - START)), "{until}");
        assert_eq!(on.depths().await.lanes_parked, 1);
        assert_eq!(on.next_due().await, Some(until));
        on.clock.advance_ms(until - START - 1);
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.depths().await.ready, 1_990);
    }
}

#[tokio::test]
async fn a_success_between_failures_starts_the_count_again() {
    for on in with_backlog().await {
        for _ in 0..2 {
            on.finish_each(9, Signal::Failure).await;
            on.finish_each(1, Signal::Success).await;
        }
        assert_eq!(on.lane().await.parked_until, None);
    }
}

#[tokio::test]
async fn more_than_half_of_the_last_fifty_failing_parks_the_lane() {
    for on in with_backlog().await {
        on.finish_each(1, Signal::Success).await;
        for _ in 0..24 {
            on.finish_each(1, Signal::Failure).await;
            on.finish_each(1, Signal::Success).await;
        }
        on.finish_each(1, Signal::Failure).await;
        assert_eq!(on.lane().await.parked_until, None, "25 of 50");
        on.finish_each(1, Signal::Failure).await;
        assert!(on.lane().await.parked_until.is_some(), "26 of 50");
    }
}

#[tokio::test]
async fn after_the_park_exactly_one_probe_goes() {
    for on in with_backlog().await {
        let until = break_lane(&on).await;
        advance_to(&on, until);
        assert_eq!(on.claim_numbers(9).await, [11]);
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.next_due().await, Some(until + 60_000));
    }
}

#[tokio::test]
async fn a_failed_probe_parks_for_twice_as_long_up_to_ten_minutes() {
    for on in with_backlog().await {
        let mut until = break_lane(&on).await;
        for park_ms in [60_000, 120_000, 240_000, 480_000, 600_000, 600_000] {
            advance_to(&on, until);
            assert_eq!(on.finish_each(9, Signal::Overload).await, 1);
            until = on.lane().await.parked_until.expect("still open");
            let parked_ms = until - on.now();
            let expected = park_ms * 8 / 10..=park_ms * 12 / 10;
            assert!(expected.contains(&parked_ms), "{parked_ms} for {park_ms}");
        }
    }
}

#[tokio::test]
async fn a_probe_that_succeeds_opens_the_lane_slowly() {
    for on in with_backlog().await {
        on.finish_each(100, Signal::Success).await;
        let until = break_lane(&on).await;
        advance_to(&on, until);
        assert_eq!(on.finish_each(1, Signal::Success).await, 1);
        let lane = on.lane().await;
        assert_eq!((lane.window, lane.parked_until), (1, None));
        assert_eq!(on.depths().await.lanes_parked, 0);
        assert_eq!(on.claim(9).await.len(), 1);
    }
}

#[tokio::test]
async fn a_probe_that_tells_nothing_is_followed_by_another() {
    for on in with_backlog().await {
        let until = break_lane(&on).await;
        advance_to(&on, until);
        let probe = on.claim_one().await;
        on.settle(probe, Next::Return).await;
        assert_eq!(on.claim_numbers(9).await, [11]);
        on.clock.advance_ms(60_000);
        assert_eq!(on.claim_numbers(9).await, [11]);
    }
}

#[tokio::test]
async fn answers_from_before_the_park_neither_close_it_nor_prolong_it() {
    for on in with_backlog().await {
        on.finish_each(1_000, Signal::Success).await;
        let claims = on.claim(32).await;
        let mut rest = claims.into_iter();
        for claim in rest.by_ref().take(10) {
            on.finish(claim, Signal::Failure).await;
        }
        let until = on.lane().await.parked_until.expect("the breaker is open");
        for (signal, claim) in [Signal::Success, Signal::Overload]
            .into_iter()
            .zip(&mut rest)
        {
            on.finish(claim, signal).await;
        }
        assert_eq!(on.lane().await.parked_until, Some(until));
        advance_to(&on, until);
        assert_eq!(on.claim_numbers(9).await, [], "a probe goes alone");
        for claim in rest {
            on.finish(claim, Signal::Success).await;
        }
        assert_eq!(on.claim(9).await.len(), 1);
    }
}

#[tokio::test]
async fn retry_after_rests_the_whole_lane() {
    for on in with_backlog().await {
        let until = START + 120_000;
        let claim = on.claim_one().await;
        on.answered(&claim, Signal::Failure).await;
        let next = Next::Retry {
            due: until,
            lane_rests_until: Some(until),
        };
        on.settle(claim, next).await;
        assert_eq!(on.lane().await.rests_until, Some(until));
        on.push([to_origin("https://second.test", entry(5_000))])
            .await;
        assert_eq!(on.claim_numbers(9).await, [5_000], "other lanes go on");
        advance_to(&on, until - 1);
        assert_ne!(on.claim_numbers(9).await.first(), Some(&2));
        advance_to(&on, until);
        assert_eq!(on.claim_numbers(9).await, [2, 3]);
        assert_eq!(on.lane().await.rests_until, None);
    }
}

#[tokio::test]
async fn a_rest_is_never_longer_than_a_receiver_may_ask_for() {
    for on in with_backlog().await {
        let claim = on.claim_one().await;
        let next = Next::Retry {
            due: START,
            lane_rests_until: Some(u64::MAX),
        };
        on.settle(claim, next).await;
        assert_eq!(on.lane().await.rests_until, Some(START + 3_600_000));
        assert_eq!(on.next_due().await, Some(START + 3_600_000));
    }
}

#[tokio::test]
async fn resuming_ends_park_and_rest() {
    for on in with_backlog().await {
        let claim = on.claim_one().await;
        break_lane(&on).await;
        let next = Next::Retry {
            due: START,
            lane_rests_until: Some(START + 100_000),
        };
        on.settle(claim, next).await;
        assert_eq!(on.claim_numbers(9).await, []);
        assert!(on.steer(Steer::Resume).await);
        let lane = on.lane().await;
        assert_eq!((lane.parked_until, lane.rests_until), (None, None));
        assert_eq!(on.claim_numbers(9).await, [1]);
    }
}

#[tokio::test]
async fn a_lane_tells_when_it_will_be_drained() {
    for on in with_backlog().await {
        assert_eq!(on.lane().await.drained_in_ms, None);
        on.finish_each(2, Signal::Success).await;
        // 1,998 ready at 100 ms each, three at a time.
        assert_eq!(on.lane().await.drained_in_ms, Some(66_600));
    }
}

#[tokio::test]
async fn what_was_learned_outlives_the_last_entry() {
    for on in subjects(Limits::default()).await {
        on.push((1..=20).map(entry)).await;
        let until = break_lane(&on).await;
        for number in 11..=20 {
            on.remove(number).await;
        }
        on.push([entry(99)]).await;
        assert_eq!(on.lane().await.parked_until, Some(until));
        on.remove(99).await;
        on.clock.advance_ms(3_600_000);
        on.claim(1).await;
        assert_eq!(on.depths().await.lanes_parked, 0);
        on.push([entry(100)]).await;
        assert_eq!(on.lane().await.parked_until, None, "stale by now");
    }
}

#[tokio::test]
async fn lanes_are_counted_by_what_they_may_do() {
    let counts = |known, open, throttled, windows| LaneCounts {
        known,
        open,
        throttled,
        windows,
    };
    for on in subjects(Limits::default()).await {
        assert_eq!(on.lanes().await, LaneCounts::default());
        on.push((1..=20).map(entry)).await;
        let elsewhere = |number| to_origin("https://other.test", entry(number));
        let later = Entry {
            due: START + 60_000,
            ..elsewhere(30)
        };
        on.push([later]).await;
        assert_eq!(on.lanes().await, counts(2, 1, 0, 4));
        let claims = on.claim(9).await;
        assert_eq!(claims.len(), 2, "the window is full");
        assert_eq!(on.lanes().await, counts(2, 0, 1, 4));
        on.answered(&claims[0], Signal::Success).await;
        on.answered(&claims[1], Signal::Success).await;
        assert_eq!(on.lanes().await, counts(2, 1, 0, 5));
        for claim in claims {
            on.settle(claim, Next::End).await;
        }
        on.finish_each(10, Signal::Overload).await;
        assert_eq!(
            on.lanes().await,
            counts(2, 0, 1, 3),
            "parked, with a backlog"
        );
        on.queue
            .remove(&(1..=30).map(id).collect::<Vec<_>>())
            .await
            .unwrap();
        // What is known of the parked one is kept.
        assert_eq!(on.lanes().await, counts(1, 0, 0, 1));
    }
}
