//! Counters of the hub's Kubernetes side.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges; cheap to clone and share.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) packages: Gauge,
    pub(crate) members: Gauge,
    pub(crate) connected: Gauge,
    pub(crate) orders: Counter,
    pub(crate) ledger_writes: Counter,
    pub(crate) ledger_conflicts: Counter,
    pub(crate) status_writes: Counter,
    pub(crate) pulls: Counter,
    pub(crate) pull_failures: Counter,
    pub(crate) reports: Counter,
}

impl Metrics {
    /// Registers all of them, below a prefix that the caller chose.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("packages", "Packages of either kind", self.packages.clone());
        registry.register(
            "members",
            "Member clusters that joined",
            self.members.clone(),
        );
        registry.register(
            "sessions",
            "Member clusters with a session",
            self.connected.clone(),
        );
        registry.register(
            "orders",
            "Orders that were made durable",
            self.orders.clone(),
        );
        registry.register(
            "ledger_writes",
            "Ledger shards stored",
            self.ledger_writes.clone(),
        );
        registry.register(
            "ledger_conflicts",
            "Ledger writes that lost against another one",
            self.ledger_conflicts.clone(),
        );
        registry.register(
            "status_writes",
            "Statuses written, ledgers included",
            self.status_writes.clone(),
        );
        registry.register("pulls", "Images pulled", self.pulls.clone());
        registry.register(
            "pull_failures",
            "Images that could not be pulled",
            self.pull_failures.clone(),
        );
        registry.register(
            "reports",
            "Reports taken from sessions",
            self.reports.clone(),
        );
    }
}
