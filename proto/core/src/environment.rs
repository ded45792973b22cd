//! The environment of a member, as it reports it.

use serde::{Deserialize, Serialize};

use crate::limit;
use crate::status::truncate;

/// Facts about a member, read by its agent. Templates see `.environment.kubernetes.version`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `gitVersion` of the API server, such as `v1.36.3`; empty when not read yet.
    pub kubernetes_version: String,
    /// `platform` of the API server, such as `linux/amd64`.
    pub platform: String,
}

impl Environment {
    /// Cuts every text to what fits a message.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.kubernetes_version = truncate(self.kubernetes_version, limit::VERSION);
        self.platform = truncate(self.platform, limit::VERSION);
        self
    }
}
