//! An upper bound for what an evaluation may cost, from the expression and the sizes of its inputs.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

mod functions;

use crate::error::Error;
use crate::limit::{MAX_MEMORY, MAX_STEPS};
use crate::qualified;
use crate::shape::{SCALAR_SIZE, Shape};
use crate::tree::children;

/// The bound of steps for `expr` on variables of these shapes; refuses when that is above the limits.
pub(crate) fn check(expr: &IdedExpr, variables: &[(String, Shape)]) -> Result<u64, Error> {
    let mut walk = Walk {
        scope: variables.to_vec(),
        globals: variables.len(),
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
    /// How many of them are not bound by a comprehension.
    globals: usize,
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
        let global = name.strip_prefix('.');
        let mut scope = match global {
            Some(_) => self.scope[..self.globals].iter().rev(),
            None => self.scope.iter().rev(),
        };
        let name = global.unwrap_or(name);
        let found = scope.find(|(known, _)| known == name);
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
        let shapes: Vec<Shape> = operands.into_iter().map(|(shape, _)| shape).collect();
        let (shape, more) = functions::bound(&qualified::name(call), &shapes);
        (shape, steps + more)
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
