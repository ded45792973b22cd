//! Evaluation of objects: by what their deployment wants, at once, and then they are dropped.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use stevedore_agent_core::desired::Blueprint;
use stevedore_agent_core::drift::FieldPath;
use stevedore_agent_core::key::{Identity, ObjectKey};
use stevedore_agent_core::observation::{Observation, ObservationRules};
use stevedore_agent_core::probe::{Probes, RunInline};
use stevedore_proto_core::content::ConditionMapping;

use super::cel::{CelPool, Quarantine, Ran, Refuse};

/// By what the objects of a deployment are evaluated.
#[derive(Debug, Default)]
pub(super) struct Evaluator {
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

impl Evaluator {
    pub(super) fn of(blueprint: &Blueprint) -> Self {
        let special = blueprint
            .objects
            .iter()
            .filter(|object| !(object.ignore.is_empty() && object.mappings.is_empty()))
            .flat_map(|object| {
                let otherwise = object.otherwise.iter().map(|otherwise| &otherwise.key);
                [&object.key].into_iter().chain(otherwise).map(|key| {
                    let special = Special {
                        ignore: object.ignore.clone(),
                        mappings: object.mappings.clone(),
                    };
                    (key.identity(), special)
                })
            })
            .collect();
        Self {
            probes: Arc::clone(&blueprint.probes),
            special,
            quarantine: Quarantine::default(),
        }
    }

    fn rules(&self, key: &ObjectKey) -> ObservationRules<'_> {
        let special = if self.special.is_empty() {
            None
        } else {
            self.special.get(&key.identity())
        };
        ObservationRules {
            probes: Some(&self.probes),
            ignore: special.map_or(&[], |special| &special.ignore),
            mappings: special.map_or(&[], |special| &special.mappings),
        }
    }

    /// Evaluates an object; CEL runs elsewhere. Where it cannot run now, the object is not probed, and read again
    /// later. `None` for something that is no stored object.
    pub(super) async fn evaluate(
        self: &Arc<Self>,
        object: Value,
        key: &ObjectKey,
        cel: &CelPool,
    ) -> Option<Observation> {
        if !self.probes.needs_cel(&key.kind, &object) {
            return Observation::of(&object, key, self.rules(key), &mut RunInline);
        }
        let object = Arc::new(object);
        if !self.quarantine.is_on() {
            let (held, this, of) = (Arc::clone(&object), Arc::clone(self), key.clone());
            let ran = cel
                .run(&self.quarantine, move |run| {
                    Observation::of(&held, &of, this.rules(&of), run)
                })
                .await;
            match ran {
                Ran::Done(seen) => return seen,
                Ran::Busy => {
                    let unprobed = ObservationRules {
                        probes: None,
                        ..self.rules(key)
                    };
                    return Observation::of(&object, key, unprobed, &mut RunInline);
                }
                Ran::TimedOut => {}
            }
        }
        Observation::of(&object, key, self.rules(key), &mut Refuse)
    }
}

/// Evaluates the metadata alone.
pub(super) fn metadata(object: &Value, key: &ObjectKey) -> Option<Observation> {
    Observation::of(object, key, ObservationRules::default(), &mut RunInline)
}
