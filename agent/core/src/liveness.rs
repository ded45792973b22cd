//! The liveness of the member's API server: when it is asked for a word, and when it counts as silent.
//!
//! Every answer to whatever request is a word, and so is what a watch sends. Only after a time without any is it asked,
//! one request at a time: an agent that works asks nothing, and one that rests asks about four times a minute.
//!
//! It is silent [`SILENT_AFTER`] after its last word, and no later: what a watch says of a server that hangs is found
//! out only minutes later. At least two requests have gone without an answer then, so that neither one that was slow
//! nor a process that was stopped for a while is taken for silence.

use std::time::Duration;

use stevedore_proto_core::Millis;
use stevedore_retry::{millis, spread};

/// For how long nothing is asked after a word; spread by [`SPREAD`] per cent.
const QUIET: Duration = Duration::from_secs(13);
const SPREAD: u32 = 8;
/// How long one request may take.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Between a request without an answer and the next one.
const PAUSE: Duration = Duration::from_secs(2);
/// From the last word until it is silent.
pub const SILENT_AFTER: Duration = Duration::from_secs(22);
/// So many requests in a row have had no answer by then.
const MISSES: u32 = 2;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time.
    Wait(Millis),
    /// Ask, and give up after this time.
    Ask(Duration),
}

/// What is known of the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    heard: Millis,
    /// When the last request without an answer ended, if one did since the last word.
    missed: Option<Millis>,
    misses: u32,
}

impl Liveness {
    /// It has just answered.
    pub fn new(now: Millis) -> Self {
        Self {
            heard: now,
            missed: None,
            misses: 0,
        }
    }

    /// The last word of it came at this time.
    pub fn heard(&mut self, at: Millis) {
        if at > self.heard {
            *self = Self::new(at);
        }
    }

    /// A request has had no answer in its time.
    pub fn missed(&mut self, now: Millis) {
        self.missed = Some(now);
        self.misses = self.misses.saturating_add(1);
    }

    /// Since when it does not answer; none while it counts as answering.
    pub fn silent_since(&self, now: Millis) -> Option<Millis> {
        (now >= self.silent_at() && self.misses >= MISSES).then_some(self.heard)
    }

    /// What to do; `random` is fresh with every call.
    pub fn step(&self, now: Millis, random: u64) -> Step {
        let ask_at = match self.missed {
            None => self.heard + millis(spread(QUIET, SPREAD, random)),
            Some(missed) => missed + millis(PAUSE),
        };
        let silent_at = self.silent_at();
        if now < ask_at {
            // Whoever waits has to look at it when it becomes silent.
            let at = if now < silent_at {
                ask_at.min(silent_at)
            } else {
                ask_at
            };
            return Step::Wait(at);
        }
        let left = Duration::from_millis(silent_at.saturating_sub(now));
        Step::Ask(match left {
            Duration::ZERO => ATTEMPT,
            left => ATTEMPT.min(left),
        })
    }

    fn silent_at(&self) -> Millis {
        self.heard + millis(SILENT_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lives through a server that says nothing after 0 and whose requests fail after `answer` at the latest; gives
    /// when it became silent, and how many requests were made until then.
    fn silent_at(answer: Duration, randoms: &[u64]) -> (Millis, usize) {
        let (mut liveness, mut now, mut asked) = (Liveness::new(0), 0, 0);
        for random in randoms.iter().cycle() {
            if liveness.silent_since(now).is_some() {
                break;
            }
            match liveness.step(now, *random) {
                Step::Wait(until) => now = until.max(now + 1),
                Step::Ask(deadline) => {
                    asked += 1;
                    now += millis(deadline.min(answer)).max(1);
                    liveness.missed(now);
                }
            }
        }
        (now, asked)
    }

    proptest! {
        #[test]
        fn one_that_hangs_or_refuses_is_silent_when_its_time_is_over(
            answer in 0..=10_000_u64,
            randoms in prop::collection::vec(any::<u64>(), 1..9),
        ) {
            let (at, asked) = silent_at(Duration::from_millis(answer), &randoms);
            let bound = millis(SILENT_AFTER);
            prop_assert!((bound..=bound + 1).contains(&at), "{at}");
            prop_assert!((2..=6).contains(&asked), "{asked}");
        }
    }

    #[test]
    fn a_word_puts_everything_off() {
        let mut liveness = Liveness::new(0);
        assert_eq!(liveness.step(10_000, u64::MAX), Step::Wait(14_040));
        liveness.heard(10_000);
        assert_eq!(liveness.step(14_040, u64::MAX), Step::Wait(24_040));
        liveness.missed(27_000);
        liveness.missed(32_000);
        assert_eq!(liveness.silent_since(32_000), Some(10_000));
        liveness.heard(33_000);
        assert_eq!(liveness.silent_since(33_000), None);
        assert_eq!(liveness.silent_since(90_000), None, "it was not asked");
    }

    #[test]
    fn a_process_that_was_stopped_asks_before_it_calls_anybody_silent() {
        let mut liveness = Liveness::new(0);
        assert_eq!(liveness.silent_since(600_000), None);
        assert_eq!(liveness.step(600_000, 0), Step::Ask(ATTEMPT));
        liveness.missed(600_001);
        assert_eq!(
            liveness.silent_since(600_001),
            None,
            "stopped while it asked"
        );
        assert_eq!(liveness.step(602_001, 0), Step::Ask(ATTEMPT));
        liveness.missed(606_001);
        assert_eq!(liveness.silent_since(606_001), Some(0));
    }
}
