//! The `stevedore-agent` program.

fn main() {}
