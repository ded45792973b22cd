//! The service that gives certificates: joining, renewing, exchanging.
//!
//! `Enrol` and `Exchange` are the only calls that a client without a certificate may make; a token is the proof of
//! the one, the key of an expired certificate the proof of the other. `Renew` signs for exactly the identity of
//! the present certificate, `Exchange` for that of the expired one: no message names one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stevedore_hub_core::ports::{Enrolments, JoinRefusal, Members, Redemption, Reports};
use stevedore_hub_core::session::Report;
use stevedore_proto::v1;
use stevedore_proto_core::exchange::{ExchangeRefusal, is_exchangeable};
use stevedore_proto_core::join::JoinSecret;
use stevedore_proto_core::{ClusterName, ClusterUid, Millis};
use stevedore_runtime::clock::Clock;
use stevedore_runtime::tls::{self, ClientVerifier};
use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status};

use crate::exchange::{self, NotIssued};
use crate::identity::{ClusterIdentity, MemberName};
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::pki::{self, Authority, Issued};
use crate::quota::Quotas;
use crate::session::Ports;
use crate::status_code;

/// Clusters that may be joining at once; more are asked to come back.
const JOINING: usize = 32;
/// Milliseconds after which somebody comes back who found too many joining at once.
const BUSY: Millis = 1_000;
/// Time for the hub's API server to answer about a token.
const REDEEM_WITHIN: Duration = Duration::from_secs(20);

/// The service behind `stevedore.agent.v1.Enrolment`.
pub(crate) struct Enrolment {
    authority: Arc<Authority>,
    verifier: ClientVerifier,
    enrolments: Arc<dyn Enrolments>,
    members: Arc<dyn Members>,
    reports: Arc<dyn Reports>,
    seconds: u32,
    clock: Clock,
    room: Semaphore,
    quotas: Quotas,
    metrics: Metrics,
}

impl Enrolment {
    pub(crate) fn new(
        authority: Arc<Authority>,
        enrolments: Arc<dyn Enrolments>,
        ports: &Ports,
        seconds: u32,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, tls::Error> {
        Ok(Self {
            verifier: ClientVerifier::new(tls::roots(authority.certificate())?)?,
            authority,
            enrolments,
            members: Arc::clone(&ports.members),
            reports: Arc::clone(&ports.reports),
            seconds,
            clock,
            room: Semaphore::new(JOINING),
            quotas: Quotas::new(),
            metrics,
        })
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
        self.quotas.join().map_err(busy)?;
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

    /// Whether this member, which has proven its key, may have another certificate.
    fn admit(&self, identity: &ClusterIdentity) -> Result<(), NotIssued> {
        let (cluster, member) = (identity.cluster(), identity.member());
        let busy = |wait| NotIssued::Busy("this member asks for certificates without pause", wait);
        self.quotas.member(member).map_err(busy)?;
        let admitted = self.members.admit(cluster, member);
        admitted.map_err(NotIssued::NotAdmitted)
    }

    /// Signs the next certificate of an admitted member.
    fn issue_next(
        &self,
        identity: &ClusterIdentity,
        csr: &pki::Request,
    ) -> Result<Issued, NotIssued> {
        let busy = |wait| NotIssued::Busy("many members ask for certificates at once", wait);
        self.quotas.renewal().map_err(busy)?;
        let signed = self.sign(csr, identity.name());
        signed.map_err(NotIssued::Failed)
    }

    /// The next certificate for an expired one.
    fn exchange_expired(
        &self,
        request: &Request<v1::ExchangeRequest>,
    ) -> Result<Issued, NotIssued> {
        let binding = Peer::binding(request).map_err(NotIssued::Failed)?;
        let now = self.clock.unix();
        // Not logged when it fails: everybody can make it fail, as often as they like.
        let (identity, csr) = exchange::verify(request.get_ref(), &binding, &self.verifier, now)?;
        let cluster = identity.cluster();
        match self.exchange_proven(&identity, &csr, now) {
            Ok(issued) => {
                tracing::info!(%cluster, until = issued.not_after, "an expired certificate was exchanged");
                Ok(issued)
            }
            Err(refused) => {
                let reason = refused.word();
                tracing::warn!(%cluster, reason, "an expired certificate was not exchanged");
                Err(refused)
            }
        }
    }

    /// As above, for one who has proven the key. That it is too old is also shown on the `MemberCluster`.
    fn exchange_proven(
        &self,
        identity: &ClusterIdentity,
        csr: &pki::Request,
        now: i64,
    ) -> Result<Issued, NotIssued> {
        self.admit(identity)?;
        if !is_exchangeable(identity.not_after(), now) {
            let refused = ExchangeRefusal::CertificateTooOld;
            let (cluster, member) = (identity.cluster(), identity.member());
            let report = Report::ExchangeRefused(refused);
            self.reports.report(cluster, member, report);
            return Err(NotIssued::Refused(refused));
        }
        self.issue_next(identity, csr)
    }

    fn sign(&self, csr: &pki::Request, name: MemberName) -> Result<Issued, Status> {
        self.authority
            .sign_member(csr, name, self.clock.unix(), self.seconds)
            .map_err(|error| status_code::not_signed(&error))
    }

    /// What every answer with a certificate has: its chain, the authorities, and the hub's time.
    fn answer(&self, issued: Issued) -> (Vec<Bytes>, Vec<Bytes>, Option<u64>) {
        let authority = Bytes::copy_from_slice(self.authority.certificate_der());
        let time_millis = Some(self.clock.unix_millis());
        (
            vec![issued.certificate.into()],
            vec![authority],
            time_millis,
        )
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
        let (chain, authorities, time_millis) = self.answer(issued);
        Ok(Response::new(v1::EnrolResponse {
            chain,
            authorities,
            time_millis,
        }))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        let identity = Peer::of(&request)?;
        self.admit(&identity)?;
        let issued = self.issue_next(&identity, &read(&request.get_ref().csr)?)?;
        self.metrics.renewals.inc();
        tracing::info!(cluster = %identity.cluster(), until = issued.not_after, "a certificate was renewed");
        let (chain, authorities, time_millis) = self.answer(issued);
        Ok(Response::new(v1::RenewResponse {
            chain,
            authorities,
            time_millis,
        }))
    }

    async fn exchange(
        &self,
        request: Request<v1::ExchangeRequest>,
    ) -> Result<Response<v1::ExchangeResponse>, Status> {
        let issued = self.exchange_expired(&request);
        self.metrics.exchanged(match &issued {
            Ok(_) => "Exchanged",
            Err(refused) => refused.word(),
        });
        let issued = issued?;
        let (chain, authorities, time_millis) = self.answer(issued);
        Ok(Response::new(v1::ExchangeResponse {
            chain,
            authorities,
            time_millis,
        }))
    }
}
