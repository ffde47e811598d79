//! Customers' buckets, at real servers of third parties: set up, tested, read from for
//! attachments, written to for large results.

mod attachments;
mod aws;
mod azure;
mod gcp;
mod responses;
mod troubles;

use crate::support::app::{TEAM, TestApp};
use crate::support::clouds::{ACCOUNT, Moto, User, secret_file};
use ringback::access::Role;
use ringback::config::Config;
use serde_json::{Value, json};

pub(crate) const BUCKET: &str = "kites";
const ROLE: &str = "arn:aws:iam::123456789012:role/ringback";

/// The settings of an operator who has an account at this server.
fn at(url: &str, config: &mut Config, (key_id, secret): (&str, &str)) {
    let aws = &mut config.integrations.aws;
    ACCOUNT.clone_into(&mut aws.account_id);
    key_id.clone_into(&mut aws.access_key_id);
    aws.secret_key_file = secret_file(&config.data.dir, "aws-secret", secret);
    url.clone_into(&mut aws.sts_endpoint);
    url.clone_into(&mut aws.endpoint);
}

/// A manager of the team.
struct Manager<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> Manager<'a> {
    async fn of(app: &'a TestApp, team: &str) -> Self {
        let email = format!("m{}@x.test", rand::random::<u32>());
        Self {
            token: app.person(team, &email, Role::Manager).await,
            app,
        }
    }

    /// A call that must be answered with this status.
    async fn call(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let path = format!("/account/v1/integrations{path}");
        let answer = self.app.call_as(&self.token, method, &path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        answer.body
    }

    /// Sets up AWS with the role and the bucket that these tests use.
    async fn sets_up_aws(&self) -> Value {
        self.call("PUT", "/aws", aws_names(BUCKET), 200).await
    }

    async fn tests(&self, cloud: &str) -> Value {
        self.call("POST", &format!("/{cloud}/test"), Value::Null, 200)
            .await
    }

    /// The text of something to paste.
    async fn paste(&self, cloud: &str, id: &str) -> String {
        let view = self
            .call("GET", &format!("/{cloud}"), Value::Null, 200)
            .await;
        let pastes = view["pastes"].as_array().unwrap();
        let paste = pastes.iter().find(|paste| paste["id"] == id).unwrap();
        paste["text"].as_str().unwrap().to_owned()
    }
}

/// What `docs/integrations.md` says that operators set.
#[test]
fn the_guide_names_every_setting_of_an_identity_and_none_that_is_not_there() {
    let guide = include_str!("../../docs/integrations.md");
    let defaults: toml::Table = ringback::config::DEFAULTS.parse().unwrap();
    let integrations = defaults["integrations"].as_table().unwrap();
    let mut named = 0;
    for (cloud, settings) in integrations {
        let Some(settings) = settings.as_table() else {
            continue;
        };
        for setting in settings.keys().filter(|it| !it.ends_with("endpoint")) {
            assert!(
                guide.contains(&format!("`{cloud}.{setting}`")),
                "{cloud}.{setting}"
            );
            named += 1;
        }
    }
    assert_eq!(named, 6);
    for text in guide
        .split('`')
        .filter(|text| text.contains("inline_bytes_max"))
    {
        assert!(integrations.contains_key(text.trim()), "{text}");
    }
}

fn aws_names(bucket: &str) -> Value {
    json!({"role_arn": ROLE, "region": "us-east-1", "bucket": bucket})
}

/// The customer's side: the role as the page says to make it. Amazon reads the root of an
/// account as all of its users; this server compares names, so it is told the user's.
async fn make_role(moto: &mut Moto, manager: &Manager<'_>, user: &User) {
    let trust = manager.paste("aws", "trust").await;
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    assert!(trust.contains(&root), "{trust}");
    let trust = trust.replace(&root, &user.arn);
    let role = json!({"RoleName": "ringback", "AssumeRolePolicyDocument": trust});
    moto.call("iam", "create_role", role);
    set_permissions(moto, &manager.paste("aws", "permissions").await);
}

fn set_permissions(moto: &mut Moto, policy: &str) {
    let put = json!({"RoleName": "ringback", "PolicyName": "p", "PolicyDocument": policy});
    let answer = moto.call("iam", "put_role_policy", put);
    assert!(answer["Error"].is_null(), "{answer}");
}

/// An app whose team has let it into its bucket at a server that checks everything.
async fn connected(change: impl FnOnce(&mut Config)) -> (TestApp, Moto) {
    let mut moto = Moto::start();
    moto.make_bucket(BUCKET);
    let user = moto.user_who_may("sts:AssumeRole");
    let app = TestApp::with(|config| {
        at(&moto.url(), config, (&user.key_id, &user.secret));
        change(config);
    })
    .await;
    let manager = Manager::of(&app, TEAM).await;
    manager.sets_up_aws().await;
    make_role(&mut moto, &manager, &user).await;
    (app, moto)
}
