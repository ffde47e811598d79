//! What a caller sees when Redis forgets, fills up, falls silent or dies, and that the
//! link heals by itself.

use super::*;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis::{Redis, until};
use redis::FromRedisValue;
use std::sync::{Arc, Mutex};
use tokio::time::timeout;

#[tokio::test]
async fn forgotten_scripts_are_loaded_and_their_calls_run_once() {
    let redis = Redis::start();
    let link = open(&redis.url()).await;
    let (one, two) = (counting(), Script::new("constant", "return 7".to_owned()));
    for round in 0..3 {
        redis.command(&["SCRIPT", "FLUSH"]);
        let calls = vec![
            call(&one, "ringback:{1}", "a"),
            call(&two, "ringback:{2}", ""),
            call(&one, "ringback:{1}", "b"),
        ];
        let expected = [
            counted("ringback:{1}", "a", 2 * round + 1),
            Ok(Value::Int(7)),
            counted("ringback:{1}", "b", 2 * round + 2),
        ];
        assert_eq!(link.run(calls).await, expected);
    }
    // Loaded once a flush, however many calls missed it.
    assert_eq!(
        redis.info("cmdstat_script|load").split(',').next(),
        Some("calls=6")
    );
}

#[tokio::test]
async fn scripts_are_flushed_under_load_at_no_cost() {
    let redis = Redis::start();
    let link = open(&redis.url()).await;
    let script = counting();
    let callers = (0..8).map(|_| async {
        for _ in 0..50 {
            let answer = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
            assert!(answer[0].is_ok(), "{answer:?}");
        }
    });
    let flushes = async {
        for _ in 0..20 {
            link.command(&["SCRIPT", "FLUSH"]).await.remove(0).unwrap();
        }
    };
    tokio::join!(futures_util::future::join_all(callers), flushes);
    let answer = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert_eq!(answer, [counted("ringback:{1}", "x", 401)]);
}

#[tokio::test]
async fn a_full_server_and_a_faulty_script_are_told_apart() {
    let redis = Redis::start();
    let link = open(&redis.url()).await;
    let script = counting();
    let faulty = Script::new("faulty", "return redis.call('NONSENSE')".to_owned());
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert_eq!(answers, [Err(LinkError::OutOfMemory)]);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let calls = vec![
        call(&faulty, "ringback:{1}", ""),
        call(&script, "ringback:{1}", "x"),
    ];
    let [faulty, sound] = <[_; 2]>::try_from(link.run(calls).await).unwrap();
    assert!(
        matches!(&faulty, Err(LinkError::Script { name: "faulty", message }) if message.contains("Unknown")),
        "{faulty:?}"
    );
    assert_eq!(
        sound,
        counted("ringback:{1}", "x", 1),
        "one call does not spoil another"
    );
}

/// The call is lost within its time, those after it fail at once, and it heals.
#[tokio::test]
async fn a_black_hole_costs_one_timeout_and_heals() {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.address());
    let url = redis.url_through(proxy.address());
    let link = Link::open(&url, impatient()).await.unwrap();
    let script = counting();
    run_until_answered(&link, "ringback:{1}").await;
    let count = || String::from_redis_value(redis.command(&["GET", "ringback:{1}"])).unwrap();
    let before: u32 = count().parse().unwrap();
    proxy.set(Mode::BlackHole);
    let bound = 10 * impatient().response_timeout;
    let lost = timeout(bound, link.run(vec![call(&script, "ringback:{1}", "x")])).await;
    assert!(matches!(
        &lost.unwrap()[..],
        [Err(LinkError::Unavailable(_))]
    ));
    let at_once = async {
        for _ in 0..1000 {
            let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
            assert!(matches!(&answers[..], [Err(LinkError::Unavailable(_))]));
        }
    };
    timeout(bound, at_once)
        .await
        .expect("a thousand calls did not wait for a timeout each");
    proxy.set(Mode::Pass);
    run_until_answered(&link, "ringback:{2}").await;
    // The call that was lost arrived when the line healed: lost is not undone, and it
    // was not sent again.
    until("the lost call has run", || {
        count() == (before + 1).to_string()
    });
}

#[tokio::test]
async fn resets_and_refusals_heal() {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.address());
    let link = open(&redis.url_through(proxy.address())).await;
    for _ in 0..3 {
        proxy.set(Mode::Reset);
        let script = counting();
        let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
        assert!(matches!(&answers[..], [Err(LinkError::Unavailable(_))]));
        proxy.set(Mode::Pass);
        run_until_answered(&link, "ringback:{1}").await;
    }
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_empty_is_found_again() {
    let mut redis = Redis::start();
    let link = open(&redis.url()).await;
    let first = run_until_answered(&link, "ringback:{1}").await;
    redis.kill();
    let script = counting();
    let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert!(matches!(&answers[..], [Err(LinkError::Unavailable(_))]));
    redis.restart();
    assert_eq!(
        run_until_answered(&link, "ringback:{1}").await,
        first,
        "empty"
    );
}

#[tokio::test]
async fn a_server_that_stands_still_is_unavailable_meanwhile() {
    let redis = Redis::start();
    let link = Link::open(&redis.url(), impatient()).await.unwrap();
    redis.pause();
    let script = counting();
    let bound = 10 * impatient().response_timeout;
    let lost = timeout(bound, link.run(vec![call(&script, "ringback:{1}", "x")])).await;
    redis.resume();
    assert!(matches!(
        &lost.unwrap()[..],
        [Err(LinkError::Unavailable(_))]
    ));
    run_until_answered(&link, "ringback:{1}").await;
}

#[tokio::test]
async fn a_server_that_is_away_at_first_is_no_error() {
    let mut redis = Redis::start();
    redis.kill();
    let link = open(&redis.url()).await;
    let script = counting();
    let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert!(matches!(&answers[..], [Err(LinkError::Unavailable(_))]));
    redis.restart();
    run_until_answered(&link, "ringback:{1}").await;
}

#[tokio::test]
async fn an_outage_is_told_once_however_long_it_is() {
    let mut redis = Redis::start();
    let proxy = Proxy::start(redis.address());
    let log = Log::default();
    let to_log = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || to_log.clone());
    // While there is only one, tracing lets the threads of other tests, which have none,
    // decide what is worth logging.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let link = open(&redis.url_through(proxy.address())).await;
    redis.kill();
    let script = counting();
    let many_tries = async {
        while proxy.traffic().connections < 4 {
            let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
            assert!(answers[0].is_err());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(HANG, many_tries).await.expect("it tries on");
    redis.restart();
    run_until_answered(&link, "ringback:{1}").await;
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("WARN") && lines[0].contains("Redis is away"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("INFO") && lines[1].contains("Redis is back"),
        "{lines:?}"
    );
}

/// What this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
