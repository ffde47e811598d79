//! PURE: where a callback is in somebody's trace (W3C Trace Context, `traceparent`). What
//! does not read as one is nobody's trace, never an error.

use crate::callback::CallbackId;
use std::fmt;

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: u128,
    /// What happened before, in it.
    pub span: u64,
    /// Whether the trace is recorded.
    pub is_recorded: bool,
}

impl TraceParent {
    /// Reads a header. Versions to come are read as far as they are the same.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_legal = |sign: u8| matches!(sign, b'0'..=b'9' | b'a'..=b'f');
            let legal = part.bytes().all(is_legal);
            legal.then(|| u128::from_str_radix(part, 16).ok()).flatten()
        };
        let (version, trace) = (hex(2)?, hex(32)?);
        let (span, flags) = (u64::try_from(hex(16)?).ok()?, hex(2)?);
        let is_odd = version == 0xff || (version == 0 && parts.next().is_some());
        if is_odd || trace == 0 || span == 0 {
            return None;
        }
        Some(Self {
            trace,
            span,
            is_recorded: flags & 1 == 1,
        })
    }

    /// The trace of a callback that no producer began one for: all its attempts share it.
    /// `percent` of them are recorded, the same for every attempt.
    #[must_use]
    pub fn own(id: CallbackId, percent: f64) -> Self {
        // The last bits of an id are random.
        let place = u32::try_from(id.0.as_u128() & 0xffff).expect("16 bits");
        Self {
            trace: id.0.as_u128(),
            span: 0,
            is_recorded: f64::from(place) < percent / 100.0 * 65_536.0,
        }
    }

    /// The same trace after this span.
    #[must_use]
    pub fn after(self, span: u64) -> Self {
        Self { span, ..self }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_recorded);
        write!(out, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_what_reads_as_one_is_a_place_in_a_trace() {
        let place = TraceParent::parse(GOOD).unwrap();
        assert_eq!(place.to_string(), GOOD);
        assert!(place.is_recorded);
        let check = |from: &str, to: &str, legal| {
            let text = GOOD.replacen(from, to, 1);
            assert_eq!(TraceParent::parse(&text).is_some(), legal, "{text}");
        };
        check("-01", "-00", true);
        check("00-", "01-", true);
        check("00-", "ff-", false);
        check("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32), false);
        check("b7ad6b7169203331", &"0".repeat(16), false);
        check("0af", "0AF", false);
        check("-01", "-01-more", false);
        check("-01", "", false);
        check("b7", "+7", false);
    }

    #[test]
    fn a_part_of_the_own_traces_is_recorded() {
        let recorded = |percent| {
            let ids = (0..65_536_u128).map(|n| CallbackId(Uuid::from_u128(n + (1 << 100))));
            ids.filter(|id| TraceParent::own(*id, percent).is_recorded)
                .count()
        };
        assert_eq!((recorded(0.0), recorded(100.0)), (0, 65_536));
        assert_eq!(recorded(25.0), 16_384);
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(text in "\\PC{0,80}") {
            let _ = TraceParent::parse(&text);
        }
    }
}
