//! An upper bound for what an evaluation may cost, from the expression and the sizes of its inputs.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::error::Error;
use crate::limit::{MAX_MEMORY, MAX_STEPS};
use crate::tree::children;

const SCALAR_SIZE: f64 = 16.0;

/// Bounds of all values at one depth: most elements of a list or map, and largest size in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Level {
    pub count: f64,
    pub size: f64,
}

/// Bounds of a value and, level by level, of what is in it. What is below the last level is a scalar.
#[derive(Debug, Clone)]
pub(crate) struct Shape(Vec<Level>);

impl Shape {
    pub(crate) fn of(levels: Vec<Level>) -> Self {
        Shape(levels)
    }

    fn text(size: f64) -> Self {
        Shape(vec![Level { count: 0.0, size }])
    }

    fn scalar() -> Self {
        Shape::text(SCALAR_SIZE)
    }

    fn nothing() -> Self {
        Shape(Vec::new())
    }

    fn size(&self) -> f64 {
        self.0.first().map_or(SCALAR_SIZE, |level| level.size)
    }

    fn count(&self) -> f64 {
        self.0.first().map_or(0.0, |level| level.count)
    }

    /// What is in it: an element, a field, a key.
    fn inner(&self) -> Shape {
        Shape(self.0.get(1..).unwrap_or_default().to_vec())
    }

    /// A list or map of `count` values like this one, `size` bytes in all.
    fn listed(self, count: f64, size: f64) -> Shape {
        let mut levels = vec![Level {
            count,
            size: size + SCALAR_SIZE * (count + 1.0),
        }];
        levels.extend(self.0);
        Shape(levels)
    }

    /// One or the other.
    fn either(mut self, other: &Shape) -> Shape {
        for (at, level) in other.0.iter().enumerate() {
            match self.0.get_mut(at) {
                Some(known) => {
                    known.count = known.count.max(level.count);
                    known.size = known.size.max(level.size);
                }
                None => self.0.push(*level),
            }
        }
        self
    }

    /// One after the other in one value.
    fn both(self, other: &Shape) -> Shape {
        let first = Level {
            count: self.count() + other.count(),
            size: self.size() + other.size(),
        };
        let mut joined = self.either(other);
        match joined.0.first_mut() {
            Some(level) => *level = first,
            None => joined.0.push(first),
        }
        joined
    }
}

/// The bound of steps for `expr` on variables of these shapes; refuses when that is above the limits.
pub(crate) fn check(expr: &IdedExpr, variables: &[(String, Shape)]) -> Result<u64, Error> {
    let mut walk = Walk {
        scope: variables.to_vec(),
        largest: 0.0,
    };
    let (_, steps) = walk.expr(expr);
    within("steps", steps, MAX_STEPS)?;
    within("bytes", walk.largest, MAX_MEMORY)?;
    Ok(steps.ceil() as u64)
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
            Expr::Unspecified => (Shape::scalar(), 1.0),
            Expr::Literal(literal) => (literal_shape(literal), 1.0),
            Expr::Ident(name) => (self.lookup(name), 1.0),
            Expr::Select(select) => {
                let (shape, steps) = self.expr(&select.operand);
                (
                    if select.test {
                        Shape::scalar()
                    } else {
                        shape.inner()
                    },
                    steps + 1.0,
                )
            }
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => self.literal(children(expr)),
            Expr::Call(call) => self.call(call, children(expr)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        };
        self.largest = self.largest.max(shape.size());
        (shape, steps)
    }

    fn lookup(&self, name: &str) -> Shape {
        let found = self.scope.iter().rev().find(|(known, _)| known == name);
        found.map_or_else(Shape::scalar, |(_, shape)| shape.clone())
    }

    /// A list or map of these.
    fn literal(&mut self, parts: Vec<&IdedExpr>) -> (Shape, f64) {
        let (mut inner, mut count, mut size, mut steps) = (Shape::nothing(), 0.0, 0.0, 1.0);
        for part in parts {
            let (shape, more) = self.expr(part);
            count += 1.0;
            size += shape.size();
            steps += more + 1.0;
            inner = inner.either(&shape);
        }
        (inner.listed(count, size), steps + size / 64.0)
    }

    fn call(&mut self, call: &CallExpr, operands: Vec<&IdedExpr>) -> (Shape, f64) {
        let operands: Vec<(Shape, f64)> = operands
            .into_iter()
            .map(|operand| self.expr(operand))
            .collect();
        let steps: f64 = operands.iter().map(|(_, steps)| steps).sum();
        let sizes: f64 = operands.iter().map(|(shape, _)| shape.size()).sum();
        let scalar = Shape::scalar();
        let first = operands.first().map_or(&scalar, |(shape, _)| shape);
        let last = operands.last().map_or(&scalar, |(shape, _)| shape);
        // One step moves or compares about 64 bytes.
        let touching = steps + 1.0 + sizes / 64.0;
        match call.func_name.as_str() {
            operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE => (Shape::scalar(), steps + 1.0),
            operators::CONDITIONAL => {
                let branches = operands.iter().skip(1);
                let shape = branches.fold(Shape::nothing(), |sum, (shape, _)| sum.either(shape));
                (shape, steps + 1.0)
            }
            operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT => {
                (first.inner(), steps + 1.0)
            }
            operators::ADD => (first.clone().both(last), touching),
            "matches" => (Shape::scalar(), touching + 2_000.0),
            "replace" => {
                let inserted = operands.get(2).map_or(last, |(shape, _)| shape);
                (
                    Shape::text((first.size() + 1.0) * (inserted.size() + 1.0)),
                    touching,
                )
            }
            "join" => (
                Shape::text(first.size() + first.count() * last.size()),
                touching,
            ),
            "split" => {
                let count = first.size() + 1.0;
                (first.clone().listed(count, first.size()), touching + count)
            }
            "string" | "type" => (Shape::text(sizes + 512.0), touching),
            name if is_scalar(name) => (Shape::scalar(), touching),
            _ => {
                let any = operands
                    .iter()
                    .fold(Shape::scalar(), |sum, (shape, _)| sum.either(shape));
                (any, touching)
            }
        }
    }

    fn comprehension(&mut self, it: &ComprehensionExpr) -> (Shape, f64) {
        let (range, range_steps) = self.expr(&it.iter_range);
        let (init, init_steps) = self.expr(&it.accu_init);
        let depth = self.scope.len();
        self.scope.push((it.iter_var.clone(), range.inner()));
        self.scope.extend(
            it.iter_var2
                .iter()
                .map(|name| (name.clone(), range.inner())),
        );
        // What one step adds: the accumulator itself counts as nothing here.
        self.scope.push((it.accu_var.clone(), Shape::text(0.0)));
        let (_, condition_steps) = self.expr(&it.loop_cond);
        let (growth, step_steps) = self.expr(&it.loop_step);
        self.scope.truncate(depth);
        let accumulated = match &it.accu_init.expr {
            Expr::List(_) => {
                let only_elements = collects_only(&it.loop_step, &it.iter_var);
                let grown = if only_elements {
                    range.size()
                } else {
                    range.count() * growth.size()
                };
                growth.inner().listed(range.count(), init.size() + grown)
            }
            _ => init.either(&growth),
        };
        self.scope.push((it.accu_var.clone(), accumulated));
        let (result, result_steps) = self.expr(&it.result);
        self.scope.truncate(depth);
        let loops = range.count() * (condition_steps + step_steps + 1.0);
        (result, range_steps + init_steps + loops + result_steps)
    }
}

/// Whether the result of a function or operator is a number, a truth value or the like.
fn is_scalar(name: &str) -> bool {
    const OPERATORS: &[&str] = &[
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
        operators::IN,
    ];
    const FUNCTIONS: &str =
        "bool contains double endsWith indexOf int lastIndexOf size startsWith uint";
    OPERATORS.contains(&name) || FUNCTIONS.split(' ').any(|known| known == name)
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
        LiteralValue::String(text) => Shape::text(SCALAR_SIZE + text.inner().len() as f64),
        LiteralValue::Bytes(bytes) => Shape::text(SCALAR_SIZE + bytes.inner().len() as f64),
        _ => Shape::scalar(),
    }
}
