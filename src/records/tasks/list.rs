//! Lists of tasks, page by page. Every list walks one index in the order in which it is
//! shown; a list of several tags or review states is several such walks, merged.

mod sql;

use crate::callback::TimestampMs;
use crate::records::tasks::Task;
use crate::records::tasks::counts::Counted;
use crate::records::tasks::list::sql::{Sql, Walk, bind_scalar, fetch};
use crate::records::world::World;
use crate::records::{Records, RecordsError};
use sqlx::AssertSqlSafe;

/// Matches are counted up to here; a filter that no kept count answers may match more.
pub const COUNTED_MAX: i64 = 10_000;

/// From and until, both inclusive, milliseconds.
pub type Range = (Option<TimestampMs>, Option<TimestampMs>);

/// Which tasks. What is empty does not filter.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Of this project.
    pub project: Option<String>,
    /// Of this batch.
    pub batch: Option<String>,
    /// In this status.
    pub status: Option<String>,
    /// Of this type.
    pub kind: Option<String>,
    /// With one of these review states.
    pub reviews: Vec<String>,
    /// With one of these unique ids.
    pub unique_ids: Vec<String>,
    /// With any of these tags.
    pub tags: Vec<String>,
    /// Made then.
    pub created: Range,
    /// Completed then.
    pub completed: Range,
    /// Changed then.
    pub updated: Range,
}

/// What a list is ordered by, newest first: the time that is filtered by, else the age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// When they were made.
    Age,
    /// When they were completed.
    Completed,
    /// When they were changed.
    Updated,
}

/// The last task of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its time, where the order is not by age.
    pub at: i64,
    /// Its id.
    pub id: String,
}

/// How many match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(i64),
    /// So many or more.
    AtLeast(i64),
}

impl TaskFilter {
    /// What the list is ordered by.
    #[must_use]
    pub fn order(&self) -> Order {
        if self.completed != (None, None) {
            Order::Completed
        } else if self.updated != (None, None) {
            Order::Updated
        } else {
            Order::Age
        }
    }

    /// Where a list that ends with this task goes on.
    #[must_use]
    pub fn cursor(&self, task: &Task) -> Cursor {
        Cursor {
            at: self.order().at(task),
            id: task.id.clone(),
        }
    }

    /// The kept counts whose sum answers it, if there are such.
    fn counted(&self) -> Option<Vec<Counted<'_>>> {
        let timeless = [self.created, self.completed, self.updated] == [(None, None); 3];
        if !timeless || !self.unique_ids.is_empty() {
            return None;
        }
        let mut by = Vec::new();
        by.extend(self.project.iter().map(|name| vec![Counted::Project(name)]));
        by.extend(self.batch.iter().map(|name| vec![Counted::Batch(name)]));
        by.extend(self.kind.iter().map(|name| vec![Counted::Kind(name)]));
        if !self.reviews.is_empty() {
            // A task has one of them, so they add up.
            by.push(self.reviews.iter().map(|it| Counted::Review(it)).collect());
        }
        match self.tags.as_slice() {
            [] => {}
            [tag] => by.push(vec![Counted::Tag(tag)]),
            _ => return None,
        }
        match by.len() {
            0 => Some(vec![Counted::All]),
            1 => by.pop(),
            _ => None,
        }
    }

    /// The filters of which each is a walk of its own.
    fn walks(&self) -> Vec<Walk<'_>> {
        if !self.tags.is_empty() {
            return self.tags.iter().map(|tag| Walk::Tag(tag)).collect();
        }
        if !self.unique_ids.is_empty() {
            return self.unique_ids.iter().map(|id| Walk::Unique(id)).collect();
        }
        if !self.reviews.is_empty() {
            return self.reviews.iter().map(|it| Walk::Review(it)).collect();
        }
        vec![Walk::Plain]
    }
}

impl Order {
    fn at(self, task: &Task) -> i64 {
        match self {
            Self::Age => 0,
            Self::Completed => task.completed_ms.unwrap_or(0),
            Self::Updated => task.updated_ms,
        }
    }

    fn column(self) -> Option<&'static str> {
        match self {
            Self::Age => None,
            Self::Completed => Some("t.completed_ms"),
            Self::Updated => Some("t.updated_ms"),
        }
    }
}

impl Records {
    /// One page of tasks, newest first: `limit` of them after the cursor, `offset` left out.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn task_page(
        &self,
        world: World<'_>,
        filter: &TaskFilter,
        cursor: Option<&Cursor>,
        (offset, limit): (usize, usize),
    ) -> Result<Vec<Task>, RecordsError> {
        let (order, walks) = (filter.order(), filter.walks());
        // Several walks are merged before anything is left out.
        let alone = walks.len() == 1;
        let (skip, take) = if alone {
            (offset, limit)
        } else {
            (0, offset + limit)
        };
        let mut tasks = Vec::new();
        for walk in walks {
            let mut sql = Sql::new(world, filter, walk, Vec::new());
            if let Some(cursor) = cursor {
                sql.after(order, cursor);
            }
            let text = sql.page(order, signed(take), signed(skip));
            tasks.extend(
                self.run(async |connection| fetch(connection, text, sql.values).await)
                    .await?,
            );
        }
        if alone {
            return Ok(tasks);
        }
        let key = |task: &Task| (order.at(task), task.id.clone());
        tasks.sort_by_cached_key(|task| std::cmp::Reverse(key(task)));
        tasks.dedup_by(|a, b| a.id == b.id);
        Ok(tasks.into_iter().skip(offset).take(limit).collect())
    }

    /// How many tasks match, whatever the page.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn task_total(
        &self,
        world: World<'_>,
        filter: &TaskFilter,
    ) -> Result<Total, RecordsError> {
        if let Some(all) = filter.counted() {
            let mut sum = 0;
            for counted in all {
                let counts = self.task_counts(world, counted).await?;
                let of = |(status, n): (String, i64)| {
                    let wanted = filter.status.as_ref().is_none_or(|it| *it == status);
                    if wanted { n } else { 0 }
                };
                sum += counts.into_iter().map(of).sum::<i64>();
            }
            return Ok(Total::Exactly(sum));
        }
        let (text, values) = sql::count(world, filter, COUNTED_MAX + 1);
        let counted = self
            .run(async |connection| {
                let query = sqlx::query_scalar(AssertSqlSafe(text));
                bind_scalar(query, values).fetch_one(connection).await
            })
            .await?;
        Ok(total(counted))
    }
}

fn total(counted: i64) -> Total {
    if counted > COUNTED_MAX {
        Total::AtLeast(COUNTED_MAX)
    } else {
        Total::Exactly(counted)
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
