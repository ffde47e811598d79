//! The Lua scripts, one a verb. Each begins with what it shares with the others; Redis
//! keeps it as one script. All but `push` run when memory is full: what finishes work
//! must not be refused for lack of room.

use crate::queue::redis::link::Script;

const STATE: &str = include_str!("state.lua");
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
        let script = |name, parts: &[&str]| Script::new(name, parts.concat());
        Self {
            push: script("push", &[GROWS, STATE, PLACES, include_str!("push.lua")]),
            claim: script(
                "claim",
                &[
                    ALWAYS,
                    STATE,
                    PLACES,
                    LEASES,
                    TURNS,
                    include_str!("claim.lua"),
                ],
            ),
            answered: script(
                "answered",
                &[ALWAYS, STATE, LEASES, REOPEN, include_str!("answered.lua")],
            ),
            settle: script(
                "settle",
                &[ALWAYS, STATE, PLACES, LEASES, include_str!("settle.lua")],
            ),
            release: script(
                "release",
                &[ALWAYS, STATE, PLACES, include_str!("release.lua")],
            ),
            remove: script(
                "remove",
                &[ALWAYS, STATE, PLACES, LEASES, include_str!("remove.lua")],
            ),
            steer: script(
                "steer",
                &[ALWAYS, STATE, PLACES, REOPEN, include_str!("steer.lua")],
            ),
            lane: script(
                "lane",
                &[ALWAYS, STATE, PLACES, VIEW, include_str!("lane.lua")],
            ),
            lanes: script(
                "lanes",
                &[ALWAYS, STATE, PLACES, VIEW, include_str!("lanes.lua")],
            ),
            depths: script(
                "depths",
                &[ALWAYS, STATE, PLACES, TURNS, include_str!("depths.lua")],
            ),
            look: script(
                "look",
                &[ALWAYS, STATE, PLACES, TURNS, include_str!("look.lua")],
            ),
            rebuild: script("rebuild", &[ALWAYS, STATE, include_str!("rebuild.lua")]),
            fsck: script(
                "fsck",
                &[ALWAYS, STATE, PLACES, LEASES, include_str!("fsck.lua")],
            ),
            pulse: script("pulse", &[ALWAYS, include_str!("pulse.lua")]),
        }
    }
}
