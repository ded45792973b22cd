//! The hub's Kubernetes side: packages, clusters, ledger, status.
