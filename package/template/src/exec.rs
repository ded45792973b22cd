//! The walk over a template, node by node.

use std::rc::Rc;

use serde_json::Value as Json;

use crate::ast::{Branch, Call, Control, Located, Node, Pipe, Pos, Tree, Trees};
use crate::budget::Budget;
use crate::error::ExecError;
use crate::functions::Outcome;
use crate::machine::{Executed, Machine};
use crate::reads::{Origin, Reads, Recorder};
use crate::resources::{Env, Resources};
use crate::value::Value;
use crate::{format, json};

/// What to do after a node.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// The context of executions that follow each other.
pub(crate) struct Start<'c> {
    context: &'c Json,
    /// What it costs an execution to have it anew.
    weight: u64,
    /// The context as templates see it, until one of them changes it.
    dot: Option<Value>,
    recorder: Rc<Recorder>,
}

impl<'c> Start<'c> {
    pub(crate) fn new(context: &'c Json, env: &Env<'_>) -> Self {
        Self {
            context,
            weight: weight(context),
            dot: None,
            recorder: Rc::new(Recorder::new(env.maps_of_strings)),
        }
    }

    /// What all executions read.
    pub(crate) fn reads(&self) -> Reads {
        self.recorder.reads()
    }

    /// What a template sees; nothing if it is nested too deeply.
    fn dot(&mut self) -> Option<Value> {
        if self.recorder.take_change() || self.dot.is_none() {
            self.dot = json::context(self.context, Origin::root(&self.recorder));
        }
        self.dot.clone()
    }
}

/// Executes a template, and gives what it wrote.
pub(crate) fn run<'t>(
    trees: &'t Trees,
    name: &str,
    start: &mut Start<'_>,
    env: Env<'t>,
    budget: &'t mut Budget,
) -> Executed<String> {
    let early = |message: String| {
        Box::new(ExecError {
            file: name.to_owned(),
            line: Pos::START.line,
            column: Pos::START.column,
            template: name.to_owned(),
            context: name.to_owned(),
            message,
            missing: None,
        })
    };
    let tree = trees
        .get(name)
        .ok_or_else(|| early(format!("no template {name:?}")))?;
    let mut resources = Resources::new(env, budget, &start.recorder);
    resources.charge(start.weight).map_err(early)?;
    let dot = start
        .dot()
        .ok_or_else(|| early("the context is nested too deeply".to_owned()))?;
    let mut machine = Machine::new(trees, tree, dot.clone(), resources);
    machine.list(&dot, &tree.nodes)?;
    let Machine { out, resources, .. } = machine;
    resources
        .budget
        .write(out.len())
        .map_err(|exhausted| early(exhausted.to_string()))?;
    String::from_utf8(out).map_err(|_| early("the output is not valid UTF-8".to_owned()))
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
                let here = Call(Pos::START, "", None);
                written.map_err(|message| self.error(&here, message))?;
            }
            Node::Action(pipe) => self.action(dot, pipe)?,
            Node::Branch(branch) => return self.branch(dot, branch),
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
            _ => format::print(&value, self.resources.limit()).and_then(|text| self.write(&text)),
        };
        written.map_err(|message| self.error(pipe, message))
    }

    fn branch(&mut self, dot: &Value, branch: &'t Branch) -> Executed<Flow> {
        let vars = self.vars.len();
        let flow = self.deeper(&branch.pipe, |machine| {
            let value = machine.pipeline(dot, &branch.pipe)?;
            match branch.control {
                Control::Range if machine.iterate(&value, branch)? => Ok(Flow::On),
                Control::If if value.truth() => machine.list(dot, &branch.list),
                Control::With if value.truth() => machine.list(&value, &branch.list),
                _ => machine.list(dot, &branch.otherwise),
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
            Value::Int(_) | Value::Int64(_) | Value::Uint64(_) | Value::Byte(_) => {
                some = self.count(value, branch)?;
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
            Value::Bool(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Version(_)
            | Value::PlainVersion(_) => {
                let shown = format::print(value, 200).unwrap_or_default();
                let shown = String::from_utf8_lossy(&shown).into_owned();
                let message = format!("range can't iterate over {shown}");
                return Err(self.error(&branch.pipe, message));
            }
        }
        Ok(some)
    }

    /// Runs the body for each number from zero up to the value, without it; false if there was none.
    fn count(&mut self, value: &Value, branch: &'t Branch) -> Executed<bool> {
        let (count, typed): (u64, fn(u64) -> Value) = match value {
            Value::Int(count) => (u64::try_from(*count).unwrap_or(0), |n| Value::Int(n as i64)),
            Value::Int64(count) => (u64::try_from(*count).unwrap_or(0), |n| {
                Value::Int64(n as i64)
            }),
            Value::Uint64(count) => (*count, Value::Uint64),
            Value::Byte(count) => (u64::from(*count), |n| Value::Byte(n as u8)),
            _ => (0, Value::Uint64),
        };
        if branch.pipe.decl.len() > 1 {
            let message = format!("can't use {count} to iterate over more than one variable");
            return Err(self.error(&branch.pipe, message));
        }
        for number in 0..count {
            if !self.once(branch, Value::Nil, &typed(number))? {
                break;
            }
        }
        Ok(count > 0)
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

    fn template(
        &mut self,
        dot: &Value,
        pos: Pos,
        name: &'t str,
        pipe: Option<&'t Pipe>,
    ) -> Executed<()> {
        let call = Call(pos, name, pipe);
        let Some(tree) = self.trees.get(name) else {
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
        let limit = self.resources.env.limits.recursion;
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
    pub(crate) fn include(&mut self, name: &str, dot: &Value) -> Outcome {
        let Some(tree) = self.trees.get(name) else {
            return Err(format!("no template {name:?} in this package"));
        };
        let outer = std::mem::take(&mut self.out);
        let call = Call(Pos::START, name, None);
        let entered = self.enter(&call, tree, dot);
        let text = std::mem::replace(&mut self.out, outer);
        entered.map_err(|error| error.to_string())?;
        Ok(Value::from(text))
    }
}
