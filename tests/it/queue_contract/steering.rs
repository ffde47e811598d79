//! What an operator decides about lanes, and sees of them.

use crate::support::queue::*;
use ringback::queue::fair::Limits;
use ringback::queue::listing::ListedLane;
use ringback::queue::{Signal, Steer};

async fn with_backlog() -> Vec<Subject> {
    let all = subjects(Limits::default()).await;
    for on in &all {
        on.push((1..=2_000).map(entry)).await;
    }
    all
}

#[tokio::test]
async fn a_lane_that_the_operator_parks_goes_on_with_a_probe() {
    for on in with_backlog().await {
        on.finish_each(5, Signal::Success).await;
        let until = START + 7_200_000;
        assert!(on.steer(Steer::Park { until }).await);
        assert_eq!(on.lane().await.parked_until, Some(until));
        assert_eq!(on.depths().await.lanes_parked, 1);
        assert_eq!(on.claim_numbers(9).await, []);
        assert_eq!(on.next_due().await, Some(until));
        on.clock.advance_ms(until - on.now());
        assert_eq!(on.finish_each(9, Signal::Success).await, 9);
        assert_eq!(on.lane().await.parked_until, None);
        // A probe that fails parks it as after ten failures.
        let until = on.now() + 1_000;
        on.steer(Steer::Park { until }).await;
        on.clock.advance_ms(until - on.now());
        assert_eq!(on.finish_each(9, Signal::Overload).await, 1);
        let parked_ms = on.lane().await.parked_until.expect("parked") - on.now();
        assert!((48_000..=72_000).contains(&parked_ms), "{parked_ms}");
        on.steer(Steer::Resume).await;
        assert_eq!(on.claim_numbers(9).await.len(), 1);
    }
}

#[tokio::test]
async fn a_lane_never_goes_beyond_the_operators_limit() {
    for on in with_backlog().await {
        on.finish_each(2 + 3 + 4, Signal::Success).await;
        assert_eq!(on.lane().await.window, 5);
        assert!(on.steer(Steer::Limit(Some(3))).await);
        assert_eq!(
            (on.lane().await.window, on.lane().await.limit),
            (3, Some(3))
        );
        on.finish_each(50, Signal::Success).await;
        assert_eq!(on.claim(9).await.len(), 3);
        on.steer(Steer::Limit(None)).await;
        assert_eq!(on.lane().await.limit, None);
        on.clock.advance_ms(60_000);
        assert_eq!(on.claim(9).await.len(), 3, "it widens with successes only");
    }
}

#[tokio::test]
async fn a_limit_waits_for_its_lane_and_outlives_its_entries() {
    for on in subjects(Limits::default()).await {
        assert!(!on.steer(Steer::Resume).await, "there is nothing to steer");
        assert!(!on.steer(Steer::Park { until: START + 9 }).await);
        assert!(!on.steer(Steer::Limit(None)).await);
        assert!(on.steer(Steer::Limit(Some(1))).await);
        on.push((1..=9).map(entry)).await;
        assert_eq!(on.claim_numbers(9).await, [1]);
        for number in 1..=9 {
            on.remove(number).await;
        }
        on.clock.advance_ms(100 * 3_600_000);
        on.claim(1).await;
        assert_eq!(on.lanes().await.known, 1, "however long that is");
        on.push((11..=19).map(entry)).await;
        assert_eq!(on.claim_numbers(9).await, [11]);
        for number in 11..=19 {
            on.remove(number).await;
        }
        on.steer(Steer::Limit(None)).await;
        on.clock.advance_ms(100 * 3_600_000);
        on.claim(1).await;
        assert_eq!(on.lanes().await.known, 0);
    }
}

#[tokio::test]
async fn lanes_with_something_to_do_are_listed() {
    for on in subjects(Limits::default()).await {
        // More than one page, and one without entries.
        let origin = |number: u128| format!("https://host-{number}.test");
        on.push((1..=700).map(|number| to_origin(&origin(number), entry(number))))
            .await;
        on.push([to_team("other", entry(1_000))]).await;
        on.remove(7).await;
        let list = async |of: Option<&str>| {
            let of = of.map(team);
            let mut lanes = on.queue.list_lanes(of.as_ref()).await.unwrap();
            lanes.sort_by(|a, b| (&a.team, &a.origin).cmp(&(&b.team, &b.origin)));
            lanes
        };
        let all = list(None).await;
        assert_eq!(all.len(), 700);
        let of_one = list(Some("other")).await;
        let lone = to_team("other", entry(1_000));
        let expected = ListedLane {
            team: team("other"),
            origin: lone.origin.clone(),
            lane: on
                .queue
                .lane(&team("other"), &lone.origin)
                .await
                .unwrap()
                .unwrap(),
        };
        assert_eq!(of_one, std::slice::from_ref(&expected));
        assert_eq!(expected.lane.ready, 1);
        assert!(all.contains(&expected));
        let names: std::collections::BTreeSet<_> = all.iter().map(|it| &it.origin).collect();
        assert!(!names.contains(&ringback::queue::Origin::from(origin(7))));
        assert_eq!(list(Some("nobody")).await, []);
    }
}
