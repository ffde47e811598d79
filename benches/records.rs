//! How long one page of every kind of list takes among a million tasks of one team:
//! `cargo bench --bench records`, `-- --quick` for twenty thousand. On a SQLite file and on a
//! PostgreSQL server that this program starts; medians in milliseconds, page and total
//! apart. Ends with a failure where the two together take 20 ms or more.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should end"
)]
#![expect(clippy::print_stdout, reason = "the numbers are for people")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/postgres.rs"]
mod postgres;
#[path = "records/rows.rs"]
mod rows;

use postgres::Postgres;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::records::Records;
use ringback::records::batches::BatchFilter;
use ringback::records::tasks::list::{Cursor, TaskFilter};
use ringback::records::world::{World, new_id};
use ringback::vault::Vault;
use rows::{DONE_AFTER_MS, START_MS, STEP_MS, fill};
use std::process::ExitCode;
use std::time::Instant;

const TASKS: u64 = 1_000_000;
const TASKS_QUICK: u64 = 20_000;
const ROUNDS: usize = 11;
const BAR_MS: f64 = 20.0;
const WORLD: World<'static> = World {
    team: "team_a",
    mode: Mode::Live,
};

#[tokio::main]
async fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let tasks = if quick { TASKS_QUICK } else { TASKS };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut config = Config::build(None, std::iter::empty()).unwrap();
    folder.path().clone_into(&mut config.data.dir);
    let file = folder.path().join("records.db");
    let in_file = measure(
        "sqlite",
        &config,
        &format!("sqlite://{}", file.display()),
        tasks,
    )
    .await;
    let server = Postgres::own().await;
    let url = server.database().await;
    config.store.url = url.as_str().into();
    let in_server = measure("postgres", &config, url.as_str(), tasks).await;
    if in_file && in_server {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Each kind of list: its filter, with times in percent of the tasks' span, and where its
/// page begins.
const LISTS: &[(&str, &str)] = &[
    ("all", ""),
    ("all, from the middle", "after=50"),
    ("all, offset 10,000", "offset=10000"),
    ("project, half of all", "project=project 0"),
    ("project", "project=project 7"),
    ("project + status", "project=project 0&status=pending"),
    ("project + rare status", "project=project 0&status=canceled"),
    ("batch, a tenth of all", "batch=batch 0"),
    ("batch", "batch=batch 77"),
    ("batch + rare status", "batch=batch 0&status=canceled"),
    ("status", "status=completed"),
    ("rare status", "status=canceled"),
    ("type", "type=transcription"),
    ("type + rare status", "type=transcription&status=canceled"),
    ("review", "review=rejected"),
    ("two reviews", "review=rejected&review=accepted"),
    (
        "unique ids",
        "unique_id=u-1&unique_id=u-99&unique_id=u-7000",
    ),
    ("common tag", "tag=common"),
    ("rare tag", "tag=rare"),
    ("two tags", "tag=common&tag=rare"),
    ("common tag + status", "tag=common&status=pending"),
    ("created, a third", "created_from=30&created_until=60"),
    (
        "project + created",
        "project=project 7&created_from=30&created_until=60",
    ),
    ("completed, a third", "completed_from=30&completed_until=60"),
    ("completed, from the middle", "completed_from=0&after=50"),
    ("updated", "updated_from=90"),
];

/// Where a page begins.
#[derive(Default)]
struct Begin {
    cursor: Option<Cursor>,
    offset: usize,
}

fn read(list: &str, tasks: u64) -> (TaskFilter, Begin) {
    let (mut filter, mut begin) = (TaskFilter::default(), Begin::default());
    for pair in list.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap();
        let text = value.to_owned();
        let created = || START_MS + tasks * STEP_MS * value.parse::<u64>().unwrap() / 100;
        let done = || created() + DONE_AFTER_MS;
        match key {
            "project" => filter.project = Some(text),
            "batch" => filter.batch = Some(text),
            "status" => filter.status = Some(text),
            "type" => filter.kind = Some(text),
            "review" => filter.reviews.push(text),
            "unique_id" => filter.unique_ids.push(text),
            "tag" => filter.tags.push(text),
            "created_from" => filter.created.0 = Some(created()),
            "created_until" => filter.created.1 = Some(created()),
            "completed_from" => filter.completed.0 = Some(done()),
            "completed_until" => filter.completed.1 = Some(done()),
            "updated_from" => filter.updated.0 = Some(done()),
            "offset" => begin.offset = value.parse().unwrap(),
            _ => {
                let (at, id) = (done().cast_signed(), new_id(created(), 0));
                begin.cursor = Some(Cursor { at, id });
            }
        }
    }
    (filter, begin)
}

/// Returns whether every list kept the bar.
async fn measure(name: &str, config: &Config, url: &str, tasks: u64) -> bool {
    let records = Records::open(config, Vault::new([7; 32])).await.unwrap();
    let started = Instant::now();
    fill(url, tasks).await;
    println!("{name}: {tasks} tasks, filled in {:.0?}", started.elapsed());
    println!(
        "{:<28} {:>6} {:>9} {:>9}",
        "list", "rows", "page ms", "total ms"
    );
    let mut kept = true;
    for (list, filter) in LISTS {
        let (filter, begin) = read(filter, tasks);
        let (mut pages, mut totals, mut rows) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let started = Instant::now();
            let page =
                records.task_page(WORLD, &filter, begin.cursor.as_ref(), (begin.offset, 101));
            rows = page.await.unwrap().len();
            pages.push(ms_since(started));
            let started = Instant::now();
            records.task_total(WORLD, &filter).await.unwrap();
            totals.push(ms_since(started));
        }
        let (page, total) = (median(pages), median(totals));
        println!("{list:<28} {rows:>6} {page:>9.2} {total:>9.2}");
        kept &= page + total < BAR_MS;
    }
    for (list, filter) in [
        ("batches", BatchFilter::default()),
        (
            "batches of a project",
            BatchFilter {
                project: Some("project 7".into()),
                ..BatchFilter::default()
            },
        ),
    ] {
        let (mut pages, mut totals) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let started = Instant::now();
            records.batches(WORLD, &filter, (0, 100)).await.unwrap();
            pages.push(ms_since(started));
            let started = Instant::now();
            records.batch_total(WORLD, &filter).await.unwrap();
            totals.push(ms_since(started));
        }
        let (page, total) = (median(pages), median(totals));
        println!("{list:<28} {:>6} {page:>9.2} {total:>9.2}", 100);
        kept &= page + total < BAR_MS;
    }
    let mut feeds = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        records.waiting_tasks("", 100, START_MS).await.unwrap();
        feeds.push(ms_since(started));
    }
    let feed = median(feeds);
    println!("{:<28} {:>6} {feed:>9.2}", "what waits for labelling", 100);
    records.close().await;
    kept && feed < BAR_MS
}

fn ms_since(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1000.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}
