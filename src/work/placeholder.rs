//! PURE: the answer of a test task: of the form that people's answers of its type have,
//! made of what the request names.

use serde_json::{Map, Value, json};

const TEXT: &str = "placeholder";

/// An answer to a task of this type.
#[must_use]
pub fn answer(kind: &str, params: &Map<String, Value>) -> Value {
    match kind {
        "categorization" => categorization(params),
        "comparison" => json!({"choice": first(params.get("choices"))}),
        "transcription" | "datacollection" | "textcollection" | "documenttranscription" => {
            json!({"fields": fields(params.get("fields"))})
        }
        "namedentityrecognition" => {
            let text = params.get("text").and_then(Value::as_str).unwrap_or("");
            let end = text.chars().count();
            json!({"annotations": [
                {"label": label(params), "start": 0, "end": end, "text": text}
            ]})
        }
        _ if kind.ends_with("annotation") => json!({"annotations": [{
            "type": "box", "label": label(params), "left": 0, "top": 0, "width": 1, "height": 1,
        }]}),
        _ => json!({"annotations": []}),
    }
}

fn categorization(params: &Map<String, Value>) -> Value {
    let Some(Value::Object(taxonomies)) = params.get("taxonomies").or(params.get("taxonomy"))
    else {
        return json!({"category": first(params.get("categories"))});
    };
    let choice =
        |(name, taxonomy): (&String, &Value)| (name.clone(), first(taxonomy.get("choices")));
    let chosen: Map<String, Value> = taxonomies.iter().map(choice).collect();
    json!({"taxonomies": chosen})
}

/// The first of several choices, each a text or an object that names it.
fn first(choices: Option<&Value>) -> Value {
    match choices.and_then(|choices| choices.get(0)) {
        Some(Value::Object(choice)) => {
            let named = ["choice", "label", "name", "value"].iter();
            let mut named = named.filter_map(|key| choice.get(*key));
            named.next().cloned().unwrap_or_else(|| json!(TEXT))
        }
        Some(choice) => choice.clone(),
        None => json!(TEXT),
    }
}

/// A text for each field, whether they come as an object or as a list.
fn fields(fields: Option<&Value>) -> Value {
    let keys: Vec<&str> = match fields {
        Some(Value::Object(fields)) => fields.keys().map(String::as_str).collect(),
        Some(Value::Array(fields)) => {
            let key = |field: &Value| -> Option<Value> {
                ["field_id", "name", "title"]
                    .iter()
                    .find_map(|key| field.get(*key))
                    .cloned()
            };
            return fields
                .iter()
                .filter_map(key)
                .filter_map(|key| Some((key.as_str()?.to_owned(), json!(TEXT))))
                .collect::<Map<_, _>>()
                .into();
        }
        _ => Vec::new(),
    };
    let text = |key: &str| (key.to_owned(), json!(TEXT));
    keys.into_iter().map(text).collect::<Map<_, _>>().into()
}

/// A label that the request knows.
fn label(params: &Map<String, Value>) -> Value {
    if let Some(Value::Object(geometries)) = params.get("geometries") {
        let mut objects = geometries
            .values()
            .filter_map(|it| it.get("objects_to_annotate"));
        return first(objects.next());
    }
    first(params.get("objects_to_annotate").or(params.get("labels")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, params: &Value, expected: &Value) {
        assert_eq!(
            &answer(kind, params.as_object().unwrap()),
            expected,
            "{kind}"
        );
    }

    #[test]
    fn an_answer_is_made_of_what_the_request_names() {
        check(
            "categorization",
            &json!({"categories": ["red", "blue"]}),
            &json!({"category": "red"}),
        );
        check(
            "categorization",
            &json!({"taxonomies": {"colour": {"choices": [{"choice": "red"}]}}}),
            &json!({"taxonomies": {"colour": "red"}}),
        );
        check(
            "transcription",
            &json!({"fields": {"title": "Title of the page"}}),
            &json!({"fields": {"title": TEXT}}),
        );
        check(
            "textcollection",
            &json!({"fields": [{"type": "text", "field_id": "q"}, 7]}),
            &json!({"fields": {"q": TEXT}}),
        );
        let geometries = json!({"geometries": {"box": {"objects_to_annotate": ["cow"]}}});
        let answer = answer("imageannotation", geometries.as_object().unwrap());
        assert_eq!(answer["annotations"][0]["label"], "cow");
        check("chat", &json!({}), &json!({"annotations": []}));
    }

    #[test]
    fn odd_params_still_get_an_answer() {
        for kind in [
            "categorization",
            "comparison",
            "transcription",
            "annotation",
        ] {
            for odd in [json!(1), json!([]), json!({}), json!([[]]), json!(null)] {
                let mut params = Map::new();
                for key in [
                    "categories",
                    "choices",
                    "fields",
                    "labels",
                    "geometries",
                    "taxonomies",
                ] {
                    params.insert(key.to_owned(), odd.clone());
                }
                assert!(answer(kind, &params).is_object());
            }
        }
    }
}
