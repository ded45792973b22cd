//! The task that alone acts for one deployment.

mod act;
mod tell;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use stevedore_agent_core::key::WatchKey;
use stevedore_agent_core::order::SetUid;
use stevedore_agent_core::plan::{Action, Deployment, Outcome};
use stevedore_agent_core::retry::{Backoff, SOON, Spread};
use stevedore_agent_core::rollout::Incident;
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{DeploymentUid, Millis};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::carry::{self, Baggage, Load};
use super::head::{head, predecessors};
use super::look::Lookout;
use super::publish::Publisher;
use super::status::NamedPhases;
use super::{Desk, Mail, Shared, WatchState};
use crate::ports::{Account, Answer, ObjectApi, Ports, StoredSet};

/// Something that was under way has ended.
enum Landed {
    Action(Action, Box<Outcome>, Baggage),
    Sets(Answer<Vec<StoredSet>>),
    Status(String, Answer<ObjectSetStatus>),
}

/// Owns one deployment.
pub(super) struct Owner {
    uid: DeploymentUid,
    ports: Ports,
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    inbox: mpsc::Receiver<Mail>,
    start: Instant,
    core: Deployment,
    sets: Vec<StoredSet>,
    /// The stored sets have to be read again; nothing new is started until they are.
    stale: bool,
    reading: bool,
    read_backoff: Backoff,
    client: Option<(Account, Arc<dyn ObjectApi>)>,
    /// The policy when accounts were last looked up; see [`crate::ports::Accounts::policy`].
    policy: u64,
    content: Option<(SetUid, Load)>,
    phases: HashMap<SetUid, NamedPhases>,
    air: FuturesUnordered<BoxFuture<'static, Landed>>,
    /// How many of those in the air are actions.
    acting: usize,
    publisher: Publisher,
    told: Vec<Incident>,
    told_at: Millis,
    /// What was last told of the availability of this set.
    was_available: Option<(String, bool)>,
    interest: Option<(Account, BTreeSet<WatchKey>)>,
    spread: Spread,
}

impl Owner {
    pub(super) fn new(
        uid: DeploymentUid,
        ports: Ports,
        shared: Arc<Shared>,
        desk: Arc<Desk>,
        inbox: mpsc::Receiver<Mail>,
    ) -> Self {
        Self {
            uid,
            policy: ports.accounts.policy(),
            ports,
            shared,
            desk,
            inbox,
            start: Instant::now(),
            core: Deployment::new(uid, rand::random()),
            sets: Vec::new(),
            stale: true,
            reading: false,
            read_backoff: Backoff::default(),
            client: None,
            content: None,
            phases: HashMap::new(),
            air: FuturesUnordered::new(),
            acting: 0,
            publisher: Publisher::default(),
            told: Vec::new(),
            told_at: 0,
            was_available: None,
            interest: None,
            spread: Spread::new(rand::random()),
        }
    }

    fn now(&self) -> Millis {
        // Never 0: what waits until 0 is ready.
        Millis::try_from(self.start.elapsed().as_millis())
            .unwrap_or(Millis::MAX)
            .saturating_add(1)
    }

    /// Runs until no stored set is left and `retire` agrees. Requests that are in flight when it is dropped are
    /// given up: what they did is found again at the next start.
    pub(super) async fn run(mut self, retire: impl Fn(&Desk) -> bool) {
        loop {
            self.take_flags();
            let mut wake = None;
            if self.stale {
                self.read_sets();
            } else {
                if self.core.is_idle() && self.air.is_empty() {
                    self.set_interest(BTreeSet::new());
                    if retire(&self.desk) {
                        return;
                    }
                    continue;
                }
                wake = self.act();
            }
            self.watch();
            let wake = self.tell(wake);
            self.wait(wake).await;
        }
    }

    fn take_flags(&mut self) {
        if self.desk.sets_changed.swap(false, Ordering::AcqRel) {
            self.stale = true;
            self.read_backoff.retry_now();
        }
        if self
            .desk
            .circumstances_changed
            .swap(false, Ordering::AcqRel)
        {
            let policy = self.ports.accounts.policy();
            if std::mem::replace(&mut self.policy, policy) != policy {
                self.core.reopen_account();
            }
            self.core.retry_now();
        }
        self.core
            .set_definitions_terminating(self.ports.store.definitions_terminating());
    }

    /// Reads the stored sets, once nothing is under way for the former ones.
    fn read_sets(&mut self) {
        if self.reading || self.acting > 0 || !self.read_backoff.ready(self.now()) {
            return;
        }
        self.reading = true;
        let store = Arc::clone(&self.ports.store);
        let (uid, known) = (self.uid, self.sets.clone());
        self.air.push(Box::pin(async move {
            Landed::Sets(store.sets(uid, &known).await)
        }));
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, wake: Option<Millis>) {
        let now = self.now();
        let until = if self.stale {
            self.read_backoff.wake(now)
        } else {
            wake
        };
        let until = until.map(|at| self.start + std::time::Duration::from_millis(at));
        let sleep = async {
            match until {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let desk = Arc::clone(&self.desk);
        tokio::select! {
            Some(landed) = self.air.next(), if !self.air.is_empty() => self.land(landed),
            Some(mail) = self.inbox.recv() => self.receive(mail),
            () = desk.wake.notified() => {}
            () = sleep => {}
        }
        // Whatever is there already is taken in before anything is decided.
        while let Some(Some(landed)) = self.air.next().now_or_never() {
            self.land(landed);
        }
        while let Ok(mail) = self.inbox.try_recv() {
            self.receive(mail);
        }
        let now = self.now();
        self.core.tick(now);
    }

    fn receive(&mut self, mail: Mail) {
        let now = self.now();
        match mail {
            Mail::Seen(key, seen, with) if Arc::ptr_eq(&with, &self.desk.lookout()) => {
                self.core.observed(&key, *seen, now);
            }
            Mail::Seen(key, ..) => self.core.removed(&key, None, now),
            Mail::Removed(key, last) => self.core.removed(&key, last.as_deref(), now),
            // A watch of another account, or of nothing of ours, says nothing about ours.
            Mail::Watch(account, scope, state) if self.is_watching(&account, &scope) => match state
            {
                WatchState::Restarted => self.core.restarted(&scope),
                WatchState::Synced => self.core.synced(&scope, now),
                WatchState::Failed(why) => self.core.unwatched(&scope, why, now),
            },
            Mail::Watch(..) => {}
        }
    }

    fn is_watching(&self, account: &Account, scope: &WatchKey) -> bool {
        self.interest
            .as_ref()
            .is_some_and(|(of, scopes)| of == account && scopes.contains(scope))
    }

    fn land(&mut self, landed: Landed) {
        let now = self.now();
        match landed {
            Landed::Sets(answer) => {
                self.reading = false;
                match answer {
                    Ok(sets) => self.take_sets(sets),
                    Err(failure) => {
                        tracing::warn!(deployment = %self.uid, %failure, "stored sets cannot be read");
                        self.read_backoff
                            .fail(now, SOON, failure.retry_after, &mut self.spread);
                    }
                }
            }
            Landed::Status(set, status) => {
                self.publisher.written(&set, status, now, &mut self.spread);
            }
            Landed::Action(action, outcome, baggage) => {
                self.acting -= 1;
                self.unpack(&action, &outcome, baggage);
                self.core.finish(&action, *outcome, now);
            }
        }
    }

    fn take_sets(&mut self, sets: Vec<StoredSet>) {
        self.stale = false;
        self.read_backoff.clear();
        self.publisher.set_stored(
            sets.iter()
                .map(|set| (set.reference.uid.as_str(), &set.status)),
        );
        let heads = sets
            .iter()
            .map(|set| head(set, self.publisher.stored(&set.reference.uid)))
            .collect();
        let successors = predecessors(&sets);
        self.sets = sets;
        for set in &mut self.sets {
            // The publisher has it: one copy of an inventory is enough.
            set.status = ObjectSetStatus::default();
        }
        self.core.set_heads(heads, successors);
    }

    fn unpack(&mut self, action: &Action, outcome: &Outcome, baggage: Baggage) {
        match baggage {
            Baggage::None => {}
            Baggage::Client(account, api) => self.client = Some((account, api)),
            Baggage::Content(content) => {
                if let Some(accepted) = self.core.accepted() {
                    self.content = Some((accepted.uid.clone(), carry::loaded(content)));
                }
            }
            Baggage::Phases(phases) => self.phases = phases,
            Baggage::Status(set, status) => self.publisher.store(&set, *status),
        }
        match (action, outcome) {
            (Action::Prepare(_), Outcome::Prepared(Ok(blueprint))) => {
                self.desk.set_lookout(Arc::new(Lookout::of(blueprint)));
            }
            // That a tombstone is carried out is told before the sets that say so are gone.
            (Action::Record, Outcome::Done(Ok(()))) => self.told_at = 0,
            (Action::Discard(set) | Action::Release(set), Outcome::Done(Ok(()))) => {
                self.sets.retain(|known| *known.reference.uid != **set);
            }
            _ => {}
        }
    }

    fn stored(&self, uid: &str) -> Option<&StoredSet> {
        self.sets.iter().find(|set| set.reference.uid == uid)
    }

    /// Keeps the watches in step with what has to be watched.
    fn watch(&mut self) {
        if !self.stale {
            self.set_interest(self.core.scopes());
        }
    }

    fn set_interest(&mut self, scopes: BTreeSet<WatchKey>) {
        let Some((account, _)) = &self.client else {
            return;
        };
        let wanted = (account.clone(), scopes);
        if self.interest.as_ref() == Some(&wanted) {
            return;
        }
        let list = wanted.1.iter().cloned().collect();
        self.ports.watches.set_interest(self.uid, &wanted.0, list);
        match &self.interest {
            Some((before, _)) if *before != wanted.0 => self.core.watch_only(&BTreeSet::new()),
            _ => self.core.watch_only(&wanted.1),
        }
        self.interest = Some(wanted);
    }
}
