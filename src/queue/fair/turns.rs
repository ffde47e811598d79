//! Start-time fair queueing for one level: whoever has used least slot time goes
//! next, and whoever was away starts level with the others instead of catching up.

use std::collections::BTreeSet;

/// Members that may go now, in fair order. Virtual time is slot milliseconds.
pub(super) struct Turns {
    virtual_now: u64,
    open: BTreeSet<(u64, u32)>,
}

/// One member's side: the virtual time at which its next turn starts.
#[derive(Default)]
pub(super) struct Turn {
    starts: u64,
    is_open: bool,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            virtual_now: 0,
            open: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whose turn it is. Equal starts go by number, which no charge of zero can freeze:
    /// every turn costs at least 1.
    pub(super) fn first(&self) -> Option<u32> {
        self.open.first().map(|&(_, member)| member)
    }

    /// The member may go. Time it could not have used gives it no credit.
    pub(super) fn open(&mut self, member: u32, turn: &mut Turn) {
        if !turn.is_open {
            turn.is_open = true;
            turn.starts = turn.starts.max(self.virtual_now);
            self.open.insert((turn.starts, member));
        }
    }

    /// The member cannot go for now; what it used stays on its account.
    pub(super) fn close(&mut self, member: u32, turn: &mut Turn) {
        if turn.is_open {
            turn.is_open = false;
            self.open.remove(&(turn.starts, member));
        }
    }

    /// The member goes, for an estimated charge.
    pub(super) fn serve(&mut self, member: u32, turn: &mut Turn, charge_ms: u64) {
        self.virtual_now = self.virtual_now.max(turn.starts);
        self.charge(member, turn, charge_ms, 0);
    }

    /// Puts `more_ms` on the member's account and takes `less_ms` off it.
    pub(super) fn charge(&mut self, member: u32, turn: &mut Turn, more_ms: u64, less_ms: u64) {
        let starts = turn.starts.saturating_add(more_ms).saturating_sub(less_ms);
        if turn.is_open && starts != turn.starts {
            self.open.remove(&(turn.starts, member));
            self.open.insert((starts, member));
        }
        turn.starts = starts;
    }
}
