//! Queries as Scale's clients write them: repeated keys, `True` and `False`, times of
//! several forms. Unknown parameters are ignored, empty ones are absent.

use crate::api::error::ApiError;
use crate::callback::TimestampMs;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use url::form_urlencoded;

/// Parameters in one query.
const PARAMETERS_MAX: usize = 200;

/// The parameters of a request.
#[derive(Debug, Clone)]
pub(in crate::api) struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or(""))
    }
}

impl Query {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parameters = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.contains('\0') {
                return Err(invalid(
                    "query",
                    "holds the character U+0000, which no text may",
                ));
            }
            if !value.is_empty() {
                parameters.push((name.into_owned(), value.into_owned()));
            }
        }
        if parameters.len() > PARAMETERS_MAX {
            let reason = format!("has more than {PARAMETERS_MAX} parameters");
            return Err(invalid("query", &reason));
        }
        Ok(Self(parameters))
    }

    /// A parameter's first value.
    pub(in crate::api) fn text(&self, name: &str) -> Option<String> {
        let first = self.0.iter().find(|(key, _)| key == name);
        first.map(|(_, value)| value.clone())
    }

    /// All of a parameter's values.
    pub(in crate::api) fn texts(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(key, _)| key == name);
        values.map(|(_, value)| value.clone()).collect()
    }

    /// One of these values.
    pub(in crate::api) fn one_of(
        &self,
        name: &'static str,
        values: &[&str],
    ) -> Result<Option<String>, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        check_one_of(name, &text, values)?;
        Ok(Some(text))
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(invalid(name, "must be true or false")),
        }
    }

    /// A whole number within limits.
    pub(in crate::api) fn number(
        &self,
        name: &'static str,
        (least, most): (u64, u64),
        default: u64,
    ) -> Result<u64, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        let number = text.parse().ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                let reason = format!("must be a whole number from {least} to {most}");
                invalid(name, &reason)
            })
    }

    /// A time.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<TimestampMs>, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        parse_time(&text).map(Some).ok_or_else(|| {
            invalid(
                name,
                "must be a time such as 2024-05-01T10:00:00Z, or a date; without a zone it is UTC",
            )
        })
    }

    /// From and until.
    pub(in crate::api) fn range(
        &self,
        from: &'static str,
        until: &'static str,
    ) -> Result<(Option<TimestampMs>, Option<TimestampMs>), ApiError> {
        Ok((self.time(from)?, self.time(until)?))
    }
}

/// One of several values is asked for.
pub(super) fn check_one_of(
    name: &'static str,
    text: &str,
    values: &[&str],
) -> Result<(), ApiError> {
    if values.contains(&text) {
        return Ok(());
    }
    let reason = format!("must be one of {}", values.join(", "));
    Err(invalid(name, &reason))
}

pub(super) fn invalid(field: &'static str, reason: &str) -> ApiError {
    ApiError::Invalid {
        field,
        reason: reason.to_owned(),
    }
}

/// A date, ISO 8601 with an offset or without one, `T` or a space between.
fn parse_time(text: &str) -> Option<TimestampMs> {
    let utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    let time = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok())
        .or_else(|| utc(text.parse::<DateTime>().ok()?))
        .or_else(|| utc(text.parse::<Date>().ok()?.into()))?;
    u64::try_from(time.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: the forms that Scale's clients send.
    #[test]
    fn every_form_of_time_is_read() {
        let ms = 1_714_557_600_000; // 2024-05-01 10:00
        for (text, expected) in [
            ("2024-05-01T10:00:00Z", ms),
            ("2024-05-01T10:00:00.000Z", ms),
            ("2024-05-01T12:00:00+02:00", ms),
            ("2024-05-01T10:00:00.123456+0000", ms + 123),
            ("2024-05-01 10:00:00.123456", ms + 123),
            ("2024-05-01 10:00:00", ms),
            ("2024-05-01", ms - 36_000_000),
        ] {
            assert_eq!(parse_time(text), Some(expected), "{text}");
        }
        for text in [
            "yesterday",
            "1714557600",
            "2024-13-01",
            "1900-01-01",
            "9".repeat(400).as_str(),
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_are_read_as_clients_write_them() {
        let query = Query::parse("tags=a&tags=b+c&empty=&archived=True&limit=7&odd=%FF").unwrap();
        assert_eq!(query.texts("tags"), ["a", "b c"]);
        assert_eq!(query.text("empty"), None);
        assert_eq!(query.flag("archived"), Ok(Some(true)));
        assert_eq!(query.flag("absent"), Ok(None));
        assert_eq!(query.number("limit", (1, 100), 100), Ok(7));
        assert!(query.number("limit", (1, 5), 5).is_err());
        assert!(query.flag("limit").is_err());
        assert!(query.one_of("limit", &["8"]).is_err());
        assert!(Query::parse("a=%00").is_err());
        assert!(Query::parse(&"a=1&".repeat(201)).is_err());
    }
}
