//! What is said of the routes of files.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    any_object, bytes, flag, get, list, named, number, number_from, object, post, text, text_from,
};

pub(super) fn chapter() -> Chapter {
    let fields = [
        ("file", bytes()),
        ("project_name?", text_from(1)),
        ("reference_id?", text_from(1)),
        ("display_name?", text_from(1)),
        ("metadata?", text()),
    ];
    let import = [
        ("file_url", text_from(1)),
        ("project_name?", text_from(1)),
        ("reference_id?", text_from(1)),
        ("display_name?", text_from(1)),
        ("metadata?", any_object()),
    ];
    let page = [
        ("docs", list(named("File"))),
        ("limit", number()),
        ("has_more", flag()),
        ("next_token?", text()),
    ];
    Chapter {
        name: "Files",
        about: "Attachments that are kept here and named by their scaledata:// URLs.",
        routes: vec![
            post(
                "/v1/files/upload",
                "Upload a file; metadata is JSON as text.",
            )
            .takes_as("multipart/form-data", object(fields))
            .gives(named("File"))
            .may(&[409]),
            post("/v1/files/import", "Fetch a file from a URL and keep it.")
                .takes(object(import))
                .gives(named("File"))
                .may(&[409]),
            get("/v1/files", "List files, newest first.")
                .query(
                    "project_name",
                    text(),
                    "Only those uploaded for this project.",
                )
                .query("reference_id", text(), "Only the one with this reference.")
                .query("limit", number_from(1, 100), "Files on a page.")
                .query("next_token", text(), "From the page before.")
                .gives(object(page)),
        ],
    }
}
