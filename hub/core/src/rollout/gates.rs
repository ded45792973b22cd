//! Gates of a rollout: what halts it, and what each wave waits for before the next one begins.

use super::admission::Rollout;
use super::policy::{Approval, Offline, Wave};
use super::report::{Gate, Halt};
use super::tally::{Tally, tally};

impl Rollout<'_> {
    /// Why nothing more is ordered: somebody asked for that, or more fail than may.
    pub(super) fn halt(&self, all: &Tally) -> Option<Halt> {
        let policy = self.policy();
        if let Some(stop) = self.situation.pacing.verbs.stop {
            return Some(Halt::Stopped(stop));
        }
        let halt = |wave: Option<&Wave>, failed: usize, allowed: usize| {
            (failed > allowed).then(|| Halt::Failures {
                wave: wave.map(|wave| wave.name.clone()),
                failed,
                allowed,
            })
        };
        let failed = self.failed(all);
        let whole = halt(None, failed, policy.max_failures.of(all.all));
        whole.or_else(|| {
            self.waves.iter().find_map(|(wave, members)| {
                let tally = tally(self.targets, members);
                let allowed = wave.max_failures?.of(tally.all);
                halt(Some(wave), self.failed(&tally), allowed)
            })
        })
    }

    /// How many count as failed.
    fn failed(&self, tally: &Tally) -> usize {
        match self.policy().offline {
            Offline::Count => tally.failed + tally.offline,
            Offline::Skip | Offline::Wait => tally.failed,
        }
    }

    /// What a wave waits for; notes since when it is complete.
    pub(super) fn gate(&mut self, at: usize, is_open: bool, is_halted: bool) -> Gate {
        if self.record.waves[at].passed {
            return Gate::Passed;
        }
        if !is_open {
            return Gate::EarlierWave;
        }
        let (wave, members) = &self.waves[at];
        if !is_halted && self.situation.pacing.verbs.promoted.contains(&wave.name) {
            self.record.waves[at].passed = true;
            return Gate::Passed;
        }
        let tally = tally(self.targets, members);
        let soak = wave.min_ready.unwrap_or(self.policy().min_ready);
        let blocked = if is_halted {
            Some(Gate::Halted)
        } else if tally.waiting > 0 && self.lacks_approval(at, Approval::Before) {
            Some(Gate::Approval)
        } else {
            self.incomplete(&tally)
        };
        let now = self.situation.now;
        if let Some(gate) = blocked {
            // Nothing is known against those that are not heard: the time goes on when they are.
            if tally.in_flight + tally.waiting + tally.failed > 0 {
                self.record.waves[at].complete_since = None;
            }
            return gate;
        }
        let needs_approval = tally.all > 0 && self.lacks_approval(at, Approval::After);
        let record = &mut self.record.waves[at];
        let since = match tally.all {
            0 => now,
            _ => *record.complete_since.get_or_insert(now),
        };
        let until = since.after(soak);
        if needs_approval && until <= now {
            return Gate::Approval;
        }
        if tally.all == 0 {
            // Whoever comes to be in it has yet to prove something.
            return Gate::Passed;
        }
        if until <= now {
            record.passed = true;
            return Gate::Passed;
        }
        self.wake_at(until);
        Gate::Soaking(until)
    }

    /// What keeps a wave from being complete.
    fn incomplete(&self, tally: &Tally) -> Option<Gate> {
        let offline = match self.policy().offline {
            Offline::Wait => tally.offline,
            Offline::Skip | Offline::Count => 0,
        };
        let online = tally.waiting - tally.offline;
        if tally.in_flight + tally.unheard + tally.unknown + online + offline > 0 {
            return Some(Gate::Clusters);
        }
        // At least half of a wave has to have said something.
        let silent = tally.offline + tally.lost;
        (silent > 0 && 2 * (tally.done + tally.failed) < tally.all).then_some(Gate::TooFewHeard)
    }

    /// Whether somebody has to approve a wave at this point, and nobody has.
    pub(super) fn lacks_approval(&self, at: usize, when: Approval) -> bool {
        let wave = &self.waves[at].0;
        wave.approval == Some(when) && !self.situation.pacing.verbs.approved.contains(&wave.name)
    }
}
