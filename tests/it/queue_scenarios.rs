//! What bad days look like: whales, black holes, outages. Bars are those of a
//! machine with few slots, where every wrong decision shows.

use crate::support::queue::START;
use crate::support::simulator::{Simulator, hanging, well};
use ringback::callback::TimestampMs;
use ringback::queue::Signal;
use ringback::queue::fair::Limits;

fn slots(slots_total: u32) -> Limits {
    Limits {
        slots_total,
        ..Limits::default()
    }
}

#[test]
fn a_whale_does_not_delay_small_teams() {
    let mut simulator = Simulator::new(slots(16));
    simulator.offer("whale", "https://whale.test", well, 20_000, 0);
    for number in 0..20 {
        let team = format!("small-{number}");
        simulator.offer(&team, &format!("https://{team}.test"), well, 5, 0);
    }
    simulator.run_until(START + 60_000);
    let last = simulator
        .requests
        .iter()
        .rposition(|request| request.team != "whale");
    let small = simulator
        .requests
        .iter()
        .filter(|request| request.team != "whale");
    assert_eq!(small.count(), 100);
    assert!(last < Some(120), "the last of them was number {last:?}");
}

#[test]
fn a_black_hole_uses_a_quarter_of_the_slots_and_delays_nobody() {
    let mut simulator = Simulator::new(slots(32));
    simulator.offer("hole", "https://hole.test", hanging, 200 * 120, 5_000);
    for number in 0..9 {
        let team = format!("quiet-{number}");
        simulator.offer(
            &team,
            &format!("https://{team}.test"),
            well,
            20 * 120,
            50_000,
        );
    }
    simulator.run_until(START + 120_000);
    assert!(simulator.in_flight_max(|request| request.team == "hole") <= 8);
    let dwell_p99_ms = simulator.dwell_p99_ms(|request| request.team != "hole");
    assert!(dwell_p99_ms <= 250, "{dwell_p99_ms} ms");
    let delivered = simulator
        .requests
        .iter()
        .filter(|request| request.signal == Signal::Success);
    assert!(delivered.count() >= 9 * 20 * 119);
}

#[test]
fn a_lane_that_worked_and_then_hangs_stays_within_its_share() {
    fn sinking(now: TimestampMs) -> (u64, Signal) {
        if now < START + 20_000 {
            well(now)
        } else {
            hanging(now)
        }
    }
    let mut simulator = Simulator::new(slots(32));
    simulator.offer("hole", "https://hole.test", sinking, 400 * 90, 2_500);
    simulator.offer("quiet", "https://quiet.test", well, 20 * 90, 50_000);
    simulator.run_until(START + 90_000);
    assert!(simulator.in_flight_max(|request| request.team == "hole") <= 8);
    let dwell_p99_ms = simulator.dwell_p99_ms(|request| request.team == "quiet");
    assert!(dwell_p99_ms <= 100, "{dwell_p99_ms} ms");
}

#[test]
fn five_hundred_hanging_endpoints_of_one_team_stay_within_its_share() {
    let mut simulator = Simulator::new(slots(32));
    for number in 0..500 {
        simulator.offer(
            "whale",
            &format!("https://{number}.test"),
            hanging,
            240,
            500_000,
        );
    }
    for number in 0..9 {
        let team = format!("quiet-{number}");
        simulator.offer(
            &team,
            &format!("https://{team}.test"),
            well,
            20 * 120,
            50_000,
        );
    }
    simulator.run_until(START + 120_000);
    // At the very start the whale is not alone either: the quiet ones are due as well.
    assert!(simulator.in_flight_max(|request| request.team == "whale") <= 16);
    let dwell_p99_ms = simulator.dwell_p99_ms(|request| request.team != "whale");
    assert!(dwell_p99_ms <= 250, "{dwell_p99_ms} ms");
}

#[test]
fn a_team_that_comes_back_finds_a_slot_beside_a_lone_whale() {
    let mut simulator = Simulator::new(slots(32));
    for number in 0..500 {
        simulator.offer("whale", &format!("https://{number}.test"), hanging, 9, 0);
    }
    simulator.run_until(START + 200_000);
    simulator.offer("quiet", "https://quiet.test", well, 100, 50_000);
    simulator.run_until(START + 230_000);
    assert!(simulator.in_flight_max(|request| request.team == "whale") <= 27);
    assert_eq!(simulator.dwell_p99_ms(|request| request.team == "quiet"), 0);
}

#[test]
fn an_endpoint_that_recovers_is_not_overrun_and_is_soon_up_to_date() {
    const UP: TimestampMs = START + 600_000;
    fn recovering(now: TimestampMs) -> (u64, Signal) {
        if now < UP {
            (5, Signal::Overload)
        } else {
            (100, Signal::Success)
        }
    }
    let mut simulator = Simulator::new(slots(256));
    simulator.offer("down", "https://down.test", recovering, 5_000, 0);
    simulator.run_until(START + 3_600_000);
    let failed = simulator
        .requests
        .iter()
        .filter(|request| request.signal != Signal::Success);
    // Ten to open the breaker, then one probe a park: none is burned while parked.
    let failed = failed.count();
    assert!(
        (12..=17).contains(&failed),
        "{failed} attempts while it was down"
    );
    let first = simulator
        .requests
        .iter()
        .find(|request| request.signal == Signal::Success);
    let recovered = first.expect("it recovered").started;
    assert!(recovered - UP <= 720_000, "one park, at its longest");
    let second = simulator.in_flight_max(|r| (recovered..recovered + 1_000).contains(&r.started));
    assert!(second <= 32, "{second} at once in the first second");
    let last = simulator.requests.iter().map(|request| request.ended).max();
    let ideal_ms = 5_000 * 100 / 32;
    let drained_ms = last.expect("it recovered") - recovered;
    assert!(drained_ms <= 2 * ideal_ms, "{drained_ms} ms for {ideal_ms}");
}

#[test]
fn the_same_seed_and_history_give_the_same_future() {
    let run = || {
        let mut simulator = Simulator::new(slots(32));
        for number in 0..30 {
            let endpoint = if number % 3 == 0 { hanging } else { well };
            let team = format!("team-{}", number % 7);
            simulator.offer(
                &team,
                &format!("https://{number}.test"),
                endpoint,
                200,
                70_000,
            );
        }
        simulator.run_until(START + 300_000);
        format!("{:?}", simulator.requests)
    };
    assert!(run() == run());
}
