//! The books are right at every moment: the ledger is what documents and accruals sum to,
//! while tasks are completed and taken back and months are closed by several at once.

use super::month;
use crate::support::store::configs;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use ringback::billing::close::close;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::money::Currency;
use ringback::money::month::Month;
use ringback::records::Records;
use ringback::records::prices::NewPrices;
use ringback::records::tasks::results::TaskResult;
use ringback::records::tasks::{COMPLETED, PENDING, Task};
use ringback::vault::Vault;
use ringback::work::rules::take_result;
use ringback::work::tasks::blank;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// 31 October 2023, an hour before November.
const START: u64 = 1_698_793_200_000;
const DAY: u64 = 86_400_000;
const TEAMS: [&str; 2] = ["kites", "boats"];
const KINDS: [&str; 3] = ["categorization", "transcription", "comparison"];
const TASKS: usize = 24;
/// Databases are slow; the seeds of failures are printed and kept.
const CASES: u32 = 4;

/// What one worker does to one task.
#[derive(Debug, Clone)]
struct Step {
    /// Results in one transaction: which task, and what it is then.
    results: Vec<(usize, bool)>,
    /// Clocks of processes differ, and some are slow.
    late_ms: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let result = (0..TASKS, any::<bool>());
    let step = (prop::collection::vec(result, 1..6), 0..6 * DAY)
        .prop_map(|(results, late_ms)| Step { results, late_ms });
    prop::collection::vec(step, 20..40)
}

struct Store {
    records: Records,
    config: Config,
    tasks: Vec<Task>,
    events: AtomicU64,
}

async fn open(config: &Config) -> Records {
    Records::open(config, Vault::new([7; 32])).await.unwrap()
}

impl Store {
    /// Tasks of both teams, and prices for two of three types, one of them a team's own.
    async fn make(config: &Config) -> Self {
        let records = open(config).await;
        let price = |team: &str, kind: &str, unit| NewPrices {
            team: team.to_owned(),
            currency: Currency::parse("USD").unwrap(),
            units: vec![(kind.to_owned(), Some(unit))],
            from_ms: 0,
        };
        for new in [
            price("", KINDS[0], 7),
            price("", KINDS[1], 110),
            price("boats", KINDS[0], 5),
        ] {
            records.set_prices(&new, 1).await.unwrap();
        }
        let mut tasks = Vec::new();
        for n in 0..TASKS {
            let task = Task {
                kind: KINDS[n % KINDS.len()].to_owned(),
                project: (n % 2 == 0).then(|| "red".to_owned()),
                ..blank(TEAMS[n % TEAMS.len()], Mode::Live, START)
            };
            records.add_task(&task, None).await.unwrap();
            tasks.push(task);
        }
        Self {
            records,
            config: config.clone(),
            tasks,
            events: AtomicU64::new(0),
        }
    }

    async fn work(&self, records: &Records, step: &Step, now: u64) {
        let result = |(task, is_done): &(usize, bool)| {
            let task = &self.tasks[*task];
            TaskResult {
                task_id: task.id.clone(),
                event_id: self.events.fetch_add(1, Ordering::SeqCst).to_string(),
                team: task.team_id.clone(),
                mode: Mode::Live,
                status: if *is_done { COMPLETED } else { PENDING },
                response: "{}".to_owned(),
            }
        };
        let results: Vec<_> = step.results.iter().map(result).collect();
        let rule =
            |task: &mut Task, result: &TaskResult| take_result(task, result, now.cast_signed());
        records.apply_results(&results, now, rule).await.unwrap();
    }

    async fn check(&self, records: &Records) {
        for team in TEAMS {
            for (currency, balance) in records.balances(team).await.unwrap() {
                assert!(balance.is_right(), "{team} {currency}: {balance:?}");
            }
        }
    }

    /// Numbers have no gap, documents are their lines, and the ledger is what tasks are.
    async fn check_all(&self) {
        self.check(&self.records).await;
        let documents = self.records.invoices(None, i64::MAX, 1000).await.unwrap();
        let numbers: Vec<_> = documents.iter().rev().map(|it| it.number).collect();
        let expected: Vec<_> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected);
        for number in numbers {
            let (invoice, lines) = self.records.invoice(number).await.unwrap().unwrap();
            let sum: i64 = lines.iter().map(|line| line.amount_minor).sum();
            assert_eq!(invoice.total_minor, sum);
            let credits = lines.iter().all(|line| line.about.is_some());
            assert_eq!(credits, invoice.total_minor < 0, "{invoice:?} {lines:?}");
            for line in &lines {
                assert_eq!(line.amount_minor, line.count * line.unit_minor);
            }
        }
        let mut owed: BTreeMap<&str, i64> = BTreeMap::new();
        for task in &self.tasks {
            let world = ringback::records::world::World {
                team: &task.team_id,
                mode: Mode::Live,
            };
            let now = self.records.task(world, &task.id).await.unwrap().unwrap();
            let unit = match (&*task.kind, &*task.team_id) {
                ("categorization", "boats") => 5,
                ("categorization", _) => 7,
                ("transcription", _) => 110,
                _ => 0,
            };
            let is_done = i64::from(now.status == COMPLETED);
            *owed.entry(&task.team_id).or_default() += unit * is_done;
        }
        for (team, owed) in owed {
            let balances = self.records.balances(team).await.unwrap();
            let ledger = balances.get("USD").map_or(0, |it| it.ledger_minor);
            assert_eq!(ledger, owed, "{team}");
        }
    }
}

/// Two who complete and take back, two who close, one who looks.
async fn race(store: &Store, steps: &[Step]) {
    let others = [open(&store.config).await, open(&store.config).await];
    let (is_over, time) = (AtomicBool::new(false), AtomicU64::new(START));
    let half = steps.len() / 2;
    let worker = async |records: &Records, steps: &[Step]| {
        for step in steps {
            let now = time.fetch_add(3 * DAY, Ordering::SeqCst);
            store.work(records, step, now - step.late_ms).await;
        }
    };
    let closer = async |records: &Records| {
        while !is_over.load(Ordering::SeqCst) {
            let now = time.load(Ordering::SeqCst);
            let month = Month::of(now).previous();
            close(records, &store.config, month, now).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let looker = async {
        while !is_over.load(Ordering::SeqCst) {
            store.check(&others[1]).await;
            tokio::task::yield_now().await;
        }
    };
    let workers = async {
        let (first, second) = steps.split_at(half);
        tokio::join!(worker(&store.records, first), worker(&others[0], second));
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(workers, closer(&store.records), closer(&others[0]), looker);
    // A last invoice takes what came after the others.
    let now = START + 1000 * DAY;
    close(&store.records, &store.config, month("2026-01"), now)
        .await
        .unwrap();
    for team in TEAMS {
        for (currency, balance) in store.records.balances(team).await.unwrap() {
            assert_eq!(balance.accrued_minor, 0, "{team} {currency}");
        }
    }
}

#[test]
fn the_ledger_is_what_documents_and_accruals_sum_to_at_every_moment() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        max_shrink_iters: 0, // what others do at once is not repeated by the same steps
        ..ProptestConfig::default()
    });
    let ran = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            for (name, config, _folder) in configs().await {
                let store = Store::make(&config).await;
                race(&store, &steps).await;
                store.check_all().await;
                let documents = store.records.invoices(None, i64::MAX, 1000).await.unwrap();
                assert!(!documents.is_empty(), "nothing was billed on {name}");
            }
        });
        Ok(())
    });
    ran.unwrap();
}
