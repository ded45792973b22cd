//! Paths and queries of requests. Names come from packages, so every segment is encoded.

use std::fmt::Write as _;

use stevedore_agent_core::failure::{Failure, FailureKind};

/// A request's path and query, built segment by segment.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: String,
    has_query: bool,
}

impl Path {
    /// A path of our own making, such as `/api/v1`.
    pub(crate) fn root(root: &str) -> Self {
        Self {
            text: root.to_owned(),
            has_query: false,
        }
    }

    /// `/api/VERSION` or `/apis/GROUP/VERSION`.
    pub(crate) fn group_version(group: &str, version: &str) -> Result<Self, Failure> {
        if group.is_empty() {
            Self::root("/api").segment(version)
        } else {
            Self::root("/apis").segment(group)?.segment(version)
        }
    }

    /// Adds one segment.
    ///
    /// # Errors
    /// `Invalid` for an empty one and for `.` and `..`, which no object can be called.
    pub(crate) fn segment(mut self, segment: &str) -> Result<Self, Failure> {
        if matches!(segment, "" | "." | "..") {
            return Err(Failure::new(
                FailureKind::Invalid,
                format!("{segment:?} is no name of an object"),
            ));
        }
        self.text.push('/');
        encode(segment, &mut self.text);
        Ok(self)
    }

    /// Adds `namespaces/NAME` where there is one.
    pub(crate) fn namespace(self, namespace: Option<&str>) -> Result<Self, Failure> {
        match namespace {
            Some(name) => self.segment("namespaces")?.segment(name),
            None => Ok(self),
        }
    }

    /// Adds one query parameter.
    pub(crate) fn query(mut self, key: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(key);
        self.text.push('=');
        encode(value, &mut self.text);
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
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
            assert_eq!(refused.unwrap_err().kind, FailureKind::Invalid);
        }
    }
}
