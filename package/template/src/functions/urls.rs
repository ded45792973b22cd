//! `urlParse` and `urlJoin`.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::signature::{Function, Kind, Outcome, STR, fixed, map, text};
use crate::resources::Resources;
use crate::url::{Text, Url};
use crate::value::{Map, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("urlParse", STR, parse),
    fixed("urlJoin", &[Kind::Map], |resources, args| {
        join(resources, map(&args[0]))
    }),
];

fn parse(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    resources.charge_bytes(text(&args[0]).len() * 8)?;
    let parsed = Url::parse(text(&args[0]));
    let url = parsed.map_err(|error| format!("unable to parse url: {error}"))?;
    let user = url.user.as_ref().map(|user| user.encoded());
    let hostname = url.hostname().to_vec();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path.plain),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment.plain),
        ("userinfo", user.unwrap_or_default()),
    ];
    let entries = parts.map(|(name, part)| (Rc::from(name.as_bytes()), Value::from(part)));
    Ok(Value::Map(Map::new(BTreeMap::from(entries))))
}

fn join(resources: &mut Resources<'_>, parts: Option<&Map>) -> Outcome {
    let mut part = |name: &str| match parts.and_then(|parts| parts.get(name.as_bytes())) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => {
            resources.charge_bytes(text.len() * 8)?;
            Ok(text.to_vec())
        }
        Some(other) => Err(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            other.kind_name()
        )),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: Text::plain(part("path")?),
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: Text::plain(part("fragment")?),
        ..Url::default()
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let parsed = Url::parse(&[b"proto://", &user[..], b"@host"].concat());
        let parsed =
            parsed.map_err(|error| format!("unable to parse userinfo in dict: {error}"))?;
        url.user = parsed.user;
    }
    Ok(Value::from(url.encoded()))
}
