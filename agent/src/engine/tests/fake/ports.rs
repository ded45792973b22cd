//! The ports beside the API server: accounts, watches, stored sets, reports and Events.

use super::client::Client;
use super::*;

/// Opens the one client, through the fake that made it.
pub(super) struct OneAccount(pub(super) Arc<Fake>);

impl Accounts for OneAccount {
    fn open<'a>(&'a self, _: &'a SetHead) -> BoxFuture<'a, Opened> {
        Box::pin(async move {
            let opened = self.0.state.lock().account.clone();
            let name = opened.unwrap_or(Err(Reason::NoAccount));
            let name = name.map_err(|reason| Block::preflight(reason, "no account"))?;
            Ok((
                account(name),
                Arc::new(Client(Arc::clone(&self.0))) as Arc<dyn ObjectApi>,
            ))
        })
    }

    fn namespace_state<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Answer<NamespaceState>> {
        Box::pin(async move { Ok(NamespaceState::Active) })
    }

    fn policy(&self) -> u64 {
        self.0.state.lock().policy
    }
}

impl Watches for Fake {
    fn set_interest(&self, _: DeploymentUid, account: &Account, scopes: Vec<WatchKey>) {
        self.with(|state| state.interest = Some((account.clone(), scopes)));
    }

    fn is_server_silent(&self) -> bool {
        false
    }
}

impl SetStore for Fake {
    fn sets<'a>(
        &'a self,
        _: DeploymentUid,
        _: &'a [SetHead],
    ) -> BoxFuture<'a, Answer<Vec<StoredSet>>> {
        Box::pin(async move {
            let state = self.state.lock();
            Ok(state.sets.values().map(|(set, _)| set.clone()).collect())
        })
    }

    fn content<'a>(
        &'a self,
        set: &'a SetRef,
    ) -> BoxFuture<'a, Result<Arc<Content>, ContentFailure>> {
        Box::pin(async move {
            self.with(|state| {
                state.content_reads += 1;
                let found = state.sets.get(&*set.uid).filter(|_| !state.content_lost);
                let found = found.map(|(_, content)| Arc::clone(content));
                found.ok_or_else(|| ContentFailure::Missing("gone".into()))
            })
        })
    }

    fn digest_key(&self) -> [u8; 32] {
        [7; 32]
    }

    fn write_status<'a>(
        &'a self,
        set: &'a SetRef,
        status: &'a ObjectSetStatus,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.with(|state| {
                if state.status_failures > 0 {
                    state.status_failures -= 1;
                    return Err(Failure::new(FailureKind::Unavailable, "try again"));
                }
                state.status_writes += 1;
                if let Some((stored, _)) = state.sets.get_mut(&*set.uid) {
                    stored.status = status.clone();
                }
                Ok(())
            })
        })
    }

    fn archive<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<Option<i64>>> {
        Box::pin(async move {
            self.with(|state| {
                state.log.push(format!("archive {}", set.name));
                let stored = state.sets.get_mut(&*set.uid);
                Ok(stored.map(|(stored, _)| {
                    stored.head.lifecycle = Lifecycle::Archived;
                    stored.head.generation += 1;
                    stored.head.generation
                }))
            })
        })
    }

    fn delete<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.with(|state| {
                state.log.push(format!("discard {}", set.name));
                state.sets.remove(&*set.uid);
            });
            Ok(())
        })
    }

    fn release<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        SetStore::delete(self, set)
    }

    fn record_teardown(&self, _: DeploymentUid, tombstone: Tuple) -> BoxFuture<'_, Answer<()>> {
        Box::pin(async move {
            self.with(|state| state.log.push(format!("record {}", tombstone.number)));
            Ok(())
        })
    }

    fn definitions_terminating(&self) -> bool {
        false
    }
}

impl Reporter for Fake {
    fn report(&self, status: DeploymentStatus) {
        self.with(|state| state.reports.push(status));
    }
}

impl EventRecorder for Fake {
    fn record(&self, _: &SetRef, event: SetEvent) {
        self.with(|state| state.events.push(event));
    }
}
