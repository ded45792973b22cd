//! The body that is applied for a desired object, and what the write relies on.

use serde_json::{Value, json};
use stevedore_proto_core::content::Content;
use stevedore_proto_core::label;

use super::field::entry_of;
use super::{Desired, Setting, content_hash, normal, secret};
use crate::mark::Mark;
use crate::observation::{Observation, ObservationRules};
use crate::probe::Probes;

/// What a write relies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The object must not exist.
    Create,
    /// The object must still be the one, in the state, that was read.
    Change {
        /// UID that was read.
        uid: Box<str>,
        /// resourceVersion that was read.
        resource_version: Box<str>,
        /// Ignored fields that others own by now, as [`crate::drift::left_to_others`] tells.
        left_to_others: u64,
        /// Keys that we own under `stringData`, as [`crate::drift::string_data`] tells.
        string_data: Box<[Box<str>]>,
    },
}

impl Guard {
    /// Relies on what was seen.
    pub fn on(seen: &Observation) -> Self {
        Self::Change {
            uid: seen.uid.clone(),
            resource_version: seen.resource_version.clone(),
            left_to_others: seen.left_to_others,
            string_data: seen.string_data.clone(),
        }
    }
}

impl Desired {
    /// The rules by which the live object is observed.
    pub fn rules<'a>(&'a self, probes: &'a Probes) -> ObservationRules<'a> {
        ObservationRules {
            probes: Some(probes),
            ignore: &self.ignore,
            mappings: &self.mappings,
        }
    }

    /// The body to apply before [`Self::body`], where an older agent applied keys under `stringData` that are no
    /// longer wanted: it takes them, empty, so that the body without them takes them away.
    pub fn claiming_body(
        &self,
        content: &Content,
        setting: &Setting,
        guard: &Guard,
    ) -> Option<Value> {
        let Guard::Change { string_data, .. } = guard else {
            return None;
        };
        if string_data.is_empty() {
            return None;
        }
        let phase = content.phases.get(usize::from(self.phase))?;
        let wanted = normal(
            &phase.objects.get(usize::from(self.index))?.object,
            &self.key,
            setting,
        );
        let dropped = string_data.iter().filter(|key| !secret::has(&wanted, key));
        let dropped: Vec<_> = dropped.collect();
        if dropped.is_empty() {
            return None;
        }
        let mut body = self.body(content, setting, guard)?;
        let data = entry_of(body.as_object_mut()?, "data");
        data.extend(dropped.into_iter().map(|key| (key.to_string(), json!(""))));
        Some(body)
    }

    /// The body to apply; `None` when the content is not the one this was made from.
    pub fn body(&self, content: &Content, setting: &Setting, guard: &Guard) -> Option<Value> {
        let phase = content.phases.get(usize::from(self.phase))?;
        let entry = phase.objects.get(usize::from(self.index))?;
        let mut body = normal(&entry.object, &self.key, setting);
        if content_hash(&body, &self.key, setting) != self.content {
            return None;
        }
        let mark = Mark {
            deployment: setting.deployment,
            order: setting.order,
            content: self.content,
            phase: phase.name.clone(),
            rank: self.phase,
        };
        if let Guard::Change { left_to_others, .. } = guard {
            for (at, path) in self.ignore.iter().enumerate().take(64) {
                if left_to_others & (1 << at) != 0 {
                    path.remove_from(&mut body);
                }
            }
        }
        let metadata = entry_of(body.as_object_mut()?, "metadata");
        entry_of(metadata, "annotations")
            .insert(label::MARK.into(), json!(mark.annotation(&self.key)));
        match guard {
            Guard::Create => {
                metadata.insert("resourceVersion".into(), json!("1"));
            }
            Guard::Change {
                uid,
                resource_version,
                ..
            } => {
                metadata.insert("uid".into(), json!(uid));
                metadata.insert("resourceVersion".into(), json!(resource_version));
            }
        }
        Some(body)
    }
}
