//! An upper bound for what an evaluation may cost, from the expression and the sizes of its inputs.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};

use crate::{Error, MAX_MEMORY, MAX_STEPS};

/// Bounds of one value: most elements of any list or map in it, and its total size in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    count: f64,
    size: f64,
}

impl Shape {
    const SCALAR: Shape = Shape {
        count: 0.0,
        size: 16.0,
    };

    pub(crate) fn new(count: f64, size: f64) -> Self {
        Shape { count, size }
    }

    fn either(self, other: Shape) -> Shape {
        Shape::new(self.count.max(other.count), self.size.max(other.size))
    }

    fn both(self, other: Shape) -> Shape {
        Shape::new(self.count + other.count, self.size + other.size)
    }

    fn holding(self, other: Shape) -> Shape {
        Shape::new(self.count.max(other.count), self.size + other.size)
    }
}

/// Refuses when the bound for `expr` on variables of these shapes is above the limits.
pub(crate) fn check(expr: &IdedExpr, variables: &[(&str, Shape)]) -> Result<(), Error> {
    let mut walk = Walk {
        scope: variables
            .iter()
            .map(|(name, shape)| ((*name).to_owned(), *shape))
            .collect(),
        largest: 0.0,
    };
    let (_, steps) = walk.expr(expr);
    within("steps", steps, MAX_STEPS)?;
    within("bytes", walk.largest, MAX_MEMORY)
}

fn within(what: &'static str, estimate: f64, limit: u64) -> Result<(), Error> {
    if estimate <= limit as f64 {
        return Ok(());
    }
    // A float to integer cast saturates, so an estimate beyond 64 bits reads as the largest number.
    Err(Error::TooCostly {
        what,
        estimate: estimate as u64,
        limit,
    })
}

struct Walk {
    scope: Vec<(String, Shape)>,
    largest: f64,
}

impl Walk {
    fn expr(&mut self, expr: &IdedExpr) -> (Shape, f64) {
        let (shape, steps) = match &expr.expr {
            Expr::Unspecified => (Shape::SCALAR, 1.0),
            Expr::Literal(literal) => (literal_shape(literal), 1.0),
            Expr::Ident(name) => (self.lookup(name), 1.0),
            Expr::Select(select) => {
                let (shape, steps) = self.expr(&select.operand);
                (if select.test { Shape::SCALAR } else { shape }, steps + 1.0)
            }
            Expr::List(list) => {
                let length = list.elements.len() as f64;
                let (shape, steps) = self.all(&list.elements);
                (
                    Shape::new(shape.count.max(length), shape.size + 16.0 * length),
                    steps,
                )
            }
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(value) => self.entries(value.entries.iter().map(|entry| &entry.expr)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        };
        self.largest = self.largest.max(shape.size);
        (shape, steps)
    }

    fn lookup(&self, name: &str) -> Shape {
        let found = self.scope.iter().rev().find(|(known, _)| known == name);
        found.map_or(Shape::SCALAR, |(_, shape)| *shape)
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e IdedExpr>) -> (Shape, f64) {
        exprs
            .into_iter()
            .fold((Shape::new(0.0, 0.0), 1.0), |(shape, steps), expr| {
                let (next, more) = self.expr(expr);
                (shape.holding(next), steps + more)
            })
    }

    fn entries<'e>(&mut self, entries: impl Iterator<Item = &'e EntryExpr>) -> (Shape, f64) {
        let mut total = (Shape::SCALAR, 1.0);
        let mut length = 0.0;
        for entry in entries {
            let (shape, steps) = match entry {
                EntryExpr::StructField(field) => self.expr(&field.value),
                EntryExpr::MapEntry(entry) => self.all([&entry.key, &entry.value]),
            };
            length += 1.0;
            total = (total.0.holding(shape), total.1 + steps + 1.0);
        }
        (
            Shape::new(total.0.count.max(length), total.0.size + 32.0 * length),
            total.1,
        )
    }

    fn call(&mut self, call: &CallExpr) -> (Shape, f64) {
        let operands: Vec<(Shape, f64)> = call
            .target
            .iter()
            .map(AsRef::as_ref)
            .chain(&call.args)
            .map(|operand| self.expr(operand))
            .collect();
        let steps: f64 = operands.iter().map(|(_, steps)| steps).sum();
        let sizes: f64 = operands.iter().map(|(shape, _)| shape.size).sum();
        let first = operands.first().map_or(Shape::SCALAR, |(shape, _)| *shape);
        let last = operands.last().map_or(Shape::SCALAR, |(shape, _)| *shape);
        let any = operands
            .iter()
            .fold(Shape::SCALAR, |sum, (shape, _)| sum.holding(*shape));
        // One step moves or compares about 64 bytes.
        let touching = steps + 1.0 + sizes / 64.0;
        match call.func_name.as_str() {
            operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE => (Shape::SCALAR, steps + 1.0),
            operators::CONDITIONAL => {
                let branches = operands.iter().skip(1);
                let shape = branches.fold(Shape::SCALAR, |sum, (shape, _)| sum.either(*shape));
                (shape, steps + 1.0)
            }
            operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT => (first, steps + 1.0),
            operators::ADD => (first.both(last), touching),
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::IN
            | "contains"
            | "startsWith"
            | "endsWith"
            | "indexOf"
            | "lastIndexOf"
            | "size"
            | "int"
            | "uint"
            | "double"
            | "bool" => (Shape::SCALAR, touching),
            "matches" => (Shape::SCALAR, touching + 2_000.0),
            "replace" => {
                let inserted = operands.get(2).map_or(last, |(shape, _)| *shape);
                (
                    Shape::new(0.0, (first.size + 1.0) * (inserted.size + 1.0)),
                    touching,
                )
            }
            "join" => (
                Shape::new(0.0, first.size + first.count * last.size),
                touching,
            ),
            "split" => (
                Shape::new(first.size + 1.0, first.size * 17.0 + 16.0),
                touching + first.size,
            ),
            "string" | "type" => (Shape::new(0.0, any.size + 512.0), touching),
            _ => (any, touching),
        }
    }

    fn comprehension(&mut self, it: &ComprehensionExpr) -> (Shape, f64) {
        let (range, range_steps) = self.expr(&it.iter_range);
        let (init, init_steps) = self.expr(&it.accu_init);
        let depth = self.scope.len();
        self.scope.push((it.iter_var.clone(), range));
        self.scope
            .extend(it.iter_var2.iter().map(|name| (name.clone(), range)));
        self.scope.push((it.accu_var.clone(), Shape::new(0.0, 0.0)));
        let (_, condition_steps) = self.expr(&it.loop_cond);
        let (growth, step_steps) = self.expr(&it.loop_step);
        self.scope.truncate(depth);
        let grown = if collects_only(&it.loop_step, &it.iter_var) {
            range.size
        } else {
            range.count * growth.size
        };
        let accumulated = match &it.accu_init.expr {
            Expr::List(_) => Shape::new(
                range.count.max(growth.count),
                init.size + grown + 16.0 * range.count,
            ),
            _ => init.either(growth),
        };
        self.scope.push((it.accu_var.clone(), accumulated));
        let (result, result_steps) = self.expr(&it.result);
        self.scope.truncate(depth);
        let loops = range.count * (condition_steps + step_steps + 1.0);
        (result, range_steps + init_steps + loops + result_steps)
    }
}

/// Whether a step only ever appends the element itself, as `filter` does: then the sum is at most the range.
fn collects_only(step: &IdedExpr, element: &str) -> bool {
    match &step.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => call
            .args
            .iter()
            .skip(1)
            .all(|arm| matches!(arm.expr, Expr::Ident(_)) || collects_only(arm, element)),
        Expr::Call(call) if call.func_name == operators::ADD => call.args.get(1).is_some_and(|added| {
            matches!(&added.expr, Expr::List(list)
                if list.elements.iter().all(|item| matches!(&item.expr, Expr::Ident(name) if name == element)))
        }),
        _ => false,
    }
}

fn literal_shape(literal: &LiteralValue) -> Shape {
    match literal {
        LiteralValue::String(text) => Shape::new(0.0, 16.0 + text.inner().len() as f64),
        LiteralValue::Bytes(bytes) => Shape::new(0.0, 16.0 + bytes.inner().len() as f64),
        _ => Shape::SCALAR,
    }
}
