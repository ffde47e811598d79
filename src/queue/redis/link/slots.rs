//! PURE: which node of a cluster serves a key.

use super::url::Address;
use redis::Value;

/// Every cluster has this many.
const SLOTS: usize = 16_384;

/// Which master serves each slot, as one node told it.
pub(super) struct Slots {
    masters: Vec<Address>,
    /// By slot; `NOBODY` where no node serves it.
    owners: Vec<u16>,
}

const NOBODY: u16 = u16::MAX;

impl Slots {
    /// Before any node was asked.
    pub(super) fn unknown() -> Self {
        Self {
            masters: Vec::new(),
            owners: vec![NOBODY; SLOTS],
        }
    }

    /// Reads the answer to `CLUSTER SLOTS`: ranges of `[first, last, [host, port, ..], ..]`.
    /// A node that does not know its own host is where it was `asked`. None: it is no
    /// such answer.
    pub(super) fn read(answer: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(ranges) = answer else {
            return None;
        };
        let mut slots = Self::unknown();
        for range in ranges {
            let Value::Array(range) = range else {
                return None;
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(master),
                ..,
            ] = &range[..]
            else {
                return None;
            };
            let [host, Value::Int(port), ..] = &master[..] else {
                return None;
            };
            let host = match host {
                Value::BulkString(host) if !host.is_empty() && host != b"?" => {
                    String::from_utf8(host.clone()).ok()?
                }
                _ => asked.host.clone(),
            };
            let port = u16::try_from(*port).ok()?;
            let owner = slots.index_of(Address { host, port })?;
            let first = usize::try_from(*first).ok()?;
            let last = usize::try_from(*last).ok()?;
            slots.owners.get_mut(first..=last)?.fill(owner);
        }
        Some(slots)
    }

    fn index_of(&mut self, address: Address) -> Option<u16> {
        let known = self.masters.iter().position(|master| *master == address);
        let index = known.unwrap_or(self.masters.len());
        if known.is_none() {
            self.masters.push(address);
        }
        u16::try_from(index).ok().filter(|index| *index != NOBODY)
    }

    /// The master that serves this key.
    pub(super) fn owner(&self, key: &str) -> Option<&Address> {
        let owner = self.owners[usize::from(slot_of(key))];
        self.masters.get(usize::from(owner))
    }

    /// Every master that serves something.
    pub(super) fn masters(&self) -> &[Address] {
        &self.masters
    }
}

/// The slot of a key: of what stands between the first `{` and the next `}`, if that is
/// anything, else of the whole key.
fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| {
        let (tag, _) = rest.split_once('}')?;
        Some(tag).filter(|tag| !tag.is_empty())
    });
    // 16,384 is a power of two: the rest is the low 14 bits.
    crc16(tag.unwrap_or(key).as_bytes()) & 0x3fff
}

/// CRC-16/XMODEM, as the cluster specification asks for. Keys are short: no table.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &[u8], port: i64) -> Value {
        let id = Value::BulkString(b"id".to_vec());
        Value::Array(vec![
            Value::BulkString(host.to_vec()),
            Value::Int(port),
            id,
            Value::Array(vec![]),
        ])
    }

    fn range(first: i64, last: i64, node: Value) -> Value {
        Value::Array(vec![Value::Int(first), Value::Int(last), node])
    }

    fn asked() -> Address {
        Address {
            host: "seed".to_owned(),
            port: 1,
        }
    }

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // As `CLUSTER KEYSLOT` answers.
        let cases = [
            ("foo", 12_182),
            ("{foo}bar", 12_182),
            ("bar{foo}{x}", 12_182),
            ("", 0),
        ];
        for (key, slot) in cases {
            assert_eq!(slot_of(key), slot, "{key}");
        }
        assert_eq!(slot_of("{}foo"), crc16(b"{}foo") & 0x3fff);
        assert_eq!(slot_of("a{b"), crc16(b"a{b") & 0x3fff);
    }

    #[test]
    fn an_answer_gives_every_slot_its_owner() {
        let answer = Value::Array(vec![
            range(0, 12_181, node(b"10.0.0.1", 7000)),
            range(12_182, 12_182, node(b"", 7001)),
            range(12_184, 16_383, node(b"10.0.0.1", 7000)),
        ]);
        let slots = Slots::read(&answer, &asked()).unwrap();
        assert_eq!(slots.masters().len(), 2);
        assert_eq!(slots.owner("").unwrap().to_string(), "10.0.0.1:7000");
        assert_eq!(slots.owner("foo").unwrap().to_string(), "seed:7001");
        let unserved = (0..).map(|n| n.to_string());
        let unserved = unserved.into_iter().find(|key| slot_of(key) == 12_183);
        assert_eq!(slots.owner(&unserved.unwrap()), None);
    }

    #[test]
    fn an_answer_of_another_form_is_none() {
        let wrong = [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 16_384, node(b"a", 1))]),
            Value::Array(vec![range(-1, 3, node(b"a", 1))]),
            Value::Array(vec![range(5, 3, node(b"a", 1))]),
            Value::Array(vec![range(0, 3, node(b"a", 70_000))]),
            Value::Array(vec![range(0, 3, Value::Nil)]),
        ];
        for answer in wrong {
            assert!(Slots::read(&answer, &asked()).is_none(), "{answer:?}");
        }
    }
}
