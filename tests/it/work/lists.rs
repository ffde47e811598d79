//! Lists: every filter, pages that hold still while tasks come, totals.

use super::Customer;
use crate::support::app::TestApp;
use serde_json::{Value, json};
use std::collections::HashSet;

async fn ids(customer: &Customer<'_>, query: &str) -> Vec<String> {
    let page = customer.get(&format!("/v1/tasks?{query}")).await;
    let docs = page["docs"].as_array().unwrap();
    assert_eq!(page["total"], docs.len(), "{query}");
    assert_eq!(page["has_more"], false, "{query}");
    let id = |task: &Value| task["task_id"].as_str().unwrap().to_owned();
    docs.iter().map(id).collect()
}

#[tokio::test]
async fn each_filter_finds_its_tasks_newest_first() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.project("a/b").await;
        customer.batch("kites", "week 18", "").await;
        let mut made = Vec::new();
        for change in [
            json!({"project": "a/b", "tags": ["x"]}),
            json!({"project": "kites", "tags": ["x", "y"], "unique_id": "u 1"}),
            json!({"batch": "week 18", "tags": ["y"]}),
            json!({"unique_id": "u2"}),
        ] {
            made.push(customer.task(change).await);
            app.clock.advance_ms(1000);
        }
        // 22:13:24 by now.
        app.answered(&made[1], "e1", "completed").await;
        app.answered(&made[3], "e2", "error").await;
        app.clock.advance_ms(1000);
        let audit = format!("/v1/task/{}/audit", made[1]);
        customer.post(&audit, json!({"accepted": false})).await;
        let check = async |query: &str, expected: &[usize]| {
            let expected: Vec<_> = expected.iter().map(|n| made[*n].clone()).collect();
            assert_eq!(ids(&customer, query).await, expected, "{query}");
        };
        check("", &[3, 2, 1, 0]).await;
        check("unknown=1&next_token=&project=", &[3, 2, 1, 0]).await;
        check("project=kites", &[2, 1]).await;
        check("project=a%2Fb", &[0]).await;
        check("batch=week+18", &[2]).await;
        check("batch=week%2018&project=kites", &[2]).await;
        check("status=pending", &[2, 0]).await;
        check("status=completed&project=kites", &[1]).await;
        check("status=error", &[3]).await;
        check("type=categorization", &[3, 2, 1, 0]).await;
        check("type=chat", &[]).await;
        check("customer_review_status=accepted,rejected", &[1]).await;
        check("unique_id=u+1&unique_id=u2", &[3, 1]).await;
        check("tags=x", &[1, 0]).await;
        check("tags=y&tags=x", &[2, 1, 0]).await;
        check("tags=y&tags=x&status=pending", &[2, 0]).await;
        check("tags=x&customer_review_status=rejected", &[1]).await;
        check("start_time=2023-11-14T22:13:21Z", &[3, 2, 1]).await;
        check("end_time=2023-11-14+22:13:21.000000", &[1, 0]).await;
        check("start_time=2023-11-14&end_time=2023-11-14", &[]).await;
        check("completed_after=2023-11-14T22:13:24%2B00:00", &[1]).await;
        check("completed_before=2023-11-14T22:13:23Z", &[]).await;
        check("updated_after=2023-11-14T22:13:23Z", &[1, 3]).await;
        check("updated_before=2023-11-14T22:13:22Z&project=kites", &[2]).await;
        let limited = customer
            .get("/v1/tasks?limited_response=True&project=a%2Fb")
            .await;
        let expected =
            json!([{"task_id": made[0], "status": "pending", "metadata": {}, "project": "a/b"}]);
        assert_eq!(limited["docs"], expected);
    }
}

#[tokio::test]
async fn pages_hold_still_while_tasks_come() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let mut expected = Vec::new();
        for n in 0..25 {
            let tag = if n % 2 == 0 { "even" } else { "odd" };
            expected.push(customer.task(json!({"tags": [tag, "all"]})).await);
            app.clock.advance_ms(u64::from(n % 3 == 0));
        }
        expected.sort_unstable_by(|a, b| b.cmp(a));
        for query in [
            "limit=10",
            "limit=10&tags=even&tags=odd&tags=all",
            "limit=10&updated_after=2023-01-01",
        ] {
            let (mut seen, mut next) = (Vec::new(), String::new());
            loop {
                let page = customer
                    .get(&format!("/v1/tasks?{query}&next_token={next}"))
                    .await;
                for field in ["docs", "total", "limit", "offset", "has_more"] {
                    assert!(page.get(field).is_some(), "{field}");
                }
                let docs = page["docs"].as_array().unwrap();
                seen.extend(
                    docs.iter()
                        .map(|it| it["task_id"].as_str().unwrap().to_owned()),
                );
                assert_eq!(page["has_more"], page.get("next_token").is_some());
                let Some(token) = page["next_token"].as_str() else {
                    break;
                };
                next = token.to_owned();
                app.clock.advance_ms(5);
                customer
                    .task(json!({"unique_id": format!("{query}{}", seen.len())}))
                    .await;
            }
            let seen_old: Vec<_> = seen
                .iter()
                .filter(|id| expected.contains(id))
                .cloned()
                .collect();
            assert_eq!(seen_old.len(), 25, "{query}");
            assert_eq!(
                seen_old.iter().collect::<HashSet<_>>().len(),
                25,
                "none twice"
            );
            if !query.contains("updated") {
                assert_eq!(seen_old, expected, "{query}");
            }
        }
        let offset = customer.get("/v1/tasks?limit=5&offset=20&tags=all").await;
        assert_eq!(offset["docs"].as_array().unwrap().len(), 5);
        assert_eq!(offset["docs"][4]["task_id"], expected[24].as_str());
        assert_eq!(
            (&offset["offset"], &offset["total"]),
            (&json!(20), &json!(25))
        );
        assert_eq!(offset["has_more"], false);
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let app = TestApp::start().await;
    let customer = Customer::live(&app).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e2", "limit"),
        ("offset=10001", "offset"),
        ("next_token=nonsense", "next_token"),
        ("next_token=MC5ub25zZW5zZQ", "next_token"),
        ("start_time=yesterday", "start_time"),
        ("completed_after=99999999999999999999", "completed_after"),
        ("status=done", "status"),
        (
            "customer_review_status=accepted,good",
            "customer_review_status",
        ),
        ("limited_response=maybe", "limited_response"),
        ("project=%00", "query"),
    ] {
        let path = format!("/v1/tasks?{query}");
        let text = customer.refused("GET", &path, Value::Null, 400).await;
        assert!(text.starts_with(field), "{text}");
    }
    let many: Vec<_> = (0..21).map(|n| format!("tags={n}")).collect();
    let many = many.join("&");
    let text = customer
        .refused("GET", &format!("/v1/tasks?{many}"), Value::Null, 400)
        .await;
    assert!(text.starts_with("tags"), "{text}");
}
