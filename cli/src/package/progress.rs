//! Progress of what talks to registries: one line on a terminal, as soon as it takes longer than a second.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long something may take before it is shown.
const UNSHOWN: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

/// A line that says what is going on.
pub(super) struct Progress {
    line: ProgressBar,
}

impl Progress {
    pub(super) fn new() -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // A line that is too long is cut, so that it stays one.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            line.set_style(style);
        }
        Self { line }
    }

    /// What the line is to say from now on.
    pub(super) fn say(&self, text: impl Into<Cow<'static, str>>) {
        self.line.set_message(text);
    }

    /// Waits for something. Where standard error is a terminal, the line is there from the second second to its end.
    pub(super) async fn show<T>(&self, work: impl Future<Output = T>) -> T {
        self.show_on(ProgressDrawTarget::stderr, UNSHOWN, work)
            .await
    }

    async fn show_on<T>(
        &self,
        target: impl FnOnce() -> ProgressDrawTarget,
        unshown: Duration,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        if let Ok(done) = tokio::time::timeout(unshown, &mut work).await {
            return done;
        }
        self.line.set_draw_target(target());
        self.line.enable_steady_tick(TICK);
        let done = work.await;
        self.line.finish_and_clear();
        // It may be shown again, and nobody sees it until then.
        self.line.set_draw_target(ProgressDrawTarget::hidden());
        self.line.reset();
        done
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;
    use tokio::sync::Notify;

    use super::*;

    /// A terminal that keeps what is written, and tells of it.
    #[derive(Clone, Debug, Default)]
    struct Screen {
        written: Arc<Mutex<String>>,
        told: Arc<Notify>,
    }

    impl Screen {
        fn target(&self) -> ProgressDrawTarget {
            ProgressDrawTarget::term_like(Box::new(self.clone()))
        }

        fn written(&self) -> String {
            self.written.lock().unwrap().clone()
        }

        /// Waits until this is on the screen.
        async fn shows(&self, text: &str) {
            let until = async {
                while !self.written().contains(text) {
                    self.told.notified().await;
                }
            };
            let seen = tokio::time::timeout(Duration::from_secs(30), until).await;
            seen.unwrap_or_else(|_| panic!("{text:?} in {:?}", self.written()));
        }

        fn keep(&self, text: &str) -> io::Result<()> {
            self.written.lock().unwrap().push_str(text);
            self.told.notify_one();
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            40
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.keep(&format!("{text}\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.keep(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            self.keep("<cleared>")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_takes_long_is_one_line_that_is_gone_at_the_end_and_comes_again() {
        let (progress, screen) = (Progress::new(), Screen::default());
        for text in ["pushing lamp", "pushing horn"] {
            progress.say(text);
            let work = screen.shows(text);
            let target = || screen.target();
            progress.show_on(target, Duration::ZERO, work).await;
            let written = screen.written();
            assert!(written.ends_with("<cleared>"), "{written:?}");
        }
        progress.say(format!("pulling {}", "a-long-name/".repeat(9)));
        let work = screen.shows("pulling a-long-name/");
        progress
            .show_on(|| screen.target(), Duration::ZERO, work)
            .await;
        assert!(!screen.written().contains(&"a-long-name/".repeat(4)));
    }

    #[tokio::test]
    async fn what_is_done_at_once_is_not_shown() {
        let (progress, screen) = (Progress::new(), Screen::default());
        progress.say("pushing lamp");
        let target = || screen.target();
        progress.show_on(target, Duration::MAX, ready(())).await;
        assert_eq!(screen.written(), "");
    }
}
