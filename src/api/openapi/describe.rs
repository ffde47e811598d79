//! Words for describing a route, and what they become in OpenAPI. Knows no route.

use crate::access::Action;
use crate::api::table::Route;
use axum::http::Method;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, SchemaType, Type,
};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, Ref, RefOr, Required, ResponseBuilder, Schema};

/// A part of a description.
pub(super) type Shape = RefOr<Schema>;

/// A route described.
pub(super) struct Described {
    /// Its method.
    pub(super) method: Method,
    /// Its path as in the table.
    pub(super) path: &'static str,
    summary: &'static str,
    query: Vec<(&'static str, Shape, &'static str)>,
    takes: Option<(&'static str, Shape)>,
    gives: Vec<(u16, Option<(&'static str, Shape)>)>,
    may: Vec<u16>,
}

const JSON: &str = "application/json";

fn described(method: Method, path: &'static str, summary: &'static str) -> Described {
    Described {
        method,
        path,
        summary,
        query: Vec::new(),
        takes: None,
        gives: Vec::new(),
        may: Vec::new(),
    }
}

/// Reads.
pub(super) fn get(path: &'static str, summary: &'static str) -> Described {
    described(Method::GET, path, summary)
}

/// Makes or acts.
pub(super) fn post(path: &'static str, summary: &'static str) -> Described {
    described(Method::POST, path, summary)
}

/// Sets.
pub(super) fn put(path: &'static str, summary: &'static str) -> Described {
    described(Method::PUT, path, summary)
}

/// Removes.
pub(super) fn delete(path: &'static str, summary: &'static str) -> Described {
    described(Method::DELETE, path, summary)
}

impl Described {
    /// Has this parameter in its query.
    pub(super) fn query(mut self, name: &'static str, shape: Shape, about: &'static str) -> Self {
        self.query.push((name, shape, about));
        self
    }

    /// Takes this JSON.
    pub(super) fn takes(self, shape: Shape) -> Self {
        self.takes_as(JSON, shape)
    }

    /// Takes a body of this kind.
    pub(super) fn takes_as(mut self, kind: &'static str, shape: Shape) -> Self {
        self.takes = Some((kind, shape));
        self
    }

    /// Answers 200 with this JSON.
    pub(super) fn gives(self, shape: Shape) -> Self {
        self.gives_as(200, JSON, shape)
    }

    /// Answers with this status and body.
    pub(super) fn gives_as(mut self, status: u16, kind: &'static str, shape: Shape) -> Self {
        self.gives.push((status, Some((kind, shape))));
        self
    }

    /// Answers with this status and no body.
    pub(super) fn gives_nothing(mut self, status: u16) -> Self {
        self.gives.push((status, None));
        self
    }

    /// May also fail with these statuses.
    pub(super) fn may(mut self, statuses: &[u16]) -> Self {
        self.may.extend(statuses);
        self
    }

    /// As OpenAPI has it, under the rule of its route.
    pub(super) fn operation(self, route: &Route, tag: &str) -> OperationBuilder {
        let errors = self.errors(route.action);
        let mut operation = OperationBuilder::new()
            .summary(Some(self.summary))
            .tag(tag)
            .operation_id(Some(format!("{} {}", route.method, route.path)));
        for name in placeholders(self.path) {
            operation = operation.parameter(in_path(name));
        }
        for (name, shape, about) in self.query {
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Query)
                    .description(Some(about))
                    .schema(Some(shape)),
            );
        }
        if let Some((kind, shape)) = self.takes {
            let content = Content::new(Some(shape));
            operation = operation.request_body(Some(
                RequestBodyBuilder::new().content(kind, content).build(),
            ));
        }
        for (status, body) in self.gives {
            let mut response = ResponseBuilder::new().description("Done.");
            if let Some((kind, shape)) = body {
                response = response.content(kind, Content::new(Some(shape)));
            }
            operation = operation.response(status.to_string(), response);
        }
        let shape = if is_scale(self.path) {
            "Error"
        } else {
            "Problem"
        };
        for status in errors {
            let response = ResponseBuilder::new()
                .description(meaning(status))
                .content(JSON, Content::new(Some(named(shape))));
            operation = operation.response(status.to_string(), response);
        }
        if route.action == Action::Knock {
            return operation;
        }
        let schemes = if is_scale(self.path) {
            &["key", "bearer"][..]
        } else {
            &["bearer"]
        };
        let none: [&str; 0] = [];
        let requirements = schemes
            .iter()
            .map(|name| SecurityRequirement::new(*name, none));
        operation.securities(Some(requirements))
    }

    /// What can go wrong follows from the rule, the path and the body.
    fn errors(&self, action: Action) -> Vec<u16> {
        let mut errors = vec![400, 503];
        match action {
            Action::Knock => {}
            Action::Labelling | Action::Operate => errors.push(401),
            _ => errors.extend([401, 403, 429]),
        }
        if self.path.contains('{') {
            errors.push(404);
        }
        if self.takes.is_some() {
            errors.extend([408, 413]);
        }
        errors.extend(&self.may);
        errors.sort_unstable();
        errors.dedup();
        errors
    }
}

/// Whether errors there have the form of Scale's.
fn is_scale(path: &str) -> bool {
    path.starts_with("/v1/") || path.starts_with("/v2/")
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "A field is wrong; the text names it.",
        401 => "No key, or one that is not valid here.",
        402 => "This type of task is not offered.",
        403 => "The caller's role does not permit this.",
        404 => "There is no such thing for this caller.",
        408 => "The body did not come in time.",
        409 => "The name is taken.",
        413 => "The body is too large.",
        415 => "A body of this kind is not read here.",
        422 => "The whole was understood and refused.",
        429 => "Too many requests; see Retry-After.",
        _ => "Try again later; see Retry-After.",
    }
}

fn placeholders(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(text_from(1)))
        .build()
}

/// As OpenAPI names the method.
pub(super) fn http_method(method: &Method) -> HttpMethod {
    match method.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        _ => HttpMethod::Delete,
    }
}

fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// A text.
pub(super) fn text() -> Shape {
    of(Type::String).into()
}

/// A text of at least so many characters.
pub(super) fn text_from(min: usize) -> Shape {
    of(Type::String).min_length(Some(min)).into()
}

/// One of these texts.
pub(super) fn one_of(values: &[&str]) -> Shape {
    of(Type::String)
        .enum_values(Some(values.iter().copied()))
        .into()
}

/// A time.
pub(super) fn time() -> Shape {
    of(Type::String)
        .description(Some("Such as 2024-05-01T10:00:00.000Z"))
        .into()
}

/// A whole number.
pub(super) fn number() -> Shape {
    of(Type::Integer).into()
}

/// A whole number within limits.
pub(super) fn number_from(least: i64, most: i64) -> Shape {
    of(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
        .into()
}

/// Yes or no.
pub(super) fn flag() -> Shape {
    of(Type::Boolean).into()
}

/// Anything.
pub(super) fn anything() -> Shape {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .into()
}

/// Bytes.
pub(super) fn bytes() -> Shape {
    of(Type::String)
        .content_media_type("application/octet-stream")
        .into()
}

/// A list of these.
pub(super) fn list(items: Shape) -> Shape {
    ArrayBuilder::new().items(items).into()
}

/// An object with these fields and perhaps others; a name that ends in `?` may be absent.
pub(super) fn object<const N: usize>(fields: [(&str, Shape); N]) -> Shape {
    let mut object = of(Type::Object);
    for (name, shape) in fields {
        let bare = name.trim_end_matches('?');
        object = object.property(bare, shape);
        if bare.len() == name.len() {
            object = object.required(bare);
        }
    }
    object.into()
}

/// An object of any fields.
pub(super) fn any_object() -> Shape {
    of(Type::Object).into()
}

/// An object whose values are of one shape.
pub(super) fn map_of(values: Shape) -> Shape {
    of(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(values)))
        .into()
}

/// A shape that is described once.
pub(super) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}
