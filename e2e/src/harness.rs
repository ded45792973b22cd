//! The harness: a test runs in the world that all share, or in one of its own.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::Runtime;

use crate::world::{Shape, World};

pub use crate::wait::{WITHIN, await_state};

/// Runs on the one runtime of the process: clients are bound to the runtime that made them.
pub fn run<F: Future>(test: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME
        .get_or_init(|| Runtime::new().expect("a runtime"))
        .block_on(test)
}

/// A test in the world that all share. What every test leaves in the audit logs is checked after it.
pub fn shared(test: impl AsyncFnOnce(&'static World)) {
    run(async {
        let world = World::shared().await;
        test(world).await;
        world.check_audit();
    });
}

/// A test that breaks something, in a world of its own.
pub fn alone(shape: Shape, test: impl AsyncFnOnce(&World)) {
    run(async {
        let world = World::start(shape).await;
        test(&world).await;
        world.check_audit();
    });
}
