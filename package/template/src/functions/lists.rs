//! Functions on lists.

use std::rc::Rc;

use super::compare::deep_equal;
use super::convert::{string_of, strings_of};
use super::numbers::to_int;
use super::signature::{ANY, ANYS, Function, Kind, Outcome, fixed, int, list, text, variadic};
use crate::resources::Resources;
use crate::value::{Elem, List, MAX_VALUE_DEPTH, Map, Value};
use crate::version::Version;

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("list tuple", &[], Kind::Any, |_, args| new(args.to_vec())),
    fixed("append mustAppend push mustPush", ANYS, |_, args| {
        append(args)
    }),
    fixed("prepend mustPrepend", ANYS, |_, args| prepend(args)),
    fixed("first mustFirst", ANY, |_, args| first(args)),
    fixed("last mustLast", ANY, |_, args| last(args)),
    fixed("rest mustRest", ANY, |_, args| rest(args)),
    fixed("initial mustInitial", ANY, |_, args| initial(args)),
    fixed("reverse mustReverse", ANY, |_, args| reverse(args)),
    fixed("compact mustCompact", ANY, |_, args| compact(args)),
    fixed("uniq mustUniq", ANY, uniq),
    fixed("has mustHas", ANYS, has),
    variadic("without mustWithout", ANY, Kind::Any, without),
    variadic("concat", &[], Kind::Any, |_, args| concat(args)),
    variadic("slice mustSlice", ANY, Kind::Any, |_, args| slice(args)),
    fixed("chunk mustChunk", &[Kind::Int, Kind::Any], |_, args| {
        chunk(int(&args[0]), list(&args[1], "chunk")?)
    }),
    fixed(
        "deepCopy mustDeepCopy",
        ANY,
        |resources, args| match &args[0] {
            Value::Nil => Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
            value => copy(resources, value, MAX_VALUE_DEPTH),
        },
    ),
    fixed("join", &[Kind::Str, Kind::Any], join),
    fixed("sortAlpha", ANY, sort_alpha),
    fixed("toStrings", ANY, |resources, args| {
        strings(resources, &args[0]).map(string_list)
    }),
];

fn new(items: Vec<Value>) -> Outcome {
    Ok(Value::List(List::new(items)))
}

/// A `[]string`.
pub(super) fn string_list(strings: Vec<Vec<u8>>) -> Value {
    Value::List(List::typed(
        strings.into_iter().map(Value::from).collect(),
        Elem::Str,
    ))
}

/// The items of the first argument.
fn items<'a>(args: &'a [Value], doing: &str) -> Result<&'a [Value], String> {
    Ok(list(&args[0], doing)?.items())
}

fn append(args: &[Value]) -> Outcome {
    new([items(args, "push on")?, &args[1..]].concat())
}

fn prepend(args: &[Value]) -> Outcome {
    new([&args[1..], items(args, "prepend on")?].concat())
}

fn first(args: &[Value]) -> Outcome {
    let first = items(args, "find first on")?.first();
    Ok(first.cloned().unwrap_or_default())
}

fn last(args: &[Value]) -> Outcome {
    let last = items(args, "find last on")?.last();
    Ok(last.cloned().unwrap_or_default())
}

fn rest(args: &[Value]) -> Outcome {
    let rest = items(args, "find rest on")?.split_first();
    rest.map_or_else(
        || Ok(Value::List(List::nil(Elem::Any))),
        |(_, rest)| new(rest.to_vec()),
    )
}

fn initial(args: &[Value]) -> Outcome {
    let initial = items(args, "find initial on")?.split_last();
    initial.map_or_else(
        || Ok(Value::List(List::nil(Elem::Any))),
        |(_, rest)| new(rest.to_vec()),
    )
}

fn reverse(args: &[Value]) -> Outcome {
    let items = items(args, "find reverse on")?.iter();
    new(items.rev().cloned().collect())
}

fn compact(args: &[Value]) -> Outcome {
    let items = items(args, "compact on")?.iter();
    new(items.filter(|item| item.truth()).cloned().collect())
}

/// Whether `wanted` is among items.
fn contains(
    resources: &mut Resources<'_>,
    items: &[Value],
    wanted: &Value,
) -> Result<bool, String> {
    for item in items {
        if deep_equal(resources, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let mut kept = Vec::new();
    for item in items(args, "find uniq on")? {
        if !contains(resources, &kept, item)? {
            kept.push(item.clone());
        }
    }
    new(kept)
}

fn has(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    match &args[1] {
        Value::Nil => Ok(Value::Bool(false)),
        haystack => {
            let items = list(haystack, "find has on")?.items();
            contains(resources, items, &args[0]).map(Value::Bool)
        }
    }
}

fn without(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let mut kept = Vec::new();
    for item in items(args, "find without on")? {
        if !contains(resources, &args[1..], item)? {
            kept.push(item.clone());
        }
    }
    new(kept)
}

fn concat(args: &[Value]) -> Outcome {
    let mut items = Vec::new();
    for part in args {
        items.extend_from_slice(list(part, "concat")?.items());
    }
    if items.is_empty() {
        Ok(Value::List(List::nil(Elem::Any)))
    } else {
        new(items)
    }
}

/// The items from one position to another.
fn slice(args: &[Value]) -> Outcome {
    let Value::List(list) = &args[0] else {
        let kind = args[0].kind_name();
        return Err(format!("list should be type of slice or array but {kind}"));
    };
    let (items, indexes) = (list.items(), &args[1..]);
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = usize::try_from(indexes.first().map_or(0, to_int)).ok();
    let end = indexes
        .get(1)
        .map_or(Some(items.len()), |at| to_int(at).try_into().ok());
    let part = start
        .zip(end)
        .and_then(|(start, end)| items.get(start..end));
    let part = part.ok_or("reflect.Value.Slice: slice index out of bounds")?;
    Ok(Value::List(List::typed(part.to_vec(), list.elem())))
}

/// Lists of `size` items, the last with what is left.
fn chunk(size: i64, list: &List) -> Outcome {
    let items = list.items();
    // As in the original: no chunks, or fewer than none, where the division says so.
    let count = ((items.len() as f64 - 1.0) / size as f64).floor() + 1.0;
    let chunks: Vec<Value> = match usize::try_from(size) {
        _ if count == 0.0 => Vec::new(),
        Ok(size) if size > 0 => items
            .chunks(size)
            .map(|chunk| Value::List(List::new(chunk.to_vec())))
            .collect(),
        _ => return Err("runtime error: makeslice: len out of range".to_owned()),
    };
    Ok(Value::List(List::typed(chunks, Elem::List)))
}

/// A copy that shares no map. Versions lose what they are, as the original cannot see into them.
fn copy(resources: &mut Resources<'_>, value: &Value, depth: usize) -> Outcome {
    resources.charge(1)?;
    let below = depth.checked_sub(1);
    let below = below.ok_or_else(|| "the value is nested too deeply to copy".to_owned())?;
    Ok(match value {
        Value::List(list) if list.is_nil() => value.clone(),
        Value::List(list) => {
            let items = list.items().iter();
            let copied = items.map(|item| copy(resources, item, below));
            Value::List(List::typed(copied.collect::<Result<_, _>>()?, list.elem()))
        }
        Value::Map(map) => {
            let entries = map.entries().into_iter();
            let copied = entries.map(|(key, item)| Ok((key, copy(resources, &item, below)?)));
            Value::Map(Map::typed(
                copied.collect::<Result<_, String>>()?,
                map.elem(),
            ))
        }
        Value::Version(_) => Value::Version(Rc::new(Version::default())),
        Value::PlainVersion(_) => Value::PlainVersion(Rc::new(Version::default())),
        _ => value.clone(),
    })
}

/// What sprig makes of a value where it wants strings.
fn strings(resources: &mut Resources<'_>, value: &Value) -> Result<Vec<Vec<u8>>, String> {
    match value {
        Value::List(list) => strings_of(resources, list.items()),
        _ => strings_of(resources, std::slice::from_ref(value)),
    }
}

fn join(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let parts = strings(resources, &args[1])?;
    let separator = text(&args[0]);
    let size = parts
        .iter()
        .map(|part| part.len() + separator.len())
        .sum::<usize>();
    resources.charge(size as u64 / 32)?;
    Ok(Value::from(parts.join(&separator[..])))
}

fn sort_alpha(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let Value::List(_) = &args[0] else {
        return Ok(string_list(vec![string_of(&args[0], resources.limit())?]));
    };
    let mut parts = strings(resources, &args[0])?;
    parts.sort();
    Ok(string_list(parts))
}
