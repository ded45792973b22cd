//! The forms of versions: the text of one, or what it consists of.

use super::sink::Sink;
use super::verbs::{self, Spec, Written};
use crate::value::{MAX_VALUE_DEPTH, Value};
use crate::version::Version;

/// Writes a version, `shown` as a value.
pub(super) fn write(
    sink: &mut Sink,
    spec: &Spec,
    shown: &Value,
    version: &Version,
    depth: usize,
) -> Written {
    if !spec.sharp_v && "vsxXq".contains(spec.verb) {
        return verbs::string(sink, spec, shown, version.to_string().as_bytes());
    }
    if matches!(shown, Value::Version(_)) {
        if depth < MAX_VALUE_DEPTH {
            return Err("the address of a version has no meaning here".to_owned());
        }
        sink.push(b"&")?;
    }
    let parts = [
        ("major", Value::Uint64(version.major)),
        ("minor", Value::Uint64(version.minor)),
        ("patch", Value::Uint64(version.patch)),
        ("pre", Value::from(&*version.pre)),
        ("metadata", Value::from(&*version.metadata)),
        ("original", Value::from(&*version.original)),
    ];
    sink.push(if spec.sharp_v {
        b"semver.Version{"
    } else {
        b"{"
    })?;
    for (index, (name, part)) in parts.iter().enumerate() {
        if index > 0 {
            sink.push(if spec.sharp_v { b", " } else { b" " })?;
        }
        if spec.sharp_v || spec.plus {
            sink.push(name.as_bytes())?;
            sink.push(b":")?;
        }
        verbs::value(sink, spec, part, depth)?;
    }
    sink.push(b"}")
}
