//! The rules the tables keep by themselves, on every database, against callers at once.

use crate::support::store::configs;
use ringback::access::Role;
use ringback::config::Config;
use ringback::records::invites::{Invite, NewInvite};
use ringback::records::mails::{Letter, Mail};
use ringback::records::secrets::SecretKind;
use ringback::records::sessions::{Origin, TryLimit};
use ringback::records::users::{Profile, Status, User};
use ringback::records::{Records, RecordsError};
use ringback::vault::Vault;

const NOW: u64 = 1_700_000_000_000;
const DAY_MS: u64 = 86_400_000;
const HASH: &str = "$argon2id$stored";

async fn open(config: &Config) -> Records {
    Records::open(config, Vault::new([7; 32])).await.unwrap()
}

fn mail(recipient: &str) -> Mail {
    Mail {
        recipient: recipient.to_owned(),
        letter: Letter {
            subject: "Join".to_owned(),
            text: "a secret link".to_owned(),
            html: "<p>a secret link</p>".to_owned(),
        },
    }
}

fn invitation(team: &str, email: &str, role: Role) -> NewInvite {
    NewInvite {
        invite: Invite {
            id: format!("{team}-{email}"),
            team: team.to_owned(),
            email: email.to_owned(),
            role,
            created_ms: NOW,
            expires_ms: NOW + DAY_MS,
        },
        token: format!("token {team} {email}"),
        mail: Some(mail(email)),
    }
}

fn user(team: &str, email: &str) -> User {
    User {
        id: format!("user-{team}-{email}"),
        team: team.to_owned(),
        email: email.to_owned(),
        role: Role::Member,
        status: Status::Active,
        profile: Profile::default(),
        created_ms: NOW,
    }
}

/// Invites and accepts.
async fn join(records: &Records, team: &str, email: &str, role: Role) -> User {
    let new = invitation(team, email, role);
    records.add_invites(&[new]).await.unwrap();
    let role = records.accept_invite(&user(team, email), HASH).await;
    User {
        role: role.unwrap(),
        ..user(team, email)
    }
}

fn already<T>(answer: &Result<T, RecordsError>) -> bool {
    matches!(answer, Err(RecordsError::Exists(_)))
}

fn missing<T>(answer: &Result<T, RecordsError>) -> bool {
    matches!(answer, Err(RecordsError::Missing(_)))
}

#[tokio::test]
async fn an_address_is_one_user_in_one_team_for_ever() {
    for (name, config, _folder) in configs().await {
        let r = open(&config).await;
        let ana = join(&r, "a", "Ana@example.com", Role::Member).await;
        let users = r.users("a").await.unwrap();
        assert_eq!(users, std::slice::from_ref(&ana), "on {name}");
        // Whatever its case, in whatever team.
        for team in ["a", "b"] {
            let again = invitation(team, "ana@EXAMPLE.com", Role::Member);
            assert!(already(&r.add_invites(&[again]).await), "on {name}");
        }
        let plus = join(&r, "b", "ana+b@example.com", Role::Member).await;
        assert_eq!(plus.team, "b");
        // Removed, it stays the team's: only that team can take it back.
        assert!(r.set_status(&ana.id, Status::Removed).await.unwrap());
        assert!(r.users("a").await.unwrap().is_empty());
        let elsewhere = invitation("b", "ana@example.com", Role::Member);
        assert!(already(&r.add_invites(&[elsewhere]).await), "on {name}");
        join(&r, "a", "ana@example.com", Role::Manager).await;
        let back = r.user_by_email("ANA@example.com").await.unwrap().unwrap();
        assert_eq!((back.id, back.role), (ana.id, Role::Manager), "on {name}");
    }
}

#[tokio::test]
async fn an_invitation_is_good_once_for_a_while_and_for_all_or_none() {
    for (name, config, _folder) in configs().await {
        let r = open(&config).await;
        let both = ["a@x.test", "b@x.test"].map(|email| invitation("a", email, Role::Member));
        r.add_invites(&both).await.unwrap();
        let twice = ["c@x.test", "A@x.test"].map(|email| invitation("a", email, Role::Member));
        assert!(already(&r.add_invites(&twice).await), "on {name}");
        assert_eq!(r.invites("a").await.unwrap().len(), 2, "on {name}");
        let token = "token a a@x.test";
        let found = r.invite_of(token, NOW + DAY_MS - 1).await.unwrap();
        assert_eq!(found.unwrap().email, "a@x.test");
        assert_eq!(r.invite_of(token, NOW + DAY_MS).await.unwrap(), None);
        let late = User {
            created_ms: NOW + DAY_MS,
            ..user("a", "a@x.test")
        };
        assert!(missing(&r.accept_invite(&late, HASH).await), "on {name}");
        r.accept_invite(&user("a", "a@x.test"), HASH).await.unwrap();
        assert_eq!(r.invite_of(token, NOW).await.unwrap(), None);
        let again = r.accept_invite(&user("a", "a@x.test"), HASH).await;
        assert!(missing(&again), "on {name}");
        // Taken back by its own team alone, and then it can be made anew.
        let id = &both[1].invite.id;
        assert_eq!(r.remove_invite("b", id).await.unwrap(), None);
        assert!(r.remove_invite("a", id).await.unwrap().is_some());
        r.add_invites(&both[1..]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_accepts_at_once_one_of_them_joins() {
    for (name, config, _folder) in configs().await {
        let (one, other) = (open(&config).await, open(&config).await);
        for team in ["a", "b", "c", "d"] {
            let new = invitation(team, "ana@x.test", Role::Member);
            one.add_invites(&[new]).await.unwrap();
        }
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let records = if n % 2 == 0 { &one } else { &other };
            let (records, team) = (records.clone(), ["a", "b", "c", "d"][n / 4]);
            let joining = User {
                id: format!("user-{n}"),
                ..user(team, "ana@x.test")
            };
            tasks.spawn(async move { records.accept_invite(&joining, HASH).await.is_ok() });
        }
        let joined = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
        assert_eq!(joined, 1, "on {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_has_one_admin_at_every_moment() {
    for (name, config, _folder) in configs().await {
        let r = open(&config).await;
        let admin = join(&r, "a", "admin@x.test", Role::Admin).await;
        let second = invitation("a", "second@x.test", Role::Admin);
        r.add_invites(&[second]).await.unwrap();
        let refused = r.accept_invite(&user("a", "second@x.test"), HASH).await;
        assert!(already(&refused), "on {name}");
        let admins = async |records: &Records| {
            let users = records.users("a").await.unwrap();
            let admins = users.into_iter().filter(|user| user.role == Role::Admin);
            admins.map(|user| user.id).collect::<Vec<_>>()
        };
        let origin = Origin {
            address: "192.0.2.7".to_owned(),
            agent: "browser".to_owned(),
        };
        let session = r.add_session(&admin.id, &origin, NOW, NOW + DAY_MS).await;
        // Nothing but a transfer moves the role, and what is refused ends no session.
        let emails = ["admin@x.test".to_owned()];
        assert!(missing(&r.set_roles("a", &emails, Role::Member).await));
        for status in [Status::Disabled, Status::Removed] {
            assert!(!r.set_status(&admin.id, status).await.unwrap());
        }
        assert!(!r.move_user(&admin, "b").await.unwrap());
        assert!(missing(&r.transfer_admin("a", "nobody").await));
        assert_eq!(
            admins(&r).await,
            std::slice::from_ref(&admin.id),
            "on {name}"
        );
        assert!(session.is_ok() && r.sessions(&admin.id, NOW).await.unwrap().len() == 1);
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..6 {
            let next = join(&r, "a", &format!("m{n}@x.test"), Role::Member).await;
            let records = r.clone();
            tasks.spawn(async move { records.transfer_admin("a", &next.id).await.is_ok() });
        }
        assert!(tasks.join_all().await.contains(&true), "on {name}");
        assert_eq!(admins(&r).await.len(), 1, "on {name}");
    }
}

#[tokio::test]
async fn sessions_end_when_password_role_or_team_change() {
    for (name, config, _folder) in configs().await {
        let r = open(&config).await;
        let ana = join(&r, "a", "ana@x.test", Role::Member).await;
        let origin = Origin {
            address: "192.0.2.7".to_owned(),
            agent: "browser".to_owned(),
        };
        let begin = async || {
            let token = r.add_session(&ana.id, &origin, NOW, NOW + DAY_MS).await;
            token.unwrap()
        };
        let is_in = async |token: &str| r.person_of(token, NOW).await.unwrap().is_some();
        let token = begin().await;
        let person = r.person_of(&token, NOW).await.unwrap().unwrap();
        assert_eq!((&*person.team, person.role), ("a", Role::Member));
        assert_eq!(r.person_of(&token, NOW + DAY_MS).await.unwrap(), None);
        let listed = r.sessions(&ana.id, NOW).await.unwrap();
        assert_eq!((listed.len(), &listed[0].origin), (1, &origin), "on {name}");
        r.set_password(&ana.id, "$argon2id$new").await.unwrap();
        assert!(!is_in(&token).await, "on {name}");
        let token = begin().await;
        let emails = ["ana@x.test".to_owned()];
        r.set_roles("a", &emails, Role::Manager).await.unwrap();
        assert!(!is_in(&token).await, "on {name}");
        let token = begin().await;
        assert!(r.set_status(&ana.id, Status::Disabled).await.unwrap());
        assert!(!is_in(&token).await, "on {name}");
        assert!(!is_in(&begin().await).await, "disabled on {name}");
        assert!(r.set_status(&ana.id, Status::Active).await.unwrap());
        let token = begin().await;
        assert!(r.move_user(&ana, "b").await.unwrap());
        assert!(!is_in(&token).await, "on {name}");
        let (mine, other) = (begin().await, begin().await);
        let id = r.person_of(&mine, NOW).await.unwrap().unwrap().session;
        assert!(!r.end_session("somebody", &id).await.unwrap());
        assert!(r.end_session(&ana.id, &id).await.unwrap());
        assert!(!is_in(&mine).await && is_in(&other).await, "on {name}");
    }
}

#[tokio::test]
async fn a_password_link_is_good_once_and_the_newest_alone() {
    for (name, config, _folder) in configs().await {
        let r = open(&config).await;
        let ana = join(&r, "a", "ana@x.test", Role::Member).await;
        for token in ["first", "second"] {
            let (letter, until) = (mail("ana@x.test"), [NOW, NOW + 1000]);
            let asked = r.add_password_reset(&ana.id, token, &letter, until);
            asked.await.unwrap();
        }
        assert_eq!(r.password_reset_of("first", NOW).await.unwrap(), None);
        let of = r.password_reset_of("second", NOW + 999).await.unwrap();
        assert_eq!(of, Some(ana.id.clone()), "on {name}");
        let late = r.password_reset_of("second", NOW + 1000).await.unwrap();
        assert_eq!(late, None, "on {name}");
        r.reset_password("second", "$argon2id$new").await.unwrap();
        assert!(missing(&r.reset_password("second", "$x").await));
        let (_, stored) = r.credentials("Ana@x.test").await.unwrap().unwrap();
        assert_eq!(stored, "$argon2id$new", "on {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_made_at_once_are_counted_one_by_one() {
    for (name, config, _folder) in configs().await {
        let (one, other) = (open(&config).await, open(&config).await);
        let limit = TryLimit {
            tries_max: 5,
            window_ms: 1000,
        };
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let records = if n % 2 == 0 { &one } else { &other };
            let records = records.clone();
            tasks.spawn(async move { records.count_try("ana", limit, NOW).await.unwrap() });
        }
        let allowed = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
        assert_eq!(allowed, 5, "on {name}");
        assert!(one.count_try("bo", limit, NOW).await.unwrap());
        assert!(!one.count_try("ana", limit, NOW + 999).await.unwrap());
        one.prune_sessions(NOW).await.unwrap();
        assert!(!one.count_try("ana", limit, NOW + 999).await.unwrap());
        assert!(one.count_try("ana", limit, NOW + 1000).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_sealed_and_taken_by_one_at_a_time() {
    for (name, config, _folder) in configs().await {
        let (one, other) = (open(&config).await, open(&config).await);
        let new = invitation("a", "ana@x.test", Role::Member);
        one.add_invites(&[new]).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let records = if n % 2 == 0 { &one } else { &other };
            let records = records.clone();
            tasks.spawn(async move { records.claim_mail(NOW, NOW + 60_000).await.unwrap() });
        }
        let mut taken: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        let claimed = taken.pop().unwrap();
        assert!(taken.is_empty(), "on {name}");
        assert_eq!(claimed.mail.letter.text, "a secret link", "on {name}");
        // Nobody came back with it: due again, until it is sent.
        let again = one.claim_mail(NOW + 60_000, NOW + 120_000).await.unwrap();
        assert_eq!(again.unwrap().tries, 2, "on {name}");
        one.forget_mail(&claimed.id).await.unwrap();
        let none = one.claim_mail(NOW + DAY_MS, NOW + DAY_MS).await.unwrap();
        assert!(none.is_none(), "on {name}");
    }
}

#[tokio::test]
async fn a_replaced_secret_is_good_until_its_grace_ends() {
    for (name, config, _folder) in configs().await {
        let r = open(&config).await;
        let team = r.add_team("a", "Team A", NOW).await.unwrap();
        let fresh = r.rotate_secret("a", SecretKind::LiveAuth, NOW + 1000).await;
        let fresh = fresh.unwrap().unwrap();
        let now = r.team("a").await.unwrap().unwrap();
        assert_eq!(now.live_callback_auth, fresh, "on {name}");
        assert_eq!(now.test_callback_auth, team.test_callback_auth);
        let old = r.old_secrets("a", NOW + 999).await.unwrap();
        assert_eq!(old.len(), 1, "on {name}");
        assert!(old[0].secret == team.live_callback_auth, "on {name}");
        assert!(r.old_secrets("a", NOW + 1000).await.unwrap().is_empty());
        let nobody = r.rotate_secret("b", SecretKind::Signing, NOW).await;
        assert_eq!(nobody.unwrap(), None, "on {name}");
    }
}
