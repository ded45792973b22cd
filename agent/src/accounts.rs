//! The resolver of accounts: whom a set's objects are written as, and whether the agent may be that account.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::rollout::Block;
use stevedore_agent_core::set::SetHead;
use stevedore_client::decode::Undecodable;
use stevedore_proto_core::Reason;

use crate::cluster_api::{AgentClient, Discovery, PackageClient};
use crate::ports::{Account, Accounts, Answer, NamespaceState, ObjectApi, Opened};

/// Resolves accounts. One per process.
pub struct AccountResolver {
    client: AgentClient,
    discovery: Arc<Discovery>,
    /// The agent's own namespace: where accounts of cluster packages live.
    namespace: String,
    /// What `MemberPolicy` says.
    default: RwLock<DefaultAccount>,
    /// How often it changed.
    policy: AtomicU64,
    /// Accounts that the agent was able to be. One that is refused later is taken out.
    proven: Arc<Mutex<BTreeSet<Account>>>,
}

/// What is known of the policy.
#[derive(Default)]
struct DefaultAccount {
    /// `MemberPolicy.spec.defaultServiceAccount`, as it was read last.
    name: Option<String>,
    /// Why the policy cannot be read now.
    unreadable: Option<Undecodable>,
}

impl AccountResolver {
    /// A resolver that knows no policy yet.
    pub fn new(client: AgentClient, discovery: Arc<Discovery>, namespace: &str) -> Self {
        Self {
            client,
            discovery,
            namespace: namespace.to_owned(),
            default: RwLock::default(),
            policy: AtomicU64::new(0),
            proven: Arc::default(),
        }
    }

    /// The policy's default account, or that there is none.
    pub fn set_default(&self, name: Option<String>) {
        let mut default = self.default.write();
        default.unreadable = None;
        if default.name != name {
            default.name = name;
            self.policy.fetch_add(1, Ordering::Release);
        }
    }

    /// The policy is there and cannot be read: what it said last goes on.
    pub(crate) fn set_unreadable(&self, why: &Undecodable) {
        let mut default = self.default.write();
        default.unreadable = Some(why.clone());
    }

    /// The account of what names none.
    pub(crate) fn default_name(&self) -> Option<String> {
        self.default.read().name.clone()
    }

    fn no_account(&self) -> Block {
        let default = self.default.read();
        let message = match &default.unreadable {
            Some(why) => format!(
                "the package names no service account and MemberPolicy default cannot be read: {why}"
            ),
            None => {
                "the package names no service account and MemberPolicy default names none either: \
                set serviceAccountName, or spec.defaultServiceAccount in the policy"
                    .into()
            }
        };
        Block::preflight(Reason::NoAccount, message)
    }

    /// A client that is `account`, without trying whether the agent may be it.
    pub(crate) fn client(&self, account: &Account) -> PackageClient {
        let proven = Arc::clone(&self.proven);
        let transport = self.client.transport().clone();
        PackageClient::new(
            transport,
            Arc::clone(&self.discovery),
            account.clone(),
            move |account| {
                proven.lock().remove(account);
            },
        )
    }

    fn account(&self, set: &SetHead) -> Result<Account, Block> {
        let name = set
            .account
            .clone()
            .or_else(|| self.default_name())
            .ok_or_else(|| self.no_account())?;
        let namespace = set
            .confined_to
            .clone()
            .unwrap_or_else(|| self.namespace.clone());
        Ok(Account { namespace, name })
    }

    async fn prove(&self, account: &Account) -> Result<(), Block> {
        let mut state = NamespaceState::Active;
        if account.namespace != self.namespace {
            let found = self.client.namespace_state(&account.namespace).await;
            state = found.map_err(|failure| unknown(account, &failure))?;
            if state == NamespaceState::Missing {
                return Err(namespace_missing(account));
            }
        }
        let known = || self.proven.lock();
        if known().contains(account) {
            return Ok(());
        }
        match self.client.try_account(account).await {
            Ok(()) => {}
            Err(failure) if failure.kind == FailureKind::AccountNotAllowed => {
                return Err(match state {
                    // The right to be the account is one of the first things that go with a namespace.
                    NamespaceState::Terminating => namespace_terminating(account),
                    NamespaceState::Active | NamespaceState::Missing => not_allowed(account),
                });
            }
            // The account may not ask who it is; that it was asked as the account is what matters.
            Err(failure) if failure.kind == FailureKind::Forbidden => {}
            Err(failure) => return Err(unknown(account, &failure)),
        }
        known().insert(account.clone());
        Ok(())
    }
}

impl Accounts for AccountResolver {
    fn open<'a>(&'a self, set: &'a SetHead) -> BoxFuture<'a, Opened> {
        Box::pin(async move {
            let account = self.account(set)?;
            self.prove(&account).await?;
            let client: Arc<dyn ObjectApi> = Arc::new(self.client(&account));
            Ok((account, client))
        })
    }

    fn namespace_state<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Answer<NamespaceState>> {
        Box::pin(self.client.namespace_state(name))
    }

    fn policy(&self) -> u64 {
        self.policy.load(Ordering::Acquire)
    }
}

fn not_allowed(account: &Account) -> Block {
    let Account { namespace, name } = account;
    let message = format!(
        "the agent may not act as service account {namespace}/{name}: grant it `impersonate` on that \
         account by a Role in namespace {namespace}"
    );
    Block::preflight(Reason::AccountNotAllowed, message)
}

fn namespace_missing(account: &Account) -> Block {
    let message = format!(
        "namespace {} does not exist; it is never created by us",
        account.namespace
    );
    Block::preflight(Reason::NamespaceMissing, message)
}

fn namespace_terminating(account: &Account) -> Block {
    let message = format!(
        "namespace {} is being deleted; it is never created by us",
        account.namespace
    );
    Block::preflight(Reason::NamespaceTerminating, message)
}

fn unknown(account: &Account, failure: &Failure) -> Block {
    let Account { namespace, name } = account;
    let message = format!("service account {namespace}/{name} cannot be tried: {failure}");
    Block::preflight(Reason::AccountUnknown, message)
}
