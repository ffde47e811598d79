//! Every form of `queue.url`, and every way to get it wrong.

use super::*;

fn hosts(target: &Target) -> Vec<String> {
    target.hosts.iter().map(Address::to_string).collect()
}

fn login(user: Option<&str>, password: Option<&str>) -> Login {
    Login {
        user: user.map(str::to_owned),
        password: password.map(str::to_owned),
    }
}

fn parsed(text: &str) -> Target {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn one_server() {
    let cases = [
        ("redis://localhost", "localhost:6379", 0),
        ("redis://localhost/", "localhost:6379", 0),
        ("redis://10.0.0.1:7000/3", "10.0.0.1:7000", 3),
        ("redis://[::1]:7000", "[::1]:7000", 0),
        ("redis://[::1]", "[::1]:6379", 0),
    ];
    for (text, host, database) in cases {
        let target = parsed(text);
        assert!(target.form == Form::Single, "{text}");
        assert!(!target.tls, "{text}");
        assert_eq!(hosts(&target), [host], "{text}");
        assert_eq!(target.database, database, "{text}");
        assert!(target.login == Login::default(), "{text}");
    }
}

#[test]
fn a_scheme_says_the_form_and_whether_it_is_tls() {
    for scheme in ["redis", "redis-sentinel", "redis-cluster"] {
        let path = if scheme == "redis-sentinel" { "/m" } else { "" };
        let secure = scheme.replacen("redis", "rediss", 1);
        let open = parsed(&format!("{scheme}://host{path}"));
        let closed = parsed(&format!("{secure}://host{path}"));
        assert_eq!((open.tls, closed.tls), (false, true), "{scheme}");
        assert!(open.form == closed.form, "{scheme}");
    }
}

#[test]
fn users_and_passwords_are_percent_decoded() {
    let cases = [
        ("redis://:secret@host", login(None, Some("secret"))),
        (
            "redis://ann:secret@host",
            login(Some("ann"), Some("secret")),
        ),
        ("redis://ann@host", login(Some("ann"), None)),
        (
            "redis://:p%40%3A%2F%3F%25@host",
            login(None, Some("p@:/?%")),
        ),
        ("redis://:a:b@host", login(None, Some("a:b"))),
        ("redis://:a@b@host", login(None, Some("a@b"))),
    ];
    for (text, expected) in cases {
        let target = parsed(text);
        assert!(target.login == expected, "{text}");
        assert_eq!(hosts(&target), ["host:6379"], "{text}");
    }
}

#[test]
fn sentinels_have_a_master_name_and_a_login_of_their_own() {
    let text = "redis-sentinel://ann:one@a,b:26380,[::1]/the%20queue/2?sentinel_user=watch&sentinel_password=t%26wo";
    let target = parsed(text);
    assert_eq!(hosts(&target), ["a:26379", "b:26380", "[::1]:26379"]);
    assert_eq!(target.database, 2);
    assert!(target.login == login(Some("ann"), Some("one")));
    let form = Form::Sentinel {
        master: "the queue".to_owned(),
        login: login(Some("watch"), Some("t&wo")),
    };
    assert!(target.form == form);
}

#[test]
fn a_cluster_has_several_hosts_and_one_database() {
    let target = parsed("redis-cluster://:one@a:7000,b,c:7002/0");
    assert_eq!(hosts(&target), ["a:7000", "b:6379", "c:7002"]);
    assert!(target.form == Form::Cluster);
    assert!(target.login == login(None, Some("one")));
}

#[test]
fn a_wrong_url_is_told_by_its_part_and_never_repeated() {
    let cases = [
        ("hunter2", Part::Scheme),
        ("hunter2://host", Part::Scheme),
        ("redis://:hunter2%ff@host", Part::Userinfo),
        ("redis://:hunter2@a,b", Part::Hosts),
        ("redis://:hunter2@", Part::Host(1)),
        ("redis-cluster://:hunter2@a,,b", Part::Host(2)),
        ("redis://:hunter2@a b", Part::Host(1)),
        ("redis://:hunter2@a#b", Part::Host(1)),
        ("redis://:hunter2@a:0", Part::Port(1)),
        ("redis://:hunter2@a:65536", Part::Port(1)),
        ("redis-cluster://:hunter2@a,b:x", Part::Port(2)),
        // Not encoded, the slash ends what could be a host.
        ("redis://:hunter2/@host", Part::Port(1)),
        ("redis://:hunter2@a/one", Part::Database),
        ("redis://:hunter2@a/-1", Part::Database),
        ("redis-cluster://:hunter2@a/1", Part::Database),
        ("redis-sentinel://:hunter2@a", Part::Master),
        ("redis-sentinel://:hunter2@a//0", Part::Master),
        ("redis://host?hunter2=1", Part::Query),
        ("redis-sentinel://host/m?hunter2=1", Part::Query),
    ];
    for (text, part) in cases {
        let Err(error) = parse(text) else {
            panic!("{text} must be refused");
        };
        assert_eq!(error.part, part, "{text}");
        let told = error.to_string();
        assert!(told.starts_with("queue.url: "), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
