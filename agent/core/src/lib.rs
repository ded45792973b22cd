//! Pure decisions of the agent: session, plan, adoption, prune, probes, drift.
