//! What a member says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limit;
use crate::status::truncate;

/// Facts about a member, read by its agent. Templates see them as `.environment`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `gitVersion` of the API server, such as `v1.36.3`; empty when not read yet.
    pub kubernetes_version: String,
    /// `platform` of the API server, such as `linux/amd64`.
    pub platform: String,
    /// OpenShift version, on OpenShift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_shift_version: Option<String>,
    /// Cluster-wide proxy, where one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Free properties a cluster's owner gave to its agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

/// Cluster-wide proxy settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// For plain HTTP.
    pub http_proxy: String,
    /// For HTTPS.
    pub https_proxy: String,
    /// Exceptions, comma-separated.
    pub no_proxy: String,
}

impl Environment {
    /// Cuts every text and the number of properties to what fits a message.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.kubernetes_version = truncate(self.kubernetes_version, limit::VERSION);
        self.platform = truncate(self.platform, limit::VERSION);
        self.open_shift_version = self
            .open_shift_version
            .map(|text| truncate(text, limit::VERSION));
        self.proxy = self.proxy.map(|proxy| Proxy {
            http_proxy: truncate(proxy.http_proxy, limit::PROPERTY_VALUE),
            https_proxy: truncate(proxy.https_proxy, limit::PROPERTY_VALUE),
            no_proxy: truncate(proxy.no_proxy, limit::PROPERTY_VALUE),
        });
        self.properties = self
            .properties
            .into_iter()
            .filter(|(key, _)| key.len() <= limit::NAME)
            .take(limit::PROPERTIES)
            .map(|(key, value)| (key, truncate(value, limit::PROPERTY_VALUE)))
            .collect();
        self
    }
}
