use std::convert::Infallible;
use std::future::pending;

use super::*;

fn supervisor() -> (Supervisor, Tasks) {
    let supervisor = Supervisor::new(CancellationToken::new());
    let tasks = supervisor.tasks();
    (supervisor, tasks)
}

#[tokio::test(start_paused = true)]
async fn an_essential_task_that_returns_ends_the_process_with_its_name() {
    let (supervisor, tasks) = supervisor();
    tasks
        .owner("hub")
        .essential("sessions", async { Ok::<(), Infallible>(()) });
    let exit = supervisor
        .run_until(pending(), pending(), Duration::from_secs(1))
        .await;
    assert_eq!(
        exit,
        Exit::TaskEnded {
            name: "hub/sessions".into(),
            reason: "returned".into()
        }
    );
    assert_eq!(exit.code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_essential_task_wins_over_the_others_that_drain() {
    let (supervisor, tasks) = supervisor();
    let token = tasks.shutdown();
    tasks.essential("good", async move {
        token.cancelled().await;
        Ok::<(), Infallible>(())
    });
    tasks.essential("bad", async { Err::<(), _>("address in use") });
    let exit = supervisor
        .run_until(pending(), pending(), Duration::from_secs(1))
        .await;
    assert_eq!(
        exit,
        Exit::TaskEnded {
            name: "bad".into(),
            reason: "address in use".into()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_any_task_ends_the_process() {
    let (supervisor, tasks) = supervisor();
    let task: Task<()> = tasks.spawn("fragile", async { panic!("boom") });
    let exit = supervisor
        .run_until(pending(), pending(), Duration::from_secs(1))
        .await;
    assert_eq!(
        exit,
        Exit::TaskEnded {
            name: "fragile".into(),
            reason: "panicked: boom".into()
        }
    );
    assert!(task.join().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_tasks_that_drain() {
    let (supervisor, tasks) = supervisor();
    let token = tasks.shutdown();
    let drained = tasks.spawn("worker", async move {
        token.cancelled().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        "flushed"
    });
    let exit = supervisor
        .run_until(async {}, pending(), Duration::from_secs(5))
        .await;
    assert_eq!(exit, Exit::Clean);
    assert_eq!(drained.join().await, Ok("flushed"));
}

#[tokio::test(start_paused = true)]
async fn tasks_left_at_the_drain_deadline_are_named_and_aborted() {
    let (supervisor, tasks) = supervisor();
    let stuck = tasks.spawn("stuck", pending::<()>());
    let exit = supervisor
        .run_until(async {}, pending(), Duration::from_secs(5))
        .await;
    assert_eq!(
        exit,
        Exit::Overdue {
            names: vec!["stuck".into()]
        }
    );
    assert!(stuck.join().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_does_not_wait_for_the_drain() {
    let (supervisor, tasks) = supervisor();
    let _stuck = tasks.spawn("stuck", pending::<()>());
    let exit = supervisor
        .run_until(async {}, async {}, Duration::from_secs(3600))
        .await;
    assert_eq!(exit, Exit::Aborted);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_scope_stops_its_children() {
    let (supervisor, tasks) = supervisor();
    let mut scope = tasks.scope("session");
    scope.spawn("reader", pending());
    scope.spawn("writer", pending());
    assert_eq!(scope.len(), 2);
    drop(scope);
    let exit = supervisor
        .run_until(async {}, pending(), Duration::from_secs(5))
        .await;
    assert_eq!(exit, Exit::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_handle_can_be_dropped_without_stopping_its_task() {
    let (supervisor, tasks) = supervisor();
    let (done, result) = tokio::sync::oneshot::channel();
    drop(tasks.spawn("work", async move {
        let _ = done.send(7);
    }));
    assert_eq!(result.await, Ok(7));
    let exit = supervisor
        .run_until(async {}, pending(), Duration::from_secs(5))
        .await;
    assert_eq!(exit, Exit::Clean);
}

#[tokio::test(start_paused = true)]
async fn work_without_an_end_ends_with_shutdown_and_ends_the_process_when_it_returns_before() {
    let (supervisor, tasks) = supervisor();
    tasks.run_until_shutdown("forever", pending());
    let spawned = tasks.spawn_until_shutdown("forever too", pending::<()>());
    let exit = supervisor
        .run_until(async {}, pending(), Duration::from_secs(1))
        .await;
    assert_eq!(exit, Exit::Clean);
    assert_eq!(spawned.join().await, Ok(None));

    let supervisor = Supervisor::new(CancellationToken::new());
    supervisor.tasks().run_until_shutdown("short", async {});
    let exit = supervisor
        .run_until(pending(), pending(), Duration::from_secs(1))
        .await;
    assert_eq!(exit.code(), 1, "{exit}");
}
