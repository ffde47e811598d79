//! Studio: who of the team labels what, in groups, and in which order. Whoever is named must
//! be of the team, if only invited; whoever is not any more is shown nowhere.

use crate::app::App;
use crate::records::RecordsError;
use crate::records::studio::{Group, StudioBatch, WithPeople};
use crate::records::users::email_key;
use crate::records::world::World;
use crate::work::WorkError;
use crate::work::fields::{NAME_BYTES_MAX, check_name};
use crate::work::rules::{Refused, refuse};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Addresses, projects or groups in one call.
pub const NAMES_MAX: usize = 100;

/// Somebody who may label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The user's id, or the invitation's.
    pub id: String,
    /// Their address as it was typed.
    pub email: String,
}

/// A group as it is at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crew {
    /// The group.
    pub group: Group,
    /// Those in it who are of the team.
    pub workers: Vec<Worker>,
}

/// The people of a team by the key of their address.
struct People(HashMap<String, Worker>);

impl People {
    async fn of(app: &App, team: &str) -> Result<Self, RecordsError> {
        let users = app.records.users(team).await?.into_iter();
        let invites = app.records.invites(team).await?.into_iter();
        let users = users.map(|user| (user.id, user.email));
        let invites = invites.map(|invite| (invite.id, invite.email));
        let all = users.chain(invites);
        Ok(Self(
            all.map(|(id, email)| (email_key(&email), Worker { id, email }))
                .collect(),
        ))
    }

    /// The keys of these addresses.
    fn keys(&self, field: &'static str, emails: &[String]) -> Result<BTreeSet<String>, Refused> {
        check_count(field, emails)?;
        let strangers: Vec<_> = emails
            .iter()
            .filter(|email| !self.0.contains_key(&email_key(email)))
            .map(|email| shown(email))
            .collect();
        if !strangers.is_empty() {
            let reason = format!("names nobody of the team: {}", strangers.join(", "));
            return refuse(field, reason);
        }
        Ok(emails.iter().map(|email| email_key(email)).collect())
    }

    fn crew(&self, (group, keys): WithPeople) -> Crew {
        let workers = keys.iter().filter_map(|key| self.0.get(key));
        Crew {
            group,
            workers: workers.cloned().collect(),
        }
    }
}

/// The projects of everybody who has some, by address.
///
/// # Errors
/// [`WorkError::Records`] when the records do not answer.
pub async fn assignments(
    app: &App,
    world: World<'_>,
) -> Result<BTreeMap<String, Vec<String>>, WorkError> {
    let people = People::of(app, world.team).await?;
    let mut assignments: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, project) in app.records.studio_assignments(world).await? {
        if let Some(worker) = people.0.get(&key) {
            let projects = assignments.entry(worker.email.clone()).or_default();
            projects.push(project);
        }
    }
    Ok(assignments)
}

/// Assigns people to projects, or takes them from there; all or nothing.
///
/// # Errors
/// [`WorkError::Refused`] names who is not of the team, and what is no project of Studio.
pub async fn assign(
    app: &App,
    world: World<'_>,
    (emails, projects): (&[String], &[String]),
    assigned: bool,
) -> Result<(), WorkError> {
    for (field, names) in [("emails", emails), ("projects", projects)] {
        if names.is_empty() {
            return Ok(refuse(field, "must name at least one")?);
        }
    }
    check_names("projects", projects)?;
    let keys = People::of(app, world.team).await?.keys("emails", emails)?;
    let projects = projects.iter().cloned().collect();
    let set = app
        .records
        .set_studio_assignments(world, (&keys, &projects), assigned);
    match set.await {
        Err(RecordsError::Missing(names)) => {
            let reason = format!("names no Studio project of this account and mode: {names}");
            Ok(refuse("projects", reason)?)
        }
        done => Ok(done?),
    }
}

/// The groups of a project, oldest first.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such project of Studio.
pub async fn groups(app: &App, world: World<'_>, project: &str) -> Result<Vec<Crew>, WorkError> {
    let groups = app.records.studio_groups(world, project).await?;
    let groups = groups.ok_or(WorkError::Missing("Studio project"))?;
    let people = People::of(app, world.team).await?;
    Ok(groups.into_iter().map(|group| people.crew(group)).collect())
}

/// Makes a group of people in a project.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such project of Studio, [`WorkError::Refused`] when
/// the name is taken: clients take no 409 here.
pub async fn create_group(
    app: &App,
    world: World<'_>,
    (project, name): (&str, &str),
    emails: &[String],
) -> Result<Crew, WorkError> {
    check_name("name", name)?;
    let people = People::of(app, world.team).await?;
    let keys = people.keys("emails", emails)?;
    let group = Group {
        id: uuid::Uuid::now_v7().to_string(),
        project: project.to_owned(),
        name: name.to_owned(),
    };
    match app.records.add_studio_group(world, &group, &keys).await {
        Ok(()) => Ok(people.crew((group, keys))),
        Err(RecordsError::Missing(_)) => Err(WorkError::Missing("Studio project")),
        Err(RecordsError::Exists(_)) => {
            let reason = format!("{name:?} is the name of another group of this project");
            Ok(refuse("name", reason)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes people into a group and others out of it; all or nothing.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such group, [`WorkError::Refused`] names who is not
/// of the team, or is to come and go at once.
pub async fn change_group(
    app: &App,
    world: World<'_>,
    which: (&str, &str),
    (joining, leaving): (&[String], &[String]),
) -> Result<Crew, WorkError> {
    let people = People::of(app, world.team).await?;
    let joining = people.keys("add_emails", joining)?;
    let leaving = people.keys("remove_emails", leaving)?;
    if let Some(both) = joining.intersection(&leaving).next() {
        let reason = format!("names {both:?}, and so does add_emails");
        return Ok(refuse("remove_emails", reason)?);
    }
    let changed = app
        .records
        .change_studio_group(world, which, (&joining, &leaving));
    let changed = changed.await?.ok_or(WorkError::Missing("Studio group"))?;
    Ok(people.crew(changed))
}

/// The batches that are not completed, in their order.
///
/// # Errors
/// [`WorkError::Records`] when the records do not answer.
pub async fn batches(app: &App, world: World<'_>) -> Result<Vec<StudioBatch>, WorkError> {
    Ok(app.records.pending_studio_batches(world).await?)
}

/// Gives a batch to these groups of its project and to no others.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such batch of Studio, [`WorkError::Refused`] names
/// the groups that its project has not.
pub async fn give_batch(
    app: &App,
    world: World<'_>,
    name: &str,
    groups: &[String],
) -> Result<StudioBatch, WorkError> {
    check_names("groups", groups)?;
    let missing = || WorkError::Missing("Studio batch");
    let batch = app.records.studio_batch(world, name).await?;
    let batch = batch.ok_or_else(missing)?;
    let groups = groups.iter().cloned().collect();
    let set = app
        .records
        .set_studio_batch_groups(world, &batch, &groups)
        .await;
    match set {
        Ok(()) => {
            let batch = app.records.studio_batch(world, name).await?;
            batch.ok_or_else(missing)
        }
        Err(RecordsError::Missing(names)) => {
            let reason = format!("names no group of the batch's project: {names}");
            Ok(refuse("groups", reason)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts all pending batches into an order, the most urgent first.
///
/// # Errors
/// [`WorkError::Refused`] when one of them is left out or named twice, or something else is
/// named.
pub async fn order_batches(
    app: &App,
    world: World<'_>,
    names: &[String],
) -> Result<Vec<StudioBatch>, WorkError> {
    let pending = batches(app, world).await?;
    let mut ids: HashMap<_, _> = pending.into_iter().map(|it| (it.name, it.id)).collect();
    let mut order = Vec::with_capacity(names.len());
    for name in names {
        let Some(id) = ids.remove(name) else {
            let reason = format!(
                "names {} twice, or it is no pending batch of Studio",
                shown(name)
            );
            return Ok(refuse("batches", reason)?);
        };
        order.push(id);
    }
    if let Some(left_out) = ids.keys().min() {
        let count = ids.len();
        let reason = format!(
            "must name every pending batch of Studio; {left_out:?} is one of {count} left out"
        );
        return Ok(refuse("batches", reason)?);
    }
    app.records.set_studio_order(world, Some(&order)).await?;
    batches(app, world).await
}

/// Back to the order in which they were made.
///
/// # Errors
/// [`WorkError::Records`] when the records do not answer.
pub async fn reset_order(app: &App, world: World<'_>) -> Result<Vec<StudioBatch>, WorkError> {
    app.records.set_studio_order(world, None).await?;
    batches(app, world).await
}

/// No thing has another name.
fn check_names(field: &'static str, names: &[String]) -> Result<(), Refused> {
    check_count(field, names)?;
    names.iter().try_for_each(|name| check_name(field, name))
}

fn check_count(field: &'static str, names: &[String]) -> Result<(), Refused> {
    if names.len() > NAMES_MAX {
        let reason = format!("has {} names; the limit is {NAMES_MAX}", names.len());
        return refuse(field, reason);
    }
    Ok(())
}

/// As much of a name as a legal one has.
fn shown(name: &str) -> String {
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    format!("{shown:?}")
}
