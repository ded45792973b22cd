//! The rendering of a package: from what is known about one cluster to the objects it gets.

mod conditions;
mod context;
mod filter;
mod objects;
mod reads;

use std::collections::BTreeMap;

use stevedore_proto_core::content::{Content, Phase};
use stevedore_proto_core::order::ContentRef;
use stevedore_template::budget::Budget;
use stevedore_template::yaml::Document;

use crate::files::{holds_objects, output_path, package_order};
use crate::limit;
use crate::object::Ready;
use crate::package::Package;
use crate::violation::{Invalid, Reason, Violation};
use crate::warning::Warnings;
use filter::Filtered;
use objects::{Objects, Stop};

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
    /// What the author should look at in what the templates wrote. The paths have no template's suffix.
    pub warnings: Warnings,
}

/// Where the objects of a file come from.
enum Source<'r> {
    /// The package, which holds it parsed.
    Parsed(&'r [Document]),
    /// A template.
    Written(&'r str),
}

impl Package {
    /// Renders the package: executes its templates, completes and checks the objects, and orders them. All of it
    /// together takes its steps from one [`Budget`].
    ///
    /// # Errors
    /// With everything that is wrong with the result, or [`Reason::TooCostly`].
    pub fn render(&self, context: &Context) -> Result<Rendered, Invalid> {
        self.render_within(context, &mut limit::render_budget())
    }

    fn render_within(&self, context: &Context, budget: &mut Budget) -> Result<Rendered, Invalid> {
        let mut reads = Reads::default();
        let filtered = Filtered::new(self, context, budget, &mut reads)?;
        let texts = self.execute(context, &filtered, budget, &mut reads)?;
        let mut warnings = Warnings::default();
        let told = (&mut reads, &mut warnings);
        let found = self.objects(context, &filtered, &texts, budget, told)?;
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
            warnings,
        })
    }

    /// What the templates write, by the path it is stored under.
    fn execute(
        &self,
        context: &Context,
        filtered: &Filtered<'_>,
        budget: &mut Budget,
        reads: &mut Reads,
    ) -> Result<BTreeMap<&str, String>, Invalid> {
        let env = self.env(&filtered.conditions);
        let mut violations = Vec::new();
        let mut texts = BTreeMap::new();
        for path in self.template_paths() {
            match self
                .templates()
                .execute(path, context.value(), &env, budget)
            {
                Ok(output) => {
                    reads.add_template(&output.reads);
                    texts.insert(output_path(path), output.text);
                }
                Err(error) => {
                    let reason = match budget.is_exhausted() {
                        true => Reason::TooCostly,
                        false => Reason::Template,
                    };
                    let details = format!("line {}: {error}", error.line);
                    violations.push(Violation::new(reason, details).in_file(&error.file));
                    // A template that fails has paid for its steps: the budget may be used up.
                    if budget.is_exhausted() || violations.len() > limit::VIOLATIONS {
                        break;
                    }
                }
            }
        }
        Invalid::check(violations)?;
        Ok(texts)
    }

    /// The objects whose condition holds, in order.
    fn objects(
        &self,
        context: &Context,
        filtered: &Filtered<'_>,
        texts: &BTreeMap<&str, String>,
        budget: &mut Budget,
        (reads, warnings): (&mut Reads, &mut Warnings),
    ) -> Result<Vec<Ready>, Invalid> {
        let plain = self.plain().files.iter();
        // What a template writes replaces a plain file of the same path.
        let mut sources: BTreeMap<&str, Source<'_>> = plain
            .map(|(path, documents)| (path.as_str(), Source::Parsed(documents)))
            .collect();
        let written = texts.iter().filter(|(path, _)| holds_objects(path));
        sources.extend(written.map(|(path, text)| (*path, Source::Written(text))));
        let mut sources: Vec<_> = sources.into_iter().collect();
        sources.sort_by(|one, other| package_order(one.0, other.0));
        let mut objects = Objects::new(self, context, filtered, budget, reads);
        for (path, source) in sources {
            let taken = match source {
                Source::Parsed(documents) => objects.parsed(path, documents),
                Source::Written(text) => objects.written(path, text, warnings),
            };
            if let Err(Stop) = taken {
                break;
            }
        }
        objects.finish()
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
                object.collision_protection =
                    object.collision_protection.or(context.collision_protection);
                phase.objects.push(object);
            }
        }
        phases.retain(|phase| !phase.objects.is_empty());
        Content {
            phases,
            availability_probes: manifest.availability_probes.clone(),
            success_delay_seconds: context.success_delay_seconds,
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

#[cfg(test)]
mod tests;
