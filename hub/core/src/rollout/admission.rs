//! The admission of orders: which of the clusters that are to be ordered something are ordered it now.
//!
//! Waves follow one another: one begins when all before it passed, which is when every cluster of them is available
//! with exactly what it was ordered, but for those that may fail and those that are offline and not waited for, and
//! when that lasted as long as it has to. Within a wave an order is given while fewer are under way than may be, and,
//! where it takes a deployment from available, while the budget has room. What is not available anyway needs no
//! budget, and what an earlier order broke waits for no wave but its approval: a fix reaches what is broken.

use super::input::Pacing;
use super::policy::{Amount, Approval, Policy, Wave};
use super::report::{Gate, RolloutReport, Wait, WaveReport};
use super::standing::{Runs, Standing, Target};
use super::tally::{Tally, tally};
use super::waves;
use crate::ledger::{RolloutRecord, Shard, WaveRecord};
use crate::moment::UnixMillis;

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// Targets that are ordered what they wait for, as indexes.
    pub(super) admitted: Vec<usize>,
    /// What is to be remembered, if anything.
    pub(super) record: Option<RolloutRecord>,
    pub(super) report: RolloutReport,
    /// When it has to be decided again although nothing else happens.
    pub(super) wake_at: Option<UnixMillis>,
    /// Whether what members report may change the decision.
    pub(super) is_under_way: bool,
}

/// What the decision depends on beside the targets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) pacing: Pacing<'a>,
    /// The revision that is to run.
    pub(super) revision: u64,
    /// What was remembered.
    pub(super) record: Option<&'a RolloutRecord>,
    /// The number that is given next.
    pub(super) number: u64,
    pub(super) shards: &'a [Shard],
    pub(super) now: UnixMillis,
}

/// Decides. Deciding again after the orders were given admits nothing.
pub(super) fn decide(situation: &Situation<'_>, targets: &[Target<'_>]) -> Decision {
    let mut decision = decide_all(situation, targets);
    for target in targets {
        let wait = match target.standing {
            Standing::Skipped => Wait::Skipped,
            Standing::Held => Wait::Held,
            _ => continue,
        };
        if target.is_wanting() {
            decision.report.waits.insert(target.cluster, wait);
        }
    }
    decision
}

fn decide_all(situation: &Situation<'_>, targets: &[Target<'_>]) -> Decision {
    let waiting = |target: &Target<'_>| matches!(target.standing, Standing::Waiting(_));
    let is_first = |target: &Target<'_>| target.standing == Standing::Waiting(Runs::Nothing);
    let is_waiting = targets.iter().any(waiting);
    let known = situation.record;
    let known = known.filter(|it| it.revision == situation.revision && !it.finished);
    // What has the revision and is to be ordered something else: a label, a fact or an account has changed since.
    let is_changed = |first: u64| {
        let has_it = |target: &Target<'_>| {
            waiting(target)
                && target.row.is_some_and(|(_, row)| {
                    row.number >= first && row.ordered.revision == situation.revision
                })
        };
        targets.iter().any(has_it)
    };
    let known = known.filter(|record| !is_changed(record.first));
    let policy = situation.pacing.policy;
    let only_first = targets.iter().filter(|it| waiting(it)).all(is_first);
    let verbs = situation.pacing.verbs;
    let retried = situation.record.map_or(0, |record| record.retried);
    let is_retried = verbs.retry > retried && verbs.stop.is_none();
    let is_free = only_first && policy.waves.is_none() && verbs.stop.is_none();
    if known.is_none() && !is_retried && (!is_waiting || is_free) {
        // Nothing runs that could be disturbed.
        return Decision {
            admitted: indexes(targets, waiting),
            ..Decision::default()
        };
    }
    let record = known.cloned().unwrap_or(RolloutRecord {
        revision: situation.revision,
        first: situation.number,
        waves: Vec::new(),
        finished: false,
        retried,
    });
    if is_retried {
        let record = RolloutRecord {
            retried: verbs.retry,
            ..record
        };
        return retry(situation, targets, record);
    }
    Rollout::new(situation, targets, record).decide()
}

/// Decides with what failed being ordered once more: it is under way then, and no failure any longer.
fn retry(situation: &Situation<'_>, targets: &[Target<'_>], record: RolloutRecord) -> Decision {
    let failed =
        |target: &Target<'_>| target.standing == Standing::Failed && target.wanted.is_some();
    let again = indexes(targets, failed);
    let mut targets = targets.to_vec();
    for at in &again {
        targets[*at].standing = Standing::InFlight;
    }
    let mut decision = Rollout::new(situation, &targets, record).decide();
    decision.admitted.extend(again);
    decision.is_under_way = true;
    decision
}

fn indexes(targets: &[Target<'_>], which: impl Fn(&Target<'_>) -> bool) -> Vec<usize> {
    let found = targets.iter().enumerate();
    let found = found.filter(|(_, target)| which(target));
    found.map(|(at, _)| at).collect()
}

pub(super) struct Rollout<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) targets: &'a [Target<'a>],
    pub(super) waves: Vec<(Wave, Vec<usize>)>,
    pub(super) record: RolloutRecord,
    /// How many orders are under way, and how many deployments are away from available; with those admitted.
    in_flight: usize,
    disrupted: usize,
    /// How many clusters take part, and how many may be away from available.
    all: usize,
    budget: usize,
    decision: Decision,
}

impl<'a> Rollout<'a> {
    fn new(
        situation: &'a Situation<'a>,
        targets: &'a [Target<'a>],
        mut record: RolloutRecord,
    ) -> Self {
        let Pacing { policy, places, .. } = situation.pacing;
        let first = record.first;
        let is_part = |target: &Target<'_>| match target.standing {
            Standing::Waiting(_) | Standing::Unknown => true,
            Standing::LeftOut | Standing::Skipped | Standing::Held => false,
            _ => target.number() >= first,
        };
        let waves = policy.all_waves();
        let members = waves::members(&waves, targets, places, is_part);
        record.waves = waves.iter().map(|wave| known(&record, wave)).collect();
        let tally = tally(targets, members.iter().flatten());
        let counted = targets.iter();
        let counted = counted.filter(|it| it.standing != Standing::LeftOut);
        let disrupted = |it: &&Target<'_>| it.is_disrupted() || it.is_lost_since(first);
        let disrupted = targets.iter().filter(disrupted).count();
        let up = |it: &&Target<'_>| it.is_up() && !it.is_lost_since(first);
        let up = targets.iter().filter(up).count();
        Self {
            all: tally.all,
            budget: policy.budget(counted.count(), disrupted + up),
            situation,
            targets,
            waves: waves.into_iter().zip(members).collect(),
            record,
            in_flight: targets.iter().filter(|it| it.is_working()).count(),
            disrupted,
            decision: Decision::default(),
        }
    }

    pub(super) fn policy(&self) -> &'a Policy {
        self.situation.pacing.policy
    }

    fn decide(mut self) -> Decision {
        let all = tally(self.targets, self.waves.iter().flat_map(|(_, it)| it));
        let halt = self.halt(&all);
        let is_starting = self.is_starting(&all);
        let mut is_open = true;
        for at in 0..self.waves.len() {
            let before = self.decision.admitted.len();
            self.admit(at, is_open, halt.is_some(), is_starting);
            let gate = self.gate(at, is_open, halt.is_some());
            is_open &= gate == Gate::Passed;
            self.report(at, gate, self.decision.admitted.len() - before);
        }
        self.decision.report.halt = halt;
        self.wake_at_deadlines();
        let is_over = all.waiting + all.unknown + all.in_flight + all.unheard == 0;
        self.record.finished = is_over && is_open;
        self.decision.is_under_way = !self.record.finished;
        if self.record.finished {
            self.decision.report.waves.clear();
        }
        if Some(&self.record) != self.situation.record {
            self.decision.record = Some(self.record);
        }
        self.decision
    }

    /// Whether members that were ordered something have yet to say how they are, since this hub has just begun to lead.
    fn is_starting(&mut self, all: &Tally) -> bool {
        let settled_at = self.situation.pacing.settled_at;
        let is_starting = settled_at > self.situation.now && all.lost + all.unheard > 0;
        if is_starting {
            self.wake_at(settled_at);
        }
        is_starting
    }

    /// Admits what may be ordered of a wave, and notes what the others wait for.
    fn admit(&mut self, at: usize, is_open: bool, is_halted: bool, is_starting: bool) {
        let targets = self.targets;
        let members = std::mem::take(&mut self.waves[at].1);
        let working = members.iter().filter(|at| targets[**at].is_working());
        let mut in_wave = working.count();
        for index in &members {
            let target = &targets[*index];
            let Standing::Waiting(runs) = target.standing else {
                continue;
            };
            // Without waves of its own a package is installed wherever it is to be at once.
            let is_free = runs == Runs::Nothing && self.policy().waves.is_none();
            let wait = if is_halted {
                Some(Wait::Halted)
            } else if is_free && !target.is_offline() {
                None
            } else if is_starting {
                Some(Wait::HubStarted)
            } else if !is_open && !target.is_broken() {
                Some(Wait::EarlierWave)
            } else if self.lacks_approval(at, Approval::Before) {
                Some(Wait::Approval)
            } else if target.is_offline() {
                Some(Wait::Offline)
            } else {
                self.limit(at, members.len(), in_wave, target)
            };
            match wait {
                Some(wait) => {
                    let waits = &mut self.decision.report.waits;
                    waits.insert(target.cluster, wait);
                }
                None => {
                    let is_new = usize::from(!target.is_working());
                    in_wave += is_new;
                    self.in_flight += is_new;
                    self.disrupted += usize::from(target.would_disrupt());
                    self.decision.admitted.push(*index);
                }
            }
        }
        self.waves[at].1 = members;
    }

    /// Which limit keeps a target from being ordered something.
    fn limit(&self, at: usize, size: usize, in_wave: usize, target: &Target<'_>) -> Option<Wait> {
        let policy = self.policy();
        let is_full = |limit: Option<Amount>, of: usize, count: usize| {
            limit.is_some_and(|limit| count >= limit.at_least_one_of(of))
        };
        let is_working = target.is_working();
        if !is_working
            && (is_full(policy.max_concurrent, self.all, self.in_flight)
                || is_full(self.waves[at].0.max_concurrent, size, in_wave))
        {
            return Some(Wait::Concurrency);
        }
        let has_room = self.disrupted < self.budget;
        (target.would_disrupt() && !has_room).then_some(Wait::Budget)
    }

    fn report(&mut self, at: usize, gate: Gate, admitted: usize) {
        let (wave, members) = &self.waves[at];
        if members.is_empty() {
            return;
        }
        let tally = tally(self.targets, members);
        let report = WaveReport {
            name: wave.name.clone(),
            targeted: tally.all,
            updated: tally.all - tally.waiting - tally.unknown + admitted,
            available: tally.done,
            failed: tally.failed,
            offline: tally.offline + tally.lost + tally.unheard,
            gate,
        };
        self.decision.report.waves.push(report);
    }

    /// An order that is under way for too long is a failure, which nobody reports.
    fn wake_at_deadlines(&mut self) {
        let (targets, deadline) = (self.targets, self.policy().progress_deadline);
        let mut next: Option<UnixMillis> = None;
        for target in targets {
            let given = target.row.filter(|_| target.is_working());
            let given =
                given.and_then(|(at, row)| self.situation.shards.get(at)?.given_at(row.number));
            let late = given.map(|at| at.after(deadline));
            // One that has passed changed what it could: what was available since is not late.
            let late = late.filter(|at| *at > self.situation.now);
            next = next.into_iter().chain(late).min();
        }
        let admitted = !self.decision.admitted.is_empty();
        let admitted = admitted.then(|| self.situation.now.after(deadline));
        for at in next.into_iter().chain(admitted) {
            self.wake_at(at);
        }
    }

    pub(super) fn wake_at(&mut self, at: UnixMillis) {
        let wake_at = &mut self.decision.wake_at;
        *wake_at = Some(wake_at.map_or(at, |known| known.min(at)));
    }
}

/// What was remembered of a wave; nothing of one with another name.
fn known(record: &RolloutRecord, wave: &Wave) -> WaveRecord {
    let known = record.waves.iter().find(|it| it.name == wave.name);
    known.cloned().unwrap_or_else(|| WaveRecord {
        name: wave.name.clone(),
        ..WaveRecord::default()
    })
}
