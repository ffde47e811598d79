//! What a list of callbacks is narrowed to, as its address says it. PURE: texts in, a search
//! out, or what is wrong beside its field.

use crate::callback::{CallbackId, Mode, State as CallbackState};
use crate::dashboard::door::Wrong;
use crate::dashboard::times::read_moment;
use crate::journal::Search;
use serde::Deserialize;

/// Longest text that is looked for, in characters.
const TEXT_MAX: usize = 200;

/// Empty text means anything.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) task: String,
    #[serde(default)]
    pub(super) mode: String,
    /// Of the last attempt's answer; `none` for no answer.
    #[serde(default)]
    pub(super) status: String,
    /// Accepted at or after, as browsers write it.
    #[serde(default)]
    pub(super) from: String,
    /// Accepted before.
    #[serde(default)]
    pub(super) until: String,
    /// The last one of the page before.
    #[serde(default)]
    pub(super) before: String,
}

impl Filter {
    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("state", self.state.trim()),
            ("task", self.task.trim()),
            ("mode", self.mode.trim()),
            ("status", self.status.trim()),
            ("from", self.from.trim()),
            ("until", self.until.trim()),
        ]
    }

    /// Whether it lets everything through.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs().iter().all(|(_, text)| text.is_empty())
    }

    /// Whether one of those is set that are folded away.
    pub(super) fn has_more(&self) -> bool {
        let more = ["mode", "status", "from", "until"];
        let mut set = self
            .pairs()
            .into_iter()
            .filter(|(_, text)| !text.is_empty());
        set.any(|(name, _)| more.contains(&name))
    }

    /// As part of an address, without the page.
    pub(super) fn query(&self) -> String {
        let set = self
            .pairs()
            .into_iter()
            .filter(|(_, text)| !text.is_empty());
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(set)
            .finish()
    }

    /// What to look for; whoever asks sets the team and the limit.
    pub(super) fn search(&self) -> Result<Search, Wrong> {
        let long = |text: &&str| text.chars().count() > TEXT_MAX || text.contains('\0');
        if let Some((field, _)) = self.pairs().into_iter().find(|(_, text)| long(text)) {
            return Err(Wrong::at(field, "is nothing that can be looked for"));
        }
        let before = match self.before.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Wrong::at(
                    "state",
                    "begins below a callback that there is not: show all",
                )
            })?),
        };
        Ok(Search {
            task: set(&self.task).map(str::to_owned),
            state: read(&self.state, CallbackState::parse)
                .map_err(|()| Wrong::at("state", "is none that callbacks have"))?,
            mode: read(&self.mode, mode).map_err(|()| Wrong::at("mode", "must be live or test"))?,
            status: read(&self.status, status)
                .map_err(|()| Wrong::at("status", "must be from 100 to 999, or none"))?,
            from_ms: read(&self.from, read_moment).map_err(|()| wrong_time("from"))?,
            until_ms: read(&self.until, read_moment).map_err(|()| wrong_time("until"))?,
            before: before.map(CallbackId),
            ..Search::default()
        })
    }
}

fn wrong_time(field: &str) -> Wrong {
    Wrong::at(field, "must be a time, such as 2026-11-26T14:00")
}

fn set(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Nothing, or what `parse` makes of it.
fn read<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ()> {
    set(text).map(|text| parse(text).ok_or(())).transpose()
}

fn mode(text: &str) -> Option<Mode> {
    [Mode::Live, Mode::Test]
        .into_iter()
        .find(|mode| mode.as_str() == text)
}

fn status(text: &str) -> Option<u16> {
    if text.eq_ignore_ascii_case("none") {
        return Some(0);
    }
    let status = text.parse().ok()?;
    (100..=999).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(change: impl FnOnce(&mut Filter)) -> Filter {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    }

    #[test]
    fn what_is_set_is_looked_for_and_kept_in_the_address() {
        let it = filter(|it| {
            it.state = "dead".into();
            it.task = " a&b ".into();
            it.status = "None".into();
            it.from = "2023-11-14T22:13".into();
        });
        let search = it.search().unwrap();
        assert_eq!(search.state, Some(CallbackState::Dead));
        assert_eq!(search.task.as_deref(), Some("a&b"));
        assert_eq!((search.status, search.mode), (Some(0), None));
        assert_eq!(search.from_ms, Some(1_699_999_980_000));
        assert_eq!(
            it.query(),
            "state=dead&task=a%26b&status=None&from=2023-11-14T22%3A13"
        );
        assert!(!it.is_empty() && Filter::default().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_beside_its_field() {
        let check = |field, change: fn(&mut Filter)| {
            let wrong = filter(change).search().unwrap_err();
            assert!(wrong.of(field).is_some(), "{field}");
        };
        check("state", |it| it.state = "lost".into());
        check("mode", |it| it.mode = "both".into());
        check("status", |it| it.status = "99".into());
        check("status", |it| it.status = "-1".into());
        check("from", |it| it.from = "yesterday".into());
        check("until", |it| it.until = "2023-13-01T00:00".into());
        check("task", |it| it.task = "\0".into());
        check("task", |it| it.task = "x".repeat(201));
    }
}
