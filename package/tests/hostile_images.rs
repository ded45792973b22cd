//! Hostile images: every input here ends in a clear error, in little time and memory.
//!
//! Each is read by a process of its own, which reports what it used: memory that was given back counts as well.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end the test as tests do"
)]

mod hostile_images {
    pub(crate) mod archives;
    pub(crate) mod documents;
    pub(crate) mod entries;
    pub(crate) mod layers;
    pub(crate) mod reader;
    pub(crate) mod writer;
}

use std::process::{Command, Stdio};

use hostile_images::reader::{Input, Used};
use hostile_images::{archives, documents, entries, layers, reader};

/// Bytes of memory that reading one input may take, the program itself included.
const MEMORY: u64 = 64 * 1024 * 1024;
/// Seconds of processor time.
const SECONDS: f64 = 1.0;

/// A name, what is read, and words of the answer.
type Case = (&'static str, Input, &'static str);

fn cases() -> Vec<Case> {
    let parts = [
        layers::bombs(),
        layers::damaged(),
        entries::names(),
        entries::kinds(),
        entries::sizes(),
        entries::headers(),
        entries::records(),
        entries::numbers(),
        archives::whole(),
        archives::layouts(),
        archives::saved_images(),
        documents::manifests(),
        documents::texts(),
        documents::indexes(),
    ];
    parts.into_iter().flatten().collect()
}

#[test]
fn every_hostile_input_is_a_clear_error_within_a_second_and_64_mib() {
    if let Some(kind) = std::env::var_os("STEVEDORE_HOSTILE_INPUT") {
        return reader::read_and_report(kind.to_str().unwrap());
    }
    let mut faults = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 25, "{}", cases.len());
    for (name, input, words) in &cases {
        let Used {
            answer,
            memory,
            seconds,
        } = read(input);
        if !answer.contains(words) {
            faults.push(format!("{name}: {words:?} is not in {answer:?}"));
        }
        if answer.len() > 1_000 || answer.contains(char::is_control) {
            faults.push(format!("{name}: not to be shown: {answer:?}"));
        }
        if memory > MEMORY || seconds > SECONDS {
            faults.push(format!("{name}: {memory} bytes and {seconds} s"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Has this very test read an input in another process.
fn read(input: &Input) -> Used {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--nocapture", "--exact"])
        .arg("every_hostile_input_is_a_clear_error_within_a_second_and_64_mib")
        .env("STEVEDORE_HOSTILE_INPUT", input.kind())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader::send(child.stdin.take().unwrap(), input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the reader died: {output:?}");
    reader::report_in(&String::from_utf8(output.stdout).unwrap())
}
