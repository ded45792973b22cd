//! The functions templates can call: Go's own, and those of sprig that packages use.
//!
//! Nothing here knows the time, chance, keys, the environment or the network. What is not here is refused when a template
//! that names it is parsed, with the reason where sprig has it.
//!
//! A new one is an entry in the `FUNCTIONS` of the file it belongs to. Its name and cases go to
//! `package/tests/oracle/template`, and `go run . write` in `package/tests/oracle` writes what Go makes of them.

mod cases;
mod compare;
mod convert;
mod dicts;
mod encode;
mod files;
mod floats;
mod lists;
mod numbers;
mod paths;
mod refused;
mod regexes;
mod signature;
mod strings;
mod urls;
mod versions;
mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use refused::why_refused;
pub(crate) use signature::{Function, Kind, Named, Outcome, Run, utf8};
pub(crate) use versions::method;

const CORE: &[Function] = &[
    Function::new(
        "and",
        &[Kind::Any],
        Some(Kind::Any),
        Run::ShortCircuit(false),
    ),
    Function::new("or", &[Kind::Any], Some(Kind::Any), Run::ShortCircuit(true)),
    Function::new("include", &[Kind::Str, Kind::Any], None, Run::Include),
    Function::new("cel", signature::STR, None, Run::Condition),
    signature::variadic("call", &[Kind::Any], Kind::Any, |_, _| {
        Err("values that are functions do not exist here".to_owned())
    }),
];

static TABLE: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let tables = [
        CORE,
        cases::FUNCTIONS,
        compare::FUNCTIONS,
        convert::FUNCTIONS,
        dicts::FUNCTIONS,
        encode::FUNCTIONS,
        files::FUNCTIONS,
        floats::FUNCTIONS,
        lists::FUNCTIONS,
        numbers::FUNCTIONS,
        paths::FUNCTIONS,
        regexes::FUNCTIONS,
        strings::FUNCTIONS,
        urls::FUNCTIONS,
        versions::FUNCTIONS,
        words::FUNCTIONS,
    ];
    let named = tables.into_iter().flatten().flat_map(Named::all);
    named.map(|named| (named.name, named.function)).collect()
});

/// The function of this name. Those that only packages have, because they read files or the context, exist only
/// where there are files.
pub(crate) fn find(name: &str, with_files: bool) -> Option<Named> {
    let (name, function) = TABLE.get_key_value(name)?;
    let offered = with_files || !matches!(function.run, Run::OnFiles(_) | Run::Condition);
    offered.then_some(Named { name, function })
}

/// The functions that do the same everywhere.
#[cfg(test)]
pub(crate) fn names() -> Vec<&'static str> {
    let plain = TABLE
        .iter()
        .filter(|(_, function)| !matches!(function.run, Run::Condition));
    let mut names: Vec<_> = plain.map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}
