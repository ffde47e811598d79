//! What is heard on the channel.

use super::*;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis::Redis;
use ringback::queue::redis::link::Message;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

fn hearing() -> LinkOptions {
    LinkOptions {
        channel: Some("ringback:woken".to_owned()),
        ..impatient()
    }
}

async fn heard(messages: &mut Receiver<Message>) -> Message {
    timeout(HANG, messages.recv())
        .await
        .expect("something is said")
        .unwrap()
}

fn published(text: &'static str) -> Message {
    Message::Published(text.into())
}

#[tokio::test]
async fn messages_are_heard_by_everyone() {
    let redis = Redis::start();
    let link = Link::open(&redis.url(), hearing()).await.unwrap();
    let (mut one, mut two) = (link.subscribe(), link.subscribe());
    assert_eq!(heard(&mut one).await, Message::Reconnected);
    assert_eq!(heard(&mut two).await, Message::Reconnected);
    redis.command(&["PUBLISH", "ringback:other", "no"]);
    redis.command(&["PUBLISH", "ringback:woken", "yes"]);
    assert_eq!(heard(&mut one).await, published("yes"));
    assert_eq!(heard(&mut two).await, published("yes"));
}

#[tokio::test]
async fn after_a_loss_it_subscribes_again_and_says_so() {
    let mut redis = Redis::start();
    let link = Link::open(&redis.url(), hearing()).await.unwrap();
    let mut messages = link.subscribe();
    for _ in 0..2 {
        assert_eq!(heard(&mut messages).await, Message::Reconnected);
        redis.command(&["PUBLISH", "ringback:woken", "yes"]);
        assert_eq!(heard(&mut messages).await, published("yes"));
        redis.restart();
    }
}

/// Nothing ends the connection here but the silence itself.
#[tokio::test]
async fn a_silent_line_is_noticed() {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.address());
    let url = redis.url_through(proxy.address());
    let link = Link::open(&url, hearing()).await.unwrap();
    let mut messages = link.subscribe();
    assert_eq!(heard(&mut messages).await, Message::Reconnected);
    let before = proxy.traffic().connections;
    proxy.set(Mode::BlackHole);
    let noticed = async {
        while proxy.traffic().connections == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(HANG, noticed).await.expect("it is noticed");
    proxy.set(Mode::Pass);
    assert_eq!(heard(&mut messages).await, Message::Reconnected);
    redis.command(&["PUBLISH", "ringback:woken", "yes"]);
    assert_eq!(heard(&mut messages).await, published("yes"));
}
