//! Paths and queries of requests. Names come from outside, so every segment is encoded.

use std::fmt::Write as _;

/// A segment that is empty, `.` or `..`: no object can have that name (Kubernetes' `ValidatePathSegmentName`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of an object")]
pub struct InvalidSegment(pub String);

/// A request's path and query, built segment by segment.
#[derive(Debug, Clone)]
pub struct Path {
    text: String,
    has_query: bool,
}

impl Path {
    /// A path that is written in the code, such as `/api/v1`.
    pub fn root(root: &str) -> Self {
        Self {
            text: root.to_owned(),
            has_query: false,
        }
    }

    /// `/api/VERSION` or `/apis/GROUP/VERSION`.
    ///
    /// # Errors
    /// When a part of it cannot be a segment.
    pub fn group_version(group: &str, version: &str) -> Result<Self, InvalidSegment> {
        if group.is_empty() {
            Self::root("/api").segment(version)
        } else {
            Self::root("/apis").segment(group)?.segment(version)
        }
    }

    /// Adds one segment.
    ///
    /// # Errors
    /// When it is empty, `.` or `..`.
    pub fn segment(mut self, segment: &str) -> Result<Self, InvalidSegment> {
        self.text.push('/');
        self.text.push_str(&encoded(segment)?);
        Ok(self)
    }

    /// Adds `namespaces/NAME` where there is one.
    ///
    /// # Errors
    /// When the name cannot be a segment.
    pub fn namespace(self, namespace: Option<&str>) -> Result<Self, InvalidSegment> {
        match namespace {
            Some(name) => self.segment("namespaces")?.segment(name),
            None => Ok(self),
        }
    }

    /// Adds one query parameter; its value is encoded.
    #[must_use]
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(key);
        self.text.push('=');
        encode(value, &mut self.text);
        self
    }

    /// The path with its query.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A segment as it stands in a path.
///
/// # Errors
/// When it is empty, `.` or `..`.
pub(crate) fn encoded(segment: &str) -> Result<String, InvalidSegment> {
    if matches!(segment, "" | "." | "..") {
        return Err(InvalidSegment(segment.to_owned()));
    }
    let mut text = String::with_capacity(segment.len());
    encode(segment, &mut text);
    Ok(text)
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(byte));
            }
            other => {
                write!(into, "%{other:02X}").expect("a String takes every write");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_segment() {
        let path = Path::group_version("rbac.authorization.k8s.io", "v1")
            .unwrap()
            .segment("clusterroles")
            .unwrap()
            .segment("a:b/../c?x")
            .unwrap()
            .query("labelSelector", "k=v")
            .query("limit", "5");
        assert_eq!(
            path.as_str(),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab%2F..%2Fc%3Fx?labelSelector=k%3Dv&limit=5"
        );
        for name in ["", ".", ".."] {
            let refused = Path::group_version("", "v1").unwrap().segment(name);
            assert_eq!(refused.unwrap_err(), InvalidSegment(name.into()));
        }
    }
}
