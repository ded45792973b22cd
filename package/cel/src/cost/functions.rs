//! The bounds of functions and operators: what they give, and in how many steps, for operands of known shapes.

use cel::common::ast::operators;

use crate::shape::Shape;

/// Compiling a regular expression.
const REGEX_STEPS: f64 = 2_000.0;
/// What `format` writes for a number, however it is asked to, and how much longer than it is bound anything else gets.
const FORMATTED: f64 = 512.0;
const LONGER: f64 = 32.0;
/// All that can be wrong with a text, in words.
const WRONG: (f64, f64) = (8.0, 8_000.0);

/// What a call gives at most, and the steps it takes beside those of its operands. A step moves or compares about 64
/// bytes.
pub(super) fn bound(name: &str, operands: &[Shape]) -> (Shape, f64) {
    let sizes: f64 = operands.iter().map(Shape::size).sum();
    let touching = 1.0 + sizes / 64.0;
    let scalar = Shape::scalar();
    let first = operands.first().unwrap_or(&scalar);
    let last = operands.last().unwrap_or(&scalar);
    match name {
        operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::NOT_STRICTLY_FALSE => (Shape::scalar(), 1.0),
        operators::CONDITIONAL => {
            let branches = operands.iter().skip(1);
            let shape = branches.fold(Shape::nothing(), |sum, shape| sum.either(shape));
            (shape, 1.0)
        }
        operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT => (first.inner(), 1.0),
        operators::ADD => (first.clone().both(last), touching),
        "min" | "max" => (first.inner(), touching + first.count()),
        "isSorted" | "sum" => (Shape::scalar(), touching + first.count()),
        // A text and a text, or a list and anything: each element is compared.
        "indexOf" | "lastIndexOf" => (Shape::scalar(), touching + first.count()),
        "sets.contains" | "sets.equivalent" | "sets.intersects" => {
            (Shape::scalar(), touching + pairs(first, last))
        }
        name => text(name, operands, touching),
    }
}

/// Steps of comparing each element of a list with each of another, both ways.
fn pairs(first: &Shape, last: &Shape) -> f64 {
    let compared = 1.0 + first.inner().size().min(last.inner().size()) / 64.0;
    2.0 * first.count() * last.count() * compared
}

/// The bounds of functions of texts, and of those that make few bytes of anything.
fn text(name: &str, operands: &[Shape], touching: f64) -> (Shape, f64) {
    let sizes: f64 = operands.iter().map(Shape::size).sum();
    let scalar = Shape::scalar();
    let first = operands.first().unwrap_or(&scalar);
    let last = operands.last().unwrap_or(&scalar);
    match name {
        "matches" => (Shape::scalar(), touching + REGEX_STEPS),
        "find" => (Shape::text(first.size()), touching + REGEX_STEPS),
        "findAll" => {
            let (found, steps) = parts(first);
            (found, touching + steps + REGEX_STEPS)
        }
        "split" => {
            let (found, steps) = parts(first);
            (found, touching + steps)
        }
        "getQuery" => {
            let (values, steps) = parts(first);
            let size = values.size() + first.size();
            (
                values.listed(first.size() + 1.0, size),
                touching + 2.0 * steps,
            )
        }
        "replace" => {
            let inserted = operands.get(2).unwrap_or(last);
            let size = (first.size() + 1.0) * (inserted.size() + 1.0);
            (Shape::text(size), touching)
        }
        "join" => {
            let size = first.size() + first.count() * last.size();
            (Shape::text(size), touching)
        }
        "format" => {
            let size = first.size() + FORMATTED * last.count() + LONGER * last.size();
            (Shape::text(size), touching + size / 64.0)
        }
        // Every byte may be escaped.
        "getEscapedPath" | "strings.quote" => (Shape::text(3.0 * sizes + 2.0), 3.0 * touching),
        "validate" => {
            let (count, size) = WRONG;
            // Optional values have the shape of what they hold.
            (Shape::text(size).listed(count, size), touching)
        }
        "string" | "type" => (Shape::text(sizes + 512.0), touching),
        name if is_scalar(name) => (Shape::scalar(), touching),
        _ => {
            let any = operands.iter().fold(scalar, |sum, shape| sum.either(shape));
            (any, touching)
        }
    }
}

/// The parts of a text, which may be as many as it has bytes, and the steps of making them.
fn parts(text: &Shape) -> (Shape, f64) {
    let count = text.size() + 1.0;
    (text.clone().listed(count, text.size()), count)
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
    const FUNCTIONS: &str = "asApproximateFloat asInteger bool compareTo contains containsCIDR containsIP double endsWith family int \
         isCIDR ip.isCanonical isGlobalUnicast isGreaterThan isIP isInteger isLessThan isLinkLocalMulticast \
         isLinkLocalUnicast isLoopback isQuantity isURL isUnspecified prefixLength sign size startsWith uint";
    OPERATORS.contains(&name) || FUNCTIONS.split(' ').any(|known| known == name)
}
