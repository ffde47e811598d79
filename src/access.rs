//! PURE: who may do what. The one match of the account side; every route names its
//! [`Action`], and no route, page or query decides for itself.

use serde::{Deserialize, Serialize};

/// A person's place in their team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Labels in Studio, and nothing else.
    Labeler,
    /// Sees and audits tasks, submits them, edits projects.
    Member,
    /// Also manages people, billing and integrations.
    Manager,
    /// Also everything else. A team has exactly one.
    Admin,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Labeler, Self::Member, Self::Manager, Self::Admin];

    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Labeler => "labeler",
            Self::Member => "member",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// Reads [`Role::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// As whom a caller acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Nobody known: no key, a wrong one, one that was deleted.
    Nobody,
    /// A person of the team who is signed in.
    Person(Role),
    /// A program with one of the team's API keys, live or test: keys act for the whole
    /// account (Scale API, Authentication).
    Key,
    /// A program of the operator's labelling side; belongs to no team.
    Producer,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Anybody may: signing in, accepting an invitation, reading the API's description.
    Knock,
    /// Whoever is signed in: one's own profile, password and sessions.
    ManageSelf,
    /// The team's name, settings and people.
    SeeTeam,
    /// Inviting, removing, changing roles.
    ManagePeople,
    /// The team's name, callback URL, retry policy, pause.
    ManageTeam,
    /// Listing, revealing, adding and deleting API keys; revealing callback auth keys.
    UseKeys,
    /// Replacing callback auth keys.
    RotateSecrets,
    /// Reading projects, tasks, batches, files.
    SeeWork,
    /// Creating and editing projects.
    EditProjects,
    /// Submitting, changing and cancelling tasks, batches, files.
    SubmitWork,
    /// Accepting or rejecting completed tasks.
    AuditWork,
    /// Studio's assignments, groups and priorities.
    ManageStudio,
    /// Reading callbacks and their timelines.
    SeeCallbacks,
    /// Sending callbacks again, replaying, cancelling.
    ResendCallbacks,
    /// Billing and payment details.
    ManageBilling,
    /// Cloud storage integrations.
    ManageIntegrations,
    /// The team's audit log.
    SeeAudit,
    /// The labelling side's own routes.
    Labelling,
    /// The operator's changes through a producer's key: teams, dead letters.
    Operate,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 19] = [
        Self::Knock,
        Self::ManageSelf,
        Self::SeeTeam,
        Self::ManagePeople,
        Self::ManageTeam,
        Self::UseKeys,
        Self::RotateSecrets,
        Self::SeeWork,
        Self::EditProjects,
        Self::SubmitWork,
        Self::AuditWork,
        Self::ManageStudio,
        Self::SeeCallbacks,
        Self::ResendCallbacks,
        Self::ManageBilling,
        Self::ManageIntegrations,
        Self::SeeAudit,
        Self::Labelling,
        Self::Operate,
    ];
}

/// What a team decides about its members' rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TeamRules {
    /// Members may see API keys, too (on by default).
    pub members_use_keys: bool,
}

/// Whether the actor may do this in their own team. Other teams' things are not there
/// for them at all.
#[must_use]
#[expect(
    clippy::match_same_arms,
    reason = "a line is a rule; merged they hide it"
)]
pub fn permits(actor: Actor, action: Action, rules: TeamRules) -> bool {
    use Action as A;
    use Actor::{Key, Nobody, Person, Producer};
    use Role::{Admin, Labeler, Manager, Member};
    match (actor, action) {
        (_, A::Knock) => true,
        (Nobody, _) => false,
        (Producer, action) => matches!(action, A::Labelling | A::Operate),
        (_, A::Labelling | A::Operate) => false,
        (Person(_), A::ManageSelf) | (Person(Admin), _) => true,
        (Key, A::ManageSelf) => false,
        (Person(Labeler), action) => action == A::SeeTeam,
        (Key | Person(Member | Manager), A::SeeTeam | A::SeeWork | A::EditProjects) => true,
        (Key | Person(Member | Manager), A::SubmitWork | A::AuditWork) => true,
        (Key | Person(Member | Manager), A::SeeCallbacks | A::ResendCallbacks) => true,
        (Key | Person(Manager), A::ManagePeople | A::ManageStudio) => true,
        (Person(Manager), A::UseKeys | A::ManageBilling | A::ManageIntegrations) => true,
        (Person(Manager), A::SeeAudit) => true,
        (Person(Member), A::UseKeys) => rules.members_use_keys,
        (Key | Person(Member | Manager), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TeamRules = TeamRules {
        members_use_keys: true,
    };

    /// Reference: the seed's page "User Roles", one row a line.
    #[test]
    fn roles_may_do_what_the_product_page_says() {
        let check = |action, member, manager, admin| {
            for (role, expected) in [
                (Role::Member, member),
                (Role::Manager, manager),
                (Role::Admin, admin),
            ] {
                assert_eq!(
                    permits(Actor::Person(role), action, RULES),
                    expected,
                    "{role:?} {action:?}"
                );
            }
        };
        check(Action::SeeWork, true, true, true);
        check(Action::AuditWork, true, true, true);
        check(Action::EditProjects, true, true, true);
        check(Action::UseKeys, true, true, true);
        check(Action::ManagePeople, false, true, true);
        check(Action::ManageBilling, false, true, true);
        check(Action::ManageIntegrations, false, true, true);
        check(Action::ManageTeam, false, false, true);
        check(Action::RotateSecrets, false, false, true);
    }

    #[test]
    fn a_higher_role_may_all_that_a_lower_one_may() {
        for action in Action::ALL {
            for pair in Role::ALL.windows(2) {
                let may = |role| permits(Actor::Person(role), action, RULES);
                assert!(!may(pair[0]) || may(pair[1]), "{action:?} {pair:?}");
            }
        }
    }

    #[test]
    fn a_team_may_keep_keys_from_its_members() {
        let strict = TeamRules {
            members_use_keys: false,
        };
        assert!(!permits(
            Actor::Person(Role::Member),
            Action::UseKeys,
            strict
        ));
        assert!(permits(
            Actor::Person(Role::Manager),
            Action::UseKeys,
            strict
        ));
    }

    #[test]
    fn nobody_and_producers_stay_outside() {
        for action in Action::ALL {
            let open = action == Action::Knock;
            assert_eq!(permits(Actor::Nobody, action, RULES), open);
            let labelling = open || matches!(action, Action::Labelling | Action::Operate);
            assert_eq!(permits(Actor::Producer, action, RULES), labelling);
        }
    }

    #[test]
    fn a_key_never_reaches_keys_secrets_or_money() {
        for action in [
            Action::UseKeys,
            Action::RotateSecrets,
            Action::ManageTeam,
            Action::ManageBilling,
            Action::ManageSelf,
        ] {
            assert!(!permits(Actor::Key, action, RULES), "{action:?}");
        }
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("owner"), None);
    }
}
