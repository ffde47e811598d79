//! Projects: made once, changed in versions, inherited by tasks.

use super::{Customer, task};
use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use serde_json::{Value, json};

#[tokio::test]
async fn params_have_versions_and_are_patched_or_replaced() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let made = customer
            .post(
                "/v1/projects",
                json!({"name": "kites", "type": "categorization", "params": {"a": 1, "b": [1]}}),
            )
            .await;
        assert_eq!(
            (&made["name"], &made["type"]),
            (&json!("kites"), &json!("categorization"))
        );
        assert_eq!(made["created_at"], "2023-11-14T22:13:20.000Z");
        assert_eq!(made["param_history"][0]["version"], 0);
        assert_eq!(made["param_history"][0]["a"], 1);
        let path = "/v1/projects/kites/setParams";
        let patched = customer
            .post(path, json!({"patch": true, "b": [2], "c": 3}))
            .await;
        let current = &patched["param_history"][1];
        assert_eq!(
            (&current["a"], &current["b"], &current["c"]),
            (&json!(1), &json!([2]), &json!(3))
        );
        assert!(current.get("patch").is_none());
        let replaced = customer.post(path, json!({"d": 4})).await;
        assert_eq!(replaced["param_history"].as_array().unwrap().len(), 3);
        let current = &replaced["param_history"][2];
        assert_eq!((&current["d"], current.get("a")), (&json!(4), None));
        assert_eq!(customer.get("/v1/projects/kites").await, replaced);
        assert_eq!(
            customer.get("/v1/projects?archived=False").await[0],
            replaced
        );
        assert_eq!(customer.get("/v1/projects?archived=true").await, json!([]));
        let emptied = customer.post(path, Value::Null).await;
        assert_eq!(emptied["param_history"][3].as_object().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_name_is_any_text_and_is_taken_once_in_its_world() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        for (name, path) in [
            ("a/b", "a%2Fb"),
            ("two words", "two%20words"),
            ("Köln ✓", "K%C3%B6ln%20%E2%9C%93"),
            ("task%20", "task%2520"),
        ] {
            customer.project(name).await;
            let path = format!("/v1/projects/{path}");
            assert_eq!(customer.get(&path).await["name"], name);
            customer
                .post(&format!("{path}/setParams"), json!({"a": 1}))
                .await;
        }
        let again = json!({"name": "a/b", "type": "categorization"});
        let text = customer.refused("POST", "/v1/projects", again, 409).await;
        assert!(text.contains("a/b"), "{text}");
        let tester = Customer::test(&app).await;
        tester
            .refused("GET", "/v1/projects/a%2Fb", Value::Null, 404)
            .await;
        tester.project("a/b").await;
        for (body, field) in [
            (json!({}), "name"),
            (json!({"name": "x"}), "type"),
            (json!({"name": "x", "type": "nonsense"}), "type"),
            (json!({"name": "x\n", "type": "chat"}), "name"),
            (json!({"name": "x".repeat(256), "type": "chat"}), "name"),
            (json!({"name": "x", "type": "chat", "params": []}), "params"),
            (
                json!({"name": "x", "type": "chat", "rapid": "yes"}),
                "rapid",
            ),
            (
                json!({"name": "x", "type": "chat", "params": {"callback_url": "ftp://a"}}),
                "callback_url",
            ),
        ] {
            let text = customer.refused("POST", "/v1/projects", body, 400).await;
            assert!(text.starts_with(field), "{text}");
        }
        customer
            .refused("GET", "/v1/projects/%00", Value::Null, 400)
            .await;
        customer
            .refused("GET", "/v1/projects/%FF", Value::Null, 400)
            .await;
    }
}

#[tokio::test]
async fn tasks_inherit_what_they_do_not_say() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let params = json!({"categories": ["p"], "instruction": "Project.", "callback_url": "ops@example.com"});
        let body = json!({"name": "kites", "type": "categorization", "params": params});
        customer.post("/v1/projects", body).await;
        let own = json!({"project": "kites", "attachment": "x", "instruction": "Own."});
        let made = customer.post("/v1/task/categorization", own.clone()).await;
        assert_eq!(made["instruction"], "Own.\n\nProject.");
        assert_eq!(
            made["params"],
            json!({"attachment": "x", "categories": ["p"]})
        );
        assert_eq!(made["project_param_version"], 0);
        let made = customer
            .post(
                "/v1/task/categorization",
                task(json!({"project": "kites", "categories": ["t"]})),
            )
            .await;
        assert_eq!(made["params"]["categories"], json!(["t"]));
        customer
            .post(
                "/v1/projects/kites/setParams",
                json!({"categories": ["new"]}),
            )
            .await;
        let mut old = own.clone();
        old["project_version"] = json!(0);
        let made = customer.post("/v1/task/categorization", old).await;
        assert_eq!(made["params"]["categories"], json!(["p"]));
        let mut none = own.clone();
        none["project_version"] = json!(-1);
        let text = customer
            .refused("POST", "/v1/task/categorization", none, 400)
            .await;
        assert!(text.starts_with("categories"), "{text}");
        let mut unknown = own;
        unknown["project_version"] = json!(7);
        let text = customer
            .refused("POST", "/v1/task/categorization", unknown, 400)
            .await;
        assert!(text.starts_with("project_version"), "{text}");
    }
}

#[tokio::test]
async fn a_projects_url_is_its_tasks_in_its_own_world_only() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let (live, tester) = (Customer::live(&app).await, Customer::test(&app).await);
        let endpoint = Endpoint::answering([200]).await;
        let params = json!({"callback_url": endpoint.url()});
        let body = json!({"name": "kites", "type": "categorization", "params": params});
        tester.post("/v1/projects", body).await;
        live.project("kites").await;
        let held = live.task(json!({"project": "kites"})).await;
        app.answered(&held, "e1", "completed").await;
        tester.task(json!({"project": "kites"})).await;
        app.run_due().await;
        assert_eq!(endpoint.got_count(), 1, "the test task's");
        let set = json!({"patch": true, "callback_url": endpoint.url()});
        live.post("/v1/projects/kites/setParams", set).await;
        app.run_due().await;
        assert_eq!(
            endpoint.got_count(),
            2,
            "what was held goes when there is a URL"
        );
    }
}

#[tokio::test]
async fn only_some_types_have_templates() {
    let app = TestApp::start().await;
    let customer = Customer::live(&app).await;
    let params = json!({"template_variables": {"topic": "kites"}});
    let body = json!({"name": "talk", "type": "chat", "params": params});
    let project = customer.post("/v1/projects", body).await;
    let template = customer.get("/v1/projects/talk/taskTemplates").await;
    assert_eq!(template["id"], project["id"]);
    assert_eq!(template["template_variables"], json!({"topic": "kites"}));
    assert_eq!(template["version"], 0);
    assert!(template["created_at"].is_string() && template["updated_at"].is_string());
    customer.project("kites").await;
    let path = "/v1/projects/kites/taskTemplates";
    let text = customer.refused("GET", path, Value::Null, 400).await;
    assert!(text.contains("categorization"), "{text}");
    customer
        .refused("GET", "/v1/projects/none/taskTemplates", Value::Null, 404)
        .await;
}

#[tokio::test]
async fn a_team_has_as_many_projects_as_the_operator_permits() {
    let app = TestApp::with(|config| config.work.projects_max = 1).await;
    let customer = Customer::live(&app).await;
    let project = |name: &str| json!({"name": name, "type": "categorization"});
    customer.post("/v1/projects", project("one")).await;
    let told = customer
        .refused("POST", "/v1/projects", project("two"), 400)
        .await;
    assert!(told.starts_with("name "), "{told}");
}
