//! How tests run and how they wait.

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::world::{Shape, World};

/// How long anything may take that depends on a busy machine and on nothing else.
pub const WITHIN: Duration = Duration::from_secs(90);

/// Between two looks at the same thing.
const LOOK: Duration = Duration::from_millis(40);

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

/// Waits until `look` finds what it wants, and fails with what it saw last.
pub async fn await_state<T, F, Fut>(what: &str, within: Duration, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(last) => assert!(
                Instant::now() < deadline,
                "{what}: not within {} s; last seen: {last}",
                within.as_secs()
            ),
        }
        tokio::time::sleep(LOOK).await;
    }
}
