//! What the kernel knows of this process, read when somebody asks. What cannot be read
//! stays as it was.

use super::declared::Declared;
use super::family::IntGauge;
use std::fs;

/// The kernel counts time for user space in these, whatever its own tick is.
const TICKS_PER_S: f64 = 100.0;

pub(super) fn read(metrics: &Declared) {
    if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
        // After the name, which may hold spaces: utime, stime, threads and start time are the
        // 12th, 13th, 18th and 20th.
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        let fields: Vec<f64> = fields
            .split(' ')
            .map(|field| field.trim().parse().unwrap_or(0.0))
            .collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or(0.0);
        let cpu_s = (field(11) + field(12)) / TICKS_PER_S;
        let counted = &metrics.process_cpu_seconds_total;
        // The kernel's count has steps of 10 ms, and a sum of floats is never exact.
        counted.inc_by((cpu_s - counted.get()).max(0.0));
        let booted_s = number("/proc/stat", "btime ");
        if let Some(booted_s) = booted_s {
            let start_s = f64::from(u32::try_from(booted_s).unwrap_or(0)) + field(19) / TICKS_PER_S;
            metrics.process_start_seconds.set(start_s);
        }
    }
    let set = |gauge: &IntGauge, file, word, unit| {
        if let Some(n) = number(file, word) {
            gauge.set(n * unit);
        }
    };
    set(
        &metrics.process_resident_bytes,
        "/proc/self/status",
        "VmRSS:",
        1024,
    );
    set(&metrics.process_threads, "/proc/self/status", "Threads:", 1);
    set(
        &metrics.process_open_files_max,
        "/proc/self/limits",
        "Max open files",
        1,
    );
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Without the one that reads them.
        let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
        metrics.process_open_files.set(open - 1);
    }
}

/// The first number behind the word that begins a line.
fn number(file: &str, word: &str) -> Option<i64> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_whitespace().next()?.parse().ok()
}
