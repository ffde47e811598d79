//! Every metric of the process. Labels come from fixed lists ([`labels`]): never a URL or an
//! id, and a team only where the operator turned that on. What is counted on the path of a
//! delivery is a handle that was resolved once ([`family`]), never looked up by its label.

mod certificates;
mod declared;
pub mod family;
pub mod labels;
mod process;
mod streaks;

pub use declared::{Declared, NAMES};

use crate::callback::{TeamId, TimestampMs};
use certificates::Certificates;
use prometheus::{Encoder, Registry, TextEncoder};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use streaks::Streaks;

/// Every metric of the process; clones share them.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    registry: Registry,
    declared: Declared,
    streaks: Streaks,
    certificates: Certificates,
    /// One reader at a time sets what is read at its moment.
    reading: Mutex<()>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Metrics {
    type Target = Declared;

    fn deref(&self) -> &Declared {
        &self.0.declared
    }
}

impl Metrics {
    /// All metrics at zero, in a registry of their own.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let declared = Declared::new(&registry);
        Self(Arc::new(Parts {
            registry,
            declared,
            streaks: Streaks::default(),
            certificates: Certificates::default(),
            reading: Mutex::default(),
        }))
    }

    /// An attempt for this team was answered well, or not.
    pub fn attempted(&self, team: &TeamId, is_well: bool) {
        self.0.streaks.note(team, is_well);
    }

    /// The certificate that `host` showed is good until then.
    pub fn saw_certificate(&self, host: &str, ends: TimestampMs, now: TimestampMs) {
        let expiring = self.0.certificates.note(host, ends, now);
        self.certificates_expiring.set(expiring);
    }

    /// The Prometheus text exposition, with what is read at this moment only. `teams_max`
    /// teams are named, those with the longest rows of failures.
    #[must_use]
    pub fn to_text(&self, teams_max: usize) -> String {
        let _alone = self.0.reading.lock();
        process::read(self);
        self.teams_failing.set(self.0.streaks.failing());
        self.team_failures_straight.reset();
        for (team, failures) in self.0.streaks.longest(teams_max) {
            self.team_failures_straight.of(&team).set(failures);
        }
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.0.registry.gather(), &mut text)
            .expect("encoding into memory cannot fail");
        String::from_utf8(text).expect("the text format is UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::State;
    use crate::metrics::labels::ResultAnswer;

    #[test]
    fn a_doc_comment_is_the_help_text() {
        let metrics = Metrics::new();
        metrics.results_total.of(ResultAnswer::Accepted).inc();
        let text = metrics.to_text(0);
        assert!(text.contains("# HELP ringback_results_total Results by what intake answered"));
        assert!(text.contains("ringback_results_total{answer=\"accepted\"} 1"));
    }

    #[test]
    fn a_metric_with_fixed_labels_is_there_from_the_start() {
        let text = Metrics::new().to_text(0);
        for state in State::ALL {
            let line = format!(
                "ringback_journal_callbacks{{state=\"{}\"}} 0",
                state.as_str()
            );
            assert!(text.contains(&line), "{line}");
        }
        assert!(text.contains("process_resident_memory_bytes"));
    }

    #[test]
    fn teams_are_named_only_where_that_is_turned_on() {
        let metrics = Metrics::new();
        for team in ["a", "a", "b"] {
            metrics.attempted(&team.into(), false);
        }
        let named = "ringback_team_failures_straight{team=\"a\"} 2";
        assert!(!metrics.to_text(0).contains("team=\""));
        let text = metrics.to_text(1);
        assert!(
            text.contains(named) && !text.contains("team=\"b\""),
            "{text}"
        );
        metrics.attempted(&"a".into(), true);
        assert!(!metrics.to_text(1).contains(named));
    }
}
