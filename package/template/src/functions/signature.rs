//! Signatures of functions: their names, what they ask of their arguments, and how they run.

use std::fmt;

use crate::resources::{Files, Resources};
use crate::value::{Bytes, List, Map, Value};

/// The result of a function, or why it failed.
pub(crate) type Outcome = Result<Value, String>;

/// What a function asks of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything, nil included.
    Any,
    /// `string`.
    Str,
    /// `int`, and no other number.
    Int,
    /// `float64`, and no other number.
    Float,
    /// `bool`.
    Bool,
    /// `map[string]interface {}`, nil included.
    Map,
    /// `*semver.Version`, nil included.
    Version,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
            Self::Version => "*semver.Version",
        }
    }

    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Float => "float",
            _ => self.name(),
        }
    }
}

type Plain = fn(&mut Resources<'_>, &[Value]) -> Outcome;
type OnFiles = fn(&Files, &mut Resources<'_>, &[Value]) -> Outcome;

/// How a function runs.
pub(crate) enum Run {
    /// `and` and `or`: evaluates arguments until one has this truth.
    ShortCircuit(bool),
    /// `include`: executes a template.
    Include,
    /// On its arguments.
    Plain(Plain),
    /// On its arguments and the package's files.
    OnFiles(OnFiles),
    /// `cel`: evaluates a condition over the context.
    Condition,
}

/// A function templates can call.
pub(crate) struct Function {
    /// What templates call it, separated by spaces.
    pub(super) names: &'static str,
    params: &'static [Kind],
    /// The kind of any further arguments.
    rest: Option<Kind>,
    pub(crate) run: Run,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names)
    }
}

impl Function {
    pub(super) const fn new(
        names: &'static str,
        params: &'static [Kind],
        rest: Option<Kind>,
        run: Run,
    ) -> Self {
        Self {
            names,
            params,
            rest,
            run,
        }
    }

    /// Whether it can be called, under this name, with so many arguments.
    pub(crate) fn accepts(&self, name: &str, given: usize) -> Result<(), String> {
        let (wanted, more) = (self.params.len(), self.rest.is_some());
        if given == wanted || (more && given > wanted) {
            return Ok(());
        }
        let least = if more { "at least " } else { "" };
        Err(format!(
            "wrong number of args for {name}: want {least}{wanted} got {given}"
        ))
    }

    /// The kind of the argument at `index`.
    pub(crate) fn kind(&self, index: usize) -> Kind {
        let kind = self.params.get(index).copied().or(self.rest);
        kind.unwrap_or(Kind::Any)
    }
}

/// A function, and the one of its names that a template calls it by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) function: &'static Function,
}

impl Named {
    /// A function by each of its names.
    pub(super) fn all(function: &'static Function) -> impl Iterator<Item = Self> {
        let names = function.names.split(' ');
        names.map(move |name| Self { name, function })
    }
}

/// One parameter of any kind, and two.
pub(super) const ANY: &[Kind] = &[Kind::Any];
pub(super) const ANYS: &[Kind] = &[Kind::Any; 2];
/// One parameter that is a string, and two.
pub(super) const STR: &[Kind] = &[Kind::Str];
pub(super) const STRS: &[Kind] = &[Kind::Str; 2];

/// A function of exactly these parameters.
pub(super) const fn fixed(names: &'static str, params: &'static [Kind], run: Plain) -> Function {
    Function::new(names, params, None, Run::Plain(run))
}

/// A function of these parameters and any number of further ones.
pub(super) const fn variadic(
    names: &'static str,
    params: &'static [Kind],
    rest: Kind,
    run: Plain,
) -> Function {
    Function::new(names, params, Some(rest), Run::Plain(run))
}

/// The bytes of a parameter of kind [`Kind::Str`].
pub(crate) fn text(value: &Value) -> &Bytes {
    match value {
        Value::Str(text) => text,
        _ => unreachable!("the evaluator checked the kind"),
    }
}

/// The text of a parameter of kind [`Kind::Str`], with what is not UTF-8 replaced.
pub(crate) fn utf8(value: &Value) -> String {
    String::from_utf8_lossy(text(value)).into_owned()
}

/// The number of a parameter of kind [`Kind::Int`].
pub(super) fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        _ => unreachable!("the evaluator checked the kind"),
    }
}

/// The map of a parameter of kind [`Kind::Map`]; nil has no entries.
pub(super) fn map(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// A list, or the failure sprig has for everything else.
pub(super) fn list<'a>(value: &'a Value, doing: &str) -> Result<&'a List, String> {
    match value {
        Value::List(list) => Ok(list),
        Value::Nil => Err("nil is not a list".to_owned()),
        _ => Err(format!("Cannot {doing} type {}", value.kind_name())),
    }
}
