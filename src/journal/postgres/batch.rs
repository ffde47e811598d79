//! The writers' batch SQL: arrays in, one round trip a table. Every batch is sorted before
//! it is written, so that transactions at the same time lock in one order.

use crate::callback::{CallbackId, State};
use crate::journal::view::to_i64;
use crate::journal::{Appended, AttemptRecord, Change, NewCallback};
use sqlx::postgres::PgBindIterExt;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Bodies in one statement, bytes: the server holds them several times over while it runs.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is made of rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// The batch fails: an insert that need not ask first costs a tenth less.
    Fail,
    /// They are looked for, and told from new ones.
    Tell,
}

/// Inserts callbacks and tells for each whether it is new.
///
/// [`sqlx::Error::RowNotFound`]: an event that is known was pruned just now; try again.
pub(super) async fn append(
    connection: &mut PgConnection,
    new: &[&NewCallback],
    repeats: Repeats,
) -> Result<Vec<Appended>, sqlx::Error> {
    let mut sorted = new.to_vec();
    // Stable: of two with one event the first one wins, as it came first.
    sorted.sort_by(|a, b| event(a).cmp(&event(b)));
    let mut inserted = HashSet::new();
    for chunk in chunks(&sorted) {
        inserted.extend(insert(connection, chunk, repeats).await?);
    }
    if repeats == Repeats::Fail {
        return Ok(vec![Appended::New; new.len()]);
    }
    sorted.retain(|new| !inserted.contains(&new.callback.id.0));
    let known = earlier(connection, &sorted).await?;
    new.iter()
        .map(|new| {
            if inserted.contains(&new.callback.id.0) {
                return Ok(Appended::New);
            }
            let (id, same) = known
                .get(&new.callback.id.0)
                .ok_or(sqlx::Error::RowNotFound)?;
            Ok(match same {
                // It was committed before, but the answer was lost.
                true if *id == new.callback.id => Appended::New,
                true => Appended::Duplicate(*id),
                false => Appended::Conflict(*id),
            })
        })
        .collect()
}

/// What an event is known by.
fn event(new: &NewCallback) -> (&str, &str) {
    (&new.callback.team, &new.callback.event_id)
}

/// Splits where the bodies would exceed [`BODY_BYTES_MAX`]; one body always fits.
fn chunks<'a>(mut rest: &'a [&'a NewCallback]) -> impl Iterator<Item = &'a [&'a NewCallback]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|new| {
            bytes += new.callback.body.len();
            bytes <= BODY_BYTES_MAX
        });
        let (chunk, others) = rest.split_at(fits.count().max(1).min(rest.len()));
        rest = others;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Returns the ids of those that are new, if others are to be told from them.
async fn insert(
    connection: &mut PgConnection,
    chunk: &[&NewCallback],
    repeats: Repeats,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let each = || chunk.iter().map(|new| &*new.callback);
    let states = chunk
        .iter()
        .map(|new| new.held.map_or(State::Pending, |_| State::Held).as_str());
    sqlx::query_scalar(AssertSqlSafe(insert_sql(repeats)))
        .bind(each().map(|callback| callback.id.0).bind_iter())
        .bind(each().map(|callback| &*callback.team).bind_iter())
        .bind(each().map(|callback| &*callback.event_id).bind_iter())
        .bind(each().map(|callback| &*callback.task_id).bind_iter())
        .bind(each().map(|callback| callback.mode.as_str()).bind_iter())
        .bind(chunk.iter().map(|new| &new.digest[..]).bind_iter())
        .bind(each().map(|callback| &callback.body[..]).bind_iter())
        .bind(
            each()
                .map(|callback| callback.project.as_deref())
                .bind_iter(),
        )
        .bind(each().map(|callback| callback.url.as_deref()).bind_iter())
        .bind(states.bind_iter())
        .bind(chunk.iter().map(|new| new.held).bind_iter())
        .bind(
            each()
                .map(|callback| to_i64(callback.id.accepted_ms()))
                .bind_iter(),
        )
        .bind(
            each()
                .map(|callback| callback.trace.map(|trace| trace.to_string()))
                .bind_iter(),
        )
        .fetch_all(connection)
        .await
}

fn insert_sql(repeats: Repeats) -> String {
    let results = "INSERT INTO results (id, team_id, event_id, task_id, mode, digest, body, \
             traceparent) \
         SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), \
             unnest($5::text[]), unnest($6::bytea[]), unnest($7::bytea[]), unnest($13::text[])";
    let callbacks = "INSERT INTO callbacks (id, team_id, task_id, project, url, state, reason, \
             due_ms, mode) \
         SELECT * FROM unnest($1::uuid[], $2::text[], $4::text[], $8::text[], $9::text[], \
             $10::text[], $11::text[], $12::bigint[], $5::text[]) AS given (id)";
    match repeats {
        Repeats::Fail => format!(
            "WITH inserted AS ({results}), \
             counted AS (INSERT INTO ledger (accepted) SELECT cardinality($1)) {callbacks}"
        ),
        Repeats::Tell => format!(
            "WITH inserted AS ( \
                 {results} ON CONFLICT (team_id, event_id) DO NOTHING RETURNING id), \
             counted AS ( \
                 INSERT INTO ledger (accepted) SELECT COUNT(*) FROM inserted HAVING COUNT(*) > 0) \
             {callbacks} WHERE id IN (SELECT id FROM inserted) RETURNING id"
        ),
    }
}

/// The first callbacks of events that are known, under the ids of those that came now, and
/// whether their content is the same.
async fn earlier(
    connection: &mut PgConnection,
    again: &[&NewCallback],
) -> Result<HashMap<Uuid, (CallbackId, bool)>, sqlx::Error> {
    if again.is_empty() {
        return Ok(HashMap::new());
    }
    let each = || again.iter().map(|new| &*new.callback);
    let found: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(
        "SELECT again.id, r.id, r.digest = again.digest \
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[]) \
             AS again (id, team_id, event_id, digest) \
         JOIN results r ON r.team_id = again.team_id AND r.event_id = again.event_id",
    )
    .bind(each().map(|callback| callback.id.0).bind_iter())
    .bind(each().map(|callback| &*callback.team).bind_iter())
    .bind(each().map(|callback| &*callback.event_id).bind_iter())
    .bind(again.iter().map(|new| &new.digest[..]).bind_iter())
    .fetch_all(connection)
    .await?;
    let pairs = found
        .into_iter()
        .map(|(now, first, same)| (now, (CallbackId(first), same)));
    Ok(pairs.collect())
}

/// Writes attempts and new states. Their partitions must exist.
pub(super) async fn change(
    connection: &mut PgConnection,
    changes: &[&Change],
    repeats: Repeats,
) -> Result<(), sqlx::Error> {
    let mut sorted = changes.to_vec();
    // Of two changes of one callback in one batch (its lease had ended) an end counts more.
    sorted.sort_by_key(|change| (change.id, change.ended_ms().is_some()));
    let attempts: Vec<_> = sorted
        .iter()
        .filter_map(|change| change.attempt.as_ref().map(|attempt| (change.id, attempt)))
        .collect();
    if !attempts.is_empty() {
        insert_attempts(connection, &attempts, repeats).await?;
    }
    let last = |index: usize| {
        sorted
            .get(index + 1)
            .is_none_or(|next| next.id != sorted[index].id)
    };
    let decisive: Vec<_> = (0..sorted.len())
        .filter(|index| last(*index))
        .map(|index| sorted[index])
        .collect();
    update(connection, &decisive).await
}

/// An attempt that was written and whose answer got lost may come again.
async fn insert_attempts(
    connection: &mut PgConnection,
    attempts: &[(CallbackId, &AttemptRecord)],
    repeats: Repeats,
) -> Result<(), sqlx::Error> {
    let each = || attempts.iter().map(|(_, attempt)| *attempt);
    let on_conflict = match repeats {
        Repeats::Fail => "",
        Repeats::Tell => " ON CONFLICT DO NOTHING",
    };
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO attempts (id, number, started_ms, duration_ms, url, provenance, diagnosis, \
             status, location, answer) \
         SELECT unnest($1::uuid[]), unnest($2::int[]), unnest($3::bigint[]), \
             unnest($4::bigint[]), unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), \
             unnest($8::smallint[]), unnest($9::text[]), unnest($10::bytea[]){on_conflict}"
    )))
    .bind(attempts.iter().map(|(id, _)| id.0).bind_iter())
    .bind(
        each()
            .map(|attempt| attempt.number.cast_signed())
            .bind_iter(),
    )
    .bind(each().map(|attempt| to_i64(attempt.started_ms)).bind_iter())
    .bind(
        each()
            .map(|attempt| to_i64(attempt.duration_ms))
            .bind_iter(),
    )
    .bind(each().map(|attempt| &*attempt.url).bind_iter())
    .bind(each().map(|attempt| attempt.provenance).bind_iter())
    .bind(each().map(|attempt| attempt.diagnosis).bind_iter())
    .bind(
        each()
            .map(|attempt| attempt.status.map(u16::cast_signed))
            .bind_iter(),
    )
    .bind(
        each()
            .map(|attempt| attempt.location.as_deref())
            .bind_iter(),
    )
    .bind(each().map(|attempt| &attempt.answer[..]).bind_iter())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whoever settles a callback had it from the queue, so the queue knows it.
async fn update(connection: &mut PgConnection, changes: &[&Change]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE callbacks AS c SET state = new.state, reason = new.reason, \
             attempts = new.attempts, due_ms = new.due_ms, ended_ms = new.ended_ms, queued = TRUE, \
             status = COALESCE(new.status, c.status) \
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], \
             $7::smallint[]) AS new (id, state, reason, attempts, due_ms, ended_ms, status) \
         WHERE c.id = new.id AND c.state NOT IN ('delivered', 'dead', 'cancelled')",
    )
    .bind(changes.iter().map(|change| change.id.0).bind_iter())
    .bind(
        changes
            .iter()
            .map(|change| change.state.as_str())
            .bind_iter(),
    )
    .bind(changes.iter().map(|change| change.reason).bind_iter())
    .bind(
        changes
            .iter()
            .map(|change| change.attempts.cast_signed())
            .bind_iter(),
    )
    .bind(changes.iter().map(|change| to_i64(change.at)).bind_iter())
    .bind(
        changes
            .iter()
            .map(|change| change.ended_ms().map(to_i64))
            .bind_iter(),
    )
    .bind(
        changes
            .iter()
            .map(|change| change.status().map(u16::cast_signed))
            .bind_iter(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
