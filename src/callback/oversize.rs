//! PURE: a callback whose response is too large to be sent, and the one that goes out in its
//! place: the same, with where the response is instead of the response.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Where a response is, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it can be read.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    task_id: &'a RawValue,
    #[serde(borrow)]
    status: &'a RawValue,
    #[serde(borrow)]
    response: &'a RawValue,
    #[serde(borrow)]
    task: &'a RawValue,
}

/// The response in a callback's body, if it exceeds the limit.
#[must_use]
pub fn large_response(body: &Bytes, bytes_max: usize) -> Option<Bytes> {
    // Without looking: most bodies are small as a whole.
    if body.len() <= bytes_max {
        return None;
    }
    let parts: Body<'_> = serde_json::from_slice(body).ok()?;
    let response = parts.response.get().as_bytes();
    (response.len() > bytes_max).then(|| body.slice_ref(response))
}

/// The body with the reference in the response's place, in the task object, too. The same
/// bytes for the same arguments.
#[must_use]
pub fn by_reference(body: &Bytes, reference: &Reference) -> Bytes {
    let text = |text: &str| serde_json::to_string(text).expect("text is always JSON");
    let Ok(parts) = serde_json::from_slice::<Body<'_>>(body) else {
        return body.clone();
    };
    let told = format!(
        "\"response_url\":{},\"response_bytes\":{},\"response_sha256\":{}",
        text(&reference.url),
        reference.bytes,
        text(&reference.sha256)
    );
    let task: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(parts.task.get());
    let task = task.map_or_else(
        |_| parts.task.get().to_owned(),
        |fields| {
            let kept = fields.iter().filter(|(name, _)| *name != "response");
            let fields = kept.map(|(name, value)| format!("{}:{},", text(name), value.get()));
            format!("{{{}{told}}}", fields.collect::<String>())
        },
    );
    let (task_id, status) = (parts.task_id.get(), parts.status.get());
    format!("{{\"task_id\":{task_id},\"status\":{status},{told},\"task\":{task}}}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn body() -> Bytes {
        let text = "{\"task_id\":\"t\",\"status\":\"completed\",\"response\":{\"a\":  [1, 2]},\
                    \"task\":{\"task_id\":\"t\",\"response\":{\"a\":[1,2]},\"params\":{\"x\":1}}}";
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn a_response_keeps_its_bytes_and_only_a_large_one_leaves() {
        let found = large_response(&body(), 13).unwrap();
        assert_eq!(found, "{\"a\":  [1, 2]}".as_bytes());
        assert_eq!(large_response(&body(), 14), None);
        assert_eq!(large_response(&body(), 10_000), None);
        let other = Bytes::from_static(b"{\"batch\":{\"name\":\"a long name of a batch\"}}");
        assert_eq!(large_response(&other, 5), None);
    }

    #[test]
    fn the_reference_stands_where_the_response_stood() {
        let reference = Reference {
            url: "https://r.test/responses/1?signature=\"x".to_owned(),
            bytes: 14,
            sha256: "ab".to_owned(),
        };
        let made = by_reference(&body(), &reference);
        let told: Value = serde_json::from_slice(&made).unwrap();
        let expected = json!({
            "task_id": "t", "status": "completed", "response_url": reference.url,
            "response_bytes": 14, "response_sha256": "ab",
            "task": {"task_id": "t", "params": {"x": 1}, "response_url": reference.url,
                     "response_bytes": 14, "response_sha256": "ab"},
        });
        assert_eq!(told, expected);
        assert_eq!(by_reference(&body(), &reference), made);
    }
}
