//! The benchmark: the main job on real API servers, beside bare server-side applies of the same objects in the same
//! run, and the rendering of packages, beside the Go libraries that Package Operator renders with.
//!
//! ```text
//!  scenario   what a fleet does and how long it takes ─┐
//!  process    what a process uses                      ├─▶  Fleet ─────┐
//!  machine    where and of what this was measured     ─┤               ├▶ Report ─▶ docs/benchmarks.json ─▶ page ─▶
//!  corpus     packages that are rendered               ├─▶  Rendering ─┘            docs/benchmarks.md
//!  oracle     the Go program that renders them too     │
//!  rendering  how long that takes                     ─┘
//! ```

mod corpus;
mod machine;
mod oracle;
mod page;
mod process;
mod rendering;
mod scenario;

use serde::{Deserialize, Serialize};

pub use machine::Machine;
pub use page::page;
pub use rendering::{Rendering, TEMPLATES, measure_rendering, render_templates};
pub use scenario::measure_fleet;

/// Where the report is kept, from the root of the repository.
pub const REPORT: &str = "docs/benchmarks.json";
/// Where people read it, from the root of the repository.
pub const PAGE: &str = "docs/benchmarks.md";

/// How many bare applies are under way to one API server at a time.
const IN_FLIGHT: usize = 16;
/// Packages ordered at once.
const MANY: usize = 50;
/// Objects of a small package.
const SMALL: usize = 12;
/// Objects of a large package.
const LARGE: usize = 102;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often the timed part is repeated, after one round that is not counted.
    pub runs: usize,
    /// How long converged members are watched.
    pub idle_minutes: u64,
}

/// What the benchmark found. Each half may be of another day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// A fleet at work and at rest.
    pub fleet: Fleet,
    /// Packages that are rendered.
    pub rendering: Rendering,
}

/// What was found of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Where and of what.
    pub machine: Machine,
    /// The version of the API servers.
    pub kubernetes: String,
    /// The timed part, in order.
    pub runs: Vec<Run>,
    /// Converged members, left alone.
    pub idle: Idle,
}

/// One round of the timed part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// One small package, in three phases, on three members.
    pub three_members: Pair,
    /// One large package, in three phases, on one member.
    pub large: Pair,
    /// Many small packages, ordered at once, on one member.
    pub many: Pair,
    /// What the agent asked of its API server for the large package.
    pub requests: Requests,
    /// The hub while all these packages stand.
    pub hub: Memory,
    /// The agent of the member that has all of them.
    pub agent: Memory,
}

/// Bare applies and Stevedore, one after the other, for the same objects.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Milliseconds of server-side applies, as many in flight per member as the page says, from the first request to the last answer.
    pub bare_ms: f64,
    /// Milliseconds from the request that creates the package on the hub to the event that says it is Available.
    pub stevedore_ms: f64,
}

impl Pair {
    /// How many times as long as bare applies.
    #[must_use]
    pub fn ratio(self) -> f64 {
        self.stevedore_ms / self.bare_ms
    }
}

/// Requests of one agent, its events left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Objects of the package.
    pub objects: usize,
    /// All requests, dry-runs included.
    pub all: usize,
    /// Those that changed something.
    pub writes: usize,
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All that is in memory, its program text included.
    pub resident_kib: u64,
    /// What is its own and in no file.
    pub anonymous_kib: u64,
}

/// Converged members, left alone for some minutes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Idle {
    /// For how long.
    pub minutes: u64,
    /// Objects of packages on the member looked at.
    pub objects: usize,
    /// Requests of the agent that changed something.
    pub agent_writes: usize,
    /// Its requests that changed nothing; watches are taken up again every few minutes.
    pub agent_reads: usize,
    /// The agent, started again before, as it is after this time.
    pub agent: Memory,
    /// Thousandths of a core that the agent used.
    pub agent_millicpu: f64,
    /// Requests of the hub that changed something, its Lease left out.
    pub hub_writes: usize,
    /// Thousandths of a core that the hub used.
    pub hub_millicpu: f64,
}
