//! The `stevedore` program.

fn main() {}
