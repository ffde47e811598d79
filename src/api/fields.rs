//! The fields of a body that is an object, one by one: each is named when it is missing or
//! of the wrong kind. Knows kinds, not meanings.

use crate::api::body::ObjectBody;
use crate::api::error::ApiError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is left of a body.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Any fields: unknown ones are ignored (Scale API, Transport rules).
    pub(super) fn any(body: ObjectBody) -> Self {
        Self(body.0)
    }

    /// These fields and no others.
    pub(super) fn only(body: ObjectBody, names: &[&str]) -> Result<Self, ApiError> {
        let unknown = body.0.keys().find(|name| !names.contains(&name.as_str()));
        if let Some(name) = unknown {
            let shown: String = name.chars().take(64).collect();
            let reason = format!(
                "has the unknown field {shown:?}; known are {}",
                names.join(", ")
            );
            return Err(invalid("body", reason));
        }
        Ok(Self(body.0))
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> Result<String, ApiError> {
        let text = self.optional_text(name)?;
        text.ok_or_else(|| invalid(name, "is required"))
    }

    /// A text, or nothing.
    pub(super) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        self.optional(name, "must be a text")
    }

    /// A yes or no, or nothing.
    pub(super) fn optional_flag(&mut self, name: &'static str) -> Result<Option<bool>, ApiError> {
        self.optional(name, "must be true or false")
    }

    /// A whole number, or nothing.
    pub(super) fn optional_number(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        self.optional(name, "must be a whole number")
    }

    /// A list of texts that must be there.
    pub(super) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, ApiError> {
        let texts = self.optional_texts(name)?;
        texts.ok_or_else(|| invalid(name, "is required"))
    }

    /// A list of texts, or nothing.
    pub(super) fn optional_texts(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Vec<String>>, ApiError> {
        self.optional(name, "must be an array of texts")
    }

    /// What was sent; `Some(None)` for null, which removes.
    pub(super) fn removable<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        kind: &str,
    ) -> Result<Option<Option<T>>, ApiError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => {
                let value = serde_json::from_value(value);
                value.map(Some).map(Some).map_err(|_| invalid(name, kind))
            }
        }
    }

    fn optional<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        kind: &str,
    ) -> Result<Option<T>, ApiError> {
        self.removable(name, kind).map(Option::flatten)
    }
}

fn invalid(field: &'static str, reason: impl Into<String>) -> ApiError {
    ApiError::Invalid {
        field,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        let Value::Object(map) = value else { panic!() };
        Fields::any(ObjectBody(map))
    }

    #[test]
    fn a_field_that_is_missing_or_of_the_wrong_kind_is_named() {
        let mut it = fields(json!({"a": "x", "b": 7, "c": null, "d": ["x", 7], "e": -1}));
        assert_eq!(it.text("a"), Ok("x".to_owned()));
        let names = |error: Result<String, ApiError>, part: &str| match error {
            Err(ApiError::Invalid { reason, .. }) => assert!(reason.contains(part), "{reason}"),
            other => panic!("{other:?}"),
        };
        names(it.text("a"), "required"); // taken
        names(it.text("b"), "must be a text");
        names(it.text("c"), "required");
        names(it.texts("d").map(|_| String::new()), "array of texts");
        names(
            it.optional_number("e").map(|_| String::new()),
            "whole number",
        );
        assert_eq!(it.optional_flag("f"), Ok(None));
    }

    #[test]
    fn null_removes_and_unknown_fields_are_told() {
        let mut it = fields(json!({"a": null, "b": 1}));
        assert_eq!(it.removable::<u64>("a", ""), Ok(Some(None)));
        assert_eq!(it.removable::<u64>("b", ""), Ok(Some(Some(1))));
        assert_eq!(it.removable::<u64>("c", ""), Ok(None));
        let Value::Object(map) = json!({"a": 1, "z": 1}) else {
            panic!()
        };
        let refused = Fields::only(ObjectBody(map), &["a", "b"]).err();
        let Some(ApiError::Invalid { reason, .. }) = refused else {
            panic!()
        };
        assert!(
            reason.contains("\"z\"") && reason.contains("a, b"),
            "{reason}"
        );
    }
}
