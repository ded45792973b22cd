//! The worker: the task that alone acts for one deployment.

mod start;
mod status;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use stevedore_agent_core::key::WatchKey;
use stevedore_agent_core::plan::{Action, Deployment, Outcome};
use stevedore_agent_core::retry::{Backoff, Jitter, SOON};
use stevedore_agent_core::rollout::Incident;
use stevedore_agent_core::set::{SetHead, SetUid};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{DeploymentUid, Millis};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::cel::CelPool;
use super::evaluation::Evaluator;
use super::execution::Output;
use super::heads::with_status;
use super::mailbox::{Mailbox, Message, WatchState};
use super::set_status::NamedPhases;
use super::status_writer::StatusWriter;
use super::writes::{Load, loaded};
use crate::ports::{Account, Answer, ObjectApi, Ports, StoredSet};
use crate::wait::until;

/// Something that was in flight has ended.
enum Completion {
    Action(Action, Box<Outcome>, Output),
    Sets(Answer<Vec<StoredSet>>),
    Status(SetUid, Answer<ObjectSetStatus>),
}

/// Owns one deployment.
pub(super) struct Worker {
    uid: DeploymentUid,
    ports: Ports,
    cel: Arc<CelPool>,
    mailbox: Arc<Mailbox>,
    receiver: mpsc::Receiver<Message>,
    start: Instant,
    core: Deployment,
    /// The stored sets have to be read again; nothing new is started until they are.
    stale: bool,
    reading: bool,
    read_backoff: Backoff,
    client: Option<(Account, Arc<dyn ObjectApi>)>,
    /// The policy when accounts were last looked up; see [`crate::ports::Accounts::policy`].
    policy: u64,
    content: Option<(SetUid, Load)>,
    phases: HashMap<SetUid, NamedPhases>,
    in_flight: FuturesUnordered<BoxFuture<'static, Completion>>,
    /// How many of those in flight are actions.
    acting: usize,
    statuses: StatusWriter,
    recorded: Vec<Incident>,
    published_at: Millis,
    /// What was last told of the availability of this set.
    was_available: Option<(SetUid, bool)>,
    interest: Option<(Account, BTreeSet<WatchKey>)>,
    /// The API server answered nobody when that was looked at last.
    was_server_silent: bool,
    jitter: Jitter,
}

impl Worker {
    pub(super) fn new(
        uid: DeploymentUid,
        ports: Ports,
        cel: Arc<CelPool>,
        mailbox: Arc<Mailbox>,
        receiver: mpsc::Receiver<Message>,
    ) -> Self {
        Self {
            uid,
            policy: ports.accounts.policy(),
            ports,
            cel,
            mailbox,
            receiver,
            start: Instant::now(),
            core: Deployment::new(uid, rand::random()),
            stale: true,
            reading: false,
            read_backoff: Backoff::default(),
            client: None,
            content: None,
            phases: HashMap::new(),
            in_flight: FuturesUnordered::new(),
            acting: 0,
            statuses: StatusWriter::default(),
            recorded: Vec::new(),
            published_at: 0,
            was_available: None,
            interest: None,
            was_server_silent: false,
            jitter: Jitter::new(rand::random()),
        }
    }

    fn now(&self) -> Millis {
        // Never 0: what waits until 0 is ready.
        Millis::try_from(self.start.elapsed().as_millis())
            .unwrap_or(Millis::MAX)
            .saturating_add(1)
    }

    /// Runs until no stored set is left and `retire` agrees. Requests that are in flight when it is dropped are
    /// cancelled: what they did is found again at the next start.
    pub(super) async fn run(mut self, retire: impl Fn(&Mailbox) -> bool) {
        loop {
            self.take_flags();
            let mut wake = None;
            if self.stale {
                self.read_sets();
            } else {
                if self.core.is_idle() && self.in_flight.is_empty() {
                    self.set_interest(BTreeSet::new());
                    if retire(&self.mailbox) {
                        return;
                    }
                    continue;
                }
                wake = self.start_actions();
            }
            self.watch();
            let wake = self.publish_status(wake);
            self.wait(wake).await;
        }
    }

    fn take_flags(&mut self) {
        if self.mailbox.take_sets_changed() {
            self.stale = true;
            self.read_backoff.retry_now();
        }
        if self.mailbox.take_circumstances_changed() {
            let policy = self.ports.accounts.policy();
            if std::mem::replace(&mut self.policy, policy) != policy {
                self.core.start_account_over();
            }
            self.core.retry_now();
        }
        self.core
            .set_definitions_terminating(self.ports.store.definitions_terminating());
    }

    /// Reads the stored sets, once nothing is in flight for the former ones.
    fn read_sets(&mut self) {
        if self.reading || self.acting > 0 || !self.read_backoff.ready(self.now()) {
            return;
        }
        self.reading = true;
        let store = Arc::clone(&self.ports.store);
        let (uid, known) = (self.uid, self.core.heads().to_vec());
        self.in_flight.push(Box::pin(async move {
            Completion::Sets(store.sets(uid, &known).await)
        }));
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, wake: Option<Millis>) {
        let now = self.now();
        let wake = if self.stale {
            self.read_backoff.wake(now)
        } else {
            wake
        };
        let wake = wake.map(|at| self.start + std::time::Duration::from_millis(at));
        let mailbox = Arc::clone(&self.mailbox);
        tokio::select! {
            Some(completion) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                self.complete(completion);
            }
            Some(message) = self.receiver.recv() => self.receive(message),
            () = mailbox.woken() => {}
            () = until(wake) => {}
        }
        // Whatever is there already is taken in before anything is decided.
        while let Some(Some(completion)) = self.in_flight.next().now_or_never() {
            self.complete(completion);
        }
        while let Ok(message) = self.receiver.try_recv() {
            self.receive(message);
        }
        let now = self.now();
        let is_silent = self.ports.watches.is_server_silent();
        if std::mem::replace(&mut self.was_server_silent, is_silent) || is_silent {
            self.core.put_off_polls(now);
        }
        self.core.tick(now);
    }

    fn receive(&mut self, message: Message) {
        let now = self.now();
        match message {
            Message::Seen(key, seen, by) if Arc::ptr_eq(&by, &self.mailbox.evaluator()) => {
                self.core.observed(&key, *seen, now);
            }
            Message::Seen(key, ..) => self.core.removed(&key, None, now),
            Message::Removed(key, last) => self.core.removed(&key, last.as_deref(), now),
            Message::TakenOver(key) => self.core.taken_over(&key, now),
            // A watch of another account, or of nothing of ours, says nothing about ours.
            Message::Watch(account, scope, state) if self.is_watching(&account, &scope) => {
                match state {
                    WatchState::Restarted => self.core.restarted(&scope),
                    WatchState::Synced => self.core.synced(&scope, now),
                    WatchState::Failed(why) => self.core.unwatched(&scope, why, now),
                }
            }
            Message::Watch(..) => {}
        }
    }

    fn is_watching(&self, account: &Account, scope: &WatchKey) -> bool {
        self.interest
            .as_ref()
            .is_some_and(|(of, scopes)| of == account && scopes.contains(scope))
    }

    fn complete(&mut self, completion: Completion) {
        let now = self.now();
        match completion {
            Completion::Sets(answer) => {
                self.reading = false;
                match answer {
                    Ok(sets) => self.take_sets(sets),
                    Err(failure) => {
                        tracing::warn!(deployment = %self.uid, %failure, "stored sets cannot be read");
                        self.read_backoff
                            .fail(now, SOON, failure.retry_after, &mut self.jitter);
                    }
                }
            }
            Completion::Status(set, status) => {
                self.statuses.written(&set, status, now, &mut self.jitter);
            }
            Completion::Action(action, outcome, output) => {
                self.acting -= 1;
                self.take_output(&action, &outcome, output);
                self.core.finish(&action, *outcome, now);
            }
        }
    }

    fn take_sets(&mut self, sets: Vec<StoredSet>) {
        self.stale = false;
        self.read_backoff.clear();
        let stored = sets.iter().map(|set| (&set.head.set.uid, &set.status));
        self.statuses.set_stored(stored);
        let heads = sets.into_iter().map(|StoredSet { head, status }| {
            let written = self.statuses.stored(&head.set.uid);
            with_status(head, written.unwrap_or(&status))
        });
        let heads: Vec<SetHead> = heads.collect();
        let predecessors = heads.iter().flat_map(|head| &head.predecessors);
        self.mailbox
            .set_predecessors(predecessors.copied().collect());
        self.core.set_heads(heads);
    }

    fn take_output(&mut self, action: &Action, outcome: &Outcome, output: Output) {
        match output {
            Output::None => {}
            Output::Client(account, api) => self.client = Some((account, api)),
            Output::Content(content) => {
                if let Some(accepted) = self.core.accepted() {
                    self.content = Some((accepted.set.uid.clone(), loaded(content)));
                }
            }
            Output::Phases(phases) => self.phases = phases,
            Output::Status(set, status) => self.statuses.store(&set, *status),
        }
        match (action, outcome) {
            (Action::Prepare(_), Outcome::Prepared(Ok(blueprint))) => {
                self.mailbox
                    .set_evaluator(Arc::new(Evaluator::of(blueprint)));
            }
            // That a tombstone is carried out is told before the sets that say so are gone.
            (Action::RecordTeardown, Outcome::Done(Ok(()))) => self.published_at = 0,
            _ => {}
        }
    }

    fn stored(&self, uid: &str) -> Option<&SetHead> {
        self.core.heads().iter().find(|head| *head.set.uid == *uid)
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
        let interest = (account.clone(), scopes);
        if self.interest.as_ref() == Some(&interest) {
            return;
        }
        let list = interest.1.iter().cloned().collect();
        self.ports.watches.set_interest(self.uid, &interest.0, list);
        match &self.interest {
            Some((before, _)) if *before != interest.0 => self.core.watch_only(&BTreeSet::new()),
            _ => self.core.watch_only(&interest.1),
        }
        self.interest = Some(interest);
    }
}
