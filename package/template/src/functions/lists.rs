//! Functions on lists.

use super::compare::{deep_equal, position};
use super::convert::strings_of;
use super::numbers::to_int;
use super::signature::{ANY, ANYS, Function, Kind, Outcome, fixed, list, text, variadic};
use crate::resources::Resources;
use crate::value::{Elem, List, Value};

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
        || Ok(Value::List(List::nil())),
        |(_, rest)| new(rest.to_vec()),
    )
}

fn initial(args: &[Value]) -> Outcome {
    let initial = items(args, "find initial on")?.split_last();
    initial.map_or_else(
        || Ok(Value::List(List::nil())),
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
        Ok(Value::List(List::nil()))
    } else {
        new(items)
    }
}

/// sprig's `slice` for lists, Go's for strings.
fn slice(args: &[Value]) -> Outcome {
    let indexes = &args[1..];
    match &args[0] {
        Value::Str(text) => {
            if indexes.len() > 2 {
                return Err("cannot 3-index slice a string".to_owned());
            }
            let start = indexes
                .first()
                .map_or(Ok(0), |at| position(at, text.len()))?;
            let end = indexes
                .get(1)
                .map_or(Ok(text.len()), |at| position(at, text.len()))?;
            let part = text.get(start..end);
            let part = part.ok_or_else(|| format!("invalid slice index: {start} > {end}"))?;
            Ok(Value::bytes(part))
        }
        other => {
            let wrong = || {
                format!(
                    "list should be type of slice or array but {}",
                    other.kind_name()
                )
            };
            let list = list(other, "slice").map_err(|_| wrong())?;
            let items = list.items();
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
    }
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
    let mut parts = strings(resources, &args[0])?;
    if matches!(args[0], Value::List(_)) {
        parts.sort();
    }
    Ok(string_list(parts))
}
