//! The guard: a second process that owns every child, and ends them all when its parent is gone.
//!
//! ```text
//!   test binary or `stevedore demo`            guard (the same executable)            children
//!   ─────────────────────────────── pipe ────▶ starts, signals, reaps ── group ─────▶ etcd, kube-apiserver …
//!      dies in any way, even by kill -9   ──▶  reads end of file      ── SIGKILL ──▶  every group
//! ```
//!
//! The guard starts the children itself, so there is no moment in which one is not watched over, and process
//! ids are used only by the process that reaps them. It is the running executable started again with one
//! environment variable set, in a process group of its own (Ctrl-C does not reach it). The executable has to
//! say where the guard's code is entered:
//!
//! * a program calls [`enter_if_asked`] first thing in `main`;
//! * a test binary has `stevedore_fleet::guard_entry!();` at its root.
//!
//! What leaves its process group (`setsid`) is outside its reach; no program started here does that.

mod keeper;
mod wire;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal as UnixSignal, kill_process_group};
use tokio::sync::watch;

pub(crate) use wire::Spawn;
use wire::{Command, ENTER, Event, READY, Signal};

/// The root-level test that [`guard_entry!`](crate::guard_entry) makes. A program ignores these arguments: it
/// looks at the environment before it parses them.
const TEST_ARGS: [&str; 4] = [
    "stevedore_fleet_guard",
    "--exact",
    "--nocapture",
    "--test-threads=1",
];

/// How long a parent waits for its guard to end everything.
const CLOSE_WAIT: Duration = Duration::from_secs(15);

/// Why no process could be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The guard could not be started.
    #[error("cannot start the guard process: {0}")]
    Start(#[source] std::io::Error),
    /// The executable does not enter the guard's code.
    #[error(
        "{} does not act as guard: call stevedore_fleet::guard::enter_if_asked() first in main, or put \
         stevedore_fleet::guard_entry!() at the root of a test binary", .0.display()
    )]
    NoEntry(PathBuf),
    /// This process is itself a guard that missed its entry.
    #[error("a guard process tried to start a guard: its entry was not reached")]
    Nested,
    /// The guard is gone; every process it kept was killed.
    #[error("the guard process is gone")]
    Gone,
    /// The program could not be executed.
    #[error("cannot start {program}: {reason}")]
    Spawn {
        /// What was to be started.
        program: String,
        /// The operating system's answer.
        reason: String,
    },
}

/// Serves as guard and does not return, if this process was started as one.
pub fn enter_if_asked() {
    if std::env::var_os(ENTER).is_some() {
        keeper::serve(std::io::stdin().lock());
        std::process::exit(0);
    }
}

/// Makes a test binary able to serve as guard; stands at the root of the test crate.
///
/// It expands to the test `stevedore_fleet_guard`. A guard is the test binary run again with just that test;
/// in an ordinary run it checks that exactly this works.
#[macro_export]
macro_rules! guard_entry {
    () => {
        #[test]
        fn stevedore_fleet_guard() {
            $crate::guard::enter_if_asked();
            $crate::guard::Guard::start().expect("this test binary serves as guard");
        }
    };
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// In words, for instance `signal: 9 (SIGKILL)`.
    pub text: String,
}

#[derive(Debug, Clone)]
pub(crate) enum State {
    Starting,
    Failed(String),
    Running(i32),
    Exited(Exit),
}

/// A handle to the guard; cheap to clone. When the last one is dropped, every process ends.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

type Children = Arc<Mutex<HashMap<u64, watch::Sender<State>>>>;

struct Inner {
    process: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    children: Children,
    closing: Arc<AtomicBool>,
    next: AtomicU64,
}

impl Guard {
    /// Starts the guard and waits until it serves.
    ///
    /// # Errors
    /// [`Error::NoEntry`] when this executable never enters the guard's code.
    pub fn start() -> Result<Self, Error> {
        if std::env::var_os(ENTER).is_some() {
            return Err(Error::Nested);
        }
        let program = std::env::current_exe().map_err(Error::Start)?;
        let mut process = std::process::Command::new(&program)
            .args(TEST_ARGS)
            .env(ENTER, "1")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::Start)?;
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        loop {
            line.clear();
            let read = output.read_line(&mut line).map_err(Error::Start)?;
            if line.trim_end().ends_with(READY) {
                break;
            }
            if read == 0 {
                let _ = process.wait();
                return Err(Error::NoEntry(program));
            }
        }
        let children = Children::default();
        let closing = Arc::new(AtomicBool::new(false));
        let reader = (Arc::clone(&children), Arc::clone(&closing));
        std::thread::spawn(move || read_events(output, &reader.0, &reader.1));
        Ok(Self(Arc::new(Inner {
            process: Mutex::new(process),
            input: Mutex::new(input),
            children,
            closing,
            next: AtomicU64::new(1),
        })))
    }

    /// An id for the next child.
    pub(crate) fn next_id(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Starts a child in a process group of its own and waits until it runs; gives how it stands from then on.
    pub(crate) async fn spawn(&self, child: Spawn) -> Result<watch::Receiver<State>, Error> {
        let program = child.program.display().to_string();
        let (sender, mut state) = watch::channel(State::Starting);
        lock(&self.0.children).insert(child.id, sender);
        self.0.send(&Command::Spawn(child))?;
        let started = state
            .wait_for(|state| !matches!(state, State::Starting))
            .await
            .map_err(|_| Error::Gone)?
            .clone();
        match started {
            State::Failed(reason) => Err(Error::Spawn { program, reason }),
            _ => Ok(state),
        }
    }

    /// Has the guard remove this folder when the parent is gone and every process has ended.
    ///
    /// # Errors
    /// [`Error::Gone`] without a guard.
    pub fn remove_at_end(&self, path: &Path) -> Result<(), Error> {
        self.0.send(&Command::Scratch {
            path: path.to_owned(),
        })
    }

    pub(crate) fn terminate(&self, id: u64) {
        self.signal(id, Signal::Terminate);
    }

    pub(crate) fn kill(&self, id: u64) {
        self.signal(id, Signal::Kill);
    }

    fn signal(&self, id: u64, signal: Signal) {
        // A guard that is gone has taken every process with it, or the reader of its events did.
        let _ = self.0.send(&Command::Signal { id, signal });
    }

    /// Ends every process and waits for that, at most 15 s.
    pub fn close(&self) {
        self.0.close();
    }

    /// The guard's own process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        lock(&self.0.process).id()
    }
}

impl Inner {
    fn send(&self, command: &Command) -> Result<(), Error> {
        let mut line = serde_json::to_string(command).map_err(|error| Error::Spawn {
            program: "a program with a name that is not Unicode".to_owned(),
            reason: error.to_string(),
        })?;
        line.push('\n');
        match lock(&self.input).as_mut() {
            Some(input) => input.write_all(line.as_bytes()).map_err(|_| Error::Gone),
            None => Err(Error::Gone),
        }
    }

    fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        drop(lock(&self.input).take());
        let deadline = Instant::now() + CLOSE_WAIT;
        let mut process = lock(&self.process);
        while let Ok(None) = process.try_wait() {
            if Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn read_events(output: impl BufRead, children: &Children, closing: &AtomicBool) {
    for line in output.lines().map_while(Result::ok) {
        let Ok(event) = serde_json::from_str::<Event>(&line) else {
            continue; // a line of the test harness that the guard runs under
        };
        let mut children = lock(children);
        match event {
            Event::Spawned { id, pid } => {
                if let Some(child) = children.get(&id) {
                    child.send_replace(State::Running(pid));
                }
            }
            Event::Failed { id, error } => {
                if let Some(child) = children.remove(&id) {
                    child.send_replace(State::Failed(error));
                }
            }
            Event::Exited { id, code, text } => {
                if let Some(child) = children.remove(&id) {
                    child.send_replace(State::Exited(Exit { code, text }));
                }
            }
        }
    }
    // The guard ended. Unless we asked for that, somebody killed it: its children have not been reaped by it,
    // so their groups are ended from here.
    let orphaned = !closing.load(Ordering::SeqCst);
    for (_, child) in lock(children).drain() {
        if let (true, State::Running(pid)) = (orphaned, &*child.borrow())
            && let Some(group) = Pid::from_raw(*pid)
        {
            let _ = kill_process_group(group, UnixSignal::KILL);
        }
        child.send_replace(State::Exited(Exit {
            code: None,
            text: "ended with its guard".to_owned(),
        }));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
