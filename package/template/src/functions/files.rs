//! `getFile` and `getFileGlob`: the other files of the package.

use std::rc::Rc;

use super::signature::{Function, Outcome, Run, STR, utf8};
use crate::glob;
use crate::resources::{Files, Resources};
use crate::value::{Elem, Map, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("getFile", STR, None, Run::OnFiles(get)),
    Function::new("getFileGlob", STR, None, Run::OnFiles(find)),
];

fn get(files: &Files, _: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let content = files.get(&utf8(&args[0])).ok_or("file not found")?;
    Ok(Value::bytes(content.as_slice()))
}

fn find(files: &Files, resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    // Every path is compared.
    let looking: u64 = files.keys().map(|path| 1 + path.len() as u64).sum();
    resources.charge(glob::COMPILING + looking)?;
    let pattern = glob::compile(&utf8(&args[0]))?;
    let found: Vec<_> = files
        .iter()
        .filter(|(path, _)| pattern.is_match(path.as_bytes()))
        .collect();
    resources.charge(
        found
            .iter()
            .map(|(_, content)| content.len() as u64 / 32)
            .sum(),
    )?;
    let entries = found
        .into_iter()
        .map(|(path, content)| (Rc::from(path.as_bytes()), Value::bytes(content.as_slice())));
    Ok(Value::Map(Map::typed(entries.collect(), Elem::Str)))
}
