//! A hub in memory: every port of the sessions, for tests and for simulated fleets.
//!
//! Speaks as one leadership for ever; membership, tokens, orders and contents are what the caller puts in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_hub_core::ports::{
    ContentError, Enrolments, JoinRefusal, MemberUid, Members, Orders, Pending, Redemption, Reports,
};
use stevedore_hub_core::session::{ClusterOrders, DesiredOrder, History, Report, TermStart};
use stevedore_proto_core::join::{JoinSecret, JoinToken, StoredToken};
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{
    ClusterUid, Content, ContentRef, DeploymentUid, Digest, Epoch, EpochId, Features, Leadership,
    Order, OrderBody, PackageRef, PackageUid, Settings, Term, TermId, Tuple,
};
use stevedore_runtime::clock::Clock;
use tokio::sync::watch;

/// The one leadership of a hub in memory.
pub const LEADERSHIP: Leadership = Leadership {
    epoch: Epoch {
        counter: 1,
        id: EpochId::from_bytes([1; 16]),
    },
    term: Term {
        counter: 1,
        id: TermId::from_bytes([1; 16]),
    },
};

/// The ports, over tables in memory.
#[derive(Debug, Default)]
pub struct MemoryHub {
    state: Mutex<State>,
    reports: watch::Sender<Vec<(ClusterUid, Report)>>,
    /// Contents whose readers wait until they are given.
    withheld: watch::Sender<BTreeSet<Digest>>,
}

#[derive(Debug, Default)]
struct State {
    tokens: Vec<Token>,
    /// By name.
    members: BTreeMap<String, Member>,
    orders: HashMap<ClusterUid, BTreeMap<DeploymentUid, DesiredOrder>>,
    contents: HashMap<Digest, Arc<[u8]>>,
    /// Where the replica is that leads, when this one does not.
    leader: Option<String>,
}

#[derive(Debug)]
struct Token {
    stored: StoredToken,
    used: bool,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    uid: MemberUid,
    cluster: Option<ClusterUid>,
    accepted: bool,
}

impl MemoryHub {
    /// Creates a member of this name, if there is none, and a token for it that lasts `seconds`.
    ///
    /// # Panics
    /// When it is no name of a cluster.
    pub fn invite(
        &self,
        name: &str,
        ca: Digest,
        addresses: Vec<String>,
        seconds: i64,
    ) -> JoinToken {
        let secret = JoinSecret::from_bytes(rand::random());
        let token = JoinToken {
            cluster: name.parse().expect("a cluster's name"),
            secret,
            ca,
            addresses,
        };
        let stored = token.stored(
            Digest::from_bytes(rand::random()),
            Clock::SYSTEM.unix() + seconds,
        );
        let mut state = self.state.lock();
        state.tokens.push(Token {
            stored,
            used: false,
        });
        let member = || Member {
            uid: MemberUid::from_bytes(rand::random()),
            cluster: None,
            accepted: true,
        };
        state.members.entry(name.to_owned()).or_insert_with(member);
        token
    }

    /// Creates a member that has joined already.
    pub fn join(&self, name: &str, cluster: ClusterUid) -> MemberUid {
        let uid = MemberUid::from_bytes(rand::random());
        let member = Member {
            uid,
            cluster: Some(cluster),
            accepted: true,
        };
        self.state.lock().members.insert(name.to_owned(), member);
        uid
    }

    /// Forgets a member, as deleting its `MemberCluster` does.
    pub fn forget(&self, name: &str) {
        self.state.lock().members.remove(name);
    }

    /// Stops leading: another replica, at this address, does.
    pub fn follow(&self, leader: &str) {
        self.state.lock().leader = Some(leader.to_owned());
    }

    /// Sets whether a member is accepted.
    pub fn accept(&self, name: &str, accepted: bool) {
        if let Some(member) = self.state.lock().members.get_mut(name) {
            member.accepted = accepted;
        }
    }

    /// Orders content, or a tombstone, for a cluster: the next number of the one deployment that the package
    /// has there.
    pub fn order(
        &self,
        cluster: ClusterUid,
        package: PackageUid,
        content: Option<&Content>,
    ) -> (DeploymentUid, Tuple) {
        let deployment = DeploymentUid::derive(&package, &cluster);
        let mut state = self.state.lock();
        let body = content.map_or(OrderBody::Tombstone, |content| {
            let bytes: Arc<[u8]> = content.to_bytes().into();
            let digest = Digest::of(&bytes);
            let reference = ContentRef {
                digest,
                size: bytes.len() as u64,
            };
            state.contents.insert(digest, bytes);
            OrderBody::Apply(reference)
        });
        let orders = state.orders.entry(cluster).or_default();
        let number = orders
            .get(&deployment)
            .map_or(1, |desired| desired.order.tuple.number + 1);
        let Leadership { epoch, term } = LEADERSHIP;
        let package = PackageRef {
            namespace: None,
            name: "package".to_owned(),
            uid: package,
            revision: number,
        };
        let mut order = Order {
            deployment,
            package,
            tuple: Tuple {
                epoch,
                term,
                number,
                digest: Digest::of(b""),
            },
            settings: Settings::default(),
            body,
        };
        order.tuple.digest = order.digest();
        let tuple = order.tuple;
        let history = History::new(epoch, vec![TermStart { term, first: 1 }]);
        let desired = DesiredOrder {
            order: Arc::new(order),
            history: Arc::new(history),
            needs: content.map_or(Features::NONE, Content::needs),
            finished: false,
        };
        orders.insert(deployment, desired);
        (deployment, tuple)
    }

    /// Lets whoever reads this content wait until it is given.
    pub fn withhold(&self, content: &Content) {
        let digest = Digest::of(&content.to_bytes());
        self.withheld.send_modify(|withheld| {
            withheld.insert(digest);
        });
    }

    /// Loses this content, although orders name it.
    pub fn lose(&self, content: &Content) {
        let digest = Digest::of(&content.to_bytes());
        self.state.lock().contents.remove(&digest);
    }

    /// Ends all waiting for contents.
    pub fn give(&self) {
        self.withheld.send_modify(BTreeSet::clear);
    }

    /// Everything reported so far, and what is reported later.
    #[must_use]
    pub fn reports(&self) -> watch::Receiver<Vec<(ClusterUid, Report)>> {
        self.reports.subscribe()
    }
}

impl Members for MemoryHub {
    fn admit(&self, cluster: ClusterUid, member: MemberUid) -> Result<(), Close> {
        let state = self.state.lock();
        if let Some(leader) = &state.leader {
            return Err(Close {
                redirect: Some(leader.clone()),
                ..Close::new(CloseReason::NotLeader, "another replica leads", 0)
            });
        }
        let known = state
            .members
            .values()
            .find(|known| known.uid == member && known.cluster == Some(cluster));
        match known {
            Some(Member { accepted: true, .. }) => Ok(()),
            Some(_) => Err(Close::new(
                CloseReason::NotAccepted,
                "the cluster is not accepted",
                1_000,
            )),
            None => Err(Close::new(
                CloseReason::Revoked,
                "the cluster was forgotten",
                1_000,
            )),
        }
    }
}

impl Enrolments for MemoryHub {
    fn redeem(&self, redemption: Redemption) -> Pending<'_, Result<MemberUid, JoinRefusal>> {
        Box::pin(async move { self.state.lock().redeem(&redemption, Clock::SYSTEM.unix()) })
    }
}

impl State {
    fn redeem(&mut self, redemption: &Redemption, now: i64) -> Result<MemberUid, JoinRefusal> {
        let Redemption {
            name,
            secret,
            cluster,
        } = redemption;
        let token = self
            .tokens
            .iter_mut()
            .find(|token| token.stored.cluster == *name && token.stored.matches(secret))
            .ok_or(JoinRefusal::TokenForeign)?;
        if token.used {
            return Err(JoinRefusal::TokenUsed);
        }
        if token.stored.is_expired(now) {
            return Err(JoinRefusal::TokenExpired);
        }
        let elsewhere = self
            .members
            .iter()
            .any(|(other, member)| **other != **name && member.cluster == Some(*cluster));
        let member = self
            .members
            .get_mut(name.as_str())
            .ok_or(JoinRefusal::TokenForeign)?;
        if elsewhere || member.cluster.is_some_and(|joined| joined != *cluster) {
            return Err(JoinRefusal::AlreadyJoined);
        }
        if !member.accepted {
            return Err(JoinRefusal::NotAccepted);
        }
        token.used = true;
        member.cluster = Some(*cluster);
        Ok(member.uid)
    }
}

impl Orders for MemoryHub {
    fn of(&self, cluster: ClusterUid) -> Option<Arc<ClusterOrders>> {
        let known = self.state.lock().orders.get(&cluster).cloned();
        let orders = known.unwrap_or_default();
        Some(Arc::new(ClusterOrders {
            loaded: true,
            leadership: LEADERSHIP,
            orders,
        }))
    }

    fn leadership(&self) -> Option<Leadership> {
        Some(LEADERSHIP)
    }

    fn content(&self, digest: Digest) -> Pending<'_, Result<Arc<[u8]>, ContentError>> {
        let known = self.state.lock().contents.get(&digest).cloned();
        let found = known.ok_or(ContentError::Missing);
        let mut withheld = self.withheld.subscribe();
        Box::pin(async move {
            // Fails only once the hub is dropped, when nobody waits.
            let _ = withheld.wait_for(|all| !all.contains(&digest)).await;
            found
        })
    }
}

impl Reports for MemoryHub {
    fn report(&self, cluster: ClusterUid, _member: MemberUid, report: Report) {
        self.reports
            .send_modify(|reports| reports.push((cluster, report)));
    }
}
