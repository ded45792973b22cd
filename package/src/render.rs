//! From a package and what is known about one cluster to the objects it gets.

mod context;
mod reads;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use stevedore_proto_core::content::{Content, Phase};
use stevedore_proto_core::order::ContentRef;

use crate::files::package_order;
use crate::object::{self, Key, Ready, Rules};
use crate::package::{Package, holds_objects, invalid_yaml, output_path};
use crate::violation::{Invalid, Reason, Violation};
use crate::{limit, yaml};

pub use context::{ClusterFacts, Context, RenderInput};
pub use reads::Reads;

/// What a package renders to.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The objects.
    pub content: Content,
    /// Digest and size of [`Content::to_bytes`].
    pub reference: ContentRef,
    /// What of the context the result depends on.
    pub reads: Reads,
}

impl Package {
    /// Renders the package: executes its templates, completes and checks the objects, and orders them.
    ///
    /// # Errors
    /// With everything that is wrong with the result.
    pub fn render(&self, context: &Context) -> Result<Rendered, Invalid> {
        let mut reads = Reads::default();
        let documents = self.documents(context, &mut reads)?;
        let found = self.objects(context, documents, &mut reads)?;
        let content = self.arrange(context, found);
        let reference = content.reference();
        if reference.size > stevedore_proto_core::limit::CONTENT as u64 {
            let limit = stevedore_proto_core::limit::CONTENT;
            let details = format!(
                "the objects have {} bytes, the limit is {limit}",
                reference.size
            );
            return Err(Violation::new(Reason::TooLarge, details).into());
        }
        Ok(Rendered {
            content,
            reference,
            reads,
        })
    }

    /// All documents, by path and place in it.
    fn documents(
        &self,
        context: &Context,
        reads: &mut Reads,
    ) -> Result<Vec<(String, yaml::Document)>, Invalid> {
        let (env, templates) = self.templates()?;
        let mut violations = Vec::new();
        let mut rendered = BTreeMap::new();
        for path in self.template_paths() {
            match templates.execute(path, context.value(), &env) {
                Ok(output) => {
                    reads.add_template(&output.reads);
                    rendered.insert(output_path(path), output.text);
                }
                Err(error) => {
                    let details = format!("line {}: {error}", error.line);
                    violations.push(Violation::new(Reason::Template, details).in_file(&error.file));
                }
            }
        }
        let mut sources: BTreeMap<&str, &[u8]> = self.plain_files().collect();
        sources.extend(rendered.iter().map(|(path, text)| (*path, text.as_bytes())));
        let mut sources: Vec<_> = sources
            .into_iter()
            .filter(|(path, _)| holds_objects(path))
            .collect();
        sources.sort_by(|one, other| package_order(one.0, other.0));
        let mut documents = Vec::new();
        for (path, bytes) in sources {
            match yaml::documents(path, bytes) {
                Ok(found) => documents.extend(found.into_iter().map(|it| (path.to_owned(), it))),
                Err(error) => violations.push(invalid_yaml(error)),
            }
        }
        Invalid::check(violations)?;
        Ok(documents)
    }

    /// The objects whose condition holds, in order.
    fn objects(
        &self,
        context: &Context,
        documents: Vec<(String, yaml::Document)>,
        reads: &mut Reads,
    ) -> Result<Vec<Ready>, Invalid> {
        let manifest = self.manifest();
        let rules = Rules {
            package: &manifest.name,
            instance: context.name(),
            namespace: context.namespace(),
            phases: &manifest.phases,
        };
        let mut violations = Vec::new();
        let mut kept = Vec::new();
        let mut seen: HashMap<Key, (String, usize)> = HashMap::new();
        for (path, document) in documents {
            let index = document.index;
            let ready = match object::prepare(document.value, &rules) {
                Ok(ready) => ready,
                Err(problems) => {
                    let at = |(reason, details)| Violation::new(reason, details).at(&path, index);
                    violations.extend(problems.into_iter().map(at));
                    continue;
                }
            };
            match holds(&ready, context, reads) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(details) => {
                    violations
                        .push(Violation::new(Reason::ConditionInvalid, details).at(&path, index));
                    continue;
                }
            }
            if let Some((other, number)) = seen.insert(ready.key.clone(), (path.clone(), index)) {
                let (group, kind, namespace, name) = &ready.key;
                let details = format!(
                    "{kind} of group {group:?}, namespace {namespace:?}, name {name:?} is also in {other} idx {number}"
                );
                violations.push(Violation::new(Reason::Duplicate, details).at(&path, index));
            }
            kept.push(ready);
        }
        if kept.len() > limit::OBJECTS {
            let details = format!("{} objects, the limit is {}", kept.len(), limit::OBJECTS);
            violations.push(Violation::new(Reason::TooLarge, details));
        }
        if kept.is_empty() && violations.is_empty() {
            let details = "with this configuration the package renders to nothing";
            violations.push(Violation::new(Reason::NoObjects, details));
        }
        Invalid::check(violations)?;
        Ok(kept)
    }

    /// Objects in the manifest's phases; empty phases are left out.
    fn arrange(&self, context: &Context, objects: Vec<Ready>) -> Content {
        let manifest = self.manifest();
        let phase = |name: &String| Phase {
            name: name.clone(),
            objects: Vec::new(),
        };
        let mut phases: Vec<Phase> = manifest.phases.iter().map(phase).collect();
        for ready in objects {
            if let Some(phase) = phases.iter_mut().find(|phase| phase.name == ready.phase) {
                let mut object = ready.object;
                object.collision_protection = object
                    .collision_protection
                    .or(context.collision_protection());
                phase.objects.push(object);
            }
        }
        phases.retain(|phase| !phase.objects.is_empty());
        Content {
            phases,
            availability_probes: manifest.availability_probes.clone(),
            success_delay_seconds: context.success_delay_seconds(),
        }
    }
}

/// Refuses content whose object set an API server would not store in one object. Secrets do not count: they
/// are kept apart.
///
/// # Errors
/// When the estimate is above the limit.
pub fn check_stored_size(content: &Content) -> Result<(), Violation> {
    let size = content.stored_size();
    let limit = stevedore_proto_core::limit::STORED_OBJECT;
    if size <= limit {
        return Ok(());
    }
    let details = format!("the object set has about {size} bytes stored, the limit is {limit}");
    Err(Violation::new(Reason::TooLarge, details))
}

fn holds(ready: &Ready, context: &Context, reads: &mut Reads) -> Result<bool, String> {
    let Some(condition) = &ready.condition else {
        return Ok(true);
    };
    reads.add_condition(condition);
    let bindings: Vec<(&str, &Value)> = object::VARIABLES
        .iter()
        .filter_map(|name| context.value().get(*name).map(|value| (*name, value)))
        .collect();
    condition
        .eval_bool(&bindings)
        .map_err(|error| format!("{:?}: {error}", condition.source()))
}

#[cfg(test)]
mod tests;
