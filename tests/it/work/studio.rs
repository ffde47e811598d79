//! Studio: who labels what, in groups, and in which order.

use super::Customer;
use crate::support::app::{TEAM, TestApp};
use futures_util::future::join_all;
use ringback::access::Role;
use ringback::records::users::Status;
use serde_json::{Value, json};

const ADD: &str = "/v1/studio/assignments/add";
const REMOVE: &str = "/v1/studio/assignments/remove";
const BATCHES: &str = "/v1/studio/batches";
const ORDER: &str = "/v1/studio/batches/set_priorities";

impl Customer<'_> {
    async fn studio_project(&self, name: &str) {
        let body = json!({"name": name, "type": "categorization", "studio": true});
        self.post("/v1/projects", body).await;
    }

    async fn invited(&self, emails: &[&str]) {
        let body = json!({"emails": emails, "team_role": "labeler"});
        self.post("/v1/teams/invite", body).await;
    }
}

/// One field of each thing in a list.
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a Value> {
    let things = list.as_array().unwrap().iter();
    things.map(|thing| &thing[field]).collect()
}

fn ordered(names: &[&str]) -> Value {
    let batches: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"batches": batches})
}

#[tokio::test]
async fn people_are_assigned_all_or_none_and_only_while_they_are_of_the_team() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let ana = app.joins(TEAM, "Ana@x.test", Role::Labeler).await;
        let customer = Customer::live(&app).await;
        customer.studio_project("kites").await;
        customer.studio_project("bikes").await;
        customer.project("plain").await;
        customer.invited(&["bo@x.test"]).await;

        let who = json!({"emails": ["ana@X.test", "bo@x.test", "bo@x.test"], "projects": ["kites", "bikes"]});
        let both = json!({"Ana@x.test": ["bikes", "kites"], "bo@x.test": ["bikes", "kites"]});
        assert_eq!(customer.post(ADD, who.clone()).await, both);
        assert_eq!(customer.post(ADD, who).await, both, "once is enough");

        for (emails, projects, named) in [
            (
                json!(["bo@x.test", "eve@x.test"]),
                json!(["kites"]),
                "eve@x.test",
            ),
            (json!(["bo@x.test"]), json!(["kites", "plain"]), "plain"),
            (json!(["bo@x.test"]), json!(["kites", "none"]), "none"),
            (json!([]), json!(["kites"]), "emails"),
            (json!(["bo@x.test"]), json!([]), "projects"),
            (json!(["bo@x.test"]), json!(vec!["kites"; 101]), "projects"),
        ] {
            let body = json!({"emails": emails, "projects": projects});
            for path in [ADD, REMOVE] {
                let told = customer.refused("POST", path, body.clone(), 400).await;
                assert!(told.contains(named), "{told}");
            }
        }
        assert_eq!(customer.get("/v1/studio/assignments").await, both);

        let who = json!({"emails": ["bo@x.test"], "projects": ["bikes"]});
        let left = json!({"Ana@x.test": ["bikes", "kites"], "bo@x.test": ["kites"]});
        assert_eq!(customer.post(REMOVE, who.clone()).await, left);
        assert_eq!(customer.post(REMOVE, who).await, left);
        let test = Customer::test(&app).await;
        assert_eq!(test.get("/v1/studio/assignments").await, json!({}));

        assert!(
            app.app
                .records
                .set_status(&ana, Status::Removed)
                .await
                .unwrap()
        );
        let left = json!({"bo@x.test": ["kites"]});
        assert_eq!(customer.get("/v1/studio/assignments").await, left);
        let who = json!({"emails": ["Ana@x.test"], "projects": ["kites"]});
        customer.refused("POST", ADD, who, 400).await;
    }
}

#[tokio::test]
async fn a_group_has_a_name_of_its_own_in_its_project() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.studio_project("a/b").await;
        customer.project("plain").await;
        customer.invited(&["ana@x.test", "bo@x.test"]).await;
        let path = "/v1/studio/projects/a%2Fb/groups";

        let body = json!({"emails": ["ana@x.test"], "name": "c/d"});
        let made = customer.post(path, body.clone()).await;
        assert_eq!(
            (&made["name"], &made["numWorkers"], &made["isSingleton"]),
            (&json!("c/d"), &json!(1), &json!(true))
        );
        let told = customer.refused("POST", path, body, 400).await;
        assert!(told.contains("another group"), "{told}");
        let empty = json!({"emails": [], "name": "empty"});
        let empty = customer.post(path, empty).await;
        assert_eq!(
            (&empty["numWorkers"], &empty["workers"]),
            (&json!(0), &json!([]))
        );

        let one = format!("{path}/c%2Fd");
        for (change, named) in [
            (
                json!({"add_emails": ["bo@x.test", "eve@x.test"]}),
                "eve@x.test",
            ),
            (
                json!({"remove_emails": ["ana@x.test", "eve@x.test"]}),
                "eve@x.test",
            ),
            (
                json!({"add_emails": ["bo@x.test"], "remove_emails": ["BO@x.test"]}),
                "remove_emails",
            ),
            (json!({"add_emails": "bo@x.test"}), "add_emails"),
        ] {
            let told = customer.refused("PUT", &one, change, 400).await;
            assert!(told.contains(named), "{told}");
        }
        assert_eq!(customer.ok("PUT", &one, Value::Null).await, made);
        let change = json!({"add_emails": ["bo@x.test", "ana@x.test"]});
        let changed = customer.ok("PUT", &one, change).await;
        assert_eq!(
            each(&changed["workers"], "email"),
            ["ana@x.test", "bo@x.test"]
        );
        let change = json!({"remove_emails": ["ana@x.test"]});
        let changed = customer.ok("PUT", &one, change).await;
        assert_eq!(each(&changed["workers"], "email"), ["bo@x.test"]);
        assert_eq!(customer.get(path).await, json!([changed, empty]));

        let none = json!({"emails": [], "name": "n"});
        for project in ["plain", "none"] {
            let path = format!("/v1/studio/projects/{project}/groups");
            customer.refused("GET", &path, Value::Null, 404).await;
            customer.refused("POST", &path, none.clone(), 404).await;
            let one = format!("{path}/c%2Fd");
            customer.refused("PUT", &one, Value::Null, 404).await;
        }
        let other = format!("{path}/none");
        customer.refused("PUT", &other, Value::Null, 404).await;
    }
}

#[tokio::test]
async fn batches_of_studio_wait_in_the_order_that_was_asked_for() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.studio_project("kites").await;
        customer.project("plain").await;
        customer.batch("plain", "other", "").await;
        for name in ["one", "two", "three"] {
            customer.batch("kites", name, "").await;
            // Ids of one millisecond are in no order.
            app.clock.advance_ms(1);
        }
        let made = customer.get(BATCHES).await;
        assert_eq!(each(&made, "name"), ["one", "two", "three"]);

        for (names, named) in [
            (vec!["three", "one"], "two"),
            (vec!["three", "one", "two", "other"], "other"),
            (vec!["three", "one", "three"], "three"),
        ] {
            let told = customer.refused("POST", ORDER, ordered(&names), 400).await;
            assert!(told.contains(named), "{told}");
        }
        let turned = ordered(&["three", "one", "two"]);
        let turned = customer.post(ORDER, turned).await;
        assert_eq!(each(&turned, "name"), ["three", "one", "two"]);
        assert_eq!(each(&turned, "studioPriority"), [1, 2, 3]);
        customer.batch("kites", "four", "").await;
        let listed = customer.get(BATCHES).await;
        assert_eq!(each(&listed, "name"), ["three", "one", "two", "four"]);
        assert_eq!(listed[3].get("studioPriority"), None);

        let task = customer.task(json!({"batch": "one"})).await;
        customer.post("/v1/batches/one/finalize", Value::Null).await;
        app.answered(&task, "e1", "completed").await;
        let left = customer.get(BATCHES).await;
        assert_eq!(
            each(&left, "name"),
            ["three", "two", "four"],
            "pending ones"
        );
        let path = "/v1/studio/batches/reset_priorities";
        let reset = customer.post(path, Value::Null).await;
        assert_eq!(each(&reset, "name"), ["two", "three", "four"]);
        assert_eq!(reset[0].get("studioPriority"), None);
        assert_eq!(customer.get(BATCHES).await, reset);
    }
}

#[tokio::test]
async fn a_batch_belongs_to_groups_of_its_project_and_counts_its_tasks() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        for project in ["kites", "bikes"] {
            customer.studio_project(project).await;
        }
        customer.project("plain").await;
        customer.batch("plain", "other", "").await;
        customer.batch("kites", "a/b", "").await;
        for (project, name) in [("kites", "g"), ("kites", "h"), ("bikes", "i")] {
            let path = format!("/v1/studio/projects/{project}/groups");
            let body = json!({"emails": [], "name": name});
            customer.post(&path, body).await;
        }
        let path = format!("{BATCHES}/a%2Fb");
        let put = async |groups: Value| customer.ok("PUT", &path, json!({"groups": groups})).await;
        let given = put(json!(["h", "g", "g"])).await;
        assert_eq!(given["groups"], json!(["g", "h"]));
        let body = json!({"groups": ["g", "i"]});
        let told = customer.refused("PUT", &path, body, 400).await;
        assert!(told.contains("\"i\""), "another project's: {told}");
        customer.refused("PUT", &path, Value::Null, 400).await;
        assert_eq!(customer.get(BATCHES).await, json!([given]), "as it was");
        assert_eq!(put(json!(["h"])).await["groups"], json!(["h"]));
        for name in ["other", "none"] {
            let path = format!("{BATCHES}/{name}");
            let body = json!({"groups": []});
            customer.refused("PUT", &path, body, 404).await;
        }

        let task = customer.task(json!({"batch": "a/b"})).await;
        customer.task(json!({"batch": "a/b"})).await;
        customer
            .post("/v1/batches/a%2Fb/finalize", Value::Null)
            .await;
        app.answered(&task, "e1", "completed").await;
        let counted = put(json!([])).await;
        let counts = (&counted["total"], &counted["completed"]);
        assert_eq!(counts, (&json!(2), &json!(1)));
        assert_eq!(counted["groups"], json!([]));
        assert_eq!(counted["projectName"], "kites");
    }
}

/// None waits for another for ever, and none is lost.
#[tokio::test(flavor = "multi_thread")]
async fn many_change_the_same_projects_at_once() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let emails: Vec<_> = (0..20).map(|n| format!("p{n}@x.test")).collect();
        let names: Vec<_> = emails.iter().map(String::as_str).collect();
        customer.invited(&names).await;
        for name in ["a", "b"] {
            customer.studio_project(name).await;
        }
        let assign = |(n, email): (usize, &String)| {
            let projects = if n % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
            customer.post(
                ADD,
                json!({"emails": [email, "p0@x.test"], "projects": projects}),
            )
        };
        join_all(emails.iter().enumerate().map(assign)).await;
        let assigned = customer.get("/v1/studio/assignments").await;
        for email in &emails {
            assert_eq!(assigned[email], json!(["a", "b"]), "{email}");
        }
    }
}
