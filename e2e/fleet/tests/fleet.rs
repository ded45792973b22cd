//! Real processes: one binary, so that the clusters are shared and end with it.

mod fleet {
    pub(crate) mod cluster;
    pub(crate) mod ends;
    pub(crate) mod restore;
    pub(crate) mod support;
}

stevedore_fleet::guard_entry!();
