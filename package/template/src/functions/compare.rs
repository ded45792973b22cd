//! Go's own functions on values: comparison, `not`, `len`, `index`.

use std::rc::Rc;

use super::signature::{ANY, ANYS, Function, Kind, Outcome, fixed, variadic};
use crate::resources::Resources;
use crate::value::{MAX_VALUE_DEPTH, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("eq", ANY, Kind::Any, |_, args| {
        eq_any(args).map(Value::Bool)
    }),
    fixed("ne", ANYS, |_, args| {
        eq_any(args).map(|equal| Value::Bool(!equal))
    }),
    fixed("lt", ANYS, |_, args| {
        less(&args[0], &args[1]).map(Value::Bool)
    }),
    fixed("le", ANYS, |_, args| less_or_equal(args).map(Value::Bool)),
    fixed("gt", ANYS, |_, args| {
        less_or_equal(args).map(|le| Value::Bool(!le))
    }),
    fixed("ge", ANYS, |_, args| {
        less(&args[0], &args[1]).map(|less| Value::Bool(!less))
    }),
    fixed("not", ANY, |_, args| Ok(Value::Bool(!args[0].truth()))),
    fixed("len", ANY, |_, args| length(&args[0])),
    variadic("index", ANY, Kind::Any, |_, args| {
        index(&args[0], &args[1..])
    }),
    fixed("deepEqual", ANYS, |resources, args| {
        deep_equal(resources, &args[0], &args[1]).map(Value::Bool)
    }),
];

/// What a value is compared as.
#[derive(PartialEq)]
enum Basic<'a> {
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(&'a [u8]),
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(truth) => Basic::Bool(*truth),
        Value::Int(number) | Value::Int64(number) => Basic::Int(i128::from(*number)),
        Value::Uint64(number) => Basic::Int(i128::from(*number)),
        Value::Byte(number) => Basic::Int(i128::from(*number)),
        Value::Float(number) => Basic::Float(*number),
        Value::Str(text) => Basic::Str(text),
        Value::Nil
        | Value::List(_)
        | Value::Map(_)
        | Value::Version(_)
        | Value::PlainVersion(_) => Basic::Other,
    }
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!(
        "incompatible types for comparison: {} and {}",
        a.type_name(),
        b.type_name()
    )
}

fn eq_any(args: &[Value]) -> Result<bool, String> {
    let (first, others) = args.split_first().unwrap_or((&Value::Nil, &[]));
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    let nil = |value: &Value| match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        _ => false,
    };
    match (basic(a), basic(b)) {
        (Basic::Other, Basic::Other) => match (a, b) {
            _ if nil(a) || nil(b) => Ok(nil(a) == nil(b)),
            // A pointer is the same only as itself.
            (Value::Version(one), Value::Version(other)) => Ok(Rc::ptr_eq(one, other)),
            (Value::PlainVersion(one), Value::PlainVersion(other)) => Ok(one == other),
            _ => Err(format!(
                "non-comparable types {}, {}",
                a.type_name(),
                b.type_name()
            )),
        },
        (left, right) if std::mem::discriminant(&left) == std::mem::discriminant(&right) => {
            Ok(left == right)
        }
        _ if matches!(a, Value::Nil) || matches!(b, Value::Nil) => Ok(false),
        _ => Err(incompatible(a, b)),
    }
}

fn less(a: &Value, b: &Value) -> Result<bool, String> {
    match (basic(a), basic(b)) {
        (Basic::Other, _) | (_, Basic::Other) | (Basic::Bool(_), Basic::Bool(_)) => {
            Err("invalid type for comparison".to_owned())
        }
        (Basic::Int(left), Basic::Int(right)) => Ok(left < right),
        (Basic::Float(left), Basic::Float(right)) => Ok(left < right),
        (Basic::Str(left), Basic::Str(right)) => Ok(left < right),
        _ => Err(incompatible(a, b)),
    }
}

fn less_or_equal(args: &[Value]) -> Result<bool, String> {
    Ok(less(&args[0], &args[1])? || equal(&args[0], &args[1])?)
}

fn length(value: &Value) -> Outcome {
    let length = match value {
        Value::Str(text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        _ => return Err(format!("len of type {}", value.type_name())),
    };
    Ok(Value::Int(length as i64))
}

/// A position in a string or list.
fn position(index: &Value, most: usize) -> Result<usize, String> {
    let number = match index {
        Value::Int(number) | Value::Int64(number) => *number,
        // What is out of range for an integer is out of range for a list, too.
        Value::Uint64(number) => i64::try_from(*number).unwrap_or(-1),
        Value::Byte(number) => i64::from(*number),
        Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        _ => {
            return Err(format!(
                "cannot index slice/array with type {}",
                index.type_name()
            ));
        }
    };
    match usize::try_from(number) {
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!("index out of range: {number}")),
    }
}

fn index(item: &Value, indexes: &[Value]) -> Outcome {
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    let out_of_range = || "reflect: slice index out of range".to_owned();
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::Str(text) => {
                let at = position(index, text.len())?;
                Value::Byte(*text.get(at).ok_or_else(out_of_range)?)
            }
            Value::List(list) => {
                let items = list.items();
                let at = position(index, items.len())?;
                items.get(at).ok_or_else(out_of_range)?.clone()
            }
            Value::Map(map) => match index {
                Value::Str(key) => map.get(key).unwrap_or_else(|| map.elem().zero()),
                Value::Nil => return Err("value is nil; should be of type string".to_owned()),
                _ => {
                    let name = index.type_name();
                    return Err(format!("value has type {name}; should be string"));
                }
            },
            Value::Nil => return Err("index of nil pointer".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

/// `reflect.DeepEqual`: the types must be the same, too.
pub(super) fn deep_equal(
    resources: &mut Resources<'_>,
    a: &Value,
    b: &Value,
) -> Result<bool, String> {
    deep_equal_within(resources, a, b, MAX_VALUE_DEPTH)
}

fn deep_equal_within(
    resources: &mut Resources<'_>,
    a: &Value,
    b: &Value,
    depth: usize,
) -> Result<bool, String> {
    resources.charge(1)?;
    let Some(below) = depth.checked_sub(1) else {
        return Err("the values are nested too deeply to compare".to_owned());
    };
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::List(left), Value::List(right)) => {
            let (lefts, rights) = (left.items(), right.items());
            let alike = left.elem() == right.elem() && left.is_nil() == right.is_nil();
            if !alike || lefts.len() != rights.len() {
                return Ok(false);
            }
            for (left, right) in lefts.iter().zip(rights) {
                if !deep_equal_within(resources, left, right, below)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.elem() != right.elem() || left.len() != right.len() {
                return Ok(false);
            }
            for ((key, left), (other, right)) in left.entries().iter().zip(right.entries()) {
                if *key != other || !deep_equal_within(resources, left, &right, below)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Version(one), Value::Version(other))
        | (Value::PlainVersion(one), Value::PlainVersion(other)) => Ok(one == other),
        _ if a.kind_name() != b.kind_name() => Ok(false),
        _ => Ok(basic(a) == basic(b)),
    }
}
