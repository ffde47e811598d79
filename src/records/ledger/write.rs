//! Writing the ledger: what became of tasks in one transaction, gathered while they change
//! and written at its end. Slots are locked in one order, then rows are added, then sums.

use crate::money::Currency;
use crate::money::prices::Price;
use crate::records::ledger::{SLOTS, month_of, statement};
use crate::records::payment::{BillingMode, terms};
use crate::records::prices::price;
use crate::records::tasks::{COMPLETED, Task};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};
use std::collections::{BTreeMap, HashMap};

/// Rows in one statement.
pub(in crate::records) const ROWS_MAX: usize = 500;

/// Tasks that completed or were taken back, in order.
#[derive(Debug, Default)]
pub(in crate::records) struct Charging(Vec<Moved>);

#[derive(Debug)]
struct Moved {
    task: Subject,
    is_completed: bool,
}

/// What the ledger says of a task.
#[derive(Debug, Clone)]
struct Subject {
    id: String,
    team: String,
    project: String,
    kind: String,
}

/// One row of the ledger.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Entry {
    task_id: String,
    seq: i64,
    team_id: String,
    project: String,
    #[sqlx(rename = "type")]
    kind: String,
    currency: String,
    priced_by: String,
    price_version: i64,
    unit_minor: i64,
    amount_minor: i64,
    month: String,
    round: i64,
}

impl Entry {
    /// Odd rows charge, even ones take back.
    fn is_charge(&self) -> bool {
        self.seq % 2 == 1
    }

    fn slot(&self) -> i64 {
        let digit = self
            .task_id
            .chars()
            .last()
            .and_then(|last| last.to_digit(16));
        i64::from(digit.unwrap_or(0)) % SLOTS
    }

    fn place(&self) -> Place {
        (self.team_id.clone(), self.month.clone(), self.slot())
    }
}

/// A statement's slot: team, month, slot.
type Place = (String, String, i64);
/// Which sum: place, round, currency, project, type, priced by, unit, about.
type Sum = (Place, i64, [String; 4], i64, String);

impl Charging {
    /// Notes what a change means for the ledger: a live task that is completed is charged, one
    /// that is so no longer is not.
    pub(in crate::records) fn note(&mut self, before: &Task, after: &Task) {
        let (was, is) = (before.status == COMPLETED, after.status == COMPLETED);
        if was == is || after.is_test() {
            return;
        }
        self.0.push(Moved {
            task: Subject {
                id: after.id.clone(),
                team: after.team_id.clone(),
                project: after.project.clone().unwrap_or_default(),
                kind: after.kind.clone(),
            },
            is_completed: is,
        });
    }

    /// Writes it all. The tasks are locked.
    pub(in crate::records) async fn write(
        self,
        connection: &mut AnyConnection,
        configured: &Currency,
        now: i64,
    ) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut last = last_entries(connection, &self.0).await?;
        let mut prices = Prices::new(configured, now);
        let mut entries: Vec<(Entry, Option<Entry>)> = Vec::with_capacity(self.0.len());
        for Moved { task, is_completed } in self.0 {
            let before = last.get(&task.id);
            let is_charged = before.is_some_and(Entry::is_charge);
            // What was completed before there was a ledger was never charged.
            if is_completed == is_charged {
                continue;
            }
            let (entry, about) = if let Some(charge) = before.filter(|_| !is_completed) {
                (taken_back(charge, now), Some(charge.clone()))
            } else {
                let seq = before.map_or(1, |entry| entry.seq + 1);
                (prices.charge(connection, &task, seq).await?, None)
            };
            last.insert(task.id, entry.clone());
            entries.push((entry, about));
        }
        let rounds = lock_slots(connection, &entries).await?;
        for (entry, about) in &mut entries {
            entry.round = rounds[&entry.place()];
            // A charge of this very transaction knows its round only now.
            if let Some(about) = about
                && let Some(round) = rounds.get(&about.place())
                && about.round == UNKNOWN_ROUND
            {
                about.round = *round;
            }
        }
        insert(connection, &entries, now).await?;
        add_to_sums(connection, &entries).await
    }
}

/// Of a charge that is being written.
const UNKNOWN_ROUND: i64 = -1;

/// What takes a charge back; never in an earlier month than the charge, whatever the clocks
/// of two processes say.
fn taken_back(charge: &Entry, now: i64) -> Entry {
    Entry {
        seq: charge.seq + 1,
        amount_minor: -charge.amount_minor,
        month: month_of(now).max(charge.month.clone()),
        round: UNKNOWN_ROUND,
        ..charge.clone()
    }
}

/// Prices of one transaction, looked up once.
struct Prices<'a> {
    configured: &'a Currency,
    now: i64,
    /// By team: what it pays in; none when a contract has the prices.
    teams: HashMap<String, (Currency, bool)>,
    /// By team and type.
    known: HashMap<(String, String), Price>,
}

impl<'a> Prices<'a> {
    fn new(configured: &'a Currency, now: i64) -> Self {
        Self {
            configured,
            now,
            teams: HashMap::new(),
            known: HashMap::new(),
        }
    }

    async fn charge(
        &mut self,
        connection: &mut AnyConnection,
        task: &Subject,
        seq: i64,
    ) -> Result<Entry, sqlx::Error> {
        if !self.teams.contains_key(&task.team) {
            let terms = terms(connection, &task.team, self.configured).await?;
            let has_contract = terms.mode == BillingMode::Invoice;
            self.teams
                .insert(task.team.clone(), (terms.currency, has_contract));
        }
        let (currency, has_contract) = &self.teams[&task.team];
        let key = (task.team.clone(), task.kind.clone());
        let price = match self.known.get(&key) {
            _ if *has_contract => Price::CONTRACT,
            Some(price) => *price,
            None => {
                let wanted = (&*task.team, &*task.kind, currency.as_str());
                let price = price(connection, wanted, self.now).await?;
                self.known.insert(key, price);
                price
            }
        };
        Ok(Entry {
            task_id: task.id.clone(),
            seq,
            team_id: task.team.clone(),
            project: task.project.clone(),
            kind: task.kind.clone(),
            currency: currency.as_str().to_owned(),
            priced_by: price.by.as_str().to_owned(),
            price_version: price.version,
            unit_minor: price.unit_minor,
            amount_minor: price.unit_minor,
            month: month_of(self.now),
            round: UNKNOWN_ROUND,
        })
    }
}

/// The last row of each of these tasks that has one.
async fn last_entries(
    connection: &mut AnyConnection,
    moved: &[Moved],
) -> Result<HashMap<String, Entry>, sqlx::Error> {
    let mut ids: Vec<_> = moved.iter().map(|moved| &moved.task.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut last = HashMap::new();
    for ids in ids.chunks(ROWS_MAX) {
        let sql = format!(
            "SELECT * FROM charges WHERE task_id IN ({}) AND seq = \
             (SELECT MAX(seq) FROM charges newer WHERE newer.task_id = charges.task_id)",
            places(0, ids.len())
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(*id);
        }
        let entries: Vec<Entry> = query.fetch_all(&mut *connection).await?;
        last.extend(
            entries
                .into_iter()
                .map(|entry| (entry.task_id.clone(), entry)),
        );
    }
    Ok(last)
}

/// Locks the slots in one order, so that no two transactions wait for each other; each answers
/// how often its month was closed.
async fn lock_slots(
    connection: &mut AnyConnection,
    entries: &[(Entry, Option<Entry>)],
) -> Result<BTreeMap<Place, i64>, sqlx::Error> {
    let mut rounds: BTreeMap<Place, i64> = entries
        .iter()
        .map(|(entry, _)| (entry.place(), 0))
        .collect();
    for ((team, month, slot), round) in &mut rounds {
        *round = sqlx::query_scalar(
            "INSERT INTO statement_slots (team_id, month, slot, round) VALUES ($1, $2, $3, 0) \
             ON CONFLICT (team_id, month, slot) DO UPDATE SET round = statement_slots.round \
             RETURNING round",
        )
        .bind(team)
        .bind(month)
        .bind(*slot)
        .fetch_one(&mut *connection)
        .await?;
    }
    Ok(rounds)
}

async fn insert(
    connection: &mut AnyConnection,
    entries: &[(Entry, Option<Entry>)],
    now: i64,
) -> Result<(), sqlx::Error> {
    for rows in entries.chunks(ROWS_MAX) {
        let sql = format!(
            "INSERT INTO charges (task_id, seq, team_id, project, type, currency, priced_by, \
             price_version, unit_minor, amount_minor, month, round, at_ms) VALUES {}",
            rows_of(13, rows.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (entry, _) in rows {
            query = bind_texts(
                query.bind(&entry.task_id).bind(entry.seq),
                [
                    &entry.team_id,
                    &entry.project,
                    &entry.kind,
                    &entry.currency,
                    &entry.priced_by,
                ],
            )
            .bind(entry.price_version)
            .bind(entry.unit_minor)
            .bind(entry.amount_minor)
            .bind(&entry.month)
            .bind(entry.round)
            .bind(now);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn add_to_sums(
    connection: &mut AnyConnection,
    entries: &[(Entry, Option<Entry>)],
) -> Result<(), sqlx::Error> {
    let mut sums: BTreeMap<Sum, (i64, i64)> = BTreeMap::new();
    for (entry, about) in entries {
        let own = statement(&entry.month, entry.round);
        let about = about
            .as_ref()
            .map(|charge| statement(&charge.month, charge.round))
            .filter(|about| *about != own);
        let names = [
            entry.currency.clone(),
            entry.project.clone(),
            entry.kind.clone(),
            entry.priced_by.clone(),
        ];
        let (place, about) = (entry.place(), about.unwrap_or_default());
        let sum = sums.entry((place, entry.round, names, entry.unit_minor, about));
        let (count, amount) = sum.or_default();
        *count += if entry.is_charge() { 1 } else { -1 };
        *amount += entry.amount_minor;
    }
    let sums: Vec<_> = sums.into_iter().collect();
    for rows in sums.chunks(ROWS_MAX) {
        let sql = format!(
            "INSERT INTO accruals (team_id, month, slot, round, currency, project, type, \
             priced_by, unit_minor, about, n, amount_minor) VALUES {} \
             ON CONFLICT (team_id, month, round, slot, currency, project, type, priced_by, \
             unit_minor, about) DO UPDATE SET n = accruals.n + excluded.n, \
             amount_minor = accruals.amount_minor + excluded.amount_minor",
            rows_of(12, rows.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (((team, month, slot), round, names, unit, about), (count, amount)) in rows {
            query = query.bind(team).bind(month).bind(*slot).bind(*round);
            query = bind_texts(query, names.each_ref());
            query = query.bind(*unit).bind(about).bind(*count).bind(*amount);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

type Sql<'q> = Query<'q, Any, AnyArguments>;

fn bind_texts<'q, const N: usize>(mut query: Sql<'q>, texts: [&'q String; N]) -> Sql<'q> {
    for text in texts {
        query = query.bind(text);
    }
    query
}

/// `$1, $2` and so on, after this many.
fn places(after: usize, count: usize) -> String {
    let places: Vec<_> = (after + 1..=after + count)
        .map(|n| format!("${n}"))
        .collect();
    places.join(", ")
}

/// Rows of so many places.
pub(in crate::records) fn rows_of(columns: usize, rows: usize) -> String {
    let rows: Vec<_> = (0..rows)
        .map(|row| format!("({})", places(row * columns, columns)))
        .collect();
    rows.join(", ")
}
