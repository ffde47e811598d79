//! A million tasks of one team, written past the records' own methods: those commit one task
//! at a time.

use ringback::records::world::new_id;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::collections::BTreeMap;

/// Rows in one statement, and statements in one commit.
const ROWS: usize = 500;
const STATEMENTS: usize = 40;
/// The first task's time.
pub(crate) const START_MS: u64 = 1_700_000_000_000;
/// From a task's making to its end.
pub(crate) const DONE_AFTER_MS: u64 = 3_600_000;
/// Between two tasks.
pub(crate) const STEP_MS: u64 = 100;

/// One task in the making.
pub(crate) struct Row {
    pub(crate) n: u64,
    pub(crate) id: String,
    pub(crate) ms: i64,
}

impl Row {
    pub(crate) fn new(n: u64) -> Self {
        let ms = START_MS + n * STEP_MS;
        let id = new_id(ms, n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let ms = ms.cast_signed();
        Self { n, id, ms }
    }

    /// Half of them are of one project.
    fn project(&self) -> String {
        let of = if self.n.is_multiple_of(2) {
            0
        } else {
            self.n % 19
        };
        format!("project {of}")
    }

    /// A tenth is in one batch, the rest in batches of a hundred.
    fn batch(&self) -> String {
        let of = if self.n.is_multiple_of(10) {
            0
        } else {
            1 + self.n / 100
        };
        format!("batch {of}")
    }

    fn status(&self) -> &'static str {
        match self.n % 100 {
            _ if self.n.is_multiple_of(9973) => "canceled",
            0..9 => "pending",
            9 => "error",
            _ => "completed",
        }
    }

    fn kind(&self) -> &'static str {
        ["categorization", "imageannotation", "transcription"]
            [usize::try_from(self.n % 7 % 3).unwrap()]
    }

    fn tags(&self) -> Vec<&'static str> {
        let mut tags = Vec::new();
        if self.n.is_multiple_of(3) {
            tags.push("common");
        }
        if self.n.is_multiple_of(9967) {
            tags.push("rare");
        }
        tags
    }

    fn review(&self) -> Option<&'static str> {
        match (self.status(), self.n % 1000) {
            ("completed", 510) => Some("rejected"),
            ("completed", rest) if rest % 10 == 1 => Some("accepted"),
            _ => None,
        }
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("", String::new()),
            ("project", self.project()),
            ("batch", self.batch()),
            ("type", self.kind().to_owned()),
        ];
        all.extend(self.tags().into_iter().map(|tag| ("tag", tag.to_owned())));
        all.extend(self.review().map(|it| ("review", it.to_owned())));
        all
    }

    fn values(&self) -> String {
        let Self { n, id, ms } = self;
        let (project, batch, status, kind) =
            (self.project(), self.batch(), self.status(), self.kind());
        let tags = serde_json::to_string(&self.tags()).unwrap();
        let done = ms + DONE_AFTER_MS.cast_signed();
        let (completed, response) = if status == "completed" {
            (
                done.to_string(),
                r#"'{"annotations":[{"label":"cow","left":1,"top":2,"width":3,"height":4}]}'"#,
            )
        } else {
            ("NULL".to_owned(), "NULL")
        };
        let review = self.review();
        let review = review.map_or("NULL".to_owned(), |it| format!("'{it}'"));
        let params = r#"{"attachment":"https://files.example.com/2024/05/01/image-0001.jpg","attachment_type":"image","geometries":{"box":{"objects_to_annotate":["cow","calf"],"min_height":10,"min_width":10}}}"#;
        format!(
            "('{id}', 'team_a', 'live', '{kind}', '{status}', '{project}', 0, '{batch}', 'u-{n}', \
             0, NULL, 'Draw a box around each cow.', '{params}', '{{\"n\":{n}}}', '{tags}', NULL, \
             {response}, {ms}, {done}, {completed}, {review}, '[]', 1, 0, 0, 0)"
        )
    }
}

/// Fills the store past its own methods, which commit one task at a time.
pub(crate) async fn fill(url: &str, tasks: u64) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let mut counts = BTreeMap::<(&str, String, &str), u64>::new();
    let (per_statement, per_commit) = (ROWS as u64, (ROWS * STATEMENTS) as u64);
    let starts = |all: std::ops::Range<u64>, step| all.step_by(step);
    for from in starts(0..tasks, ROWS * STATEMENTS) {
        let mut transaction = connection.begin().await.unwrap();
        for from in starts(from..(from + per_commit).min(tasks), ROWS) {
            let rows: Vec<_> = (from..(from + per_statement).min(tasks))
                .map(Row::new)
                .collect();
            let values: Vec<_> = rows.iter().map(Row::values).collect();
            let sql = format!(
                "INSERT INTO tasks (id, team_id, mode, type, status, project, project_version, \
                 batch, unique_id, clears_unique_id, callback_url, instruction, params, metadata, \
                 tags, priority, response, created_ms, updated_ms, completed_ms, review, audits, \
                 events, is_staged, claimed_until_ms, acknowledged) VALUES {}",
                values.join(", ")
            );
            run(&mut transaction, sql).await;
            let tag = |row: &Row| {
                let id = row.id.clone();
                let tag = move |tag| format!("('team_a', 'live', '{tag}', '{id}')");
                row.tags().into_iter().map(tag).collect::<Vec<_>>()
            };
            let tags: Vec<_> = rows.iter().flat_map(tag).collect();
            let tags = tags.join(", ");
            run(
                &mut transaction,
                format!("INSERT INTO task_tags (team_id, mode, tag, task_id) VALUES {tags}"),
            )
            .await;
            for row in &rows {
                for (kind, name) in row.counted() {
                    *counts.entry((kind, name, row.status())).or_default() += 1;
                }
            }
        }
        transaction.commit().await.unwrap();
    }
    for ((kind, name, status), n) in counts {
        let sql = format!(
            "INSERT INTO task_counts VALUES ('team_a', 'live', '{kind}', '{name}', '{status}', 0, {n})"
        );
        run(&mut connection, sql).await;
    }
    for n in 0..tasks / 100 {
        let Row { id, ms, .. } = Row::new(n * 100);
        let sql = format!(
            "INSERT INTO batches (id, team_id, mode, name, project, status, is_staging, metadata, \
             flags, events, created_ms) VALUES ('{id}', 'team_a', 'live', 'batch {n}', 'project {}', \
             'completed', 0, '{{}}', '{{}}', 0, {ms})",
            n % 19
        );
        run(&mut connection, sql).await;
    }
    if url.starts_with("postgres") {
        run(&mut connection, "ANALYZE".to_owned()).await;
    }
}

pub(crate) async fn run(connection: &mut AnyConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}
