//! Walks a template and writes its output.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::ast::{Branch, Call, Located, Node, Pipe, Pos, Tree};
use super::functions::{Compiled, Outcome};
use super::reads::{Origin, Recorder};
use super::value::{Map, Value};
use super::{Env, ExecError, Output, TemplateSet, format, parse};
use crate::budget::Budget;

/// How deeply nodes and expressions may be nested while running, templates included.
const MAX_DEPTH: usize = 256;

pub(super) type Executed<T> = Result<T, Box<ExecError>>;

/// One running execution.
pub(super) struct Machine<'t> {
    pub(super) set: &'t TemplateSet,
    pub(super) env: &'t Env,
    /// The template being executed.
    pub(super) tree: &'t Tree,
    pub(super) vars: Vec<(&'t str, Value)>,
    out: Vec<u8>,
    budget: &'t mut Budget,
    depth: usize,
    /// How many `template` and `include` are open.
    calls: usize,
    /// Maps that were changed: they may hold themselves and are emptied at the end.
    changed: Vec<Map>,
    /// Compiled expressions by their source.
    pub(super) regexes: HashMap<String, Compiled>,
}

/// What to do after a node.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

pub(super) fn run<'t>(
    set: &'t TemplateSet,
    name: &str,
    context: &Json,
    env: &'t Env,
    budget: &'t mut Budget,
) -> Executed<Output> {
    let early = |message: String| {
        Box::new(ExecError {
            file: name.to_owned(),
            line: parse::START.line,
            column: parse::START.column,
            template: name.to_owned(),
            context: name.to_owned(),
            message,
        })
    };
    let tree = set
        .trees
        .get(name)
        .ok_or_else(|| early(format!("no template {name:?}")))?;
    budget
        .charge(weight(context))
        .map_err(|exhausted| early(exhausted.to_string()))?;
    let recorder = Rc::new(Recorder::default());
    let dot = Value::context(context, Origin::root(&recorder))
        .ok_or_else(|| early("the context is nested too deeply".to_owned()))?;
    let mut machine = Machine {
        set,
        env,
        tree,
        vars: vec![("$", dot.clone())],
        out: Vec::new(),
        budget,
        depth: 0,
        calls: 0,
        changed: Vec::new(),
        regexes: HashMap::new(),
    };
    let walked = machine.list(&dot, &tree.nodes);
    for map in std::mem::take(&mut machine.changed) {
        map.clear();
    }
    walked?;
    let written = machine.budget.write(machine.out.len());
    written.map_err(|exhausted| early(exhausted.to_string()))?;
    let text = String::from_utf8(machine.out)
        .map_err(|_| early("the output is not valid UTF-8".to_owned()))?;
    Ok(Output {
        text,
        reads: recorder.reads(),
    })
}

/// What it costs to make a context's values anew for an execution, which may change them.
fn weight(context: &Json) -> u64 {
    let inner: u64 = match context {
        Json::String(text) => text.len() as u64 / 32,
        Json::Array(items) => items.iter().map(weight).sum(),
        Json::Object(map) => map.values().map(weight).sum(),
        _ => 0,
    };
    1 + inner
}

impl<'t> Machine<'t> {
    pub(super) fn error(&self, at: &dyn Located, message: impl Into<String>) -> Box<ExecError> {
        let Pos { line, column } = at.pos();
        let context = at.to_string();
        let context = match context.char_indices().nth(200) {
            Some((end, _)) => format!("{}...", &context[..end]),
            None => context,
        };
        Box::new(ExecError {
            file: self.tree.file.clone(),
            line,
            column,
            template: self.tree.name.clone(),
            context,
            message: message.into(),
        })
    }

    /// Takes `steps` from the budget.
    pub(super) fn charge(&mut self, steps: u64) -> Result<(), String> {
        let charged = self.budget.charge(steps);
        charged.map_err(|exhausted| exhausted.to_string())
    }

    pub(super) fn spend(&mut self, at: &dyn Located, steps: u64) -> Executed<()> {
        self.charge(steps)
            .map_err(|message| self.error(at, message))
    }

    /// Notes that a map was changed, so that it is emptied at the end.
    pub(super) fn changed(&mut self, map: &Map) {
        self.changed.push(map.clone());
    }

    /// Runs `inside` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        at: &dyn Located,
        inside: impl FnOnce(&mut Self) -> Executed<T>,
    ) -> Executed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.charge(1 + bytes.len() as u64 / 32)?;
        if self.out.len() + bytes.len() > self.env.limits.output {
            return Err(format!("output exceeds {} bytes", self.env.limits.output));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn list(&mut self, dot: &Value, nodes: &'t [Node]) -> Executed<Flow> {
        for node in nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, dot: &Value, node: &'t Node) -> Executed<Flow> {
        match node {
            Node::Text(text) => {
                let written = self.write(text.as_bytes());
                let here = Call(parse::START, "", None);
                written.map_err(|message| self.error(&here, message))?;
            }
            Node::Action(pipe) => self.action(dot, pipe)?,
            Node::If(branch) => return self.condition(dot, branch, false),
            Node::With(branch) => return self.condition(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch),
            Node::Template { pos, name, pipe } => self.template(dot, *pos, name, pipe.as_ref())?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn action(&mut self, dot: &Value, pipe: &'t Pipe) -> Executed<()> {
        let value = self.pipeline(dot, pipe)?;
        if !pipe.decl.is_empty() {
            return Ok(());
        }
        let written = match &value {
            Value::Nil => self.write(b"<no value>"),
            Value::Str(text) => self.write(text),
            _ => format::print(&value, self.env.limits.output).and_then(|text| self.write(&text)),
        };
        written.map_err(|message| self.error(pipe, message))
    }

    fn condition(&mut self, dot: &Value, branch: &'t Branch, with: bool) -> Executed<Flow> {
        let vars = self.vars.len();
        let flow = self.deeper(&branch.pipe, |machine| {
            let value = machine.pipeline(dot, &branch.pipe)?;
            match (value.truth(), &branch.otherwise) {
                (true, _) if with => machine.list(&value, &branch.list),
                (true, _) => machine.list(dot, &branch.list),
                (false, Some(otherwise)) => machine.list(dot, otherwise),
                (false, None) => Ok(Flow::On),
            }
        })?;
        self.vars.truncate(vars);
        Ok(flow)
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Executed<Flow> {
        let vars = self.vars.len();
        let flow = self.deeper(&branch.pipe, |machine| {
            let value = machine.pipeline(dot, &branch.pipe)?;
            if machine.iterate(&value, branch)? {
                return Ok(Flow::On);
            }
            match &branch.otherwise {
                Some(otherwise) => machine.list(dot, otherwise),
                None => Ok(Flow::On),
            }
        })?;
        self.vars.truncate(vars);
        Ok(flow)
    }

    /// Runs the body for each item; false if there was none.
    fn iterate(&mut self, value: &Value, branch: &'t Branch) -> Executed<bool> {
        let mut some = false;
        match value {
            Value::Nil => {}
            Value::Int(count) | Value::Int64(count) => {
                if branch.pipe.decl.len() > 1 {
                    let message =
                        format!("can't use {count} to iterate over more than one variable");
                    return Err(self.error(&branch.pipe, message));
                }
                let typed = |number| match value {
                    Value::Int64(_) => Value::Int64(number),
                    _ => Value::Int(number),
                };
                for number in 0..*count {
                    some = true;
                    if !self.once(branch, Value::Nil, &typed(number))? {
                        break;
                    }
                }
            }
            Value::List(list) => {
                for (index, item) in (0..).zip(list.items()) {
                    some = true;
                    if !self.once(branch, Value::Int(index), item)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                let entries = map.entries();
                self.spend(&branch.pipe, entries.len() as u64)?;
                for (key, item) in entries {
                    some = true;
                    if !self.once(branch, Value::Str(key), &item)? {
                        break;
                    }
                }
            }
            Value::Byte(_) | Value::Bool(_) | Value::Float(_) | Value::Str(_) => {
                let shown = format::print(value, 200).unwrap_or_default();
                let shown = String::from_utf8_lossy(&shown).into_owned();
                let message = format!("range can't iterate over {shown}");
                return Err(self.error(&branch.pipe, message));
            }
        }
        Ok(some)
    }

    /// Runs the body of a range once; false after `break`.
    fn once(&mut self, branch: &'t Branch, index: Value, item: &Value) -> Executed<bool> {
        let pipe = &branch.pipe;
        self.spend(pipe, 1)?;
        let (first, second) = match pipe.decl.len() {
            0 => (None, None),
            1 => (Some(item.clone()), None),
            _ => (Some(index), Some(item.clone())),
        };
        let top = self.vars.len();
        for (number, value) in [first, second].into_iter().flatten().enumerate() {
            if pipe.assign {
                self.set_var(pipe, &pipe.decl[number], value)?;
            } else {
                self.vars[top - pipe.decl.len() + number].1 = value;
            }
        }
        let flow = self.list(item, &branch.list)?;
        self.vars.truncate(top);
        Ok(flow != Flow::Break)
    }

    pub(super) fn set_var(&mut self, at: &Pipe, name: &str, value: Value) -> Executed<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                *known = value;
                Ok(())
            }
            None => Err(self.error(at, format!("undefined variable: {name}"))),
        }
    }

    fn template(
        &mut self,
        dot: &Value,
        pos: Pos,
        name: &'t str,
        pipe: Option<&'t Pipe>,
    ) -> Executed<()> {
        let call = Call(pos, name, pipe);
        let Some(tree) = self.set.trees.get(name) else {
            return Err(self.error(&call, format!("template {name:?} not defined")));
        };
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        self.enter(&call, tree, &dot)
    }

    /// Executes another template with its own variables, writing to the same output.
    fn enter(&mut self, call: &dyn Located, tree: &'t Tree, dot: &Value) -> Executed<()> {
        let limit = self.env.limits.recursion;
        if self.calls >= limit {
            let message = format!("exceeded maximum template depth ({limit})");
            return Err(self.error(call, message));
        }
        self.calls += 1;
        let outer_tree = std::mem::replace(&mut self.tree, tree);
        let outer_vars = std::mem::replace(&mut self.vars, vec![("$", dot.clone())]);
        let walked = self.deeper(call, |machine| machine.list(dot, &tree.nodes));
        // After an error the state no longer matters, but the place of the error was taken inside.
        self.calls -= 1;
        self.tree = outer_tree;
        self.vars = outer_vars;
        walked.map(|_| ())
    }

    /// The output of another template as a value: the function `include`.
    pub(super) fn include(&mut self, name: &str, dot: &Value) -> Outcome {
        let Some(tree) = self.set.trees.get(name) else {
            return Err(format!("no template {name:?} in this package"));
        };
        let outer = std::mem::take(&mut self.out);
        let call = Call(parse::START, name, None);
        let entered = self.enter(&call, tree, dot);
        let text = std::mem::replace(&mut self.out, outer);
        entered.map_err(|error| error.to_string())?;
        Ok(Value::from(text))
    }
}
