//! The metrics that `/metrics` shows.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::cluster_api::answers::Answers;
use crate::cluster_api::transport::Counters;
use crate::engine::Engine;
use crate::hub_link::{HubClock, LinkStatus};
use crate::shared_watches::SharedWatches;

/// Where the numbers come from; empty until the agent is wired.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<OnceLock<Sources>>);

/// What is counted.
pub(crate) struct Sources {
    pub(crate) requests: Arc<Counters>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) watches: Arc<SharedWatches>,
    pub(crate) engine: Arc<Engine>,
    /// Absent without a hub.
    pub(crate) link_status: Option<watch::Receiver<LinkStatus>>,
    pub(crate) hub_clock: HubClock,
}

impl Metrics {
    /// From now on the numbers are shown.
    pub(crate) fn attach(&self, sources: Sources) {
        let _ = self.0.set(sources);
    }

    /// A registry that shows them.
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("stevedore_agent");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Release of this agent", version);
        registry.register_collector(Box::new(self.clone()));
        registry
    }
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn count_requests(requests: &Counters, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, count) in [
        (
            "api_requests",
            "Requests to the API server, watches included",
            &requests.requests,
        ),
        (
            "api_writes",
            "Requests that write, dry-runs apart",
            &requests.writes,
        ),
        (
            "api_failures",
            "Requests that were refused or not answered",
            &requests.failures,
        ),
    ] {
        let counter = ConstCounter::new(count.load(Ordering::Relaxed));
        let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
        counter.encode(metric)?;
    }
    Ok(())
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(sources) = self.0.get() else {
            return Ok(());
        };
        count_requests(&sources.requests, &mut encoder)?;
        let mut gauge = |name, help, value: i64| {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)
        };
        gauge(
            "api_server_answers",
            "Whether the API server has answered lately",
            i64::from(!sources.answers.is_silent()),
        )?;
        gauge(
            "watches",
            "Shared watches over packages' objects",
            count(sources.watches.len()),
        )?;
        gauge(
            "deployments",
            "Deployments with an owner task",
            count(sources.engine.deployments()),
        )?;
        if let Some(status) = &sources.link_status {
            let up = matches!(*status.borrow(), LinkStatus::Connected | LinkStatus::Synced);
            gauge(
                "hub_connected",
                "Whether a session with the hub is open",
                i64::from(up),
            )?;
        }
        if let Some(offset) = sources.hub_clock.offset() {
            gauge(
                "clock_ahead_of_hub_seconds",
                "How far this member's clock was ahead of its hub's when the hub said what its clock shows",
                offset.ahead_seconds(),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_can_be_read_before_the_agent_is_wired() {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &Metrics::default().registry())
            .unwrap();
        assert!(text.contains("stevedore_agent_build_info"));
    }
}
