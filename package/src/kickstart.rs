//! Kickstart: a package made of plain manifests, or of nothing but a name.
//!
//! Objects are sorted into phases by kind, and kinds whose readiness shows get probes, as Package Operator's own
//! `kickstart` does it. Different on purpose: what only a live object has (status, UID, managed fields) is left out, a
//! StatefulSet is probed by its replicas, since it has no condition `Available`, a claim of a volume by nothing, since it may
//! wait for a pod of a later phase, and the scopes are those in which the objects can be installed.

mod example;
mod exported;
mod presets;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use stevedore_proto_core::label;
use stevedore_template::yaml::{self, Document, Documents};

use crate::files::PackageFiles;
use crate::limit;
use crate::manifest::{ORIGINAL_GROUP, Scope};
use crate::names;
use crate::object::{self, is_cluster_scoped, is_namespaced};
use crate::violation::{Invalid, Reason, Violation};

pub use example::example;

/// A package made of plain manifests.
#[derive(Debug, Clone, PartialEq)]
pub struct Kickstart {
    /// The files of the package.
    pub files: PackageFiles,
    /// How many objects each phase has, in order.
    pub phases: Vec<(String, usize)>,
    /// Kinds that become ready in a way nobody told: they have no probe.
    pub without_probe: Vec<String>,
}

/// A kind without its version.
type GroupKind = (String, String);

/// One object of the manifests.
struct Found {
    kind: GroupKind,
    namespace: Option<String>,
    name: String,
    object: Map<String, Value>,
}

/// Makes a package of manifests, each with the path that errors name it by.
///
/// # Errors
/// With everything that is wrong: a name that is no label value, what is no YAML, no object or there twice.
pub fn kickstart(name: &str, manifests: &[(String, Vec<u8>)]) -> Result<Kickstart, Invalid> {
    let mut violations = Vec::new();
    violations.extend(check_name(name).err());
    let mut found = Vec::new();
    for (path, bytes) in manifests {
        read(path, bytes, &mut found, &mut violations);
    }
    if found.is_empty() && violations.is_empty() {
        let details = "the manifests hold no object";
        violations.push(Violation::new(Reason::ManifestInvalid, details));
    }
    Invalid::check(violations)?;
    write(name, found)
}

pub(crate) fn check_name(name: &str) -> Result<(), Violation> {
    names::check_name(name).map_err(|why| {
        let details = format!("metadata.name {name:?} becomes a label: {why}");
        Violation::new(Reason::ManifestInvalid, details)
    })
}

fn read(path: &str, bytes: &[u8], found: &mut Vec<Found>, violations: &mut Vec<Violation>) {
    let mut budget = limit::render_budget();
    let mut documents = Documents::new(path, bytes);
    loop {
        match documents.next_within(&mut budget) {
            Ok(Some(Document { index, value, .. })) => {
                for object in items(value) {
                    match Found::of(object) {
                        Ok(object) if object.is_made_by_a_controller() => {}
                        Ok(object) => found.push(object),
                        Err((reason, details)) => {
                            violations.push(Violation::new(reason, details).at(path, index));
                        }
                    }
                }
            }
            Ok(None) => return,
            Err(why) => {
                violations.push(Violation::unreadable(path, why));
                return;
            }
        }
    }
}

/// The objects of a document: those of a List, which has no name, or itself.
fn items(mut value: Value) -> Vec<Value> {
    let kind = value["kind"].as_str().unwrap_or_default();
    let is_list = kind.ends_with("List") && value["metadata"]["name"].is_null();
    if is_list && let Some(items) = value["items"].as_array_mut() {
        return std::mem::take(items);
    }
    if value.is_null() {
        Vec::new()
    } else {
        vec![value]
    }
}

impl Found {
    fn of(object: Value) -> Result<Self, (Reason, String)> {
        let Value::Object(mut object) = object else {
            return Err((Reason::GvkNotSet, "not an object".to_owned()));
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let version = text(object.get("apiVersion")).filter(|it| !it.is_empty());
        let kind = text(object.get("kind")).filter(|it| !it.is_empty());
        let (Some(version), Some(kind)) = (version, kind) else {
            return Err((
                Reason::GvkNotSet,
                "apiVersion or kind is missing".to_owned(),
            ));
        };
        let group = version.split_once('/').map_or("", |(group, _)| group);
        exported::clean(group, &kind, &mut object);
        let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
            return Err((Reason::MetadataInvalid, format!("{kind}: no metadata")));
        };
        let name = text(metadata.get("name")).filter(|it| !it.is_empty());
        let Some(name) = name else {
            return Err((Reason::MetadataInvalid, format!("{kind}: no metadata.name")));
        };
        // What the API server wrote, or what belongs to one cluster.
        metadata.retain(|field, _| !object::is_of_one_cluster(field));
        let namespace = text(metadata.get("namespace")).filter(|it| !it.is_empty());
        Ok(Self {
            kind: (group.to_owned(), kind),
            namespace,
            name,
            object,
        })
    }

    fn is_made_by_a_controller(&self) -> bool {
        let (group, kind) = &self.kind;
        exported::is_made_by_a_controller(group, kind, &self.object)
    }

    /// Puts the object into a phase.
    fn annotate(&mut self, phase: &str) {
        let metadata = &mut self.object["metadata"];
        if !metadata["annotations"].is_object() {
            metadata["annotations"] = json!({});
        }
        metadata["annotations"][format!("{}/phase", label::ORIGINAL_PREFIX)] = phase.into();
    }

    /// Where it is installed: with the package, in a namespace of its own, or nowhere in particular.
    fn needs_cluster(&self) -> bool {
        let (group, kind) = &self.kind;
        self.namespace.is_some() || is_cluster_scoped(group, kind)
    }

    fn needs_namespace(&self) -> bool {
        let (group, kind) = &self.kind;
        self.namespace.is_none() && is_namespaced(group, kind)
    }

    /// The file of the object, below the folder of its phase. A `number` tells apart those that would have one name.
    fn file(&self, number: Option<usize>) -> String {
        let letters = |text: &str| -> String {
            let plain = |c: char| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | ':' => c,
                _ => '-',
            };
            let text: String = text.chars().map(plain).collect();
            text.trim_start_matches('.').to_owned()
        };
        let number = number.map_or_else(String::new, |number| format!("-{number}"));
        let (name, kind) = (letters(&self.name), letters(&self.kind.1.to_lowercase()));
        format!("{name}{number}.{kind}.yaml")
    }
}

fn write(name: &str, mut found: Vec<Found>) -> Result<Kickstart, Invalid> {
    let mut files = PackageFiles::new();
    let mut violations = Vec::new();
    let mut phases: BTreeMap<usize, usize> = BTreeMap::new();
    let mut kinds: BTreeSet<GroupKind> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let scopes = scopes(&found).map_err(|violation| violations.push(violation));
    for object in &mut found {
        let (group, kind) = &object.kind;
        let at = presets::phase(group, kind);
        let phase = presets::PHASES[at];
        kinds.insert(object.kind.clone());
        *phases.entry(at).or_default() += 1;
        object.annotate(phase);
        let identity = (
            object.kind.clone(),
            object.namespace.clone(),
            object.name.clone(),
        );
        if !seen.insert(identity) {
            let details = format!("{} {:?} is there twice", object.kind.1, object.name);
            violations.push(Violation::new(Reason::Duplicate, details));
            continue;
        }
        let mut path = format!("{phase}/{}", object.file(None));
        for number in 2.. {
            if files.get(&path).is_none() {
                break;
            }
            path = format!("{phase}/{}", object.file(Some(number)));
        }
        insert(&mut files, &path, &json!(object.object), &mut violations);
    }
    let phases: Vec<(String, usize)> = phases
        .into_iter()
        .map(|(at, objects)| (presets::PHASES[at].to_owned(), objects))
        .collect();
    if let Ok(scopes) = scopes {
        let manifest = manifest(name, &scopes, &phases, &kinds);
        insert(&mut files, "manifest.yaml", &manifest, &mut violations);
    }
    Invalid::check(violations)?;
    let unknown = |(group, kind): &&GroupKind| presets::lacks_probe(group, kind);
    let full = |(group, kind): &GroupKind| match group.as_str() {
        "" => kind.clone(),
        group => format!("{kind}.{group}"),
    };
    Ok(Kickstart {
        files,
        phases,
        without_probe: kinds.iter().filter(unknown).map(full).collect(),
    })
}

fn insert(files: &mut PackageFiles, path: &str, value: &Value, violations: &mut Vec<Violation>) {
    let text = yaml::to_text(value, limit::UNPACKED_BYTES);
    let inserted = text.and_then(|text| {
        let inserted = files.insert(path, text.into_bytes());
        inserted.map_err(|error| error.to_string())
    });
    if let Err(why) = inserted {
        violations.push(Violation::new(Reason::TooLarge, why).in_file(path));
    }
}

/// The scopes in which every object can be installed.
fn scopes(found: &[Found]) -> Result<Vec<Scope>, Violation> {
    let of_cluster = found.iter().find(|object| object.needs_cluster());
    let of_namespace = found.iter().find(|object| object.needs_namespace());
    match (of_cluster, of_namespace) {
        (Some(one), Some(other)) => {
            let details = format!(
                "{} {:?} needs a package of a cluster, and {} {:?} has no namespace: give it one",
                one.kind.1, one.name, other.kind.1, other.name
            );
            Err(Violation::new(Reason::ScopeUnsupported, details))
        }
        (Some(_), None) => Ok(vec![Scope::Cluster]),
        (None, Some(_)) => Ok(vec![Scope::Namespaced]),
        (None, None) => Ok(vec![Scope::Cluster, Scope::Namespaced]),
    }
}

fn manifest(
    name: &str,
    scopes: &[Scope],
    phases: &[(String, usize)],
    kinds: &BTreeSet<GroupKind>,
) -> Value {
    let probes: Vec<Value> = kinds
        .iter()
        .filter_map(|(group, kind)| {
            let probes = presets::probes(group, kind)?;
            let selector = json!({"kind": {"group": group, "kind": kind}});
            Some(json!({"selector": selector, "probes": probes}))
        })
        .collect();
    let phases: Vec<Value> = phases
        .iter()
        .map(|(phase, _)| json!({"name": phase}))
        .collect();
    let scopes: Vec<String> = scopes.iter().map(|scope| format!("{scope:?}")).collect();
    json!({
        "apiVersion": format!("{ORIGINAL_GROUP}/v1alpha1"),
        "kind": "PackageManifest",
        "metadata": {"name": name},
        "spec": {"scopes": scopes, "phases": phases, "availabilityProbes": probes},
    })
}

#[cfg(test)]
mod tests;
