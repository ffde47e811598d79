//! What is said of the routes of money.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    Described, Shape, any_object, get, list, number, number_from, object, one_of, post, put, text,
    text_from,
};

pub(super) fn chapter() -> Chapter {
    let routes = [customer(), operator()].into_iter().flatten().collect();
    Chapter {
        name: "Billing",
        about: "What a team owes, its invoices, and whom to ask for money.",
        routes,
    }
}

fn customer() -> Vec<Described> {
    let page = [("invoices", list(heading())), ("next_before?", number())];
    vec![
        get("/account/v1/billing", "What the team has done and owes.").gives(any_object()),
        get("/account/v1/billing/invoices", "Invoices, newest first.")
            .query("limit", number_from(1, 100), "Invoices on a page.")
            .query("before", number(), "Only numbers below this one.")
            .gives(object(page)),
        document(
            "/account/v1/billing/invoices/{number}",
            "Read an invoice; as 12.pdf or 12.csv in that form.",
        ),
        get("/account/v1/billing/payment", "Payment details.").gives(any_object()),
        put(
            "/account/v1/billing/payment",
            "Change payment details; what is absent stays, null removes. No card numbers.",
        )
        .takes(object([
            ("company?", text()),
            ("contact_name?", text()),
            ("contact_email?", text()),
            ("address?", text()),
            ("country?", text()),
            ("tax_id?", text()),
            ("customer_token?", text()),
            ("method_token?", text()),
        ]))
        .gives(any_object()),
    ]
}

fn operator() -> Vec<Described> {
    vec![
        document(
            "/internal/v1/invoices/{number}",
            "Read an invoice of any team; as 12.pdf or 12.csv in that form.",
        ),
        post(
            "/internal/v1/invoices/{number}/paid",
            "Mark an invoice as paid; again changes nothing.",
        )
        .takes(object([("reference?", text_from(0))]))
        .gives(any_object()),
    ]
}

fn document(path: &'static str, summary: &'static str) -> Described {
    get(path, summary)
        .gives(any_object())
        .gives_as(200, "application/pdf", text())
        .gives_as(200, "text/csv", text())
}

fn heading() -> Shape {
    object([
        ("number", number()),
        ("kind", one_of(&["invoice", "credit_note"])),
        ("status", one_of(&["open", "paid", "credit"])),
        ("month", text()),
        ("currency", text()),
        ("total_minor", number()),
        ("total", text()),
    ])
}
