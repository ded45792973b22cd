//! Lists.

use super::compare::{deep_equal, position};
use super::convert::string_of;
use super::numbers::to_int;
use super::signature::{Function, Kind, Outcome, fixed, list, text, variadic};
use crate::resources::Resources;
use crate::value::{Elem, List, Value};

const ONE: &[Kind] = &[Kind::Any];
const TWO: &[Kind] = &[Kind::Any; 2];

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("list tuple", &[], Kind::Any, |_, args| new(args.to_vec())),
    fixed("append mustAppend push mustPush", TWO, |_, args| {
        append(args)
    }),
    fixed("prepend mustPrepend", TWO, |_, args| prepend(args)),
    fixed("first mustFirst", ONE, |_, args| first(args)),
    fixed("last mustLast", ONE, |_, args| last(args)),
    fixed("rest mustRest", ONE, |_, args| rest(args)),
    fixed("initial mustInitial", ONE, |_, args| initial(args)),
    fixed("reverse mustReverse", ONE, |_, args| reverse(args)),
    fixed("compact mustCompact", ONE, |_, args| compact(args)),
    fixed("uniq mustUniq", ONE, uniq),
    fixed("has mustHas", TWO, has),
    variadic("without mustWithout", ONE, Kind::Any, without),
    variadic("concat", &[], Kind::Any, |_, args| concat(args)),
    variadic("slice mustSlice", ONE, Kind::Any, |_, args| slice(args)),
    fixed("join", &[Kind::Str, Kind::Any], join),
    fixed("sortAlpha", ONE, sort_alpha),
    fixed("toStrings", ONE, |resources, args| {
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

fn append(args: &[Value]) -> Outcome {
    let mut items = list(&args[0], "push on")?.items().to_vec();
    items.push(args[1].clone());
    new(items)
}

fn prepend(args: &[Value]) -> Outcome {
    let mut items = list(&args[0], "prepend on")?.items().to_vec();
    items.insert(0, args[1].clone());
    new(items)
}

fn first(args: &[Value]) -> Outcome {
    Ok(list(&args[0], "find first on")?
        .items()
        .first()
        .cloned()
        .unwrap_or_default())
}

fn last(args: &[Value]) -> Outcome {
    Ok(list(&args[0], "find last on")?
        .items()
        .last()
        .cloned()
        .unwrap_or_default())
}

fn rest(args: &[Value]) -> Outcome {
    match list(&args[0], "find rest on")?.items() {
        [] => Ok(Value::List(List::nil())),
        items => new(items[1..].to_vec()),
    }
}

fn initial(args: &[Value]) -> Outcome {
    match list(&args[0], "find initial on")?.items() {
        [] => Ok(Value::List(List::nil())),
        items => new(items[..items.len() - 1].to_vec()),
    }
}

fn reverse(args: &[Value]) -> Outcome {
    new(list(&args[0], "find reverse on")?
        .items()
        .iter()
        .rev()
        .cloned()
        .collect())
}

fn compact(args: &[Value]) -> Outcome {
    let items = list(&args[0], "compact on")?.items().iter();
    new(items.filter(|item| item.truth()).cloned().collect())
}

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
    for item in list(&args[0], "find uniq on")?.items() {
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
    for item in list(&args[0], "find without on")?.items() {
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

/// What sprig makes of a value where it wants strings: nils are left out.
fn strings(resources: &mut Resources<'_>, value: &Value) -> Result<Vec<Vec<u8>>, String> {
    let limit = resources.limit();
    let mut strings = Vec::new();
    let single = [value.clone()];
    let items = match value {
        Value::List(list) => list.items(),
        _ => &single,
    };
    for item in items.iter().filter(|item| !matches!(item, Value::Nil)) {
        let text = string_of(item, limit)?;
        resources.charge_bytes(text.len())?;
        strings.push(text);
    }
    Ok(strings)
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
