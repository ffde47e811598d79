//! PURE: counts by hour → what a chart draws. Shapes are stretched to the room there is, so
//! they hold no text; words stand beside them in the page, where they stay readable on a
//! phone.

use crate::callback::TimestampMs;
use crate::callback::latency::{BUCKETS, percentile_ms};
use crate::dashboard::times::{minute, moment, span};
use crate::records::hours::{HOUR_MS, Hour, Outcome};
use std::fmt::Write;

/// Size of the drawing in its own units.
const WIDTH: u64 = 1000;
const HEIGHT: u64 = 100;

/// How far back a chart looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Day,
    Week,
}

impl Reach {
    /// Hours in one column: few enough columns for a phone.
    fn step_hours(self) -> u64 {
        match self {
            Self::Day => 1,
            Self::Week => 6,
        }
    }

    fn columns(self) -> u64 {
        match self {
            Self::Day => 24,
            Self::Week => 28,
        }
    }

    /// What a column is.
    pub(super) fn per(self) -> &'static str {
        match self {
            Self::Day => "hour",
            Self::Week => "6 hours",
        }
    }

    /// When its first column begins.
    pub(super) fn since(self, now: TimestampMs) -> TimestampMs {
        let step = self.step_hours() * HOUR_MS;
        (now - now % step).saturating_sub((self.columns() - 1) * step)
    }
}

/// One column as told in the table and beside the pointer.
pub(super) struct Column {
    pub(super) from: String,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) p50: String,
    pub(super) p95: String,
    /// Its left edge.
    pub(super) x: u64,
}

/// A chart, ready to be drawn.
pub(super) struct Chart {
    pub(super) columns: Vec<Column>,
    /// Between two columns' left edges.
    pub(super) pitch: u64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) p50: String,
    pub(super) p95: String,
    /// The highest column.
    pub(super) most: u64,
    /// The slowest p95.
    pub(super) slowest: String,
    /// Paths: bars of delivered ones, of failed ones on top, lines of both percentiles.
    pub(super) bars_delivered: String,
    pub(super) bars_failed: String,
    pub(super) line_p50: String,
    pub(super) line_p95: String,
    /// Under the drawing, from left to right.
    pub(super) marks: Vec<String>,
}

#[derive(Clone)]
struct Count {
    delivered: u64,
    failed: u64,
    latency: Vec<u64>,
}

impl Count {
    fn none() -> Self {
        Self {
            delivered: 0,
            failed: 0,
            latency: vec![0; BUCKETS as usize],
        }
    }

    fn add(&mut self, hour: &Hour, n: u64) {
        match hour.outcome {
            Outcome::Delivered => {
                self.delivered += n;
                if let Some(count) = self.latency.get_mut(hour.bucket as usize) {
                    *count += n;
                }
            }
            Outcome::Failed => self.failed += n,
        }
    }

    fn percentile(&self, percent: u64) -> Option<u64> {
        percentile_ms(&self.latency, percent)
    }
}

impl Chart {
    /// Draws what was counted since [`Reach::since`].
    pub(super) fn draw(reach: Reach, hours: &[(Hour, u64)], now: TimestampMs) -> Self {
        let (since, step) = (reach.since(now), reach.step_hours() * HOUR_MS);
        let mut counts = vec![Count::none(); usize::try_from(reach.columns()).unwrap_or(0)];
        let mut whole = Count::none();
        for (hour, n) in hours {
            let index = hour.start_ms.checked_sub(since).map(|ms| ms / step);
            let index = index.and_then(|index| usize::try_from(index).ok());
            if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                count.add(hour, *n);
                whole.add(hour, *n);
            }
        }
        let most = counts.iter().map(|count| count.delivered + count.failed);
        let most = most.max().unwrap_or(0);
        let slowest = counts.iter().filter_map(|count| count.percentile(95)).max();
        let pitch = WIDTH / reach.columns();
        let column = |(index, count): (u64, &Count)| Column {
            from: minute(since + index * step),
            delivered: count.delivered,
            failed: count.failed,
            p50: told(count.percentile(50)),
            p95: told(count.percentile(95)),
            x: index * pitch,
        };
        let marks = (0..reach.columns()).step_by(7).map(|index| match reach {
            Reach::Day => minute(since + index * step).split_off(11),
            Reach::Week => day(since + index * step, now),
        });
        Self {
            columns: (0..).zip(&counts).map(column).collect(),
            pitch,
            delivered: whole.delivered,
            failed: whole.failed,
            p50: told(whole.percentile(50)),
            p95: told(whole.percentile(95)),
            most,
            slowest: told(slowest),
            bars_delivered: bars(&counts, pitch, most, |count| (0, count.delivered)),
            bars_failed: bars(&counts, pitch, most, |count| {
                (count.delivered, count.failed)
            }),
            line_p50: line(&counts, pitch, slowest, 50),
            line_p95: line(&counts, pitch, slowest, 95),
            marks: marks.collect(),
        }
    }

    /// Whether there is anything to see.
    pub(super) fn is_empty(&self) -> bool {
        self.most == 0
    }
}

/// `8 Nov`.
fn day(at: TimestampMs, now: TimestampMs) -> String {
    let moment = moment(at, now);
    let mut words = moment.splitn(3, ' ');
    let (day, month) = (words.next(), words.next());
    format!("{} {}", day.unwrap_or_default(), month.unwrap_or_default())
}

fn told(ms: Option<u64>) -> String {
    ms.map_or_else(|| "–".to_owned(), span)
}

/// A rectangle for each column that has something: from `below` up by `n`. What is there is
/// at least a line high, so that one failure among thousands shows.
fn bars(counts: &[Count], pitch: u64, most: u64, of: fn(&Count) -> (u64, u64)) -> String {
    let mut path = String::new();
    for (index, count) in (0..).zip(counts) {
        let (below, n) = of(count);
        if n == 0 {
            continue;
        }
        let height = (n * HEIGHT / most.max(1)).max(2);
        let bottom = (HEIGHT - below * HEIGHT / most.max(1)).max(height);
        let (x, width) = (index * pitch + pitch / 8, pitch - pitch / 4);
        let top = bottom - height;
        write!(path, "M{x} {bottom}V{top}h{width}V{bottom}z").expect("a string takes any text");
    }
    path
}

/// A line through the columns that have a percentile, broken where one has none.
fn line(counts: &[Count], pitch: u64, slowest: Option<u64>, percent: u64) -> String {
    let (mut path, mut pen) = (String::new(), 'M');
    for (index, count) in (0..).zip(counts) {
        let Some(ms) = count.percentile(percent) else {
            pen = 'M';
            continue;
        };
        let y = HEIGHT - ms * (HEIGHT - 4) / slowest.unwrap_or(1).max(1);
        let (left, right) = (index * pitch + pitch / 8, (index + 1) * pitch - pitch / 8);
        write!(path, "{pen}{left} {y}H{right}").expect("a string takes any text");
        pen = 'L';
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::latency::bucket_of;

    const NOW: TimestampMs = 1_700_000_000_000; // 22:13:20

    fn hours() -> Vec<(Hour, u64)> {
        let hour =
            |ago: u64, outcome, ms| Hour::of("t", NOW - ago * HOUR_MS, outcome, bucket_of(ms));
        vec![
            (hour(30, Outcome::Delivered, 10), 1000),
            (hour(2, Outcome::Delivered, 10), 90),
            (hour(2, Outcome::Delivered, 900), 10),
            (hour(2, Outcome::Failed, 20), 1),
            (hour(0, Outcome::Failed, 20), 5),
        ]
    }

    #[test]
    fn a_day_has_a_column_an_hour_and_nothing_older() {
        let chart = Chart::draw(Reach::Day, &hours(), NOW);
        assert_eq!(
            (chart.columns.len(), chart.delivered, chart.failed),
            (24, 100, 6)
        );
        let busy = &chart.columns[21];
        assert_eq!((&*busy.from, busy.delivered), ("2023-11-14 20:00", 100));
        assert_eq!((chart.most, chart.columns[23].failed), (101, 5));
        assert!(busy.p50.ends_with("ms") && busy.p95.ends_with("ms"));
        assert_eq!(chart.columns[0].p50, "–");
        assert_eq!(chart.marks, ["23:00", "06:00", "13:00", "20:00"]);
        assert_eq!(chart.bars_delivered.matches('M').count(), 1);
        assert_eq!(chart.bars_failed.matches('M').count(), 2, "small ones show");
        assert_eq!(chart.line_p95.matches('M').count(), 1);
    }

    #[test]
    fn a_week_adds_up_to_the_same() {
        let chart = Chart::draw(Reach::Week, &hours(), NOW);
        assert_eq!(
            (chart.columns.len(), chart.delivered, chart.failed),
            (28, 1100, 6)
        );
        assert_eq!(chart.marks[0], "8 Nov");
        let sum: u64 = chart.columns.iter().map(|column| column.delivered).sum();
        assert_eq!(sum, 1100);
        assert!(Chart::draw(Reach::Week, &[], NOW).is_empty());
    }
}
