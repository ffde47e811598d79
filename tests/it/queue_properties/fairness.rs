//! Teams of equal weight that always have something to do stay level in slot time,
//! however long their requests take and whoever's answers come first.

use crate::support::queue::{START, id};
use proptest::prelude::*;
use ringback::callback::TaskKey;
use ringback::queue::fair::{Fair, Limits};
use ringback::queue::{Claim, Entry, Next, Settlement, Signal};
use std::sync::Arc;

const TEAMS: usize = 3;
const SLOTS: usize = 5;
const SLOT_MS_MAX: u64 = 1_000;

/// Every team has more lanes and room than slots exist: only turns decide.
fn backlogged(entries: usize) -> Fair {
    let limits = Limits {
        slots_total: 1_000,
        window_start: 32,
        ..Limits::default()
    };
    let mut fair = Fair::new(limits, 7);
    let entry = |number: usize| Entry {
        id: id(number as u128),
        team: Arc::from(format!("team-{}", number % TEAMS)),
        origin: Arc::from(format!("https://{}.test", number % 2)),
        task: TaskKey(number as u128),
        due: START,
        latest_only: false,
        held: false,
    };
    fair.push((0..entries * TEAMS).map(entry).collect(), START);
    fair
}

fn team_of(claim: &Claim) -> usize {
    (0..TEAMS)
        .find(|team| *claim.entry.team == *format!("team-{team}"))
        .expect("one of the teams")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn backlogged_teams_differ_by_a_job_and_what_is_in_flight(
        // What a request costs depends on its team in part, so that teams differ for good.
        answers in prop::collection::vec((0..SLOTS, 1..=SLOT_MS_MAX / 4), 400),
        slowness in prop::array::uniform3(1..=4_u64),
    ) {
        let mut fair = backlogged(answers.len());
        let mut used_ms = [0; TEAMS];
        let mut claims = Vec::new();
        for (which, slot_ms) in answers {
            claims.extend(fair.claim(SLOTS - claims.len(), START).claims);
            prop_assert_eq!(claims.len(), SLOTS);
            let claim: Claim = claims.swap_remove(which);
            let team = team_of(&claim);
            let slot_ms = slot_ms * slowness[team];
            used_ms[team] += slot_ms;
            fair.answered(&claim, Signal::Success, slot_ms, START);
            fair.settle(vec![Settlement { claim, next: Next::End, origin: None }], START);
            let most = used_ms.iter().max().expect("there are teams");
            let least = used_ms.iter().min().expect("there are teams");
            // Each side may have all slots in flight at the wrong estimate, and one job more.
            prop_assert!(most - least <= SLOT_MS_MAX * (SLOTS as u64 + 1), "{used_ms:?}");
        }
    }
}
