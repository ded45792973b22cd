//! `find` and `findAll`: what of a text a regular expression matches.

use cel::common::types::{CelInt, CelList, CelString};
use cel::common::value::Val;
use cel::{DeclarationError, Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::value::failed;

/// Bytes of a compiled regular expression.
const SIZE: usize = 256 * 1024;

pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    cel::add_member_overload!(env, fn find: (CelString<'_>, CelString<'_>) -> Result<CelString<'_>>)?;
    cel::add_member_overload!(env, fn find_all: (CelString<'_>, CelString<'_>) -> Result<CelList<'_>>)?;
    cel::add_member_overload!(env, fn find_some: (CelString<'_>, CelString<'_>, CelInt) -> Result<CelList<'_>>, name = "findAll")
}

fn find(
    text: &CelString<'_>,
    pattern: &CelString<'_>,
) -> Result<CelString<'static>, ExecutionError> {
    let found = compiled(pattern, "find")?.find(text.inner());
    let found = found.map_or("", |found| found.as_str());
    Ok(found.to_owned().into())
}

fn find_all(
    text: &CelString<'_>,
    pattern: &CelString<'_>,
) -> Result<CelList<'static>, ExecutionError> {
    find_some(text, pattern, &CelInt::from(-1))
}

/// At most `limit` of them, or all when that is negative.
fn find_some(
    text: &CelString<'_>,
    pattern: &CelString<'_>,
    limit: &CelInt,
) -> Result<CelList<'static>, ExecutionError> {
    let pattern = compiled(pattern, "findAll")?;
    let limit = usize::try_from(*limit.inner()).unwrap_or(usize::MAX);
    let found = pattern.find_iter(text.inner()).take(limit);
    let found = found.map(|it| Box::new(CelString::from(it.as_str().to_owned())) as Box<dyn Val>);
    Ok(found.collect::<Vec<_>>().into())
}

/// Compiles a regular expression, if what it becomes is not too large.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(SIZE).build()
}

/// It was checked when the expression was compiled: it is a literal there.
fn compiled(pattern: &CelString<'_>, function: &str) -> Result<Regex, ExecutionError> {
    compile(pattern.inner()).map_err(|_| failed(function))
}
