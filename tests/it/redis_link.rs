//! Lua scripts on every kind of Redis, and what a caller sees when it fails.

mod cluster; // three masters
mod faults; // forgotten scripts, full memory, silence, death
mod messages; // the channel
mod sentinel; // whoever was elected
mod single; // one server: plain, with a password, with TLS

use crate::support::authority::Authority;
use redis::Value;
use ringback::queue::redis::link::{Call, Link, LinkError, LinkOptions, Script};
use std::time::Duration;

/// Answers its key, its argument and how often it ran on this shard.
fn counting() -> Script {
    let text = "#!lua\nreturn {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
    Script::new("counting", text.to_owned())
}

fn call<'a>(script: &'a Script, key: &'a str, argument: &str) -> Call<'a> {
    Call {
        script,
        key,
        args: vec![argument.as_bytes().to_vec()],
    }
}

/// What [`counting`] answers.
#[expect(clippy::unnecessary_wraps, reason = "as the link answers")]
fn counted(key: &str, argument: &str, count: i64) -> Result<Value, LinkError> {
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    Ok(Value::Array(vec![
        text(key),
        text(argument),
        Value::Int(count),
    ]))
}

fn options() -> LinkOptions {
    LinkOptions::default()
}

/// Short timeouts, so that silence does not take long.
fn impatient() -> LinkOptions {
    LinkOptions {
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_millis(500),
        silence_max: Duration::from_millis(500),
        ..options()
    }
}

fn trusting(authority: &Authority) -> LinkOptions {
    LinkOptions {
        tls_ca_file: Some(authority.file()),
        ..options()
    }
}

async fn open(url: &str) -> Link {
    Link::open(url, options()).await.unwrap()
}

/// Only a hang reaches it.
const HANG: Duration = Duration::from_secs(20);

/// One call, tried until it is answered: for healing.
async fn run_until_answered(link: &Link, key: &str) -> Value {
    let script = counting();
    let tries = async {
        loop {
            match link.run(vec![call(&script, key, "x")]).await.remove(0) {
                Ok(answer) => return answer,
                Err(LinkError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(HANG, tries).await.expect("it heals")
}
