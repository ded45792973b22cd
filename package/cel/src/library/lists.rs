//! Lists: whether they are sorted, their sum, least and greatest element, and where one is.

use std::cmp::Ordering;

use cel::common::types::{CelBool, CelInt, DYN_TYPE, Kind, LIST_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::value::failed;

type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Given<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    let list = || LIST_TYPE;
    env.add_member_overload("isSorted", "list.isSorted()", list(), vec![], is_sorted)?;
    env.add_member_overload("sum", "list.sum()", list(), vec![], sum)?;
    env.add_member_overload("min", "list.min()", list(), vec![], least)?;
    env.add_member_overload("max", "list.max()", list(), vec![], greatest)?;
    let any = || vec![DYN_TYPE];
    env.add_member_overload("indexOf", "list.indexOf(dyn)", list(), any(), first_index)?;
    env.add_member_overload(
        "lastIndexOf",
        "list.lastIndexOf(dyn)",
        list(),
        any(),
        last_index,
    )
}

/// The elements of a list.
pub(super) fn elements<'a, 'v>(list: &'a (dyn Val + 'v)) -> Vec<&'a (dyn Val + 'v)> {
    let mut found = Vec::new();
    if let Some(iterable) = list.as_iterable() {
        let mut iterator = iterable.iter();
        while let Some(element) = iterator.next() {
            found.push(element);
        }
    }
    found
}

fn compare(one: &dyn Val, other: &dyn Val, function: &str) -> Result<Ordering, ExecutionError> {
    let comparer = one.as_comparer().ok_or_else(|| failed(function))?;
    comparer.compare(other)
}

fn is_sorted<'b, 'v>(args: Args<'b, 'v>) -> Given<'b, 'v> {
    let elements = elements(args[0].as_ref());
    let mut sorted = true;
    for pair in elements.windows(2) {
        sorted &= compare(pair[0], pair[1], "isSorted")? != Ordering::Greater;
    }
    Ok(CowVal::owned(CelBool::from(sorted)))
}

/// Of numbers of one type or of durations; of nothing it is the int 0.
fn sum<'b, 'v>(args: Args<'b, 'v>) -> Given<'b, 'v> {
    let mut elements = elements(args[0].as_ref()).into_iter();
    let Some(first) = elements.next() else {
        return Ok(CowVal::owned(CelInt::from(0)));
    };
    let kind = first.get_type().kind();
    if !matches!(kind, Kind::Int | Kind::UInt | Kind::Double | Kind::Duration) {
        return Err(failed("sum"));
    }
    let mut sum = first.clone_as_boxed();
    for element in elements {
        let adder = sum.as_adder().ok_or_else(|| failed("sum"))?;
        let next = adder.add(element)?.into_owned();
        sum = next;
    }
    Ok(CowVal::Owned(sum))
}

fn least<'b, 'v>(args: Args<'b, 'v>) -> Given<'b, 'v> {
    outermost(args[0].as_ref(), Ordering::Less, "min")
}

fn greatest<'b, 'v>(args: Args<'b, 'v>) -> Given<'b, 'v> {
    outermost(args[0].as_ref(), Ordering::Greater, "max")
}

/// The first element that no other is beyond.
fn outermost<'b, 'v>(list: &(dyn Val + 'v), beyond: Ordering, function: &str) -> Given<'b, 'v> {
    let mut elements = elements(list).into_iter();
    let mut found = elements.next().ok_or_else(|| failed(function))?;
    if found.as_comparer().is_none() {
        return Err(failed(function));
    }
    for element in elements {
        if compare(element, found, function)? == beyond {
            found = element;
        }
    }
    Ok(CowVal::Owned(found.clone_as_boxed()))
}

fn first_index<'b, 'v>(args: Args<'b, 'v>) -> Given<'b, 'v> {
    let wanted = args[1].as_ref();
    let elements = elements(args[0].as_ref());
    index(elements.iter().position(|element| element.equals(wanted)))
}

fn last_index<'b, 'v>(args: Args<'b, 'v>) -> Given<'b, 'v> {
    let wanted = args[1].as_ref();
    let elements = elements(args[0].as_ref());
    index(elements.iter().rposition(|element| element.equals(wanted)))
}

fn index<'b, 'v>(found: Option<usize>) -> Given<'b, 'v> {
    let index = found.map_or(-1, |at| at as i64);
    Ok(CowVal::owned(CelInt::from(index)))
}
