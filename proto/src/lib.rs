//! The wire protocol between hub and agent.
