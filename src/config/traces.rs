//! Rules of `[traces]`.

use crate::config::Traces;

impl Traces {
    /// Whether any are made.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.otlp_url.is_empty()
    }

    /// Every broken rule.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.is_on() && !self.otlp_url.starts_with("http://") {
            problems.push(
                "traces.otlp_url must begin with http://: a collector beside the gateway speaks \
                 to what is far away"
                    .to_owned(),
            );
        }
        if !(0.0..=100.0).contains(&self.percent) {
            problems.push("traces.percent must be from 0 to 100".to_owned());
        }
        problems
    }
}
