//! The statements behind lists of tasks: conditions, places and values, put together for
//! one walk along one index. Runs them, and decides nothing.

use crate::records::tasks::Task;
use crate::records::tasks::list::{Cursor, Order, Range, TaskFilter};
use crate::records::world::{World, first_id_at};
use sqlx::any::AnyArguments;
use sqlx::query::{QueryAs, QueryScalar};
use sqlx::{Any, AnyConnection, AssertSqlSafe};

#[derive(Debug, Clone, Copy)]
pub(super) enum Walk<'a> {
    Plain,
    Tag(&'a str),
    Review(&'a str),
    Unique(&'a str),
}

pub(super) enum Value {
    Text(String),
    Number(i64),
}

/// A statement in the making.
pub(super) struct Sql {
    from: &'static str,
    conditions: Vec<String>,
    pub(super) values: Vec<Value>,
    /// What is counted is known without the tasks.
    by_tag_alone: bool,
    /// The id that the walk's index ends with.
    id: &'static str,
}

impl Sql {
    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn text(&mut self, condition: &str, text: impl Into<String>) {
        let place = self.place(Value::Text(text.into()));
        self.conditions.push(format!("{condition} {place}"));
    }

    fn number(&mut self, condition: &str, number: i64) {
        let place = self.place(Value::Number(number));
        self.conditions.push(format!("{condition} {place}"));
    }

    fn any_of(&mut self, column: &str, texts: &[String]) {
        if texts.is_empty() {
            return;
        }
        let places = texts.iter().map(|text| Value::Text(text.clone()));
        let places: Vec<_> = places.map(|value| self.place(value)).collect();
        let list = places.join(", ");
        self.conditions.push(format!("{column} IN ({list})"));
    }

    fn range(&mut self, column: &str, (from, until): Range) {
        if let Some(from) = from {
            self.number(&format!("{column} >="), from.cast_signed());
        }
        if let Some(until) = until {
            self.number(&format!("{column} <="), until.cast_signed());
        }
    }

    /// The conditions of a filter on one walk; places go on after `values`.
    pub(super) fn new(
        world: World<'_>,
        filter: &TaskFilter,
        walk: Walk<'_>,
        values: Vec<Value>,
    ) -> Self {
        let by_tag = matches!(walk, Walk::Tag(_));
        let mut sql = Self {
            from: if by_tag {
                "task_tags g CROSS JOIN tasks t"
            } else {
                "tasks t"
            },
            conditions: Vec::new(),
            values,
            by_tag_alone: false,
            id: if by_tag { "g.task_id" } else { "t.id" },
        };
        let (team, mode) = if by_tag {
            ("g.team_id =", "g.mode =")
        } else {
            ("t.team_id =", "t.mode =")
        };
        sql.text(team, world.team);
        sql.text(mode, world.mode.as_str());
        match walk {
            Walk::Tag(tag) => {
                sql.text("g.tag =", tag);
                sql.any_of("t.review", &filter.reviews);
                sql.any_of("t.unique_id", &filter.unique_ids);
            }
            Walk::Unique(unique_id) => {
                sql.text("t.unique_id =", unique_id);
                sql.any_of("t.review", &filter.reviews);
            }
            Walk::Review(review) => sql.text("t.review =", review),
            Walk::Plain => {}
        }
        for (condition, value) in [
            ("t.project =", &filter.project),
            ("t.batch =", &filter.batch),
            ("t.status =", &filter.status),
            ("t.type =", &filter.kind),
        ] {
            if let Some(value) = value {
                sql.text(condition, value.as_str());
            }
        }
        if let Some(from) = filter.created.0 {
            sql.text(&format!("{} >=", sql.id), first_id_at(from));
        }
        if let Some(until) = filter.created.1 {
            let after = first_id_at(until.saturating_add(1));
            sql.text(&format!("{} <", sql.id), after);
        }
        sql.range("t.completed_ms", filter.completed);
        sql.range("t.updated_ms", filter.updated);
        // Only the tags' own rows are looked at where they know it all. Where they do not,
        // the join is written so that SQLite walks them first, in the order of the list.
        let asks_tasks = |condition: &String| condition.starts_with("t.");
        sql.by_tag_alone = by_tag && !sql.conditions.iter().any(asks_tasks);
        if by_tag {
            sql.conditions.push("t.id = g.task_id".to_owned());
        }
        sql
    }

    pub(super) fn after(&mut self, order: Order, cursor: &Cursor) {
        let id = self.id;
        let id_place = self.place(Value::Text(cursor.id.clone()));
        match order.column() {
            None => self.conditions.push(format!("{id} < {id_place}")),
            Some(column) => {
                let at = self.place(Value::Number(cursor.at));
                let condition = format!("({column}, {id}) < ({at}, {id_place})");
                self.conditions.push(condition);
            }
        }
    }

    pub(super) fn page(&mut self, order: Order, limit: i64, offset: i64) -> String {
        let (limit, offset) = (
            self.place(Value::Number(limit)),
            self.place(Value::Number(offset)),
        );
        let by = order.column().map_or_else(
            || format!("{} DESC", self.id),
            |column| format!("{column} DESC, {} DESC", self.id),
        );
        format!(
            "SELECT t.* FROM {} WHERE {} ORDER BY {by} LIMIT {limit} OFFSET {offset}",
            self.from,
            self.conditions.join(" AND ")
        )
    }

    /// The ids of those that match, up to so many.
    fn ids(&mut self, max: i64) -> String {
        let mut from = self.from;
        if self.by_tag_alone {
            self.conditions.pop();
            from = "task_tags g";
        }
        let max = self.place(Value::Number(max));
        let conditions = self.conditions.join(" AND ");
        let id = self.id;
        format!("SELECT * FROM (SELECT {id} FROM {from} WHERE {conditions} LIMIT {max}) AS walk")
    }
}

/// How many match, counted to `max` on each walk; what is on several counts once.
pub(super) fn count(world: World<'_>, filter: &TaskFilter, max: i64) -> (String, Vec<Value>) {
    let (mut walks, mut values) = (Vec::new(), Vec::new());
    for walk in filter.walks() {
        let mut sql = Sql::new(world, filter, walk, values);
        walks.push(sql.ids(max));
        values = sql.values;
    }
    let walks = walks.join(" UNION ");
    let text = format!("SELECT COUNT(*) FROM ({walks}) AS matching");
    (text, values)
}

pub(super) async fn fetch(
    connection: &mut AnyConnection,
    text: String,
    values: Vec<Value>,
) -> Result<Vec<Task>, sqlx::Error> {
    let mut query: QueryAs<'_, Any, Task, AnyArguments> = sqlx::query_as(AssertSqlSafe(text));
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        };
    }
    query.fetch_all(connection).await
}

pub(super) fn bind_scalar<T>(
    mut query: QueryScalar<'_, Any, T, AnyArguments>,
    values: Vec<Value>,
) -> QueryScalar<'_, Any, T, AnyArguments> {
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        };
    }
    query
}
