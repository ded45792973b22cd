//! Events of a deployment beside the outcomes of its own actions: watches, and time.

use std::collections::BTreeSet;
use std::time::Duration;

use stevedore_proto_core::Millis;

use super::Deployment;
use crate::key::{ObjectKey, WatchKey};
use crate::observation::Observation;

/// How often a scope is listed that cannot be watched.
const POLL: Duration = Duration::from_secs(30);

impl Deployment {
    /// A watch saw an object of this deployment.
    pub fn observed(&mut self, key: &ObjectKey, seen: Observation, now: Millis) {
        if let Some(removal) = self.removing.as_mut().and_then(|l| l.removal.as_mut()) {
            removal.observed(key, seen.clone(), now);
        }
        if let Some((_, rollout)) = &mut self.rollout {
            rollout.observed(key, seen, now);
        }
        self.review();
    }

    /// An object no longer passes a watch's filter.
    pub fn removed(&mut self, key: &ObjectKey, last: Option<&Observation>, now: Millis) {
        if let Some(removal) = self.removing.as_mut().and_then(|l| l.removal.as_mut()) {
            removal.removed(key);
        }
        if let Some((_, rollout)) = &mut self.rollout {
            rollout.removed(key, last, now);
        }
        self.review();
    }

    /// A deployment that follows this one says that it has this object: it is no longer ours then.
    pub fn taken_over(&mut self, key: &ObjectKey, now: Millis) {
        if let Some((_, rollout)) = &mut self.rollout {
            rollout.taken_over(key, now);
        }
        self.review();
    }

    /// A watch begins its list anew.
    pub fn restarted(&mut self, scope: &WatchKey) {
        if let Some((_, rollout)) = &mut self.rollout {
            rollout.restarted(scope);
        }
    }

    /// A watch's list is complete; it works.
    pub fn synced(&mut self, scope: &WatchKey, now: Millis) {
        self.unwatched.retain(|(known, _)| known != scope);
        if let Some((_, rollout)) = &mut self.rollout {
            rollout.synced(scope, now);
        }
        self.review();
    }

    /// These scopes are watched, and nothing else: what was said of other watches is over.
    pub fn watch_only(&mut self, scopes: &BTreeSet<WatchKey>) {
        self.unwatched.retain(|(known, _)| scopes.contains(known));
    }

    /// A watch does not work for now: its scope is listed from time to time instead.
    pub fn unwatched(&mut self, scope: &WatchKey, why: String, now: Millis) {
        if self.unwatched.is_empty() {
            self.poll_at = now.saturating_add(self.jitter.of(POLL));
        }
        self.unwatched.retain(|(known, _)| known != scope);
        self.unwatched.push((scope.clone(), why));
    }

    /// The API server answers nobody, or does so again since a moment ago: to list anything now would tell nothing that
    /// its watches will not.
    pub fn put_off_polls(&mut self, now: Millis) {
        self.poll_at = now.saturating_add(self.jitter.of(POLL));
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        let poll = !self.unwatched.is_empty() && now >= self.poll_at;
        if poll {
            self.poll_at = now.saturating_add(self.jitter.of(POLL));
        }
        let Some((_, rollout)) = &mut self.rollout else {
            return;
        };
        if poll {
            for (scope, _) in &self.unwatched {
                rollout.expire(scope);
            }
        }
        rollout.tick(now);
    }
}
