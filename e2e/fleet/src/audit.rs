//! The audit log of an API server, read while it grows: every request, by whom, and the answer.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;

/// How often the file is looked at while waiting for an entry.
const POLL: Duration = Duration::from_millis(20);

/// One request, written when its response was complete: for a watch, when the watch ended.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditEntry {
    /// Unique to the request.
    #[serde(rename = "auditID")]
    pub audit_id: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or an HTTP method.
    pub verb: String,
    /// The path with its query.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// Who logged in.
    pub user: AuditUser,
    /// As whom the request was made, if as another.
    pub impersonated_user: Option<AuditUser>,
    /// What the client calls itself.
    #[serde(default)]
    pub user_agent: String,
    /// What it was about; absent for paths that are no resources.
    pub object_ref: Option<AuditObject>,
    /// The answer.
    pub response_status: Option<AuditStatus>,
    /// The body of a write; absent for Secrets, tokens, events and Leases.
    pub request_object: Option<Value>,
    /// The object as stored, without `managedFields`; absent as the above.
    pub response_object: Option<Value>,
    /// When the request came.
    pub request_received_timestamp: jiff::Timestamp,
    /// When the response was complete.
    pub stage_timestamp: jiff::Timestamp,
}

/// An identity.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct AuditUser {
    /// For instance `system:serviceaccount:demo:deployer`.
    #[serde(default)]
    pub username: String,
    /// Its groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What a request was about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AuditObject {
    /// The plural, for instance `deployments`.
    pub resource: String,
    /// For instance `status`; else empty.
    pub subresource: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// Empty for lists, watches and generated names.
    pub name: String,
    /// Empty for the core group.
    pub api_group: String,
    /// For instance `v1`.
    pub api_version: String,
    /// Known for updates and deletions with preconditions.
    pub uid: String,
    /// The one that the request named, if any.
    pub resource_version: String,
}

/// An answer.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct AuditStatus {
    /// The HTTP status.
    #[serde(default)]
    pub code: u16,
    /// The machine's word for a refusal.
    #[serde(default)]
    pub reason: String,
    /// The refusal in words.
    #[serde(default)]
    pub message: String,
}

impl AuditEntry {
    /// The HTTP status of the answer; 0 when the server was killed before it gave one.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.response_status
            .as_ref()
            .map_or(0, |status| status.code)
    }

    /// Whether the verb changes something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }

    /// Whether it asked for `dryRun`.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.request_uri
            .split_once('?')
            .is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("dryRun=")))
    }

    /// Whether it is about this resource, `name.group` or just `name` in the core group, and no subresource.
    #[must_use]
    pub fn is_about(&self, resource: &str, name: &str) -> bool {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        self.object_ref.as_ref().is_some_and(|object| {
            object.resource == plural
                && object.api_group == group
                && object.name == name
                && object.subresource.is_empty()
        })
    }
}

/// Reads an audit log from where it stands to where it has come.
#[derive(Debug, Clone)]
pub struct AuditReader {
    path: PathBuf,
    offset: u64,
}

impl AuditReader {
    /// From the first entry on.
    pub(crate) fn from_start(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            offset: 0,
        }
    }

    /// From the next entry on.
    pub(crate) fn from_end(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            offset: path.metadata().map_or(0, |metadata| metadata.len()),
        }
    }

    /// The entries since the last call, in the order in which responses were completed.
    ///
    /// The server writes an entry before it completes the response: what was answered is here.
    ///
    /// # Errors
    /// When the file cannot be read, or holds a line that is no entry.
    pub fn read_new(&mut self) -> Result<Vec<AuditEntry>, Error> {
        let entries = self.entries_from(self.offset)?;
        if let Some((end, _)) = entries.last() {
            self.offset = *end;
        }
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Every whole entry from here on, each with the place where its line ends.
    fn entries_from(&self, offset: u64) -> Result<Vec<(u64, AuditEntry)>, Error> {
        let mut text = Vec::new();
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(Error::io(&self.path))?,
        };
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_to_end(&mut text))
            .map_err(Error::io(&self.path))?;
        let mut end = offset;
        text.split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.ends_with(b"\n")) // the server may be in the middle of the last one
            .map(|line| {
                end += line.len() as u64;
                Ok((end, serde_json::from_slice(line)?))
            })
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| Error::Io {
                path: self.path.display().to_string(),
                source: error.into(),
            })
    }

    /// Reads on until an entry fits, and returns it; what came before it is passed over, what came with it in one
    /// read is not lost to the next call.
    ///
    /// # Errors
    /// [`Error::Awaited`] with the last entry seen, after `within`.
    pub async fn await_entry(
        &mut self,
        what: &str,
        within: Duration,
        mut fits: impl FnMut(&AuditEntry) -> bool,
    ) -> Result<AuditEntry, Error> {
        let deadline = Instant::now() + within;
        let mut last = "nothing new".to_owned();
        loop {
            for (end, entry) in self.entries_from(self.offset)? {
                self.offset = end;
                if fits(&entry) {
                    return Ok(entry);
                }
                last = format!("{} {} {}", entry.verb, entry.request_uri, entry.code());
            }
            if Instant::now() >= deadline {
                return Err(Error::Awaited {
                    what: what.to_owned(),
                    seconds: within.as_secs(),
                    last,
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
