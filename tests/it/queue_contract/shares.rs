//! Turns go round teams, then round a team's lanes, and nobody takes everything.

use crate::support::queue::*;
use ringback::queue::fair::Limits;
use ringback::queue::{Claim, Entry, Next, Signal};

/// Every lane may at once have as many in flight as its share allows.
fn open_windows() -> Limits {
    Limits {
        window_start: 32,
        ..Limits::default()
    }
}

fn lane_of(number: u128, entry: Entry) -> Entry {
    let origin = format!("https://{number}.{}.test", entry.team);
    to_origin(&origin, entry)
}

fn count(claims: &[Claim], name: &str) -> usize {
    let of_team = claims.iter().filter(|claim| &*claim.entry.team == name);
    of_team.count()
}

#[tokio::test]
async fn teams_take_turns_however_long_their_backlogs() {
    for on in subjects(open_windows()).await {
        on.push((1..=1_000).map(|n| to_team("whale", entry(n))))
            .await;
        on.push((2_001..=2_005).map(|n| to_team("minnow", entry(n))))
            .await;
        let claims = on.claim(10).await;
        assert_eq!(count(&claims, "minnow"), 5);
    }
}

#[tokio::test]
async fn lanes_of_a_team_take_turns() {
    for on in subjects(open_windows()).await {
        on.push((1..=100).map(entry)).await;
        on.push((201..=205).map(|n| lane_of(2, entry(n)))).await;
        let numbers = on.claim_numbers(10).await;
        assert_eq!(numbers.iter().filter(|&&n| n > 200).count(), 5);
    }
}

#[tokio::test]
async fn a_second_lane_gives_a_team_no_second_turn() {
    for on in subjects(open_windows()).await {
        on.push((1..=30).map(|n| lane_of(n % 2, to_team("two", entry(n)))))
            .await;
        on.push((101..=130).map(|n| to_team("one", entry(n)))).await;
        let claims = on.claim(20).await;
        assert_eq!((count(&claims, "one"), count(&claims, "two")), (10, 10));
    }
}

#[tokio::test]
async fn turns_are_paid_by_slot_time() {
    for on in subjects(open_windows()).await {
        on.push((1..=900).map(|n| to_team("slow", entry(n)))).await;
        on.push((1_001..=1_900).map(|n| to_team("fast", entry(n))))
            .await;
        let mut served = (0, 0);
        for _ in 0..440 {
            let claim = on.claim_one().await;
            let is_slow = &*claim.entry.team == "slow";
            served.0 += usize::from(is_slow);
            served.1 += usize::from(!is_slow);
            let slot_ms = if is_slow { 1_000 } else { 100 };
            let answered = on.queue.answered(&claim, Signal::Success, slot_ms);
            answered.await.unwrap();
            on.settle(claim, Next::End).await;
        }
        assert!((38..=42).contains(&served.0), "{served:?}");
    }
}

#[tokio::test]
async fn a_returned_claim_is_not_charged() {
    for on in subjects(open_windows()).await {
        on.push((1..=30).map(|n| to_team("one", entry(n)))).await;
        on.push((101..=130).map(|n| to_team("two", entry(n)))).await;
        for _ in 0..10 {
            let claim = on.claim_one().await;
            assert_eq!(claim.entry.id, id(1));
            on.settle(claim, Next::Return).await;
        }
    }
}

#[tokio::test]
async fn a_team_that_was_away_starts_level_with_the_others() {
    for on in subjects(open_windows()).await {
        on.push([to_team("quiet", entry(1))]).await;
        on.finish_each(1, Signal::Success).await;
        on.push((100..=999).map(|n| to_team("busy", entry(n))))
            .await;
        on.finish_each(500, Signal::Success).await;
        on.push((2..=50).map(|n| to_team("quiet", entry(n)))).await;
        let claims = on.claim(20).await;
        assert!((9..=11).contains(&count(&claims, "quiet")));
    }
}

#[tokio::test]
async fn a_lane_never_has_more_than_a_quarter_of_the_slots() {
    let limits = Limits {
        slots_total: 40,
        ..open_windows()
    };
    for on in subjects(limits).await {
        on.push((1..=100).map(entry)).await;
        assert_eq!(on.claim(100).await.len(), 10);
        assert_eq!(on.lane().await.window, 10);
    }
}

#[tokio::test]
async fn a_team_that_is_alone_leaves_an_eighth_of_the_slots() {
    for on in subjects(open_windows()).await {
        on.push((1..=2_000).map(|n| lane_of(n % 20, entry(n))))
            .await;
        assert_eq!(on.claim(500).await.len(), 222);
        assert_eq!(on.next_due().await, Some(START + 60_000), "a lease's end");
    }
}

#[tokio::test]
async fn a_team_has_half_of_the_slots_while_another_is_about() {
    for on in subjects(open_windows()).await {
        on.push([to_team("quiet", entry(1))]).await;
        on.finish_each(1, Signal::Success).await;
        on.clock.advance_ms(1_000);
        on.push((100..=2_000).map(|n| lane_of(n % 20, entry(n))))
            .await;
        let claims = on.claim(500).await;
        assert_eq!(claims.len(), 128);
        assert_eq!(on.claim(500).await.len(), 0);
        let alone = START + 60_000;
        assert_eq!(on.next_due().await, Some(alone), "the other one is gone");
        on.clock.advance_ms(59_000);
        assert_eq!(on.claim(500).await.len(), 222 - 128);
    }
}

#[tokio::test]
async fn two_teams_at_their_share_leave_the_rest_to_a_third() {
    let limits = Limits {
        team_slots_percent: 25,
        ..open_windows()
    };
    for on in subjects(limits).await {
        on.push((1..=1_000).map(|n| lane_of(n % 20, to_team("one", entry(n)))))
            .await;
        on.push((10_001..=11_000).map(|n| lane_of(n % 20, to_team("two", entry(n)))))
            .await;
        let claims = on.claim(500).await;
        assert_eq!((count(&claims, "one"), count(&claims, "two")), (64, 64));
        on.push((20_001..=20_009).map(|n| to_team("three", entry(n))))
            .await;
        assert_eq!(on.claim(500).await.len(), 9);
    }
}
