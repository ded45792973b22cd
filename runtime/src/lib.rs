//! Process plumbing of the daemons: supervision, shutdown, admin server, logging, TLS, retry.
