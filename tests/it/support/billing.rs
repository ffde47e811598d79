//! Tasks that are charged and months that are closed, by the records alone: whatever the clock
//! of the gateway says.

use super::app::START_MS;
use ringback::billing::close::close;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::money::Currency;
use ringback::money::month::Month;
use ringback::records::Records;
use ringback::records::invoices::Invoice;
use ringback::records::prices::NewPrices;
use ringback::records::tasks::Task;
use ringback::records::tasks::results::TaskResult;
use ringback::work::rules::take_result;
use ringback::work::tasks::blank;

const DAY_MS: u64 = 86_400_000;

/// What tasks of a type cost, since ever.
pub(crate) async fn price(records: &Records, kind: &str, unit_minor: i64) {
    let new = NewPrices {
        team: String::new(),
        currency: Currency::parse("USD").unwrap(),
        units: vec![(kind.to_owned(), Some(unit_minor))],
        from_ms: 0,
    };
    records.set_prices(&new, START_MS).await.unwrap();
}

/// Tasks of a team, a project (empty: none) and a type, completed at that time; their ids.
pub(crate) async fn charge(
    records: &Records,
    (team, project, kind): (&str, &str, &str),
    count: usize,
    now: u64,
) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let task = Task {
            kind: kind.to_owned(),
            project: Some(project.to_owned()).filter(|name| !name.is_empty()),
            ..blank(team, Mode::Live, now)
        };
        records.add_task(&task, None).await.unwrap();
        set_status(records, (team, &task.id), "completed", now).await;
        ids.push(task.id);
    }
    ids
}

/// The labelling side says so.
pub(crate) async fn set_status(
    records: &Records,
    (team, task): (&str, &str),
    status: &'static str,
    now: u64,
) {
    let result = TaskResult {
        task_id: task.to_owned(),
        event_id: format!("{status} at {now}"),
        team: team.to_owned(),
        mode: Mode::Live,
        status,
        response: "{}".to_owned(),
    };
    let rule = |task: &mut Task, result: &TaskResult| take_result(task, result, now.cast_signed());
    records.apply_results(&[result], now, rule).await.unwrap();
}

/// Closes the month in which tests begin.
pub(crate) async fn close_first_month(records: &Records, config: &Config) -> Vec<Invoice> {
    let month = Month::of(START_MS);
    let made = close(records, config, month, START_MS + 31 * DAY_MS).await;
    made.unwrap()
}
