//! What is said of the routes of integrations with clouds.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    Described, Shape, any_object, anything, delete, flag, get, list, object, one_of, post, put,
    text,
};

pub(super) fn chapter() -> Chapter {
    Chapter {
        name: "Integrations",
        about: "The team's buckets at AWS, Google Cloud and Azure. A person's session opens them.",
        routes: [all(), one()].into_iter().flatten().collect(),
    }
}

fn overview() -> Shape {
    object([
        ("external_id", text()),
        ("short_id", text()),
        ("large_results", anything()),
        ("clouds", list(any_object())),
    ])
}

fn all() -> Vec<Described> {
    let to = [
        ("cloud?", one_of(&["aws", "gcp", "azure"])),
        ("prefix?", text()),
    ];
    vec![
        get("/account/v1/integrations", "All integrations.").gives(overview()),
        put(
            "/account/v1/integrations",
            "Set where large results go; without a cloud, into callbacks.",
        )
        .takes(object(to))
        .gives(overview()),
        get("/responses/{id}", "Be led to a large response.")
            .query("signature", text(), "As in its URL.")
            .gives_nothing(307),
    ]
}

fn one() -> Vec<Described> {
    const ONE: &str = "/account/v1/integrations/{cloud}";
    let names = [
        ("role_arn?", text()),
        ("region?", text()),
        ("bucket?", text()),
        ("service_account?", text()),
        ("tenant_id?", text()),
        ("account?", text()),
        ("container?", text()),
    ];
    let trial = [
        ("works", flag()),
        ("step", text()),
        ("diagnosis", any_object()),
        ("answer", text()),
    ];
    vec![
        get(ONE, "One integration, with what to paste.").gives(any_object()),
        put(ONE, "Set it up: the fields of that cloud.")
            .takes(object(names))
            .gives(any_object()),
        delete(ONE, "Remove it.").gives_nothing(204),
        post(
            "/account/v1/integrations/{cloud}/test",
            "Enter, list and read; write where large results go.",
        )
        .gives(object(trial)),
    ]
}
