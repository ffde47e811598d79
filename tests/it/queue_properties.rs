//! Every adapter against a model that keeps the same rules the slow and obvious
//! way, all on the same histories. The model does not foretell whose turn it is; it checks that every claim
//! was allowed, that none was missed, and that everything is where it should be.

mod fairness; // backlogged teams stay level
mod model; // the slow and obvious way

use crate::support::queue::{START, Subject, id, subjects, team};
use model::{Eye, Leaving, Model};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use ringback::callback::{TaskKey, TeamId, TimestampMs};
use ringback::queue::fair::Limits;
use ringback::queue::{Claim, Depths, Entry, LaneView, Next, Origin, Settlement, Signal, Steer};
use std::future::Future;
use std::rc::Rc;
use tokio::runtime::Runtime;

/// Few of everything, so that steps meet.
fn limits() -> Limits {
    Limits {
        slots_total: 16,
        window_start: 6,
        lane_slots_percent: 40,
        neighbour_ms: 5_000,
        breaker_straight_failures: 4,
        breaker_sample: 8,
        abandoned_max: 3,
        idle_lane_ms: u64::MAX,
        ..Limits::default()
    }
}

/// One step. Claims and entries are named by a number that is taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Push(Vec<Entry>),
    Claim {
        max: usize,
    },
    Answer {
        which: usize,
        signal: Signal,
        slot_ms: u64,
    },
    Settle {
        which: usize,
        next: Next,
        origin: Option<Origin>,
    },
    SettleWithAWrongToken {
        which: usize,
    },
    Remove {
        number: u128,
    },
    Release {
        team: TeamId,
    },
    Steer {
        team: TeamId,
        origin: Origin,
        steer: Steer,
    },
    Wait {
        ms: u64,
    },
}

/// All that steps depend on is the time.
struct Steps;

impl ReferenceStateMachine for Steps {
    type State = TimestampMs;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<TimestampMs> {
        Just(START).boxed()
    }

    fn transitions(now: &TimestampMs) -> BoxedStrategy<Step> {
        let which = 0..64_usize;
        let settle = (
            which.clone(),
            a_next(*now),
            prop::option::weighted(0.2, an_origin()),
        );
        prop_oneof![
            6 => prop::collection::vec(an_entry(*now), 1..10).prop_map(Step::Push),
            4 => (1..12_usize).prop_map(|max| Step::Claim { max }),
            6 => (which.clone(), a_signal(), 0..2_000_u64)
                .prop_map(|(which, signal, slot_ms)| Step::Answer { which, signal, slot_ms }),
            6 => settle.prop_map(|(which, next, origin)| Step::Settle { which, next, origin }),
            1 => which.prop_map(|which| Step::SettleWithAWrongToken { which }),
            1 => (1..400_u128).prop_map(|number| Step::Remove { number }),
            1 => a_team().prop_map(|team| Step::Release { team }),
            2 => (a_team(), an_origin(), a_steer(*now))
                .prop_map(|(team, origin, steer)| Step::Steer { team, origin, steer }),
            3 => prop_oneof![0..2_000_u64, 20_000..70_000_u64].prop_map(|ms| Step::Wait { ms }),
        ]
        .boxed()
    }

    fn apply(now: TimestampMs, step: &Step) -> TimestampMs {
        match step {
            Step::Wait { ms } => now + ms,
            _ => now,
        }
    }
}

fn a_team() -> impl Strategy<Value = TeamId> {
    prop_oneof![Just("one"), Just("two"), Just("three")].prop_map(team)
}

fn an_origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        Just("https://a.test"),
        Just("https://b.test"),
        Just("https://c.test")
    ]
    .prop_map(Origin::from)
}

fn a_signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        Just(Signal::Success),
        Just(Signal::Failure),
        Just(Signal::Overload)
    ]
}

fn a_next(now: TimestampMs) -> impl Strategy<Value = Next> {
    let retry = (0..40_000_u64, prop::option::weighted(0.3, 0..40_000_u64));
    prop_oneof![
        3 => Just(Next::End),
        3 => retry.prop_map(move |(delay_ms, rest_ms)| Next::Retry {
            due: now + delay_ms,
            lane_rests_until: rest_ms.map(|ms| now + ms),
        }),
        1 => Just(Next::Hold),
        2 => Just(Next::Return),
    ]
}

fn a_steer(now: TimestampMs) -> impl Strategy<Value = Steer> {
    prop_oneof![
        2 => Just(Steer::Resume),
        1 => (0..40_000_u64).prop_map(move |ms| Steer::Park { until: now + ms }),
        1 => prop::option::of(1..6_u32).prop_map(Steer::Limit),
    ]
}

prop_compose! {
    /// The task is settled by the id, the team and whether it wants only the latest by the
    /// task, the rest is not.
    fn an_entry(now: TimestampMs)(
        number in 1..400_u128,
        origin in an_origin(),
        due in prop_oneof![Just(now), now - 5_000..now + 30_000],
        held in prop::bool::weighted(0.1),
        flips in prop::bool::weighted(0.1),
    ) -> Entry {
        let names = ["one", "two", "three"];
        let task = number % 80;
        Entry {
            id: id(number),
            team: team(names[usize::try_from(task % 3).expect("below 3")]),
            origin,
            task: TaskKey(task),
            due,
            latest_only: (task % 4 == 0) != flips,
            held,
        }
    }
}

/// One adapter and its model, always told the same.
struct Pair {
    on: Subject,
    model: Model,
    claims: Vec<Claim>,
    runtime: Rc<Runtime>,
}

/// Every adapter, on the same history.
struct All(Vec<Pair>);

impl StateMachineTest for All {
    type SystemUnderTest = Self;
    type Reference = Steps;

    fn init_test(_: &TimestampMs) -> Self {
        let runtime = Rc::new(Runtime::new().expect("the system has threads"));
        let pair = |on| Pair {
            on,
            model: Model::new(limits()),
            claims: Vec::new(),
            runtime: runtime.clone(),
        };
        let subjects = runtime.block_on(subjects(limits()));
        Self(subjects.into_iter().map(pair).collect())
    }

    fn apply(mut all: Self, _: &TimestampMs, step: Step) -> Self {
        for pair in &mut all.0 {
            pair.step(step.clone());
            pair.model.check(&pair.eye(), pair.on.now());
        }
        all
    }

    fn teardown(mut all: Self, _: TimestampMs) {
        for pair in &mut all.0 {
            pair.heal();
        }
    }
}

/// What the model may read of the queue beside it.
struct Seen<'a> {
    on: &'a Subject,
    runtime: &'a Runtime,
}

impl Eye for Seen<'_> {
    fn depths(&self) -> Depths {
        self.runtime.block_on(self.on.depths())
    }

    fn lane(&self, team: &TeamId, origin: &Origin) -> Option<LaneView> {
        let lane = self.runtime.block_on(self.on.queue.lane(team, origin));
        lane.expect("the queue answers")
    }

    fn team_depth(&self, team: &TeamId) -> u64 {
        let depth = self.runtime.block_on(self.on.queue.team_depth(team));
        depth.expect("the queue answers")
    }

    fn next_due(&self) -> Option<TimestampMs> {
        self.runtime.block_on(self.on.next_due())
    }
}

impl Pair {
    fn eye(&self) -> Seen<'_> {
        Seen {
            on: &self.on,
            runtime: &self.runtime,
        }
    }

    fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    fn step(&mut self, step: Step) {
        let now = self.on.now();
        match step {
            Step::Push(entries) => {
                let superseded = self.wait(self.on.push(entries.clone()));
                let expected = entries.into_iter().flat_map(|entry| self.model.push(entry));
                assert_eq!(superseded, expected.collect::<Vec<_>>());
            }
            Step::Claim { max } => self.claim(max),
            Step::Answer {
                which,
                signal,
                slot_ms,
            } => {
                if let Some(which) = pick(&self.claims, which) {
                    self.answer(which, signal, slot_ms);
                }
            }
            Step::Settle {
                which,
                next,
                origin,
            } => {
                if let Some(claim) = pick(&self.claims, which) {
                    let claim = self.claims.swap_remove(claim);
                    self.settle(claim, next, origin);
                }
            }
            Step::SettleWithAWrongToken { which } => {
                if let Some(claim) = pick(&self.claims, which) {
                    let claim = &self.claims[claim];
                    let forged = Claim {
                        entry: claim.entry.clone(),
                        token: claim.token ^ 1,
                        expires: claim.expires,
                    };
                    self.settle(forged, Next::End, None);
                }
            }
            Step::Remove { number } => {
                self.wait(self.on.remove(number));
                self.model.leave(id(number), Leaving::Removed);
            }
            Step::Release { team } => {
                let released = self.wait(self.on.release(&team));
                assert_eq!(released, self.model.release(&team, now));
            }
            Step::Steer {
                team,
                origin,
                steer,
            } => {
                let steered = self.wait(self.on.queue.steer(&team, &origin, steer));
                let is_known = steered.expect("the queue answers");
                self.model.steer(&team, &origin, steer, is_known);
            }
            Step::Wait { ms } => self.on.clock.advance_ms(ms),
        }
    }

    fn claim(&mut self, max: usize) {
        let now = self.on.now();
        let claimed = self.wait(self.on.queue.claim(max));
        let claimed = claimed.expect("the queue answers");
        let mut poisoned: Vec<_> = claimed.poisoned.iter().map(|entry| entry.id).collect();
        poisoned.sort_unstable();
        assert_eq!(poisoned, self.model.expire(now));
        let is_all = claimed.claims.len() < max;
        for claim in claimed.claims {
            self.model.claim(&claim, now);
            self.claims.push(claim);
        }
        if is_all {
            assert_eq!(self.model.claimable(now), None, "a claim was missed");
        }
    }

    fn answer(&mut self, which: usize, signal: Signal, slot_ms: u64) {
        let claim = &self.claims[which];
        self.wait(self.on.queue.answered(claim, signal, slot_ms))
            .expect("the queue answers");
        let seen = Seen {
            on: &self.on,
            runtime: &self.runtime,
        };
        self.model.answered(claim, signal, &seen, self.on.now());
    }

    fn settle(&mut self, claim: Claim, next: Next, origin: Option<Origin>) {
        let now = self.on.now();
        let expected = self.model.settle(&claim, next, origin.as_ref(), now);
        let settlement = Settlement {
            claim,
            next,
            origin,
        };
        let settled = self.wait(self.on.queue.settle(vec![settlement]));
        assert_eq!(settled.expect("the queue answers"), [expected]);
    }

    /// Liveness: endpoints are well, workers settle what they claim. Everything must
    /// reach an end, by looking only when the queue says that looking is worth it.
    fn heal(&mut self) {
        for claim in std::mem::take(&mut self.claims) {
            self.settle(claim, Next::Return, None);
        }
        for name in ["one", "two", "three"] {
            self.step(Step::Release { team: team(name) });
        }
        for _ in 0..5_000 {
            let Some(next) = self.wait(self.on.next_due()) else {
                break;
            };
            self.on.clock.advance_ms(next.saturating_sub(self.on.now()));
            self.claim(64);
            while !self.claims.is_empty() {
                self.answer(0, Signal::Success, 20);
                let claim = self.claims.swap_remove(0);
                self.settle(claim, Next::End, None);
            }
            self.model.check(&self.eye(), self.on.now());
        }
        assert_eq!(self.model.live(), 0, "something never reached an end");
        self.wait(self.on.check());
    }
}

fn pick(claims: &[Claim], which: usize) -> Option<usize> {
    (!claims.is_empty()).then(|| which % claims.len())
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_adapter_keeps_every_rule_of_the_model(sequential 1..200 => All);
}
