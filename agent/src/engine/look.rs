//! Looking at an object with what its deployment wants in mind, and dropping it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use stevedore_agent_core::desired::Blueprint;
use stevedore_agent_core::drift::FieldPath;
use stevedore_agent_core::key::{Identity, ObjectKey};
use stevedore_agent_core::observe::{Lens, Seen};
use stevedore_agent_core::probe::{Probes, RunInline};
use stevedore_proto_core::content::ConditionMapping;

use super::cel::{CelPool, Quarantine, Ran, Refuse};

/// What a deployment looks out for.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    probes: Arc<Probes>,
    /// Only objects that have any.
    special: HashMap<Identity, Special>,
    pub(super) quarantine: Quarantine,
}

#[derive(Debug)]
struct Special {
    ignore: Box<[FieldPath]>,
    mappings: Box<[ConditionMapping]>,
}

impl Lookout {
    pub(super) fn of(blueprint: &Blueprint) -> Self {
        let special = blueprint
            .objects
            .iter()
            .filter(|object| !(object.ignore.is_empty() && object.mappings.is_empty()))
            .map(|object| {
                let special = Special {
                    ignore: object.ignore.clone(),
                    mappings: object.mappings.clone(),
                };
                (object.key.identity(), special)
            })
            .collect();
        Self {
            probes: Arc::clone(&blueprint.probes),
            special,
            quarantine: Quarantine::default(),
        }
    }

    fn lens(&self, key: &ObjectKey) -> Lens<'_> {
        let special = if self.special.is_empty() {
            None
        } else {
            self.special.get(&key.identity())
        };
        Lens {
            probes: Some(&self.probes),
            ignore: special.map_or(&[], |special| &special.ignore),
            mappings: special.map_or(&[], |special| &special.mappings),
        }
    }
}

/// Evaluates an object; CEL runs elsewhere. Where it cannot run now, the object is not probed, and looked at
/// again later. `None` for something that is no stored object.
pub(super) async fn look(
    object: Value,
    key: &ObjectKey,
    lookout: &Arc<Lookout>,
    cel: &CelPool,
) -> Option<Seen> {
    if !lookout.probes.needs_cel(&key.kind, &object) {
        return Seen::of(&object, key, lookout.lens(key), &mut RunInline);
    }
    let object = Arc::new(object);
    if !lookout.quarantine.is_on() {
        let (held, wanted, of) = (Arc::clone(&object), Arc::clone(lookout), key.clone());
        let ran = cel
            .run(&lookout.quarantine, move |run| {
                Seen::of(&held, &of, wanted.lens(&of), run)
            })
            .await;
        match ran {
            Ran::Done(seen) => return seen,
            Ran::Busy => {
                let unprobed = Lens {
                    probes: None,
                    ..lookout.lens(key)
                };
                return Seen::of(&object, key, unprobed, &mut RunInline);
            }
            Ran::GivenUp => {}
        }
    }
    Seen::of(&object, key, lookout.lens(key), &mut Refuse)
}

/// Looks at the metadata alone.
pub(super) fn glance(object: &Value, key: &ObjectKey) -> Option<Seen> {
    Seen::of(object, key, Lens::default(), &mut RunInline)
}
