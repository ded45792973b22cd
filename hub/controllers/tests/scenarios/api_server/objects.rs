//! The objects, their versions, and every change since the server started.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// What the server knows of a kind.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) is_namespaced: bool,
    /// Has a status, written at a path of its own.
    pub(crate) has_status: bool,
}

const fn ours(plural: &'static str, kind: &'static str, scope: bool, has_status: bool) -> Kind {
    Kind {
        group: "stevedore.dev",
        version: "v1alpha1",
        plural,
        kind,
        is_namespaced: scope,
        has_status,
    }
}

const fn theirs(group: &'static str, plural: &'static str, kind: &'static str) -> Kind {
    Kind {
        group,
        version: "v1",
        plural,
        kind,
        is_namespaced: true,
        has_status: false,
    }
}

static KINDS: &[Kind] = &[
    Kind {
        is_namespaced: false,
        ..theirs("", "namespaces", "Namespace")
    },
    theirs("", "secrets", "Secret"),
    theirs("", "configmaps", "ConfigMap"),
    theirs("coordination.k8s.io", "leases", "Lease"),
    theirs("events.k8s.io", "events", "Event"),
    Kind {
        is_namespaced: false,
        ..theirs(
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            "CustomResourceDefinition",
        )
    },
    ours("clusterpackages", "ClusterPackage", false, true),
    ours("packages", "Package", true, true),
    ours("memberclusters", "MemberCluster", false, true),
    ours("packagerevisions", "PackageRevision", true, false),
    ours("packageactions", "PackageAction", true, true),
    ours("packageledgers", "PackageLedger", true, true),
];

impl Kind {
    pub(crate) fn of(group: &str, plural: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.group == group && kind.plural == plural)
    }

    pub(crate) fn named(plural: &str) -> &'static Self {
        KINDS.iter().find(|kind| kind.plural == plural).unwrap()
    }

    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether the server counts generations of this kind.
    pub(super) fn has_generation(&self) -> bool {
        self.group == "stevedore.dev"
    }
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) plural: &'static str,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(plural: &'static str, namespace: Option<String>, name: &str) -> Self {
        Self {
            plural,
            namespace,
            name: name.to_owned(),
        }
    }
}

/// One change, as watches tell it.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) word: &'static str,
    pub(super) key: Key,
    pub(super) object: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    version: u64,
    made: u32,
    objects: BTreeMap<Key, Value>,
    pub(super) changes: Vec<Change>,
    /// Changes up to this version are forgotten: a watch from before them has to list again.
    pub(super) forgotten: u64,
}

impl Objects {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects.iter()
    }

    pub(super) fn all(&self, plural: &str) -> Vec<Value> {
        let all = self.objects.iter();
        let of_kind = all.filter(|(key, _)| key.plural == plural);
        of_kind.map(|(_, object)| object.clone()).collect()
    }

    /// Forgets what watches would tell of the past.
    pub(crate) fn compact(&mut self) {
        self.changes.clear();
        self.forgotten = self.version;
    }

    /// Makes an object as it is given, status and creation time included. Gives its UID.
    pub(crate) fn make(&mut self, plural: &str, mut object: Value) -> String {
        let kind = Kind::named(plural);
        let meta = &object["metadata"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let key = Key::new(
            kind.plural,
            text(&meta["namespace"]),
            meta["name"].as_str().unwrap(),
        );
        assert!(self.get(&key).is_none(), "{key:?} is there already");
        self.made += 1;
        // The first digits differ: names are made of them.
        let fresh = format!("{:08x}-0000-4000-8000-000000000000", self.made);
        let uid = text(&meta["uid"]).unwrap_or(fresh);
        let created = text(&meta["creationTimestamp"])
            .unwrap_or_else(|| seconds(Timestamp::now()).to_string());
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = kind.kind.into();
        object["metadata"]["uid"] = uid.clone().into();
        object["metadata"]["creationTimestamp"] = created.into();
        if kind.has_generation() {
            object["metadata"]["generation"] = 1.into();
        }
        self.put("ADDED", key, object);
        uid
    }

    /// Changes an object as a person does: the spec's generation rises, watches are told.
    pub(crate) fn edit(&mut self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let key = self.find(plural, name);
        let mut object = self.objects[&key].clone();
        change(&mut object);
        let result = self.replace(&key, object, false);
        result.unwrap();
    }

    /// Asks for an object to be deleted, as a person does.
    pub(crate) fn delete_as_person(&mut self, plural: &str, name: &str) {
        let key = self.find(plural, name);
        let result = self.delete(&key, &json!({}));
        result.unwrap();
    }

    /// Takes an object away past its finalizers, as putting back an older copy of the data does.
    pub(crate) fn lose(&mut self, plural: &str, name: &str) {
        let key = self.find(plural, name);
        let object = self.objects[&key].clone();
        self.remove(&key, object);
    }

    fn find(&self, plural: &str, name: &str) -> Key {
        let mut keys = self.objects.keys();
        let found = keys.find(|key| key.plural == plural && key.name == name);
        found
            .unwrap_or_else(|| panic!("no {plural} {name}"))
            .clone()
    }

    /// Puts a new state of an object in place of the old one, where the server allows it.
    pub(super) fn replace(
        &mut self,
        key: &Key,
        mut new: Value,
        is_status: bool,
    ) -> Result<Value, Refusal> {
        let kind = Kind::named(key.plural);
        let Some(old) = self.objects.get(key) else {
            return Err(Refusal::not_found(&key.name));
        };
        for field in ["resourceVersion", "uid"] {
            let named = &new["metadata"][field];
            if named.is_string() && *named != old["metadata"][field] {
                let message = format!("the object has been modified: another {field}");
                return Err(Refusal::conflict(message));
            }
        }
        if is_status {
            let status = new["status"].take();
            new = old.clone();
            new["status"] = status;
        } else if kind.has_status {
            new["status"] = old["status"].clone();
        }
        drop_null(&mut new, "status");
        let kept = ["uid", "namespace", "creationTimestamp", "deletionTimestamp"];
        for field in kept.into_iter().chain(["generation"]) {
            new["metadata"][field] = old["metadata"][field].clone();
            drop_null(&mut new["metadata"], field);
        }
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        if is_empty(&new["metadata"]["finalizers"]) {
            new["metadata"]["finalizers"] = Value::Null;
            drop_null(&mut new["metadata"], "finalizers");
        }
        validate(key.plural, old, &new)?;
        if kind.has_generation() && said(old) != said(&new) {
            let generation = old["metadata"]["generation"].as_i64().unwrap();
            new["metadata"]["generation"] = (generation + 1).into();
        }
        if new == *old {
            return Ok(new);
        }
        let is_going = new["metadata"]["deletionTimestamp"].is_string();
        if is_going && is_empty(&new["metadata"]["finalizers"]) {
            return Ok(self.remove(key, new));
        }
        Ok(self.put("MODIFIED", key.clone(), new))
    }

    /// Deletes an object, or marks it when finalizers keep it.
    pub(super) fn delete(&mut self, key: &Key, options: &Value) -> Result<Value, Refusal> {
        let Some(old) = self.objects.get(key) else {
            return Err(Refusal::not_found(&key.name));
        };
        for field in ["resourceVersion", "uid"] {
            let wanted = &options["preconditions"][field];
            if wanted.is_string() && *wanted != old["metadata"][field] {
                let message = format!("precondition failed: another {field}");
                return Err(Refusal::conflict(message));
            }
        }
        let mut object = old.clone();
        if is_empty(&object["metadata"]["finalizers"]) {
            self.remove(key, object);
            return Ok(json!({
                "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success",
            }));
        }
        if !object["metadata"]["deletionTimestamp"].is_string() {
            let now = seconds(Timestamp::now()).to_string();
            object["metadata"]["deletionTimestamp"] = now.into();
            if let Some(generation) = object["metadata"]["generation"].as_i64() {
                object["metadata"]["generation"] = (generation + 1).into();
            }
            object = self.put("MODIFIED", key.clone(), object);
        }
        Ok(object)
    }

    fn put(&mut self, word: &'static str, key: Key, mut object: Value) -> Value {
        self.stamp(&mut object);
        self.objects.insert(key.clone(), object.clone());
        self.told(word, key, object.clone());
        object
    }

    fn remove(&mut self, key: &Key, mut object: Value) -> Value {
        self.stamp(&mut object);
        self.objects.remove(key);
        self.told("DELETED", key.clone(), object.clone());
        object
    }

    fn stamp(&mut self, object: &mut Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
    }

    fn told(&mut self, word: &'static str, key: Key, object: Value) {
        self.changes.push(Change {
            version: self.version,
            word,
            key,
            object,
        });
    }
}

/// The rules of our definitions that the hub relies on.
fn validate(plural: &str, old: &Value, new: &Value) -> Result<(), Refusal> {
    let rule = |holds: bool, field, message| match holds {
        true => Ok(()),
        false => Err(Refusal::invalid(field, message)),
    };
    let highest = |object: &Value| object["spec"]["highestNumber"].as_i64();
    let bound = &old["spec"]["clusterUID"];
    let finalizers = |object: &Value| -> Vec<Value> {
        let list = object["metadata"]["finalizers"].as_array();
        list.cloned().unwrap_or_default()
    };
    let is_going = old["metadata"]["deletionTimestamp"].is_string();
    let known = finalizers(old);
    let is_same = finalizers(new).iter().all(|one| known.contains(one));
    rule(
        !is_going || is_same,
        "metadata.finalizers",
        "no new finalizers can be added if the object is being deleted",
    )?;
    match plural {
        "packageledgers" => rule(
            highest(new) >= highest(old),
            "spec.highestNumber",
            "highestNumber never falls",
        ),
        "packagerevisions" | "packageactions" => rule(
            old["spec"] == new["spec"],
            "spec",
            "the object is immutable",
        ),
        "memberclusters" => rule(
            bound.is_null() || *bound == new["spec"]["clusterUID"],
            "spec.clusterUID",
            "clusterUID is set once",
        ),
        _ => Ok(()),
    }
}

/// What generations count: everything but metadata and status.
fn said(object: &Value) -> Value {
    let mut said = object.clone();
    for field in ["metadata", "status"] {
        said[field] = Value::Null;
    }
    said
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty)
}

fn drop_null(object: &mut Value, field: &str) {
    if object[field].is_null()
        && let Some(map) = object.as_object_mut()
    {
        map.remove(field);
    }
}

fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}
