//! People who are signed in, and the mail that reached them.

use super::app::{Answer, START_MS, TestApp};
use ringback::access::Role;
use ringback::mail::{Sender, send_due};
use ringback::records::invites::{Invite, NewInvite};
use ringback::records::sessions::Origin;
use ringback::records::users::{Profile, Status, User};
use serde_json::Value;

/// Everybody's password, unless a test says otherwise.
pub(crate) const PASSWORD: &str = "correct horse battery";
const DAY_MS: u64 = 86_400_000;

/// A mail as it arrived.
pub(crate) struct Arrived {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl TestApp {
    /// A person of the team, without a password that could be used. Returns their user id.
    pub(crate) async fn joins(&self, team: &str, email: &str, role: Role) -> String {
        let hash = "$argon2id$none".to_owned();
        self.joins_with(team, email, role, hash).await
    }

    /// As [`TestApp::joins`], able to sign in with [`PASSWORD`].
    pub(crate) async fn joins_with_password(&self, team: &str, email: &str, role: Role) -> String {
        let hash = self.app.passwords.hash(PASSWORD.to_owned()).await;
        self.joins_with(team, email, role, hash).await
    }

    async fn joins_with(&self, team: &str, email: &str, role: Role, hash: String) -> String {
        let now = self.clock.now();
        let invite = Invite {
            id: uuid::Uuid::now_v7().to_string(),
            team: team.to_owned(),
            email: email.to_owned(),
            role,
            created_ms: now,
            expires_ms: now + DAY_MS,
        };
        let new = NewInvite {
            invite,
            token: email.to_owned(),
            mail: None,
        };
        self.app.records.add_invites(&[new]).await.unwrap();
        let user = User {
            id: uuid::Uuid::now_v7().to_string(),
            team: team.to_owned(),
            email: email.to_owned(),
            role,
            status: Status::Active,
            profile: Profile::default(),
            created_ms: now,
        };
        self.app.records.accept_invite(&user, &hash).await.unwrap();
        user.id
    }

    /// A session of a user; returns its token.
    pub(crate) async fn session_of(&self, user: &str) -> String {
        let (now, origin) = (self.clock.now(), Origin::default());
        let token = self
            .app
            .records
            .add_session(user, &origin, now, now + 30 * DAY_MS);
        token.await.unwrap()
    }

    /// A new person of the team, signed in; returns the token.
    pub(crate) async fn person(&self, team: &str, email: &str, role: Role) -> String {
        let user = self.joins(team, email, role).await;
        self.session_of(&user).await
    }

    /// A call with this token or key.
    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, "application/json", body, Some(token))
            .await
    }

    /// A call of somebody who is not signed in.
    pub(crate) async fn call_unknown(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, "application/json", body.to_string(), None)
            .await
    }

    /// Sends what waits in the outbox and gives every mail that has arrived so far.
    pub(crate) async fn mails(&self) -> Vec<Arrived> {
        let sender = Sender::open(&self.app.config).unwrap();
        send_due(&self.app, &sender).await.unwrap();
        let Ok(folder) = std::fs::read_dir(self.app.config.data.dir.join("mails")) else {
            return Vec::new();
        };
        let mut files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
        files.sort();
        let read = |path| arrived(&std::fs::read_to_string(path).unwrap());
        files.iter().map(read).collect()
    }
}

/// Reads a mail: quoted-printable is all that its text may be encoded with.
pub(crate) fn arrived(raw: &str) -> Arrived {
    let to = raw.lines().find_map(|line| line.strip_prefix("To: "));
    Arrived {
        to: to.unwrap().trim().to_owned(),
        text: raw.replace("=\r\n", "").replace("=3D", "="),
    }
}

impl Arrived {
    /// The token of the first link to this page.
    pub(crate) fn token(&self, page: &str) -> String {
        let start = self.text.find(&format!("/{page}?token=")).unwrap();
        let token = self.text[start..].split('=').nth(1).unwrap();
        token
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    }
}

/// The time at which a test stands, as answers show it.
pub(crate) fn start_shown() -> &'static str {
    assert_eq!(START_MS, 1_700_000_000_000);
    "2023-11-14T22:13:20.000Z"
}
