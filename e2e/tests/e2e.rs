//! The whole of Stevedore on real API servers: one binary, so that one process starts and stops what tests share.
//!
//! `STEVEDORE_E2E_FOLDER=DIR` keeps every log, key and audit log there, one folder per world.

#[cfg(test)]
mod e2e {
    mod audit_log;
    mod cli;
    mod components;
    mod config_bounds;
    mod definitions;
    mod demo;
    mod drift;
    mod eligibility;
    mod fact;
    mod failure;
    mod identity;
    mod joining;
    mod limits;
    mod member;
    mod open_shift;
    mod outage;
    mod packages;
    mod peer;
    mod pin;
    mod provenance;
    mod removal;
    mod restart;
    mod restore;
    mod rights;
    mod rollout;
    mod secret;
    mod silence;
    mod tenant;
    mod unreadable;
    mod upgrade;
    mod waves;
    mod whole_package;
}

stevedore_fleet::guard_entry!();
