//! The process that reads one input, and what it tells about that.

use std::io::{Read, Write};
use std::process::ChildStdin;

use stevedore_package::archive::unpack;
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{Document, Manifest, read_archive};

/// What is read.
pub(crate) enum Input {
    /// Layers of an image.
    Layers(Vec<Vec<u8>>),
    /// An archive of an image.
    Archive(Vec<u8>),
    /// A manifest or an index.
    Document(Vec<u8>),
}

/// What came of it.
pub(crate) struct Used {
    pub(crate) answer: String,
    /// Most bytes of memory that the process had.
    pub(crate) memory: u64,
    /// Seconds of processor time.
    pub(crate) seconds: f64,
}

impl Input {
    pub(crate) fn layer(bytes: Vec<u8>) -> Self {
        Self::Layers(vec![bytes])
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Layers(_) => "layers",
            Self::Archive(_) => "archive",
            Self::Document(_) => "document",
        }
    }

    fn parts(&self) -> &[Vec<u8>] {
        match self {
            Self::Layers(layers) => layers,
            Self::Archive(bytes) | Self::Document(bytes) => std::slice::from_ref(bytes),
        }
    }
}

/// Hands an input to the process that reads it.
pub(crate) fn send(mut to: ChildStdin, input: &Input) {
    for part in input.parts() {
        to.write_all(&(part.len() as u64).to_be_bytes()).unwrap();
        to.write_all(part).unwrap();
    }
}

fn receive() -> Vec<Vec<u8>> {
    let mut from = std::io::stdin().lock();
    let mut parts = Vec::new();
    let mut length = [0; 8];
    while from.read_exact(&mut length).is_ok() {
        let mut part = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap()];
        from.read_exact(&mut part).unwrap();
        parts.push(part);
    }
    parts
}

/// Reads an input of this kind, and prints what came of it.
pub(crate) fn read_and_report(kind: &str) {
    let parts = receive();
    let answer = match kind {
        "layers" => {
            let layers: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            words(unpack(&layers))
        }
        "archive" => words(read_archive(&parts[0])),
        _ => document(&parts[0]),
    };
    let (memory, seconds) = (most_memory(), processor_time());
    let answer = serde_json::to_string(&answer).unwrap();
    println!("\nanswer={answer}\nmemory={memory}\nseconds={seconds}");
}

fn words<E: std::fmt::Display>(result: Result<PackageFiles, E>) -> String {
    match result {
        Ok(files) => format!("{} files", files.len()),
        Err(error) => error.to_string(),
    }
}

fn document(bytes: &[u8]) -> String {
    let read = |document| match document {
        Document::Manifest(Manifest { layers, .. }) => Ok(format!("{} layers", layers.len())),
        Document::Index(index) => index.image().map(|image| image.digest.to_string()),
    };
    let answer = Document::parse(bytes).and_then(read);
    answer.unwrap_or_else(|error| error.to_string())
}

/// Most bytes that this process ever had in memory.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

/// Time that this process had a processor: a machine that does other things as well does not matter.
fn processor_time() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let of_thread = |thread: std::fs::DirEntry| -> f64 {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    };
    threads
        .map(|thread| of_thread(thread.unwrap()))
        .sum::<f64>()
        / 1e9
}

/// What a process printed.
pub(crate) fn report_in(printed: &str) -> Used {
    let line = |key: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("{key} is missing: {printed}"))
    };
    Used {
        answer: serde_json::from_str(line("answer=")).unwrap(),
        memory: line("memory=").parse().unwrap(),
        seconds: line("seconds=").parse().unwrap(),
    }
}
