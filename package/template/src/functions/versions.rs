//! `semver`, `semverCompare`, and the methods of versions.

use std::rc::Rc;

use super::signature::{Function, Kind, Named, Outcome, STR, STRS, fixed, utf8};
use crate::resources::Resources;
use crate::value::Value;
use crate::version::Version;
use crate::version::constraint::Constraint;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("semver", STR, |resources, args| {
        resources.charge(50)?;
        Version::parse(&utf8(&args[0])).map(|version| Value::Version(Rc::new(version)))
    }),
    fixed("semverCompare", STRS, |resources, args| {
        resources.charge(1000)?;
        let constraint = Constraint::parse(&utf8(&args[0]))?;
        let version = Version::parse(&utf8(&args[1]))?;
        Ok(Value::Bool(constraint.allows(&version)))
    }),
];

/// Methods, of which the first argument is the version.
const METHODS: &[Function] = &[
    fixed("String Value", &[], |_, args| {
        on(args, |version| Ok(Value::from(version.to_string())))
    }),
    fixed("Major", &[], |_, args| {
        on(args, |version| Ok(Value::Uint64(version.major)))
    }),
    fixed("Minor", &[], |_, args| {
        on(args, |version| Ok(Value::Uint64(version.minor)))
    }),
    fixed("Patch", &[], |_, args| {
        on(args, |version| Ok(Value::Uint64(version.patch)))
    }),
    fixed("Prerelease", &[], |_, args| {
        on(args, |version| Ok(Value::from(&*version.pre)))
    }),
    fixed("Metadata", &[], |_, args| {
        on(args, |version| Ok(Value::from(&*version.metadata)))
    }),
    fixed("IncMajor", &[], |_, args| {
        on(args, |version| made(version.next_major()))
    }),
    fixed("IncMinor", &[], |_, args| {
        on(args, |version| made(version.next_minor()))
    }),
    fixed("IncPatch", &[], |_, args| {
        on(args, |version| made(version.next_patch()))
    }),
    fixed("SetPrerelease", STR, |_, args| {
        on(args, |version| {
            made(version.with_prerelease(&utf8(&args[1])))
        })
    }),
    fixed("SetMetadata", STR, |_, args| {
        on(args, |version| made(version.with_metadata(&utf8(&args[1]))))
    }),
];

/// Methods that only a pointer to a version has.
const POINTER_METHODS: &[Function] = &[
    fixed("Original", &[], |_, args| {
        on(args, |version| Ok(Value::from(&*version.original)))
    }),
    fixed("Compare", OTHER, |resources, args| {
        Ok(Value::Int(compared(resources, args)? as i64))
    }),
    fixed("LessThan", OTHER, |resources, args| {
        Ok(Value::Bool(compared(resources, args)?.is_lt()))
    }),
    fixed("LessThanEqual", OTHER, |resources, args| {
        Ok(Value::Bool(compared(resources, args)?.is_le()))
    }),
    fixed("GreaterThan", OTHER, |resources, args| {
        Ok(Value::Bool(compared(resources, args)?.is_gt()))
    }),
    fixed("GreaterThanEqual", OTHER, |resources, args| {
        Ok(Value::Bool(compared(resources, args)?.is_ge()))
    }),
    fixed("Equal", OTHER, |resources, args| match &args[1] {
        Value::Nil => Ok(Value::Bool(false)),
        _ => Ok(Value::Bool(compared(resources, args)?.is_eq())),
    }),
];

const OTHER: &[Kind] = &[Kind::Version];

/// The method of this name that a value has.
pub(crate) fn method(receiver: &Value, name: &str) -> Option<Named> {
    let tables = match receiver {
        Value::Version(_) => [METHODS, POINTER_METHODS],
        Value::PlainVersion(_) => [METHODS, &[]],
        _ => return None,
    };
    let mut names = tables.into_iter().flatten().flat_map(Named::all);
    names.find(|method| method.name == name)
}

/// What a function makes of the version that is the first argument.
fn on(args: &[Value], function: impl FnOnce(&Version) -> Outcome) -> Outcome {
    match &args[0] {
        Value::Version(version) | Value::PlainVersion(version) => function(version),
        _ => Err("no version".to_owned()),
    }
}

fn made(version: Result<Version, String>) -> Outcome {
    version.map(|version| Value::PlainVersion(Rc::new(version)))
}

fn compared(resources: &mut Resources<'_>, args: &[Value]) -> Result<std::cmp::Ordering, String> {
    match args {
        [Value::Version(one), Value::Version(other)] => {
            resources.charge_bytes(one.size() + other.size())?;
            Ok(one.precedence(other))
        }
        _ => Err("runtime error: invalid memory address or nil pointer dereference".to_owned()),
    }
}
