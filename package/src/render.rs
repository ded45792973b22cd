//! The rendering of a package: from what is known about one cluster to the objects it gets.

mod assembly;
mod child;
mod cluster_labels;
mod compiled;
mod conditions;
mod context;
mod filter;
mod objects;
mod reads;
mod record;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stevedore_proto_core::content::Content;
use stevedore_proto_core::order::ContentRef;
use stevedore_template::budget::Budget;
use stevedore_template::error::ExecError;
use stevedore_template::yaml::{self, Document};

use crate::files::{holds_objects, output_path, package_order};
use crate::limit;
use crate::object::Ready;
use crate::package::Package;
use crate::violation::{Invalid, Position, Reason, Violation};
use crate::warning::Warnings;
use assembly::RenderedChild;
use child::Child;
use filter::Filtered;
use objects::{Found, Objects, Place, Stop, Tally};

pub(crate) use compiled::Compiled;
pub(crate) use context::DEFAULT_NAMESPACE;
pub use context::{ClusterFacts, Context, RenderInput};
pub use reads::Reads;
pub use record::{Condition, Entry, Expression, Fate, Part, Record};

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

/// What a rendering tells beside its content.
struct Told<'r> {
    reads: &'r mut Reads,
    warnings: Warnings,
    /// If anybody asks for it.
    record: Option<Record>,
}

/// What templates write, by the path it is stored under.
#[derive(Default)]
struct Written<'p> {
    texts: BTreeMap<&'p str, String>,
    /// Where those would have written that failed, and those that were not executed after them.
    missing: BTreeSet<&'p str>,
    violations: Vec<Violation>,
}

/// Where the objects of a file come from.
enum Source<'r> {
    /// The package, which holds it parsed.
    Parsed(&'r [Document]),
    /// A template.
    Written(&'r str),
}

impl Package {
    /// Renders the root, or the component that the context is of: executes its templates, completes and checks the
    /// objects, and orders them. All of it together, with what it installs of its components, takes its steps from one
    /// [`Budget`].
    ///
    /// # Errors
    /// With everything that is wrong with the result, or [`Reason::TooCostly`].
    pub fn render(&self, context: &Context) -> Result<Rendered, Invalid> {
        self.render_within(context, &mut limit::render_budget())
    }

    /// The same, and where each object comes from, what was left out, and why.
    ///
    /// # Errors
    /// As those of [`Package::render`].
    pub fn render_recorded(&self, context: &Context) -> Result<(Rendered, Record), Invalid> {
        let mut record = Some(Record::default());
        let rendered = self.render_told(context, &mut limit::render_budget(), &mut record)?;
        Ok((rendered, record.unwrap_or_default()))
    }

    fn render_within(&self, context: &Context, budget: &mut Budget) -> Result<Rendered, Invalid> {
        self.render_told(context, budget, &mut None)
    }

    fn render_told(
        &self,
        context: &Context,
        budget: &mut Budget,
        record: &mut Option<Record>,
    ) -> Result<Rendered, Invalid> {
        let mut reads = Reads::default();
        let mut told = Told {
            reads: &mut reads,
            warnings: Warnings::default(),
            record: record.take(),
        };
        let content = self.content(context, budget, &mut told);
        *record = told.record;
        // As with what is wrong: the paths of a component's files are those in the whole package.
        let warnings = match context.component() {
            Some(component) => told.warnings.in_component(component),
            None => told.warnings,
        };
        let content = content.map_err(|invalid| invalid.with_warnings(&warnings))?;
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

    /// The content with that of its children.
    fn content(
        &self,
        context: &Context,
        budget: &mut Budget,
        told: &mut Told<'_>,
    ) -> Result<Content, Invalid> {
        let mut tally = Tally::default();
        let part = context.component.as_deref();
        self.with_part(part, |part| {
            let found = part.found(context, budget, told, &mut tally)?;
            let content = part.arrange(context, found.objects);
            let children = self.children(context, found.children, budget, told, &mut tally)?;
            let content = assembly::with_children(part, context, content, children);
            content.map_err(Invalid::of)
        })
    }

    /// What the files of one part hold, with its own filter.
    fn found(
        &self,
        context: &Context,
        budget: &mut Budget,
        told: &mut Told<'_>,
        tally: &mut Tally,
    ) -> Result<Found, Invalid> {
        let filtered = Filtered::new(self, context, budget, told.reads);
        let filtered = filtered.map_err(|invalid| {
            let namespace = context.namespace.as_deref();
            let faults = self.plain_faults(&context.name, namespace, budget);
            match Invalid::check(faults) {
                Ok(()) => invalid,
                Err(others) => invalid.and(others),
            }
        })?;
        if let Some(record) = &mut told.record {
            record.parts.push(Part::new(self, context, &filtered));
        }
        let mut written = self.execute(context, &filtered, budget, told.reads);
        if written.violations.is_empty() {
            return self.objects(context, &filtered, &written, budget, told, tally);
        }
        let failed = Invalid::of(std::mem::take(&mut written.violations));
        if budget.is_exhausted() {
            return Err(failed);
        }
        // What other files hold is told at once.
        let found = self.objects(context, &filtered, &written, budget, told, tally);
        Err(match found {
            Ok(_) => failed,
            Err(others) => failed.and(others),
        })
    }

    /// Renders what was asked for as packages.
    fn children(
        &self,
        context: &Context,
        asked: Vec<(Ready, Place)>,
        budget: &mut Budget,
        told: &mut Told<'_>,
        tally: &mut Tally,
    ) -> Result<Vec<RenderedChild>, Invalid> {
        let mut violations = Vec::new();
        let mut rendered = Vec::new();
        for (ready, place) in asked {
            // Whether it is one of this package's components.
            told.reads.add_value(&["package", "image"]);
            let child = match Child::of(ready, self, context, place.clone()) {
                Ok(child) => child,
                Err(fault) => {
                    violations.push(fault.at(&place.0, place.1));
                    continue;
                }
            };
            match self.child(child, budget, told, tally) {
                Ok(child) => rendered.push(child),
                Err(invalid) => violations.extend(invalid.asked_at(&place.0, place.1)),
            }
            if budget.is_exhausted() || violations.len() > limit::VIOLATIONS {
                break;
            }
        }
        Invalid::check(violations)?;
        Ok(rendered)
    }

    fn child(
        &self,
        child: Child,
        budget: &mut Budget,
        told: &mut Told<'_>,
        tally: &mut Tally,
    ) -> Result<RenderedChild, Invalid> {
        let context = self.context(&child.input)?;
        let mut reads = Reads::default();
        let mut own = Told {
            reads: &mut reads,
            warnings: Warnings::default(),
            record: told.record.as_ref().map(|_| Record::default()),
        };
        let content = self.with_part(context.component.as_deref(), |part| {
            let found = part.found(&context, budget, &mut own, tally)?;
            if let Some((ready, place)) = found.children.into_iter().next() {
                let refused = Child::of(ready, self, &context, place.clone()).map(|_| ());
                let fault = refused.expect_err("a component has no children");
                return Err(fault.at(&place.0, place.1).into());
            }
            Ok(part.arrange(&context, found.objects))
        })?;
        if let Some(component) = &context.component {
            told.warnings.extend(&own.warnings.in_component(component));
        }
        if let (Some(record), Some(own)) = (&mut told.record, own.record) {
            record.parts.extend(own.parts);
        }
        told.reads.add_child(&reads, &["cluster", "environment"]);
        Ok(RenderedChild { child, content })
    }

    /// Executes the templates, also those after one that fails.
    fn execute(
        &self,
        context: &Context,
        filtered: &Filtered<'_>,
        budget: &mut Budget,
        reads: &mut Reads,
    ) -> Written<'_> {
        let env = self.env(&filtered.conditions);
        let mut executions = self.templates().on(context.value(), env);
        let mut written = Written::default();
        for path in self.template_paths() {
            match executions.execute(path, budget) {
                Ok(text) => {
                    written.texts.insert(output_path(path), text);
                }
                Err(error) => {
                    let reason = match &error.missing {
                        _ if budget.is_exhausted() => Reason::TooCostly,
                        Some(path) if cluster_labels::is_one(path) => Reason::ClusterLabelMissing,
                        _ => Reason::Template,
                    };
                    written.violations.push(self.failed(reason, &error));
                    // A template that fails has paid for its steps: the budget may be used up.
                    if budget.is_exhausted() || written.violations.len() > limit::VIOLATIONS {
                        break;
                    }
                }
            }
        }
        reads.add_templates(&executions.reads());
        if !written.violations.is_empty() {
            let paths = self.template_paths().into_iter().map(output_path);
            let missing = paths.filter(|path| !written.texts.contains_key(path));
            written.missing = missing.collect();
        }
        written
    }

    /// What is wrong with a template that failed.
    fn failed(&self, reason: Reason, error: &ExecError) -> Violation {
        let ExecError {
            template,
            context,
            message,
            ..
        } = error;
        let line = error.line as usize;
        let text = self.text(&error.file).unwrap_or_default();
        let before = text.lines().nth(line.saturating_sub(1));
        let before = before.and_then(|text| text.get(..error.column as usize));
        let mut details = format!("executing {template:?} at <{context}>: {message}");
        let label = error.missing.as_deref();
        if let Some([.., label]) = label.filter(|path| cluster_labels::is_one(path)) {
            details = cluster_labels::details(label, &details);
        }
        let violation = Violation::new(reason, details).in_file(&error.file);
        violation.on(Position {
            line,
            column: before.map(|text| text.chars().count() + 1),
        })
    }

    /// The objects whose condition holds, in order.
    fn objects(
        &self,
        context: &Context,
        filtered: &Filtered<'_>,
        written: &Written<'_>,
        budget: &mut Budget,
        told: &mut Told<'_>,
        tally: &mut Tally,
    ) -> Result<Found, Invalid> {
        let plain = self.plain().files.iter();
        // What a template writes replaces a plain file of the same path.
        let mut sources: BTreeMap<&str, Source<'_>> = plain
            .map(|(path, documents)| (path.as_str(), Source::Parsed(documents)))
            .filter(|(path, _)| !written.missing.contains(path))
            .collect();
        let texts = written.texts.iter().filter(|(path, _)| holds_objects(path));
        sources.extend(texts.map(|(path, text)| (*path, Source::Written(text))));
        let mut sources: Vec<_> = sources.into_iter().collect();
        sources.sort_by(|one, other| package_order(one.0, other.0));
        let Told {
            reads,
            warnings,
            record,
        } = told;
        let mut record = record.as_mut().and_then(|record| record.parts.last_mut());
        let asked = record.as_deref_mut();
        let mut objects = Objects::new(self, context, filtered, budget, reads, tally, asked);
        for (path, source) in sources {
            let taken = match source {
                Source::Parsed(documents) => objects.parsed(path, documents),
                Source::Written(text) => objects.written(path, text, warnings),
            };
            if let Err(Stop) = taken {
                break;
            }
        }
        let found = objects.finish()?;
        if let Some(record) = record {
            record.name_files(|path| written.texts.contains_key(path));
        }
        Ok(found)
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

/// An object as a document of YAML, byte for byte as Kubernetes' own tools write it.
///
/// # Errors
/// When it is more than any package renders to.
pub fn to_yaml(object: &Value) -> Result<String, Invalid> {
    let text = yaml::to_text(object, limit::UNPACKED_BYTES);
    text.map_err(|why| Violation::new(Reason::TooLarge, why).into())
}

#[cfg(test)]
mod tests;
