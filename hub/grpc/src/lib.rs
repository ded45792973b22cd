//! The hub's gRPC side: sessions, enrolment, identity.
