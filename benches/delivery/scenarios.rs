//! The measurements. Each takes a gateway of its own and leaves nothing behind.

use super::fleet::{Fleet, Spent};
use super::gateway::Gateway;
use super::load::{self, Client, now_ns};
use super::report::{Report, percentile};
use super::sink::Sink;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::Interval;

/// Connections of the bare loop and of single hand-ins.
const CONNECTIONS: usize = 64;
const TEAMS: usize = 16;
const QUIET_TEAMS: usize = 9;
const BATCH: usize = 1000;
const BATCH_CONNECTIONS: usize = 4;
const STEADY_PER_S: u64 = 50;
const QUIET_PER_S: u64 = 20;
const FLOOD_PER_S: u64 = 200;
/// The flood runs this long before the quiet teams are measured, too.
const WARM_UP_S: u64 = 1;
/// How much more the bare loop does than the others.
const BARE_TIMES: usize = 3;
/// One page of a journal.
const SYNC_BYTES: usize = 4096;

/// How much a round does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    callbacks: usize,
    singles: usize,
    backlog: usize,
    syncs: usize,
    steady_s: u64,
}

impl Sizes {
    pub(crate) const FULL: Self = Self {
        callbacks: 40_000,
        singles: 8_000,
        backlog: 20_000,
        syncs: 200,
        steady_s: 10,
    };
    pub(crate) const QUICK: Self = Self {
        callbacks: 500,
        singles: 100,
        backlog: 500,
        syncs: 20,
        steady_s: 1,
    };
}

pub(crate) struct Bench {
    sizes: Sizes,
    client: Client,
    sink: Sink,
}

impl Bench {
    pub(crate) fn start(sizes: Sizes) -> Self {
        let client = Client::new();
        let sink = Sink::start(client.clone());
        Self {
            sizes,
            client,
            sink,
        }
    }

    pub(crate) async fn run(&self, letter: char, report: &mut Report) {
        self.sink.reset().await;
        match letter {
            'a' => self.bare_loop(report).await,
            'b' => self.end_to_end(report).await,
            'c' => self.intake(report).await,
            'd' => self.steady(report).await,
            'e' => self.beside_a_hanging_team(report).await,
            'f' => self.drain(report).await,
            'g' => self.fleet(report).await,
            'h' => self.fleet_steady(report).await,
            'i' => self.log_off_and_on(report).await,
            other => panic!("there is no scenario {other}"),
        }
    }

    /// a: nothing but hyper-util's client: no journal, no queue, no signatures. As long as b,
    /// since the machine's speed changes from one second to the next.
    async fn bare_loop(&self, report: &mut Report) {
        let callbacks = BARE_TIMES * self.sizes.callbacks;
        let body = load::callback_body(0);
        let url = self.sink.url("/hook");
        let started = now_ns();
        let client = self.client.clone();
        each(callbacks, CONNECTIONS, move |number| {
            let (client, url, body) = (client.clone(), url.clone(), body.clone());
            async move { client.callback(&url, number, body).await }
        })
        .await;
        let arrived = self.sink.wait_for(callbacks).await;
        report.add("a bare loop", rate(callbacks, started, arrived.last_ns));
    }

    /// b: from the first byte handed in to the last callback at the sink.
    async fn end_to_end(&self, report: &mut Report) {
        let callbacks = self.sizes.callbacks;
        let gateway = Arc::new(Gateway::start(&self.client));
        let cpu_before = gateway.cpu_us();
        let per_s = self.carry(&gateway, callbacks).await;
        let cpu_us = gateway.cpu_us() - cpu_before;
        report.add("b end to end", per_s);
        report.add("b gateway CPU", float(cpu_us) / count(callbacks));
    }

    /// i: as b, with nothing logged but where it listens, and with the log as it is by default.
    async fn log_off_and_on(&self, report: &mut Report) {
        for (rate, cpu, settings) in [
            (
                "i with no log",
                "i with no log, CPU",
                "log.filter = \"off,ringback::cli=info\"\n",
            ),
            ("i with the log as it is", "i with the log, CPU", ""),
        ] {
            self.sink.reset().await;
            let callbacks = self.sizes.callbacks;
            let gateway = Arc::new(Gateway::start_with(&self.client, settings));
            let cpu_before = gateway.cpu_us();
            report.add(rate, self.carry(&gateway, callbacks).await);
            let cpu_us = gateway.cpu_us() - cpu_before;
            report.add(cpu, float(cpu_us) / count(callbacks));
        }
    }

    /// Hands in and waits until everything has arrived. Returns how many a second.
    async fn carry(&self, gateway: &Arc<Gateway>, callbacks: usize) -> f64 {
        let teams = teams(gateway, "team", TEAMS, Some(&self.sink.url("/hook"))).await;
        let batches = load::batches(&teams, callbacks, BATCH);
        let started = now_ns();
        hand_in_all(gateway, batches).await;
        let arrived = self.sink.wait_for(callbacks).await;
        rate(callbacks, started, arrived.last_ns)
    }

    /// g: as b, with one process for the API and 1, 2 and 4 workers.
    async fn fleet(&self, report: &mut Report) {
        let callbacks = self.sizes.callbacks;
        for (workers, name) in [
            (1, "g with 1 worker"),
            (2, "g with 2 workers"),
            (4, "g with 4 workers"),
        ] {
            self.sink.reset().await;
            let fleet = Fleet::start(&self.client, workers).await;
            let before = fleet.spent().await;
            report.add(name, self.carry(&fleet.gateway, callbacks).await);
            if workers == 1 {
                let after = fleet.spent().await;
                let each = |spent: fn(Spent) -> u64| {
                    float(spent(after).saturating_sub(spent(before))) / count(callbacks)
                };
                report.add("g gateway CPU", each(|spent| spent.gateway));
                report.add("g PostgreSQL CPU", each(|spent| spent.postgres));
                report.add("g PostgreSQL log", each(|spent| spent.log_bytes));
                report.add("g Redis CPU", each(|spent| spent.redis));
                report.add("g Redis scripts", each(|spent| spent.scripts));
            }
        }
    }

    /// h: as d, with one process for the API and one worker.
    async fn fleet_steady(&self, report: &mut Report) {
        let fleet = Fleet::start(&self.client, 1).await;
        let gateway = &fleet.gateway;
        let url = self.sink.url("/timed/fleet");
        let teams = teams(gateway, "team", TEAMS, Some(&url)).await;
        self.warm_up(gateway, &teams).await;
        let sent = open_loop(gateway, teams, STEADY_PER_S, self.sizes.steady_s).await;
        let waits = &self.sink.wait_for(sent).await.waits_ns["fleet"];
        report.add("h at 50/s, p50", percentile(waits, 50));
        report.add("h at 50/s, p99", percentile(waits, 99));
    }

    /// c: teams without a URL, so that nothing is delivered meanwhile.
    async fn intake(&self, report: &mut Report) {
        let gateway = Arc::new(Gateway::start(&self.client));
        let held = teams(&gateway, "held", TEAMS, None).await;
        let singles = self.sizes.singles;
        let (to, team_of) = (gateway.clone(), held.clone());
        let started = now_ns();
        each(singles, CONNECTIONS, move |number| {
            // Numbers beyond those of the batches.
            let result = load::result(&team_of[number % TEAMS], usize::MAX - number, 0);
            let gateway = to.clone();
            async move { gateway.hand_in(result).await }
        })
        .await;
        report.add("c intake, single", rate(singles, started, now_ns()));
        let batches = load::batches(&held, self.sizes.callbacks, BATCH);
        let started = now_ns();
        hand_in_all(&gateway, batches).await;
        let per_s = rate(self.sizes.callbacks, started, now_ns());
        report.add("c intake, batches", per_s);
    }

    /// d: from the moment a producer sends to the arrival at the receiver, at a pace that
    /// leaves the machine idle; beside it, what the disk alone needs for one commit.
    async fn steady(&self, report: &mut Report) {
        let mut syncs = sync_times(self.sizes.syncs / 2).await;
        let gateway = Arc::new(Gateway::start(&self.client));
        let url = self.sink.url("/timed/steady");
        let teams = teams(&gateway, "team", TEAMS, Some(&url)).await;
        self.warm_up(&gateway, &teams).await;
        let sent = open_loop(&gateway, teams, STEADY_PER_S, self.sizes.steady_s).await;
        let waits = &self.sink.wait_for(sent).await.waits_ns["steady"];
        drop(gateway);
        syncs.extend(sync_times(self.sizes.syncs - syncs.len()).await);
        report.add("d at 50/s, p50", percentile(waits, 50));
        report.add("d at 50/s, p99", percentile(waits, 99));
        report.add("d fdatasync, p50", percentile(&syncs, 50));
        report.add("d fdatasync, p99", percentile(&syncs, 99));
    }

    /// e: the same quiet teams, alone and then beside a team whose endpoint never answers.
    async fn beside_a_hanging_team(&self, report: &mut Report) {
        let gateway = Arc::new(Gateway::start(&self.client));
        for name in ["alone", "beside"] {
            let url = self.sink.url(&format!("/timed/{name}"));
            let quiet = teams(&gateway, name, QUIET_TEAMS, Some(&url)).await;
            self.warm_up(&gateway, &quiet).await;
            let flood = (name == "beside").then(|| {
                let (gateway, url) = (gateway.clone(), self.sink.url("/hang"));
                let seconds = self.sizes.steady_s + WARM_UP_S;
                tokio::spawn(async move {
                    let hanging = teams(&gateway, "hanging", 1, Some(&url)).await;
                    open_loop(&gateway, hanging, FLOOD_PER_S, seconds).await
                })
            });
            tokio::time::sleep(Duration::from_secs(WARM_UP_S)).await;
            let sent = open_loop(&gateway, quiet, QUIET_PER_S, self.sizes.steady_s).await;
            let waits = &self.sink.wait_for(sent).await.waits_ns[name];
            report.add(&format!("e quiet {name}, p50"), percentile(waits, 50));
            report.add(&format!("e quiet {name}, p99"), percentile(waits, 99));
            if let Some(flood) = flood {
                flood.await.unwrap();
            }
        }
    }

    /// First connections and first pages belong to no percentile.
    async fn warm_up(&self, gateway: &Arc<Gateway>, teams: &[String]) {
        let sent = open_loop(gateway, teams.to_vec(), STEADY_PER_S, WARM_UP_S).await;
        self.sink.wait_for(sent).await;
        self.sink.reset().await;
    }

    /// f: the sink accepts and never answers while a backlog is handed in; then the gateway
    /// is killed, so that everything is still pending and due, and nothing was delivered.
    /// From the start of the new process to the last callback at the sink.
    async fn drain(&self, report: &mut Report) {
        let backlog = self.sizes.backlog;
        let mut gateway = Gateway::start(&self.client);
        let teams = teams(&gateway, "team", TEAMS, Some(&self.sink.url("/hook"))).await;
        self.sink.close().await;
        let shared = Arc::new(gateway);
        hand_in_all(&shared, load::batches(&teams, backlog, BATCH)).await;
        gateway = Arc::into_inner(shared).expect("all hand-ins have ended");
        gateway.kill();
        self.sink.reset().await;
        let started = now_ns();
        gateway.restart();
        let runs = now_ns();
        let arrived = self.sink.wait_for(backlog).await;
        report.add("f start after a kill", float(runs - started) / 1e6);
        report.add("f drain", rate(backlog, started, arrived.last_ns));
    }
}

async fn teams(gateway: &Gateway, name: &str, count: usize, url: Option<&str>) -> Vec<String> {
    let ids: Vec<_> = (0..count).map(|n| format!("{name}_{n}")).collect();
    for id in &ids {
        gateway.put_team(id, url).await;
    }
    ids
}

async fn hand_in_all(gateway: &Arc<Gateway>, batches: Vec<(String, usize)>) {
    let gateway = gateway.clone();
    let batches = Arc::new(batches);
    each(batches.len(), BATCH_CONNECTIONS, move |n| {
        let (gateway, batches) = (gateway.clone(), batches.clone());
        async move {
            let (lines, results) = &batches[n];
            gateway.hand_in_batch(lines.clone(), *results).await;
        }
    })
    .await;
}

/// Does `what` for every number below `total`, so many at a time.
async fn each<F>(total: usize, at_a_time: usize, what: impl Fn(usize) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (next, what) = (Arc::new(AtomicUsize::new(0)), Arc::new(what));
    let mut tasks = JoinSet::new();
    for _ in 0..at_a_time {
        let (next, what) = (next.clone(), what.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    break;
                }
                what(number).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// Hands in at a steady pace, whether or not earlier ones were answered. Returns how many.
async fn open_loop(gateway: &Arc<Gateway>, teams: Vec<String>, per_s: u64, seconds: u64) -> usize {
    let mut tasks = JoinSet::new();
    let mut pace = pace(per_s);
    let total = usize::try_from(per_s * seconds).unwrap();
    for n in 0..total {
        pace.tick().await;
        let (gateway, team) = (gateway.clone(), teams[n % teams.len()].clone());
        tasks.spawn(async move {
            let sent_ns = now_ns();
            // The time is a number that no earlier loop has used.
            let number = usize::try_from(sent_ns).unwrap();
            let result = load::result(&team, number, sent_ns);
            gateway.hand_in(result).await;
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    total
}

fn pace(per_s: u64) -> Interval {
    tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_s).unwrap())
}

/// How long appending one page and `fdatasync` take, on the disk the journals are on; as
/// often a second as callbacks are handed in, so that it meets what else the disk has to do.
async fn sync_times(times: usize) -> Vec<u64> {
    let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let one = |mut file: &File| {
        let started = Instant::now();
        file.write_all(&[7; SYNC_BYTES]).unwrap();
        file.sync_data().unwrap();
        u64::try_from(started.elapsed().as_nanos()).unwrap()
    };
    let mut pace = pace(STEADY_PER_S);
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        pace.tick().await;
        took.push(one(&file));
    }
    took
}

fn rate(n: usize, from_ns: u64, to_ns: u64) -> f64 {
    count(n) / (float(to_ns - from_ns) / 1e9)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn float(n: u64) -> f64 {
    n as f64
}

fn count(n: usize) -> f64 {
    float(n as u64)
}
