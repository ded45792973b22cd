//! Functions on paths with slashes, as Go's `path` has them.

use super::signature::{Function, STR, fixed, text};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("base", STR, |_, args| {
        Ok(Value::bytes(base(text(&args[0]))))
    }),
    fixed("dir", STR, |_, args| {
        let path = text(&args[0]);
        let end = path.iter().rposition(|byte| *byte == b'/');
        Ok(Value::from(clean(&path[..end.map_or(0, |at| at + 1)])))
    }),
    fixed("clean", STR, |_, args| {
        Ok(Value::from(clean(text(&args[0]))))
    }),
    fixed("ext", STR, |_, args| {
        let path = text(&args[0]);
        let dot = path.iter().rposition(|byte| b"./".contains(byte));
        let extension = dot.map(|at| &path[at..]);
        let extension = extension.filter(|extension| extension[0] == b'.');
        Ok(Value::bytes(extension.unwrap_or_default()))
    }),
    fixed("isAbs", STR, |_, args| {
        Ok(Value::Bool(text(&args[0]).starts_with(b"/")))
    }),
];

/// What follows the last slash, slashes at the end aside.
fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|byte| *byte != b'/');
    let Some(end) = end else {
        return b"/";
    };
    let trimmed = &path[..=end];
    let slash = trimmed.iter().rposition(|byte| *byte == b'/');
    &trimmed[slash.map_or(0, |at| at + 1)..]
}

/// The shortest path that names the same.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(&last) if last != b".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", &joined[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
