//! The Lua scripts, one a verb. Each begins with what it shares with the others; Redis
//! keeps it as one script. All but `push` run when memory is full: what finishes work
//! must not be refused for lack of room.
//!
//! Each part is a function inside the one before. Redis makes every function of a script anew
//! at each call, and Lua searches for each local that one takes from its own block among all
//! that others have taken; what comes from an outer function it only copies. `places`, of which
//! most calls need nothing, is made when it is asked for.

use crate::queue::redis::link::Script;

const SHARD: &str = include_str!("shard.lua");
const STATE: &str = include_str!("state.lua");
const RECORDS: &str = include_str!("records.lua");
const PLACES: &str = include_str!("places.lua");
const LEASES: &str = include_str!("leases.lua");
const TURNS: &str = include_str!("turns.lua");
const REOPEN: &str = include_str!("reopen.lua");
const VIEW: &str = include_str!("view.lua");

/// Refused whole when memory is full.
const GROWS: &str = "#!lua\n";
const ALWAYS: &str = "#!lua flags=allow-oom\n";

/// Every script of the queue.
pub(super) struct Scripts {
    pub(super) push: Script,
    pub(super) claim: Script,
    pub(super) answered: Script,
    pub(super) settle: Script,
    pub(super) release: Script,
    pub(super) remove: Script,
    pub(super) steer: Script,
    pub(super) lane: Script,
    pub(super) lanes: Script,
    pub(super) depths: Script,
    pub(super) look: Script,
    pub(super) rebuild: Script,
    pub(super) fsck: Script,
    pub(super) pulse: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let places = &places();
        let flagged = |flags, name, parts: &[&str]| {
            Script::new(name, nested(flags, &[&[SHARD, STATE], parts].concat()))
        };
        let script = |name, parts: &[&str]| flagged(ALWAYS, name, parts);
        Self {
            push: flagged(GROWS, "push", &[places, include_str!("push.lua")]),
            claim: script("claim", &[places, LEASES, TURNS, include_str!("claim.lua")]),
            answered: script("answered", &[LEASES, REOPEN, include_str!("answered.lua")]),
            settle: script("settle", &[places, LEASES, include_str!("settle.lua")]),
            release: script("release", &[places, include_str!("release.lua")]),
            remove: script("remove", &[places, LEASES, include_str!("remove.lua")]),
            steer: script("steer", &[places, REOPEN, include_str!("steer.lua")]),
            lane: script("lane", &[places, TURNS, VIEW, include_str!("lane.lua")]),
            lanes: script("lanes", &[places, TURNS, VIEW, include_str!("lanes.lua")]),
            depths: script("depths", &[places, TURNS, include_str!("depths.lua")]),
            look: script("look", &[places, TURNS, include_str!("look.lua")]),
            rebuild: script("rebuild", &[include_str!("rebuild.lua")]),
            fsck: script("fsck", &[places, LEASES, include_str!("fsck.lua")]),
            pulse: Script::new("pulse", nested(ALWAYS, &[include_str!("pulse.lua")])),
        }
    }
}

/// How records are read, and all else about places, which the first makes who asks for it.
fn places() -> String {
    format!(
        "{RECORDS}local made\nlocal function places()\n\
         made = made or (function()\n{PLACES}end)()\nreturn made\nend\n"
    )
}

/// Each part as the last statement of the one before.
fn nested(flags: &str, parts: &[&str]) -> String {
    let begins = parts.join("\nreturn (function()\n");
    let ends = "\nend)()".repeat(parts.len() - 1);
    format!("{flags}{begins}{ends}\n")
}
