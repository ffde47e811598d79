//! Measures → medians, spread, ratios, bars → a table for people and JSON for machines.

use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Names and units in the order of the table. A name not listed here is a mistake.
const MEASURES: &[(&str, &str)] = &[
    ("a bare loop", "/s"),
    ("b end to end", "/s"),
    ("b gateway CPU", "us each"),
    ("c intake, single", "/s"),
    ("c intake, batches", "/s"),
    ("d at 50/s, p50", "ms"),
    ("d at 50/s, p99", "ms"),
    ("d fdatasync, p50", "ms"),
    ("d fdatasync, p99", "ms"),
    ("e quiet alone, p50", "ms"),
    ("e quiet alone, p99", "ms"),
    ("e quiet beside, p50", "ms"),
    ("e quiet beside, p99", "ms"),
    ("f start after a kill", "ms"),
    ("f drain", "/s"),
    ("g with 1 worker", "/s"),
    ("g with 2 workers", "/s"),
    ("g with 4 workers", "/s"),
    ("g gateway CPU", "us each"),
    ("g PostgreSQL CPU", "us each"),
    ("g PostgreSQL log", "B each"),
    ("g Redis CPU", "us each"),
    ("g Redis scripts", "us each"),
    ("h at 50/s, p50", "ms"),
    ("h at 50/s, p99", "ms"),
    ("i with no log", "/s"),
    ("i with the log as it is", "/s"),
    ("i with no log, CPU", "us each"),
    ("i with the log, CPU", "us each"),
];

/// What a measure is divided by, and what the quotient must be.
struct Bar {
    measure: &'static str,
    /// Nothing: the bar is absolute.
    by: &'static str,
    /// Added to the divisor.
    plus: f64,
    limit: Limit,
    text: &'static str,
}

#[derive(Clone, Copy)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

const BARS: &[Bar] = &[
    Bar {
        measure: "b end to end",
        by: "a bare loop",
        plus: 0.0,
        limit: Limit::AtLeast(0.35),
        text: "b / a >= 0.35",
    },
    Bar {
        measure: "d at 50/s, p99",
        by: "d fdatasync, p99",
        plus: 10.0,
        limit: Limit::AtMost(1.0),
        text: "d / (fdatasync p99 + 10 ms) <= 1",
    },
    Bar {
        measure: "e quiet beside, p99",
        by: "e quiet alone, p99",
        plus: 0.0,
        limit: Limit::Below(2.0),
        text: "beside / alone < 2",
    },
    Bar {
        measure: "g with 1 worker",
        by: "a bare loop",
        plus: 0.0,
        limit: Limit::AtLeast(0.2),
        text: "g / a >= 0.2",
    },
    Bar {
        measure: "g with 4 workers",
        by: "g with 1 worker",
        plus: 0.0,
        limit: Limit::AtLeast(0.9),
        text: "4 workers / 1 worker >= 0.9",
    },
    Bar {
        measure: "i with the log, CPU",
        by: "i with no log, CPU",
        plus: 0.0,
        limit: Limit::AtMost(1.03),
        text: "with the log / without <= 1.03",
    },
    Bar {
        measure: "g Redis scripts",
        by: "",
        plus: 1.0,
        limit: Limit::AtMost(25.0),
        text: "<= 25 us",
    },
];

impl Limit {
    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
            Self::Below(limit) => ratio < limit,
        }
    }
}

/// The sample below which so many per cent lie, in milliseconds.
pub(crate) fn percentile(samples_ns: &[u64], percent: usize) -> f64 {
    let mut sorted = samples_ns.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    std::time::Duration::from_nanos(sorted[rank - 1]).as_secs_f64() * 1e3
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        f64::midpoint(sorted[half - 1], sorted[half])
    }
}

/// One measure's values, a value a round.
#[derive(Default)]
pub(crate) struct Report {
    values: Vec<(&'static str, &'static str, Vec<f64>)>,
}

impl Report {
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        if let Some((.., values)) = self.values.iter_mut().find(|(known, ..)| *known == name) {
            return values.push(value);
        }
        let &(name, unit) = MEASURES
            .iter()
            .find(|(known, _)| *known == name)
            .expect("every measure is listed");
        self.values.push((name, unit, vec![value]));
    }

    fn values(&self, name: &str) -> Option<&[f64]> {
        let found = self.values.iter().find(|(known, ..)| *known == name);
        found.map(|(.., values)| values.as_slice())
    }

    /// The bar of a measure with its ratio, round by round; none when a side is missing.
    fn judged(&self, name: &str) -> Option<(&'static Bar, Vec<f64>)> {
        let bar = BARS.iter().find(|bar| bar.measure == name)?;
        let above = self.values(name)?;
        let nothing = vec![0.0; above.len()];
        let below = match bar.by {
            "" => &nothing,
            by => self.values(by)?,
        };
        let rounds = above.iter().zip(below);
        let ratios = rounds.map(|(above, below)| above / (below + bar.plus));
        Some((bar, ratios.collect()))
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "\n{:<22}{:>10}  {:<22}{:<9}{:>6}  {:<34}{}\n",
            "", "median", "min .. max", "unit", "ratio", "bar", "met?"
        );
        for (name, unit, values) in &self.values {
            let [low, high] = ends(values).map(number);
            let spread = format!("{low} .. {high}");
            let middle = number(median(values));
            write!(text, "{name:<22}{middle:>10}  {spread:<22}{unit:<9}").unwrap();
            if let Some((bar, ratios)) = self.judged(name) {
                let ratio = median(&ratios);
                let met = if bar.limit.is_met(ratio) {
                    "yes"
                } else {
                    "NOT MET"
                };
                write!(text, "{ratio:>6.2}  {:<34}{met}", bar.text).unwrap();
            }
            text.push('\n');
        }
        text
    }

    fn json(&self) -> Value {
        let rows = self.values.iter().map(|(name, unit, values)| {
            let [low, high] = ends(values);
            let judged = self.judged(name).map(|(bar, ratios)| {
                let ratio = median(&ratios);
                let met = bar.limit.is_met(ratio);
                json!({"bar": bar.text, "ratio": ratio, "ratios": ratios, "met": met})
            });
            json!({"name": name, "unit": unit, "median": median(values), "min": low,
                   "max": high, "rounds": values, "judged": judged})
        });
        json!({ "measures": rows.collect::<Vec<_>>() })
    }

    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        std::fs::create_dir_all(folder).unwrap();
        let file = folder.join("delivery.json");
        std::fs::write(&file, format!("{:#}\n", self.json())).unwrap();
        file
    }
}

fn ends(values: &[f64]) -> [f64; 2] {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [low, high]
}

/// Large numbers whole, small ones with what can be told apart.
fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
