//! The resources of one execution: limits, budget, the package's files, and what it made that others of its steps use.
//! They are all that a function sees of the execution it is called in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;

use crate::budget::Budget;
use crate::reads::{Depth, Recorder};
use crate::regexp::Regex;
use crate::value::Map;

/// The content of a package by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Bounds on one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output, and of any single string on the way.
    pub output: usize,
    /// How deeply `template` and `include` may be nested.
    pub recursion: usize,
}

impl Default for Limits {
    /// 4 MiB of output, recursion 32.
    fn default() -> Self {
        Self {
            output: 4 << 20,
            recursion: 32,
        }
    }
}

/// What the function `cel` evaluates: expressions over the context that are true or false.
pub trait Conditions: fmt::Debug {
    /// Evaluates `expression`, and pays for it.
    ///
    /// # Errors
    /// With what is wrong with the expression, or with what it gave.
    fn evaluate(&self, expression: &str, budget: &mut Budget) -> Result<Evaluated, String>;
}

/// What an expression gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// Whether it holds.
    pub holds: bool,
    /// The paths of the context that it depends on: an execution that evaluates it has read them.
    pub reads: BTreeSet<Vec<String>>,
}

/// What the caller gives to templates besides the context.
#[derive(Debug, Clone, Copy, Default)]
pub struct Env<'e> {
    /// What `getFile` and `getFileGlob` read; without it templates know neither these functions nor `cel`.
    pub files: Option<&'e Files>,
    /// What `cel` evaluates; without it a template that calls that function fails.
    pub conditions: Option<&'e dyn Conditions>,
    /// Paths of maps of the context that hold strings. An empty one is of Go's type `map[string]string`: a key that it
    /// lacks has the value `""`, and functions that want a map of anything refuse it.
    pub maps_of_strings: &'e [&'e [&'e str]],
    /// Bounds on each execution.
    pub limits: Limits,
}

/// What an execution may use, and has made.
pub(crate) struct Resources<'e> {
    pub(crate) env: Env<'e>,
    pub(crate) budget: &'e mut Budget,
    /// What of the context was read.
    pub(crate) recorder: Rc<Recorder>,
    /// Maps that were changed: they may hold themselves and are emptied at the end.
    pub(crate) changed: Vec<Map>,
    /// Compiled regular expressions by their source.
    pub(crate) regexes: HashMap<String, Regex>,
}

impl<'e> Resources<'e> {
    pub(crate) fn new(env: Env<'e>, budget: &'e mut Budget, recorder: &Rc<Recorder>) -> Self {
        Self {
            env,
            budget,
            recorder: Rc::clone(recorder),
            changed: Vec::new(),
            regexes: HashMap::new(),
        }
    }

    /// Bytes that a string may have.
    pub(crate) fn limit(&self) -> usize {
        self.env.limits.output
    }

    /// Takes `steps` from the budget.
    pub(crate) fn charge(&mut self, steps: u64) -> Result<(), String> {
        let charged = self.budget.charge(steps);
        charged.map_err(|exhausted| exhausted.to_string())
    }

    /// Takes the steps that handling so many bytes costs.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.charge(bytes as u64 / 32)
    }

    /// Notes that a map was changed, so that it is emptied at the end.
    pub(crate) fn changed(&mut self, map: &Map) {
        self.changed.push(map.clone());
    }

    /// Whether a condition over the context holds.
    pub(crate) fn holds(&mut self, expression: &str) -> Result<bool, String> {
        let Some(conditions) = self.env.conditions else {
            return Err("no expressions are evaluated here".to_owned());
        };
        let Evaluated { holds, reads } = conditions.evaluate(expression, self.budget)?;
        for path in reads {
            // What is not there, or is no map, ends the way to a value.
            for end in 1..path.len() {
                self.recorder.record(path[..end].to_vec(), Depth::Kind);
            }
            self.recorder.record(path, Depth::Value);
        }
        Ok(holds)
    }

    /// A compiled regular expression, compiled and paid for when it is met first.
    pub(crate) fn regex(&mut self, pattern: &str) -> Result<Regex, crate::regexp::Refused> {
        if let Some(known) = self.regexes.get(pattern) {
            return Ok(known.clone());
        }
        self.charge(crate::regexp::cost(pattern))?;
        let compiled = Regex::new(pattern)?;
        self.regexes.insert(pattern.to_owned(), compiled.clone());
        Ok(compiled)
    }
}

impl Drop for Resources<'_> {
    fn drop(&mut self) {
        self.changed.iter().for_each(Map::clear);
    }
}
