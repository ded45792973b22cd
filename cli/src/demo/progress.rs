//! Progress of the demo on standard error.

use std::io::IsTerminal as _;

use indicatif::ProgressBar;
use stevedore_fleet::progress::{Event, Progress};

/// Progress on a terminal as one line that changes, otherwise as lines.
pub(super) struct ProgressLine {
    bar: Option<ProgressBar>,
}

impl ProgressLine {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
        }
        Self { bar }
    }

    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for ProgressLine {
    fn report(&self, event: &Event) {
        // Starts and builds that go on are for a line that changes, not for a log.
        let quiet = matches!(
            event,
            Event::Starting { .. } | Event::StillBuilding { .. } | Event::Compiling { .. }
        );
        if self.bar.is_some() || !quiet {
            self.say(&event.to_string());
        }
    }
}
