//! Inventories of teardowns: of a whole deployment, of one set, or of a deployment without any usable set.

use std::collections::BTreeSet;

use serde_json::Value;
use stevedore_proto_core::DeploymentUid;

use crate::key::ObjectKey;
use crate::mark::Marking;
use crate::prune::{SetInventory, union};
use crate::removal::RemovalTarget;

/// Everything that any stored set of the deployment names.
pub fn whole(sets: &[SetInventory]) -> Vec<RemovalTarget> {
    union(sets, &BTreeSet::new())
}

/// What the ending sets name and no staying set of the deployment does.
pub fn without(ending: &[SetInventory], staying: &[SetInventory]) -> Vec<RemovalTarget> {
    let keep = staying
        .iter()
        .flat_map(|set| set.objects.iter().map(|(key, ..)| key.identity()))
        .collect();
    union(ending, &keep)
}

/// The inventory of a deployment from the metadata of labelled objects: their marks tell the phase. What has
/// the label but not our mark is not ours.
pub fn rebuilt(objects: &[Value], deployment: DeploymentUid) -> Vec<RemovalTarget> {
    objects
        .iter()
        .filter_map(|object| {
            let key = ObjectKey::of(object)?;
            let marking = Marking::of(object, &key);
            let mark = marking
                .mark()
                .filter(|mark| mark.deployment == deployment)?;
            let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
            Some(RemovalTarget {
                rank: mark.rank,
                uid: uid.map(Box::from),
                key,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Kind;
    use crate::mark::{Mark, ShortHash};
    use serde_json::json;
    use stevedore_proto_core::{Digest, label};

    const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new(Kind::new("", "v1", "ConfigMap"), Some("ns"), name)
    }

    #[test]
    fn an_ending_set_leaves_what_a_staying_one_names() {
        let of = |number, names: &[&str]| SetInventory {
            number,
            objects: names.iter().map(|name| (key(name), 0, None)).collect(),
        };
        let target = without(&[of(1, &["a", "b"])], &[of(2, &["b", "c"])]);
        assert_eq!(target.len(), 1);
        assert_eq!(target[0].key, key("a"));
        assert_eq!(whole(&[of(1, &["a", "b"]), of(2, &["b", "c"])]).len(), 3);
    }

    #[test]
    fn an_inventory_is_rebuilt_from_marks_and_labels_alone_prove_nothing() {
        let object = |name: &str, deployment: DeploymentUid, marked: &str| {
            let mark = Mark {
                deployment,
                order: 1,
                content: ShortHash::of(&Digest::of(b"")),
                phase: "p".into(),
                rank: 2,
            };
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ns",
                "uid": "u", "annotations": {(label::MARK): mark.annotation(&key(marked))}}})
        };
        let other = DeploymentUid::from_bytes([2; 16]);
        let found = [
            object("ours", OURS, "ours"),
            object("copied", OURS, "ours"),
            object("theirs", other, "theirs"),
        ];
        let target = rebuilt(&found, OURS);
        assert_eq!(target.len(), 1);
        assert_eq!((&target[0].key, target[0].rank), (&key("ours"), 2));
    }
}
