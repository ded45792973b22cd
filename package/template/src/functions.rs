//! The functions templates can call: Go's own, and those of sprig that packages use.
//!
//! Nothing here knows the time, chance, keys, the environment or the network. A function that cannot
//! be done exactly as the original is not here, and a template that names it does not parse.

mod compare;
mod convert;
mod dicts;
mod encode;
mod lists;
mod numbers;
mod regexes;
mod semver;
mod strings;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::exec::Machine;
use super::value::{Bytes, List, Map, Value};

pub(super) use regexes::Compiled;

/// The result of a function, or why it failed.
pub(super) type Outcome = Result<Value, String>;

/// What a function asks of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything, nil included.
    Any,
    /// `string`.
    Str,
    /// `int`, and no other number.
    Int,
    /// `float64`.
    Float,
    /// `bool`.
    Bool,
    /// `map[string]interface {}`, nil included.
    Map,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Float => "float",
            _ => self.name(),
        }
    }
}

type HostRun = dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync;

/// A function the caller of the engine provides. It must be pure.
pub struct HostFunction {
    params: Vec<Kind>,
    cost: u64,
    run: Box<HostRun>,
}

impl HostFunction {
    /// A function with these parameters; `run` gets exactly as many values, of these kinds.
    pub fn new(
        params: impl Into<Vec<Kind>>,
        run: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            params: params.into(),
            cost: 0,
            run: Box::new(run),
        }
    }

    /// The same, where each call costs so many steps besides what its arguments and its result weigh.
    #[must_use]
    pub fn costing(self, steps: u64) -> Self {
        Self {
            cost: steps,
            ..self
        }
    }
}

pub(super) enum Run {
    /// `and` and `or`: evaluates arguments until one has this truth.
    ShortCircuit(bool),
    Plain(fn(&mut Machine<'_>, &[Value]) -> Outcome),
}

pub(super) struct Function {
    name: &'static str,
    params: &'static [Kind],
    /// The kind of any further arguments.
    rest: Option<Kind>,
    pub(super) run: Run,
}

const fn fixed(
    name: &'static str,
    params: &'static [Kind],
    run: fn(&mut Machine<'_>, &[Value]) -> Outcome,
) -> Function {
    Function {
        name,
        params,
        rest: None,
        run: Run::Plain(run),
    }
}

const fn variadic(
    name: &'static str,
    params: &'static [Kind],
    rest: Kind,
    run: fn(&mut Machine<'_>, &[Value]) -> Outcome,
) -> Function {
    Function {
        name,
        params,
        rest: Some(rest),
        run: Run::Plain(run),
    }
}

const CORE: &[Function] = &[
    Function {
        name: "and",
        params: &[Kind::Any],
        rest: Some(Kind::Any),
        run: Run::ShortCircuit(false),
    },
    Function {
        name: "or",
        params: &[Kind::Any],
        rest: Some(Kind::Any),
        run: Run::ShortCircuit(true),
    },
    variadic("call", &[Kind::Any], Kind::Any, |_, _| {
        Err("values that are functions do not exist here".to_owned())
    }),
    fixed("include", &[Kind::Str, Kind::Any], |machine, args| {
        machine.include(&utf8(&args[0]), &args[1])
    }),
];

static TABLE: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let tables = [
        CORE,
        compare::FUNCTIONS,
        convert::FUNCTIONS,
        dicts::FUNCTIONS,
        encode::FUNCTIONS,
        lists::FUNCTIONS,
        numbers::FUNCTIONS,
        regexes::FUNCTIONS,
        semver::FUNCTIONS,
        strings::FUNCTIONS,
    ];
    tables
        .into_iter()
        .flatten()
        .map(|function| (function.name, function))
        .collect()
});

/// The engine's own function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLE.get(name).copied()
}

#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = TABLE.keys().copied().collect();
    names.sort_unstable();
    names
}

/// What a name in a template stands for.
#[derive(Clone, Copy)]
pub(super) enum Callee<'a> {
    Own(&'static Function),
    Host(&'a HostFunction),
}

impl Callee<'_> {
    /// Whether it can be called with this many arguments.
    pub(super) fn accepts(self, name: &str, given: usize) -> Result<(), String> {
        let (wanted, more) = match self {
            Self::Own(function) => (function.params.len(), function.rest.is_some()),
            Self::Host(function) => (function.params.len(), false),
        };
        if given == wanted || (more && given > wanted) {
            return Ok(());
        }
        let least = if more { "at least " } else { "" };
        Err(format!(
            "wrong number of args for {name}: want {least}{wanted} got {given}"
        ))
    }

    /// The kind of the argument at `index`.
    pub(super) fn kind(self, index: usize) -> Kind {
        let (params, rest) = match self {
            Self::Own(function) => (function.params, function.rest),
            Self::Host(function) => (function.params.as_slice(), None),
        };
        params.get(index).copied().or(rest).unwrap_or(Kind::Any)
    }

    pub(super) fn run(self, machine: &mut Machine<'_>, args: &[Value]) -> Outcome {
        match self {
            Self::Own(Function {
                run: Run::Plain(run),
                ..
            }) => run(machine, args),
            Self::Own(_) => Ok(Value::Nil),
            Self::Host(function) => {
                machine.charge(function.cost)?;
                let value = (function.run)(args)?;
                if let Value::Map(map) = &value {
                    machine.charge(map.entries().iter().map(|(_, item)| item.weight()).sum())?;
                }
                Ok(value)
            }
        }
    }
}

/// The bytes of a parameter of kind [`Kind::Str`].
fn text(value: &Value) -> &Bytes {
    match value {
        Value::Str(text) => text,
        _ => unreachable!("the evaluator checked the kind"),
    }
}

/// The text of a parameter of kind [`Kind::Str`], with what is not UTF-8 replaced.
fn utf8(value: &Value) -> String {
    String::from_utf8_lossy(text(value)).into_owned()
}

/// The number of a parameter of kind [`Kind::Int`].
fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        _ => unreachable!("the evaluator checked the kind"),
    }
}

/// The map of a parameter of kind [`Kind::Map`]; nil has no entries.
fn map(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// A list, or the failure sprig has for everything else.
fn list<'a>(value: &'a Value, doing: &str) -> Result<&'a List, String> {
    match value {
        Value::List(list) => Ok(list),
        Value::Nil => Err("nil is not a list".to_owned()),
        _ => Err(format!("Cannot {doing} type {}", value.kind_name())),
    }
}
