//! What is read from files and the environment, and what is refused.

use super::*;

fn build(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::build(Some(("test.toml", file)), environment).map_err(|error| error.to_string())
}

/// No field has a default in code and unknown ones are refused, so the file is complete.
#[test]
fn every_file_in_config_parses_and_the_default_is_complete() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        assert!(
            build(&std::fs::read_to_string(&path).unwrap(), &[]).is_ok(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn each_setting_of_the_default_file_is_explained() {
    for (before, line) in DEFAULTS.lines().zip(DEFAULTS.lines().skip(1)) {
        let explained = before.starts_with('#') || before.contains('=');
        assert!(
            !line.contains(" = ") || line.starts_with('#') || explained,
            "{line}"
        );
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let config = build(
        "[queue]\nslots = 7",
        &[
            ("RINGBACK__QUEUE__SLOTS", "9"),
            ("RINGBACK__DATA__DIR", "/tmp/x"),
        ],
    )
    .unwrap();
    assert_eq!((config.queue.slots, config.data.dir), (9, "/tmp/x".into()));
}

#[test]
fn a_wrong_setting_is_named() {
    let problem = |file, environment: &[_]| build(file, environment).unwrap_err();
    assert!(problem("[queue]\nslotz = 7", &[]).contains("slotz"));
    assert!(problem("[api]\nlisten = \"here\"", &[]).contains("listen"));
    assert!(problem("", &[("RINGBACK__QUEUE__SLOTZ", "9")]).contains("RINGBACK__QUEUE__SLOTZ"));
    assert!(problem("", &[("RINGBACK__QUEUE__SLOTS", "many")]).contains("RINGBACK__QUEUE__SLOTS"));
}

#[test]
fn all_problems_are_told_at_once() {
    let problem = build("[queue]\nslots = 0\nlease_ms = 30000", &[]).unwrap_err();
    assert!(
        problem.contains("queue.slots must be at least 1"),
        "{problem}"
    );
    assert!(
        problem.contains("queue.lease_ms (30000) must be at least"),
        "{problem}"
    );
}

#[test]
fn a_store_is_sqlite_or_postgresql() {
    let queue = "queue.url = \"redis://host\"";
    let url = |url: &str| build(&format!("store.url = {url:?}\n{queue}"), &[]);
    let good = url("postgresql://me:pass@host/name").unwrap();
    assert!(good.store.postgres_url().unwrap().contains("pass"));
    assert!(!good.to_toml().contains("pass@"));
    assert!(url("postgres:///name?host=/run/postgresql").is_ok());
    assert_eq!(build("", &[]).unwrap().store.postgres_url(), None);
    let problem = url("redis://me:pass@host").unwrap_err();
    assert!(
        problem.contains("store.url") && problem.contains("\"redis\""),
        "{problem}"
    );
    assert!(!problem.contains("pass"));
    assert!(url("sqlite:elsewhere.db").is_err());
    let few = build("store.connections_max = 9", &[]).unwrap_err();
    assert!(few.contains("store.connections_max must be at least 10"));
}

#[test]
fn the_queue_is_in_memory_or_in_redis() {
    let url = |url: &str| build(&format!("queue.url = {url:?}"), &[]);
    for (good, shards) in [
        ("redis://me:pass@host:6379/1", 1),
        ("rediss://host", 1),
        ("redis-sentinel://one,two,three/name", 1),
        ("redis-cluster://one,two,three", 16),
    ] {
        let config = url(good).unwrap();
        assert_eq!(config.queue.redis_url(), Some(good));
        assert_eq!(config.queue.redis_shards(), shards);
        assert!(!config.to_toml().contains("pass"));
    }
    assert_eq!(build("", &[]).unwrap().queue.redis_url(), None);
    let problem = url("amqp://me:pass@host").unwrap_err();
    assert!(problem.contains("queue.url") && !problem.contains("pass"));
    let alone = build("store.url = \"postgres://host/name\"", &[]).unwrap_err();
    assert!(alone.contains("queue.url must be a Redis"), "{alone}");
    let many = build("queue.redis_shards = 2000", &[]).unwrap_err();
    assert!(many.contains("queue.redis_shards"));
    let odd = build("queue.redis_prefix = \"a b\"", &[]).unwrap_err();
    assert!(odd.contains("queue.redis_prefix"));
}
