//! PURE: what each type of task needs, its project's params included. A type that is not
//! listed needs nothing: the operator's list of types grows faster than this one.

use crate::work::rules::{Refused, refuse};
use serde_json::{Map, Value};

/// One of these must be there.
type OneOf = &'static [&'static str];

const FILES: OneOf = &["attachment", "attachments"];
const FRAMES: OneOf = &["attachment", "attachments", "frames"];
const TEXT: OneOf = &["text", "attachment", "attachments"];
const FIELDS: OneOf = &["fields"];
const OBJECTS: OneOf = &["objects_to_annotate", "geometries", "labels"];

fn needs(kind: &str) -> &'static [OneOf] {
    match kind {
        "categorization" => &[FILES, &["categories", "taxonomies", "taxonomy"]],
        "comparison" | "textcollection" | "segmentannotation" => &[FILES],
        "transcription" => &[FILES, &["fields", "repeatables"]],
        "datacollection" => &[FIELDS],
        "documenttranscription" => &[FILES, &["features"]],
        "imageannotation" => &[FILES, &["geometries"]],
        "annotation" | "polygonannotation" | "lineannotation" | "pointannotation"
        | "cuboidannotation" => &[FILES, OBJECTS],
        "namedentityrecognition" => &[TEXT, &["labels"]],
        "videoannotation"
        | "videoboxannotation"
        | "videoplaybackannotation"
        | "videocuboidannotation"
        | "lidarannotation"
        | "lidarsegmentation" => &[FRAMES],
        _ => &[],
    }
}

/// Checks that a task has what its type needs.
///
/// # Errors
/// [`Refused`] names the field that is missing, and what may stand in for it.
pub fn check(kind: &str, params: &Map<String, Value>) -> Result<(), Refused> {
    let is_given = |field: &&str| match params.get(*field) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    for one_of in needs(kind) {
        if one_of.iter().any(is_given) {
            continue;
        }
        let reason = match &one_of[1..] {
            [] => format!("is required for {kind}"),
            others => format!("is required for {kind}, or {}", others.join(" or ")),
        };
        return refuse(one_of[0], reason);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reference: what the tests of Scale's Python client leave out, and expect a 400 for.
    #[test]
    fn what_scale_refuses_is_refused() {
        let fault = |kind: &str, params: Value| {
            let checked = check(kind, params.as_object().unwrap());
            checked.err().map(|refused| refused.field)
        };
        let file = "https://example.com/a.png";
        assert_eq!(
            fault("categorization", json!({"categories": ["a"]})),
            Some("attachment")
        );
        assert_eq!(
            fault("transcription", json!({"attachment_type": "website"})),
            Some("attachment")
        );
        assert_eq!(
            fault("datacollection", json!({"attachment_type": "website"})),
            Some("fields")
        );
        assert_eq!(
            fault("imageannotation", json!({"attachment": file})),
            Some("geometries")
        );
        assert_eq!(
            fault("documenttranscription", json!({"attachment": file})),
            Some("features")
        );
        assert_eq!(
            fault("polygonannotation", json!({"attachment": ""})),
            Some("attachment")
        );
        assert_eq!(
            fault("textcollection", json!({"attachments": []})),
            Some("attachment")
        );
        assert_eq!(
            fault(
                "namedentityrecognition",
                json!({"text": "a", "labels": [1]})
            ),
            None
        );
        assert_eq!(
            fault(
                "annotation",
                json!({"attachments": [file], "objects_to_annotate": ["a"]})
            ),
            None
        );
        assert_eq!(fault("chat", json!({})), None);
    }
}
