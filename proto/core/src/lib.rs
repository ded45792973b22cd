//! The protocol's words without a transport: tuples, orders, messages, digests.
