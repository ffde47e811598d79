//! The order of callbacks within a task: only the oldest may go, one at a time.
//! Most tasks have one callback, so one must cost no more than a map entry.

use super::EntryIx;
use super::entry::{Place, Record};
use super::slab::Slab;
use crate::callback::{CallbackId, TaskKey};
use std::collections::{BTreeMap, HashMap};

pub(super) struct Order {
    chains: HashMap<TaskKey, Chain>,
}

enum Chain {
    One(EntryIx),
    Many(Box<Many>),
}

struct Many {
    by_id: BTreeMap<CallbackId, EntryIx>,
    leased: Option<EntryIx>,
    /// How many want to make way for newer ones; ends the search for them early.
    latest_only: usize,
}

impl Many {
    fn insert(&mut self, entry: EntryIx, record: &Record) {
        self.by_id.insert(record.id, entry);
        self.latest_only += usize::from(record.latest_only);
        if matches!(record.place, Place::Leased(_)) {
            self.leased = Some(entry);
        }
    }
}

impl Order {
    pub(super) fn new() -> Self {
        Self {
            chains: HashMap::new(),
        }
    }

    /// The entry that may go, unless another of the task is under way.
    pub(super) fn head(&self, task: TaskKey, records: &Slab<Record>) -> Option<EntryIx> {
        match self.chains.get(&task)? {
            Chain::One(entry) => {
                let is_leased = matches!(records[*entry].place, Place::Leased(_));
                (!is_leased).then_some(*entry)
            }
            Chain::Many(many) if many.leased.is_some() => None,
            Chain::Many(many) => many.by_id.values().next().copied(),
        }
    }

    pub(super) fn has_any(&self, task: TaskKey) -> bool {
        self.chains.contains_key(&task)
    }

    /// Whether the task has a callback newer than `id`.
    pub(super) fn has_newer(&self, task: TaskKey, id: CallbackId, records: &Slab<Record>) -> bool {
        match self.chains.get(&task) {
            None => false,
            Some(Chain::One(entry)) => records[*entry].id > id,
            Some(Chain::Many(many)) => many.by_id.keys().next_back().is_some_and(|&last| last > id),
        }
    }

    /// Entries older than `id` that want to make way for it and are not under way.
    pub(super) fn superfluous(
        &self,
        task: TaskKey,
        id: CallbackId,
        records: &Slab<Record>,
    ) -> Vec<EntryIx> {
        let makes_way = |&entry: &EntryIx| {
            let record = &records[entry];
            record.latest_only && record.id < id && !matches!(record.place, Place::Leased(_))
        };
        match self.chains.get(&task) {
            None => Vec::new(),
            Some(Chain::One(entry)) => Some(*entry).filter(makes_way).into_iter().collect(),
            Some(Chain::Many(many)) => many
                .by_id
                .values()
                .rev()
                .copied()
                .filter(|&entry| records[entry].latest_only)
                .take(many.latest_only)
                .filter(makes_way)
                .collect(),
        }
    }

    pub(super) fn insert(&mut self, entry: EntryIx, records: &Slab<Record>) {
        let record = &records[entry];
        let Some(chain) = self.chains.get_mut(&record.task) else {
            self.chains.insert(record.task, Chain::One(entry));
            return;
        };
        if let Chain::One(first) = *chain {
            let mut many = Many {
                by_id: BTreeMap::new(),
                leased: None,
                latest_only: 0,
            };
            many.insert(first, &records[first]);
            *chain = Chain::Many(Box::new(many));
        }
        if let Chain::Many(many) = chain {
            many.insert(entry, record);
        }
    }

    /// Takes an entry out of its task. True when others of the task remain.
    pub(super) fn remove(&mut self, record: &Record) -> bool {
        let Some(Chain::Many(many)) = self.chains.get_mut(&record.task) else {
            self.chains.remove(&record.task);
            return false;
        };
        let entry = many.by_id.remove(&record.id);
        many.latest_only -= usize::from(record.latest_only);
        if many.leased == entry {
            many.leased = None;
        }
        if many.by_id.len() == 1
            && let Some((_, &last)) = many.by_id.first_key_value()
        {
            self.chains.insert(record.task, Chain::One(last));
        }
        true
    }

    /// Notes which entry of the task is under way. A lone entry's place says it already.
    pub(super) fn set_leased(&mut self, task: TaskKey, leased: Option<EntryIx>) {
        if let Some(Chain::Many(many)) = self.chains.get_mut(&task) {
            many.leased = leased;
        }
    }
}
