//! How far the move is: a bar for a terminal, now and then a line for anything else. On
//! standard error, so that what came of it can be piped.

use crate::migration::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
const STYLE: &str = "{msg:<10} [{bar:40}] {human_pos} of {human_len} callbacks, {rate}/s, \
    {eta} left";

pub(super) struct Bar {
    bar: ProgressBar,
    /// When the last line was written; none on a terminal.
    lines: Option<Mutex<Option<Instant>>>,
}

impl Bar {
    pub(super) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(STYLE)
            .expect("the template is well formed")
            .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // A bar that cannot be drawn is no reason to stop.
                let _ = write!(out, "{:.0}", state.per_sec());
            });
        Self {
            bar: ProgressBar::with_draw_target(None, target).with_style(style),
            lines: (!terminal).then(Mutex::default),
        }
    }

    pub(super) fn show(&self, event: Event) {
        match event {
            Event::Copying(callbacks) => self.begin("copying", callbacks),
            Event::Verifying(callbacks) => self.begin("comparing", callbacks),
            Event::Done(callbacks) => self.bar.inc(callbacks),
        }
        self.line(!matches!(event, Event::Done(_)));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn begin(&self, work: &'static str, callbacks: u64) {
        self.bar.set_message(work);
        self.bar.reset();
        self.bar.set_length(callbacks);
    }

    fn line(&self, at_once: bool) {
        let Some(last) = &self.lines else { return };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if at_once || last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            *last = Some(Instant::now());
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            eprintln!("{} {done} of {all} callbacks", self.bar.message());
        }
    }
}
