//! The agent against real API servers: one binary, so that the clusters are shared and end with it.

#![expect(
    clippy::disallowed_methods,
    reason = "names of the tests themselves, at API servers that they started"
)]

mod member {
    pub(crate) mod clients;
    pub(crate) mod handover;
    pub(crate) mod kinds;
    pub(crate) mod namespaces;
    pub(crate) mod objects;
    pub(crate) mod order;
    pub(crate) mod sets;
    pub(crate) mod store;
    pub(crate) mod support;
    pub(crate) mod watches;
}

stevedore_fleet::guard_entry!();
