//! End-to-end harness, deliberate breaks and benchmarks.
