//! Made-up requests against the API's own description: schemathesis, the same in every run. No
//! 500, no status, kind or shape that is not described, no answer slower than its limit.

use crate::sdk::{UNLIMITED, teams};
use crate::support::process::Home;
use crate::support::python::python;

/// Longest answer, seconds; far more than any takes, on a machine that does other things.
const ANSWER_S_MAX: &str = "20";
const EXAMPLES: &str = "12";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance";

#[tokio::test]
async fn no_request_finds_what_is_not_described() {
    let home = Home::make(UNLIMITED);
    let known = teams(&home).await;
    let made = home.run(&["teams", "create", "Kites", "--admin", "ana@x.test"]);
    let made = String::from_utf8(made.stdout).unwrap();
    let gateway = home.serve();
    let admin = gateway.join(made.lines().last().unwrap()).await;
    let text = |name: &str| known[name].as_str().unwrap().to_owned();
    for (paths, key) in [
        ("^/v[12]/", text("live")),
        ("^/internal/", text("producer")),
        ("^/account/", admin.clone()),
    ] {
        let ran = python("st")
            .args(["run", &format!("{}/openapi.json", gateway.api)])
            .args(["--header", &format!("authorization: Bearer {key}")])
            .args([
                "--include-path-regex",
                paths,
                "--phases",
                "examples,coverage,fuzzing",
            ])
            // The one call that would shut the rest out: a caller may end its own session.
            .args(["--exclude-path", "/account/v1/sessions/{id}"])
            .arg("--generation-deterministic")
            .args([
                "--max-examples",
                EXAMPLES,
                "--max-response-time",
                ANSWER_S_MAX,
            ])
            .args([
                "--checks",
                CHECKS,
                "--continue-on-failure",
                "--no-color",
                "--no-shrink",
            ])
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "{report}");
    }
    let url = format!("{}/account/v1/me", gateway.api);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let me = client.get(url).bearer_auth(admin).send().await.unwrap();
    assert_eq!(me.status(), 200, "the admin was shut out on the way");
    let errors = gateway.warnings();
    assert!(errors.is_empty(), "{errors:?}");
}
