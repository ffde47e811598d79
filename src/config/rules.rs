//! PURE: every rule between settings, each with the setting and the fix in its text.

use crate::config::Config;

impl Config {
    /// Every rule between settings that is broken.
    pub(super) fn problems(&self) -> Vec<String> {
        let (delivery, queue, api) = (&self.delivery, &self.queue, &self.api);
        let rules = [
            (
                queue.lease_ms < delivery.attempt_timeout_ms.saturating_add(5000),
                format!(
                    "queue.lease_ms ({}) must be at least delivery.attempt_timeout_ms ({}) + 5000",
                    queue.lease_ms, delivery.attempt_timeout_ms
                ),
            ),
            (
                delivery.connect_timeout_ms >= delivery.attempt_timeout_ms,
                "delivery.connect_timeout_ms must be below delivery.attempt_timeout_ms".into(),
            ),
            (
                delivery.response_head_bytes_max < 8192,
                "delivery.response_head_bytes_max must be at least 8192".into(),
            ),
            (
                delivery.response_body_bytes_kept > delivery.response_body_bytes_max,
                "delivery.response_body_bytes_kept must not exceed delivery.response_body_bytes_max".into(),
            ),
            (
                self.store.postgres_url().is_some() && queue.redis_url().is_none(),
                "queue.url must be a Redis when store.url is PostgreSQL: processes that share \
                 callbacks must share what is due next".into(),
            ),
            (
                api.caller_requests_per_s == 0 || api.caller_requests_burst == 0,
                "api.caller_requests_per_s and api.caller_requests_burst must be at least 1".into(),
            ),
            (queue.slots == 0, "queue.slots must be at least 1".into()),
            (queue.lane_cap == 0, "queue.lane_cap must be at least 1".into()),
            (
                self.intake.commit_items_max == 0,
                "intake.commit_items_max must be at least 1".into(),
            ),
            (
                api.item_bytes_max > api.body_bytes_max,
                "api.item_bytes_max must not exceed api.body_bytes_max".into(),
            ),
            (
                !(1..=127).contains(&api.item_depth_max),
                "api.item_depth_max must be from 1 to 127".into(),
            ),
            (
                !(1.0..=10.0).contains(&self.retry.factor),
                "retry.factor must be from 1.0 to 10.0".into(),
            ),
            (
                !(0.0..=1.0).contains(&self.retry.jitter),
                "retry.jitter must be from 0.0 to 1.0".into(),
            ),
        ];
        rules
            .into_iter()
            .filter(|(broken, _)| *broken)
            .map(|(_, text)| text)
            .chain(self.store.problems())
            .chain(self.files.problems())
            .chain(self.queue.problems())
            .chain(self.account.problems())
            .chain(self.integrations.problems())
            .chain(self.mail.problems())
            .chain(self.traces.problems())
            .chain(self.billing.problems())
            .collect()
    }
}
