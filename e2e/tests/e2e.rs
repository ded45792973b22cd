//! The whole of Stevedore on real API servers: one binary, so that one process starts and stops what tests share.
//!
//! `STEVEDORE_E2E_FOLDER=DIR` keeps every log, key and audit log there, one folder per world.

#[cfg(test)]
mod e2e {
    mod definitions;
    mod drift;
    mod failure;
    mod joining;
    mod member;
    mod outage;
    mod removal;
    mod restore;
    mod rollout;
    mod secret;
    mod upgrade;
}

stevedore_fleet::guard_entry!();
