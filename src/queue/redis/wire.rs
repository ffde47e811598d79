//! PURE: what scripts are told and what they answer. Times on the wire are spans from
//! now, so clocks that differ between processes and Redis do no harm; tokens and ids are bytes.

use crate::callback::{CallbackId, TaskKey, TeamId, TimestampMs};
use crate::queue::fair::Limits;
use crate::queue::{Claim, Entry, Next, Origin, Settled, Settlement, Signal, Steer};
use redis::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// An argument of a script.
pub(super) type Arg = Vec<u8>;

/// Longer spans are cut: records keep times in 48 bits.
const SPAN_MS_MAX: i64 = 1 << 46;
/// Lane 4, flags 1, abandoned 1, due 6, task 16 (`places.lua`).
const RECORD_BYTES: usize = 28;
/// An id, and its record after it.
const CLAIMED_BYTES: usize = 16 + RECORD_BYTES;
/// Claims made together share a token but for these low bits: there each has its number,
/// from 1 on.
const NUMBER_BITS: u32 = 10;
/// Claims made together at most: as many as there are numbers, and a few milliseconds of Redis.
pub(super) const CLAIM_MAX: usize = 1000;

/// The answer did not have the form that this version expects.
#[derive(Debug)]
pub(super) struct Malformed;

/// The limits as every script reads them first; `now` 0 means Redis's own clock.
pub(super) fn header(limits: &Limits, now: TimestampMs, seen_elsewhere: TimestampMs) -> Arg {
    let mut header = Vec::with_capacity(80);
    let idle_lane_ms = limits.idle_lane_ms.min(SPAN_MS_MAX.unsigned_abs());
    for long in [now, seen_elsewhere, idle_lane_ms] {
        header.extend(long.to_be_bytes());
    }
    let short = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
    let shorts = [
        limits.lane_max(),
        limits.team_max(),
        limits.team_alone_max(),
        limits.window_start,
        short(limits.lease_ms),
        limits.abandoned_max.min(u32::from(u8::MAX)),
        short(limits.slot_ms_guess),
        short(limits.neighbour_ms),
        short(limits.idle_lanes_max as u64),
        limits.breaker_straight_failures,
        limits.breaker_sample.clamp(1, 64),
        limits.breaker_failures_percent,
        short(limits.park_ms_first),
        short(limits.park_ms_max),
    ];
    for number in shorts {
        header.extend(number.to_be_bytes());
    }
    header
}

pub(super) fn text(word: impl std::fmt::Display) -> Arg {
    format!("{word}").into_bytes()
}

/// A token that claims can share, from a random number.
pub(super) fn token(random: u64) -> u64 {
    random >> NUMBER_BITS << NUMBER_BITS
}

pub(super) fn id(id: CallbackId) -> Arg {
    id.0.as_bytes().to_vec()
}

fn span(time: TimestampMs, now: TimestampMs) -> i64 {
    let span = i128::from(time) - i128::from(now);
    let limit = i128::from(SPAN_MS_MAX);
    i64::try_from(span.clamp(-limit, limit)).expect("within 47 bits")
}

/// Entries with the lanes they go to.
pub(super) fn push(rebuild: u64, entries: &[&Entry], now: TimestampMs) -> Vec<Arg> {
    let mut lanes: Vec<(&TeamId, &Origin)> = Vec::new();
    let mut places = HashMap::new();
    let mut packed = Vec::with_capacity(45 * entries.len());
    for entry in entries {
        let lane = *places
            .entry((&entry.team, &entry.origin))
            .or_insert_with(|| {
                lanes.push((&entry.team, &entry.origin));
                lanes.len()
            });
        let flags = u8::from(entry.latest_only) + 2 * u8::from(entry.held);
        let lane = u32::try_from(lane).expect("a batch has few lanes");
        packed.extend(entry.id.0.as_bytes());
        packed.extend(entry.task.0.to_be_bytes());
        packed.extend(lane.to_be_bytes());
        packed.push(flags);
        packed.extend(span(entry.due, now).to_be_bytes());
    }
    let mut args = vec![text(rebuild), text(lanes.len())];
    for (team, origin) in lanes {
        args.push(team.as_bytes().to_vec());
        args.push(origin.as_bytes().to_vec());
    }
    args.push(packed);
    args
}

/// What the operator decided about a lane.
pub(super) fn steer(
    (team, origin): (&TeamId, &Origin),
    steer: Steer,
    now: TimestampMs,
) -> Vec<Arg> {
    let (how, number) = match steer {
        Steer::Resume => ("resume", 0),
        Steer::Park { until } => ("park", span(until, now).max(0)),
        Steer::Limit(limit) => ("limit", limit.map_or(0, |most| i64::from(most.max(1)))),
    };
    let name = [team.as_bytes().to_vec(), origin.as_bytes().to_vec()];
    name.into_iter().chain([text(how), text(number)]).collect()
}

/// A claim's proof, which what is said of it follows.
fn prove(packed: &mut Arg, claim: CallbackId, token: u64) {
    let shared = token >> NUMBER_BITS << NUMBER_BITS;
    let number = u16::try_from(token - shared).expect("it has 10 bits");
    packed.extend(claim.0.as_bytes());
    packed.extend(shared.to_be_bytes());
    packed.extend(number.to_be_bytes());
}

/// Adds one answer of an endpoint. `jitter_percent` spreads a park, if it leads to one.
pub(super) fn answered(
    packed: &mut Arg,
    claim: (CallbackId, u64),
    signal: Signal,
    slot_ms: u64,
    jitter_percent: u8,
) {
    prove(packed, claim.0, claim.1);
    packed.push(match signal {
        Signal::Success => 0,
        Signal::Failure => 1,
        Signal::Overload => 2,
    });
    let slot_ms = u32::try_from(slot_ms).unwrap_or(u32::MAX);
    packed.extend(slot_ms.to_be_bytes());
    packed.push(jitter_percent);
}

/// Adds one settlement.
pub(super) fn settle(packed: &mut Arg, settlement: &Settlement, now: TimestampMs) {
    let entry = &settlement.claim.entry;
    prove(packed, entry.id, settlement.claim.token);
    packed.extend(entry.task.0.to_be_bytes());
    let (ending, due, rest) = match settlement.next {
        Next::End => return packed.push(b'e'),
        Next::Hold => (b'h', 0, -1),
        Next::Return => (b'b', 0, -1),
        Next::Retry {
            due,
            lane_rests_until,
        } => (
            b'r',
            span(due, now),
            lane_rests_until.map_or(-1, |until| span(until, now)),
        ),
    };
    packed.push(ending);
    packed.extend(due.to_be_bytes());
    packed.extend(rest.to_be_bytes());
    let origin = settlement.origin.as_deref().unwrap_or_default();
    let length = u16::try_from(origin.len()).expect("URLs are checked to be shorter");
    packed.extend(length.to_be_bytes());
    packed.extend(origin.as_bytes());
}

/// An answer, read from its front.
pub(super) struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    pub(super) fn new(value: Value) -> Result<Self, Malformed> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(Malformed),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(super) fn number(&mut self) -> Result<i64, Malformed> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(Malformed),
        }
    }

    pub(super) fn count(&mut self) -> Result<u64, Malformed> {
        u64::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(super) fn list(&mut self) -> Result<Self, Malformed> {
        Self::new(self.0.next().ok_or(Malformed)?)
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, Malformed> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub(super) fn id(&mut self) -> Result<CallbackId, Malformed> {
        let id = Uuid::from_slice(&self.bytes()?).map_err(|_| Malformed)?;
        Ok(CallbackId(id))
    }

    /// A time on Redis's clock, which reads `there` while ours reads `here`; -1 is none.
    pub(super) fn time(
        &mut self,
        there: TimestampMs,
        here: TimestampMs,
    ) -> Result<Option<TimestampMs>, Malformed> {
        let time = self.number()?;
        Ok(u64::try_from(time)
            .ok()
            .map(|time| moved(time, there, here)))
    }
}

/// A time on one clock as another shows it.
fn moved(time: TimestampMs, there: TimestampMs, here: TimestampMs) -> TimestampMs {
    if time >= there {
        here.saturating_add(time - there)
    } else {
        here.saturating_sub(there - time)
    }
}

/// Lane names by number, as a claim tells them.
pub(super) struct Names(HashMap<u32, (TeamId, Origin)>);

impl Names {
    pub(super) fn read(packed: &[u8]) -> Result<Self, Malformed> {
        let mut names = HashMap::new();
        let mut rest = packed;
        while !rest.is_empty() {
            let number = u32::from_be_bytes(*take(&mut rest)?);
            names.insert(number, (name(&mut rest)?.into(), name(&mut rest)?.into()));
        }
        Ok(Self(names))
    }

    /// Ids, each with its record, as entries.
    pub(super) fn entries(
        &self,
        packed: &[u8],
        there: TimestampMs,
        here: TimestampMs,
    ) -> Result<Vec<Entry>, Malformed> {
        let mut entries = Vec::with_capacity(packed.len() / CLAIMED_BYTES);
        let mut rest = packed;
        while !rest.is_empty() {
            let id = Uuid::from_bytes(*take(&mut rest)?);
            let record: &[u8; RECORD_BYTES] = take(&mut rest)?;
            let mut due = [0; 8];
            due[2..].copy_from_slice(&record[6..12]);
            let mut task = [0; 16];
            task.copy_from_slice(&record[12..]);
            let number = u32::from_be_bytes([record[0], record[1], record[2], record[3]]);
            let (team, origin) = self.0.get(&number).ok_or(Malformed)?;
            entries.push(Entry {
                id: CallbackId(id),
                team: team.clone(),
                origin: origin.clone(),
                task: TaskKey(u128::from_be_bytes(task)),
                due: moved(u64::from_be_bytes(due), there, here),
                latest_only: record[4] & 1 == 1,
                held: false,
            });
        }
        Ok(entries)
    }
}

/// The next bytes of a packed answer.
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (first, others) = rest.split_first_chunk().ok_or(Malformed)?;
    *rest = others;
    Ok(first)
}

/// The next name of a packed answer, after its length.
fn name<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let length = usize::from(u16::from_be_bytes(*take(rest)?));
    let (name, others) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = others;
    std::str::from_utf8(name).map_err(|_| Malformed)
}

/// Entries in the order in which they were claimed under this shared token.
pub(super) fn claims(entries: Vec<Entry>, token: u64, expires: TimestampMs) -> Vec<Claim> {
    let claim = |(entry, number)| Claim {
        entry,
        token: token + number,
        expires,
    };
    entries.into_iter().zip(1..).map(claim).collect()
}

pub(super) fn settled(code: u8, id: CallbackId) -> Result<Settled, Malformed> {
    match code {
        0 => Ok(Settled::Done),
        1 => Ok(Settled::Superseded(id)),
        2 => Ok(Settled::LeaseLost(id)),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moved_between_clocks() {
        assert_eq!(moved(1_000, 900, 50_000), 50_100);
        assert_eq!(moved(800, 900, 50_000), 49_900);
        assert_eq!(moved(0, 900, 100), 0, "never before the beginning");
        assert_eq!(span(u64::MAX, 0), SPAN_MS_MAX, "cut");
        assert_eq!(span(5, 7), -2);
    }

    #[test]
    fn claims_made_together_share_a_token_and_have_a_number_each() {
        let mut packed = Arg::new();
        let shared = token(u64::MAX);
        prove(&mut packed, CallbackId(Uuid::nil()), shared + 1);
        let last = shared + u64::try_from(CLAIM_MAX).expect("fits");
        prove(&mut packed, CallbackId(Uuid::nil()), last);
        assert_eq!(packed[16..24], packed[42..50]);
        assert_eq!(packed[24..26], [0, 1]);
        assert_eq!(packed[50..52], 1000_u16.to_be_bytes());
    }

    #[test]
    fn packed_names_are_read_and_cut_ones_refused() {
        let packed = b"\0\0\0\x07\0\x01t\0\x02oo";
        let names = Names::read(packed).map(|names| names.0[&7].clone());
        assert_eq!(names.ok(), Some(("t".into(), "oo".into())));
        assert!(Names::read(&packed[..packed.len() - 1]).is_err());
    }

    #[test]
    fn an_answer_of_another_form_is_told_as_such() {
        let reader = || Reader::new(Value::Array(vec![Value::Nil])).ok();
        assert!(reader().is_some_and(|mut answer| answer.number().is_err()));
        assert!(reader().is_some_and(|mut answer| answer.id().is_err()));
        assert!(Reader::new(Value::Int(1)).is_err());
        assert!(settled(3, CallbackId(Uuid::nil())).is_err());
    }
}
