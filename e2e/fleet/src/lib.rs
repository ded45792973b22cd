//! Starts real control planes, a registry and daemons as local processes.
