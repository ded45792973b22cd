//! The parts of a compiled expression.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr};

use crate::qualified::is_qualified;

/// What stands directly in an expression.
pub(crate) fn children(expr: &IdedExpr) -> Vec<&IdedExpr> {
    match &expr.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => {
            let target = call.target.iter().filter(|_| !is_qualified(call));
            target.map(AsRef::as_ref).chain(&call.args).collect()
        }
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|it| entry(&it.expr)).collect(),
        Expr::Struct(value) => {
            let entries = value.entries.iter();
            entries.flat_map(|it| entry(&it.expr)).collect()
        }
        Expr::Comprehension(it) => {
            let parts = bound_parts(it).into_iter();
            std::iter::once(&it.iter_range).chain(parts).collect()
        }
    }
}

/// The parts of a comprehension that see its variables.
pub(crate) fn bound_parts(it: &ComprehensionExpr) -> [&IdedExpr; 4] {
    [&it.accu_init, &it.loop_cond, &it.loop_step, &it.result]
}

/// The variables of a comprehension.
pub(crate) fn variables_of(it: &ComprehensionExpr) -> impl Iterator<Item = &str> {
    let second = it.iter_var2.as_deref();
    std::iter::once(it.iter_var.as_str())
        .chain(second)
        .chain(std::iter::once(it.accu_var.as_str()))
}

fn entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
