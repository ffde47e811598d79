//! An explanation as a timeline for a terminal.

use crate::callback::TimestampMs;
use crate::explain::{Attempt, Explanation};
use std::fmt::Write;

/// Characters of an answer that are shown.
const ANSWER_SHOWN: usize = 200;

/// The whole timeline, with a line feed at the end.
#[must_use]
pub fn timeline(explanation: &Explanation) -> String {
    let mut text = String::new();
    write(&mut text, explanation).expect("a string takes any text");
    text
}

fn write(text: &mut String, it: &Explanation) -> std::fmt::Result {
    writeln!(text, "callback  {}", it.callback_id)?;
    writeln!(
        text,
        "team      {}   task {}   event {}   {}",
        it.team_id, it.task_id, it.event_id, it.mode
    )?;
    writeln!(text, "state     {}: {}", it.state, it.why)?;
    if let Some(next) = it.next_ms {
        writeln!(
            text,
            "next      {}  ({})",
            time(next),
            from_now(next, it.now_ms)
        )?;
    }
    if let Some(target) = &it.target {
        writeln!(
            text,
            "target    {}  (chosen by: {})",
            target.url, target.provenance
        )?;
    }
    if let Some(lane) = &it.lane {
        write!(
            text,
            "lane      {} of {} in flight, {} ready",
            lane.in_flight, lane.window, lane.ready
        )?;
        if let Some(until) = lane.parked_until {
            write!(
                text,
                ", parked until {} ({})",
                time(until),
                from_now(until, it.now_ms)
            )?;
        }
        if let Some(until) = lane.rests_until {
            write!(
                text,
                ", rests until {} ({})",
                time(until),
                from_now(until, it.now_ms)
            )?;
        }
        if let Some(ms) = lane.drained_in_ms.filter(|_| lane.ready > 0) {
            write!(text, ", drained in about {}", span(ms))?;
        }
        writeln!(text)?;
    }
    writeln!(text, "\n{}  accepted", time(it.accepted_ms))?;
    for attempt in &it.attempts {
        write_attempt(text, attempt)?;
    }
    if let Some(ended) = it.ended_ms {
        writeln!(text, "{}  {}", time(ended), it.state)?;
    }
    Ok(())
}

fn write_attempt(text: &mut String, it: &Attempt) -> std::fmt::Result {
    const INDENT: &str = "                         ";
    let status = it
        .status
        .map_or_else(String::new, |status| format!("{status}, "));
    writeln!(
        text,
        "{}  attempt {}: {status}{} ms, {}",
        time(it.started_ms),
        it.number,
        it.duration_ms,
        it.what
    )?;
    writeln!(text, "{INDENT} to {} ({})", it.url, it.provenance)?;
    if !it.hint.is_empty() {
        writeln!(text, "{INDENT} hint: {}", it.hint)?;
    }
    if !it.answer.is_empty() {
        let shown: String = it.answer.chars().take(ANSWER_SHOWN).collect();
        let cut = if shown.len() < it.answer.len() {
            "..."
        } else {
            ""
        };
        writeln!(text, "{INDENT} said: {shown}{cut}")?;
    }
    Ok(())
}

/// UTC, to the millisecond.
#[must_use]
pub fn time(ms: TimestampMs) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| format!("{ms} ms"), |time| format!("{time:.3}"))
}

/// "in 4 min" or "2 s ago".
fn from_now(at: TimestampMs, now: TimestampMs) -> String {
    if at > now {
        format!("in {}", span(at - now))
    } else {
        format!("{} ago", span(now - at))
    }
}

/// A duration as people say it.
#[must_use]
pub fn span(ms: u64) -> String {
    match ms / 1000 {
        0 => format!("{ms} ms"),
        s @ 1..=119 => format!("{s} s"),
        s @ 120..=7199 => format!("{} min", s / 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// What a receiver said, safe for a terminal: no control characters, no broken UTF-8.
#[must_use]
pub fn printable(answer: &[u8]) -> String {
    let safe = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = String::from_utf8_lossy(answer).chars().map(safe).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_cannot_reach_the_terminal() {
        assert_eq!(printable(b"\x1b[31mred\xff\n"), "[31mred\u{fffd}");
    }

    #[test]
    fn times_and_spans_are_for_people() {
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(span(999), "999 ms");
        assert_eq!(span(90_000), "90 s");
        assert_eq!(span(600_000), "10 min");
        assert_eq!(span(9_000_000), "2 h 30 min");
        assert_eq!(from_now(5000, 1000), "in 4 s");
        assert_eq!(from_now(1000, 5000), "4 s ago");
    }
}
