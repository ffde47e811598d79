//! Which database `[store]` means, and how its connections are shared.

use crate::config::Store;
use url::Url;

/// Kept for the records: settings are cached, so few are needed.
const RECORDS: u32 = 4;
/// Kept for leading: one that holds the locks of this process's duties.
const LEADING: u32 = 1;
/// Three that write, and some for reading beside them.
const JOURNAL_MIN: u32 = 5;

impl Store {
    /// The server's URL, if it is PostgreSQL; else the files in `data.dir` are meant.
    #[must_use]
    pub fn postgres_url(&self) -> Option<&str> {
        matches!(self.url.scheme(), "postgres" | "postgresql").then(|| self.url.reveal())
    }

    /// Connections for the journal's pool.
    #[must_use]
    pub fn journal_connections(&self) -> u32 {
        self.connections_max
            .saturating_sub(RECORDS + LEADING)
            .max(1)
    }

    /// Connections for the records' pool.
    #[must_use]
    pub fn records_connections(&self) -> u32 {
        RECORDS
    }

    /// Every broken rule. Tells of the URL only what holds no password.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.postgres_url().is_none() && self.url.reveal() != "sqlite:" {
            problems.push(format!(
                "store.url must be \"sqlite:\" or start with \"postgres://\"; it starts with {:?}",
                self.url.scheme()
            ));
        }
        if let Some(url) = self.postgres_url()
            && Url::parse(url).is_err()
        {
            problems.push(
                "store.url is no URL; write postgres://user:password@host:5432/name, with \
                 %40 for @ and %2F for / in the password"
                    .to_owned(),
            );
        }
        let min = RECORDS + LEADING + JOURNAL_MIN;
        if self.connections_max < min {
            problems.push(format!("store.connections_max must be at least {min}"));
        }
        problems
    }
}
