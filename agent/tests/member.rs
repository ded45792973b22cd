//! The agent against real API servers: one binary, so that the clusters are shared and end with it.

mod member {
    pub(crate) mod clients;
    pub(crate) mod namespaces;
    pub(crate) mod order;
    pub(crate) mod sets;
    pub(crate) mod store;
    pub(crate) mod support;
    pub(crate) mod watches;
}

stevedore_fleet::guard_entry!();
