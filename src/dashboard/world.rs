//! Which side of the team's work a page shows: live, unless its address says test.

use crate::callback::Mode;
use crate::dashboard::page::Visitor;
use crate::records::world::World;
use serde::Deserialize;

/// What pages of the work read from their addresses.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Side {
    #[serde(default)]
    mode: String,
}

impl Side {
    /// As forms bring it.
    pub(super) fn of(mode: &str) -> Self {
        Self {
            mode: mode.to_owned(),
        }
    }

    pub(super) fn mode(&self) -> Mode {
        if self.mode == Mode::Test.as_str() {
            Mode::Test
        } else {
            Mode::Live
        }
    }

    /// The team's work on this side.
    pub(super) fn world<'a>(&self, visitor: &'a Visitor) -> World<'a> {
        World {
            team: &visitor.team,
            mode: self.mode(),
        }
    }
}
