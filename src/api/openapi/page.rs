//! The description as one page for people: no script, nothing from elsewhere.

use serde_json::Value;
use std::fmt::Write;
use utoipa::openapi::OpenApi;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#1c2127;background:#fff}h1{font-size:1.6rem}h2{margin-top:2.5rem;\
font-size:1.2rem}details{border-top:1px solid #d9dde1;padding:.4rem 0}summary{cursor:pointer}\
code,pre{font:.9em ui-monospace,monospace}pre{background:#f4f6f8;padding:.7rem;overflow:auto}\
b{display:inline-block;min-width:4.2rem;font:600 .85em ui-monospace,monospace;color:#0b6e4f}\
td,th{text-align:left;padding:.1rem 1.2rem .1rem 0;vertical-align:top;font-weight:400}\
@media(prefers-color-scheme:dark){body{color:#e4e7ea;background:#16191d}pre{background:#22272d}\
details{border-color:#333a42}b{color:#5fd0a5}a{color:#8ab8ff}}";

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The whole page.
pub(super) fn page(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>Ringback API</title><style>{STYLE}</style>\
         <h1>Ringback API {}</h1><p>{} The same for programs: <a href=openapi.json>openapi.json\
         </a>.",
        escape(&document["info"]["version"]),
        escape(&document["info"]["description"]),
    );
    for tag in list(&document["tags"]) {
        write!(
            page,
            "<h2>{}</h2><p>{}",
            escape(&tag["name"]),
            escape(&tag["description"])
        )
        .expect("a string takes text");
        for (path, item) in entries(&document["paths"]) {
            for method in METHODS {
                let operation = &item[method];
                if operation["tags"][0] == tag["name"] {
                    write_operation(&mut page, method, path, operation);
                }
            }
        }
    }
    page.push_str("<h2>Shapes</h2>");
    for (name, shape) in entries(&document["components"]["schemas"]) {
        let shown = format!(
            "<details id=\"{name}\"><summary><code>{name}</code></summary><pre>{}</pre></details>",
            escape(&Value::String(sketch(shape, 0)))
        );
        page.push_str(&shown);
    }
    page
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let mut text = format!(
        "<details><summary><b>{}</b> <code>{}</code> {}</summary>",
        method.to_uppercase(),
        escape(&path.into()),
        escape(&operation["summary"])
    );
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        text.push_str("<p>Parameters<table>");
        for parameter in parameters {
            let row = format!(
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}",
                escape(&parameter["name"]),
                escape(&parameter["in"]),
                escape(&sketch(&parameter["schema"], 0).into()),
                escape(&parameter["description"])
            );
            text.push_str(&row);
        }
        text.push_str("</table>");
    }
    for (kind, content) in entries(&operation["requestBody"]["content"]) {
        text.push_str(&block("Takes", kind, &content["schema"]));
    }
    text.push_str("<p>Answers<table>");
    for (status, response) in entries(&operation["responses"]) {
        let row = format!("<tr><td>{status}<td>{}", escape(&response["description"]));
        text.push_str(&row);
    }
    text.push_str("</table>");
    for (status, response) in entries(&operation["responses"]) {
        for (kind, content) in entries(&response["content"]) {
            if status.starts_with('2') {
                text.push_str(&block("Gives", kind, &content["schema"]));
            }
        }
    }
    page.push_str(&text);
    page.push_str("</details>");
}

fn block(verb: &str, kind: &str, schema: &Value) -> String {
    let sketch = escape(&sketch(schema, 0).into());
    format!("<p>{verb} <code>{kind}</code><pre>{sketch}</pre>")
}

/// A schema as a person would jot it down.
fn sketch(schema: &Value, depth: usize) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or(name).to_owned();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(Value::to_string).collect();
        return values.join(" | ");
    }
    let indent = "  ".repeat(depth + 1);
    match schema["type"].as_str() {
        Some("array") => format!("[{}, ...]", sketch(&schema["items"], depth)),
        Some("object") if schema["properties"].is_object() => {
            let required = list(&schema["required"]);
            let mut text = "{\n".to_owned();
            for (name, field) in entries(&schema["properties"]) {
                let mark = if required.iter().any(|it| it == name) {
                    ""
                } else {
                    "?"
                };
                let field = sketch(field, depth + 1);
                writeln!(text, "{indent}{name}{mark}: {field}").expect("a string takes text");
            }
            text + &"  ".repeat(depth) + "}"
        }
        Some("object") if schema["additionalProperties"].is_object() => {
            format!(
                "{{...: {}}}",
                sketch(&schema["additionalProperties"], depth)
            )
        }
        Some(kind) => kind.to_owned(),
        None => "anything".to_owned(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn escape(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
