//! Three masters: shards on different nodes, slots that move, a node that dies.

use super::*;
use crate::support::redis::Program;
use crate::support::redis::cluster::Cluster;
use ringback::queue::redis::link::Message;
use tokio::time::timeout;

/// Keys of sixteen shards.
fn shards() -> Vec<String> {
    (0..16)
        .map(|shard| format!("ringback:{{{shard}}}"))
        .collect()
}

/// A shard on each node.
fn one_a_node(cluster: &Cluster) -> [String; 3] {
    [0, 1, 2].map(|node| {
        let mut shards = shards().into_iter();
        shards.find(|key| cluster.node_of(key) == node).unwrap()
    })
}

#[tokio::test]
async fn calls_find_their_nodes_and_answers_their_calls() {
    finds_nodes(Program::Redis).await;
}

#[tokio::test]
async fn calls_find_their_nodes_in_valkey_too() {
    finds_nodes(Program::Valkey).await;
}

async fn finds_nodes(program: Program) {
    let cluster = Cluster::start(program);
    let link = open(&cluster.url()).await;
    let script = counting();
    let keys = shards();
    for round in 1..=2 {
        let calls = keys.iter().map(|key| call(&script, key, key)).collect();
        let expected: Vec<_> = keys.iter().map(|key| counted(key, key, round)).collect();
        assert_eq!(link.run(calls).await, expected);
    }
    for node in 0..3 {
        let size = cluster.command(node, &["DBSIZE"]);
        let here = keys
            .iter()
            .filter(|key| cluster.node_of(key) == node)
            .count();
        assert_eq!(size, Value::Int(here.try_into().unwrap()));
        assert!(here > 0, "each node has its part");
        cluster.command(node, &["SCRIPT", "FLUSH"]);
    }
    let calls = keys.iter().map(|key| call(&script, key, key)).collect();
    let expected: Vec<_> = keys.iter().map(|key| counted(key, key, 3)).collect();
    assert_eq!(
        link.run(calls).await,
        expected,
        "each node loads what it misses"
    );
    assert_eq!(link.command(&["PING"]).await.len(), 3);
}

#[tokio::test]
async fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start(Program::Redis);
    let link = open(&cluster.url()).await;
    let script = counting();
    let [here, there, _] = one_a_node(&cluster);
    // The slot has no keys yet: all are asked for at the node that takes it over, which
    // has not seen the script.
    cluster.begin_to_move(&here, 1);
    for round in 1..=2 {
        let calls = vec![
            call(&script, &here, "a"),
            call(&script, &there, "b"),
            call(&script, &here, "c"),
        ];
        let expected = [
            counted(&here, "a", 2 * round - 1),
            counted(&there, "b", round),
            counted(&here, "c", 2 * round),
        ];
        assert_eq!(link.run(calls).await, expected, "asked");
    }
    cluster.finish_moving(&here, 1);
    let answers = link.run(vec![call(&script, &here, "d")]).await;
    assert_eq!(answers, [counted(&here, "d", 5)], "moved");
}

#[tokio::test]
async fn when_a_node_dies_only_its_shards_pause() {
    let mut cluster = Cluster::start(Program::Redis);
    let link = open(&cluster.url()).await;
    let script = counting();
    let keys = one_a_node(&cluster);
    cluster.kill(2);
    for _ in 0..20 {
        let calls = keys.iter().map(|key| call(&script, key, "x")).collect();
        let answers = link.run(calls).await;
        assert!(answers[0].is_ok() && answers[1].is_ok(), "{answers:?}");
        assert!(
            matches!(&answers[2], Err(LinkError::Unavailable(_))),
            "{answers:?}"
        );
    }
    cluster.restart(2);
    run_until_answered(&link, &keys[2]).await;
}

#[tokio::test]
async fn what_a_script_publishes_anywhere_is_heard() {
    let cluster = Cluster::start(Program::Redis);
    let hearing = LinkOptions {
        channel: Some("ringback:woken".to_owned()),
        ..options()
    };
    let link = Link::open(&cluster.url(), hearing).await.unwrap();
    let mut messages = link.subscribe();
    let mut heard = async || {
        timeout(HANG, messages.recv())
            .await
            .expect("it is heard")
            .unwrap()
    };
    assert_eq!(heard().await, Message::Reconnected);
    let script = Script::new(
        "publishing",
        "#!lua\nreturn redis.call('PUBLISH', 'ringback:woken', KEYS[1])".to_owned(),
    );
    for key in one_a_node(&cluster) {
        link.run(vec![call(&script, &key, "")])
            .await
            .remove(0)
            .unwrap();
        assert_eq!(heard().await, Message::Published(key.into()));
    }
}

#[tokio::test]
async fn every_node_is_spoken_to_in_tls() {
    let authority = Authority::new();
    let cluster = Cluster::with_tls(&authority);
    let link = Link::open(&cluster.url(), trusting(&authority))
        .await
        .unwrap();
    let script = counting();
    let keys = one_a_node(&cluster);
    let calls = keys.iter().map(|key| call(&script, key, key)).collect();
    let expected = keys.each_ref().map(|key| counted(key, key, 1));
    assert_eq!(link.run(calls).await, expected);
    let refused = Link::open(&cluster.url(), options()).await;
    assert!(matches!(refused, Err(LinkError::Settings(text)) if text.contains("certificate")));
}

#[tokio::test]
async fn one_server_is_no_cluster() {
    let redis = crate::support::redis::Redis::start();
    let url = redis.url().replace("redis://", "redis-cluster://");
    let refused = Link::open(&url, options()).await;
    assert!(matches!(refused, Err(LinkError::Settings(text)) if text.contains("redis://")));
}
