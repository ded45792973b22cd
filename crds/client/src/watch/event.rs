//! Lines of a watch.

use std::io;

use kube::core::Status;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::decode;

/// What goes wrong with an answer that was no refusal. Says nothing of what the answer contained.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A list, or a line of a watch, is not what it has to be.
    #[error("the API server's answer cannot be read")]
    Unreadable,
    /// A line of a watch is longer than any object.
    #[error("an event of more than {} bytes", super::MAX_LINE)]
    LineTooLong,
    /// The connection broke while the answer was read.
    #[error("the API server's answer broke off: {0}")]
    BrokenOff(#[source] io::Error),
    /// A watch was ended with this status.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
}

/// One line of a watch.
#[derive(Debug)]
pub(super) enum Event {
    /// An object, and its version.
    Seen(Box<RawValue>, String),
    /// An object that is gone, and the version at which it went.
    Removed(Box<RawValue>, String),
    /// Nothing that is watched changed up to this version.
    Bookmark(String),
    /// The line is not complete.
    Cut,
}

#[derive(Deserialize)]
struct Raw<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// Reads a line. Of the object it reads the version alone.
pub(super) fn read(line: &str) -> Result<Event, Fault> {
    let raw: Raw<'_> = match serde_json::from_str(line) {
        Ok(raw) => raw,
        Err(error) if error.classify() == Category::Eof => return Ok(Event::Cut),
        Err(_) => return Err(Fault::Unreadable),
    };
    if raw.r#type == "ERROR" {
        let status = serde_json::from_str(raw.object.get()).map_err(|_| Fault::Unreadable)?;
        return Err(Fault::Refused(Box::new(status)));
    }
    let version: String =
        decode::part(raw.object, &["metadata", "resourceVersion"]).ok_or(Fault::Unreadable)?;
    Ok(match raw.r#type {
        "ADDED" | "MODIFIED" => Event::Seen(raw.object.to_owned(), version),
        "DELETED" => Event::Removed(raw.object.to_owned(), version),
        "BOOKMARK" => Event::Bookmark(version),
        _ => return Err(Fault::Unreadable),
    })
}
