//! What is said of the routes of the labelling side, and of the description itself.

use crate::api::openapi::Chapter;
use crate::api::openapi::describe::{
    Described, any_object, anything, bytes, flag, get, list, map_of, named, number, number_from,
    object, one_of, post, put, text, text_from,
};

pub(super) fn chapters() -> Vec<Chapter> {
    vec![
        Chapter {
            name: "Labelling side",
            about: "For the operator's own programs: a producer's key opens it.",
            routes: [results(), tasks(), callbacks(), teams()]
                .into_iter()
                .flatten()
                .collect(),
        },
        Chapter {
            name: "Operations",
            about: "What `ringback status`, `lanes`, `callbacks` and `replay` ask and say, with a \
                    producer's key.",
            routes: [operations(), new_teams()].into_iter().flatten().collect(),
        },
        Chapter {
            name: "Description",
            about: "This.",
            routes: vec![
                get("/openapi.json", "The API's description.").gives(any_object()),
                get("/docs", "The same for people.").gives_as(200, "text/html", text()),
            ],
        },
    ]
}

fn results() -> Vec<Described> {
    let result = object([
        ("event_id", text_from(1)),
        ("team_id", text_from(1)),
        ("task_id", text_from(1)),
        ("mode", one_of(&["live", "test"])),
        ("status", text_from(1)),
        ("response", anything()),
        ("task?", any_object()),
        ("callback_url?", text()),
        ("project?", text()),
    ]);
    vec![
        post(
            "/internal/v1/results",
            "Hand in a result, an array of them, or lines.",
        )
        .takes(result)
        .gives_as(202, "application/json", any_object())
        .gives_as(207, "application/json", any_object())
        .may(&[404, 409, 415, 422, 429]),
        get("/internal/v1/files/{id}", "Read what a customer uploaded.").gives_as(
            200,
            "application/octet-stream",
            bytes(),
        ),
    ]
}

fn tasks() -> Vec<Described> {
    let waiting = || object([("tasks", list(any_object()))]);
    let ids = || ("task_ids", list(text()));
    vec![
        get("/internal/v1/tasks", "Live tasks that wait, oldest first.")
            .query("after", text(), "After this task.")
            .query("limit", number(), "Tasks at most.")
            .query("wait_ms", number_from(0, 1000), "How long to wait for one.")
            .gives(waiting()),
        post("/internal/v1/tasks/claim", "Take tasks for a time.")
            .takes(object([ids(), ("lease_ms?", number())]))
            .gives(waiting()),
        post("/internal/v1/tasks/acknowledge", "Take tasks for good.")
            .takes(object([ids()]))
            .gives(object([ids()])),
    ]
}

fn callbacks() -> Vec<Described> {
    let page = || {
        object([
            ("callbacks", list(named("Callback"))),
            ("next_cursor?", text()),
        ])
    };
    let search = |path, summary| {
        get(path, summary)
            .query("team_id", text(), "Of this team.")
            .query("task_id", text(), "Of this task.")
            .query("state", text(), "In this state.")
            .query("mode", one_of(&["live", "test"]), "Live or test.")
            .query(
                "status",
                number(),
                "Whose last attempt was answered with this status; 0: without an answer.",
            )
            .query("limit", number_from(1, 1000), "Callbacks on a page.")
            .query("cursor", text(), "From the page before.")
            .gives(page())
    };
    let selection = || {
        object([
            ("callback_ids?", list(text())),
            ("team_id?", text_from(1)),
            ("limit?", number_from(1, 1000)),
            ("per_second?", number_from(1, 1000)),
            ("task_id?", text_from(1)),
            ("status?", number_from(0, 999)),
            ("dry_run?", flag()),
        ])
    };
    let selected = || {
        object([
            ("callbacks", number()),
            ("dry_run", flag()),
            ("replay_id?", text()),
        ])
    };
    vec![
        search("/internal/v1/callbacks", "Search callbacks, newest first."),
        get("/internal/v1/callbacks/{id}", "Read a callback.").gives(named("Callback")),
        get(
            "/internal/v1/callbacks/{id}/explain",
            "The whole story of a callback.",
        )
        .gives(any_object()),
        search("/internal/v1/dead-letters", "Callbacks that were given up."),
        post("/internal/v1/dead-letters/replay", "Send them again.")
            .takes(selection())
            .gives(selected()),
        post("/internal/v1/dead-letters/drop", "Give them up for good.")
            .takes(selection())
            .gives(selected()),
    ]
}

fn operations() -> Vec<Described> {
    let lane = || [("team_id", text_from(1)), ("url", text_from(1))];
    let park = || {
        let [team, url] = lane();
        object([team, url, ("for_s", number_from(1, 604_800))])
    };
    let limit = || {
        let [team, url] = lane();
        object([team, url, ("in_flight_max?", number_from(1, 1000))])
    };
    let lane_path = "/internal/v1/lanes/show";
    vec![
        get("/internal/v1/status", "How the gateway is.").gives(any_object()),
        get(
            "/internal/v1/lanes",
            "Lanes with something to do, those in trouble first.",
        )
        .query("team_id", text_from(1), "Of this team.")
        .query("limit", number_from(1, 1000), "Lanes at most.")
        .gives(object([("lanes", list(named("Lane")))])),
        get(lane_path, "One lane, while it has something to do.")
            .query("team_id", text_from(1), "Whose.")
            .query("url", text_from(1), "Its endpoint's URL or origin.")
            .gives(named("Lane"))
            .may(&[404]),
        post(
            "/internal/v1/lanes/park",
            "Send nothing for so many seconds.",
        )
        .takes(park())
        .gives(object([("parked_until", number())]))
        .may(&[404]),
        post("/internal/v1/lanes/resume", "End a lane's park and rest.")
            .takes(object(lane()))
            .gives(any_object())
            .may(&[404]),
        post(
            "/internal/v1/lanes/limit",
            "Have at most so many requests in flight.",
        )
        .takes(limit())
        .gives(any_object())
        .may(&[404]),
        post(
            "/internal/v1/callbacks/{id}/resend",
            "Send a callback again.",
        )
        .gives(object([("callback_id", text())]))
        .may(&[409]),
        post("/internal/v1/callbacks/{id}/cancel", "Give a callback up.")
            .gives(object([("state", text())]))
            .may(&[409]),
        get("/internal/v1/replays/{id}", "How far a replay is.").gives(named("Replay")),
    ]
}

fn new_teams() -> Vec<Described> {
    vec![
        get("/internal/v1/teams", "Teams, in the order of their ids.")
            .query("after", text(), "After this id.")
            .query("limit", number_from(1, 1000), "Teams at most.")
            .gives(object([("teams", list(any_object()))])),
        post("/internal/v1/teams", "Make a team, and invite its admin.")
            .takes(object([("name", text_from(1)), ("admin", text_from(1))]))
            .gives_as(
                201,
                "application/json",
                object([("team_id", text()), ("link", text())]),
            )
            .may(&[409]),
        post(
            "/internal/v1/teams/{id}/transfer-admin",
            "Make another user of a team its admin.",
        )
        .takes(object([("email", text_from(1))]))
        .gives(any_object()),
    ]
}

fn teams() -> Vec<Described> {
    let settings = [
        ("name?", text_from(1)),
        ("default_callback_url?", text()),
        ("latest_only?", flag()),
    ];
    vec![
        get("/internal/v1/teams/{id}", "Read a team.").gives(any_object()),
        put("/internal/v1/teams/{id}", "Make a team, or change it.")
            .takes(object(settings))
            .gives(any_object())
            .gives_as(201, "application/json", any_object()),
        put(
            "/internal/v1/teams/{id}/projects/{name}",
            "Set the callback URL of a project.",
        )
        .takes(object([("callback_url?", text())]))
        .gives(map_of(anything())),
        post(
            "/internal/v1/teams/{id}/endpoints/resume",
            "Call a paused endpoint again.",
        )
        .takes(object([("url", text_from(1))]))
        .gives(map_of(anything())),
    ]
}
