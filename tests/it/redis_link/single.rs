//! One server.

use super::*;
use crate::support::redis::Redis;

#[tokio::test]
async fn one_answer_a_call_in_order() {
    for redis in [Redis::start(), Redis::start_valkey()] {
        let link = open(&redis.url()).await;
        let script = counting();
        let calls = ["a", "b", "c"].map(|argument| call(&script, "ringback:{1}", argument));
        let expected = [
            counted("ringback:{1}", "a", 1),
            counted("ringback:{1}", "b", 2),
            counted("ringback:{1}", "c", 3),
        ];
        assert_eq!(link.run(calls.into()).await, expected);
    }
}

#[tokio::test]
async fn a_password_is_needed_and_never_told() {
    let redis = Redis::with_password("hunter2");
    let link = open(&redis.url()).await;
    let script = counting();
    let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert_eq!(answers, [counted("ringback:{1}", "x", 1)]);
    let address = redis.address();
    for login in ["", ":hunter3@", "ann:hunter2@"] {
        let refused = Link::open(&format!("redis://{login}{address}"), options()).await;
        let Err(LinkError::Settings(text)) = refused else {
            panic!("{login} must be refused");
        };
        assert!(
            text.starts_with("queue.url: ") && text.contains("correct user and password"),
            "{text}"
        );
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[tokio::test]
async fn tls_is_verified_with_our_authority() {
    let authority = Authority::new();
    let redis = Redis::with_tls(&authority);
    let link = Link::open(&redis.url(), trusting(&authority))
        .await
        .unwrap();
    let script = counting();
    let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert_eq!(answers, [counted("ringback:{1}", "x", 1)]);

    // Another authority, Mozilla's, and a name that the certificate does not have.
    let named = redis.url().replace("127.0.0.1", "[::ffff:127.0.0.1]");
    let stranger = Authority::new();
    let cases = [
        (redis.url(), trusting(&stranger)),
        (redis.url(), options()),
        (named, trusting(&authority)),
    ];
    for (url, options) in cases {
        let refused = Link::open(&url, options).await;
        let Err(LinkError::Settings(text)) = refused else {
            panic!("{url} must not be trusted");
        };
        assert!(text.contains("certificate"), "{text}");
    }
}
