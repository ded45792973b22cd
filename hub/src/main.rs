//! The `stevedore-hub` program.

fn main() {}
