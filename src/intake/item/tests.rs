//! One result, from bytes to an item: the wire contract and what is refused.

use super::*;
use proptest::prelude::*;

const LIMITS: ItemLimits = ItemLimits {
    bytes_max: 4096,
    depth_max: 20,
};

fn json(change: &str) -> String {
    let base = r#"{"event_id":"e1","team_id":"t","task_id":"abc","mode":"live","status":"completed","response":{"a": [1]}}"#;
    let mut value: serde_json::Value = serde_json::from_str(base).unwrap();
    let change: serde_json::Value = serde_json::from_str(change).unwrap();
    for (key, new) in change.as_object().unwrap() {
        value[key] = new.clone();
    }
    value.to_string()
}

fn field_at_fault(json: &str) -> &'static str {
    parse(json.as_bytes(), LIMITS).unwrap_err().field
}

#[test]
fn the_body_is_the_wire_contract() {
    let item = parse(json("{}").as_bytes(), LIMITS).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
    assert_eq!(body["task_id"], "abc");
    assert_eq!(body["status"], "completed");
    assert_eq!(body["response"]["a"][0], 1);
    assert_eq!(body["task"]["response"]["a"][0], 1);
}

#[test]
fn the_response_passes_byte_for_byte() {
    let text = r#"{"event_id":"e","team_id":"t","task_id":"a","mode":"test","status":"error","response":{"n": 1.0, "n2":1e400},"task":{"x": "\u00e9"}}"#;
    let item = parse(text.as_bytes(), LIMITS).unwrap();
    let expected = r#"{"task_id":"a","status":"error","response":{"n": 1.0, "n2":1e400},"task":{"x": "\u00e9"}}"#;
    assert_eq!(item.body, expected);
}

#[test]
fn a_known_task_takes_the_place_of_its_stand_in() {
    let mut item = parse(json("{}").as_bytes(), LIMITS).unwrap();
    assert_eq!((item.response(), item.has_task), (r#"{"a":[1]}"#, false));
    item.put_task(r#"{"type":"categorization"}"#);
    let body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
    assert_eq!(body["task"]["type"], "categorization");
    assert_eq!(body["response"]["a"][0], 1);
    assert_eq!(item.response(), r#"{"a":[1]}"#);
}

#[test]
fn the_task_names_project_and_url() {
    let text = json(r#"{"task":{"project":"kites","callback_url":"https://a.example/"}}"#);
    let item = parse(text.as_bytes(), LIMITS).unwrap();
    assert_eq!(item.project.as_deref(), Some("kites"));
    assert_eq!(item.callback_url.as_deref(), Some("https://a.example/"));
}

#[test]
fn a_fault_names_its_field() {
    assert_eq!(field_at_fault(&json(r#"{"event_id":""}"#)), "event_id");
    assert_eq!(field_at_fault(&json(r#"{"task_id":"a\nb"}"#)), "task_id");
    assert_eq!(field_at_fault(&json(r#"{"status":"done"}"#)), "status");
    assert_eq!(field_at_fault(&json(r#"{"task":[]}"#)), "task");
    assert_eq!(
        field_at_fault(&json(r#"{"callback_url":"ftp://x/"}"#)),
        "callback_url"
    );
    assert_eq!(field_at_fault(&json(r#"{"mod":"live"}"#)), "result");
    assert_eq!(field_at_fault("[]"), "result");
    let long = json(&format!(r#"{{"event_id":"{}"}}"#, "x".repeat(256)));
    assert_eq!(field_at_fault(&long), "event_id");
}

/// PostgreSQL's text cannot hold it.
#[test]
fn nul_is_refused_wherever_text_is_stored() {
    for field in ["event_id", "team_id", "task_id"] {
        let nul = json(&format!(r#"{{"{field}":"a\u0000b"}}"#));
        assert_eq!(field_at_fault(&nul), field);
    }
    let url = json(r#"{"callback_url":"https://a.example/\u0000"}"#);
    assert_eq!(field_at_fault(&url), "callback_url");
    let project = json(r#"{"task":{"project":"\u0000"}}"#);
    assert_eq!(field_at_fault(&project), "task.project");
    let body = json(r#"{"response":{"text":"a\u0000b"}}"#);
    assert!(parse(body.as_bytes(), LIMITS).is_ok(), "a body is bytes");
}

#[test]
fn size_and_depth_are_told() {
    let big = json(&format!(r#"{{"response":"{}"}}"#, "x".repeat(5000)));
    assert!(
        parse(big.as_bytes(), LIMITS)
            .unwrap_err()
            .reason
            .contains("limit is 4096")
    );
    let deep = "[".repeat(100_000);
    let limits = ItemLimits {
        bytes_max: 1_000_000,
        depth_max: 20,
    };
    let rejection = parse(deep.as_bytes(), limits).unwrap_err();
    assert!(rejection.reason.contains("100000 levels"), "{rejection:?}");
    assert_eq!(depth(br#"{"a":"[[[\"[["}"#, 5), 1);
    assert_eq!(depth(b"[[], {}]", 3), 3, "no more than their number");
}

#[test]
fn the_digest_tells_a_repeat_from_a_change() {
    let digest = |change| parse(json(change).as_bytes(), LIMITS).unwrap().digest;
    assert_eq!(digest("{}"), digest("{}"));
    assert_ne!(digest("{}"), digest(r#"{"response":{"a":[2]}}"#));
    assert_ne!(digest("{}"), digest(r#"{"mode":"test"}"#));
    assert_ne!(
        digest("{}"),
        digest(r#"{"callback_url":"https://a.example/"}"#)
    );
}

proptest! {
    #[test]
    fn nothing_panics(json: Vec<u8>) {
        let _ = parse(&json, LIMITS);
    }
}
