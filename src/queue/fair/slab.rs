//! Values at small stable numbers. Numbers take a fraction of the room that
//! shared names would, and a freed one is used again before the slab grows.

use std::ops::{Index, IndexMut};

pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Option<u32>,
}

enum Slot<T> {
    Full(T),
    Free { next: Option<u32> },
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
        }
    }

    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.free {
            let slot = &mut self.slots[at as usize];
            if let Slot::Free { next } = slot {
                self.free = *next;
            }
            *slot = Slot::Full(value);
            return at;
        }
        let at = u32::try_from(self.slots.len()).expect("memory ends long before 2^32 values");
        self.slots.push(Slot::Full(value));
        at
    }

    pub(super) fn remove(&mut self, at: u32) -> T {
        let freed = Slot::Free { next: self.free };
        match std::mem::replace(&mut self.slots[at as usize], freed) {
            Slot::Full(value) => {
                self.free = Some(at);
                value
            }
            Slot::Free { .. } => unreachable!("a number is given back once"),
        }
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, at: u32) -> &T {
        match &self.slots[at as usize] {
            Slot::Full(value) => value,
            Slot::Free { .. } => unreachable!("a number is not used after it was given back"),
        }
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        match &mut self.slots[at as usize] {
            Slot::Full(value) => value,
            Slot::Free { .. } => unreachable!("a number is not used after it was given back"),
        }
    }
}
