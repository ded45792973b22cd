//! The guard's own side: starts what its parent asks for, and ends all of it when the parent is gone.
//!
//! A process id is used only between its spawn and its reaping, both under one lock, so a signal can never
//! reach a stranger that got a recycled id: a child that ended stays a zombie (`waitid` with `WNOWAIT`), and
//! keeps its id, until what is left of its group was killed and its entry removed.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal as UnixSignal, WaitId, WaitIdOptions, kill_process_group, waitid,
};

use super::wire::{Command, Event, READY, Signal, Spawn};

/// How long the guard waits for what it killed.
const LAST_WAIT: Duration = Duration::from_secs(10);

type Groups = HashMap<u64, (Pid, Child)>;

#[derive(Default)]
struct Table {
    groups: Mutex<Groups>,
    changed: Condvar,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the parent on the other end of `input` until it closes it or dies.
pub(super) fn serve(input: impl BufRead) {
    let table = Arc::new(Table::default());
    let mut scratch = Vec::new();
    send_line(READY);
    for line in input.lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str::<Command>(&line) {
            Ok(Command::Spawn(spawn)) => start(&table, spawn),
            Ok(Command::Signal { id, signal }) => {
                if let Some((pid, _)) = table.lock().get(&id) {
                    send_signal(*pid, signal);
                }
            }
            Ok(Command::Scratch { path }) => scratch.push(path),
            // Only a parent of another build, or one killed in the middle of a line, writes this.
            Err(_) => break,
        }
    }
    end_all(&table);
    for path in scratch {
        // Nobody is left to tell: what cannot be removed stays in the temporary folder.
        let _ = std::fs::remove_dir_all(path);
    }
}

fn start(table: &Arc<Table>, spawn: Spawn) {
    let id = spawn.id;
    // Held over the spawn, so that an end of input cannot pass a child that is not in the table yet.
    let mut groups = table.lock();
    match try_start(spawn) {
        Ok(child) => {
            let pid = Pid::from_child(&child);
            groups.insert(id, (pid, child));
            send(&Event::Spawned {
                id,
                pid: pid.as_raw_nonzero().get(),
            });
            let table = Arc::clone(table);
            std::thread::spawn(move || reap(&table, id, pid));
        }
        Err(error) => send(&Event::Failed {
            id,
            error: error.to_string(),
        }),
    }
}

fn try_start(spawn: Spawn) -> std::io::Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&spawn.log)?;
    let mut command = std::process::Command::new(&spawn.program);
    command
        .args(spawn.args)
        .envs(spawn.env)
        .env_remove(super::wire::ENTER)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if let Some(dir) = spawn.dir {
        command.current_dir(dir);
    }
    command.spawn()
}

/// Waits for the end of one child, ends what it left behind in its group, and only then frees its id.
fn reap(table: &Table, id: u64, pid: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    ) {}
    let mut groups = table.lock();
    let Some((_, child)) = groups.get_mut(&id) else {
        return;
    };
    send_signal(pid, Signal::Kill);
    let (code, text) = match child.wait() {
        Ok(status) => (status.code(), status.to_string()),
        Err(error) => (None, format!("unknown: {error}")),
    };
    groups.remove(&id);
    drop(groups);
    table.changed.notify_all();
    send(&Event::Exited { id, code, text });
}

fn end_all(table: &Table) {
    let deadline = Instant::now() + LAST_WAIT;
    let mut groups = table.lock();
    for (pid, _) in groups.values() {
        send_signal(*pid, Signal::Kill);
    }
    while !groups.is_empty() && Instant::now() < deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        groups = table
            .changed
            .wait_timeout(groups, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

fn send_signal(group: Pid, signal: Signal) {
    let signal = match signal {
        Signal::Terminate => UnixSignal::TERM,
        Signal::Kill => UnixSignal::KILL,
    };
    // The only possible answer besides success is that every process of the group has ended.
    let _ = kill_process_group(group, signal);
}

fn send(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        send_line(&line);
    }
}

/// A parent that is gone reads nothing: that shows as the end of the input, not here.
fn send_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
