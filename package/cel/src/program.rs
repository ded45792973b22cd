//! Programs: compiled expressions, and their evaluation on bound values.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::common::types::CelOptional;
use cel::{Context, Value};

use crate::bind::Numbers;
use crate::environment::environment;
use crate::error::{self, Error};
use crate::shape::Shape;
use crate::{bind, cost, guard, parse, structural};

/// What an evaluation gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A boolean.
    Bool(bool),
    /// Something else, as JSON (bytes as base64, timestamps as RFC 3339, `null` for what has no JSON form).
    Json(serde_json::Value),
}

/// A compiled expression that keeps within the limits of this crate. Compile once, evaluate often.
#[derive(Debug)]
pub struct Program {
    source: String,
    tree: IdedExpr,
    reads: BTreeSet<Vec<String>>,
}

impl Program {
    /// Compiles `source`.
    ///
    /// # Errors
    /// When the source is too long, too deep, not CEL, or calls an unknown function.
    pub fn compile(source: &str) -> Result<Program, Error> {
        guard::source(source)?;
        let tree = parse::parse(source)?;
        Ok(Program {
            source: source.to_owned(),
            reads: guard::reads(&tree),
            tree,
        })
    }

    /// Compiles a condition over `variables`: besides [`Program::compile`]'s checks, every name used must be
    /// one of them and the result must not plainly be something else than a boolean.
    ///
    /// # Errors
    /// Those of [`Program::compile`], [`Error::UnknownVariable`] and [`Error::NotBool`].
    pub fn compile_condition(source: &str, variables: &[&str]) -> Result<Program, Error> {
        let program = Program::compile_with(source, variables)?;
        match guard::plainly_not_bool(&program.tree) {
            Some(what) => Err(Error::NotBool(what.to_owned())),
            None => Ok(program),
        }
    }

    /// Compiles an expression over `variables`: besides [`Program::compile`]'s checks, every name used must be one of
    /// them.
    ///
    /// # Errors
    /// Those of [`Program::compile`], and [`Error::UnknownVariable`].
    pub fn compile_with(source: &str, variables: &[&str]) -> Result<Program, Error> {
        let program = Program::compile(source)?;
        guard::variables(&program.tree, variables)?;
        Ok(program)
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The paths below its variables that an evaluation may read, such as `["self", "status"]`: two
    /// bindings that agree on all of them (absence included) give the same result.
    pub fn reads(&self) -> &BTreeSet<Vec<String>> {
        &self.reads
    }

    /// Evaluates with `bindings` as variables. It cannot be interrupted: see the crate's documentation.
    ///
    /// # Errors
    /// When a binding is too large, the estimated cost is above the limits, or the evaluation fails.
    pub fn eval(&self, bindings: &[(&str, &serde_json::Value)]) -> Result<Outcome, Error> {
        self.eval_on(&Bindings::new(bindings)?)
    }

    /// As [`Program::eval`], on values that were bound for many evaluations.
    ///
    /// # Errors
    /// Those of [`Program::eval`].
    pub fn eval_on(&self, bindings: &Bindings) -> Result<Outcome, Error> {
        match self.run(bindings)? {
            Value::Bool(value) => Ok(Outcome::Bool(value)),
            other => Ok(Outcome::Json(
                other.json().unwrap_or(serde_json::Value::Null),
            )),
        }
    }

    /// As [`Program::eval`], for an expression that must give a boolean.
    ///
    /// # Errors
    /// Those of [`Program::eval`], and [`Error::NotBool`].
    pub fn eval_bool(&self, bindings: &[(&str, &serde_json::Value)]) -> Result<bool, Error> {
        self.eval_bool_on(&Bindings::new(bindings)?)
    }

    /// As [`Program::eval_bool`], on values that were bound for many evaluations.
    ///
    /// # Errors
    /// Those of [`Program::eval_bool`].
    pub fn eval_bool_on(&self, bindings: &Bindings) -> Result<bool, Error> {
        match self.run(bindings)? {
            Value::Bool(value) => Ok(value),
            other => Err(Error::NotBool(other.type_of().to_string())),
        }
    }

    /// The most steps an evaluation on these values takes, for those who add up many.
    ///
    /// # Errors
    /// [`Error::TooCostly`] when that is above the limits of a single one.
    pub fn steps(&self, bindings: &Bindings) -> Result<u64, Error> {
        cost::check(&self.tree, &bindings.shapes)
    }

    fn run(&self, bindings: &Bindings) -> Result<Value, Error> {
        self.steps(bindings)?;
        Value::resolve(&self.tree, &bindings.context)
            .map_err(|failure| error::evaluation(&failure, &self.source))
    }
}

/// Values bound to variables: measured and converted once, for as many evaluations as are wanted.
pub struct Bindings {
    shapes: Vec<(String, Shape)>,
    context: Context<'static, 'static>,
    numbers: Numbers,
}

impl Bindings {
    /// Binds values.
    ///
    /// # Errors
    /// When one is too large.
    pub fn new(values: &[(&str, &serde_json::Value)]) -> Result<Self, Error> {
        Self::with(Numbers::AsWritten, values)
    }

    /// Binds values, with numbers as they are wanted.
    ///
    /// # Errors
    /// When one is too large.
    pub fn with(numbers: Numbers, values: &[(&str, &serde_json::Value)]) -> Result<Self, Error> {
        let mut bindings = Self {
            shapes: Vec::new(),
            context: Context::with_env(Arc::clone(environment())),
            numbers,
        };
        for (name, value) in values {
            bindings.bind(name, value)?;
        }
        Ok(bindings)
    }

    /// Binds a value as the structural `schema` describes it, for the validation rules of that schema; `oldSelf` is
    /// `optional.none()`.
    ///
    /// # Errors
    /// When it is too large.
    pub fn structural(
        name: &str,
        value: &serde_json::Value,
        schema: &serde_json::Value,
    ) -> Result<Self, Error> {
        let mut bindings = Self::new(&[])?;
        let shape = bind::measure(name, value)?;
        bindings.shapes.push((name.to_owned(), shape));
        let context = &mut bindings.context;
        context.add_variable_from_value(name, structural::convert(value, schema));
        context.add_variable_as_val("oldSelf", Box::new(CelOptional::none()));
        Ok(bindings)
    }

    /// Binds one more value; of two of one name the later counts.
    ///
    /// # Errors
    /// When it is too large.
    pub fn bind(&mut self, name: &str, value: &serde_json::Value) -> Result<(), Error> {
        let shape = bind::measure(name, value)?;
        self.shapes.push((name.to_owned(), shape));
        let value = bind::convert(value, self.numbers);
        self.context.add_variable_from_value(name, value);
        Ok(())
    }
}

impl fmt::Debug for Bindings {
    /// The names only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.shapes.iter().map(|(name, _)| name))
            .finish()
    }
}
