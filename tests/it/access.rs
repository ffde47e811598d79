//! Every route of the table, for every kind of caller, with the team's own things and with
//! another team's. A route that this does not know fails it.

use crate::support::app::{START_MS, TEAM, TestApp};
use crate::support::billing;
use ringback::access::{Action, Actor, Role, TeamRules, permits};
use ringback::api::table::Route;
use ringback::callback::Mode;
use ringback::journal::{NewReplay, Search};
use ringback::records::invites::{Invite, NewInvite};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

const OTHER: &str = "team_b";

/// A gateway with two teams that have one of everything.
struct World {
    app: TestApp,
    rules: TeamRules,
    /// By role, a person of [`TEAM`].
    people: Vec<(Role, String)>,
    keys: Vec<(Mode, String)>,
    made: AtomicU64,
}

impl World {
    async fn make(members_use_keys: bool) -> Self {
        let app = TestApp::with(|config| {
            config.api.caller_requests_burst = 100_000;
            config.account.sign_in_address_tries_max = 100_000;
        })
        .await;
        app.app
            .records
            .add_team(OTHER, "Team B", START_MS)
            .await
            .unwrap();
        app.joins(OTHER, "other@x.test", Role::Admin).await;
        let mut people = Vec::new();
        for role in Role::ALL {
            let email = format!("{}@x.test", role.as_str());
            people.push((role, app.joins(TEAM, &email, role).await));
        }
        let mut keys = Vec::new();
        for mode in [Mode::Live, Mode::Test] {
            let key = app.app.records.add_api_key(TEAM, mode, START_MS).await;
            keys.push((mode, key.unwrap()));
        }
        let records = &app.app.records;
        billing::price(records, "categorization", 25).await;
        for team in [TEAM, OTHER] {
            billing::charge(records, (team, "", "categorization"), 1, START_MS).await;
        }
        billing::close_first_month(records, &app.app.config).await;
        let admin = app.session_of(&people[3].1).await;
        let body = json!({"members_use_keys": members_use_keys});
        let set = app.call_as(&admin, "PUT", "/account/v1/team", body).await;
        assert_eq!(set.status, 200);
        Self {
            app,
            rules: TeamRules { members_use_keys },
            people,
            keys,
            made: AtomicU64::new(0),
        }
    }

    /// A fresh name.
    fn name(&self) -> String {
        format!("n{}", self.made.fetch_add(1, Ordering::SeqCst))
    }

    /// The route's path with a fresh thing of the team in it, of `user` where it is a person's.
    async fn path(&self, route: &Route, team: &str, user: &str) -> String {
        let Some(start) = route.path.find('{') else {
            return route.path.to_owned();
        };
        let records = &self.app.app.records;
        let email = format!("{}@x.test", self.name());
        let id = match &route.path[..start] {
            "/account/v1/sessions/" => {
                self.app.session_of(user).await;
                let sessions = records.sessions(user, START_MS).await.unwrap();
                sessions[0].id.clone()
            }
            "/account/v1/invites/" => {
                let invite = Invite {
                    id: email.clone(),
                    team: team.to_owned(),
                    email: email.clone(),
                    role: Role::Member,
                    created_ms: START_MS,
                    expires_ms: START_MS + 1000,
                };
                let (id, token) = (invite.id.clone(), email);
                let new = NewInvite {
                    invite,
                    token,
                    mail: None,
                };
                records.add_invites(&[new]).await.unwrap();
                id
            }
            "/account/v1/users/" => self.app.joins(team, &email, Role::Member).await,
            "/account/v1/keys/" => {
                let key = records.add_api_key(team, Mode::Live, START_MS).await;
                records.key_owner(&key.unwrap()).await.unwrap().unwrap().id
            }
            "/account/v1/replays/" => self.replay(team).await,
            "/account/v1/callback-auth/" => "live".to_owned(),
            "/v1/task/" if route.path == "/v1/task/{id}" && route.method == "POST" => {
                "categorization".to_owned() // a type stands there
            }
            "/account/v1/integrations/" => "aws".to_owned(),
            "/responses/" => self.name(),
            "/v1/task/" => self.task(team).await,
            "/v1/projects/" => self.project(team).await,
            "/v1/batches/" => self.batch(team).await,
            "/v1/studio/projects/" => self.studio_project(team).await,
            "/v1/studio/batches/" => self.studio_batch(team).await,
            "/v1/evaluation_tasks/" | "/v1/training_tasks/" => "categorization".to_owned(),
            "/account/v1/billing/invoices/" | "/internal/v1/invoices/" => {
                self.invoice(team).await.to_string()
            }
            "/internal/v1/files/" | "/internal/v1/callbacks/" | "/internal/v1/replays/" => {
                self.app.app.next_id().to_string()
            }
            "/internal/v1/teams/" => team.to_owned(),
            start if start.starts_with("/v2/") => "nobodys".to_owned(),
            _ => panic!("teach this matrix what stands in {}", route.path),
        };
        let end = start + route.path[start..].find('}').unwrap() + 1;
        let rest = &route.path[end..];
        format!(
            "{}{id}{}",
            &route.path[..start],
            rest.replace("{name}", "kites")
                .replace("{attachment}", "a")
                .replace("{group}", "g")
        )
    }

    /// The number of its invoice.
    async fn invoice(&self, team: &str) -> i64 {
        let records = &self.app.app.records;
        let found = records.invoices(Some(team), i64::MAX, 1).await.unwrap();
        found[0].number
    }

    /// A call with a live key of the team, which must succeed.
    async fn add(&self, team: &str, path: &str, body: Value) -> Value {
        let key = self.app.app.records.add_api_key(team, Mode::Live, START_MS);
        let key = key.await.unwrap();
        let made = self.app.call_as(&key, "POST", path, body).await;
        assert_eq!(made.status, 200, "{made:?}");
        made.body
    }

    async fn replay(&self, team: &str) -> String {
        let new = NewReplay {
            id: self.app.app.next_id(),
            team: team.to_owned(),
            search: Search::default(),
            per_second: 1,
            started_by: self.name(),
            now: START_MS,
        };
        let replay = self.app.app.journal.start_replay(&new).await;
        replay.unwrap().id.to_string()
    }

    async fn project(&self, team: &str) -> String {
        let name = self.name();
        let body = json!({"name": name, "type": "categorization"});
        self.add(team, "/v1/projects", body).await;
        name
    }

    /// With a group `g`.
    async fn studio_project(&self, team: &str) -> String {
        let name = self.name();
        let body = json!({"name": name, "type": "categorization", "studio": true});
        self.add(team, "/v1/projects", body).await;
        let path = format!("/v1/studio/projects/{name}/groups");
        self.add(team, &path, json!({"emails": [], "name": "g"}))
            .await;
        name
    }

    async fn studio_batch(&self, team: &str) -> String {
        let (name, project) = (self.name(), self.studio_project(team).await);
        let body = json!({"name": name, "project": project});
        self.add(team, "/v1/batches", body).await;
        name
    }

    async fn batch(&self, team: &str) -> String {
        let (name, project) = (self.name(), self.project(team).await);
        let body = json!({"name": name, "project": project});
        self.add(team, "/v1/batches", body).await;
        name
    }

    async fn task(&self, team: &str) -> String {
        let body = json!({"instruction": "Which?", "attachment_type": "text", "attachment": "a",
                          "categories": ["a", "b"]});
        let made = self.add(team, "/v1/task/categorization", body).await;
        made["task_id"].as_str().unwrap().to_owned()
    }

    /// Calls the route with as much in its body as it takes to be looked at.
    async fn status(&self, route: &Route, path: &str, secret: Option<&str>) -> u16 {
        let (method, json) = (route.method.as_str(), "application/json");
        let body = match route.path {
            "/v1/task/{id}/audit" => json!({"accepted": true}).to_string(),
            "/v1/task/{id}/unique_id" => json!({"unique_id": self.name()}).to_string(),
            "/v1/studio/batches/{name}" => json!({"groups": []}).to_string(),
            "/v1/studio/projects/{project}/groups" => {
                json!({"emails": [], "name": self.name()}).to_string()
            }
            _ => String::new(),
        };
        let answer = self.app.send(method, path, json, body, secret).await;
        assert!(answer.status.as_u16() < 500, "{method} {path}: {answer:?}");
        answer.status.as_u16()
    }

    /// What the rule alone says; `None` when the call gets past it.
    fn refusal(&self, actor: Actor, action: Action) -> Option<u16> {
        if permits(actor, action, self.rules) {
            return None;
        }
        let is_stranger = matches!(actor, Actor::Nobody | Actor::Producer);
        let is_foreign_side = matches!(action, Action::Labelling | Action::Operate);
        Some(if is_stranger || is_foreign_side {
            401
        } else {
            403
        })
    }

    async fn check(&self, route: &Route, actor: Actor, secret: Option<&str>, user: &str) {
        let path = self.path(route, TEAM, user).await;
        let status = self.status(route, &path, secret).await;
        let case = format!("{} {} as {actor:?}", route.method, route.path);
        match self.refusal(actor, route.action) {
            Some(refused) => assert_eq!(status, refused, "{case}"),
            None => assert!(!matches!(status, 401 | 403), "{case}: {status}"),
        }
    }

    /// Another team's thing is not there for whoever may do this to their own.
    async fn check_foreign(&self, route: &Route, actor: Actor, secret: &str, user: &str) {
        const FOR_ALL: [&str; 6] = [
            "/account/v1/integrations/",
            "/v2/",
            "/account/v1/callback-auth/",
            "/internal/",
            "/v1/evaluation_tasks/",
            "/v1/training_tasks/",
        ];
        let has_id = route.path.contains('{');
        let is_type = route.path == "/v1/task/{id}" && route.method == "POST";
        let is_nobodys = FOR_ALL.iter().any(|start| route.path.starts_with(start));
        let is_nobodys = is_nobodys || is_type;
        if !has_id || is_nobodys || !permits(actor, route.action, self.rules) {
            return;
        }
        let path = self.path(route, OTHER, user).await;
        let status = self.status(route, &path, Some(secret)).await;
        assert_eq!(status, 404, "{} {path} as {actor:?}, foreign", route.method);
    }
}

async fn everybody_on_every_route(members_use_keys: bool) {
    let world = World::make(members_use_keys).await;
    let table = ringback::api::table(world.app.app.clone());
    let routes = table.routes().to_vec();
    assert!(routes.len() > 40, "the table is empty");
    let others = world.app.app.records.users(OTHER).await.unwrap();
    let other = &others[0].id;
    for route in &routes {
        for (role, user) in &world.people {
            let actor = Actor::Person(*role);
            // A session each: some routes end those that there are.
            let token = world.app.session_of(user).await;
            world.check(route, actor, Some(&token), user).await;
            let token = world.app.session_of(user).await;
            world.check_foreign(route, actor, &token, other).await;
        }
        for (_, key) in &world.keys {
            world.check(route, Actor::Key, Some(key), other).await;
            world.check_foreign(route, Actor::Key, key, other).await;
        }
        let producer = Some(world.app.key());
        world.check(route, Actor::Producer, producer, other).await;
        for unknown in [None, Some("live_unknown"), Some("rb_session_unknown")] {
            world.check(route, Actor::Nobody, unknown, other).await;
        }
    }
}

#[tokio::test]
async fn every_route_permits_and_refuses_as_access_says() {
    everybody_on_every_route(true).await;
}

#[tokio::test]
async fn and_so_it_does_when_a_team_keeps_keys_from_its_members() {
    everybody_on_every_route(false).await;
}
