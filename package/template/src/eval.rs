//! The evaluator of pipelines, commands and their arguments.

use crate::ast::{Command, Expr, ExprKind, Located, Pipe};
use crate::functions::{self, Kind, Named, Outcome, Run, utf8};
use crate::machine::{Executed, Machine};
use crate::value::{Elem, Value};

impl<'t> Machine<'t> {
    /// The value of a pipeline, having declared or assigned its variables.
    pub(crate) fn pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Executed<Value> {
        let mut value = None;
        for command in &pipe.commands {
            let piped = value.take();
            value = Some(self.deeper(pipe, |machine| machine.command(dot, command, piped))?);
        }
        let value = value.unwrap_or_default();
        for name in &pipe.decl {
            if pipe.assign {
                self.set_var(pipe, name, value.clone())?;
            } else {
                self.vars.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// `piped` is the value of the command before, which becomes the last argument.
    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        piped: Option<Value>,
    ) -> Executed<Value> {
        let first = &command.args[0];
        self.spend(first, 1)?;
        let given = command.args.len() > 1 || piped.is_some();
        match &first.kind {
            ExprKind::Function(named) => {
                self.call(dot, command, first, *named, &command.args[1..], piped)
            }
            ExprKind::Field(fields)
            | ExprKind::Chain(_, fields)
            | ExprKind::Variable(_, fields)
                if given && !fields.is_empty() =>
            {
                self.method(dot, command, first, fields, piped)
            }
            _ if given => {
                let message = format!("can't give argument to non-function {first}");
                Err(self.error(first, message))
            }
            ExprKind::Nil => Err(self.error(first, "nil is not a command")),
            ExprKind::Pipe(pipe) => self.pipeline(dot, pipe),
            _ => self.operand(dot, first),
        }
    }

    /// The value of anything that needs no type to be expected of it.
    fn operand(&mut self, dot: &Value, expr: &'t Expr) -> Executed<Value> {
        self.spend(expr, 1)?;
        match &expr.kind {
            ExprKind::Dot => Ok(dot.clone()),
            ExprKind::Nil => Ok(Value::Nil),
            ExprKind::Bool(truth) => Ok(Value::Bool(*truth)),
            ExprKind::Number(number) => Ok(number.as_written()),
            ExprKind::Str(_, text) => Ok(Value::bytes(&**text)),
            ExprKind::Field(fields)
            | ExprKind::Variable(_, fields)
            | ExprKind::Chain(_, fields) => {
                let value = self.base(dot, expr)?;
                self.fields(expr, value, fields)
            }
            ExprKind::Function(named) => self.call(dot, expr, expr, *named, &[], None),
            ExprKind::Pipe(pipe) => self.pipeline(dot, pipe),
        }
    }

    /// The value that the fields of an expression are looked up in.
    fn base(&mut self, dot: &Value, expr: &'t Expr) -> Executed<Value> {
        match &expr.kind {
            ExprKind::Variable(name, _) => self.var(expr, name).cloned(),
            ExprKind::Chain(inner, _) => {
                if matches!(inner.kind, ExprKind::Nil) {
                    let message = format!("indirection through explicit nil in {expr}");
                    return Err(self.error(expr, message));
                }
                self.operand(dot, inner)
            }
            _ => Ok(dot.clone()),
        }
    }

    /// Calls the last of the fields with arguments.
    fn method(
        &mut self,
        dot: &Value,
        command: &'t Command,
        at: &'t Expr,
        fields: &'t [Box<str>],
        piped: Option<Value>,
    ) -> Executed<Value> {
        let (last, before) = fields.split_last().expect("there is a field");
        let base = self.base(dot, at)?;
        let receiver = self.fields(at, base, before)?;
        let Some(named) = functions::method(&receiver, last) else {
            // Looked up first, so that a missing key is what is reported.
            self.fields(at, receiver, std::slice::from_ref(last))?;
            return Err(self.error(at, format!("{last} is not a method but has arguments")));
        };
        let args = self.arguments(dot, at, named, &command.args[1..], piped)?;
        self.run(at, at, named, [vec![receiver], args].concat())
    }

    fn fields(
        &mut self,
        at: &'t Expr,
        mut value: Value,
        fields: &'t [Box<str>],
    ) -> Executed<Value> {
        for field in fields {
            if let Some(named) = functions::method(&value, field) {
                self.arguments(&Value::Nil, at, named, &[], None)?;
                value = self.run(at, at, named, vec![value])?;
                continue;
            }
            value = match &value {
                Value::Map(map) => match map.get(field.as_bytes()) {
                    Some(found) => found,
                    None => {
                        let message = format!("map has no entry for key {field:?}");
                        let mut error = self.error(at, message);
                        error.missing = map.path_of(field);
                        return Err(error);
                    }
                },
                Value::Nil => {
                    let message = format!("nil data; no entry for key {field:?}");
                    return Err(self.error(at, message));
                }
                other => {
                    let message =
                        format!("can't evaluate field {field} in type {}", other.type_name());
                    return Err(self.error(at, message));
                }
            };
        }
        Ok(value)
    }

    /// Calls a function; `site` is what a failure of the function itself points at.
    fn call(
        &mut self,
        dot: &Value,
        site: &'t dyn Located,
        name_at: &'t Expr,
        named: Named,
        args: &'t [Expr],
        piped: Option<Value>,
    ) -> Executed<Value> {
        if let Run::ShortCircuit(stop_at) = named.function.run {
            self.check_count(name_at, named, args, piped.as_ref())?;
            return self.short_circuit(dot, args, piped, stop_at);
        }
        let values = self.arguments(dot, name_at, named, args, piped)?;
        self.run(site, name_at, named, values)
    }

    fn check_count(
        &self,
        name_at: &Expr,
        Named { name, function }: Named,
        args: &[Expr],
        piped: Option<&Value>,
    ) -> Executed<()> {
        let given = args.len() + usize::from(piped.is_some());
        let accepted = function.accepts(name, given);
        accepted.map_err(|message| self.error(name_at, message))
    }

    /// The arguments of a function or method, as many and of the kinds that it wants.
    fn arguments(
        &mut self,
        dot: &Value,
        name_at: &'t Expr,
        named: Named,
        args: &'t [Expr],
        piped: Option<Value>,
    ) -> Executed<Vec<Value>> {
        self.check_count(name_at, named, args, piped.as_ref())?;
        let function = named.function;
        let given = args.len() + usize::from(piped.is_some());
        let mut values = Vec::with_capacity(given);
        for (number, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, function.kind(number), arg)?);
        }
        if let Some(piped) = piped {
            let kind = function.kind(values.len());
            values.push(self.checked(name_at, piped, kind)?);
        }
        Ok(values)
    }

    /// Runs a function on its arguments, of a method with the receiver before them.
    fn run(
        &mut self,
        site: &dyn Located,
        name_at: &Expr,
        Named { name, function }: Named,
        values: Vec<Value>,
    ) -> Executed<Value> {
        let weight: u64 = values.iter().map(Value::weight).sum();
        self.spend(name_at, 1 + weight)?;
        let outcome = self.outcome(&function.run, &values);
        outcome.map_err(|message| self.error(site, format!("error calling {name}: {message}")))
    }

    fn outcome(&mut self, run: &Run, values: &[Value]) -> Outcome {
        let resources = &mut self.resources;
        let value = match run {
            // Handled where arguments are not evaluated yet.
            Run::ShortCircuit(_) => Ok(Value::Nil),
            Run::Include => self.include(&utf8(&values[0]), &values[1]),
            Run::Plain(run) => run(resources, values),
            Run::OnFiles(run) => match resources.env.files {
                Some(files) => run(files, resources, values),
                None => Err("this package has no files".to_owned()),
            },
            Run::Condition => resources.holds(&utf8(&values[0])).map(Value::Bool),
        }?;
        self.resources.charge(value.weight())?;
        let limit = self.resources.limit();
        match &value {
            Value::Str(text) if text.len() > limit => {
                Err(format!("the result exceeds {limit} bytes"))
            }
            _ => Ok(value),
        }
    }

    fn short_circuit(
        &mut self,
        dot: &Value,
        args: &'t [Expr],
        piped: Option<Value>,
        stop_at: bool,
    ) -> Executed<Value> {
        let mut value = Value::Nil;
        for arg in args {
            value = self.argument(dot, Kind::Any, arg)?;
            if value.truth() == stop_at {
                return Ok(value);
            }
        }
        Ok(piped.unwrap_or(value))
    }

    /// An argument, of the kind the function asks for.
    fn argument(&mut self, dot: &Value, kind: Kind, expr: &'t Expr) -> Executed<Value> {
        let literal = match (&expr.kind, kind) {
            (ExprKind::Nil, Kind::Any | Kind::Map | Kind::Version) => return Ok(Value::Nil),
            (ExprKind::Nil, _) => {
                return Err(self.error(expr, format!("cannot assign nil to {}", kind.name())));
            }
            (ExprKind::Number(number), Kind::Int) => number.int.map(Value::Int),
            (ExprKind::Number(number), Kind::Float) => Some(Value::Float(number.as_float())),
            (ExprKind::Bool(truth), Kind::Bool) => Some(Value::Bool(*truth)),
            (ExprKind::Str(_, text), Kind::Str) => Some(Value::bytes(&**text)),
            (ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Str(..), Kind::Any) => {
                return self.operand(dot, expr);
            }
            (ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Str(..), _) => None,
            _ => {
                let value = self.deeper(expr, |machine| machine.operand(dot, expr))?;
                return self.checked(expr, value, kind);
            }
        };
        literal.ok_or_else(|| self.error(expr, format!("expected {}; found {expr}", kind.noun())))
    }

    fn checked(&self, at: &Expr, value: Value, kind: Kind) -> Executed<Value> {
        let name = kind.name();
        match (&value, kind) {
            (_, Kind::Any)
            | (Value::Str(_), Kind::Str)
            | (Value::Int(_), Kind::Int)
            | (Value::Float(_), Kind::Float)
            | (Value::Bool(_), Kind::Bool)
            | (Value::Version(_) | Value::Nil, Kind::Version)
            | (Value::Nil, Kind::Map) => Ok(value),
            (Value::Map(map), Kind::Map) if map.elem() == Elem::Any => Ok(value),
            (Value::Nil, _) => Err(self.error(at, format!("invalid value; expected {name}"))),
            _ => {
                let message = format!(
                    "wrong type for value; expected {name}; got {}",
                    value.type_name()
                );
                Err(self.error(at, message))
            }
        }
    }
}
