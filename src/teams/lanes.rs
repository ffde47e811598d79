//! What the operator sees of lanes and decides about them. A limit is kept in the records; a
//! park lives in the queue alone, and ends with it.

use crate::app::App;
use crate::callback::target::origin_of;
use crate::callback::{TeamId, TimestampMs};
use crate::queue::listing::{Condition, ListedLane, worst_first};
use crate::queue::{LaneView, Origin, Steer};
use crate::records::lane_limits::LIMITS_MAX;
use crate::teams::{TeamError, invalid};
use serde::Serialize;
use std::time::Duration;

/// Longest park that an operator may ask for.
pub const PARK_MAX: Duration = Duration::from_hours(7 * 24);

/// A lane as operators see it.
#[derive(Debug, Serialize)]
pub struct LaneRow {
    /// Whose.
    pub team_id: TeamId,
    /// Where it goes: scheme, host and port, or `mailto:` and a domain.
    pub origin: Origin,
    /// `parked`, `resting`, `full` or `open`.
    pub condition: &'static str,
    /// Its numbers.
    #[serde(flatten)]
    pub lane: LaneView,
}

impl LaneRow {
    fn of(listed: ListedLane, now: TimestampMs) -> Self {
        Self {
            condition: Condition::of(&listed.lane, now).as_str(),
            team_id: listed.team,
            origin: listed.origin,
            lane: listed.lane,
        }
    }
}

/// Which lane.
#[derive(Debug, Clone)]
pub struct LaneName {
    team: TeamId,
    origin: Origin,
}

impl LaneName {
    /// Of a team's endpoint, as a URL or as a lane's origin.
    ///
    /// # Errors
    /// [`TeamError::Invalid`] for what names no endpoint.
    pub fn read(team: &str, url: &str) -> Result<Self, TeamError> {
        let origin = if url.starts_with("mailto:") {
            Origin::from(url.to_ascii_lowercase())
        } else {
            origin_of(url)
        };
        let is_endpoint = ["https://", "http://", "mailto:"]
            .iter()
            .any(|scheme| origin.len() > scheme.len() && origin.starts_with(scheme));
        if !is_endpoint || origin.contains('\0') {
            let reason = "must be an endpoint's URL or origin, such as https://example.com";
            return Err(invalid("url", reason));
        }
        if team.contains('\0') {
            return Err(invalid("team_id", "must not contain NUL"));
        }
        Ok(Self {
            team: team.into(),
            origin,
        })
    }
}

/// Lanes with something to do, those in trouble first.
///
/// # Errors
/// [`TeamError`] when the queue does not answer.
pub async fn list(app: &App, team: Option<&str>, most: usize) -> Result<Vec<LaneRow>, TeamError> {
    let team = team.map(TeamId::from);
    let found = app.queue.list_lanes(team.as_ref()).await?;
    let now = app.clock.now();
    let rows = worst_first(found, most, now).into_iter();
    Ok(rows.map(|listed| LaneRow::of(listed, now)).collect())
}

/// One lane; none while it has nothing to do.
///
/// # Errors
/// [`TeamError`] when the queue does not answer.
pub async fn show(app: &App, name: &LaneName) -> Result<Option<LaneRow>, TeamError> {
    let lane = app.queue.lane(&name.team, &name.origin).await?;
    let listed = lane.map(|lane| ListedLane {
        team: name.team.clone(),
        origin: name.origin.clone(),
        lane,
    });
    Ok(listed.map(|listed| LaneRow::of(listed, app.clock.now())))
}

/// Sends nothing for so long; then a probe goes, as after any park.
///
/// # Errors
/// [`TeamError`]; [`TeamError::Missing`] when the queue knows nothing of the lane.
pub async fn park(app: &App, name: &LaneName, time: Duration) -> Result<TimestampMs, TeamError> {
    if time.is_zero() || time > PARK_MAX {
        return Err(invalid(
            "for_s",
            "must be from 1 to 604800, which is 7 days",
        ));
    }
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let until = app.clock.now().saturating_add(ms);
    steer(app, name, Steer::Park { until }).await?;
    Ok(until)
}

/// Ends its park and its rest.
///
/// # Errors
/// [`TeamError`]; [`TeamError::Missing`] when the queue knows nothing of the lane.
pub async fn resume(app: &App, name: &LaneName) -> Result<(), TeamError> {
    steer(app, name, Steer::Resume).await
}

/// From now on it has at most so many requests in flight, until another limit is set or none.
///
/// # Errors
/// [`TeamError`]; after [`TeamError::Queue`] the limit is kept, and told to the queue when
/// that is filled anew.
pub async fn limit(app: &App, name: &LaneName, most: Option<u32>) -> Result<(), TeamError> {
    if most == Some(0) {
        let reason = "must be at least 1, or null for no limit; to send nothing, park the lane \
                      or pause the team";
        return Err(invalid("in_flight_max", reason));
    }
    if app.records.team(&name.team).await?.is_none() {
        return Err(TeamError::Missing("team"));
    }
    let lane = (&*name.team, &*name.origin);
    if !app.records.set_lane_limit(lane, most).await? {
        let reason = format!("there are {LIMITS_MAX} limits already; take one away first");
        return Err(invalid("in_flight_max", &reason));
    }
    let told = Steer::Limit(most);
    app.queue.steer(&name.team, &name.origin, told).await?;
    Ok(())
}

async fn steer(app: &App, name: &LaneName, steer: Steer) -> Result<(), TeamError> {
    if app.queue.steer(&name.team, &name.origin, steer).await? {
        Ok(())
    } else {
        Err(TeamError::Missing("lane"))
    }
}
