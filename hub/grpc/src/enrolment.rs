//! Joining and renewing: the service that gives certificates.
//!
//! `Enrol` is the only call a client without a certificate may make; the token is its proof. `Renew` signs for
//! exactly the identity of the present certificate: no message names one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use stevedore_hub_core::ports::{Enrolments, JoinRefusal, Members, Redemption};
use stevedore_hub_core::session::Bucket;
use stevedore_proto::v1;
use stevedore_proto_core::join::JoinSecret;
use stevedore_proto_core::{ClusterName, ClusterUid, Millis};
use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status};

use crate::identity::MemberName;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::pki::{self, Authority, Issued};
use crate::server::unix_now;
use crate::status_code;

/// Clusters that may be joining at once; more are asked to come back.
const JOINING: usize = 32;
/// Attempts to join that are looked at per second.
const ATTEMPTS_PER_SECOND: u64 = 20;
/// Milliseconds' worth of attempts that are looked at at once.
const ATTEMPTS_BURST: Millis = 5_000;
/// Milliseconds after which somebody comes back who found too many joining at once.
const BUSY: Millis = 1_000;
/// Time for the hub's API server to answer about a token.
const REDEEM_WITHIN: Duration = Duration::from_secs(20);

/// The service behind `stevedore.agent.v1.Enrolment`.
pub(crate) struct Enrolment {
    authority: Arc<Authority>,
    enrolments: Arc<dyn Enrolments>,
    members: Arc<dyn Members>,
    seconds: u32,
    room: Semaphore,
    attempts: Mutex<Bucket>,
    started: Instant,
    metrics: Metrics,
}

impl Enrolment {
    pub(crate) fn new(
        authority: Arc<Authority>,
        enrolments: Arc<dyn Enrolments>,
        members: Arc<dyn Members>,
        seconds: u32,
        metrics: Metrics,
    ) -> Self {
        Self {
            authority,
            enrolments,
            members,
            seconds,
            room: Semaphore::new(JOINING),
            attempts: Mutex::new(Bucket::new(ATTEMPTS_PER_SECOND, ATTEMPTS_BURST)),
            started: Instant::now(),
            metrics,
        }
    }

    async fn join(&self, request: v1::EnrolRequest) -> Result<Issued, Status> {
        let busy = |wait| {
            self.metrics.joined("Busy");
            status_code::busy("many clusters are joining at once; try again", wait)
        };
        // Read before anything is used up: a bad request costs neither its token nor an attempt of others.
        let redemption = parse(&request)?;
        let csr = read(&request.csr)?;
        // Every attempt costs reads of the hub's API server, also one of somebody who only guesses names.
        self.take().map_err(busy)?;
        let _room = self.room.try_acquire().map_err(|_| busy(BUSY))?;

        let (cluster, name) = (redemption.cluster, redemption.name.clone());
        let redeem = self.enrolments.redeem(redemption);
        let answer = tokio::time::timeout(REDEEM_WITHIN, redeem)
            .await
            .unwrap_or(Err(JoinRefusal::NotLoaded));
        let member = answer.map_err(|refused| {
            self.metrics.joined(refused.as_str());
            tracing::warn!(%cluster, member = %name, reason = refused.as_str(), "a cluster was not let in");
            status_code::not_joined(refused)
        })?;
        let issued = self.sign(&csr, MemberName { cluster, member })?;
        self.metrics.joined("Joined");
        tracing::info!(%cluster, member = %name, until = issued.not_after, "a cluster joined");
        Ok(issued)
    }

    /// One of the attempts that the hub takes; otherwise the milliseconds until there is one.
    fn take(&self) -> Result<(), Millis> {
        let now = Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX);
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.take(now)
    }

    fn sign(&self, csr: &pki::Request, name: MemberName) -> Result<Issued, Status> {
        self.authority
            .sign_member(csr, name, unix_now(), self.seconds)
            .map_err(|error| status_code::not_signed(&error))
    }

    fn chain(&self, issued: Issued) -> (Vec<Bytes>, Vec<Bytes>) {
        let authority = Bytes::copy_from_slice(self.authority.certificate_der());
        (vec![issued.certificate.into()], vec![authority])
    }
}

fn read(csr: &[u8]) -> Result<pki::Request, Status> {
    pki::Request::parse(csr).map_err(|error| status_code::not_signed(&error))
}

fn parse(request: &v1::EnrolRequest) -> Result<Redemption, Status> {
    let invalid =
        |message: &str| status_code::refusal(Code::InvalidArgument, "InvalidRequest", message);
    let secret = JoinSecret::parse(&request.secret).map_err(|error| invalid(&error.to_string()))?;
    let cluster: [u8; 16] = request
        .cluster_uid
        .as_ref()
        .try_into()
        .map_err(|_| invalid("the cluster UID is not 16 bytes"))?;
    let name: Result<ClusterName, _> = request.cluster.parse();
    Ok(Redemption {
        name: name.map_err(|error| invalid(&error.to_string()))?,
        secret,
        cluster: ClusterUid::from_bytes(cluster),
    })
}

#[tonic::async_trait]
impl v1::enrolment_server::Enrolment for Enrolment {
    async fn enrol(
        &self,
        request: Request<v1::EnrolRequest>,
    ) -> Result<Response<v1::EnrolResponse>, Status> {
        let issued = self.join(request.into_inner()).await?;
        let (chain, authorities) = self.chain(issued);
        Ok(Response::new(v1::EnrolResponse { chain, authorities }))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        let identity = Peer::of(&request)?;
        self.members
            .admit(identity.cluster(), identity.member())
            .map_err(|close| status_code::closed(&close))?;
        let issued = self.sign(&read(&request.get_ref().csr)?, identity.name())?;
        self.metrics.renewals.inc();
        tracing::info!(cluster = %identity.cluster(), until = issued.not_after, "a certificate was renewed");
        let (chain, authorities) = self.chain(issued);
        Ok(Response::new(v1::RenewResponse { chain, authorities }))
    }
}
