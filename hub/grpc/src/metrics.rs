//! Metrics of the agents' port.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use stevedore_proto_core::message::CloseReason;

type ByReason = Family<[(&'static str, &'static str); 1], Counter>;

/// Counters of the agents' port. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) streams: Gauge,
    pub(crate) orders: Counter,
    pub(crate) overflows: Counter,
    pub(crate) handshakes_failed: Counter,
    pub(crate) anonymous_cut: Counter,
    pub(crate) renewals: Counter,
    pub(crate) contents: Counter,
    pub(crate) contents_inline: Counter,
    pub(crate) contents_refused: Counter,
    refused_streams: ByReason,
    joins: ByReason,
    exchanges: ByReason,
}

impl Metrics {
    /// Adds them to a registry; the caller gives the prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "streams",
            "Control streams that are open",
            self.streams.clone(),
        );
        registry.register(
            "orders_sent",
            "Orders queued for agents",
            self.orders.clone(),
        );
        registry.register(
            "overflows",
            "Times a slow agent missed frames and was resynced",
            self.overflows.clone(),
        );
        registry.register(
            "handshakes_failed",
            "TLS handshakes that failed",
            self.handshakes_failed.clone(),
        );
        registry.register(
            "anonymous_cut",
            "Connections without a certificate that were cut because too many were open",
            self.anonymous_cut.clone(),
        );
        registry.register(
            "certificates_renewed",
            "Certificates given for a present one",
            self.renewals.clone(),
        );
        registry.register(
            "contents_sent",
            "Contents fetched by agents",
            self.contents.clone(),
        );
        registry.register(
            "contents_inline",
            "Contents that travelled with their order",
            self.contents_inline.clone(),
        );
        registry.register(
            "contents_refused",
            "Contents asked for by a cluster none of whose orders names them",
            self.contents_refused.clone(),
        );
        registry.register(
            "streams_refused",
            "Control streams that were refused",
            self.refused_streams.clone(),
        );
        registry.register("joins", "Attempts to join, by outcome", self.joins.clone());
        registry.register(
            "exchanges",
            "Attempts to exchange an expired certificate, by outcome",
            self.exchanges.clone(),
        );
    }

    /// Counts a refused control stream.
    pub(crate) fn refused(&self, reason: &CloseReason) {
        self.refused_streams
            .get_or_create(&[("reason", word(reason))])
            .inc();
    }

    /// Counts an attempt to join: `Joined`, or why not.
    pub(crate) fn joined(&self, outcome: &'static str) {
        self.joins.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts an attempt to exchange an expired certificate: `Exchanged`, or why not.
    pub(crate) fn exchanged(&self, outcome: &'static str) {
        self.exchanges.get_or_create(&[("outcome", outcome)]).inc();
    }
}

/// The reason as a label: what is not counted by name is `Other`, so that their number is bounded.
pub(crate) fn word(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::NotLoaded => "NotLoaded",
        CloseReason::NotLeader => "NotLeader",
        CloseReason::NotAccepted => "NotAccepted",
        CloseReason::Revoked => "Revoked",
        CloseReason::Busy => "Busy",
        _ => "Other",
    }
}
