//! Lists as sets: whether one has all or some elements of another.

use cel::common::types::{CelBool, LIST_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::lists::elements;

type Given<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    let lists = || vec![LIST_TYPE, LIST_TYPE];
    env.add_overload("sets.contains", "sets.contains", lists(), contains)?;
    env.add_overload("sets.equivalent", "sets.equivalent", lists(), equivalent)?;
    env.add_overload("sets.intersects", "sets.intersects", lists(), intersects)
}

fn contains<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Given<'b, 'v> {
    given(has_all(args[0].as_ref(), args[1].as_ref()))
}

fn equivalent<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Given<'b, 'v> {
    let (one, other) = (args[0].as_ref(), args[1].as_ref());
    given(has_all(one, other) && has_all(other, one))
}

fn intersects<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Given<'b, 'v> {
    let known = elements(args[0].as_ref());
    let asked = elements(args[1].as_ref());
    given(asked.iter().any(|element| is_among(&known, *element)))
}

fn has_all(list: &dyn Val, other: &dyn Val) -> bool {
    let known = elements(list);
    let asked = elements(other);
    asked.iter().all(|element| is_among(&known, *element))
}

fn is_among(known: &[&dyn Val], element: &dyn Val) -> bool {
    known.iter().any(|it| it.equals(element))
}

fn given<'b, 'v>(truth: bool) -> Given<'b, 'v> {
    Ok(CowVal::owned(CelBool::from(truth)))
}
