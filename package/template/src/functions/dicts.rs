//! Functions on maps, and defaults.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::convert::string_of;
use super::signature::{ANY, Function, Kind, Outcome, STR, fixed, map, text, utf8, variadic};
use crate::resources::Resources;
use crate::value::{Elem, List, MAX_VALUE_DEPTH, Map, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("dict", &[], Kind::Any, dict),
    fixed("get", &[Kind::Map, Kind::Str], |_, args| {
        let found = map(&args[0]).and_then(|map| map.get(text(&args[1])));
        Ok(found.unwrap_or_else(|| Value::from("")))
    }),
    fixed(
        "set",
        &[Kind::Map, Kind::Str, Kind::Any],
        |resources, args| {
            let map = map(&args[0]).ok_or("assignment to entry in nil map")?;
            map.insert(Rc::clone(text(&args[1])), args[2].clone());
            resources.changed(map);
            Ok(args[0].clone())
        },
    ),
    fixed("unset", &[Kind::Map, Kind::Str], |_, args| {
        let Some(map) = map(&args[0]) else {
            return Ok(Value::Map(Map::new(BTreeMap::new())));
        };
        map.remove(text(&args[1]));
        Ok(args[0].clone())
    }),
    fixed("hasKey", &[Kind::Map, Kind::Str], |_, args| {
        Ok(Value::Bool(
            map(&args[0]).is_some_and(|map| map.has(text(&args[1]))),
        ))
    }),
    variadic("pluck", STR, Kind::Map, |_, args| {
        let found = args[1..]
            .iter()
            .filter_map(map)
            .filter_map(|map| map.get(text(&args[0])));
        Ok(Value::List(List::new(found.collect())))
    }),
    variadic("keys", &[], Kind::Map, |_, args| {
        let entries = args.iter().filter_map(map).flat_map(Map::entries);
        Ok(Value::List(List::typed(
            entries.map(|(key, _)| Value::Str(key)).collect(),
            Elem::Str,
        )))
    }),
    fixed("values", &[Kind::Map], |_, args| {
        let entries = map(&args[0]).map(Map::entries).unwrap_or_default();
        Ok(Value::List(List::new(
            entries.into_iter().map(|(_, value)| value).collect(),
        )))
    }),
    variadic("pick", &[Kind::Map], Kind::Str, |_, args| {
        let mut picked = BTreeMap::new();
        for key in args[1..].iter().map(text) {
            if let Some(value) = map(&args[0]).and_then(|map| map.get(key)) {
                picked.insert(Rc::clone(key), value);
            }
        }
        Ok(Value::Map(Map::new(picked)))
    }),
    variadic("omit", &[Kind::Map], Kind::Str, |resources, args| {
        let entries = map(&args[0]).map(Map::entries).unwrap_or_default();
        resources.charge((entries.len() * args.len()) as u64)?;
        let kept = entries
            .into_iter()
            .filter(|(key, _)| !args[1..].iter().any(|a| text(a) == key));
        Ok(Value::Map(Map::new(kept.collect())))
    }),
    variadic(
        "merge mustMerge",
        &[Kind::Map],
        Kind::Map,
        |resources, args| merge_all(resources, args, false),
    ),
    variadic(
        "mergeOverwrite mustMergeOverwrite",
        &[Kind::Map],
        Kind::Map,
        |resources, args| merge_all(resources, args, true),
    ),
    variadic("dig", ANY, Kind::Any, |_, args| dig(args)),
    variadic("default", ANY, Kind::Any, |_, args| {
        let given = args.get(1).filter(|given| given.truth());
        Ok(given.unwrap_or(&args[0]).clone())
    }),
    fixed("empty", ANY, |_, args| Ok(Value::Bool(!args[0].truth()))),
    variadic("coalesce", &[], Kind::Any, |_, args| {
        Ok(args
            .iter()
            .find(|value| value.truth())
            .cloned()
            .unwrap_or_default())
    }),
    variadic("all", &[], Kind::Any, |_, args| {
        Ok(Value::Bool(args.iter().all(Value::truth)))
    }),
    variadic("any", &[], Kind::Any, |_, args| {
        Ok(Value::Bool(args.iter().any(Value::truth)))
    }),
    fixed("ternary", &[Kind::Any, Kind::Any, Kind::Bool], |_, args| {
        Ok(args[if matches!(args[2], Value::Bool(true)) {
            0
        } else {
            1
        }]
        .clone())
    }),
    fixed("fail", STR, |_, args| Err(utf8(&args[0]))),
    fixed("required", &[Kind::Str, Kind::Any], |_, args| {
        match &args[1] {
            Value::Nil => Err(utf8(&args[0])),
            Value::Str(text) if text.is_empty() => Err(utf8(&args[0])),
            value => Ok(value.clone()),
        }
    }),
];

fn dict(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let mut entries = BTreeMap::new();
    for pair in args.chunks(2) {
        let key = string_of(&pair[0], resources.limit())?;
        resources.charge_bytes(key.len())?;
        let value = pair.get(1).cloned().unwrap_or_else(|| Value::from(""));
        entries.insert(Rc::from(key), value);
    }
    Ok(Value::Map(Map::new(entries)))
}

/// Merges the other maps into the first, which is changed and returned.
fn merge_all(resources: &mut Resources<'_>, args: &[Value], overwrite: bool) -> Outcome {
    let into = map(&args[0])
        .cloned()
        .unwrap_or_else(|| Map::new(BTreeMap::new()));
    for from in args[1..].iter().filter_map(map) {
        merge(resources, &into, from, overwrite, MAX_VALUE_DEPTH)?;
    }
    Ok(Value::Map(into))
}

fn merge(
    resources: &mut Resources<'_>,
    into: &Map,
    from: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), String> {
    let Some(below) = depth.checked_sub(1) else {
        return Err("the maps are nested too deeply to merge".to_owned());
    };
    resources.changed(into);
    for (key, value) in from.entries() {
        resources.charge(1)?;
        let present = into.get(&key);
        match (&present, &value) {
            (_, Value::Nil) if !overwrite => continue,
            (Some(Value::Map(present)), Value::Map(value)) => {
                merge(resources, present, value, overwrite, below)?;
                if !present.is_empty() {
                    continue;
                }
            }
            (Some(present), Value::List(_)) if present.truth() && !overwrite => continue,
            _ => {}
        }
        if overwrite || !present.is_some_and(|present| present.truth()) {
            into.insert(key, value);
        }
    }
    Ok(())
}

fn not_a(wanted: &str, found: &Value) -> String {
    let found = found.type_name();
    format!("interface conversion: interface {{}} is {found}, not {wanted}")
}

/// `dig "a" "b" default map`: the value below these keys, or the default.
fn dig(args: &[Value]) -> Outcome {
    let [keys @ .., default, start] = args else {
        return Err("dig needs at least three arguments".to_owned());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".to_owned());
    }
    let mut at = start.clone();
    for key in keys {
        let found = match (&at, key) {
            (Value::Map(map), Value::Str(key)) if map.elem() == Elem::Any => map.get(key),
            (_, Value::Str(_)) => return Err(not_a("map[string]interface {}", &at)),
            _ => return Err(not_a("string", key)),
        };
        match found {
            Some(found) => at = found,
            None => return Ok(default.clone()),
        }
    }
    Ok(at)
}
