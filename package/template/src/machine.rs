//! A running execution: where it is, what it has written, and what it may still use.

use crate::ast::{Located, Pipe, Pos, Tree, Trees};
use crate::error::ExecError;
use crate::resources::Resources;
use crate::value::Value;

/// How deeply nodes and expressions may be nested while running, templates included.
const MAX_DEPTH: usize = 256;

/// Variables that are searched for one step.
const VARS_PER_STEP: usize = 16;

pub(crate) type Executed<T> = Result<T, Box<ExecError>>;

/// One running execution.
pub(crate) struct Machine<'t> {
    pub(crate) trees: &'t Trees,
    /// The template being executed.
    pub(crate) tree: &'t Tree,
    pub(crate) resources: Resources<'t>,
    pub(crate) vars: Vec<(&'t str, Value)>,
    pub(crate) out: Vec<u8>,
    depth: usize,
    /// How many `template` and `include` are open.
    pub(crate) calls: usize,
}

impl<'t> Machine<'t> {
    pub(crate) fn new(
        trees: &'t Trees,
        tree: &'t Tree,
        dot: Value,
        resources: Resources<'t>,
    ) -> Self {
        Self {
            trees,
            tree,
            resources,
            vars: vec![("$", dot)],
            out: Vec::new(),
            depth: 0,
            calls: 0,
        }
    }

    pub(crate) fn error(&self, at: &dyn Located, message: impl Into<String>) -> Box<ExecError> {
        let Pos { line, column } = at.pos();
        let context = at.to_string();
        let context = match context.char_indices().nth(200) {
            Some((end, _)) => format!("{}...", &context[..end]),
            None => context,
        };
        Box::new(ExecError {
            file: self.tree.file.to_string(),
            line,
            column,
            template: self.tree.name.to_string(),
            context,
            message: message.into(),
            missing: None,
        })
    }

    /// Takes `steps` from the budget.
    pub(crate) fn spend(&mut self, at: &dyn Located, steps: u64) -> Executed<()> {
        let charged = self.resources.charge(steps);
        charged.map_err(|message| self.error(at, message))
    }

    /// Runs `inside` one level deeper.
    pub(crate) fn deeper<T>(
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

    /// The variable that a name stands for, the latest of those with that name.
    pub(crate) fn var(&mut self, at: &dyn Located, name: &str) -> Executed<&mut Value> {
        let found = self.vars.iter().rposition(|(known, _)| *known == name);
        let Some(found) = found else {
            return Err(self.error(at, format!("undefined variable: {name}")));
        };
        let looked_at = self.vars.len() - found;
        self.spend(at, (looked_at / VARS_PER_STEP) as u64)?;
        Ok(&mut self.vars[found].1)
    }

    pub(crate) fn set_var(&mut self, at: &Pipe, name: &str, value: Value) -> Executed<()> {
        *self.var(at, name)? = value;
        Ok(())
    }

    /// Appends to the output.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.resources.charge(1 + bytes.len() as u64 / 32)?;
        let limit = self.resources.limit();
        if self.out.len() + bytes.len() > limit {
            return Err(format!("output exceeds {limit} bytes"));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}
